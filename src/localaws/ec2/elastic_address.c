/* Elastic addresses: public addresses that are an account's until it gives them back, and stand for a private
 * address of whichever interface they are associated with. */
#include "localaws/ec2/public_address.h"
#include "localaws/ec2/to_plane.h"

#include "base/text.h"

static const struct field elastic_address_fields[] = {
    RESOURCE_FIELDS(struct elastic_address),
    FIELD_TEXT(struct elastic_address, address, "address", REQUIRED, 64, NULL, "the public address"),
    FIELD_TEXT(struct elastic_address, association_id, "association", OPTIONAL, 64, NULL,
               "with an interface"),
    FIELD_TEXT(struct elastic_address, interface_id, "interface", OPTIONAL, 64, NULL, "that interface"),
    FIELD_TEXT(struct elastic_address, instance_id, "instance", OPTIONAL, 64, NULL, "and its instance"),
    FIELD_TEXT(struct elastic_address, private_address, "privateAddress", OPTIONAL, 64, NULL,
               "what it stands for"),
    FIELD_END,
};
static const struct record elastic_address_record = {"elasticAddress", sizeof(struct elastic_address),
                                                     elastic_address_fields};

static const struct filter elastic_address_filters[] = {
    FILTER_TEXT("allocation-id", struct elastic_address, resource.id),
    FILTER_TEXT("association-id", struct elastic_address, association_id),
    FILTER_TEXT("public-ip", struct elastic_address, address),
    FILTER_TEXT("instance-id", struct elastic_address, instance_id),
    FILTER_TEXT("network-interface-id", struct elastic_address, interface_id),
    FILTER_TEXT("private-ip-address", struct elastic_address, private_address),
    FILTER_END,
};

static void elastic_address_write(struct buffer *out, const struct resource *resource)
{
    const struct elastic_address *address = (const struct elastic_address *)(const void *)resource;
    put_text(out, "publicIp", address->address);
    put_text(out, "allocationId", resource->id);
    put_text(out, "domain", "vpc");
    put_text(out, "instanceId", address->instance_id);
    put_text(out, "associationId", address->association_id);
    put_text(out, "networkInterfaceId", address->interface_id);
    if (address->interface_id)
        put_text(out, "networkInterfaceOwnerId", resource->account->id);
    put_text(out, "privateIpAddress", address->private_address);
    put_text(out, "publicIpv4Pool", "amazon");
    put_tags(out, resource);
}

static void added(struct region *region, struct resource *resource)
{
    public_address_taken(region, ((struct elastic_address *)(void *)resource)->address, resource);
}

static void removed(struct region *region, struct resource *resource)
{
    public_address_given_back(region, ((struct elastic_address *)(void *)resource)->address, resource);
}

const struct kind elastic_address_kind = {
    .number = KIND_ELASTIC_ADDRESS,
    .type = "elastic-ip",
    .prefix = "eipalloc",
    .parameter = "AllocationId",
    .missing = "InvalidAllocationID.NotFound",
    .set = "addressesSet",
    .record = &elastic_address_record,
    .filters = elastic_address_filters,
    .write = elastic_address_write,
    .added = added,
    .removed = removed,
};

int address_allocate(struct call *call, struct error *err)
{
    struct elastic_address draft = {0};
    if (call_tags(call, "elastic-ip", &draft.resource, err) < 0 ||
        creation_authorize(call, &elastic_address_kind, &draft.resource, err) < 0)
        return -1;
    draft.address = public_address_pick(call->region, call->arena);
    if (!draft.address)
        return call_fail(call, err, 400, "AddressLimitExceeded",
                         "The region's public IPv4 addresses are all allocated");
    struct elastic_address *made = resource_add(call->region, call->account, &elastic_address_kind, &draft);
    put_text(&call->answer, "publicIp", made->address);
    put_text(&call->answer, "domain", "vpc");
    put_text(&call->answer, "allocationId", made->resource.id);
    put_text(&call->answer, "publicIpv4Pool", "amazon");
    put_text(&call->answer, "networkBorderGroup", call->region->name);
    return 0;
}

int address_release(struct call *call, struct error *err)
{
    struct elastic_address *address;
    if (resource_target(call, &elastic_address_kind, "AllocationId", &address, err) < 0)
        return -1;
    if (address->association_id)
        return call_fail(call, err, 400, "InvalidIPAddress.InUse", "Address %s is in use.", address->address);
    resource_remove(call->region, &address->resource);
    put_true(call);
    return 0;
}

int address_describe(struct call *call, struct error *err)
{
    return resource_describe(call, &elastic_address_kind, err);
}

int address_describe_attribute(struct call *call, struct error *err)
{
    struct selection selection;
    if (resource_select(call, &elastic_address_kind, &selection, err) < 0)
        return -1;
    put_open(&call->answer, "addressSet");
    for (size_t i = 0; i < selection.count; i++) {
        put_open(&call->answer, "item");
        put_text(&call->answer, "publicIp", ((struct elastic_address *)(void *)selection.items[i])->address);
        put_text(&call->answer, "allocationId", selection.items[i]->id);
        put_close(&call->answer, "item");
    }
    put_close(&call->answer, "addressSet");
    return 0;
}

