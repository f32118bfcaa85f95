/* Where a load balancer is: subnets, one a zone, with the addresses asked for, an interface in each; and its
 * security groups. */
#include "localaws/elb/balancer_place.h"
#include "localaws/ec2/public_address.h"
#include "localaws/ec2/tables.h"

#include "base/text.h"

/* MAPPINGS.member.N.MEMBER of either way to say it. */
static const char *mapping(struct call *call, size_t at, const char *member)
{
    return call_parameter(call, "SubnetMappings.member.%zu.%s", at + 1, member);
}

static int take_place(struct call *call, const struct balancer *balancer, const char *subnet_id, size_t at,
                      struct place *place, struct error *err)
{
    bool mapped = call_parameter(call, "Subnets.member.1") == NULL;
    *place = (struct place){.subnet = resource_find(call->region, call->account, &subnet_kind, subnet_id)};
    if (!place->subnet)
        return call_fail(call, err, 400, "SubnetNotFound", "The subnet ID '%s' does not exist", subnet_id);
    if (text_equal(balancer->ip_address_type, "dualstack") && !place->subnet->ipv6_cidr)
        return call_fail(call, err, 400, "InvalidSubnet",
                         "You must specify subnets with an associated IPv6 CIDR block");
    if (!mapped)
        return 0;
    place->allocation_id = mapping(call, at, "AllocationId");
    place->address = mapping(call, at, "PrivateIPv4Address");
    place->ipv6_address = mapping(call, at, "IPv6Address");
    bool internal = text_equal(balancer->scheme, "internal");
    if (place->allocation_id && internal)
        return call_fail(call, err, 400, "InvalidConfigurationRequest",
                         "Allocation IDs cannot be given for an internal load balancer");
    if (place->address && !internal)
        return call_fail(call, err, 400, "InvalidConfigurationRequest",
                         "A private IPv4 address can only be given for an internal load balancer");
    if (place->ipv6_address && !text_equal(balancer->ip_address_type, "dualstack"))
        return call_fail(call, err, 400, "InvalidConfigurationRequest",
                         "An IPv6 address can only be given for a dualstack load balancer");
    return 0;
}

static int check_allocation(struct call *call, const struct place *place, struct error *err)
{
    const struct elastic_address *address =
        resource_find(call->region, call->account, &elastic_address_kind, place->allocation_id);
    if (!place->allocation_id)
        return 0;
    if (!address)
        return call_fail(call, err, 400, "AllocationIdNotFound", "The allocation ID '%s' does not exist",
                         place->allocation_id);
    if (address->association_id)
        return call_fail(call, err, 400, "ResourceInUse", "The allocation ID '%s' is in use",
                         place->allocation_id);
    return 0;
}

static int check_place(struct call *call, const struct balancer *balancer, const struct places *places,
                       size_t at, struct error *err)
{
    const struct place *place = &places->items[at];
    for (size_t i = 0; i < at; i++)
        if (text_equal(places->items[i].subnet->zone, place->subnet->zone))
            return call_fail(
                call, err, 400, "InvalidConfigurationRequest",
                "A load balancer cannot be attached to multiple subnets in the same Availability Zone");
    if (!text_equal(places->items[0].subnet->vpc_id, place->subnet->vpc_id) ||
        (balancer->vpc_id && !text_equal(balancer->vpc_id, place->subnet->vpc_id)))
        return call_fail(call, err, 400, "InvalidConfigurationRequest", "The subnets are not of one VPC");
    return check_allocation(call, place, err);
}

int places_take(struct call *call, const struct balancer *balancer, struct places *places, struct error *err)
{
    size_t count;
    const char **ids = call_list(call, "Subnets.member", &count);
    bool mapped = count == 0;
    while (mapped && mapping(call, count, "SubnetId"))
        count++;
    if (!count || count > MOST_PLACES)
        return call_fail(call, err, 400, "ValidationError",
                         "At least one subnet must be specified, and at most %d", MOST_PLACES);
    places->items = arena_alloc(call->arena, count * sizeof *places->items);
    for (; places->count < count; places->count++) {
        size_t at = places->count;
        if (take_place(call, balancer, mapped ? mapping(call, at, "SubnetId") : ids[at], at,
                       &places->items[at], err) < 0 ||
            check_place(call, balancer, places, at, err) < 0)
            return -1;
    }
    return 0;
}

/* The elastic address now stands for the interface's. */
static void associate(struct call *call, const struct place *place, const struct interface *interface)
{
    struct elastic_address *address =
        resource_find(call->region, call->account, &elastic_address_kind, place->allocation_id);
    if (!address)
        return;
    text_replace(&address->association_id, region_identifier(call->region, call->arena, "eipassoc"));
    text_replace(&address->interface_id, interface->resource.id);
    text_replace(&address->private_address, interface->addresses[0]);
    resource_changed(&address->resource);
}

