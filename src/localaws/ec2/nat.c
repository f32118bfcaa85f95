/* Elastic addresses and NAT gateways. There is no IPv4 internet here: they are records, so that Terraform
 * modules that make them apply and are destroyed as on AWS. Addresses come from 198.51.100.0/24 and
 * 203.0.113.0/24, which are for documentation. */
#include "localaws/ec2/ec2.h"
#include "localaws/ec2/to_plane.h"

#include "base/random.h"
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
};

static bool address_in_use(struct region *region, const char *text)
{
    for (struct account *account = region->accounts; account; account = account->next)
        for_each_resource(struct elastic_address, address, account, &elastic_address_kind)
            if (text_equal(address->address, text))
                return true;
    return false;
}

static int pick_address(struct call *call, char **text, struct error *err)
{
    unsigned first = (unsigned)random_below(508);
    for (unsigned tried = 0; tried < 508; tried++) {
        unsigned place = (first + tried) % 508;
        *text = arena_format(call->arena, "%s.%u", place < 254 ? "198.51.100" : "203.0.113", place % 254 + 1);
        if (!address_in_use(call->region, *text))
            return 0;
    }
    return call_fail(call, err, 400, "AddressLimitExceeded",
                     "The region's public IPv4 addresses are all allocated");
}

int address_allocate(struct call *call, struct error *err)
{
    struct elastic_address draft = {0};
    if (call_tags(call, "elastic-ip", &draft.resource, err) < 0 ||
        creation_authorize(call, &elastic_address_kind, &draft.resource, err) < 0 ||
        pick_address(call, &draft.address, err) < 0)
        return -1;
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

static void associate(struct call *call, struct elastic_address *address, const struct interface *interface)
{
    text_replace(&address->association_id, region_identifier(call->region, call->arena, "eipassoc"));
    text_replace(&address->interface_id, interface->resource.id);
    text_replace(&address->instance_id, interface->instance_id);
    text_replace(&address->private_address, interface->addresses[0]);
    region_changed(call->region);
    vpc_changed(call->region, call->account, interface->vpc_id);
}

static void disassociate(struct call *call, struct elastic_address *address)
{
    struct interface *interface =
        resource_find(call->region, call->account, &interface_kind, address->interface_id);
    text_replace(&address->association_id, NULL);
    text_replace(&address->interface_id, NULL);
    text_replace(&address->instance_id, NULL);
    text_replace(&address->private_address, NULL);
    region_changed(call->region);
    if (interface)
        vpc_changed(call->region, call->account, interface->vpc_id);
}

int address_associate(struct call *call, struct error *err)
{
    struct elastic_address *address;
    struct interface *interface;
    struct instance *instance;
    if (resource_target(call, &elastic_address_kind, "AllocationId", &address, err) < 0)
        return -1;
    if (call_parameter(call, "InstanceId")) {
        if (resource_named(call, &instance_kind, "InstanceId", &instance, err) < 0)
            return -1;
        interface = instance_interface(instance, 0);
    } else if (resource_named(call, &interface_kind, "NetworkInterfaceId", &interface, err) < 0)
        return -1;
    if (!interface || (address->association_id && !call_true(call, "AllowReassociation")))
        return call_fail(call, err, 400, "Resource.AlreadyAssociated",
                         "resource %s is already associated with %s", address->resource.id,
                         address->association_id);
    associate(call, address, interface);
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
        disassociate(call, address);
        put_true(call);
        return 0;
    }
    return call_fail(call, err, 400, "InvalidAssociationID.NotFound",
                     "The association ID '%s' does not exist", id);
}

static const struct field nat_gateway_fields[] = {
    RESOURCE_FIELDS(struct nat_gateway),
    FIELD_TEXT(struct nat_gateway, vpc_id, "vpc", REQUIRED, 64, NULL, "its VPC"),
    FIELD_TEXT(struct nat_gateway, subnet_id, "subnet", REQUIRED, 64, NULL, "its subnet"),
    FIELD_TEXT(struct nat_gateway, allocation_id, "allocation", OPTIONAL, 64, NULL, "its elastic address"),
    FIELD_TEXT(struct nat_gateway, interface_id, "interface", REQUIRED, 64, NULL, "its interface"),
    FIELD_TEXT(struct nat_gateway, public_address, "publicAddress", OPTIONAL, 64, NULL, "outside"),
    FIELD_TEXT(struct nat_gateway, private_address, "privateAddress", REQUIRED, 64, NULL, "inside"),
    FIELD_TEXT(struct nat_gateway, connectivity, "connectivity", REQUIRED, 16, NULL, "public or private"),
    FIELD_END,
};
static const struct record nat_gateway_record = {"natGateway", sizeof(struct nat_gateway),
                                                 nat_gateway_fields};

static bool filter_available(const struct resource *resource, const struct wanted *wanted)
{
    (void)resource; /* one that is gone has no record */
    return wanted_has(wanted, "available");
}

static const struct filter nat_gateway_filters[] = {
    FILTER_TEXT("nat-gateway-id", struct nat_gateway, resource.id),
    FILTER_TEXT("vpc-id", struct nat_gateway, vpc_id),
    FILTER_TEXT("subnet-id", struct nat_gateway, subnet_id),
    FILTER_CALL("state", filter_available),
    FILTER_END,
};

