/* The services that endpoints lead to, and the names by which either is known. */
#include "localaws/ec2/endpoint.h"
#include "localaws/ec2/private_service.h"

#include "base/text.h"

#include <string.h>

/* Those whose `own` is NULL can have endpoints, as modules for AWS make them, but nobody is behind them. */
const struct endpoint_service endpoint_services[] = {
    {"s3", "s3", NULL, "pl-63a5400a", "198.19.255.0/24", {"198.19.255.1", NULL}},
    {"dynamodb", NULL, NULL, "pl-02cd2c6b", "198.19.254.0/24", {"198.19.254.1", NULL}},
    {.word = "ec2", .own = "ec2"},
    {.word = "ec2messages"},
    {.word = "ecr.api", .host = "api.ecr"},
    {.word = "ecr.dkr", .host = "dkr.ecr"},
    {.word = "elasticloadbalancing", .own = "elasticloadbalancing"},
    {.word = "events"},
    {.word = "kms", .own = "kms"},
    {.word = "logs"},
    {.word = "monitoring"},
    {.word = "secretsmanager"},
    {.word = "ssm", .own = "ssm"},
    {.word = "ssmmessages"},
    {.word = "sts", .own = "sts"},
    {.word = NULL},
};

const struct endpoint_service *endpoint_service_named(const struct region *region, const char *name)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    for (const struct endpoint_service *service = endpoint_services; service->word; service++)
        if (text_equal(name, arena_format(arena, "com.amazonaws.%s.%s", region->name, service->word)))
            return service;
    return NULL;
}

const struct endpoint_service *endpoint_service_of(const struct endpoint *endpoint)
{
    return endpoint_service_named(endpoint->resource.region, endpoint->service);
}

bool endpoint_is_gateway(const struct endpoint *endpoint)
{
    return text_equal(endpoint->type, "Gateway");
}

char *endpoint_service_host(const struct region *region, struct arena *arena,
                            const struct endpoint_service *service)
{
    return arena_format(arena, "%s.%s.amazonaws.com", service->host ? service->host : service->word,
                        region->name);
}

bool endpoint_service_has_name(const struct region *region, const struct endpoint_service *service,
                               const char *name)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    const char *host = endpoint_service_host(region, arena, service);
    return text_equal(name, host) || text_ends(name, arena_format(arena, ".%s", host));
}

char *endpoint_dns_name(const struct region *region, struct arena *arena, const struct endpoint *endpoint)
{
    const struct endpoint_service *service = endpoint_service_of(endpoint);
    return arena_format(arena, "%s-local.%s.%s.vpce.amazonaws.com", endpoint->resource.id,
                        service ? service->word : "service", region->name);
}

const char *const *endpoint_addresses(struct arena *arena, const struct endpoint *endpoint)
{
    const char **addresses = arena_alloc(arena, (2 * endpoint->interface_count + 1) * sizeof *addresses);
    size_t count = 0;
    for (size_t i = 0; i < endpoint->interface_count; i++) {
        const struct interface *interface = resource_find(
            endpoint->resource.region, endpoint->resource.account, &interface_kind, endpoint->interfaces[i]);
        if (interface && interface->address_count)
            addresses[count++] = arena_strdup(arena, interface->addresses[0]);
        if (interface && interface->ipv6_count)
            addresses[count++] = arena_strdup(arena, interface->ipv6_addresses[0]);
    }
    return addresses;
}

const struct endpoint *endpoint_by_name(struct region *region, const char *vpc_id, const char *name)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    const struct resource *vpc = resource_anywhere(region, &vpc_kind, vpc_id);
    if (!vpc)
        return NULL;
    for_each_resource(struct endpoint, endpoint, vpc->account, &endpoint_kind) {
        const struct endpoint_service *service = endpoint_service_of(endpoint);
        if (!text_equal(endpoint->vpc_id, vpc_id) || endpoint_is_gateway(endpoint) || !service)
            continue;
        if (text_equal(name, endpoint_dns_name(region, arena, endpoint)) ||
            (endpoint->private_dns && endpoint_service_has_name(region, service, name)))
            return endpoint;
    }
    return NULL;
}

