/* Making, changing and ending VPC endpoints. */
#include "localaws/ec2/endpoint.h"
#include "localaws/ec2/private_service.h"
#include "localaws/ec2/to_plane.h"

#include "base/text.h"

#include <string.h>

enum { MOST_OF_EACH = 200, LONGEST_POLICY = 20480 };

static const char full_access[] = "{\"Version\":\"2008-10-17\",\"Statement\":[{\"Effect\":\"Allow\","
                                  "\"Principal\":\"*\",\"Action\":\"*\",\"Resource\":\"*\"}]}";

/* PARAMETER.N, each of this kind and of the endpoint's VPC. */
static int take_ids(struct call *call, const char *parameter, const struct kind *kind, char ***ids,
                    size_t *count, struct error *err)
{
    const char **given = call_list(call, parameter, count);
    *ids = arena_alloc(call->arena, (*count + 1) * sizeof **ids);
    for (size_t i = 0; i < *count; i++) {
        if (!resource_find(call->region, call->account, kind, given[i]))
            return resource_missing(call, kind, given[i], err);
        (*ids)[i] = arena_strdup(call->arena, given[i]);
    }
    return room_check(call, parameter, *count, MOST_OF_EACH, err);
}

/* What was given, or what AWS puts in its place. */
static char *given_or(struct call *call, const char *name, const char *standard)
{
    const char *given = call_parameter(call, "%s", name);
    return arena_strdup(call->arena, given ? given : standard);
}

static int take_service(struct call *call, struct endpoint *draft, struct error *err)
{
    const char *name;
    if (call_required(call, "ServiceName", &name, err) < 0)
        return -1;
    const struct endpoint_service *service = endpoint_service_named(call->region, name);
    draft->service = arena_strdup(call->arena, name);
    if (!service && endpoint_is_private(draft)) {
        draft->type = given_or(call, "VpcEndpointType", "Interface");
        return private_link_take(call, draft, err);
    }
    if (!service)
        return call_fail(call, err, 400, "InvalidServiceName", "The Vpc Endpoint Service '%s' does not exist",
                         name);
    draft->type = given_or(call, "VpcEndpointType", "Gateway");
    bool gateway = text_equal(draft->type, "Gateway");
    if ((!gateway && !text_equal(draft->type, "Interface")) || (gateway && !service->prefix_list))
        return call_fail(call, err, 400, "InvalidParameter",
                         "Endpoint type (%s) does not match available service types ([%s]).", draft->type,
                         service->prefix_list ? "Gateway, Interface" : "Interface");
    return 0;
}

/* The service's names can lead to one endpoint of a VPC only, and only where the VPC has names. */
static int check_private_dns(struct call *call, const struct vpc *vpc, const struct endpoint *draft,
                             struct error *err)
{
    if (!draft->private_dns)
        return 0;
    if (!vpc->dns_support || !vpc->dns_hostnames)
        return call_fail(call, err, 400, "InvalidParameter",
                         "Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC "
                         "attributes set to true for %s",
                         vpc->resource.id);
    for_each_resource(struct endpoint, other, call->account, &endpoint_kind)
        if (other->private_dns && text_equal(other->vpc_id, vpc->resource.id) &&
            text_equal(other->service, draft->service) && !text_equal(other->resource.id, draft->resource.id))
            return call_fail(call, err, 400, "InvalidParameter",
                             "private-dns-enabled cannot be set because there is already a conflicting DNS "
                             "domain for %s in the VPC %s",
                             draft->service, vpc->resource.id);
    return 0;
}

/* One way to a service for each route table. */
static int check_route_tables(struct call *call, const struct endpoint *draft, char *const *tables,
                              size_t count, struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        const struct route_table *table =
            resource_find(call->region, call->account, &route_table_kind, tables[i]);
        if (!table)
            return resource_missing(call, &route_table_kind, tables[i], err);
        if (!text_equal(table->vpc_id, draft->vpc_id))
            return call_fail(call, err, 400, "InvalidParameter",
                             "Route table %s and %s belong to different networks", tables[i], draft->vpc_id);
        for_each_resource(struct endpoint, other, call->account, &endpoint_kind)
            if (text_equal(other->service, draft->service) &&
                !text_equal(other->resource.id, draft->resource.id) &&
                list_has_text(other->route_tables, other->route_table_count, tables[i]))
                return call_fail(call, err, 400, "RouteAlreadyExists",
                                 "route table %s already has a route with destination-prefix-list-id %s",
                                 tables[i],
                                 endpoint_service_named(call->region, draft->service)->prefix_list);
    }
    return 0;
}