static void nat_gateway_write(struct buffer *out, const struct resource *resource)
{
    const struct nat_gateway *gateway = (const struct nat_gateway *)(const void *)resource;
    put_text(out, "natGatewayId", resource->id);
    put_text(out, "vpcId", gateway->vpc_id);
    put_text(out, "subnetId", gateway->subnet_id);
    put_text(out, "state", "available");
    put_text(out, "connectivityType", gateway->connectivity);
    put_time(out, "createTime", resource->created_ms);
    buffer_text(out, "<natGatewayAddressSet><item>");
    put_text(out, "allocationId", gateway->allocation_id);
    put_text(out, "networkInterfaceId", gateway->interface_id);
    put_text(out, "privateIp", gateway->private_address);
    put_text(out, "publicIp", gateway->public_address);
    put_bool(out, "isPrimary", true);
    put_text(out, "status", "succeeded");
    buffer_text(out, "</item></natGatewayAddressSet>");
    put_tags(out, resource);
}

static void nat_gateway_context(struct context *context, const struct resource *resource)
{
    const struct nat_gateway *gateway = (const struct nat_gateway *)(const void *)resource;
    context_add_arn(context, "ec2:Vpc", "vpc", gateway->vpc_id);
    context_add_arn(context, "ec2:Subnet", "subnet", gateway->subnet_id);
}

const struct kind nat_gateway_kind = {
    .number = KIND_NAT_GATEWAY,
    .type = "natgateway",
    .prefix = "nat",
    .parameter = "NatGatewayId",
    .missing = "NatGatewayNotFound",
    .set = "natGatewaySet",
    .record = &nat_gateway_record,
    .filters = nat_gateway_filters,
    .write = nat_gateway_write,
    .context = nat_gateway_context,
};

static int answer_nat_gateway(struct call *call, const struct resource *gateway)
{
    put_text(&call->answer, "clientToken", gateway->client_token);
    put_open(&call->answer, "natGateway");
    nat_gateway_write(&call->answer, gateway);
    put_close(&call->answer, "natGateway");
    return 0;
}

static int nat_gateway_outside(struct call *call, struct nat_gateway *draft, struct elastic_address **address,
                               struct error *err)
{
    *address = NULL;
    if (text_equal(draft->connectivity, "private"))
        return 0;
    if (resource_named(call, &elastic_address_kind, "AllocationId", address, err) < 0)
        return -1;
    if ((*address)->association_id)
        return call_fail(call, err, 400, "InvalidIPAddress.InUse", "Address %s is in use.",
                         (*address)->address);
    draft->allocation_id = (*address)->resource.id;
    draft->public_address = (*address)->address;
    return 0;
}

int nat_gateway_create(struct call *call, struct error *err)
{
    struct subnet *subnet;
    struct elastic_address *address;
    struct interface *interface;
    const char *token = call_parameter(call, "ClientToken"),
               *connectivity = call_parameter(call, "ConnectivityType");
    struct nat_gateway draft = {.resource.client_token = arena_strdup(call->arena, token),
                                .connectivity =
                                    arena_strdup(call->arena, connectivity ? connectivity : "public")};
    struct resource *earlier = resource_by_token(call->region, call->account, &nat_gateway_kind, token);
    if (earlier)
        return answer_nat_gateway(call, earlier);
    if (resource_named(call, &subnet_kind, "SubnetId", &subnet, err) < 0 ||
        nat_gateway_outside(call, &draft, &address, err) < 0 ||
        call_tags(call, "natgateway", &draft.resource, err) < 0)
        return -1;
    draft.vpc_id = subnet->vpc_id;
    draft.subnet_id = subnet->resource.id;
    if (creation_authorize(call, &nat_gateway_kind, &draft.resource, err) < 0)
        return -1;
    draft.resource.id = region_identifier(call->region, call->arena, "nat");
    struct interface_order order = {
        .subnet = subnet,
        .no_groups = true,
        .type = "nat_gateway",
        .requester = "amazon-aws",
        .description = arena_format(call->arena, "Interface for NAT Gateway %s", draft.resource.id),
    };
    if (interface_create(call, &order, &interface, err) < 0)
        return -1;
    if (address)
        associate(call, address, interface);
    draft.interface_id = interface->resource.id;
    draft.private_address = interface->addresses[0];
    return answer_nat_gateway(call, resource_add(call->region, call->account, &nat_gateway_kind, &draft));
}

int nat_gateway_delete(struct call *call, struct error *err)
{
    struct nat_gateway *gateway;
    if (resource_target(call, &nat_gateway_kind, "NatGatewayId", &gateway, err) < 0)
        return -1;
    struct elastic_address *address =
        resource_find(call->region, call->account, &elastic_address_kind, gateway->allocation_id);
    struct resource *interface =
        resource_find(call->region, call->account, &interface_kind, gateway->interface_id);
    put_text(&call->answer, "natGatewayId", gateway->resource.id);
    if (address)
        disassociate(call, address);
    if (interface)
        resource_remove(call->region, interface);
    resource_remove(call->region, &gateway->resource);
    return 0;
}

int nat_gateway_describe(struct call *call, struct error *err)
{
    return resource_describe(call, &nat_gateway_kind, err);
}