static void disassociate(const struct interface *interface)
{
    for_each_resource(struct elastic_address, address, interface->resource.account, &elastic_address_kind) {
        if (!text_equal(address->interface_id, interface->resource.id))
            continue;
        text_replace(&address->association_id, NULL);
        text_replace(&address->interface_id, NULL);
        text_replace(&address->private_address, NULL);
        resource_changed(&address->resource);
    }
}

/* Who faces the internet has an address of AWS's choice when none of one's own. */
static void give_public_address(struct call *call, struct interface *interface)
{
    text_replace(&interface->public_address, public_address_pick(call->region, call->arena));
    public_address_taken(call->region, interface->public_address, interface);
    resource_changed(&interface->resource);
}

static int add_interface(struct call *call, struct balancer *balancer, const struct place *place,
                         struct error *err)
{
    struct interface *interface;
    const char **groups = arena_alloc(call->arena, (balancer->group_count + 1) * sizeof *groups);
    for (size_t i = 0; i < balancer->group_count; i++)
        groups[i] = balancer->groups[i];
    const char *asked_ipv6[] = {place->ipv6_address, NULL};
    struct interface_order order = {
        .subnet = place->subnet,
        .private_address = place->address,
        .ipv6_addresses = place->ipv6_address ? asked_ipv6 : NULL,
        .groups = groups,
        .no_groups = true,
        .type = "network_load_balancer",
        .requester = "amazon-elb",
        .ipv6_count = text_equal(balancer->ip_address_type, "dualstack") && !place->ipv6_address,
        .owner = balancer->plane_name,
        .description =
            arena_format(call->arena, "ELB net/%s/%s", balancer->name, elb_hex_of(balancer->resource.id)),
    };
    if (interface_create(call, &order, &interface, err) < 0)
        return -1;
    list_add_text(&balancer->subnets, &balancer->subnet_count, place->subnet->resource.id);
    list_add_text(&balancer->interfaces, &balancer->interface_count, interface->resource.id);
    if (place->address)
        list_add_text(&balancer->asked_addresses, &balancer->asked_count, interface->addresses[0]);
    if (place->ipv6_address)
        list_add_text(&balancer->asked_addresses, &balancer->asked_count, interface->ipv6_addresses[0]);
    associate(call, place, interface);
    if (!place->allocation_id && text_equal(balancer->scheme, "internet-facing"))
        give_public_address(call, interface);
    return 0;
}

static void remove_interface(struct region *region, struct balancer *balancer, size_t at)
{
    struct interface *interface = balancer_interface(balancer, at);
    if (interface) {
        disassociate(interface);
        resource_remove(region, &interface->resource);
    }
    list_remove(&text_record, &balancer->interfaces, &balancer->interface_count, at);
    list_remove(&text_record, &balancer->subnets, &balancer->subnet_count, at);
}

void places_leave(struct region *region, struct balancer *balancer)
{
    while (balancer->interface_count)
        remove_interface(region, balancer, balancer->interface_count - 1);
}

static bool stays(const struct places *places, const char *subnet_id)
{
    for (size_t i = 0; i < places->count; i++)
        if (text_equal(places->items[i].subnet->resource.id, subnet_id))
            return true;
    return false;
}

/* The subnets that stay keep their interfaces, and with them their addresses and connections. */
int places_settle(struct call *call, struct balancer *balancer, const struct places *places,
                  struct error *err)
{
    for (size_t i = 0; i < places->count; i++)
        if (!list_has_text(balancer->subnets, balancer->subnet_count, places->items[i].subnet->resource.id) &&
            add_interface(call, balancer, &places->items[i], err) < 0)
            return -1;
    for (size_t i = balancer->subnet_count; i-- > 0;)
        if (!stays(places, balancer->subnets[i]))
            remove_interface(call->region, balancer, i);
    return 0;
}

int balancer_groups_take(struct call *call, const char *vpc_id, char ***groups, size_t *group_count,
                         struct error *err)
{
    size_t count;
    const char **ids = call_list(call, "SecurityGroups.member", &count);
    if (room_check(call, "security groups", count, MOST_PLACES, err) < 0)
        return -1;
    *groups = arena_alloc(call->arena, (count + 1) * sizeof **groups);
    for (size_t i = 0; i < count; i++) {
        struct group *group = resource_find(call->region, call->account, &group_kind, ids[i]);
        if (!group || !text_equal(group->vpc_id, vpc_id))
            return call_fail(call, err, 400, "InvalidSecurityGroup",
                             "One or more security groups are invalid: %s", ids[i]);
        (*groups)[(*group_count)++] = group->resource.id;
    }
    return 0;
}

