/* Network interfaces, the addresses of instances, load balancers, endpoints and NAT gateways: what one is,
 * and how it is shown. */
#include "localaws/ec2/public_address.h"
#include "localaws/ec2/tables.h"
#include "localaws/ec2/to_plane.h"

#include "base/clock.h"
#include "base/text.h"

static const struct field interface_fields[] = {
    RESOURCE_FIELDS(struct interface),
    FIELD_TEXT(struct interface, vpc_id, "vpc", REQUIRED, 64, NULL, "its VPC"),
    FIELD_TEXT(struct interface, subnet_id, "subnet", REQUIRED, 64, NULL, "its subnet"),
    FIELD_TEXT(struct interface, zone, "zone", REQUIRED, 64, NULL, "availability zone"),
    FIELD_TEXT(struct interface, mac, "mac", REQUIRED, 17, NULL, "hardware address"),
    FIELD_TEXT(struct interface, description, "description", OPTIONAL, 255, NULL, "for people"),
    FIELD_TEXT(struct interface, type, "type", REQUIRED, 32, NULL, "interface, network_load_balancer, ..."),
    FIELD_TEXT(struct interface, requester, "requester", OPTIONAL, 64, NULL, "the service that manages it"),
    FIELD_TEXT(struct interface, owner, "owner", OPTIONAL, 64, NULL,
               "the instance or load balancer it belongs to"),
    FIELD_TEXT(struct interface, attachment_id, "attachment", OPTIONAL, 64, NULL, "to an instance"),
    FIELD_TEXT(struct interface, instance_id, "instance", OPTIONAL, 64, NULL, "that instance"),
    FIELD_INTEGER(struct interface, device_index, "deviceIndex", OPTIONAL, 0, 64,
                  "0 is the primary interface"),
    FIELD_INTEGER(struct interface, attached_ms, "attached", OPTIONAL, 0, 9e15, "when"),
    FIELD_BOOL(struct interface, delete_on_termination, "deleteOnTermination", OPTIONAL,
               "goes with the instance"),
    FIELD_BOOL(struct interface, source_check, "sourceCheck", OPTIONAL,
               "may send from its own addresses only"),
    FIELD_TEXT(struct interface, public_address, "publicAddress", OPTIONAL, 64, NULL,
               "public IPv4 address of its own"),
    FIELD_BOOL(struct interface, auto_public, "autoPublic", OPTIONAL, "may have one"),
    FIELD_LIST(struct interface, addresses, address_count, "addresses", OPTIONAL, 64, &text_record, "IPv4"),
    FIELD_LIST(struct interface, ipv6_addresses, ipv6_count, "ipv6Addresses", OPTIONAL, 64, &text_record,
               "IPv6"),
    FIELD_LIST(struct interface, groups, group_count, "groups", OPTIONAL, 16, &text_record,
               "security groups"),
    FIELD_END,
};
static const struct record interface_record = {"interface", sizeof(struct interface), interface_fields};

static const struct interface *of(const struct resource *resource)
{
    return (const struct interface *)(const void *)resource;
}

static void add_all(struct values *values, char *const *texts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        values_add(values, texts[i]);
}

static void each_group(const struct resource *resource, struct values *values)
{
    add_all(values, of(resource)->groups, of(resource)->group_count);
}

static void each_address(const struct resource *resource, struct values *values)
{
    add_all(values, of(resource)->addresses, of(resource)->address_count);
}

static void each_ipv6(const struct resource *resource, struct values *values)
{
    add_all(values, of(resource)->ipv6_addresses, of(resource)->ipv6_count);
}

static const char *interface_status(const struct interface *interface)
{
    return interface->owner || interface->requester ? "in-use" : "available";
}

static void each_status(const struct resource *resource, struct values *values)
{
    values_add(values, interface_status(of(resource)));
}

