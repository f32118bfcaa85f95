/* Availability zones and the few facts about a region and an account that clients ask for. */
#include "localaws/ec2/ec2.h"

#include "base/text.h"

#include <string.h>

/* AWS shuffles zone letters per account, so that only zone ids can be compared; here every account sees the
 * same. */
static const struct zone {
    const char *letter, *number;
} zones[] = {{"a", "6"}, {"b", "1"}, {"c", "2"}, {"d", "4"}, {"e", "3"}, {"f", "5"}};

static const struct abbreviation {
    const char *word, *letters;
} directions[] = {{"northeast", "ne"}, {"southeast", "se"}, {"northwest", "nw"},
                  {"southwest", "sw"}, {"north", "n"},      {"south", "s"},
                  {"east", "e"},       {"west", "w"},       {"central", "c"}};

/* "us-east-1" -> "use1", "ap-southeast-2" -> "apse2": how zone ids begin. */
static const char *region_letters(struct region *region, struct arena *arena)
{
    char **parts;
    if (text_split(arena, region->name, '-', &parts) != 3)
        return region->name;
    for (size_t i = 0; i < COUNT_OF(directions); i++)
        if (text_equal(parts[1], directions[i].word))
            return arena_format(arena, "%s%s%s", parts[0], directions[i].letters, parts[2]);
    return region->name;
}

static const char *zone_name(struct region *region, struct arena *arena, const struct zone *zone)
{
    return arena_format(arena, "%s%s", region->name, zone->letter);
}

static const char *zone_id(struct region *region, struct arena *arena, const struct zone *zone)
{
    return arena_format(arena, "%s-az%s", region_letters(region, arena), zone->number);
}

const char *zone_id_of(struct region *region, struct arena *arena, const char *name)
{
    for (size_t i = 0; i < COUNT_OF(zones); i++)
        if (text_equal(name, zone_name(region, arena, &zones[i])))
            return zone_id(region, arena, &zones[i]);
    return NULL;
}

const char *zone_of_id(struct region *region, struct arena *arena, const char *id)
{
    for (size_t i = 0; i < COUNT_OF(zones); i++)
        if (text_equal(id, zone_id(region, arena, &zones[i])))
            return zone_name(region, arena, &zones[i]);
    return NULL;
}

const char *zone_at(struct region *region, struct arena *arena, size_t at)
{
    return at < COUNT_OF(zones) ? zone_name(region, arena, &zones[at]) : NULL;
}

static bool listed(const char **list, size_t count, const char *text)
{
    for (size_t i = 0; i < count; i++)
        if (text_equal(list[i], text))
            return true;
    return false;
}

static const char *zone_filter(struct call *call, const void *item, const char *filter)
{
    const struct zone *zone = item;
    return text_equal(filter, "zone-name")       ? zone_name(call->region, call->arena, zone)
           : text_equal(filter, "zone-id")       ? zone_id(call->region, call->arena, zone)
           : text_equal(filter, "region-name")   ? call->region->name
           : text_equal(filter, "group-name")    ? call->region->name
           : text_equal(filter, "state")         ? "available"
           : text_equal(filter, "zone-type")     ? "availability-zone"
           : text_equal(filter, "opt-in-status") ? "opt-in-not-required"
                                                 : NULL;
}

static void put_zone(struct call *call, const char *name, const char *id)
{
    struct buffer *out = &call->answer;
    put_open(out, "item");
    put_text(out, "optInStatus", "opt-in-not-required");
    put_open(out, "messageSet");
    put_close(out, "messageSet");
    put_text(out, "regionName", call->region->name);
    put_text(out, "zoneName", name);
    put_text(out, "zoneId", id);
    put_text(out, "groupName", call->region->name);
    put_text(out, "networkBorderGroup", call->region->name);
    put_text(out, "zoneType", "availability-zone");
    put_text(out, "zoneState", "available");
    put_close(out, "item");
}

int zone_describe(struct call *call, struct error *err)
{
    size_t name_count, id_count, found = 0;
    const char **names = call_list(call, "ZoneName", &name_count),
               **ids = call_list(call, "ZoneId", &id_count);
    put_open(&call->answer, "availabilityZoneInfo");
    for (size_t i = 0; i < COUNT_OF(zones); i++) {
        const char *name = zone_name(call->region, call->arena, &zones[i]);
        const char *id = zone_id(call->region, call->arena, &zones[i]);
        if ((name_count && !listed(names, name_count, name)) || (id_count && !listed(ids, id_count, id)))
            continue;
        found++;
        if (call_filters_pass(call, zone_filter, &zones[i]))
            put_zone(call, name, id);
    }
    put_close(&call->answer, "availabilityZoneInfo");
    if (found < name_count || found < id_count)
        return call_fail(call, err, 400, "InvalidParameterValue", "Invalid availability zone: [%s]",
                         found < name_count ? names[0] : ids[0]);
    return 0;
}

int region_describe(struct call *call, struct error *err)
{
    (void)err;
    struct buffer *out = &call->answer;
    buffer_text(out, "<regionInfo><item>");
    put_text(out, "regionName", call->region->name);
    put_text(out, "regionEndpoint", arena_format(call->arena, "ec2.%s.amazonaws.com", call->region->name));
    put_text(out, "optInStatus", "opt-in-not-required");
    buffer_text(out, "</item></regionInfo>");
    return 0;
}

int account_describe_attributes(struct call *call, struct error *err)
{
    (void)err;
    static const char *const attributes[][2] = {
        {"supported-platforms", "VPC"},
        {"default-vpc", "none"},
        {"max-instances", "5000"},
        {"vpc-max-security-groups-per-interface", "5"},
    };
    size_t count;
    const char **names = call_list(call, "AttributeName", &count);
    put_open(&call->answer, "accountAttributeSet");
    for (size_t i = 0; i < COUNT_OF(attributes); i++) {
        if (count && !listed(names, count, attributes[i][0]))
            continue;
        put_open(&call->answer, "item");
        put_text(&call->answer, "attributeName", attributes[i][0]);
        buffer_text(&call->answer, "<attributeValueSet><item>");
        put_text(&call->answer, "attributeValue", attributes[i][1]);
        buffer_text(&call->answer, "</item></attributeValueSet>");
        put_close(&call->answer, "item");
    }
    put_close(&call->answer, "accountAttributeSet");
    return 0;
}