int balancer_links_take(struct call *call, struct balancer *balancer, struct error *err)
{
    const char *said = call_parameter(call, "EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic");
    if (said && !text_equal(said, "on") && !text_equal(said, "off"))
        return call_fail(call, err, 400, "ValidationError",
                         "EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic is on or off");
    if (said)
        balancer->links_unruled = text_equal(said, "off");
    return 0;
}

/* AWS keeps one that began without security groups without, and the other way round. */
int balancer_set_groups(struct call *call, struct error *err)
{
    struct balancer *balancer;
    char **groups;
    size_t count = 0;
    if (elb_target(call, &balancer_kind, "LoadBalancerArn", &balancer, err) < 0 ||
        balancer_groups_take(call, balancer->vpc_id, &groups, &count, err) < 0)
        return -1;
    if (!balancer->group_count != !count)
        return call_fail(call, err, 400, "InvalidConfigurationRequest",
                         balancer->group_count
                             ? "You must specify at least one security group"
                             : "You cannot set security groups for a load balancer that was created without");
    if (balancer_links_take(call, balancer, err) < 0)
        return -1;
    list_clear(&text_record, &balancer->groups, &balancer->group_count);
    for (size_t i = 0; i < count; i++)
        list_add_text(&balancer->groups, &balancer->group_count, groups[i]);
    for (size_t i = 0; i < balancer->interface_count; i++) {
        struct interface *interface = balancer_interface(balancer, i);
        list_clear(&text_record, &interface->groups, &interface->group_count);
        for (size_t j = 0; j < count; j++)
            list_add_text(&interface->groups, &interface->group_count, groups[j]);
        resource_changed(&interface->resource);
    }
    resource_changed(&balancer->resource);
    balancer_changed(call->region, balancer);
    put_texts(&call->answer, "SecurityGroupIds", "member", balancer->groups, balancer->group_count);
    put_text(&call->answer, "EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic",
             balancer->links_unruled ? "off" : "on");
    return 0;
}

/* An IPv6 address for each interface that has none, or none for all. */
static int settle_family(struct call *call, struct balancer *balancer, bool dualstack, struct error *err)
{
    for (size_t i = 0; i < balancer->interface_count; i++) {
        struct interface *interface = balancer_interface(balancer, i);
        struct subnet *subnet =
            resource_find(call->region, call->account, &subnet_kind, balancer->subnets[i]);
        char *address;
        if (dualstack && !interface->ipv6_count) {
            if (!subnet->ipv6_cidr)
                return call_fail(call, err, 400, "InvalidSubnet",
                                 "You must specify subnets with an associated IPv6 CIDR block");
            if (subnet_take_ipv6(call, subnet, NULL, &address, err) < 0)
                return -1;
            list_add_text(&interface->ipv6_addresses, &interface->ipv6_count, address);
            addresses_taken(call->region, interface);
        } else if (!dualstack && interface->ipv6_count) {
            addresses_given_back(call->region, interface);
            list_clear(&text_record, &interface->ipv6_addresses, &interface->ipv6_count);
            addresses_taken(call->region, interface);
        }
        resource_changed(&interface->resource);
    }
    text_replace(&balancer->ip_address_type, dualstack ? "dualstack" : "ipv4");
    resource_changed(&balancer->resource);
    return 0;
}

int balancer_set_subnets(struct call *call, struct error *err)
{
    struct balancer *balancer;
    struct places places = {0};
    if (elb_target(call, &balancer_kind, "LoadBalancerArn", &balancer, err) < 0 ||
        places_take(call, balancer, &places, err) < 0 || places_settle(call, balancer, &places, err) < 0)
        return -1;
    resource_changed(&balancer->resource);
    balancer_changed(call->region, balancer);
    put_balancer_zones(&call->answer, balancer);
    put_text(&call->answer, "IpAddressType", balancer->ip_address_type);
    return 0;
}

int balancer_set_family(struct call *call, struct error *err)
{
    struct balancer *balancer;
    const char *family;
    if (elb_target(call, &balancer_kind, "LoadBalancerArn", &balancer, err) < 0 ||
        call_required(call, "IpAddressType", &family, err) < 0)
        return -1;
    if (!text_equal(family, "ipv4") && !text_equal(family, "dualstack"))
        return call_fail(call, err, 400, "ValidationError", "The IP address type '%s' is not valid", family);
    if (text_equal(family, "ipv4") && balancer_has_ipv6_targets(balancer))
        return call_fail(call, err, 400, "InvalidConfigurationRequest",
                         "A load balancer with IPv6 target groups stays dualstack");
    if (settle_family(call, balancer, text_equal(family, "dualstack"), err) < 0)
        return -1;
    balancer_changed(call->region, balancer);
    put_text(&call->answer, "IpAddressType", balancer->ip_address_type);
    return 0;
}
