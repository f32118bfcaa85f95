/* Internet gateways and egress-only internet gateways: the doors of a VPC. */
#include "localaws/ec2/ec2.h"
#include "localaws/ec2/to_plane.h"

#include "base/text.h"

static const struct field internet_gateway_fields[] = {
    RESOURCE_FIELDS(struct internet_gateway),
    FIELD_TEXT(struct internet_gateway, vpc_id, "vpc", OPTIONAL, 64, NULL, "where it is attached"),
    FIELD_END,
};
static const struct record internet_gateway_record = {"internetGateway", sizeof(struct internet_gateway),
                                                      internet_gateway_fields};

static bool filter_attached(const struct resource *resource, const struct wanted *wanted)
{
    return wanted_has(wanted,
                      ((const struct internet_gateway *)(const void *)resource)->vpc_id ? "available" : NULL);
}

static const struct filter internet_gateway_filters[] = {
    FILTER_TEXT("internet-gateway-id", struct internet_gateway, resource.id),
    FILTER_TEXT("attachment.vpc-id", struct internet_gateway, vpc_id),
    FILTER_CALL("attachment.state", filter_attached),
    FILTER_END,
};

static void internet_gateway_write(struct buffer *out, const struct resource *resource)
{
    const struct internet_gateway *gateway = (const struct internet_gateway *)(const void *)resource;
    put_text(out, "internetGatewayId", resource->id);
    put_text(out, "ownerId", resource->account->id);
    put_open(out, "attachmentSet");
    if (gateway->vpc_id) {
        put_open(out, "item");
        put_text(out, "vpcId", gateway->vpc_id);
        put_text(out, "state", "available");
        put_close(out, "item");
    }
    put_close(out, "attachmentSet");
    put_tags(out, resource);
}

const struct kind internet_gateway_kind = {
    .number = KIND_INTERNET_GATEWAY,
    .type = "internet-gateway",
    .prefix = "igw",
    .parameter = "InternetGatewayId",
    .missing = "InvalidInternetGatewayID.NotFound",
    .set = "internetGatewaySet",
    .record = &internet_gateway_record,
    .filters = internet_gateway_filters,
    .write = internet_gateway_write,
};

int internet_gateway_create(struct call *call, struct error *err)
{
    struct internet_gateway draft = {0};
    if (call_tags(call, "internet-gateway", &draft.resource, err) < 0 ||
        creation_authorize(call, &internet_gateway_kind, &draft.resource, err) < 0)
        return -1;
    struct resource *made = resource_add(call->region, call->account, &internet_gateway_kind, &draft);
    put_open(&call->answer, "internetGateway");
    internet_gateway_write(&call->answer, made);
    put_close(&call->answer, "internetGateway");
    return 0;
}

int internet_gateway_delete(struct call *call, struct error *err)
{
    struct internet_gateway *gateway;
    if (resource_target(call, &internet_gateway_kind, "InternetGatewayId", &gateway, err) < 0)
        return -1;
    if (gateway->vpc_id)
        return call_fail(call, err, 400, "DependencyViolation",
                         "The internetGateway '%s' has dependencies and cannot be deleted.",
                         gateway->resource.id);
    resource_remove(call->region, &gateway->resource);
    put_true(call);
    return 0;
}

int internet_gateway_describe(struct call *call, struct error *err)
{
    return resource_describe(call, &internet_gateway_kind, err);
}

int internet_gateway_attach(struct call *call, struct error *err)
{
    struct internet_gateway *gateway;
    struct vpc *vpc;
    if (resource_target(call, &internet_gateway_kind, "InternetGatewayId", &gateway, err) < 0 ||
        resource_named(call, &vpc_kind, "VpcId", &vpc, err) < 0)
        return -1;
    if (gateway->vpc_id)
        return call_fail(call, err, 400, "Resource.AlreadyAssociated",
                         "resource %s is already attached to network %s", gateway->resource.id,
                         gateway->vpc_id);
    for_each_resource(struct internet_gateway, other, call->account, &internet_gateway_kind)
        if (text_equal(other->vpc_id, vpc->resource.id))
            return call_fail(call, err, 400, "InvalidParameterValue",
                             "Network %s already has an internet gateway attached", vpc->resource.id);
    text_replace(&gateway->vpc_id, vpc->resource.id);
    region_changed(call->region);
    vpc_changed(call->region, call->account, vpc->resource.id);
    put_true(call);
    return 0;
}

