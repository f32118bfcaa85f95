/* What changes about an interface while it is there: addresses, groups, checks. */
#include "localaws/ec2/public_address.h"
#include "localaws/ec2/tables.h"
#include "localaws/ec2/to_plane.h"

#include "base/text.h"

static void interface_changed(struct call *call, struct interface *interface)
{
    resource_changed(&interface->resource);
    vpc_changed(call->region, call->account, interface->vpc_id);
}

static struct subnet *subnet_of(struct call *call, const struct interface *interface)
{
    return resource_find(call->region, call->account, &subnet_kind, interface->subnet_id);
}

int interface_assign_ipv6(struct call *call, struct error *err)
{
    struct interface *interface;
    int64_t more;
    size_t named;
    if (resource_target(call, &interface_kind, "NetworkInterfaceId", &interface, err) < 0 ||
        call_number(call, "Ipv6AddressCount", 0, 30, 0, &more, err) < 0)
        return -1;
    const char **asked = call_list(call, "Ipv6Addresses", &named);
    size_t first = interface->ipv6_count, count = named + (size_t)more;
    if (first + count > 30 || !count)
        return call_fail(call, err, 400, "InvalidParameterValue", "An interface has 1 to 30 IPv6 addresses");
    for (size_t i = 0; i < count; i++) {
        char *address;
        if (subnet_take_ipv6(call, subnet_of(call, interface), i < named ? asked[i] : NULL, &address, err) <
            0)
            return -1;
        list_add_text(&interface->ipv6_addresses, &interface->ipv6_count, address);
        addresses_taken(call->region, interface);
    }
    interface_changed(call, interface);
    put_text(&call->answer, "networkInterfaceId", interface->resource.id);
    put_texts(&call->answer, "assignedIpv6Addresses", "item", interface->ipv6_addresses + first, count);
    return 0;
}

int interface_unassign_ipv6(struct call *call, struct error *err)
{
    struct interface *interface;
    if (resource_target(call, &interface_kind, "NetworkInterfaceId", &interface, err) < 0)
        return -1;
    size_t count;
    const char **asked = call_list(call, "Ipv6Addresses", &count);
    for (size_t i = 0; i < count; i++)
        if (!list_has_text(interface->ipv6_addresses, interface->ipv6_count, asked[i]))
            return call_fail(call, err, 400, "InvalidParameterValue", "%s is no address of %s", asked[i],
                             interface->resource.id);
    addresses_given_back(call->region, interface);
    for (size_t i = interface->ipv6_count; i-- > 0;)
        for (size_t j = 0; j < count; j++)
            if (text_equal(interface->ipv6_addresses[i], asked[j])) {
                list_remove(&text_record, &interface->ipv6_addresses, &interface->ipv6_count, i);
                break;
            }
    addresses_taken(call->region, interface);
    interface_changed(call, interface);
    put_text(&call->answer, "networkInterfaceId", interface->resource.id);
    put_open(&call->answer, "unassignedIpv6Addresses");
    for (size_t i = 0; i < count; i++)
        put_text(&call->answer, "item", asked[i]);
    put_close(&call->answer, "unassignedIpv6Addresses");
    return 0;
}

int interface_assign_private(struct call *call, struct error *err)
{
    struct interface *interface;
    int64_t more;
    size_t named;
    if (resource_target(call, &interface_kind, "NetworkInterfaceId", &interface, err) < 0 ||
        call_number(call, "SecondaryPrivateIpAddressCount", 0, 30, 0, &more, err) < 0)
        return -1;
    const char **asked = call_list(call, "PrivateIpAddress", &named);
    size_t count = named + (size_t)more;
    if (interface->address_count + count > 30 || !count)
        return call_fail(call, err, 400, "InvalidParameterValue",
                         "An interface has 1 to 30 private addresses");
    put_text(&call->answer, "networkInterfaceId", interface->resource.id);
    put_open(&call->answer, "assignedPrivateIpAddressesSet");
    for (size_t i = 0; i < count; i++) {
        char *address;
        if (subnet_take_ipv4(call, subnet_of(call, interface), i < named ? asked[i] : NULL, &address, err) <
            0)
            return -1;
        list_add_text(&interface->addresses, &interface->address_count, address);
        addresses_taken(call->region, interface);
        put_open(&call->answer, "item");
        put_text(&call->answer, "privateIpAddress", address);
        put_close(&call->answer, "item");
    }
    put_close(&call->answer, "assignedPrivateIpAddressesSet");
    interface_changed(call, interface);
    return 0;
}

int interface_unassign_private(struct call *call, struct error *err)
{
    struct interface *interface;
    size_t count;
    if (resource_target(call, &interface_kind, "NetworkInterfaceId", &interface, err) < 0)
        return -1;
    const char **asked = call_list(call, "PrivateIpAddress", &count);
    for (size_t i = 0; i < count; i++)
        if (!list_has_text(interface->addresses, interface->address_count, asked[i]) ||
            text_equal(interface->addresses[0], asked[i]))
            return call_fail(call, err, 400, "InvalidParameterValue",
                             "%s is no secondary private address of %s", asked[i], interface->resource.id);
    addresses_given_back(call->region, interface);
    for (size_t i = 0; i < count; i++) {
        const struct elastic_address *elastic = elastic_address_of(interface, asked[i]);
        if (elastic)
            elastic_address_free((struct elastic_address *)(uintptr_t)elastic);
        for (size_t j = interface->address_count; j-- > 1;)
            if (text_equal(interface->addresses[j], asked[i]))
                list_remove(&text_record, &interface->addresses, &interface->address_count, j);
    }
    addresses_taken(call->region, interface);
    interface_changed(call, interface);
    put_true(call);
    return 0;
}

static int replace_groups(struct call *call, struct interface *interface, const char **groups,
                          struct error *err)
{
    for (const char **id = groups; *id; id++) {
        struct group *group = resource_find(call->region, call->account, &group_kind, *id);
        if (!group || !text_equal(group->vpc_id, interface->vpc_id))
            return resource_missing(call, &group_kind, *id, err);
    }
    list_clear(&text_record, &interface->groups, &interface->group_count);
    for (; *groups; groups++)
        list_add_text(&interface->groups, &interface->group_count, *groups);
    return 0;
}

int interface_modify_attribute(struct call *call, struct error *err)
{
    struct interface *interface;
    size_t count;
    if (resource_target(call, &interface_kind, "NetworkInterfaceId", &interface, err) < 0 ||
        text_check(call, "Description", call_parameter(call, "Description.Value"), 255, err) < 0)
        return -1;
    const char **groups = call_list(call, "SecurityGroupId", &count);
    if (count && replace_groups(call, interface, groups, err) < 0)
        return -1;
    if (call_parameter(call, "SourceDestCheck.Value"))
        interface->source_check = call_true(call, "SourceDestCheck.Value");
    if (call_parameter(call, "Description.Value"))
        text_replace(&interface->description, call_parameter(call, "Description.Value"));
    if (call_parameter(call, "Attachment.DeleteOnTermination"))
        interface->delete_on_termination = call_true(call, "Attachment.DeleteOnTermination");
    interface_changed(call, interface);
    put_true(call);
    return 0;
}
