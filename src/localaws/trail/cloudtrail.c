/* CloudTrail: the event history of an account, from its trail. There are no trails to configure: every event
 * is in the history, in this region, at once. */
#include "base/clock.h"
#include "base/text.h"
#include "localaws/trail/event_view.h"
#include "localaws/trail/search.h"

#include <string.h>

/* What events are looked up by. `holds` is the value as an event's text has it, in front of what it takes to
 * know. */
static const struct attribute {
    const char *key;
    bool (*matches)(json_t *event, const char *value);
} attributes[] = {
    {"EventId", event_has_id},
    {"EventName", event_has_name},
    {"EventSource", event_has_source},
    {"Username", event_has_user},
    {"ResourceName", event_has_resource},
    {"ResourceType", event_has_resource_type},
    {"ReadOnly", event_has_read_only},
    {"AccessKeyId", event_has_access_key},
};

struct lookup {
    const struct attribute *attribute;
    const char *value;
};

static bool wanted(json_t *event, void *context)
{
    const struct lookup *lookup = context;
    return lookup->attribute->matches(event, lookup->value);
}

static int take_attribute(struct call *call, struct lookup *lookup, struct trail_search *search,
                          struct error *err)
{
    json_t *list = json_object_get(call->json, "LookupAttributes"), *first = json_array_get(list, 0);
    const char *key = json_member_text(first, "AttributeKey");
    if (!list || (json_is_array(list) && json_array_size(list) == 0))
        return 0;
    lookup->value = json_member_text(first, "AttributeValue");
    for (size_t i = 0; i < COUNT_OF(attributes) && !lookup->attribute; i++)
        if (text_equal(attributes[i].key, key))
            lookup->attribute = &attributes[i];
    if (json_array_size(list) != 1 || !lookup->attribute || text_empty(lookup->value) ||
        strlen(lookup->value) > 2000)
        return call_fail(call, err, 400, "InvalidLookupAttributesException",
                         "LookupAttributes is one AttributeKey that is known here, and an AttributeValue");
    search->wanted = wanted;
    search->context = lookup;
    search->holds = event_needle(call->arena, lookup->attribute->key, lookup->value);
    return 0;
}

/* A time is a number of seconds (JSON protocol), or ISO 8601 text. */
static int take_time(struct call *call, const char *name, int64_t *ms, struct error *err)
{
    const json_t *given = json_object_get(call->json, name);
    struct error why = {0};
    if (!given || json_is_null(given))
        return 0;
    if (json_is_number(given) && json_number_value(given) > -1e12 && json_number_value(given) < 1e12)
        *ms = (int64_t)(json_number_value(given) * 1000);
    else if (!json_is_string(given) || clock_parse(json_string_value(given), ms, &why) < 0)
        return call_fail(call, err, 400, "InvalidTimeRangeException", "%s is not a time", name);
    return 0;
}

static int take_range(struct call *call, struct trail_search *search, struct error *err)
{
    static const int64_t end_of_time_ms = 253402300799000;
    search->from_ms = 0;
    search->until_ms = end_of_time_ms;
    if (take_time(call, "StartTime", &search->from_ms, err) < 0 ||
        take_time(call, "EndTime", &search->until_ms, err) < 0)
        return -1;
    if (search->from_ms < 0)
        search->from_ms = 0;
    if (search->until_ms > end_of_time_ms)
        search->until_ms = end_of_time_ms;
    if (search->from_ms > search->until_ms)
        return call_fail(call, err, 400, "InvalidTimeRangeException", "StartTime is after EndTime");
    return 0;
}