static int check_subnets(struct call *call, const struct endpoint *draft, struct error *err)
{
    for (size_t i = 0; i < draft->subnet_count; i++) {
        const struct subnet *subnet =
            resource_find(call->region, call->account, &subnet_kind, draft->subnets[i]);
        if (!text_equal(subnet->vpc_id, draft->vpc_id))
            return call_fail(call, err, 400, "InvalidParameter", "Subnet %s does not belong to %s",
                             draft->subnets[i], draft->vpc_id);
        for (size_t j = 0; j < i; j++) {
            const struct subnet *other =
                resource_find(call->region, call->account, &subnet_kind, draft->subnets[j]);
            if (text_equal(other->zone, subnet->zone))
                return call_fail(call, err, 400, "DuplicateSubnetsInSameZone",
                                 "Found another VPC endpoint subnet in the availability zone of %s",
                                 draft->subnets[i]);
        }
    }
    return 0;
}

/* What may be left out. */
static void take_options(struct call *call, struct endpoint *draft)
{
    bool interface = text_equal(draft->type, "Interface");
    draft->policy = given_or(call, "PolicyDocument", full_access);
    draft->ip_address_type = given_or(call, "IpAddressType", "ipv4");
    draft->dns_record_ip_type =
        given_or(call, "DnsOptions.DnsRecordIpType", interface ? "ipv4" : "service-defined");
    draft->private_dns =
        interface && (call_parameter(call, "PrivateDnsEnabled") ? call_true(call, "PrivateDnsEnabled")
                                                                : !endpoint_is_private(draft));
}

/* Where it stands: in route tables or, with security groups, in subnets. */
static int take_places(struct call *call, struct endpoint *draft, struct error *err)
{
    bool interface = text_equal(draft->type, "Interface");
    if (take_ids(call, "RouteTableId", &route_table_kind, &draft->route_tables, &draft->route_table_count,
                 err) < 0 ||
        take_ids(call, "SubnetId", &subnet_kind, &draft->subnets, &draft->subnet_count, err) < 0 ||
        take_ids(call, "SecurityGroupId", &group_kind, &draft->groups, &draft->group_count, err) < 0)
        return -1;
    if (interface ? draft->route_table_count : draft->subnet_count + draft->group_count)
        return call_fail(
            call, err, 400, "InvalidParameter",
            "A gateway endpoint has route tables, an interface endpoint subnets and security groups");
    if (check_route_tables(call, draft, draft->route_tables, draft->route_table_count, err) < 0)
        return -1;
    return check_subnets(call, draft, err);
}

static int take_endpoint(struct call *call, const struct vpc *vpc, struct endpoint *draft, struct error *err)
{
    if (take_service(call, draft, err) < 0)
        return -1;
    take_options(call, draft);
    if (take_places(call, draft, err) < 0 || check_private_dns(call, vpc, draft, err) < 0 ||
        (endpoint_is_private(draft) && private_link_check(call, draft, err) < 0))
        return -1;
    if (text_equal(draft->type, "Interface") && !draft->group_count) {
        draft->groups = arena_alloc(call->arena, sizeof *draft->groups);
        draft->groups[draft->group_count++] = group_default(call->account, draft->vpc_id)->resource.id;
    }
    return 0;
}

static int add_interface(struct call *call, struct endpoint *endpoint, const char *subnet_id,
                         struct error *err)
{
    struct interface *interface;
    const char **groups = arena_alloc(call->arena, (endpoint->group_count + 1) * sizeof *groups);
    for (size_t i = 0; i < endpoint->group_count; i++)
        groups[i] = endpoint->groups[i];
    struct interface_order order = {
        .subnet = resource_find(call->region, call->account, &subnet_kind, subnet_id),
        .groups = groups,
        .ipv6_count = !text_equal(endpoint->ip_address_type, "ipv4"),
        .type = "vpc_endpoint",
        .requester = "amazon-vpc-endpoints",
        .owner = endpoint->resource.id,
        .description = arena_format(call->arena, "VPC Endpoint Interface %s", endpoint->resource.id),
    };
    if (interface_create(call, &order, &interface, err) < 0)
        return -1;
    list_add_text(&endpoint->interfaces, &endpoint->interface_count, interface->resource.id);
    return 0;
}

