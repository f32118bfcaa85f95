/* Endpoints of private services: what they are called, whether they work, and what the plane makes of them.
 */
#include "localaws/ec2/private_service.h"
#include "localaws/ec2/to_plane.h"

#include "base/text.h"

#include <string.h>

bool endpoint_is_private(const struct endpoint *endpoint)
{
    return text_starts(endpoint->service, "com.amazonaws.vpce.");
}

const char *endpoint_state(const struct endpoint *endpoint)
{
    return endpoint->state ? endpoint->state : ENDPOINT_AVAILABLE;
}

int private_link_take(struct call *call, struct endpoint *draft, struct error *err)
{
    const struct private_service *service = private_service_visible(call, draft->service);
    if (!service)
        return call_fail(call, err, 400, "InvalidServiceName",
                         "The Vpc Endpoint Service '%.200s' does not exist", draft->service);
    if (!text_equal(draft->type, "Interface"))
        return call_fail(call, err, 400, "InvalidParameter",
                         "Endpoint type (%.32s) does not match available service types ([Interface]).",
                         draft->type);
    draft->state =
        arena_strdup(call->arena, service->acceptance_required ? ENDPOINT_PENDING : ENDPOINT_AVAILABLE);
    return 0;
}

int private_link_check(struct call *call, const struct endpoint *draft, struct error *err)
{
    const struct private_service *service = private_service_named(call->region, draft->service);
    bool named = service && service->dns_name && text_equal(service->dns_state, "verified");
    if (draft->private_dns && !named)
        return call_fail(call, err, 400, "InvalidParameter",
                         "Private DNS can't be enabled because the service %s does not provide a verified "
                         "private DNS name.",
                         draft->service);
    for (size_t i = 0; i < draft->subnet_count; i++) {
        const struct subnet *subnet =
            resource_find(call->region, call->account, &subnet_kind, draft->subnets[i]);
        if (subnet && service && !private_service_balancer(service, subnet->zone))
            return call_fail(call, err, 400, "InvalidParameter",
                             "The VPC endpoint service %s does not support the availability zone of the "
                             "subnet: %s.",
                             draft->service, draft->subnets[i]);
    }
    return 0;
}

static const struct interface *interface_of(const struct endpoint *endpoint, size_t at)
{
    return resource_find(endpoint->resource.region, endpoint->resource.account, &interface_kind,
                         endpoint->interfaces[at]);
}

/* The word after the id is the same for all names of an endpoint: the start of a hash of it. */
static const char *word_of(struct arena *arena, const struct endpoint *endpoint)
{
    return arena_strndup(arena, endpoint->resource.id + strlen("vpce-"), 8);
}

char *private_link_name(struct arena *arena, const struct endpoint *endpoint, size_t at)
{
    const struct private_service *service =
        private_service_named(endpoint->resource.region, endpoint->service);
    if (!service)
        return NULL;
    const char *base = private_service_base_name(arena, service), *word = word_of(arena, endpoint);
    if (at == 0)
        return arena_format(arena, "%s-%s.%s", endpoint->resource.id, word, base);
    if (at <= endpoint->interface_count) {
        const struct interface *interface = interface_of(endpoint, at - 1);
        return arena_format(arena, "%s-%s-%s.%s", endpoint->resource.id, word,
                            interface ? interface->zone : "none", base);
    }
    bool named = endpoint->private_dns && service->dns_name && text_equal(service->dns_state, "verified");
    return named && at == endpoint->interface_count + 1 ? arena_strdup(arena, service->dns_name) : NULL;
}

