/* Load balancers as the plane should have them, and what their names lead to. */
#include "localaws/ec2/to_plane.h"
#include "localaws/ec2/cidr.h"
#include "localaws/elb/elb.h"

#include "base/text.h"

#include <string.h>

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

/* Where a target is: its interface's zone, or its subnet's; NULL for what is not in the VPC. */
const char *target_zone(struct region *region, struct account *account, const struct target_group *group,
                        const struct target *target)
{
    const struct instance *instance = resource_find(region, account, &instance_kind, target->id);
    struct cidr address, block;
    if (instance)
        return instance->zone;
    const struct interface *interface = interface_at(region, group->vpc_id, target->id);
    if (interface || !cidr_parse_address(target->id, &address))
        return interface ? interface->zone : NULL;
    for_each_resource(struct subnet, subnet, account, &subnet_kind) {
        const char *own = address.family == AF_INET6 ? subnet->ipv6_cidr : subnet->cidr;
        if (text_equal(subnet->vpc_id, group->vpc_id) && own && cidr_parse(own, &block) &&
            cidr_contains(&block, &address))
            return subnet->zone;
    }
    return NULL;
}

static struct plane_health_check check_of(const struct target_group *group)
{
    int64_t port = 0;
    text_number(group->health_port, 1, 65535, "port", &port,
                NULL); /* "traffic-port" leaves 0: the target's own */
    return (struct plane_health_check){
        .kind = text_equal(group->health_protocol, "HTTPS")  ? PLANE_CHECK_HTTPS
                : text_equal(group->health_protocol, "HTTP") ? PLANE_CHECK_HTTP
                                                             : PLANE_CHECK_TCP,
        .path = group->health_path,
        .matcher = group->matcher,
        .port = (int)port,
        .interval_ms = (int)group->interval_s * 1000,
        .timeout_ms = (int)group->timeout_s * 1000,
        .healthy_threshold = (int)group->healthy_threshold,
        .unhealthy_threshold = (int)group->unhealthy_threshold,
    };
}

static int whole(const char *text, int otherwise)
{
    int64_t number;
    return text_number(text, 0, 1000, "attribute", &number, NULL) == 0 ? (int)number : otherwise;
}

#define UNHEALTHY_ROUTING "target_group_health.unhealthy_state_routing.minimum_healthy_targets."

static struct plane_target_group group_of(struct region *region, struct arena *arena,
                                          const struct balancer *balancer, const struct target_group *group)
{
    struct account *account = group->resource.account;
    struct plane_lb_target *targets = arena_alloc(arena, (group->target_count + 1) * sizeof *targets);
    size_t count = 0;
    for (size_t i = 0; i < group->target_count; i++) {
        const struct target *target = &group->targets[i];
        const char *address = target_address(region, account, group, target);
        if (address && !target_reason(balancer, group, target))
            targets[count++] = (struct plane_lb_target){
                .address = address,
                .port = (int)target->port,
                .zone = target_zone(region, account, group, target),
                .draining_until_ms = target->draining_until_ms,
            };
    }
    return (struct plane_target_group){
        .arn = group->resource.id,
        .protocol = plane_protocol_of(group->protocol),
        .check = check_of(group),
        .keep_client_address = group_flag(group, "preserve_client_ip.enabled"),
        .proxy_protocol = group_flag(group, "proxy_protocol_v2.enabled"),
        .cross_zone = crosses_zones(balancer, group),
        .sticky = group_flag(group, "stickiness.enabled"),
        .ends_unhealthy = group_flag(group, "target_health_state.unhealthy.connection_termination.enabled"),
        .ends_drained = group_flag(group, "deregistration_delay.connection_termination.enabled"),
        .healthy_least = whole(group_attribute(group, UNHEALTHY_ROUTING "count"), 1),
        .healthy_least_percent = whole(group_attribute(group, UNHEALTHY_ROUTING "percentage"), 0),
        .targets = targets,
        .target_count = count,
    };
}

enum plane_protocol plane_protocol_of(const char *protocol)
{
    return text_equal(protocol, "TLS")       ? PLANE_TLS
           : text_equal(protocol, "UDP")     ? PLANE_UDP
           : text_equal(protocol, "TCP_UDP") ? PLANE_TCP_UDP
                                             : PLANE_TCP;
}

static void add_fronts(struct arena *arena, const struct balancer *balancer, struct plane_balancer *wanted)
{
    struct plane_front *fronts = arena_alloc(arena, (balancer->interface_count * 2 + 1) * sizeof *fronts);
    for (size_t i = 0; i < balancer->interface_count; i++) {
        const struct interface *interface = resource_find(
            balancer->resource.region, balancer->resource.account, &interface_kind, balancer->interfaces[i]);
        if (interface && interface->ipv6_count)
            fronts[wanted->front_count++] =
                (struct plane_front){interface->ipv6_addresses[0], interface->zone};
        if (interface && interface->address_count)
            fronts[wanted->front_count++] = (struct plane_front){interface->addresses[0], interface->zone};
    }
    wanted->fronts = fronts;
}