static void remove_interfaces(struct endpoint *endpoint, const char *subnet_id)
{
    struct region *region = endpoint->resource.region;
    for (size_t i = endpoint->interface_count; i-- > 0;) {
        struct interface *interface =
            resource_find(region, endpoint->resource.account, &interface_kind, endpoint->interfaces[i]);
        if (interface && subnet_id && !text_equal(interface->subnet_id, subnet_id))
            continue;
        if (interface)
            resource_remove(region, &interface->resource);
        list_remove(&text_record, &endpoint->interfaces, &endpoint->interface_count, i);
    }
}

static int answer_endpoint(struct call *call, const struct endpoint *endpoint)
{
    put_open(&call->answer, "vpcEndpoint");
    endpoint_kind.write(&call->answer, &endpoint->resource);
    put_close(&call->answer, "vpcEndpoint");
    put_text(&call->answer, "clientToken", endpoint->resource.client_token);
    return 0;
}

int endpoint_create(struct call *call, struct error *err)
{
    struct vpc *vpc;
    const char *token = call_parameter(call, "ClientToken");
    struct endpoint draft = {.resource.client_token = arena_strdup(call->arena, token)};
    struct endpoint *endpoint = resource_by_token(call->region, call->account, &endpoint_kind, token);
    if (endpoint)
        return answer_endpoint(call, endpoint);
    if (resource_named(call, &vpc_kind, "VpcId", &vpc, err) < 0)
        return -1;
    draft.vpc_id = vpc->resource.id;
    if (take_endpoint(call, vpc, &draft, err) < 0 ||
        call_tags(call, "vpc-endpoint", &draft.resource, err) < 0 ||
        draft_check(call, &endpoint_record, &draft, err) < 0 ||
        creation_authorize(call, &endpoint_kind, &draft.resource, err) < 0)
        return -1;
    endpoint = resource_add(call->region, call->account, &endpoint_kind, &draft);
    for (size_t i = 0; i < endpoint->subnet_count; i++)
        if (add_interface(call, endpoint, endpoint->subnets[i], err) < 0) {
            remove_interfaces(endpoint, NULL);
            resource_remove(call->region, &endpoint->resource);
            return -1;
        }
    vpc_changed(call->region, call->account, vpc->resource.id);
    private_link_changed(endpoint);
    region_changed(call->region); /* its service may be another account's */
    return answer_endpoint(call, endpoint);
}

static void remove_text(char ***texts, size_t *count, const char *text)
{
    for (size_t i = *count; i-- > 0;)
        if (text_equal((*texts)[i], text))
            list_remove(&text_record, texts, count, i);
}

/* AddX.N and RemoveX.N of one of the endpoint's lists. */
static void change_list(struct call *call, const char *what, char ***texts, size_t *count)
{
    for (const char **id = call_list(call, arena_format(call->arena, "Add%s", what), NULL); *id; id++)
        if (!list_has_text(*texts, *count, *id))
            list_add_text(texts, count, *id);
    for (const char **id = call_list(call, arena_format(call->arena, "Remove%s", what), NULL); *id; id++)
        remove_text(texts, count, *id);
}

