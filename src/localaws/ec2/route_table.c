/* Route tables: what they are, and which subnets use them. ec2/route.c changes their routes. */
#include "localaws/ec2/endpoint.h"
#include "localaws/ec2/route.h"
#include "localaws/ec2/to_plane.h"

#include "base/text.h"

#include <string.h>

static const struct field association_fields[] = {
    FIELD_TEXT(struct association, id, "id", REQUIRED, 64, NULL, "the association's id"),
    FIELD_TEXT(struct association, subnet_id, "subnet", REQUIRED, 64, NULL, "the subnet"),
    FIELD_END,
};
const struct record association_record = {"association", sizeof(struct association), association_fields};

static const struct field route_fields[] = {
    FIELD_TEXT(struct route, destination, "destination", REQUIRED, 64, NULL, "block or prefix list"),
    FIELD_TEXT(struct route, target, "target", REQUIRED, 64, NULL, "gateway, interface or instance"),
    FIELD_END,
};
const struct record route_record = {"route", sizeof(struct route), route_fields};

static const struct field route_table_fields[] = {
    RESOURCE_FIELDS(struct route_table),
    FIELD_TEXT(struct route_table, vpc_id, "vpc", REQUIRED, 64, NULL, "its VPC"),
    FIELD_TEXT(struct route_table, main_association, "mainAssociation", OPTIONAL, 64, NULL,
               "of the VPC's main table"),
    FIELD_LIST(struct route_table, routes, route_count, "routes", OPTIONAL, MOST_ROUTES, &route_record,
               "routes"),
    FIELD_LIST(struct route_table, associations, association_count, "associations", OPTIONAL, 1000,
               &association_record, "subnets"),
    FIELD_END,
};
static const struct record route_table_record = {"routeTable", sizeof(struct route_table),
                                                 route_table_fields};

static bool filter_main(const struct resource *resource, const struct wanted *wanted)
{
    const struct route_table *table = (const struct route_table *)(const void *)resource;
    return wanted_has_bool(wanted, table->main_association != NULL);
}

static bool filter_association(const struct resource *resource, const struct wanted *wanted)
{
    const struct route_table *table = (const struct route_table *)(const void *)resource;
    for (size_t i = 0; i < table->association_count; i++)
        if (wanted_has(wanted, table->associations[i].id))
            return true;
    return wanted_has(wanted, table->main_association);
}

static bool filter_subnet(const struct resource *resource, const struct wanted *wanted)
{
    const struct route_table *table = (const struct route_table *)(const void *)resource;
    for (size_t i = 0; i < table->association_count; i++)
        if (wanted_has(wanted, table->associations[i].subnet_id))
            return true;
    return false;
}

static bool filter_target(const struct resource *resource, const struct wanted *wanted)
{
    const struct route_table *table = (const struct route_table *)(const void *)resource;
    for (size_t i = 0; i < table->route_count; i++)
        if (wanted_has(wanted, table->routes[i].target))
            return true;
    return false;
}

static bool filter_destination(const struct resource *resource, const struct wanted *wanted)
{
    const struct route_table *table = (const struct route_table *)(const void *)resource;
    for (size_t i = 0; i < table->route_count; i++)
        if (wanted_has(wanted, table->routes[i].destination))
            return true;
    return false;
}

static const struct filter route_table_filters[] = {
    FILTER_TEXT("route-table-id", struct route_table, resource.id),
    FILTER_TEXT("vpc-id", struct route_table, vpc_id),
    FILTER_CALL("association.main", filter_main),
    FILTER_CALL("association.route-table-association-id", filter_association),
    FILTER_CALL("association.subnet-id", filter_subnet),
    FILTER_TEXT("association.route-table-id", struct route_table, resource.id),
    FILTER_CALL("route.gateway-id", filter_target),
    FILTER_CALL("route.nat-gateway-id", filter_target),
    FILTER_CALL("route.egress-only-internet-gateway-id", filter_target),
    FILTER_CALL("route.destination-cidr-block", filter_destination),
    FILTER_CALL("route.destination-ipv6-cidr-block", filter_destination),
    FILTER_END,
};

const struct target_form target_forms[TARGET_FORMS] = {
    {"eigw-", "EgressOnlyInternetGatewayId", "egressOnlyInternetGatewayId"},
    {"nat-", "NatGatewayId", "natGatewayId"},
    {"eni-", "NetworkInterfaceId", "networkInterfaceId"},
    {"i-", "InstanceId", "instanceId"},
    {"vpce-", "VpcEndpointId", "gatewayId"},
    {"igw-", "GatewayId", "gatewayId"},
    {"local", "GatewayId", "gatewayId"},
};

static void put_destination(struct buffer *out, const char *destination)
{
    put_text(out,
             text_starts(destination, "pl-") ? "destinationPrefixListId"
             : strchr(destination, ':')      ? "destinationIpv6CidrBlock"
                                             : "destinationCidrBlock",
             destination);
}