void private_link_changed(struct endpoint *endpoint)
{
    struct region *region = endpoint->resource.region;
    const struct private_service *service = private_service_named(region, endpoint->service);
    if (!region->plane || !endpoint_is_private(endpoint))
        return;
    cleanup(arena_free) struct arena *arena = arena_new();
    bool open = service && text_equal(endpoint_state(endpoint), ENDPOINT_AVAILABLE);
    struct plane_link_front *fronts =
        arena_alloc(arena, (2 * endpoint->interface_count + 1) * sizeof *fronts);
    struct plane_link wanted = {.id = endpoint->resource.id, .vpc_id = endpoint->vpc_id, .fronts = fronts};
    for (size_t i = 0; i < endpoint->interface_count; i++) {
        const struct interface *interface = interface_of(endpoint, i);
        const struct balancer *balancer =
            open && interface ? private_service_balancer(service, interface->zone) : NULL;
        const char *name = balancer ? balancer->plane_name : NULL;
        if (interface && interface->address_count)
            fronts[wanted.front_count++] =
                (struct plane_link_front){interface->addresses[0], interface->zone, name};
        if (interface && interface->ipv6_count)
            fronts[wanted.front_count++] =
                (struct plane_link_front){interface->ipv6_addresses[0], interface->zone, name};
    }
    plane_apply_link(region->plane, &wanted);
}

void private_link_gone(struct endpoint *endpoint)
{
    if (endpoint->resource.region->plane && endpoint_is_private(endpoint))
        plane_remove_link(endpoint->resource.region->plane, endpoint->resource.id);
}

void private_links_changed(struct region *region, const struct private_service *service)
{
    for (struct account *account = region->accounts; account; account = account->next)
        for_each_resource(struct endpoint, endpoint, account, &endpoint_kind)
            if (endpoint_is_private(endpoint) &&
                (!service || private_service_named(region, endpoint->service) == service))
                private_link_changed(endpoint);
}

static bool is_private_name(const struct endpoint *endpoint, const char *vpc_id, const char *name,
                            const char *own)
{
    if (text_equal_nocase(own, name))
        return true;
    const char *dot = strchr(name, '.');
    return text_starts(own, "*.") && dot && text_equal_nocase(own + 1, dot) &&
           text_equal(endpoint->vpc_id, vpc_id);
}

/* The name's place says whose addresses are meant: the first all, the next each an interface's; the last, the
 * private one, means all and is known only in the endpoint's own VPC. */
static const char *const *addresses_for(struct arena *arena, const struct endpoint *endpoint, size_t at)
{
    if (at == 0 || at > endpoint->interface_count)
        return endpoint_addresses(arena, endpoint);
    struct endpoint one = *endpoint;
    one.interfaces = &endpoint->interfaces[at - 1];
    one.interface_count = 1;
    return endpoint_addresses(arena, &one);
}

const char *const *private_link_resolve(struct region *region, struct arena *arena, const char *vpc_id,
                                        const char *name)
{
    for (struct account *account = region->accounts; account; account = account->next)
        for_each_resource(struct endpoint, endpoint, account, &endpoint_kind) {
            char *own;
            for (size_t i = 0; endpoint_is_private(endpoint) && (own = private_link_name(arena, endpoint, i));
                 i++)
                if (is_private_name(endpoint, vpc_id, name, own) &&
                    (i <= endpoint->interface_count || text_equal(endpoint->vpc_id, vpc_id)))
                    return addresses_for(arena, endpoint, i);
        }
    return NULL;
}

/* One endpoint as its service's owner sees it. */
static void put_connection(struct call *call, const struct private_service *service,
                           const struct endpoint *endpoint)
{
    struct buffer *out = &call->answer;
    char *name;
    put_open(out, "item");
    put_text(out, "serviceId", service->resource.id);
    put_text(out, "vpcEndpointId", endpoint->resource.id);
    put_text(out, "vpcEndpointOwner", endpoint->resource.account->id);
    put_text(out, "vpcEndpointState", endpoint_state(endpoint));
    put_time(out, "creationTimestamp", endpoint->resource.created_ms);
    put_open(out, "dnsEntrySet");
    for (size_t i = 0; (name = private_link_name(call->arena, endpoint, i)); i++) {
        put_open(out, "item");
        put_text(out, "dnsName", name);
        put_text(out, "hostedZoneId", "Z7HUB22UULQXV");
        put_close(out, "item");
    }
    put_close(out, "dnsEntrySet");
    put_texts(out, "networkLoadBalancerArnSet", "item", service->balancers, service->balancer_count);
    put_text(out, "ipAddressType", endpoint->ip_address_type);
    put_text(out, "vpcEndpointConnectionId",
             arena_format(call->arena, "vpce-con-%s", endpoint->resource.id + strlen("vpce-")));
    put_close(out, "item");
}

