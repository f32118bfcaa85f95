#include "localaws/ec2/run.h"

#include "base/text.h"
#include "localaws/ec2/public_address.h"

#include <string.h>

enum { MOST_INTERFACES = 8, MOST_SECONDARY = 49 };

/* NAME.1.MEMBER, NAME.2.MEMBER, ... below the prefix; NULL-terminated. */
static const char **members(struct call *call, const char *prefix, const char *list, const char *member)
{
    size_t count = 0;
    while (call_parameter(call, "%s%s.%zu.%s", prefix, list, count + 1, member))
        count++;
    const char **values = arena_alloc(call->arena, (count + 1) * sizeof *values);
    for (size_t i = 0; i < count; i++)
        values[i] = call_parameter(call, "%s%s.%zu.%s", prefix, list, i + 1, member);
    return values;
}

/* PrivateIpAddresses.N: one may be called the primary; the others are secondary ones. */
static void take_private(struct call *call, const char *prefix, struct interface_order *order)
{
    const char **all = members(call, prefix, "PrivateIpAddresses", "PrivateIpAddress");
    size_t made = 0;
    order->private_address = call_parameter(call, "%sPrivateIpAddress", prefix);
    if (text_empty(order->private_address))
        order->private_address = NULL;
    for (size_t i = 0; all[i]; i++)
        if (text_equal(call_parameter(call, "%sPrivateIpAddresses.%zu.Primary", prefix, i + 1), "true"))
            order->private_address = all[i];
    for (size_t i = 0; all[i]; i++)
        if (!text_equal(all[i], order->private_address))
            all[made++] = all[i];
    all[made] = NULL;
    order->secondary_addresses = all;
}

static int take_new(struct call *call, const char *prefix, struct run_interface *interface, struct error *err)
{
    struct interface_order *order = &interface->order;
    const char *subnet = arena_format(call->arena, "%sSubnetId", prefix);
    int64_t ipv6_count, secondary_count;
    if (!call_parameter(call, "%s", subnet))
        return call_fail(call, err, 400, "MissingInput",
                         "No subnets found for the default VPC. Please specify a subnet.");
    if (resource_named(call, &subnet_kind, subnet, &order->subnet, err) < 0 ||
        call_number(call, arena_format(call->arena, "%sIpv6AddressCount", prefix), 0, 15, 0, &ipv6_count,
                    err) < 0 ||
        call_number(call, arena_format(call->arena, "%sSecondaryPrivateIpAddressCount", prefix), 0,
                    MOST_SECONDARY, 0, &secondary_count, err) < 0)
        return -1;
    order->ipv6_count = (size_t)ipv6_count;
    order->secondary_count = (size_t)secondary_count;
    order->groups = call_list(call, arena_format(call->arena, "%sSecurityGroupId", prefix), NULL);
    order->ipv6_addresses = members(call, prefix, *prefix ? "Ipv6Addresses" : "Ipv6Address", "Ipv6Address");
    const char *public = call_parameter(call, "%sAssociatePublicIpAddress", prefix);
    order->auto_public = public && *prefix ? text_equal_nocase(public, "true")
                                           : interface->device_index == 0 && order->subnet->public_on_launch;
    order->description = *prefix ? call_parameter(call, "%sDescription", prefix) : NULL;
    take_private(call, prefix, order);
    interface->named_addresses =
        order->private_address || *order->ipv6_addresses || *order->secondary_addresses;
    return 0;
}

static int take_existing(struct call *call, const char *prefix, struct run_interface *interface,
                         struct error *err)
{
    const char *parameter = arena_format(call->arena, "%sNetworkInterfaceId", prefix);
    if (resource_named(call, &interface_kind, parameter, &interface->existing, err) < 0)
        return -1;
    if (interface->existing->owner || interface->existing->requester)
        return call_fail(call, err, 400, "InvalidNetworkInterface.InUse", "Interface: %s in use.",
                         interface->existing->resource.id);
    interface->named_addresses = true;
    interface->delete_on_termination = false;
    interface->order.subnet =
        resource_find(call->region, call->account, &subnet_kind, interface->existing->subnet_id);
    return 0;
}

static int take_one(struct call *call, struct run *run, size_t number, struct error *err)
{
    const char *prefix = arena_format(call->arena, "NetworkInterface.%zu.", number);
    struct run_interface *interface = &run->interfaces[run->interface_count++];
    const char *type = call_parameter(call, "%sInterfaceType", prefix);
    interface->delete_on_termination = true;
    if (type && !text_equal(type, "interface"))
        return call_fail(call, err, 400, "UnsupportedOperation", "Interfaces of type '%s' do not exist here",
                         type);
    if (call_number(call, arena_format(call->arena, "%sDeviceIndex", prefix), 0, MOST_INTERFACES - 1,
                    (int64_t)number - 1, &interface->device_index, err) < 0)
        return -1;
    bool existing = call_parameter(call, "%sNetworkInterfaceId", prefix) != NULL;
    if ((existing ? take_existing : take_new)(call, prefix, interface, err) < 0)
        return -1;
    const char *delete_with = arena_format(call->arena, "%sDeleteOnTermination", prefix);
    if (call_parameter(call, "%s", delete_with))
        interface->delete_on_termination = call_true(call, delete_with);
    return 0;
}

