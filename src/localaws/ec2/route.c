/* Routes of a route table: made, replaced, deleted. */
#include "localaws/ec2/route.h"

#include "base/text.h"
#include "localaws/ec2/cidr.h"
#include "localaws/ec2/to_plane.h"

static int take_destination(struct call *call, char **destination, struct error *err)
{
    const char *prefix_list = call_parameter(call, "DestinationPrefixListId");
    const char *v4 = call_parameter(call, "DestinationCidrBlock"),
               *v6 = call_parameter(call, "DestinationIpv6CidrBlock");
    struct cidr block;
    if (prefix_list) {
        *destination = arena_strdup(call->arena, prefix_list);
        return 0;
    }
    if (!cidr_parse(v4 ? v4 : v6, &block))
        return call_fail(call, err, 400, "InvalidParameterValue",
                         "Value (%s) for parameter destination is invalid",
                         v4   ? v4
                         : v6 ? v6
                              : "");
    *destination = cidr_text(call->arena, &block);
    return 0;
}

static bool is_there(const struct resource *target)
{
    return target && !(target->kind == &nat_gateway_kind &&
                       ((const struct nat_gateway *)(const void *)target)->deleted_ms);
}

static int take_target(struct call *call, const char **target, struct error *err)
{
    static const struct kind *const kinds[] = {&egress_gateway_kind, &nat_gateway_kind,
                                               &interface_kind,      &instance_kind,
                                               &endpoint_kind,       &internet_gateway_kind};
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        *target = call_parameter(call, "%s", target_forms[i].parameter);
        if (*target && text_starts(*target, target_forms[i].prefix))
            return is_there(resource_find(call->region, call->account, kinds[i], *target))
                       ? 0
                       : resource_missing(call, kinds[i], *target, err);
    }
    return call_fail(call, err, 400, "MissingParameter", "The request must name the route's target");
}

static size_t route_at(const struct route_table *table, const char *destination)
{
    size_t at = 0;
    while (at < table->route_count && !text_equal(table->routes[at].destination, destination))
        at++;
    return at;
}

/* CreateRoute and ReplaceRoute differ in whether the destination is to be there already. */
static int route_set(struct call *call, bool replace, struct error *err)
{
    struct route_table *table;
    char *destination;
    const char *target;
    if (resource_target(call, &route_table_kind, "RouteTableId", &table, err) < 0 ||
        take_destination(call, &destination, err) < 0 || take_target(call, &target, err) < 0)
        return -1;
    size_t at = route_at(table, destination);
    if (replace && at == table->route_count)
        return call_fail(call, err, 400, "InvalidParameterValue",
                         "There is no route defined for '%s' in the route table.", destination);
    if (!replace && at < table->route_count) {
        if (text_equal(table->routes[at].target, target))
            return put_true(call), 0;
        return call_fail(call, err, 400, "RouteAlreadyExists", "The route identified by %s already exists.",
                         destination);
    }
    if (room_check(call, "routes", table->route_count + 1, MOST_ROUTES, err) < 0 ||
        text_check(call, "destination", destination, 64, err) < 0)
        return -1;
    if (at == table->route_count) {
        struct route *route = list_add(&table->routes, &table->route_count, sizeof *route);
        route->destination = memory_strdup(destination);
    }
    text_replace(&table->routes[at].target, target);
    region_changed(call->region);
    vpc_changed(call->region, call->account, table->vpc_id);
    put_true(call);
    return 0;
}

int route_create(struct call *call, struct error *err)
{
    return route_set(call, false, err);
}

int route_replace(struct call *call, struct error *err)
{
    return route_set(call, true, err);
}

int route_delete(struct call *call, struct error *err)
{
    struct route_table *table;
    char *destination;
    if (resource_target(call, &route_table_kind, "RouteTableId", &table, err) < 0 ||
        take_destination(call, &destination, err) < 0)
        return -1;
    size_t at = route_at(table, destination);
    if (at == table->route_count)
        return call_fail(call, err, 400, "InvalidRoute.NotFound",
                         "no route with destination %s in route table %s", destination, table->resource.id);
    list_remove(&route_record, &table->routes, &table->route_count, at);
    region_changed(call->region);
    vpc_changed(call->region, call->account, table->vpc_id);
    put_true(call);
    return 0;
}