static void put_route(struct buffer *out, const char *destination, const char *target, const char *origin,
                      bool active)
{
    put_open(out, "item");
    put_destination(out, destination);
    for (size_t i = 0; i < TARGET_FORMS; i++)
        if (text_starts(target, target_forms[i].prefix)) {
            put_text(out, target_forms[i].element, target);
            break;
        }
    put_text(out, "origin", origin);
    put_text(out, "state", active ? "active" : "blackhole");
    put_close(out, "item");
}

static void put_association(struct buffer *out, const struct route_table *table, const char *id,
                            const char *subnet_id)
{
    put_open(out, "item");
    put_text(out, "routeTableAssociationId", id);
    put_text(out, "routeTableId", table->resource.id);
    put_text(out, "subnetId", subnet_id);
    put_bool(out, "main", subnet_id == NULL);
    buffer_text(out, "<associationState><state>associated</state></associationState>");
    put_close(out, "item");
}

static const struct vpc *vpc_of(const struct route_table *table)
{
    return resource_find(table->resource.region, table->resource.account, &vpc_kind, table->vpc_id);
}

/* A gateway endpoint's are in every table it is associated with. */
static void put_endpoint_routes(struct buffer *out, const struct route_table *table)
{
    for_each_resource(struct endpoint, endpoint, table->resource.account, &endpoint_kind) {
        const struct endpoint_service *service = endpoint_service_of(endpoint);
        if (service && list_has_text(endpoint->route_tables, endpoint->route_table_count, table->resource.id))
            put_route(out, service->prefix_list, endpoint->resource.id, "CreateRoute", true);
    }
}

static void route_table_write(struct buffer *out, const struct resource *resource)
{
    const struct route_table *table = (const struct route_table *)(const void *)resource;
    const struct vpc *vpc = vpc_of(table);
    cleanup(arena_free) struct arena *arena = arena_new();
    put_text(out, "routeTableId", resource->id);
    put_text(out, "vpcId", table->vpc_id);
    put_text(out, "ownerId", resource->account->id);
    put_open(out, "routeSet");
    for (const char *const *cidr = vpc ? vpc_cidrs(vpc, arena) : NULL; cidr && *cidr; cidr++)
        put_route(out, *cidr, "local", "CreateRouteTable", true);
    for (size_t i = 0; i < table->route_count; i++)
        put_route(out, table->routes[i].destination, table->routes[i].target, "CreateRoute",
                  route_is_active(table, &table->routes[i]));
    put_endpoint_routes(out, table);
    put_close(out, "routeSet");
    put_open(out, "associationSet");
    if (table->main_association)
        put_association(out, table, table->main_association, NULL);
    for (size_t i = 0; i < table->association_count; i++)
        put_association(out, table, table->associations[i].id, table->associations[i].subnet_id);
    put_close(out, "associationSet");
    buffer_text(out, "<propagatingVgwSet/>");
    put_tags(out, resource);
}

static void route_table_context(struct context *context, const struct resource *resource)
{
    context_add_arn(context, "ec2:Vpc", "vpc", ((const struct route_table *)(const void *)resource)->vpc_id);
}

const struct kind route_table_kind = {
    .number = KIND_ROUTE_TABLE,
    .type = "route-table",
    .prefix = "rtb",
    .parameter = "RouteTableId",
    .missing = "InvalidRouteTableID.NotFound",
    .set = "routeTableSet",
    .record = &route_table_record,
    .filters = route_table_filters,
    .write = route_table_write,
    .context = route_table_context,
};

void route_table_add_main(struct region *region, struct account *account, const struct vpc *vpc)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct route_table draft = {
        .vpc_id = vpc->resource.id,
        .main_association = region_identifier(region, arena, "rtbassoc"),
    };
    resource_add(region, account, &route_table_kind, &draft);
}

struct route_table *route_table_main(struct account *account, const char *vpc_id)
{
    for_each_resource(struct route_table, table, account, &route_table_kind)
        if (table->main_association && text_equal(table->vpc_id, vpc_id))
            return table;
    return NULL;
}

struct route_table *route_table_of_subnet(struct account *account, const struct subnet *subnet)
{
    for_each_resource(struct route_table, table, account, &route_table_kind)
        for (size_t i = 0; i < table->association_count; i++)
            if (text_equal(table->associations[i].subnet_id, subnet->resource.id))
                return table;
    return route_table_main(account, subnet->vpc_id);
}

void route_table_forget_subnet(struct account *account, const char *subnet_id)
{
    for_each_resource(struct route_table, table, account, &route_table_kind)
        for (size_t i = table->association_count; i-- > 0;)
            if (text_equal(table->associations[i].subnet_id, subnet_id))
                list_remove(&association_record, &table->associations, &table->association_count, i);
}

static int answer_table(struct call *call, const struct route_table *table)
{
    put_open(&call->answer, "routeTable");
    route_table_write(&call->answer, &table->resource);
    put_close(&call->answer, "routeTable");
    put_text(&call->answer, "clientToken", table->resource.client_token);
    return 0;
}

