/* Load balancers as the plane should have them, and what their names lead to. */
#include "localaws/ec2/to_plane.h"
#include "localaws/ec2/cidr.h"
#include "localaws/elb/elb.h"

#include "base/text.h"

const char *target_address(struct region *region, struct account *account, const struct target_group *group,
                           const struct target *target)
{
    if (text_equal(group->target_type, "ip"))
        return target->id;
    const struct instance *instance = resource_find(region, account, &instance_kind, target->id);
    const struct interface *primary = instance ? instance_interface(instance, 0) : NULL;
    if (!primary)
        return NULL;
    if (text_equal(group->ip_address_type, "ipv4"))
        return primary->addresses[0];
    return primary->ipv6_count ? primary->ipv6_addresses[0] : NULL;
}

static struct plane_target_group group_of(struct region *region, struct arena *arena,
                                          const struct target_group *group)
{
    struct plane_lb_target *targets = arena_alloc(arena, (group->target_count + 1) * sizeof *targets);
    int64_t health_port = 0;
    size_t count = 0;
    for (size_t i = 0; i < group->target_count; i++) {
        const char *address = target_address(region, group->resource.account, group, &group->targets[i]);
        if (address)
            targets[count++] = (struct plane_lb_target){address, (int)group->targets[i].port};
    }
    text_number(group->health_port, 1, 65535, "port", &health_port,
                NULL); /* "traffic-port" leaves 0: the target's own */
    return (struct plane_target_group){
        .arn = group->resource.id,
        .port = (int)group->port,
        .health_port = (int)(health_port ? health_port : group->port),
        .interval_ms = (int)group->interval_s * 1000,
        .timeout_ms = (int)group->timeout_s * 1000,
        .healthy_threshold = (int)group->healthy_threshold,
        .unhealthy_threshold = (int)group->unhealthy_threshold,
        .targets = targets,
        .target_count = count,
    };
}

static const char *const *addresses_of(struct arena *arena, const struct balancer *balancer, bool ipv4)
{
    const char **addresses = arena_alloc(arena, (balancer->interface_count * 2 + 1) * sizeof *addresses);
    size_t count = 0;
    for (size_t i = 0; i < balancer->interface_count; i++) {
        const struct interface *interface = resource_find(
            balancer->resource.region, balancer->resource.account, &interface_kind, balancer->interfaces[i]);
        if (interface && interface->ipv6_count)
            addresses[count++] = arena_strdup(arena, interface->ipv6_addresses[0]);
        if (interface && interface->address_count && ipv4)
            addresses[count++] = arena_strdup(arena, interface->addresses[0]);
    }
    return addresses;
}

void balancer_changed(struct region *region, struct balancer *balancer)
{
    if (!region->plane || !balancer)
        return;
    cleanup(arena_free) struct arena *arena = arena_new();
    struct account *account = balancer->resource.account;
    size_t most = resources_of(account, &listener_kind)->count + 1;
    struct plane_listener *listeners = arena_alloc(arena, most * sizeof *listeners);
    struct plane_target_group *groups = arena_alloc(arena, most * sizeof *groups);
    struct plane_balancer wanted = {
        .name = balancer->plane_name,
        .vpc_id = balancer->vpc_id,
        .addresses = addresses_of(arena, balancer, true),
        .listeners = listeners,
        .groups = groups,
    };
    for_each_resource(struct listener, listener, account, &listener_kind) {
        const struct target_group *group =
            resource_find(region, account, &target_group_kind, listener->group_arn);
        if (!group || !text_equal(listener->balancer_arn, balancer->resource.id))
            continue;
        bool listed = false;
        for (size_t i = 0; i < wanted.group_count; i++)
            listed = listed || text_equal(groups[i].arn, group->resource.id);
        if (!listed)
            groups[wanted.group_count++] = group_of(region, arena, group);
        listeners[wanted.listener_count++] = (struct plane_listener){(int)listener->port, group->resource.id};
    }
    vpc_changed(region, account, balancer->vpc_id);
    plane_apply_balancer(region->plane, &wanted);
}

void balancer_gone(struct region *region, struct balancer *balancer)
{
    if (region->plane)
        plane_remove_balancer(region->plane, balancer->plane_name);
}

