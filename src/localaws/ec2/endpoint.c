/* VPC endpoints to the region's services, as records: gateway ones in route tables, interface ones with
 * interfaces. The services are reached at the API's own address whether or not a VPC has endpoints. */
#include "localaws/ec2/ec2.h"

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
static const struct record endpoint_record = {"endpoint", sizeof(struct endpoint), endpoint_fields};

static bool filter_state(const struct resource *resource, const struct wanted *wanted)
{
    (void)resource;
    return wanted_has(wanted, "available");
}

static const struct filter endpoint_filters[] = {
    FILTER_TEXT("vpc-endpoint-id", struct endpoint, resource.id),
    FILTER_TEXT("vpc-id", struct endpoint, vpc_id),
    FILTER_TEXT("service-name", struct endpoint, service),
    FILTER_TEXT("vpc-endpoint-type", struct endpoint, type),
    FILTER_CALL("vpc-endpoint-state", filter_state),
    FILTER_END,
};

static const char *service_word(const struct endpoint *endpoint)
{
    const char *dot = strchr(endpoint->service + strlen("com.amazonaws."), '.');
    return dot ? dot + 1 : endpoint->service;
}

static void put_dns(struct buffer *out, const struct endpoint *endpoint)
{
    put_open(out, "dnsEntrySet");
    if (text_equal(endpoint->type, "Interface")) {
        const char *word = service_word(endpoint), *region = endpoint->service + strlen("com.amazonaws.");
        buffer_format(out,
                      "<item><dnsName>%s-local.%s.%.*s.vpce.amazonaws.com</dnsName>"
                      "<hostedZoneId>Z7HUB22UULQXV</hostedZoneId></item>",
                      endpoint->resource.id, word, (int)(word - region - 1), region);
    }
    put_close(out, "dnsEntrySet");
}

static void endpoint_write(struct buffer *out, const struct resource *resource)
{
    const struct endpoint *endpoint = (const struct endpoint *)(const void *)resource;
    put_text(out, "vpcEndpointId", resource->id);
    put_text(out, "vpcEndpointType", endpoint->type);
    put_text(out, "vpcId", endpoint->vpc_id);
    put_text(out, "serviceName", endpoint->service);
    put_text(out, "state", "available");
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
    return 0;
}

static int take_service(struct call *call, struct endpoint *draft, struct error *err)
{
    const char *service, *prefix = arena_format(call->arena, "com.amazonaws.%s.", call->region->name);
    if (call_required(call, "ServiceName", &service, err) < 0)
        return -1;
    if (!text_starts(service, prefix) || strlen(service) > 120)
        return call_fail(call, err, 400, "InvalidServiceName", "The Vpc Endpoint Service '%s' does not exist",
                         service);
    draft->service = arena_strdup(call->arena, service);
    return 0;
}

/* What was given, or what AWS puts in its place. */
static char *given_or(struct call *call, const char *name, const char *standard)
{
    const char *given = call_parameter(call, "%s", name);
    return arena_strdup(call->arena, given ? given : standard);
}

static int take_endpoint(struct call *call, struct endpoint *draft, struct error *err)
{
    if (take_service(call, draft, err) < 0)
        return -1;
    draft->type = given_or(call, "VpcEndpointType", "Gateway");
    draft->policy = given_or(call, "PolicyDocument",
                             "{\"Version\":\"2008-10-17\",\"Statement\":[{\"Effect\":\"Allow\","
                             "\"Principal\":\"*\",\"Action\":\"*\",\"Resource\":\"*\"}]}");
    bool interface = text_equal(draft->type, "Interface");
    draft->ip_address_type = given_or(call, "IpAddressType", "ipv4");
    draft->dns_record_ip_type =
        given_or(call, "DnsOptions.DnsRecordIpType", interface ? "ipv4" : "service-defined");
    draft->private_dns =
        interface && (!call_parameter(call, "PrivateDnsEnabled") || call_true(call, "PrivateDnsEnabled"));
    if (take_ids(call, "RouteTableId", &route_table_kind, &draft->route_tables, &draft->route_table_count,
                 err) < 0 ||
        take_ids(call, "SubnetId", &subnet_kind, &draft->subnets, &draft->subnet_count, err) < 0 ||
        take_ids(call, "SecurityGroupId", &group_kind, &draft->groups, &draft->group_count, err) < 0)
        return -1;
    if (interface && !draft->group_count) {
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
        .type = "vpc_endpoint",
        .requester = "amazon-vpc-endpoints",
        .description = arena_format(call->arena, "VPC Endpoint Interface %s", endpoint->resource.id),
    };
    if (interface_create(call, &order, &interface, err) < 0)
        return -1;
    list_add_text(&endpoint->interfaces, &endpoint->interface_count, interface->resource.id);
    return 0;
}

static int answer_endpoint(struct call *call, const struct endpoint *endpoint)
{
    put_open(&call->answer, "vpcEndpoint");
    endpoint_write(&call->answer, &endpoint->resource);
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
    if (take_endpoint(call, &draft, err) < 0 || call_tags(call, "vpc-endpoint", &draft.resource, err) < 0 ||
        creation_authorize(call, &endpoint_kind, &draft.resource, err) < 0)
        return -1;
    endpoint = resource_add(call->region, call->account, &endpoint_kind, &draft);
    for (size_t i = 0; text_equal(endpoint->type, "Interface") && i < endpoint->subnet_count; i++)
        if (add_interface(call, endpoint, endpoint->subnets[i], err) < 0)
            return -1;
    return answer_endpoint(call, endpoint);
}