static const struct filter interface_filters[] = {
    FILTER_TEXT("network-interface-id", struct interface, resource.id),
    FILTER_TEXT("vpc-id", struct interface, vpc_id),
    FILTER_TEXT("subnet-id", struct interface, subnet_id),
    FILTER_TEXT("availability-zone", struct interface, zone),
    FILTER_TEXT("description", struct interface, description),
    FILTER_TEXT("interface-type", struct interface, type),
    FILTER_TEXT("requester-id", struct interface, requester),
    FILTER_TEXT("mac-address", struct interface, mac),
    FILTER_TEXT("attachment.instance-id", struct interface, instance_id),
    FILTER_TEXT("attachment.attachment-id", struct interface, attachment_id),
    FILTER_EACH("group-id", each_group),
    FILTER_EACH("addresses.private-ip-address", each_address),
    FILTER_EACH("private-ip-address", each_address),
    FILTER_EACH("ipv6-addresses.ipv6-address", each_ipv6),
    FILTER_EACH("status", each_status),
    FILTER_END,
};

void interface_put_attachment(struct buffer *out, const struct interface *interface)
{
    if (!interface->attachment_id)
        return;
    put_open(out, "attachment");
    put_text(out, "attachmentId", interface->attachment_id);
    put_text(out, "instanceId", interface->instance_id);
    put_text(out, "instanceOwnerId",
             interface->instance_id ? interface->resource.account->id : interface->requester);
    put_number(out, "deviceIndex", interface->device_index);
    put_number(out, "networkCardIndex", 0);
    put_text(out, "status", "attached");
    put_time(out, "attachTime", interface->attached_ms);
    put_bool(out, "deleteOnTermination", interface->delete_on_termination);
    put_close(out, "attachment");
}

/* Shown as a part of its instance it does not say how it was associated. */
static void put_association(struct buffer *out, const struct interface *interface, const char *address,
                            bool part)
{
    const char *public = private_address_outside(interface, address);
    const struct elastic_address *elastic = elastic_address_of(interface, address);
    if (!public)
        return;
    put_open(out, "association");
    if (elastic && !part) {
        put_text(out, "allocationId", elastic->resource.id);
        put_text(out, "associationId", elastic->association_id);
    }
    put_text(out, "ipOwnerId", elastic ? elastic->resource.account->id : "amazon");
    put_text(out, "publicIp", public);
    put_public_name(out, interface, "publicDnsName", public);
    put_close(out, "association");
}

static void put_addresses(struct buffer *out, const struct interface *interface, bool part)
{
    put_open(out, "ipv6AddressesSet");
    for (size_t i = 0; i < interface->ipv6_count; i++) {
        put_open(out, "item");
        put_text(out, "ipv6Address", interface->ipv6_addresses[i]);
        put_bool(out, "isPrimaryIpv6", false);
        put_close(out, "item");
    }
    put_close(out, "ipv6AddressesSet");
    put_text(out, "privateIpAddress", interface->address_count ? interface->addresses[0] : NULL);
    put_open(out, "privateIpAddressesSet");
    for (size_t i = 0; i < interface->address_count; i++) {
        put_open(out, "item");
        put_text(out, "privateIpAddress", interface->addresses[i]);
        put_bool(out, "primary", i == 0);
        put_association(out, interface, interface->addresses[i], part);
        put_close(out, "item");
    }
    put_close(out, "privateIpAddressesSet");
    if (interface->address_count)
        put_association(out, interface, interface->addresses[0], part);
}

/* What an interface has also as a part of its instance. */
static void put_common(struct buffer *out, const struct interface *interface, bool part)
{
    put_text(out, "networkInterfaceId", interface->resource.id);
    put_text(out, "subnetId", interface->subnet_id);
    put_text(out, "vpcId", interface->vpc_id);
    put_text(out, "description", interface->description ? interface->description : "");
    put_text(out, "ownerId", interface->resource.account->id);
    put_text(out, "status", interface_status(interface));
    put_text(out, "macAddress", interface->mac);
    put_bool(out, "sourceDestCheck", interface->source_check);
    put_groups(out, &interface->resource, interface->groups, interface->group_count);
    put_addresses(out, interface, part);
    put_text(out, "interfaceType", interface->type);
}

