/* Authorizing and revoking: IpPermissions of a request become rules, one for each source. */
#include "localaws/ec2/cidr.h"
#include "localaws/ec2/group.h"
#include "localaws/ec2/prefix_list.h"
#include "localaws/elb/elb.h"
#include "localaws/resource/copy.h"

#include "base/text.h"

#include <string.h>

enum { MOST_RULES = 300 };

struct rule_list {
    struct group_rule *items;
    size_t count;
};

const struct kind group_rule_kind = {.type = "security-group-rule", .prefix = "sgr"};

struct resource group_rule_resource(const struct group *group, const struct group_rule *rule)
{
    return (struct resource){.kind = &group_rule_kind,
                             .region = group->resource.region,
                             .account = group->resource.account,
                             .id = rule->id,
                             .tags = rule->tags,
                             .tag_count = rule->tag_count};
}

void group_rule_add(struct group *group, const struct group_rule *draft)
{
    struct group_rule *rule = list_add(&group->rules, &group->rule_count, sizeof *rule);
    *rule = *draft;
    record_own(&group_rule_record, rule);
}

static bool same_rule(const struct group_rule *a, const struct group_rule *b)
{
    return a->egress == b->egress && a->from_port == b->from_port && a->to_port == b->to_port &&
           text_equal(a->protocol, b->protocol) && text_equal(a->cidr, b->cidr) &&
           text_equal(a->group_id, b->group_id) && text_equal(a->prefix_list, b->prefix_list);
}

static size_t rule_at(const struct group *group, const struct group_rule *rule)
{
    size_t at = 0;
    while (at < group->rule_count && !same_rule(&group->rules[at], rule))
        at++;
    return at;
}

/* The numbers EC2 shows by name. */
static const char *protocol_name(const char *protocol)
{
    static const char *const names[][2] = {
        {"6", "tcp"}, {"17", "udp"}, {"1", "icmp"}, {"58", "icmpv6"}, {"all", "-1"}};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (text_equal(protocol, names[i][0]))
            return names[i][1];
    return protocol;
}

int group_take_ports(struct call *call, const char *prefix, struct group_rule *rule, struct error *err)
{
    const char *protocol = call_parameter(call, "%s.IpProtocol", prefix);
    if (text_empty(protocol) || strlen(protocol) > 8)
        return call_fail(call, err, 400, "MissingParameter",
                         "The request must contain the parameter %s.IpProtocol", prefix);
    rule->protocol = arena_strdup(call->arena, protocol_name(text_lower(call->arena, protocol)));
    if (call_number(call, arena_format(call->arena, "%s.FromPort", prefix), -1, 65535, -1, &rule->from_port,
                    err) < 0 ||
        call_number(call, arena_format(call->arena, "%s.ToPort", prefix), -1, 65535, -1, &rule->to_port,
                    err) < 0)
        return -1;
    bool ports = text_equal(rule->protocol, "tcp") || text_equal(rule->protocol, "udp");
    bool types = text_starts(rule->protocol, "icmp");
    if (!ports && !types)
        rule->from_port = rule->to_port = -1;
    if (ports && (rule->from_port < 0 || rule->to_port < rule->from_port))
        return call_fail(call, err, 400, "InvalidParameterValue", "Invalid port range %d-%d for %s",
                         (int)rule->from_port, (int)rule->to_port, rule->protocol);
    return 0;
}

/* The forms a source has in a permission: the list's name, the member in it, and where it goes. */
static const struct source_form {
    const char *list, *member;
    size_t offset;
} source_forms[] = {
    {"IpRanges", "CidrIp", offsetof(struct group_rule, cidr)},
    {"Ipv6Ranges", "CidrIpv6", offsetof(struct group_rule, cidr)},
    {"PrefixListIds", "PrefixListId", offsetof(struct group_rule, prefix_list)},
    {"Groups", "GroupId", offsetof(struct group_rule, group_id)},
};

int group_check_source(struct call *call, const struct group *group, struct group_rule *rule,
                       struct error *err)
{
    struct cidr block;
    if (rule->cidr) {
        if (!cidr_parse(strchr(rule->cidr, '/') ? rule->cidr : "", &block))
            return call_fail(call, err, 400, "InvalidParameterValue", "CIDR block %s is malformed",
                             rule->cidr);
        rule->cidr = cidr_text(call->arena, &block);
    }
    if (rule->group_id) {
        struct group *other = resource_find(call->region, call->account, &group_kind, rule->group_id);
        if (!other || !text_equal(other->vpc_id, group->vpc_id))
            return resource_missing(call, &group_kind, rule->group_id, err);
        rule->group_owner = other->resource.account->id;
    }
    if (rule->prefix_list && !prefix_list_find(call->region, call->account, call->arena, rule->prefix_list))
        return resource_missing(call, &prefix_list_kind, rule->prefix_list, err);
    return 0;
}

