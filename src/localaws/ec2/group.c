/* Security groups: what may reach the interfaces they are on, and what those may reach. ec2/group_rules.c
 * changes rules. */
#include "localaws/ec2/group.h"

#include "base/text.h"

#include <string.h>

static const struct field group_rule_fields[] = {
    FIELD_TEXT(struct group_rule, id, "id", REQUIRED, 64, NULL, "its id"),
    FIELD_BOOL(struct group_rule, egress, "egress", OPTIONAL, "for what leaves"),
    FIELD_TEXT(struct group_rule, protocol, "protocol", REQUIRED, 16, NULL,
               "tcp, udp, icmp, icmpv6, a number, -1 all"),
    FIELD_INTEGER(struct group_rule, from_port, "fromPort", REQUIRED, -1, 65535, "first port, or ICMP type"),
    FIELD_INTEGER(struct group_rule, to_port, "toPort", REQUIRED, -1, 65535, "last port, or ICMP code"),
    FIELD_TEXT(struct group_rule, cidr, "cidr", OPTIONAL, 64, NULL, "the other end's block"),
    FIELD_TEXT(struct group_rule, group_id, "group", OPTIONAL, 64, NULL, "or its group"),
    FIELD_TEXT(struct group_rule, group_owner, "groupOwner", OPTIONAL, 16, NULL, "that group's account"),
    FIELD_TEXT(struct group_rule, prefix_list, "prefixList", OPTIONAL, 64, NULL, "or its prefix list"),
    FIELD_TEXT(struct group_rule, description, "description", OPTIONAL, 255, NULL, "for people"),
    FIELD_LIST(struct group_rule, tags, tag_count, "tags", OPTIONAL, 64, &tag_record, "tags"),
    FIELD_END,
};
const struct record group_rule_record = {"groupRule", sizeof(struct group_rule), group_rule_fields};

static const struct field group_fields[] = {
    RESOURCE_FIELDS(struct group),
    FIELD_TEXT(struct group, vpc_id, "vpc", REQUIRED, 64, NULL, "its VPC"),
    FIELD_TEXT(struct group, name, "name", REQUIRED, 255, NULL, "its name, unique in the VPC"),
    FIELD_TEXT(struct group, description, "description", REQUIRED, 255, NULL, "for people"),
    FIELD_LIST(struct group, rules, rule_count, "rules", OPTIONAL, MOST_GROUP_RULES, &group_rule_record,
               "rules"),
    FIELD_END,
};
static const struct record group_record = {"group", sizeof(struct group), group_fields};

static const struct filter group_filters[] = {
    FILTER_TEXT("group-id", struct group, resource.id),
    FILTER_TEXT("group-name", struct group, name),
    FILTER_TEXT("description", struct group, description),
    FILTER_TEXT("vpc-id", struct group, vpc_id),
    FILTER_END,
};

static bool same_permission(const struct group_rule *a, const struct group_rule *b)
{
    return a->egress == b->egress && a->from_port == b->from_port && a->to_port == b->to_port &&
           text_equal(a->protocol, b->protocol);
}

enum permission_member { MEMBER_IPV4, MEMBER_IPV6, MEMBER_PREFIX_LIST, MEMBER_GROUP };

static enum permission_member member_of(const struct group_rule *rule)
{
    if (rule->cidr)
        return strchr(rule->cidr, ':') ? MEMBER_IPV6 : MEMBER_IPV4;
    return rule->prefix_list ? MEMBER_PREFIX_LIST : MEMBER_GROUP;
}

/* The members of one kind of every rule that shares the permission of rule `first`. */
static void put_members(struct buffer *out, const struct group *group, size_t first,
                        enum permission_member member, const char *set, const char *element)
{
    put_open(out, set);
    for (size_t i = first; i < group->rule_count; i++) {
        const struct group_rule *rule = &group->rules[i];
        if (!same_permission(&group->rules[first], rule) || member_of(rule) != member)
            continue;
        put_open(out, "item");
        if (rule->group_id)
            put_text(out, "userId", rule->group_owner);
        put_text(out, element,
                 rule->cidr          ? rule->cidr
                 : rule->prefix_list ? rule->prefix_list
                                     : rule->group_id);
        put_text(out, "description", rule->description);
        put_close(out, "item");
    }
    put_close(out, set);
}