void interface_write_part(struct buffer *out, const struct interface *interface)
{
    put_common(out, interface, true);
}

void interface_write(struct buffer *out, const struct resource *resource)
{
    const struct interface *interface = (const struct interface *)(const void *)resource;
    put_common(out, interface, false);
    put_text(out, "availabilityZone", interface->zone);
    put_text(out, "requesterId", interface->requester);
    put_bool(out, "requesterManaged", interface->requester != NULL);
    interface_put_attachment(out, interface);
    put_tags(out, resource);
}

static void interface_context(struct context *context, const struct resource *resource)
{
    const struct interface *interface = (const struct interface *)(const void *)resource;
    context_add_arn(context, "ec2:Vpc", "vpc", interface->vpc_id);
    context_add_arn(context, "ec2:Subnet", "subnet", interface->subnet_id);
    context_add(context, "ec2:AvailabilityZone", interface->zone);
}

static void interface_added(struct region *region, struct resource *resource)
{
    struct interface *interface = (struct interface *)(void *)resource;
    addresses_taken(region, interface);
    public_address_taken(region, interface->public_address, interface);
}

static void interface_removed(struct region *region, struct resource *resource)
{
    struct interface *interface = (struct interface *)(void *)resource;
    addresses_given_back(region, interface);
    public_address_given_back(region, interface->public_address, interface);
}

/* Instances are found by their interfaces' addresses and groups. */
static struct resource *interface_part_of(const struct resource *resource)
{
    return resource_find(resource->region, resource->account, &instance_kind, of(resource)->instance_id);
}

const struct kind interface_kind = {
    .number = KIND_INTERFACE,
    .type = "network-interface",
    .prefix = "eni",
    .parameter = "NetworkInterfaceId",
    .missing = "InvalidNetworkInterfaceID.NotFound",
    .set = "networkInterfaceSet",
    .record = &interface_record,
    .numerous = true,
    .filters = interface_filters,
    .write = interface_write,
    .context = interface_context,
    .added = interface_added,
    .removed = interface_removed,
    .part_of = interface_part_of,
};

bool interface_has_group(const struct interface *interface, const char *group_id)
{
    return list_has_text(interface->groups, interface->group_count, group_id);
}

void interface_remove(struct interface *interface)
{
    for (size_t i = 0; i < interface->address_count; i++) {
        const struct elastic_address *elastic = elastic_address_of(interface, interface->addresses[i]);
        if (elastic)
            elastic_address_free((struct elastic_address *)(uintptr_t)elastic);
    }
    resource_remove(interface->resource.region, &interface->resource);
}

void interface_attach(struct region *region, struct interface *interface, const char *instance_id,
                      int64_t device_index, bool delete_on_termination)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    text_replace(&interface->owner, instance_id);
    text_replace(&interface->instance_id, instance_id);
    text_replace(&interface->attachment_id, region_identifier(region, arena, "eni-attach"));
    interface->device_index = device_index;
    interface->delete_on_termination = delete_on_termination;
    interface->attached_ms = clock_now_ms();
    resource_changed(&interface->resource);
}

int interface_delete(struct call *call, struct error *err)
{
    struct interface *interface;
    if (resource_target(call, &interface_kind, "NetworkInterfaceId", &interface, err) < 0)
        return -1;
    if (interface->owner || interface->requester)
        return call_fail(call, err, 400, "InvalidParameterValue",
                         "Network interface '%s' is currently in use.", interface->resource.id);
    interface_remove(interface);
    put_true(call);
    return 0;
}

int interface_describe(struct call *call, struct error *err)
{
    return resource_describe(call, &interface_kind, err);
}
