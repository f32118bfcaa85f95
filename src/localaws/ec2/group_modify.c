/* ModifySecurityGroupRules: rules that keep their ids while what they say changes. */
#include "localaws/ec2/group.h"
#include "localaws/ec2/to_plane.h"
#include "localaws/resource/copy.h"

#include "base/text.h"

static size_t rule_by_id(const struct group *group, const char *id)
{
    size_t at = 0;
    while (at < group->rule_count && !text_equal(group->rules[at].id, id))
        at++;
    return at;
}

/* SecurityGroupRule.N: which rule, and all that it says from now on. */
static int take_change(struct call *call, const struct group *group, size_t number, struct group_rule *rule,
                       size_t *at, struct error *err)
{
    const char *id = call_parameter(call, "SecurityGroupRule.%zu.SecurityGroupRuleId", number);
    const char *prefix = arena_format(call->arena, "SecurityGroupRule.%zu.SecurityGroupRule", number);
    *at = rule_by_id(group, id);
    if (*at == group->rule_count)
        return call_fail(call, err, 400, "InvalidSecurityGroupRuleId.NotFound",
                         "The security group rule ID '%s' does not exist", id);
    *rule = (struct group_rule){.id = group->rules[*at].id, .egress = group->rules[*at].egress};
    const char *four = call_parameter(call, "%s.CidrIpv4", prefix),
               *six = call_parameter(call, "%s.CidrIpv6", prefix);
    rule->cidr = arena_strdup(call->arena, four ? four : six);
    rule->prefix_list = arena_strdup(call->arena, call_parameter(call, "%s.PrefixListId", prefix));
    rule->group_id = arena_strdup(call->arena, call_parameter(call, "%s.ReferencedGroupId", prefix));
    rule->description = arena_strdup(call->arena, call_parameter(call, "%s.Description", prefix));
    if ((four != NULL) + (six != NULL) + (rule->prefix_list != NULL) + (rule->group_id != NULL) != 1)
        return call_fail(call, err, 400, "InvalidParameterCombination",
                         "A rule has one of CidrIpv4, CidrIpv6, PrefixListId and ReferencedGroupId");
    if (group_take_ports(call, prefix, rule, err) < 0 || group_check_source(call, group, rule, err) < 0)
        return -1;
    return draft_check(call, &group_rule_record, rule, err);
}

int group_modify_rules(struct call *call, struct error *err)
{
    struct group *group;
    size_t count = 0;
    if (resource_target(call, &group_kind, "GroupId", &group, err) < 0)
        return -1;
    while (call_parameter(call, "SecurityGroupRule.%zu.SecurityGroupRuleId", count + 1))
        count++;
    if (!count)
        return call_fail(call, err, 400, "MissingParameter", "The request must contain SecurityGroupRules");
    struct group_rule *rules = arena_alloc(call->arena, count * sizeof *rules);
    size_t *places = arena_alloc(call->arena, count * sizeof *places);
    for (size_t i = 0; i < count; i++)
        if (take_change(call, group, i + 1, &rules[i], &places[i], err) < 0)
            return -1;
    for (size_t i = 0; i < count; i++) {
        struct group_rule *place = &group->rules[places[i]], made = rules[i];
        made.id = place->id; /* and not as it was before: a rule may be named twice */
        made.tags = place->tags;
        made.tag_count = place->tag_count;
        record_own(&group_rule_record, &made);
        record_release(&group_rule_record, place);
        *place = made;
    }
    region_changed(call->region);
    vpc_changed(call->region, call->account, group->vpc_id);
    put_true(call);
    return 0;
}