static int take_page(struct call *call, struct trail_search *search, struct error *err)
{
    const json_t *most = json_object_get(call->json, "MaxResults");
    const char *token = json_member_text(call->json, "NextToken");
    unsigned char *mark;
    size_t length;
    search->most = SEARCH_MOST;
    if (most && !json_is_null(most)) {
        int64_t number = json_is_integer(most) ? json_integer_value(most) : 0;
        if (number < 1 || number > SEARCH_MOST)
            return call_fail(call, err, 400, "InvalidMaxResultsException", "MaxResults is 1 to %d",
                             SEARCH_MOST);
        search->most = (size_t)number;
    }
    if (!token)
        return 0;
    if (base64_decode(call->arena, token, &mark, &length, NULL) < 0 || strlen((char *)mark) != length)
        return call_fail(call, err, 400, "InvalidNextTokenException", "NextToken is not one of ours");
    search->continues = (const char *)mark;
    return 0;
}

/* "insight" is a category of AWS's; "data" is ours alone: AWS shows data events only in trails that go to a
 * bucket. */
static int take_category(struct call *call, struct trail_search *search, struct error *err)
{
    const char *category = json_member_text(call->json, "EventCategory");
    search->data = text_equal(category, "data");
    if (category && !search->data)
        return call_fail(call, err, 400, "InvalidEventCategoryException",
                         "There are no events of category %.40s here, only data", category);
    return 0;
}

static json_t *event_json(struct arena *arena, const struct trail_found *found)
{
    json_t *event = found->event, *resources = event_resources(event);
    int64_t ms = 0;
    clock_parse(json_member_text(event, "eventTime"), &ms, NULL);
    return json_pack("{s:s, s:s, s:s, s:s*, s:I, s:s, s:s*, s:o, s:s}", "EventId",
                     json_member_text(event, "eventID"), "EventName", json_member_text(event, "eventName"),
                     "ReadOnly", json_is_true(json_object_get(event, "readOnly")) ? "true" : "false",
                     "AccessKeyId", event_access_key(event), "EventTime", (json_int_t)(ms / 1000),
                     "EventSource", json_member_text(event, "eventSource"), "Username",
                     event_user(arena, event), "Resources", resources, "CloudTrailEvent", found->text);
}

static int lookup_events(struct call *call, struct error *err)
{
    struct lookup lookup = {0};
    struct trail_search search = {.account = call->account->id};
    struct trail_found found[SEARCH_MOST];
    size_t count;
    const char *continues;
    struct error why = {0};
    if (take_attribute(call, &lookup, &search, err) < 0 || take_range(call, &search, err) < 0 ||
        take_page(call, &search, err) < 0 || take_category(call, &search, err) < 0)
        return -1;
    if (trail_search(call->region, call->arena, &search, found, &count, &continues, &why) < 0)
        return call_fail(call, err, 400, "InvalidNextTokenException", "NextToken is not one of ours");
    json_t *events = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(events, event_json(call->arena, &found[i]));
    json_t *answer = json_pack("{s:o}", "Events", events);
    if (continues)
        json_object_set_new(answer, "NextToken",
                            json_string(base64_encode(call->arena, continues, strlen(continues))));
    buffer_text(&call->answer, json_text(call->arena, answer));
    json_decref(answer);
    return 0;
}

static int describe_trails(struct call *call, struct error *err)
{
    (void)err;
    buffer_text(&call->answer, "{\"trailList\":[]}");
    return 0;
}

static int list_trails(struct call *call, struct error *err)
{
    (void)err;
    buffer_text(&call->answer, "{\"Trails\":[]}");
    return 0;
}

static int no_such_trail(struct call *call, struct error *err)
{
    const char *name = json_member_text(call->json, "Name");
    return call_fail(call, err, 400, "TrailNotFoundException", "Unknown trail: %.200s", name ? name : "");
}

static const struct action actions[] = {
    {"LookupEvents", lookup_events, .unlocked = true},
    {"DescribeTrails", describe_trails},
    {"ListTrails", list_trails},
    {"GetTrail", no_such_trail},
    {"GetTrailStatus", no_such_trail},
    {NULL},
};

const struct service cloudtrail_service = {
    .name = "cloudtrail",
    .iam_prefix = "cloudtrail",
    .protocol = PROTOCOL_JSON,
    .target_prefix = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101",
    .actions = actions,
};