int internet_gateway_detach(struct call *call, struct error *err)
{
    struct internet_gateway *gateway;
    struct vpc *vpc;
    if (resource_target(call, &internet_gateway_kind, "InternetGatewayId", &gateway, err) < 0 ||
        resource_named(call, &vpc_kind, "VpcId", &vpc, err) < 0)
        return -1;
    if (!text_equal(gateway->vpc_id, vpc->resource.id))
        return call_fail(call, err, 400, "Gateway.NotAttached", "resource %s is not attached to network %s",
                         gateway->resource.id, vpc->resource.id);
    for_each_resource(struct elastic_address, address, call->account, &elastic_address_kind) {
        struct interface *mapped =
            resource_find(call->region, call->account, &interface_kind, address->interface_id);
        if (mapped && text_equal(mapped->vpc_id, vpc->resource.id))
            return call_fail(call, err, 400, "DependencyViolation",
                             "Network %s has some mapped public address(es).", vpc->resource.id);
    }
    text_replace(&gateway->vpc_id, NULL);
    region_changed(call->region);
    vpc_changed(call->region, call->account, vpc->resource.id);
    put_true(call);
    return 0;
}

static const struct field egress_gateway_fields[] = {
    RESOURCE_FIELDS(struct egress_gateway),
    FIELD_TEXT(struct egress_gateway, vpc_id, "vpc", REQUIRED, 64, NULL, "where it is attached"),
    FIELD_END,
};
static const struct record egress_gateway_record = {"egressGateway", sizeof(struct egress_gateway),
                                                    egress_gateway_fields};

static const struct filter egress_gateway_filters[] = {FILTER_END}; /* EC2 filters these by tags only */

static void egress_gateway_write(struct buffer *out, const struct resource *resource)
{
    const struct egress_gateway *gateway = (const struct egress_gateway *)(const void *)resource;
    put_text(out, "egressOnlyInternetGatewayId", resource->id);
    buffer_text(out, "<attachmentSet><item>");
    put_text(out, "vpcId", gateway->vpc_id);
    put_text(out, "state", "attached");
    buffer_text(out, "</item></attachmentSet>");
    put_tags(out, resource);
}

static void egress_gateway_context(struct context *context, const struct resource *resource)
{
    context_add_arn(context, "ec2:Vpc", "vpc",
                    ((const struct egress_gateway *)(const void *)resource)->vpc_id);
}

const struct kind egress_gateway_kind = {
    .number = KIND_EGRESS_GATEWAY,
    .type = "egress-only-internet-gateway",
    .prefix = "eigw",
    .parameter = "EgressOnlyInternetGatewayId",
    .missing = "InvalidGatewayID.NotFound",
    .set = "egressOnlyInternetGatewaySet",
    .record = &egress_gateway_record,
    .filters = egress_gateway_filters,
    .write = egress_gateway_write,
    .context = egress_gateway_context,
};

int egress_gateway_create(struct call *call, struct error *err)
{
    struct vpc *vpc;
    const char *token = call_parameter(call, "ClientToken");
    struct egress_gateway draft = {.resource.client_token = arena_strdup(call->arena, token)};
    struct resource *gateway = resource_by_token(call->region, call->account, &egress_gateway_kind, token);
    if (!gateway) {
        if (resource_named(call, &vpc_kind, "VpcId", &vpc, err) < 0 ||
            call_tags(call, "egress-only-internet-gateway", &draft.resource, err) < 0)
            return -1;
        draft.vpc_id = vpc->resource.id;
        if (creation_authorize(call, &egress_gateway_kind, &draft.resource, err) < 0)
            return -1;
        gateway = resource_add(call->region, call->account, &egress_gateway_kind, &draft);
        vpc_changed(call->region, call->account, vpc->resource.id);
    }
    put_text(&call->answer, "clientToken", token);
    put_open(&call->answer, "egressOnlyInternetGateway");
    egress_gateway_write(&call->answer, gateway);
    put_close(&call->answer, "egressOnlyInternetGateway");
    return 0;
}

int egress_gateway_delete(struct call *call, struct error *err)
{
    struct egress_gateway *gateway;
    if (resource_target(call, &egress_gateway_kind, "EgressOnlyInternetGatewayId", &gateway, err) < 0)
        return -1;
    char *vpc_id = arena_strdup(call->arena, gateway->vpc_id);
    resource_remove(call->region, &gateway->resource);
    vpc_changed(call->region, call->account, vpc_id);
    put_bool(&call->answer, "returnCode", true);
    return 0;
}

int egress_gateway_describe(struct call *call, struct error *err)
{
    return resource_describe(call, &egress_gateway_kind, err);
}