/* EC2 shows rules merged: one item per protocol and ports, with everything that has them. */
static void put_permissions(struct buffer *out, const struct group *group, bool egress, const char *element)
{
    put_open(out, element);
    for (size_t i = 0; i < group->rule_count; i++) {
        const struct group_rule *rule = &group->rules[i];
        bool shown = rule->egress != egress;
        for (size_t j = 0; j < i && !shown; j++)
            shown = same_permission(&group->rules[j], rule);
        if (shown)
            continue;
        put_open(out, "item");
        put_text(out, "ipProtocol", rule->protocol);
        if (!text_equal(rule->protocol, "-1")) {
            put_number(out, "fromPort", rule->from_port);
            put_number(out, "toPort", rule->to_port);
        }
        put_members(out, group, i, MEMBER_GROUP, "groups", "groupId");
        put_members(out, group, i, MEMBER_IPV4, "ipRanges", "cidrIp");
        put_members(out, group, i, MEMBER_IPV6, "ipv6Ranges", "cidrIpv6");
        put_members(out, group, i, MEMBER_PREFIX_LIST, "prefixListIds", "prefixListId");
        put_close(out, "item");
    }
    put_close(out, element);
}

static void group_write(struct buffer *out, const struct resource *resource)
{
    const struct group *group = (const struct group *)(const void *)resource;
    put_text(out, "ownerId", resource->account->id);
    put_text(out, "groupId", resource->id);
    put_text(out, "groupName", group->name);
    put_text(out, "groupDescription", group->description);
    put_text(out, "vpcId", group->vpc_id);
    put_permissions(out, group, false, "ipPermissions");
    put_permissions(out, group, true, "ipPermissionsEgress");
    put_tags(out, resource);
}

static void group_context(struct context *context, const struct resource *resource)
{
    context_add_arn(context, "ec2:Vpc", "vpc", ((const struct group *)(const void *)resource)->vpc_id);
    if (resource->id)
        context_add(context, "ec2:SecurityGroupID", resource->id);
}

const struct kind group_kind = {
    .number = KIND_GROUP,
    .type = "security-group",
    .prefix = "sg",
    .parameter = "GroupId",
    .missing = "InvalidGroup.NotFound",
    .set = "securityGroupInfo",
    .record = &group_record,
    .filters = group_filters,
    .write = group_write,
    .context = group_context,
};

static void add_rule(struct region *region, struct group *group, const struct group_rule *plain)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct group_rule rule = *plain;
    rule.id = region_identifier(region, arena, "sgr");
    group_rule_add(group, &rule);
}

/* A new group lets everything out; the default one also lets in what comes from itself. */
static void add_first_rules(struct region *region, struct group *group, bool from_itself)
{
    struct group_rule rule = {.egress = true, .protocol = (char[]){"-1"}, .from_port = -1, .to_port = -1};
    rule.cidr = (char[]){"0.0.0.0/0"};
    add_rule(region, group, &rule);
    rule.cidr = (char[]){"::/0"};
    add_rule(region, group, &rule);
    rule = (struct group_rule){.protocol = (char[]){"-1"},
                               .from_port = -1,
                               .to_port = -1,
                               .group_id = group->resource.id,
                               .group_owner = group->resource.account->id};
    if (from_itself)
        add_rule(region, group, &rule);
}

void group_add_default(struct region *region, struct account *account, const struct vpc *vpc)
{
    struct group draft = {
        .vpc_id = vpc->resource.id,
        .name = (char[]){"default"},
        .description = (char[]){"default VPC security group"},
    };
    add_first_rules(region, resource_add(region, account, &group_kind, &draft), true);
}