void target_group_changed(struct region *region, struct target_group *group)
{
    for_each_resource(struct listener, listener, group->resource.account, &listener_kind)
        if (text_equal(listener->group_arn, group->resource.id))
            balancer_changed(region, resource_find(region, group->resource.account, &balancer_kind,
                                                   listener->balancer_arn));
}

void balancers_restore(struct region *region)
{
    region_lock(region);
    cleanup(region_unlock) struct region *locked = region;
    (void)locked;
    for (struct account *account = region->accounts; account; account = account->next)
        for_each_resource(struct balancer, balancer, account, &balancer_kind)
            balancer_changed(region, balancer);
}

char *balancer_guard_id(struct arena *arena, const char *plane_name)
{
    return arena_format(arena, "elb-%s", plane_name);
}

static bool open_to_internet(const struct balancer *balancer)
{
    const char *deny = attribute_value(balancer_attributes, balancer->attributes, balancer->attribute_count,
                                       "ipv6.deny_all_igw_traffic");
    return deny ? text_equal(deny, "false") : text_equal(balancer->scheme, "internet-facing");
}

/* The narrower of a rule's block and the VPC's; NULL when they have nothing in common. */
static const char *within(const char *block, const char *vpc_block)
{
    struct cidr a, b;
    if (!vpc_block || !cidr_parse(block, &a) || !cidr_parse(vpc_block, &b))
        return NULL;
    return cidr_contains(&a, &b) ? vpc_block : cidr_contains(&b, &a) ? block : NULL;
}

struct guard {
    const struct vpc *vpc;
    bool open;
    struct plane_group_rule *rules;
    size_t count;
};

static void guard_add(struct guard *guard, struct plane_group_rule rule)
{
    if (rule.egress || rule.source_group || guard->open) {
        guard->rules[guard->count++] = rule;
        return;
    }
    const char *const blocks[] = {within(rule.cidr, guard->vpc->cidr),
                                  within(rule.cidr, guard->vpc->ipv6_cidr)};
    for (size_t i = 0; i < COUNT_OF(blocks); i++)
        if (blocks[i]) {
            rule.cidr = blocks[i];
            guard->rules[guard->count++] = rule;
        }
}

/* Without security groups everyone may, with them whom they allow; but of an internal load balancer that does
 * not say ipv6.deny_all_igw_traffic=false only the VPC. */
struct plane_group balancer_guard(struct arena *arena, const struct balancer *balancer)
{
    struct region *region = balancer->resource.region;
    struct account *account = balancer->resource.account;
    size_t most = 4;
    for (size_t i = 0; i < balancer->group_count; i++) {
        const struct group *group = resource_find(region, account, &group_kind, balancer->groups[i]);
        most += group ? 2 * group->rule_count : 0;
    }
    struct guard guard = {.vpc = resource_find(region, account, &vpc_kind, balancer->vpc_id),
                          .open = open_to_internet(balancer),
                          .rules = arena_alloc(arena, most * sizeof *guard.rules)};
    static const char *const everyone[] = {"0.0.0.0/0", "::/0"};
    for (size_t i = 0; !balancer->group_count && i < 2 * COUNT_OF(everyone); i++)
        guard_add(&guard,
                  (struct plane_group_rule){.egress = i % 2, .protocol = -1, .cidr = everyone[i / 2]});
    for (size_t i = 0; i < balancer->group_count; i++) {
        const struct group *group = resource_find(region, account, &group_kind, balancer->groups[i]);
        for (size_t j = 0; group && j < group->rule_count; j++)
            if (group->rules[j].cidr || group->rules[j].group_id)
                guard_add(&guard, plane_rule_of(&group->rules[j]));
    }
    return (struct plane_group){balancer_guard_id(arena, balancer->plane_name), guard.rules, guard.count};
}

const char *const *balancer_resolve(struct region *region, struct arena *arena, const char *vpc_id,
                                    const char *name)
{
    for (struct account *account = region->accounts; account; account = account->next)
        for_each_resource(struct balancer, balancer, account, &balancer_kind) {
            if (!text_equal_nocase(balancer->dns_name, name))
                continue;
            const char *const *addresses =
                addresses_of(arena, balancer, text_equal(balancer->vpc_id, vpc_id));
            return addresses[0] ? addresses : NULL;
        }
    return NULL;
}