void elastic_address_free(struct elastic_address *address)
{
    struct region *region = address->resource.region;
    struct interface *interface =
        resource_find(region, address->resource.account, &interface_kind, address->interface_id);
    text_replace(&address->association_id, NULL);
    text_replace(&address->interface_id, NULL);
    text_replace(&address->instance_id, NULL);
    text_replace(&address->private_address, NULL);
    region_changed(region);
    if (!interface)
        return;
    interface_public_refresh(interface);
    vpc_changed(region, address->resource.account, interface->vpc_id);
}

void elastic_address_stand_for(struct elastic_address *address, struct interface *interface,
                               const char *private_address)
{
    struct region *region = address->resource.region;
    cleanup(arena_free) struct arena *arena = arena_new();
    char *inside = arena_strdup(arena, private_address);
    struct elastic_address *other =
        (struct elastic_address *)(uintptr_t)elastic_address_of(interface, inside);
    if (other && other != address)
        elastic_address_free(other);
    if (address->association_id)
        elastic_address_free(address);
    text_replace(&address->association_id, region_identifier(region, arena, "eipassoc"));
    text_replace(&address->interface_id, interface->resource.id);
    text_replace(&address->instance_id, interface->instance_id);
    text_replace(&address->private_address, inside);
    interface_public_refresh(interface);
    region_changed(region);
    vpc_changed(region, address->resource.account, interface->vpc_id);
}

static bool has_gateway(struct call *call, const char *vpc_id)
{
    for_each_resource(struct internet_gateway, gateway, call->account, &internet_gateway_kind)
        if (text_equal(gateway->vpc_id, vpc_id))
            return true;
    return false;
}

/* The interface and its private address that the call names. */
static int take_interface(struct call *call, struct interface **interface, const char **private_address,
                          struct error *err)
{
    struct instance *instance;
    if (call_parameter(call, "InstanceId")) {
        if (resource_named(call, &instance_kind, "InstanceId", &instance, err) < 0)
            return -1;
        *interface = instance_interface(instance, 0);
        if (!*interface)
            return call_fail(call, err, 400, "IncorrectInstanceState",
                             "The instance '%s' has no network interface", instance->resource.id);
    } else if (resource_named(call, &interface_kind, "NetworkInterfaceId", interface, err) < 0)
        return -1;
    *private_address = call_parameter(call, "PrivateIpAddress");
    if (!*private_address)
        *private_address = (*interface)->addresses[0];
    if (!list_has_text((*interface)->addresses, (*interface)->address_count, *private_address))
        return call_fail(call, err, 400, "InvalidParameterValue", "%s is no private address of %s",
                         *private_address, (*interface)->resource.id);
    if (!has_gateway(call, (*interface)->vpc_id))
        return call_fail(call, err, 400, "Gateway.NotAttached",
                         "Network %s is not attached to any internet gateway", (*interface)->vpc_id);
    return 0;
}

int address_associate(struct call *call, struct error *err)
{
    struct elastic_address *address;
    struct interface *interface;
    const char *private_address = NULL;
    if (resource_target(call, &elastic_address_kind, "AllocationId", &address, err) < 0 ||
        take_interface(call, &interface, &private_address, err) < 0)
        return -1;
    bool may_move = !call_parameter(call, "AllowReassociation") || call_true(call, "AllowReassociation");
    if (address->association_id && !may_move)
        return call_fail(call, err, 400, "Resource.AlreadyAssociated",
                         "resource %s is already associated with associate-id %s", address->resource.id,
                         address->association_id);
    if (!(address->association_id && text_equal(address->interface_id, interface->resource.id) &&
          text_equal(address->private_address, private_address)))
        elastic_address_stand_for(address, interface, private_address);
    put_true(call);
    put_text(&call->answer, "associationId", address->association_id);
    return 0;
}

int address_disassociate(struct call *call, struct error *err)
{
    const char *id;
    if (call_required(call, "AssociationId", &id, err) < 0)
        return -1;
    for_each_resource(struct elastic_address, address, call->account, &elastic_address_kind) {
        if (!text_equal(address->association_id, id))
            continue;
        if (resource_authorize(call, &address->resource, NULL, 0, err) < 0)
            return -1;
        for_each_resource(struct nat_gateway, gateway, call->account, &nat_gateway_kind)
            if (!gateway->deleted_ms && text_equal(gateway->allocation_id, address->resource.id))
                return call_fail(call, err, 400, "AuthFailure",
                                 "You do not have permission to access the specified resource: %s is %s's",
                                 id, gateway->resource.id);
        elastic_address_free(address);
        put_true(call);
        return 0;
    }
    return call_fail(call, err, 400, "InvalidAssociationID.NotFound",
                     "The association ID '%s' does not exist", id);
}