int route_table_create(struct call *call, struct error *err)
{
    struct vpc *vpc;
    const char *token = call_parameter(call, "ClientToken");
    struct route_table draft = {.resource.client_token = arena_strdup(call->arena, token)};
    struct route_table *earlier = resource_by_token(call->region, call->account, &route_table_kind, token);
    if (earlier)
        return answer_table(call, earlier);
    if (resource_named(call, &vpc_kind, "VpcId", &vpc, err) < 0 ||
        call_tags(call, "route-table", &draft.resource, err) < 0)
        return -1;
    draft.vpc_id = vpc->resource.id;
    if (creation_authorize(call, &route_table_kind, &draft.resource, err) < 0)
        return -1;
    return answer_table(call, resource_add(call->region, call->account, &route_table_kind, &draft));
}

int route_table_delete(struct call *call, struct error *err)
{
    struct route_table *table;
    if (resource_target(call, &route_table_kind, "RouteTableId", &table, err) < 0)
        return -1;
    if (table->main_association || table->association_count)
        return call_fail(call, err, 400, "DependencyViolation",
                         "The routeTable '%s' has dependencies and cannot be deleted.", table->resource.id);
    resource_remove(call->region, &table->resource);
    put_true(call);
    return 0;
}

int route_table_describe(struct call *call, struct error *err)
{
    return resource_describe(call, &route_table_kind, err);
}

static int answer_association(struct call *call, const char *element, const char *id)
{
    put_text(&call->answer, element, id);
    buffer_text(&call->answer, "<associationState><state>associated</state></associationState>");
    return 0;
}

int route_table_associate(struct call *call, struct error *err)
{
    struct route_table *table;
    struct subnet *subnet;
    if (resource_target(call, &route_table_kind, "RouteTableId", &table, err) < 0 ||
        resource_named(call, &subnet_kind, "SubnetId", &subnet, err) < 0)
        return -1;
    if (!text_equal(table->vpc_id, subnet->vpc_id))
        return call_fail(call, err, 400, "InvalidParameterValue",
                         "Route table %s and subnet %s belong to different networks", table->resource.id,
                         subnet->resource.id);
    struct route_table *present = route_table_of_subnet(call->account, subnet);
    for (size_t i = 0; i < present->association_count; i++)
        if (text_equal(present->associations[i].subnet_id, subnet->resource.id)) {
            if (present == table)
                return answer_association(call, "associationId", present->associations[i].id);
            return call_fail(
                call, err, 400, "Resource.AlreadyAssociated",
                "the specified association for route table %s conflicts with an existing association",
                table->resource.id);
        }
    struct association *association =
        list_add(&table->associations, &table->association_count, sizeof *association);
    association->id = memory_strdup(region_identifier(call->region, call->arena, "rtbassoc"));
    association->subnet_id = memory_strdup(subnet->resource.id);
    region_changed(call->region);
    vpc_changed(call->region, call->account, table->vpc_id);
    return answer_association(call, "associationId", association->id);
}

/* The table and place of the association that <AssociationId> names; `at` is association_count for a main
 * one. */
static int find_association(struct call *call, struct route_table **table, size_t *at, struct error *err)
{
    const char *id;
    if (call_required(call, "AssociationId", &id, err) < 0)
        return -1;
    for_each_resource(struct route_table, item, call->account, &route_table_kind) {
        *table = item;
        for (*at = 0; *at < item->association_count; ++*at)
            if (text_equal(item->associations[*at].id, id))
                return resource_authorize(call, &item->resource, NULL, 0, err);
        if (text_equal(item->main_association, id))
            return resource_authorize(call, &item->resource, NULL, 0, err);
    }
    return call_fail(call, err, 400, "InvalidAssociationID.NotFound",
                     "The association ID '%s' does not exist", id);
}

int route_table_disassociate(struct call *call, struct error *err)
{
    struct route_table *table;
    size_t at;
    if (find_association(call, &table, &at, err) < 0)
        return -1;
    if (at == table->association_count)
        return call_fail(call, err, 400, "InvalidParameterValue",
                         "cannot disassociate the main route table association");
    list_remove(&association_record, &table->associations, &table->association_count, at);
    region_changed(call->region);
    vpc_changed(call->region, call->account, table->vpc_id);
    put_true(call);
    return 0;
}

int route_table_replace_association(struct call *call, struct error *err)
{
    struct route_table *from, *to;
    size_t at;
    if (resource_target(call, &route_table_kind, "RouteTableId", &to, err) < 0 ||
        find_association(call, &from, &at, err) < 0)
        return -1;
    const char *id = region_identifier(call->region, call->arena, "rtbassoc");
    if (at == from->association_count) {
        text_replace(&from->main_association, NULL);
        text_replace(&to->main_association, id);
    } else {
        struct association *association =
            list_add(&to->associations, &to->association_count, sizeof *association);
        association->id = memory_strdup(id);
        association->subnet_id = memory_strdup(from->associations[at].subnet_id);
        list_remove(&association_record, &from->associations, &from->association_count, at);
    }
    region_changed(call->region);
    vpc_changed(call->region, call->account, to->vpc_id);
    return answer_association(call, "newAssociationId", id);
}