static void add_listeners(struct arena *arena, const struct balancer *balancer, struct plane_balancer *wanted)
{
    struct region *region = balancer->resource.region;
    struct account *account = balancer->resource.account;
    size_t most = resources_of(account, &listener_kind)->count + 1;
    struct plane_listener *listeners = arena_alloc(arena, most * sizeof *listeners);
    struct plane_target_group *groups = arena_alloc(arena, most * sizeof *groups);
    for_each_resource(struct listener, listener, account, &listener_kind) {
        const struct target_group *group =
            resource_find(region, account, &target_group_kind, listener->group_arn);
        if (!group || !text_equal(listener->balancer_arn, balancer->resource.id))
            continue;
        bool listed = false;
        for (size_t i = 0; i < wanted->group_count; i++)
            listed = listed || text_equal(groups[i].arn, group->resource.id);
        if (!listed)
            groups[wanted->group_count++] = group_of(region, arena, balancer, group);
        listener_to_plane(arena, listener, &listeners[wanted->listener_count++]);
    }
    wanted->listeners = listeners;
    wanted->groups = groups;
}

/* Whom the security groups let come by private links; there the groups' own chains see nobody. */
static void add_link_rules(struct arena *arena, const struct balancer *balancer,
                           struct plane_balancer *wanted)
{
    struct plane_client_rule *rules = NULL;
    for (size_t i = 0; i < balancer->group_count; i++) {
        const struct group *group = resource_find(balancer->resource.region, balancer->resource.account,
                                                  &group_kind, balancer->groups[i]);
        size_t most = wanted->link_rule_count + (group ? group->rule_count : 0) + 1;
        struct plane_client_rule *more = arena_alloc(arena, most * sizeof *more);
        if (wanted->link_rule_count)
            memcpy(more, rules, wanted->link_rule_count * sizeof *more);
        rules = more;
        for (size_t j = 0; group && j < group->rule_count; j++) {
            const struct group_rule *rule = &group->rules[j];
            bool all = text_equal(rule->protocol, "-1");
            if (!rule->egress && rule->cidr && (all || text_equal(rule->protocol, "tcp")))
                rules[wanted->link_rule_count++] = (struct plane_client_rule){
                    rule->cidr, all ? 0 : (int)rule->from_port, all ? 65535 : (int)rule->to_port};
        }
    }
    wanted->links_ruled = balancer->group_count && !balancer->links_unruled;
    wanted->link_rules = rules;
}

void balancer_changed(struct region *region, struct balancer *balancer)
{
    if (!region->plane || !balancer)
        return;
    cleanup(arena_free) struct arena *arena = arena_new();
    struct plane_balancer wanted = {.name = balancer->plane_name, .vpc_id = balancer->vpc_id};
    add_fronts(arena, balancer, &wanted);
    add_listeners(arena, balancer, &wanted);
    add_link_rules(arena, balancer, &wanted);
    vpc_changed(region, balancer->resource.account, balancer->vpc_id);
    plane_apply_balancer(region->plane, &wanted);
}

void balancers_regrouped(struct region *region, struct account *account, const char *group_id)
{
    for_each_resource(struct balancer, balancer, account, &balancer_kind)
        if (list_has_text(balancer->groups, balancer->group_count, group_id) &&
            balancer_serves_links(region, balancer->resource.id))
            balancer_changed(region, balancer);
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

/* An internal load balancer is closed to the internet until it says ipv6.deny_all_igw_traffic=false. */
bool balancer_open(const struct balancer *balancer)
{
    const char *deny = attribute_value(balancer_attributes, balancer->attributes, balancer->attribute_count,
                                       "ipv6.deny_all_igw_traffic");
    return deny ? text_equal(deny, "false") : text_equal(balancer->scheme, "internet-facing");
}

struct balancer *balancer_by_plane_name(struct account *account, const char *plane_name)
{
    for_each_resource(struct balancer, balancer, account, &balancer_kind)
        if (text_equal(balancer->plane_name, plane_name))
            return balancer;
    return NULL;
}

/* Its addresses of a zone, or of all (NULL): inside its VPC the private ones, elsewhere the public ones. */
static const char *const *addresses_of(struct arena *arena, const struct balancer *balancer, const char *zone,
                                       bool inside)
{
    const char **addresses = arena_alloc(arena, (balancer->interface_count * 2 + 1) * sizeof *addresses);
    size_t count = 0;
    for (int six = 1; six >= 0; six--)
        for (size_t i = 0; i < balancer->interface_count; i++) {
            const struct interface *interface = balancer_interface(balancer, i);
            if (!interface || (zone && !text_equal(interface->zone, zone)))
                continue;
            const char *address = six      ? interface->ipv6_count ? interface->ipv6_addresses[0] : NULL
                                  : inside ? interface->addresses[0]
                                           : interface_public_address(interface);
            if (address)
                addresses[count++] = arena_strdup(arena, address);
        }
    return addresses;
}

/* "NAME", or "ZONE.NAME" for one zone's addresses; false: the name is another's. */
static bool is_called(const struct balancer *balancer, struct arena *arena, const char *name, char **zone)
{
    *zone = NULL;
    if (text_equal_nocase(balancer->dns_name, name))
        return true;
    const char *dot = strchr(name, '.');
    if (!dot || !text_equal_nocase(balancer->dns_name, dot + 1))
        return false;
    *zone = arena_strndup(arena, name, (size_t)(dot - name));
    return true;
}

const char *const *balancer_resolve(struct region *region, struct arena *arena, const char *vpc_id,
                                    const char *name)
{
    char *zone;
    for (struct account *account = region->accounts; account; account = account->next)
        for_each_resource(struct balancer, balancer, account, &balancer_kind) {
            if (!is_called(balancer, arena, name, &zone))
                continue;
            const char *const *addresses =
                addresses_of(arena, balancer, zone, text_equal(balancer->vpc_id, vpc_id));
            return addresses[0] ? addresses : NULL;
        }
    return NULL;
}