static void remove_text(char ***texts, size_t *count, const char *text)
{
    for (size_t i = *count; i-- > 0;)
        if (text_equal((*texts)[i], text))
            list_remove(&text_record, texts, count, i);
}

/* Route tables and the policy can change; so far nothing asked for other subnets. */
int endpoint_modify(struct call *call, struct error *err)
{
    struct endpoint *endpoint;
    if (resource_target(call, &endpoint_kind, "VpcEndpointId", &endpoint, err) < 0)
        return -1;
    size_t added;
    const char **add = call_list(call, "AddRouteTableId", &added);
    if (room_check(call, "route tables", endpoint->route_table_count + added, 200, err) < 0 ||
        text_check(call, "PolicyDocument", call_parameter(call, "PolicyDocument"), 20480, err) < 0)
        return -1;
    for (const char **id = add; *id; id++)
        if (!list_has_text(endpoint->route_tables, endpoint->route_table_count, *id))
            list_add_text(&endpoint->route_tables, &endpoint->route_table_count, *id);
    for (const char **id = call_list(call, "RemoveRouteTableId", NULL); *id; id++)
        remove_text(&endpoint->route_tables, &endpoint->route_table_count, *id);
    if (call_parameter(call, "PolicyDocument"))
        text_replace(&endpoint->policy, call_parameter(call, "PolicyDocument"));
    if (call_parameter(call, "PrivateDnsEnabled"))
        endpoint->private_dns = call_true(call, "PrivateDnsEnabled");
    region_changed(call->region);
    put_true(call);
    return 0;
}

int endpoint_delete(struct call *call, struct error *err)
{
    for (const char **id = call_list(call, "VpcEndpointId", NULL); *id; id++) {
        struct endpoint *endpoint = resource_find(call->region, call->account, &endpoint_kind, *id);
        if (!endpoint)
            return resource_missing(call, &endpoint_kind, *id, err);
        if (resource_authorize(call, &endpoint->resource, NULL, 0, err) < 0)
            return -1;
        for (size_t i = 0; i < endpoint->interface_count; i++) {
            struct resource *interface =
                resource_find(call->region, call->account, &interface_kind, endpoint->interfaces[i]);
            if (interface)
                resource_remove(call->region, interface);
        }
        resource_remove(call->region, &endpoint->resource);
    }
    put_open(&call->answer, "unsuccessful");
    put_close(&call->answer, "unsuccessful");
    return 0;
}

int endpoint_describe(struct call *call, struct error *err)
{
    return resource_describe(call, &endpoint_kind, err);
}

/* Gateway endpoints route to prefix lists. The blocks are of documentation prefixes: nothing is routed by
 * them. */
static const struct prefix_list {
    const char *id, *service, *cidr;
} prefix_lists[] = {
    {"pl-63a5400a", "s3", "198.51.100.0/24"},
    {"pl-02cd2c6b", "dynamodb", "203.0.113.0/24"},
};

static const char *prefix_list_name(struct call *call, const struct prefix_list *list)
{
    return arena_format(call->arena, "com.amazonaws.%s.%s", call->region->name, list->service);
}

static const char *prefix_list_filter(struct call *call, const void *item, const char *filter)
{
    const struct prefix_list *list = item;
    return text_equal(filter, "prefix-list-id")     ? list->id
           : text_equal(filter, "prefix-list-name") ? prefix_list_name(call, list)
           : text_equal(filter, "owner-id")         ? "AWS"
                                                    : NULL;
}

static bool prefix_list_asked(struct call *call, const struct prefix_list *list)
{
    size_t id_count;
    const char **ids = call_list(call, "PrefixListId", &id_count);
    bool asked = id_count == 0;
    for (size_t i = 0; i < id_count; i++)
        asked = asked || text_equal(ids[i], list->id);
    return asked && call_filters_pass(call, prefix_list_filter, list);
}

static int describe_prefix_lists(struct call *call, bool managed)
{
    struct buffer *out = &call->answer;
    put_open(out, "prefixListSet");
    for (size_t i = 0; i < COUNT_OF(prefix_lists); i++) {
        const struct prefix_list *list = &prefix_lists[i];
        if (!prefix_list_asked(call, list))
            continue;
        put_open(out, "item");
        put_text(out, "prefixListId", list->id);
        put_text(out, "prefixListName", prefix_list_name(call, list));
        if (managed) {
            put_text(out, "addressFamily", "IPv4");
            put_text(out, "ownerId", "AWS");
            put_text(out, "state", "create-complete");
            put_text(
                out, "prefixListArn",
                arena_format(call->arena, "arn:aws:ec2:%s:aws:prefix-list/%s", call->region->name, list->id));
        } else {
            put_texts(out, "cidrSet", "item", (char *const[]){(char *)(uintptr_t)list->cidr}, 1);
        }
        put_close(out, "item");
    }
    put_close(out, "prefixListSet");
    return 0;
}

int prefix_list_describe(struct call *call, struct error *err)
{
    (void)err;
    return describe_prefix_lists(call, false);
}

int prefix_list_describe_managed(struct call *call, struct error *err)
{
    (void)err;
    return describe_prefix_lists(call, true);
}
