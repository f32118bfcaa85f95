/* Load balancers and target groups that carry a tag: ELB's Describe calls filter by name or ARN only, so all
 * are listed, and their tags asked for twenty at a time, as many as AWS answers. */
#include "aws/elbv2.h"
#include "base/text.h"

#define SERVICE "elasticloadbalancing"

enum { TAGS_AT_ONCE = 20, MOST_PAGES = 1000 };

/* What a listing asks for, and what it finds: the names by ARN. */
struct listing {
    const char *action, *list, *arn, *name;
};

static const struct listing balancer_listing = {"DescribeLoadBalancers", "LoadBalancers", "LoadBalancerArn",
                                                "LoadBalancerName"};
static const struct listing group_listing = {"DescribeTargetGroups", "TargetGroups", "TargetGroupArn",
                                             "TargetGroupName"};

static xmlNode *list_of(xmlNode *answer, const char *list)
{
    return xml_first(xml_first(answer, NULL), list);
}

static size_t count_members(xmlNode *list)
{
    size_t count = 0;
    for (xmlNode *member = xml_first(list, "member"); member; member = xml_next(member, "member"))
        count++;
    return count;
}

static int list_all(struct aws_client *client, struct arena *arena, const struct listing *listing,
                    struct elb_named **found, size_t *count, struct error *err)
{
    const char *marker = NULL;
    *found = NULL;
    *count = 0;
    for (int page = 0; page == 0 || (!text_empty(marker) && page < MOST_PAGES); page++) {
        struct aws_parameters parameters = {0};
        xmlNode *answer;
        aws_parameter(arena, &parameters, marker, "Marker");
        if (aws_query_call(client, SERVICE, listing->action, &parameters, arena, &answer, err) < 0)
            return -1;
        xmlNode *list = list_of(answer, listing->list);
        struct elb_named *grown = arena_alloc(arena, (*count + count_members(list)) * sizeof *grown);
        for (size_t i = 0; i < *count; i++)
            grown[i] = (*found)[i];
        *found = grown;
        for (xmlNode *member = xml_first(list, "member"); member; member = xml_next(member, "member"))
            grown[(*count)++] = (struct elb_named){xml_child_content(arena, member, listing->arn),
                                                   xml_child_content(arena, member, listing->name),
                                                   xml_child_content(arena, member, "DNSName")};
        marker = xml_child_content(arena, xml_first(answer, NULL), "NextMarker");
    }
    return 0;
}

static bool has_tag(struct arena *arena, xmlNode *description, const char *key, const char *value)
{
    xmlNode *tags = xml_first(description, "Tags");
    for (xmlNode *tag = xml_first(tags, "member"); tag; tag = xml_next(tag, "member"))
        if (text_equal(xml_child_content(arena, tag, "Key"), key) &&
            text_equal(xml_child_content(arena, tag, "Value"), value))
            return true;
    return false;
}

/* Which of these carry the tag; `kept` has room for all. */
static int keep_tagged(struct aws_client *client, struct arena *arena, const struct elb_named *some,
                       size_t count, const struct aws_tag *tag, struct elb_named *kept, size_t *kept_count,
                       struct error *err)
{
    struct aws_parameters parameters = {0};
    xmlNode *answer;
    for (size_t i = 0; i < count; i++)
        aws_parameter(arena, &parameters, some[i].arn, "ResourceArns.member.%zu", i + 1);
    if (aws_query_call(client, SERVICE, "DescribeTags", &parameters, arena, &answer, err) < 0)
        return -1;
    xmlNode *list = list_of(answer, "TagDescriptions");
    for (xmlNode *member = xml_first(list, "member"); member; member = xml_next(member, "member")) {
        const char *arn = xml_child_content(arena, member, "ResourceArn");
        for (size_t i = 0; i < count; i++)
            if (text_equal(some[i].arn, arn) && has_tag(arena, member, tag->key, tag->value))
                kept[(*kept_count)++] = some[i];
    }
    return 0;
}

static int list_tagged(struct aws_client *client, struct arena *arena, const struct listing *listing,
                       const struct aws_tag *tag, struct elb_named **found, size_t *count, struct error *err)
{
    struct elb_named *all;
    size_t all_count;
    if (list_all(client, arena, listing, &all, &all_count, err) < 0)
        return -1;
    *found = arena_alloc(arena, all_count * sizeof **found);
    *count = 0;
    for (size_t at = 0; at < all_count; at += TAGS_AT_ONCE) {
        size_t some = all_count - at < TAGS_AT_ONCE ? all_count - at : TAGS_AT_ONCE;
        if (keep_tagged(client, arena, all + at, some, tag, *found, count, err) < 0)
            return -1;
    }
    return 0;
}

int elb_list_load_balancers(struct aws_client *client, struct arena *arena, const struct aws_tag *tag,
                            struct elb_named **balancers, size_t *count, struct error *err)
{
    return list_tagged(client, arena, &balancer_listing, tag, balancers, count, err);
}

int elb_list_target_groups(struct aws_client *client, struct arena *arena, const struct aws_tag *tag,
                           struct elb_named **groups, size_t *count, struct error *err)
{
    return list_tagged(client, arena, &group_listing, tag, groups, count, err);
}
