/* VPC endpoints: what they are, and how they are shown. ec2/endpoint_change.c makes and changes them. */
#include "localaws/ec2/endpoint.h"
#include "localaws/ec2/private_service.h"

#include "base/text.h"

#include <string.h>

static const struct field endpoint_fields[] = {
    RESOURCE_FIELDS(struct endpoint),
    FIELD_TEXT(struct endpoint, vpc_id, "vpc", REQUIRED, 64, NULL, "its VPC"),
    FIELD_TEXT(struct endpoint, type, "type", REQUIRED, 32, NULL, "Gateway or Interface"),
    FIELD_TEXT(struct endpoint, service, "service", REQUIRED, 128, NULL, "the service's name"),
    FIELD_TEXT(struct endpoint, policy, "policy", OPTIONAL, 20480, NULL, "its policy document"),
    FIELD_TEXT(struct endpoint, ip_address_type, "ipAddressType", OPTIONAL, 16, NULL,
               "ipv4, ipv6, dualstack"),
    FIELD_TEXT(struct endpoint, dns_record_ip_type, "dnsRecordIpType", OPTIONAL, 32, NULL,
               "of its DNS records"),
    FIELD_TEXT(struct endpoint, state, "state", OPTIONAL, 32, NULL, "of a private service's endpoint"),
    FIELD_BOOL(struct endpoint, private_dns, "privateDns", OPTIONAL, "the service's name leads to it"),
    FIELD_LIST(struct endpoint, route_tables, route_table_count, "routeTables", OPTIONAL, 200, &text_record,
               "of a gateway"),
    FIELD_LIST(struct endpoint, subnets, subnet_count, "subnets", OPTIONAL, 200, &text_record,
               "of interfaces"),
    FIELD_LIST(struct endpoint, groups, group_count, "groups", OPTIONAL, 200, &text_record, "of interfaces"),
    FIELD_LIST(struct endpoint, interfaces, interface_count, "interfaces", OPTIONAL, 200, &text_record,
               "one a subnet"),
    FIELD_END,
};
const struct record endpoint_record = {"endpoint", sizeof(struct endpoint), endpoint_fields};

static bool filter_state(const struct resource *resource, const struct wanted *wanted)
{
    return wanted_has(wanted, endpoint_state((const struct endpoint *)(const void *)resource));
}

static const struct filter endpoint_filters[] = {
    FILTER_TEXT("vpc-endpoint-id", struct endpoint, resource.id),
    FILTER_TEXT("vpc-id", struct endpoint, vpc_id),
    FILTER_TEXT("service-name", struct endpoint, service),
    FILTER_TEXT("vpc-endpoint-type", struct endpoint, type),
    FILTER_CALL("vpc-endpoint-state", filter_state),
    FILTER_END,
};

static void put_dns_entry(struct buffer *out, const char *name)
{
    put_open(out, "item");
    put_text(out, "dnsName", name);
    put_text(out, "hostedZoneId", "Z7HUB22UULQXV");
    put_close(out, "item");
}

static void put_dns(struct buffer *out, const struct endpoint *endpoint)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    const struct region *region = endpoint->resource.region;
    const struct endpoint_service *service = endpoint_service_of(endpoint);
    char *name;
    put_open(out, "dnsEntrySet");
    for (size_t i = 0; endpoint_is_private(endpoint) && (name = private_link_name(arena, endpoint, i)); i++)
        put_dns_entry(out, name);
    if (!endpoint_is_gateway(endpoint) && !endpoint_is_private(endpoint))
        put_dns_entry(out, endpoint_dns_name(region, arena, endpoint));
    if (endpoint->private_dns && service)
        put_dns_entry(out, endpoint_service_host(region, arena, service));
    put_close(out, "dnsEntrySet");
}

static void endpoint_write(struct buffer *out, const struct resource *resource)
{
    const struct endpoint *endpoint = (const struct endpoint *)(const void *)resource;
    put_text(out, "vpcEndpointId", resource->id);
    put_text(out, "vpcEndpointType", endpoint->type);
    put_text(out, "vpcId", endpoint->vpc_id);
    put_text(out, "serviceName", endpoint->service);
    put_text(out, "state", endpoint_state(endpoint));
    put_text(out, "policyDocument", endpoint->policy);
    put_texts(out, "routeTableIdSet", "item", endpoint->route_tables, endpoint->route_table_count);
    put_texts(out, "subnetIdSet", "item", endpoint->subnets, endpoint->subnet_count);
    put_groups(out, resource, endpoint->groups, endpoint->group_count);
    put_text(out, "ipAddressType", endpoint->ip_address_type);
    if (endpoint->dns_record_ip_type) {
        put_open(out, "dnsOptions");
        put_text(out, "dnsRecordIpType", endpoint->dns_record_ip_type);
        put_close(out, "dnsOptions");
    }
    put_bool(out, "privateDnsEnabled", endpoint->private_dns);
    put_bool(out, "requesterManaged", false);
    put_texts(out, "networkInterfaceIdSet", "item", endpoint->interfaces, endpoint->interface_count);
    put_dns(out, endpoint);
    put_time(out, "creationTimestamp", resource->created_ms);
    put_tags(out, resource);
    put_text(out, "ownerId", resource->account->id);
}

static void endpoint_context(struct context *context, const struct resource *resource)
{
    context_add_arn(context, "ec2:Vpc", "vpc", ((const struct endpoint *)(const void *)resource)->vpc_id);
}

const struct kind endpoint_kind = {
    .number = KIND_ENDPOINT,
    .type = "vpc-endpoint",
    .prefix = "vpce",
    .parameter = "VpcEndpointId",
    .missing = "InvalidVpcEndpointId.NotFound",
    .set = "vpcEndpointSet",
    .record = &endpoint_record,
    .filters = endpoint_filters,
    .write = endpoint_write,
    .context = endpoint_context,
};

int endpoint_describe(struct call *call, struct error *err)
{
    return resource_describe(call, &endpoint_kind, err);
}