static struct group *group_by_name(struct account *account, const char *vpc_id, const char *name)
{
    for_each_resource(struct group, group, account, &group_kind)
        if (text_equal(group->vpc_id, vpc_id) && text_equal(group->name, name))
            return group;
    return NULL;
}

struct group *group_default(struct account *account, const char *vpc_id)
{
    return group_by_name(account, vpc_id, "default");
}

static int check_name(struct call *call, const char *vpc_id, const char *name, struct error *err)
{
    if (strlen(name) > 255 || text_starts(name, "sg-") || text_equal(name, "default"))
        return call_fail(call, err, 400, "InvalidParameterValue",
                         "Value (%s) for parameter groupName is invalid.", name);
    if (group_by_name(call->account, vpc_id, name))
        return call_fail(call, err, 400, "InvalidGroup.Duplicate",
                         "The security group '%s' already exists for VPC '%s'", name, vpc_id);
    return 0;
}

int group_create(struct call *call, struct error *err)
{
    struct vpc *vpc;
    const char *name, *description;
    if (resource_named(call, &vpc_kind, "VpcId", &vpc, err) < 0 ||
        call_required(call, "GroupName", &name, err) < 0 ||
        call_required(call, "GroupDescription", &description, err) < 0 ||
        check_name(call, vpc->resource.id, name, err) < 0)
        return -1;
    struct group draft = {
        .vpc_id = vpc->resource.id,
        .name = arena_strdup(call->arena, name),
        .description = arena_strndup(call->arena, description, strnlen(description, 255)),
    };
    if (call_tags(call, "security-group", &draft.resource, err) < 0 ||
        creation_authorize(call, &group_kind, &draft.resource, err) < 0)
        return -1;
    struct group *group = resource_add(call->region, call->account, &group_kind, &draft);
    add_first_rules(call->region, group, false);
    vpc_changed(call->region, call->account, group->vpc_id);
    put_true(call);
    put_text(&call->answer, "groupId", group->resource.id);
    put_tags(&call->answer, &group->resource);
    put_text(&call->answer, "securityGroupArn", resource_arn(call->region, call->arena, &group->resource));
    return 0;
}

/* Interfaces with the group, and other groups' rules that name it, keep it. */
static const char *group_user(struct account *account, const struct group *group)
{
    for_each_resource(struct interface, interface, account, &interface_kind)
        if (interface_has_group(interface, group->resource.id))
            return interface->resource.id;
    for_each_resource(struct group, other, account, &group_kind)
        for (size_t i = 0; other != group && i < other->rule_count; i++)
            if (text_equal(other->rules[i].group_id, group->resource.id))
                return other->resource.id;
    return NULL;
}

int group_delete(struct call *call, struct error *err)
{
    struct group *group;
    if (resource_target(call, &group_kind, "GroupId", &group, err) < 0)
        return -1;
    if (text_equal(group->name, "default"))
        return call_fail(call, err, 400, "CannotDelete",
                         "the specified group: \"%s\" name: \"default\" cannot be deleted by a user",
                         group->resource.id);
    const char *user = group_user(call->account, group);
    if (user)
        return call_fail(call, err, 400, "DependencyViolation", "resource %s has a dependent object: %s",
                         group->resource.id, user);
    char *vpc_id = arena_strdup(call->arena, group->vpc_id);
    put_true(call);
    put_text(&call->answer, "groupId", group->resource.id);
    resource_remove(call->region, &group->resource);
    vpc_changed(call->region, call->account, vpc_id);
    return 0;
}

int group_describe(struct call *call, struct error *err)
{
    return resource_describe(call, &group_kind, err);
}

void put_groups(struct buffer *out, const struct resource *resource, char *const *groups, size_t count)
{
    put_open(out, "groupSet");
    for (size_t i = 0; i < count; i++) {
        put_open(out, "item");
        put_text(out, "groupId", groups[i]);
        const struct group *group =
            resource_find(resource->region, resource->account, &group_kind, groups[i]);
        put_text(out, "groupName", group ? group->name : NULL);
        put_close(out, "item");
    }
    put_close(out, "groupSet");
}