bool region_endpoint(struct region *region, const char *id, const char **policy, const char **vpc_id)
{
    const struct resource *resource = resource_anywhere(region, &endpoint_kind, id);
    const struct endpoint *endpoint = (const struct endpoint *)(const void *)resource;
    *policy = endpoint ? endpoint->policy : NULL;
    *vpc_id = endpoint ? endpoint->vpc_id : NULL;
    return endpoint != NULL;
}

static void put_zones(struct call *call)
{
    const char *zone;
    put_open(&call->answer, "availabilityZoneSet");
    for (size_t i = 0; (zone = zone_at(call->region, call->arena, i)); i++)
        put_text(&call->answer, "item", zone);
    put_close(&call->answer, "availabilityZoneSet");
}

static void put_service(struct call *call, const struct endpoint_service *service, const char *name,
                        bool gateway)
{
    struct buffer *out = &call->answer;
    const char *host = endpoint_service_host(call->region, call->arena, service);
    put_open(out, "item");
    put_text(out, "serviceName", name);
    put_text(out, "serviceId", arena_format(call->arena, "vpce-svc-%s", service->word));
    buffer_format(out, "<serviceType><item><serviceType>%s</serviceType></item></serviceType>",
                  gateway ? "Gateway" : "Interface");
    put_zones(call);
    put_text(out, "owner", "amazon");
    put_open(out, "baseEndpointDnsNameSet");
    put_text(out, "item",
             gateway
                 ? host
                 : arena_format(call->arena, "%s.%s.vpce.amazonaws.com", service->word, call->region->name));
    put_close(out, "baseEndpointDnsNameSet");
    if (!gateway) {
        put_text(out, "privateDnsName", host);
        buffer_format(
            out, "<privateDnsNameSet><item><privateDnsName>%s</privateDnsName></item></privateDnsNameSet>",
            host);
    }
    put_bool(out, "vpcEndpointPolicySupported", true);
    put_bool(out, "acceptanceRequired", false);
    put_bool(out, "managesVpcEndpoints", false);
    buffer_text(out, "<tagSet/>");
    put_text(out, "privateDnsNameVerificationState", gateway ? NULL : "verified");
    buffer_text(out, "<supportedIpAddressTypeSet><item>ipv4</item></supportedIpAddressTypeSet>");
    put_close(out, "item");
}

struct offer {
    const struct endpoint_service *service;
    const char *name;
    bool gateway;
};

static const char *offer_filter(struct call *call, const void *item, const char *filter)
{
    const struct offer *offer = item;
    (void)call;
    return text_equal(filter, "service-name")   ? offer->name
           : text_equal(filter, "service-type") ? offer->gateway ? "Gateway" : "Interface"
           : text_equal(filter, "owner")        ? "amazon"
                                                : NULL;
}

/* The services asked for by name, each as often as it has types. */
int endpoint_describe_services(struct call *call, struct error *err)
{
    size_t named;
    const char **names = call_list(call, "ServiceName", &named);
    struct offer offers[64];
    size_t count = 0;
    for (size_t i = 0; i < named; i++)
        if (!endpoint_service_named(call->region, names[i]) && !private_service_visible(call, names[i]))
            return call_fail(call, err, 400, "InvalidServiceName",
                             "The Vpc Endpoint Service '%s' does not exist", names[i]);
    for (const struct endpoint_service *service = endpoint_services; service->word; service++)
        for (int gateway = 0; gateway <= (service->prefix_list ? 1 : 0); gateway++) {
            struct offer offer = {
                service, arena_format(call->arena, "com.amazonaws.%s.%s", call->region->name, service->word),
                gateway};
            bool asked = !named;
            for (size_t i = 0; i < named; i++)
                asked = asked || text_equal(names[i], offer.name);
            if (asked && count < COUNT_OF(offers) && call_filters_pass(call, offer_filter, &offer))
                offers[count++] = offer;
        }
    put_open(&call->answer, "serviceNameSet");
    for (size_t i = 0; i < count; i++)
        if (i == 0 || offers[i].service != offers[i - 1].service)
            put_text(&call->answer, "item", offers[i].name);
    private_services_put(call, names, false);
    put_close(&call->answer, "serviceNameSet");
    put_open(&call->answer, "serviceDetailSet");
    for (size_t i = 0; i < count; i++)
        put_service(call, offers[i].service, offers[i].name, offers[i].gateway);
    private_services_put(call, names, true);
    put_close(&call->answer, "serviceDetailSet");
    return 0;
}
