/* From a VPC's records to what the plane should make of it: routes with what they lead to, lists, groups,
 * interfaces, public addresses, NAT gateways and endpoints. */
#include "localaws/ec2/picture.h"
#include "localaws/ec2/endpoint.h"
#include "localaws/ec2/private_service.h"
#include "localaws/ec2/prefix_list.h"
#include "localaws/ec2/to_plane.h"
#include "localaws/elb/elb.h"
#include "localaws/plane/plane.h"

#include "base/text.h"

#include <string.h>

static size_t count_in(const struct picture *picture, const struct kind *kind)
{
    return resources_of(picture->account, kind)->count;
}

static int by_number(const void *a, const void *b)
{
    return ((const struct plane_acl_rule *)a)->number - ((const struct plane_acl_rule *)b)->number;
}

static void add_acl_rules(const struct picture *picture, const struct subnet *subnet,
                          struct plane_subnet *wanted)
{
    const struct acl *acl = acl_of_subnet(picture->account, subnet->resource.id);
    if (!acl)
        return;
    struct plane_acl_rule *rules = arena_alloc(picture->arena, (acl->entry_count + 1) * sizeof *rules);
    for (size_t i = 0; i < acl->entry_count; i++) {
        const struct acl_entry *entry = &acl->entries[i];
        bool icmp = entry->protocol == 1 || entry->protocol == 58;
        rules[i] = (struct plane_acl_rule){
            .egress = entry->egress,
            .allow = entry->allow,
            .number = (int)entry->number,
            .protocol = (int)entry->protocol,
            .cidr = entry->cidr,
            .from_port = (int)(icmp ? entry->icmp_type : entry->from_port),
            .to_port = (int)(icmp ? entry->icmp_code : entry->to_port),
        };
    }
    wanted->acl_rules = rules;
    wanted->acl_rule_count = acl->entry_count;
    qsort(rules, acl->entry_count, sizeof *rules, by_number);
}

static void add_subnets(const struct picture *picture, struct plane_vpc *wanted)
{
    struct plane_subnet *subnets =
        arena_alloc(picture->arena, (count_in(picture, &subnet_kind) + 1) * sizeof *subnets);
    for_each_resource(struct subnet, subnet, picture->account, &subnet_kind) {
        if (!text_equal(subnet->vpc_id, picture->vpc_id))
            continue;
        struct plane_subnet *one = &subnets[wanted->subnet_count++];
        *one = (struct plane_subnet){
            .id = subnet->resource.id, .cidr = subnet->cidr, .ipv6_cidr = subnet->ipv6_cidr};
        picture_add_routes(picture, subnet, one);
        add_acl_rules(picture, subnet, one);
    }
    wanted->subnets = subnets;
}

static int protocol_number(const char *protocol)
{
    static const struct {
        const char *name;
        int number;
    } names[] = {{"tcp", 6}, {"udp", 17}, {"icmp", 1}, {"icmpv6", 58}};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (text_equal(protocol, names[i].name))
            return names[i].number;
    int64_t number;
    return text_number(protocol, 0, 255, "protocol", &number, NULL) == 0 ? (int)number : -1;
}

static struct plane_group_rule plane_rule_of(const struct group_rule *rule)
{
    return (struct plane_group_rule){
        .egress = rule->egress,
        .protocol = protocol_number(rule->protocol),
        .cidr = rule->cidr,
        .source_group = rule->group_id,
        .from_port = (int)rule->from_port,
        .to_port = (int)rule->to_port,
    };
}

/* A rule about a prefix list is one for each of its blocks. */
static size_t rules_of(const struct picture *picture, const struct group_rule *rule,
                       struct plane_group_rule *rules)
{
    struct plane_group_rule wanted = plane_rule_of(rule);
    if (!rule->prefix_list) {
        if (rules)
            *rules = wanted;
        return 1;
    }
    size_t count = 0;
    const char *const *cidrs =
        prefix_list_cidrs(picture->region, picture->account, picture->arena, rule->prefix_list);
    for (; cidrs[count]; count++) {
        wanted.cidr = cidrs[count];
        if (rules)
            rules[count] = wanted;
    }
    return count;
}

static struct plane_group group_of(const struct picture *picture, const struct group *group)
{
    struct plane_group wanted = {.id = group->resource.id};
    size_t count = 0;
    for (size_t i = 0; i < group->rule_count; i++)
        count += rules_of(picture, &group->rules[i], NULL);
    struct plane_group_rule *rules = arena_alloc(picture->arena, (count + 1) * sizeof *rules);
    for (size_t i = 0; i < group->rule_count; i++)
        wanted.rule_count += rules_of(picture, &group->rules[i], rules + wanted.rule_count);
    wanted.rules = rules;
    return wanted;
}

static void add_groups(const struct picture *picture, struct plane_vpc *wanted)
{
    struct plane_group *groups =
        arena_alloc(picture->arena, (count_in(picture, &group_kind) + 1) * sizeof *groups);
    for_each_resource(struct group, group, picture->account, &group_kind)
        if (text_equal(group->vpc_id, picture->vpc_id))
            groups[wanted->group_count++] = group_of(picture, group);
    wanted->groups = groups;
}

