/* NAT gateways: an interface in a subnet that passes IPv4 on as coming from itself, and outside of the VPC,
 * with an elastic address, as coming from that. */
#include "localaws/ec2/public_address.h"
#include "localaws/ec2/to_plane.h"

#include "base/clock.h"
#include "base/text.h"

static const struct field nat_gateway_fields[] = {
    RESOURCE_FIELDS(struct nat_gateway),
    FIELD_TEXT(struct nat_gateway, vpc_id, "vpc", REQUIRED, 64, NULL, "its VPC"),
    FIELD_TEXT(struct nat_gateway, subnet_id, "subnet", REQUIRED, 64, NULL, "its subnet"),
    FIELD_TEXT(struct nat_gateway, allocation_id, "allocation", OPTIONAL, 64, NULL, "its elastic address"),
    FIELD_TEXT(struct nat_gateway, interface_id, "interface", REQUIRED, 64, NULL, "its interface"),
    FIELD_TEXT(struct nat_gateway, public_address, "publicAddress", OPTIONAL, 64, NULL, "outside"),
    FIELD_TEXT(struct nat_gateway, private_address, "privateAddress", REQUIRED, 64, NULL, "inside"),
    FIELD_TEXT(struct nat_gateway, connectivity, "connectivity", REQUIRED, 16, NULL, "public or private"),
    FIELD_INTEGER(struct nat_gateway, deleted_ms, "deleted", OPTIONAL, 0, 9e15, "when it was deleted"),
    FIELD_END,
};
static const struct record nat_gateway_record = {"natGateway", sizeof(struct nat_gateway),
                                                 nat_gateway_fields};

static const char *nat_gateway_state(const struct resource *resource)
{
    return ((const struct nat_gateway *)(const void *)resource)->deleted_ms ? "deleted" : "available";
}

static bool filter_state(const struct resource *resource, const struct wanted *wanted)
{
    return wanted_has(wanted, nat_gateway_state(resource));
}

static const struct filter nat_gateway_filters[] = {
    FILTER_TEXT("nat-gateway-id", struct nat_gateway, resource.id),
    FILTER_TEXT("vpc-id", struct nat_gateway, vpc_id),
    FILTER_TEXT("subnet-id", struct nat_gateway, subnet_id),
    FILTER_CALL("state", filter_state),
    FILTER_END,
};

static void nat_gateway_write(struct buffer *out, const struct resource *resource)
{
    const struct nat_gateway *gateway = (const struct nat_gateway *)(const void *)resource;
    put_text(out, "natGatewayId", resource->id);
    put_text(out, "vpcId", gateway->vpc_id);
    put_text(out, "subnetId", gateway->subnet_id);
    put_text(out, "state", nat_gateway_state(resource));
    put_text(out, "connectivityType", gateway->connectivity);
    put_time(out, "createTime", resource->created_ms);
    if (gateway->deleted_ms)
        put_time(out, "deleteTime", gateway->deleted_ms);
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
        .owner = draft.resource.id,
        .description = arena_format(call->arena, "Interface for NAT Gateway %s", draft.resource.id),
    };
    if (interface_create(call, &order, &interface, err) < 0)
        return -1;
    draft.interface_id = interface->resource.id;
    draft.private_address = interface->addresses[0];
    struct resource *made = resource_add(call->region, call->account, &nat_gateway_kind, &draft);
    if (address)
        elastic_address_stand_for(address, interface, interface->addresses[0]);
    vpc_changed(call->region, call->account, subnet->vpc_id);
    return answer_nat_gateway(call, made);
}

/* Of one that is gone clients still ask, to see that it is. */
void nat_gateways_forget_old(struct region *region, struct account *account)
{
    int64_t now = clock_now_ms();
    for (struct resource *item = resources_of(account, &nat_gateway_kind)->first, *next; item; item = next) {
        const struct nat_gateway *gateway = (const struct nat_gateway *)(const void *)item;
        next = item->next;
        if (gateway->deleted_ms && now - gateway->deleted_ms > region->remembered_ms)
            resource_remove(region, item);
    }
}

int nat_gateway_delete(struct call *call, struct error *err)
{
    struct nat_gateway *gateway;
    if (resource_target(call, &nat_gateway_kind, "NatGatewayId", &gateway, err) < 0)
        return -1;
    put_text(&call->answer, "natGatewayId", gateway->resource.id);
    if (gateway->deleted_ms)
        return 0;
    struct elastic_address *address =
        resource_find(call->region, call->account, &elastic_address_kind, gateway->allocation_id);
    struct resource *interface =
        resource_find(call->region, call->account, &interface_kind, gateway->interface_id);
    if (address)
        elastic_address_free(address);
    if (interface)
        resource_remove(call->region, interface);
    gateway->deleted_ms = clock_now_ms();
    resource_changed(&gateway->resource);
    vpc_changed(call->region, call->account, gateway->vpc_id);
    return 0;
}

int nat_gateway_describe(struct call *call, struct error *err)
{
    return resource_describe(call, &nat_gateway_kind, err);
}
