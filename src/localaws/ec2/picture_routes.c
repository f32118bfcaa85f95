/* What the plane should make of a subnet's route table. */
#include "localaws/ec2/endpoint.h"
#include "localaws/ec2/picture.h"
#include "localaws/ec2/prefix_list.h"
#include "localaws/ec2/route.h"

#include "base/text.h"

#include <string.h>

static void by_internet(const struct resource *target, const char *vpc_id, struct plane_route *route)
{
    if (text_equal(((const struct internet_gateway *)(const void *)target)->vpc_id, vpc_id))
        route->target = PLANE_INTERNET;
}

static void by_egress(const struct resource *target, const char *vpc_id, struct plane_route *route)
{
    if (text_equal(((const struct egress_gateway *)(const void *)target)->vpc_id, vpc_id))
        route->target = PLANE_EGRESS_ONLY;
}

static void by_nat(const struct resource *target, const char *vpc_id, struct plane_route *route)
{
    const struct nat_gateway *gateway = (const struct nat_gateway *)(const void *)target;
    if (!text_equal(gateway->vpc_id, vpc_id) || gateway->deleted_ms)
        return;
    route->target = PLANE_INTERFACE;
    route->interface_id = gateway->interface_id;
}

static void by_interface(const struct resource *target, const char *vpc_id, struct plane_route *route)
{
    const struct interface *interface = (const struct interface *)(const void *)target;
    if (!text_equal(interface->vpc_id, vpc_id) || !interface->owner)
        return;
    route->target = PLANE_INTERFACE;
    route->interface_id = interface->resource.id;
}

static void by_instance(const struct resource *target, const char *vpc_id, struct plane_route *route)
{
    const struct interface *primary = instance_interface((const struct instance *)(const void *)target, 0);
    if (primary)
        by_interface(&primary->resource, vpc_id, route);
}

/* What a route can name, and where that leads. */
static const struct route_target {
    const struct kind *kind;
    void (*lead)(const struct resource *target, const char *vpc_id, struct plane_route *route);
} route_targets[] = {
    {&internet_gateway_kind, by_internet}, {&egress_gateway_kind, by_egress}, {&nat_gateway_kind, by_nat},
    {&interface_kind, by_interface},       {&instance_kind, by_instance},
};

struct plane_route route_for_plane(const struct route_table *table, const struct route *route)
{
    struct plane_route wanted = {route->destination, PLANE_BLACKHOLE, NULL};
    for (size_t i = 0; i < COUNT_OF(route_targets); i++) {
        const struct resource *target = resource_find(table->resource.region, table->resource.account,
                                                      route_targets[i].kind, route->target);
        if (target)
            route_targets[i].lead(target, table->vpc_id, &wanted);
    }
    return wanted;
}

bool route_is_active(const struct route_table *table, const struct route *route)
{
    return route_for_plane(table, route).target != PLANE_BLACKHOLE;
}

struct route_list {
    const struct picture *picture;
    struct plane_route *items;
    size_t count, room;
};

static void add_route(struct route_list *list, const struct plane_route *route)
{
    if (list->count == list->room) {
        size_t room = list->room ? 2 * list->room : 16;
        struct plane_route *items = arena_alloc(list->picture->arena, room * sizeof *items);
        if (list->count)
            memcpy(items, list->items, list->count * sizeof *items);
        list->items = items;
        list->room = room;
    }
    list->items[list->count++] = *route;
}

/* A prefix list's blocks, each by the same way. */
static void add_to_list(struct route_list *list, const char *prefix_list, struct plane_route route)
{
    const struct picture *picture = list->picture;
    const char *const *cidr =
        prefix_list_cidrs(picture->region, picture->account, picture->arena, prefix_list);
    for (; *cidr; cidr++) {
        route.destination = *cidr;
        add_route(list, &route);
    }
}

/* A gateway endpoint's routes are not in the table: they are where the endpoint says it is. */
static void add_endpoint_routes(struct route_list *list, const struct route_table *table)
{
    const struct picture *picture = list->picture;
    for_each_resource(struct endpoint, endpoint, picture->account, &endpoint_kind) {
        const struct endpoint_service *service = endpoint_service_of(endpoint);
        if (service && list_has_text(endpoint->route_tables, endpoint->route_table_count, table->resource.id))
            add_to_list(list, service->prefix_list,
                        (struct plane_route){NULL, PLANE_INTERFACE, endpoint->resource.id});
    }
}

void picture_add_routes(const struct picture *picture, const struct subnet *subnet,
                        struct plane_subnet *wanted)
{
    const struct route_table *table = route_table_of_subnet(picture->account, subnet);
    struct route_list list = {.picture = picture};
    for (size_t i = 0; table && i < table->route_count; i++) {
        struct plane_route route = route_for_plane(table, &table->routes[i]);
        if (text_starts(route.destination, "pl-"))
            add_to_list(&list, route.destination, route);
        else
            add_route(&list, &route);
    }
    if (table)
        add_endpoint_routes(&list, table);
    wanted->routes = list.items;
    wanted->route_count = list.count;
}