static int take_sources(struct call *call, const struct group *group, const char *prefix,
                        const struct source_form *form, const struct group_rule *plain,
                        struct rule_list *rules, struct error *err)
{
    const char *source;
    for (size_t i = 1; (source = call_parameter(call, "%s.%s.%zu.%s", prefix, form->list, i, form->member));
         i++) {
        if (rules->count == MOST_RULES)
            return call_fail(call, err, 400, "RulesPerSecurityGroupLimitExceeded", "At most %d rules",
                             MOST_RULES);
        struct group_rule *rule = &rules->items[rules->count++];
        *rule = *plain;
        *(char **)(void *)((char *)rule + form->offset) = arena_strdup(call->arena, source);
        rule->description =
            arena_strdup(call->arena, call_parameter(call, "%s.%s.%zu.Description", prefix, form->list, i));
        if (group_check_source(call, group, rule, err) < 0 ||
            draft_check(call, &group_rule_record, rule, err) < 0)
            return -1;
    }
    return 0;
}

/* IpPermissions.N of the request. */
static int take_rules(struct call *call, const struct group *group, bool egress, struct rule_list *rules,
                      struct error *err)
{
    rules->items = arena_alloc(call->arena, MOST_RULES * sizeof *rules->items);
    rules->count = 0;
    for (size_t i = 1; call_parameter(call, "IpPermissions.%zu.IpProtocol", i); i++) {
        const char *prefix = arena_format(call->arena, "IpPermissions.%zu", i);
        struct group_rule plain = {.egress = egress};
        if (group_take_ports(call, prefix, &plain, err) < 0)
            return -1;
        for (size_t j = 0; j < COUNT_OF(source_forms); j++)
            if (take_sources(call, group, prefix, &source_forms[j], &plain, rules, err) < 0)
                return -1;
    }
    return 0;
}

static void put_rule(struct buffer *out, const struct group *group, const struct group_rule *rule)
{
    put_open(out, "item");
    put_text(out, "securityGroupRuleId", rule->id);
    put_text(out, "groupId", group->resource.id);
    put_text(out, "groupOwnerId", group->resource.account->id);
    put_bool(out, "isEgress", rule->egress);
    put_text(out, "ipProtocol", rule->protocol);
    put_number(out, "fromPort", rule->from_port);
    put_number(out, "toPort", rule->to_port);
    if (rule->cidr)
        put_text(out, strchr(rule->cidr, ':') ? "cidrIpv6" : "cidrIpv4", rule->cidr);
    put_text(out, "prefixListId", rule->prefix_list);
    if (rule->group_id) {
        put_open(out, "referencedGroupInfo");
        put_text(out, "groupId", rule->group_id);
        put_text(out, "userId", rule->group_owner);
        put_text(out, "vpcId", group->vpc_id);
        put_close(out, "referencedGroupInfo");
    }
    put_text(out, "description", rule->description);
    put_tag_set(out, rule->tags, rule->tag_count);
    put_close(out, "item");
}

static int authorize(struct call *call, bool egress, struct error *err)
{
    struct group *group;
    struct rule_list rules;
    struct resource tagged = {0};
    if (resource_target(call, &group_kind, "GroupId", &group, err) < 0 ||
        take_rules(call, group, egress, &rules, err) < 0 ||
        call_tags(call, group_rule_kind.type, &tagged, err) < 0 ||
        tagging_authorize(call, &group_rule_kind, tagged.tags, tagged.tag_count, err) < 0)
        return -1;
    if (!rules.count)
        return call_fail(call, err, 400, "MissingParameter",
                         "The request must contain IpPermissions with a source");
    if (room_check(call, "rules", group->rule_count + rules.count, MOST_GROUP_RULES, err) < 0)
        return -1;
    for (size_t i = 0; i < rules.count; i++)
        if (rule_at(&(struct group){.rules = rules.items, .rule_count = i}, &rules.items[i]) < i)
            return call_fail(call, err, 400, "InvalidParameterValue",
                             "The same permission must not appear multiple times");
    for (size_t i = 0; i < rules.count; i++)
        if (rule_at(group, &rules.items[i]) < group->rule_count)
            return call_fail(call, err, 400, "InvalidPermission.Duplicate",
                             "the specified rule \"peer: %s, %s, from port: %d, to port: %d\" already exists",
                             rules.items[i].cidr       ? rules.items[i].cidr
                             : rules.items[i].group_id ? rules.items[i].group_id
                                                       : "",
                             rules.items[i].protocol, (int)rules.items[i].from_port,
                             (int)rules.items[i].to_port);
    put_true(call);
    put_open(&call->answer, "securityGroupRuleSet");
    for (size_t i = 0; i < rules.count; i++) {
        rules.items[i].id = region_identifier(call->region, call->arena, "sgr");
        rules.items[i].tags = tagged.tags;
        rules.items[i].tag_count = tagged.tag_count;
        group_rule_add(group, &rules.items[i]);
        put_rule(&call->answer, group, &rules.items[i]);
    }
    put_close(&call->answer, "securityGroupRuleSet");
    region_changed(call->region);
    vpc_changed(call->region, call->account, group->vpc_id);
    balancers_regrouped(call->region, call->account, group->resource.id);
    return 0;
}

