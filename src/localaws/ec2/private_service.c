#include "localaws/ec2/private_service.h"

#include "base/text.h"

#include <string.h>

static const struct field principal_fields[] = {
    FIELD_TEXT(struct allowed_principal, id, "id", REQUIRED, 64, NULL, "of the permission"),
    FIELD_TEXT(struct allowed_principal, principal, "principal", REQUIRED, 512, NULL, "an ARN or *"),
    FIELD_END,
};
const struct record allowed_principal_record = {"principal", sizeof(struct allowed_principal),
                                                principal_fields};

static const struct field service_fields[] = {
    RESOURCE_FIELDS(struct private_service),
    FIELD_BOOL(struct private_service, acceptance_required, "acceptanceRequired", OPTIONAL,
               "endpoints wait to be accepted"),
    FIELD_TEXT(struct private_service, dns_name, "dnsName", OPTIONAL, 255, NULL, "private DNS name"),
    FIELD_TEXT(struct private_service, dns_state, "dnsState", OPTIONAL, 32, NULL,
               "pendingVerification, verified, failed"),
    FIELD_TEXT(struct private_service, dns_record, "dnsRecord", OPTIONAL, 64, NULL,
               "the record that proves it"),
    FIELD_TEXT(struct private_service, dns_value, "dnsValue", OPTIONAL, 64, NULL, "and what it has to say"),
    FIELD_LIST(struct private_service, balancers, balancer_count, "balancers", OPTIONAL, 10, &text_record,
               "its load balancers"),
    FIELD_LIST(struct private_service, ip_address_types, ip_address_type_count, "ipAddressTypes", OPTIONAL, 2,
               &text_record, "ipv4, ipv6"),
    FIELD_LIST(struct private_service, principals, principal_count, "principals", OPTIONAL, 200,
               &allowed_principal_record, "who may make endpoints"),
    FIELD_END,
};
static const struct record service_record = {"endpointService", sizeof(struct private_service),
                                             service_fields};

static const struct private_service *of(const struct resource *resource)
{
    return (const struct private_service *)(const void *)resource;
}

static void filter_name(const struct resource *resource, struct values *values)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    values_add(values, private_service_name(arena, of(resource)));
}

static void filter_state(const struct resource *resource, struct values *values)
{
    (void)resource;
    values_add(values, "Available");
}

static const struct filter service_filters[] = {
    FILTER_TEXT("service-id", struct private_service, resource.id),
    FILTER_EACH("service-name", filter_name),
    FILTER_EACH("service-state", filter_state),
    FILTER_END,
};

char *private_service_name(struct arena *arena, const struct private_service *service)
{
    return arena_format(arena, "com.amazonaws.vpce.%s.%s", service->resource.region->name,
                        service->resource.id);
}

char *private_service_base_name(struct arena *arena, const struct private_service *service)
{
    return arena_format(arena, "%s.%s.vpce.amazonaws.com", service->resource.id,
                        service->resource.region->name);
}

struct private_service *private_service_named(struct region *region, const char *name)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    const char *prefix = arena_format(arena, "com.amazonaws.vpce.%s.", region->name);
    if (!name || !text_starts(name, prefix))
        return NULL;
    return (struct private_service *)(void *)resource_anywhere(region, &private_service_kind,
                                                               name + strlen(prefix));
}

static bool lets_in(const struct call *call, const char *principal)
{
    const char *account = arena_format(call->arena, "arn:aws:iam::%s:root", call->account->id);
    return text_equal(principal, "*") || text_equal(principal, account) ||
           text_equal(principal, call->caller->principal_arn) || text_equal(principal, call->caller->arn);
}

struct private_service *private_service_visible(struct call *call, const char *name)
{
    struct private_service *service = private_service_named(call->region, name);
    bool may = service && service->resource.account == call->account;
    for (size_t i = 0; service && !may && i < service->principal_count; i++)
        may = lets_in(call, service->principals[i].principal);
    return may ? service : NULL;
}

static struct balancer *balancer_at(const struct private_service *service, size_t at)
{
    return resource_find(service->resource.region, service->resource.account, &balancer_kind,
                         service->balancers[at]);
}

struct balancer *private_service_balancer(const struct private_service *service, const char *zone)
{
    for (size_t i = 0; i < service->balancer_count; i++) {
        struct balancer *balancer = balancer_at(service, i);
        for (size_t j = 0; balancer && j < balancer->interface_count; j++) {
            const struct interface *interface = balancer_interface(balancer, j);
            if (interface && text_equal(interface->zone, zone))
                return balancer;
        }
    }
    return NULL;
}