static const char *connection_filter(struct call *call, const void *item, const char *filter)
{
    const struct endpoint *endpoint = item;
    const struct private_service *service = private_service_named(call->region, endpoint->service);
    return text_equal(filter, "service-id")           ? service->resource.id
           : text_equal(filter, "vpc-endpoint-id")    ? endpoint->resource.id
           : text_equal(filter, "vpc-endpoint-owner") ? endpoint->resource.account->id
           : text_equal(filter, "vpc-endpoint-state") ? endpoint_state(endpoint)
           : text_equal(filter, "ip-address-type")    ? endpoint->ip_address_type
                                                      : NULL;
}

/* Of all services of the caller's account. */
int private_link_describe(struct call *call, struct error *err)
{
    const char *token = call_parameter(call, "NextToken"), *next = NULL;
    bool started = text_empty(token);
    int64_t most, shown = 0;
    if (call_number(call, "MaxResults", 1, 1000, 1000, &most, err) < 0)
        return -1;
    put_open(&call->answer, "vpcEndpointConnectionSet");
    for (struct account *account = call->region->accounts; account && !next; account = account->next)
        for_each_resource(struct endpoint, endpoint, account, &endpoint_kind) {
            const struct private_service *service = private_service_named(call->region, endpoint->service);
            started = started || text_equal(endpoint->resource.id, token);
            if (!service || service->resource.account != call->account || !started ||
                !call_filters_pass(call, connection_filter, endpoint))
                continue;
            if (shown++ == most) {
                next = endpoint->resource.id;
                break;
            }
            put_connection(call, service, endpoint);
        }
    put_close(&call->answer, "vpcEndpointConnectionSet");
    put_text(&call->answer, "nextToken", next);
    return 0;
}

void put_refusal(struct call *call, const char *id, const char *code, const char *message)
{
    put_open(&call->answer, "item");
    put_open(&call->answer, "error");
    put_text(&call->answer, "code", code);
    put_text(&call->answer, "message", message);
    put_close(&call->answer, "error");
    put_text(&call->answer, "resourceId", id);
    put_close(&call->answer, "item");
}

/* Accepting and rejecting: what was rejected stays so. */
static int decide(struct call *call, const char *state, struct error *err)
{
    struct private_service *service;
    if (resource_target(call, &private_service_kind, "ServiceId", &service, err) < 0)
        return -1;
    put_open(&call->answer, "unsuccessful");
    for (const char **id = call_list(call, "VpcEndpointId", NULL); *id; id++) {
        struct endpoint *endpoint =
            (struct endpoint *)(void *)resource_anywhere(call->region, &endpoint_kind, *id);
        if (!endpoint || private_service_named(call->region, endpoint->service) != service) {
            put_refusal(call, *id, "InvalidVpcEndpointId.NotFound",
                        "The Vpc Endpoint Id does not exist in this service");
        } else if (text_equal(endpoint_state(endpoint), ENDPOINT_REJECTED) ||
                   (text_equal(state, ENDPOINT_AVAILABLE) && text_equal(endpoint_state(endpoint), state))) {
            put_refusal(call, *id, "InvalidState", "The endpoint is not in a state that allows this");
        } else {
            text_replace(&endpoint->state, state);
            resource_changed(&endpoint->resource);
            private_link_changed(endpoint);
        }
    }
    put_close(&call->answer, "unsuccessful");
    return 0;
}

int private_link_accept(struct call *call, struct error *err)
{
    return decide(call, ENDPOINT_AVAILABLE, err);
}

int private_link_reject(struct call *call, struct error *err)
{
    return decide(call, ENDPOINT_REJECTED, err);
}