int group_authorize_ingress(struct call *call, struct error *err)
{
    return authorize(call, false, err);
}

int group_authorize_egress(struct call *call, struct error *err)
{
    return authorize(call, true, err);
}

static int revoke_by_id(struct call *call, struct group *group, const char **ids, struct error *err)
{
    for (; *ids; ids++) {
        size_t at = 0;
        while (at < group->rule_count && !text_equal(group->rules[at].id, *ids))
            at++;
        if (at == group->rule_count)
            return call_fail(call, err, 400, "InvalidSecurityGroupRuleId.NotFound",
                             "The security group rule ID '%s' does not exist", *ids);
        list_remove(&group_rule_record, &group->rules, &group->rule_count, at);
    }
    return 0;
}

static int revoke(struct call *call, bool egress, struct error *err)
{
    struct group *group;
    struct rule_list rules;
    size_t id_count;
    if (resource_target(call, &group_kind, "GroupId", &group, err) < 0 ||
        take_rules(call, group, egress, &rules, err) < 0)
        return -1;
    const char **ids = call_list(call, "SecurityGroupRuleId", &id_count);
    for (size_t i = 0; i < rules.count; i++)
        if (rule_at(group, &rules.items[i]) == group->rule_count)
            return call_fail(call, err, 400, "InvalidPermission.NotFound",
                             "The specified rule does not exist in this security group.");
    for (size_t i = 0; i < rules.count; i++) {
        size_t at = rule_at(group, &rules.items[i]);
        if (at < group->rule_count)
            list_remove(&group_rule_record, &group->rules, &group->rule_count, at);
    }
    if (revoke_by_id(call, group, ids, err) < 0)
        return -1;
    region_changed(call->region);
    vpc_changed(call->region, call->account, group->vpc_id);
    balancers_regrouped(call->region, call->account, group->resource.id);
    put_true(call);
    return 0;
}

int group_revoke_ingress(struct call *call, struct error *err)
{
    return revoke(call, false, err);
}

int group_revoke_egress(struct call *call, struct error *err)
{
    return revoke(call, true, err);
}

struct placed_rule {
    const struct group *group;
    const struct group_rule *rule;
};

static const char *rule_filter(struct call *call, const void *item, const char *filter)
{
    (void)call;
    const struct placed_rule *placed = item;
    const struct resource tagged = group_rule_resource(placed->group, placed->rule);
    if (text_starts(filter, "tag:"))
        return resource_tag(&tagged, filter + strlen("tag:"));
    return text_equal(filter, "group-id")                 ? placed->group->resource.id
           : text_equal(filter, "security-group-rule-id") ? placed->rule->id
                                                          : NULL;
}

int group_describe_rules(struct call *call, struct error *err)
{
    size_t id_count, found = 0;
    const char **ids = call_list(call, "SecurityGroupRuleId", &id_count);
    put_open(&call->answer, "securityGroupRuleSet");
    for_each_resource(struct group, group, call->account, &group_kind)
        for (size_t i = 0; i < group->rule_count; i++) {
            bool asked = id_count == 0;
            for (size_t j = 0; j < id_count; j++)
                asked = asked || text_equal(ids[j], group->rules[i].id);
            found += asked && id_count;
            struct placed_rule placed = {group, &group->rules[i]};
            if (asked && call_filters_pass(call, rule_filter, &placed))
                put_rule(&call->answer, group, &group->rules[i]);
        }
    put_close(&call->answer, "securityGroupRuleSet");
    if (found < id_count)
        return call_fail(call, err, 400, "InvalidSecurityGroupRuleId.NotFound",
                         "The security group rule ID '%s' does not exist", ids[0]);
    return 0;
}

/* UpdateSecurityGroupRuleDescriptions{Ingress,Egress}: the rules that match get the request's descriptions.
 */
int group_update_descriptions(struct call *call, struct error *err)
{
    struct group *group;
    struct rule_list rules;
    if (resource_target(call, &group_kind, "GroupId", &group, err) < 0 ||
        take_rules(call, group, text_ends(call->action, "Egress"), &rules, err) < 0)
        return -1;
    for (size_t i = 0; i < rules.count; i++) {
        size_t at = rule_at(group, &rules.items[i]);
        if (at == group->rule_count)
            return call_fail(call, err, 400, "InvalidPermission.NotFound",
                             "The specified rule does not exist in this security group.");
        text_replace(&group->rules[at].description, rules.items[i].description);
    }
    region_changed(call->region);
    put_true(call);
    return 0;
}