const char *private_service_zone(const struct private_service *service, struct arena *arena, size_t at)
{
    const char *zone;
    for (size_t i = 0; (zone = zone_at(service->resource.region, arena, i)); i++)
        if (private_service_balancer(service, zone) && at-- == 0)
            return zone;
    return NULL;
}

static void put_zones_of(struct buffer *out, const struct private_service *service)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    const char *zone;
    put_open(out, "availabilityZoneSet");
    for (size_t i = 0; (zone = private_service_zone(service, arena, i)); i++)
        put_text(out, "item", zone);
    put_close(out, "availabilityZoneSet");
}

static void put_common(struct buffer *out, const struct private_service *service)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    buffer_text(out, "<serviceType><item><serviceType>Interface</serviceType></item></serviceType>");
    put_text(out, "serviceId", service->resource.id);
    put_text(out, "serviceName", private_service_name(arena, service));
    put_zones_of(out, service);
    put_bool(out, "acceptanceRequired", service->acceptance_required);
    put_bool(out, "managesVpcEndpoints", false);
    put_texts(out, "supportedIpAddressTypeSet", "item", service->ip_address_types,
              service->ip_address_type_count);
    put_open(out, "baseEndpointDnsNameSet");
    put_text(out, "item", private_service_base_name(arena, service));
    put_close(out, "baseEndpointDnsNameSet");
    put_text(out, "privateDnsName", service->dns_name);
    put_tags(out, &service->resource);
}

static void service_write(struct buffer *out, const struct resource *resource)
{
    const struct private_service *service = of(resource);
    put_common(out, service);
    put_text(out, "serviceState", "Available");
    put_texts(out, "networkLoadBalancerArnSet", "item", service->balancers, service->balancer_count);
    if (!service->dns_name)
        return;
    put_open(out, "privateDnsNameConfiguration");
    put_text(out, "state", service->dns_state);
    put_text(out, "type", "TXT");
    put_text(out, "value", service->dns_value);
    put_text(out, "name", service->dns_record);
    put_close(out, "privateDnsNameConfiguration");
}

static void service_context(struct context *context, const struct resource *resource)
{
    context_add(context, "ec2:VpceServicePrivateDnsName", of(resource)->dns_name);
}

const struct kind private_service_kind = {
    .number = KIND_ENDPOINT_SERVICE,
    .type = "vpc-endpoint-service",
    .prefix = "vpce-svc",
    .parameter = "ServiceId",
    .missing = "InvalidVpcEndpointServiceId.NotFound",
    .set = "serviceConfigurationSet",
    .record = &service_record,
    .filters = service_filters,
    .write = service_write,
    .context = service_context,
};

static const char *offer_filter(struct call *call, const void *item, const char *filter)
{
    const struct private_service *service = item;
    return text_equal(filter, "service-name")   ? private_service_name(call->arena, service)
           : text_equal(filter, "service-type") ? "Interface"
           : text_equal(filter, "owner")        ? service->resource.account->id
                                                : NULL;
}

static void put_detail(struct call *call, const struct private_service *service)
{
    struct buffer *out = &call->answer;
    put_open(out, "item");
    put_common(out, service);
    put_text(out, "owner", service->resource.account->id);
    put_bool(out, "vpcEndpointPolicySupported", false);
    if (service->dns_name) {
        put_open(out, "privateDnsNameSet");
        put_open(out, "item");
        put_text(out, "privateDnsName", service->dns_name);
        put_close(out, "item");
        put_close(out, "privateDnsNameSet");
        put_text(out, "privateDnsNameVerificationState", service->dns_state);
    }
    put_close(out, "item");
}

void private_services_put(struct call *call, const char **names, bool details)
{
    for (struct account *account = call->region->accounts; account; account = account->next)
        for_each_resource(struct private_service, service, account, &private_service_kind) {
            const char *name = private_service_name(call->arena, service), **asked = names;
            while (*asked && !text_equal(*asked, name))
                asked++;
            if ((*names && !*asked) || !private_service_visible(call, name) ||
                !call_filters_pass(call, offer_filter, service))
                continue;
            if (details)
                put_detail(call, service);
            else
                put_text(&call->answer, "item", name);
        }
}

int private_service_describe(struct call *call, struct error *err)
{
    return resource_describe(call, &private_service_kind, err);
}

bool balancer_serves_links(struct region *region, const char *arn)
{
    for (struct account *account = region->accounts; account; account = account->next)
        for_each_resource(struct private_service, service, account, &private_service_kind)
            if (list_has_text(service->balancers, service->balancer_count, arn))
                return true;
    return false;
}