static void add_interface(const struct picture *picture, const struct interface *interface,
                          struct plane_interface *wanted)
{
    size_t count = 0;
    const char **addresses = arena_alloc(
        picture->arena, (interface->address_count + interface->ipv6_count + 1) * sizeof *addresses);
    for (size_t i = 0; i < interface->address_count; i++)
        addresses[count++] = interface->addresses[i];
    for (size_t i = 0; i < interface->ipv6_count; i++)
        addresses[count++] = interface->ipv6_addresses[i];
    const char **groups = arena_alloc(picture->arena, (interface->group_count + 2) * sizeof *groups);
    for (size_t i = 0; i < interface->group_count; i++)
        groups[i] = interface->groups[i];
    const struct balancer *balancer = text_equal(interface->type, "network_load_balancer")
                                          ? balancer_by_plane_name(picture->account, interface->owner)
                                          : NULL;
    *wanted = (struct plane_interface){
        .id = interface->resource.id,
        .subnet_id = interface->subnet_id,
        .mac = interface->mac,
        .owner = interface->owner,
        .device_index = (unsigned)interface->device_index,
        .addresses = addresses,
        .group_ids = groups,
        .source_check = interface->source_check,
        .balances = balancer != NULL,
        .closed = balancer && !balancer_open(balancer),
    };
}

/* An interface without an owner, or of an instance without processes, is a record only. */
static bool is_real(const struct picture *picture, const struct interface *interface)
{
    const struct instance *instance =
        resource_find(picture->region, picture->account, &instance_kind, interface->instance_id);
    return interface->owner && !(instance && instance->simulated);
}

static void add_interfaces(const struct picture *picture, struct plane_vpc *wanted)
{
    size_t most = count_in(picture, &interface_kind) + count_in(picture, &endpoint_kind);
    struct plane_interface *interfaces = arena_alloc(picture->arena, (most + 1) * sizeof *interfaces);
    for_each_resource(struct interface, interface, picture->account, &interface_kind)
        if (text_equal(interface->vpc_id, picture->vpc_id) && is_real(picture, interface))
            add_interface(picture, interface, &interfaces[wanted->interface_count++]);
    static const char *const none[] = {NULL};
    for_each_resource(struct endpoint, endpoint, picture->account, &endpoint_kind) {
        const struct endpoint_service *service = endpoint_service_of(endpoint);
        if (text_equal(endpoint->vpc_id, picture->vpc_id) && endpoint_is_gateway(endpoint) && service)
            interfaces[wanted->interface_count++] = (struct plane_interface){
                .id = endpoint->resource.id,
                .owner = endpoint->resource.id,
                .addresses = service->addresses,
                .group_ids = none,
                .by_route_only = true,
            };
    }
    wanted->interfaces = interfaces;
}

/* What each private address that has a public one is outside. */
static void add_translations(const struct picture *picture, struct plane_vpc *wanted)
{
    size_t most = count_in(picture, &elastic_address_kind) + count_in(picture, &interface_kind);
    struct plane_translation *translations = arena_alloc(picture->arena, (most + 1) * sizeof *translations);
    for_each_resource(struct elastic_address, address, picture->account, &elastic_address_kind) {
        const struct interface *interface =
            resource_find(picture->region, picture->account, &interface_kind, address->interface_id);
        if (interface && text_equal(interface->vpc_id, picture->vpc_id) && is_real(picture, interface))
            translations[wanted->translation_count++] =
                (struct plane_translation){address->private_address, address->address};
    }
    for_each_resource(struct interface, interface, picture->account, &interface_kind)
        if (interface->public_address && text_equal(interface->vpc_id, picture->vpc_id) &&
            is_real(picture, interface))
            translations[wanted->translation_count++] =
                (struct plane_translation){interface->addresses[0], interface->public_address};
    wanted->translations = translations;
}

static void add_appliances(const struct picture *picture, struct plane_vpc *wanted)
{
    size_t most = count_in(picture, &nat_gateway_kind) + count_in(picture, &endpoint_kind);
    struct plane_appliance *appliances = arena_alloc(picture->arena, (most + 1) * sizeof *appliances);
    for_each_resource(struct nat_gateway, gateway, picture->account, &nat_gateway_kind)
        if (text_equal(gateway->vpc_id, picture->vpc_id) && !gateway->deleted_ms)
            appliances[wanted->appliance_count++] = (struct plane_appliance){gateway->resource.id, PLANE_NAT};
    for_each_resource(struct endpoint, endpoint, picture->account, &endpoint_kind)
        if (text_equal(endpoint->vpc_id, picture->vpc_id) && !endpoint_is_private(endpoint))
            appliances[wanted->appliance_count++] =
                (struct plane_appliance){endpoint->resource.id, PLANE_SERVICE};
    wanted->appliances = appliances;
}

void vpc_changed(struct region *region, struct account *account, const char *vpc_id)
{
    const struct vpc *vpc = resource_find(region, account, &vpc_kind, vpc_id);
    if (!region->plane || !vpc)
        return;
    cleanup(arena_free) struct arena *arena = arena_new();
    const struct picture picture = {region, account, arena, vpc_id};
    struct plane_vpc wanted = {
        .id = vpc->resource.id, .cidrs = vpc_cidrs(vpc, arena), .no_names = !vpc->dns_support};
    add_subnets(&picture, &wanted);
    add_groups(&picture, &wanted);
    add_interfaces(&picture, &wanted);
    add_translations(&picture, &wanted);
    add_appliances(&picture, &wanted);
    plane_apply_vpc(region->plane, &wanted);
}

void vpc_gone(struct region *region, const char *vpc_id)
{
    if (region->plane)
        plane_remove_vpc(region->plane, vpc_id);
}