static bool is_there(struct call *call, size_t number)
{
    static const char *const any[] = {"DeviceIndex", "SubnetId", "NetworkInterfaceId"};
    for (size_t i = 0; i < COUNT_OF(any); i++)
        if (call_parameter(call, "NetworkInterface.%zu.%s", number, any[i]))
            return true;
    return false;
}

static int by_index(const void *a, const void *b)
{
    return (int)(((const struct run_interface *)a)->device_index -
                 ((const struct run_interface *)b)->device_index);
}

/* One for each device index, the primary first, all in one zone. */
static int check_together(struct call *call, struct run *run, struct error *err)
{
    qsort(run->interfaces, run->interface_count, sizeof *run->interfaces, by_index);
    const struct subnet *first = run->interfaces[0].order.subnet;
    if (run->interfaces[0].device_index != 0)
        return call_fail(call, err, 400, "InvalidParameterValue",
                         "An interface with the device index 0 is needed");
    for (size_t i = 1; i < run->interface_count; i++) {
        const struct subnet *other = run->interfaces[i].order.subnet;
        if (run->interfaces[i].device_index == run->interfaces[i - 1].device_index)
            return call_fail(call, err, 400, "InvalidParameterValue", "The device index %d is there twice",
                             (int)run->interfaces[i].device_index);
        if (!text_equal(other->zone, first->zone) || !text_equal(other->vpc_id, first->vpc_id))
            return call_fail(call, err, 400, "InvalidParameterCombination",
                             "Interfaces of an instance are in one VPC and one availability zone here");
    }
    return 0;
}

int run_take_network(struct call *call, struct run *run, struct error *err)
{
    bool own = is_there(call, 1);
    run->interfaces = arena_alloc(call->arena, MOST_INTERFACES * sizeof *run->interfaces);
    if (own && (call_parameter(call, "SubnetId") || call_parameter(call, "SecurityGroupId.1")))
        return call_fail(call, err, 400, "InvalidParameterCombination",
                         "Network interfaces and an instance-level subnet ID or security groups may not be "
                         "specified on the same request");
    if (call_parameter(call, "SecurityGroup.1"))
        return call_fail(call, err, 400, "InvalidParameterCombination",
                         "The parameter groupName cannot be used with the parameter subnet");
    if (!own) {
        run->interfaces[run->interface_count++].delete_on_termination = true;
        if (take_new(call, "", &run->interfaces[0], err) < 0)
            return -1;
    }
    for (size_t i = 1; own && is_there(call, i); i++) {
        if (i > MOST_INTERFACES)
            return call_fail(call, err, 400, "AttachmentLimitExceeded",
                             "Instances here have at most %d interfaces", MOST_INTERFACES);
        if (take_one(call, run, i, err) < 0)
            return -1;
    }
    if (check_together(call, run, err) < 0)
        return -1;
    run->subnet = run->interfaces[0].order.subnet;
    run->draft.subnet_id = run->subnet->resource.id;
    run->draft.vpc_id = run->subnet->vpc_id;
    run->draft.zone = run->subnet->zone;
    return 0;
}

static int authorize_groups(struct call *call, const struct interface_order *order, struct error *err)
{
    for (const char *const *id = order->groups; id && *id; id++) {
        struct resource *group = resource_find(call->region, call->account, &group_kind, *id);
        if (!group)
            return resource_missing(call, &group_kind, *id, err);
        if (resource_authorize(call, group, NULL, 0, err) < 0)
            return -1;
    }
    return 0;
}

int run_authorize_network(struct call *call, struct run *run, struct error *err)
{
    for (size_t i = 0; i < run->interface_count; i++) {
        struct run_interface *interface = &run->interfaces[i];
        struct subnet *subnet = interface->order.subnet;
        interface->order.tags = run->interface.resource.tags;
        interface->order.tag_count = run->interface.resource.tag_count;
        run->interface.vpc_id = subnet->vpc_id;
        run->interface.subnet_id = subnet->resource.id;
        run->interface.zone = subnet->zone;
        if (resource_authorize(call, &subnet->resource, NULL, 0, err) < 0)
            return -1;
        int may = interface->existing
                      ? resource_authorize(call, &interface->existing->resource, NULL, 0, err)
                      : run_authorize_made(call, &interface_kind, &run->interface.resource,
                                           interface->order.auto_public ? "true" : "false", err);
        if (may < 0 || authorize_groups(call, &interface->order, err) < 0)
            return -1;
    }
    return 0;
}

int run_make_interfaces(struct call *call, const struct run *run, struct instance *instance,
                        struct error *err)
{
    for (size_t i = 0; i < run->interface_count; i++) {
        const struct run_interface *wanted = &run->interfaces[i];
        struct interface *interface = wanted->existing;
        if (!interface && interface_create(call, &wanted->order, &interface, err) < 0)
            return -1;
        list_add_text(&instance->interface_ids, &instance->interface_count, interface->resource.id);
        interface_attach(call->region, interface, instance->resource.id, wanted->device_index,
                         wanted->delete_on_termination);
        interface_public_refresh(interface);
    }
    return 0;
}