static int check_changes(struct call *call, const struct endpoint *endpoint, struct error *err)
{
    struct endpoint draft = *endpoint;
    const struct vpc *vpc = resource_find(call->region, call->account, &vpc_kind, endpoint->vpc_id);
    char **tables, **groups;
    size_t table_count, group_count;
    if (take_ids(call, "AddRouteTableId", &route_table_kind, &tables, &table_count, err) < 0 ||
        take_ids(call, "AddSecurityGroupId", &group_kind, &groups, &group_count, err) < 0 ||
        take_ids(call, "AddSubnetId", &subnet_kind, &draft.subnets, &draft.subnet_count, err) < 0 ||
        check_route_tables(call, endpoint, tables, table_count, err) < 0 ||
        check_subnets(call, &draft, err) < 0 ||
        room_check(call, "route tables", endpoint->route_table_count + table_count, MOST_OF_EACH, err) < 0 ||
        text_check(call, "PolicyDocument", call_parameter(call, "PolicyDocument"), LONGEST_POLICY, err) < 0)
        return -1;
    if (endpoint_is_gateway(endpoint) && draft.subnet_count + group_count)
        return call_fail(call, err, 400, "InvalidParameter", "%s is a gateway endpoint",
                         endpoint->resource.id);
    draft.private_dns = call_true(call, "PrivateDnsEnabled");
    if (endpoint_is_private(endpoint) && private_link_check(call, &draft, err) < 0)
        return -1;
    return check_private_dns(call, vpc, &draft, err);
}

/* Interfaces have the endpoint's groups. */
static void regroup(struct endpoint *endpoint)
{
    for (size_t i = 0; i < endpoint->interface_count; i++) {
        struct interface *interface = resource_find(endpoint->resource.region, endpoint->resource.account,
                                                    &interface_kind, endpoint->interfaces[i]);
        if (!interface)
            continue;
        list_clear(&text_record, &interface->groups, &interface->group_count);
        for (size_t j = 0; j < endpoint->group_count; j++)
            list_add_text(&interface->groups, &interface->group_count, endpoint->groups[j]);
        resource_changed(&interface->resource);
    }
}

static int change_subnets(struct call *call, struct endpoint *endpoint, struct error *err)
{
    for (const char **id = call_list(call, "RemoveSubnetId", NULL); *id; id++) {
        remove_interfaces(endpoint, *id);
        remove_text(&endpoint->subnets, &endpoint->subnet_count, *id);
    }
    for (const char **id = call_list(call, "AddSubnetId", NULL); *id; id++) {
        if (list_has_text(endpoint->subnets, endpoint->subnet_count, *id))
            continue;
        if (add_interface(call, endpoint, *id, err) < 0)
            return -1;
        list_add_text(&endpoint->subnets, &endpoint->subnet_count, *id);
    }
    return 0;
}

int endpoint_modify(struct call *call, struct error *err)
{
    struct endpoint *endpoint;
    if (resource_target(call, &endpoint_kind, "VpcEndpointId", &endpoint, err) < 0 ||
        check_changes(call, endpoint, err) < 0)
        return -1;
    change_list(call, "RouteTableId", &endpoint->route_tables, &endpoint->route_table_count);
    change_list(call, "SecurityGroupId", &endpoint->groups, &endpoint->group_count);
    regroup(endpoint);
    int result = change_subnets(call, endpoint, err);
    if (call_parameter(call, "PolicyDocument") || call_true(call, "ResetPolicy"))
        text_replace(&endpoint->policy, given_or(call, "PolicyDocument", full_access));
    if (call_parameter(call, "PrivateDnsEnabled"))
        endpoint->private_dns = !endpoint_is_gateway(endpoint) && call_true(call, "PrivateDnsEnabled");
    region_changed(call->region);
    vpc_changed(call->region, call->account, endpoint->vpc_id);
    private_link_changed(endpoint);
    if (result == 0)
        put_true(call);
    return result;
}

int endpoint_delete(struct call *call, struct error *err)
{
    for (const char **id = call_list(call, "VpcEndpointId", NULL); *id; id++) {
        struct endpoint *endpoint = resource_find(call->region, call->account, &endpoint_kind, *id);
        if (!endpoint)
            return resource_missing(call, &endpoint_kind, *id, err);
        if (resource_authorize(call, &endpoint->resource, NULL, 0, err) < 0)
            return -1;
        const char *vpc_id = arena_strdup(call->arena, endpoint->vpc_id);
        private_link_gone(endpoint);
        remove_interfaces(endpoint, NULL);
        resource_remove(call->region, &endpoint->resource);
        vpc_changed(call->region, call->account, vpc_id);
        region_changed(call->region);
    }
    put_open(&call->answer, "unsuccessful");
    put_close(&call->answer, "unsuccessful");
    return 0;
}
