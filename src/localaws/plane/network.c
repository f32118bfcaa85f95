/* Networks: one namespace is the internet, one more per VPC is its router, joined to the internet by a pair
 * of links. In a router the main table knows every interface's addresses and nothing else; what a subnet's
 * route table says is asked only of packets that came in by an interface of that subnet: first what it says
 * of blocks of the VPC itself, then the main table, then the rest. */
#include "localaws/plane/namespace.h"
#include "localaws/plane/parts.h"
#include "localaws/plane/prefix.h"

#include "base/log.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { COMMANDS_LARGEST = 1 << 20 };

/* ICMP errors are how a guest learns at once that IPv4 gets nowhere, so they are not rationed. */
static const struct namespace_setting router_settings[] = {
    {"ipv6/conf/all/forwarding", "1"},
    {"ipv4/ip_forward", "1"},
    {"ipv6/conf/default/accept_dad", "0"},
    {"ipv6/conf/default/accept_ra", "0"},
    {"ipv6/conf/default/addr_gen_mode", "1"},
    {"ipv4/conf/all/send_redirects", "0"},
    {"ipv4/conf/default/send_redirects", "0"},
    {"ipv4/conf/all/rp_filter", "0"},
    {"ipv4/conf/default/rp_filter", "0"},
    {"ipv6/icmp/ratelimit", "0"},
    {"ipv4/icmp_ratelimit", "0"},
    {NULL},
};

int internet_create(struct plane *plane, struct error *err)
{
    plane->internet_name = memory_format("%s-internet", plane->label);
    if (namespace_create(plane->internet_name, router_settings, &plane->internet, err) < 0)
        return -1;
    if (namespace_firewall(plane->internet, "table inet probe\ndelete table inet probe\n", err) < 0)
        return error_context(err, "a kernel with nftables is needed");
    cleanup(buffer_free) struct buffer commands = buffer_new(COMMANDS_LARGEST);
    buffer_format(&commands, "addr add %s/128 dev lo nodad\naddr add %s/32 dev lo\n", plane->api_address,
                  SOMEBODY_IPV4);
    return namespace_ip(plane->internet, &commands, err);
}

struct network *network_find(struct plane *plane, const char *id)
{
    for (struct network *network = plane->networks; network; network = network->next)
        if (text_equal(network->id, id))
            return network;
    return NULL;
}

struct network *network_add(struct plane *plane, const char *id)
{
    struct network *network = memory_alloc(sizeof *network);
    network->id = memory_strdup(id);
    network->namespace_name = memory_format("%s-%s", plane->label, id);
    short_name("v", id, network->uplink);
    network->next = plane->networks;
    plane->networks = network;
    return network;
}

void network_changed(struct plane *plane, const char *id)
{
    struct network *network = network_find(plane, id);
    if (network)
        network->changed = true;
}

void networks_changed(struct plane *plane)
{
    for (struct network *network = plane->networks; network; network = network->next)
        network->changed = true;
}

static int join_internet(struct plane *plane, struct network *network, struct error *err)
{
    cleanup(buffer_free) struct buffer outside = buffer_new(COMMANDS_LARGEST);
    buffer_format(&outside, "link add %s type veth peer name inet netns %s\n", network->uplink,
                  network->namespace_name);
    buffer_format(&outside, "addr add fe80::ff/64 dev %s nodad\naddr add " UPLINK_OUTSIDE "/32 dev %s\n",
                  network->uplink, network->uplink);
    buffer_format(&outside, "link set %s up\n", network->uplink);
    cleanup(buffer_free) struct buffer inside = buffer_new(COMMANDS_LARGEST);
    buffer_text(&inside, "addr add fe80::1/64 dev inet nodad\naddr add " UPLINK_INSIDE "/32 dev inet\n"
                         "link set inet up\n");
    static const char *const own[] = {METADATA_IPV4 "/32", METADATA_IPV6 "/128 nodad", NAMES_IPV4 "/32",
                                      NAMES_IPV6 "/128 nodad"};
    for (size_t i = 0; i < COUNT_OF(own); i++)
        buffer_format(&inside, "addr add %s dev lo\n", own[i]);
    if (namespace_ip(plane->internet, &outside, err) < 0 ||
        namespace_ip(network->namespace, &inside, err) < 0)
        return -1;
    return 0;
}

static int create_router(struct plane *plane, struct network *network, struct error *err)
{
    if (namespace_create(network->namespace_name, router_settings, &network->namespace, err) < 0 ||
        join_internet(plane, network, err) < 0 || metadata_listen(plane, network, err) < 0 ||
        names_listen(plane, network, err) < 0)
        return -1;
    return 0;
}

static const struct plane_subnet *find_subnet(const struct plane_vpc *vpc, const char *id)
{
    for (size_t i = 0; i < vpc->subnet_count; i++)
        if (text_equal(vpc->subnets[i].id, id))
            return &vpc->subnets[i];
    return NULL;
}

/* Routing tables are numbers; a subnet's two are made from its id so that they stay when others come and go.
 */
static unsigned table_of(const char *subnet_id)
{
    char name[16];
    short_name("", subnet_id, name);
    return 4096 + 2 * (unsigned)(strtoull(name, NULL, 16) & 0xfffffff);
}

/* Of one table are the routes to blocks of the VPC itself, which come before the VPC's own; of the next the
 * rest. */
static unsigned table_of_route(const struct plane_vpc *vpc, const char *subnet_id, const char *destination)
{
    struct prefix there, own;
    for (const char *const *cidr = vpc->cidrs; *cidr; cidr++)
        if (prefix_parse(*cidr, &own) && prefix_parse(destination, &there) && prefix_within(&own, &there))
            return table_of(subnet_id);
    return table_of(subnet_id) + 1;
}

/* Where an interface's IPv4 packets are handed over: its first address; NULL when it has none. */
static const char *ipv4_of(const struct plane_vpc *vpc, const char *interface_id)
{
    for (size_t i = 0; i < vpc->interface_count; i++)
        for (const char *const *address = vpc->interfaces[i].addresses; *address; address++)
            if (text_equal(vpc->interfaces[i].id, interface_id) && !strchr(*address, ':'))
                return *address;
    return NULL;
}

static void want_route(struct lines *lines, const struct network *network, const struct plane_subnet *subnet,
                       const struct plane_route *route)
{
    bool six = strchr(route->destination, ':') != NULL;
    unsigned table = table_of_route(network->wanted, subnet->id, route->destination);
    bool takes = route->target == PLANE_INTERFACE;
    const struct link *link = takes ? link_find(network, route->interface_id) : NULL;
    const char *next = !takes ? NULL : six ? "fe80::2" : ipv4_of(network->wanted, route->interface_id);
    if (route->target == PLANE_INTERNET || (route->target == PLANE_EGRESS_ONLY && six))
        lines_add(lines, "route %s via %s dev inet %stable %u", route->destination,
                  six ? "fe80::ff" : UPLINK_OUTSIDE, six ? "" : "onlink ", table);
    else if (link && next)
        lines_add(lines, "route %s via %s dev %s %stable %u", route->destination, next, link->name,
                  six ? "" : "onlink ", table);
    else
        lines_add(lines, "route unreachable %s table %u", route->destination, table);
}

static void want_interface(struct lines *lines, const struct network *network,
                           const struct plane_interface *interface)
{
    const struct link *link = link_find(network, interface->id);
    if (!link)
        return;
    for (const char *const *address = interface->addresses; *address && !interface->by_route_only; address++)
        if (strchr(*address, ':'))
            lines_add(lines, "route %s via fe80::2 dev %s", *address, link->name);
        else
            lines_add(lines, "route %s dev %s", *address, link->name);
    balancer_lines(lines, interface, link->name);
    if (!find_subnet(network->wanted, interface->subnet_id))
        return;
    lines_add(lines, "rule pref 50 iif %s lookup %u", link->name, table_of(interface->subnet_id));
    lines_add(lines, "rule pref 200 iif %s lookup %u", link->name, table_of(interface->subnet_id) + 1);
}

/* Public addresses are found in the internet one by one. */
static void want_outside(struct lines *lines, const struct network *network)
{
    const struct plane_vpc *vpc = network->wanted;
    for (const char *const *cidr = vpc->cidrs; *cidr; cidr++)
        if (strchr(*cidr, ':'))
            lines_add(lines, "route %s via fe80::1 dev %s", *cidr, network->uplink);
    for (size_t i = 0; i < vpc->translation_count; i++)
        lines_add(lines, "route %s via " UPLINK_INSIDE " dev %s onlink src " SOMEBODY_IPV4,
                  vpc->translations[i].outside, network->uplink);
}

static void want_lines(const struct network *network, struct lines *inside, struct lines *outside)
{
    const struct plane_vpc *vpc = network->wanted;
    char resolver[INET_ADDRSTRLEN];
    lines_add(inside, "rule pref 100 lookup main");
    if (names_own_address(vpc, resolver))
        lines_add(inside, "addr %s/32 dev lo", resolver);
    for (const char *const *cidr = vpc->cidrs; *cidr; cidr++)
        lines_add(inside, "route unreachable %s", *cidr);
    for (size_t i = 0; i < vpc->subnet_count; i++)
        for (size_t j = 0; j < vpc->subnets[i].route_count; j++)
            want_route(inside, network, &vpc->subnets[i], &vpc->subnets[i].routes[j]);
    for (size_t i = 0; i < vpc->interface_count; i++)
        want_interface(inside, network, &vpc->interfaces[i]);
    want_outside(outside, network);
}

static void take_away(int namespace, const struct lines *is, const struct lines *wanted)
{
    cleanup(buffer_free) struct buffer commands = buffer_new(COMMANDS_LARGEST);
    lines_deletions(is, wanted, &commands);
    struct error ignored; /* what a link took with it when it went cannot be deleted again */
    namespace_ip(namespace, &commands, &ignored);
}

static int put_in(int namespace, const struct lines *is, const struct lines *wanted, struct error *err)
{
    cleanup(buffer_free) struct buffer commands = buffer_new(COMMANDS_LARGEST);
    lines_additions(is, wanted, &commands);
    return namespace_ip(namespace, &commands, err);
}

static int apply_lines(struct plane *plane, struct network *network, struct error *err)
{
    struct lines inside = {0}, outside = {0};
    want_lines(network, &inside, &outside);
    take_away(network->namespace, &network->lines, &inside);
    take_away(plane->internet, &network->internet_lines, &outside);
    int result = put_in(network->namespace, &network->lines, &inside, err);
    if (put_in(plane->internet, &network->internet_lines, &outside, err) < 0)
        result = -1;
    lines_free(&network->lines);
    lines_free(&network->internet_lines);
    network->lines = inside;
    network->internet_lines = outside;
    return result;
}

/* Connections of a public address that is no longer what it was would go on by the old translation. */
static int forget_translations(struct network *network, struct error *err)
{
    struct lines wanted = {0};
    cleanup(arena_free) struct arena *arena = arena_new();
    const char **gone = arena_alloc(arena, (2 * network->translations.count + 1) * sizeof *gone);
    size_t count = 0;
    for (size_t i = 0; i < network->wanted->translation_count; i++)
        lines_add(&wanted, "%s %s", network->wanted->translations[i].inside,
                  network->wanted->translations[i].outside);
    for (size_t i = 0; i < network->translations.count; i++)
        if (!lines_have(&wanted, network->translations.items[i]))
            gone[count++] = strchr(network->translations.items[i], ' ') + 1;
    int result = tracking_forget(network->namespace, gone, err);
    lines_free(&network->translations);
    network->translations = wanted;
    return result;
}

static int load_firewall(struct plane *plane, struct network *network, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    const char *wanted = firewall_text(arena, network->wanted, cut_rules(plane, network, arena));
    if (text_equal(wanted, network->firewall))
        return 0;
    if (namespace_firewall(network->namespace, wanted, err) < 0)
        return -1;
    free(network->firewall);
    network->firewall = memory_strdup(wanted);
    return forget_translations(network, err);
}

/* The firewall first: a link that appears finds its rules already there, and when they cannot be loaded the
 * old ones stay and nothing new appears. */
static int make_so(struct plane *plane, struct network *network, struct error *err)
{
    if (!network->namespace && create_router(plane, network, err) < 0)
        return -1;
    if (load_firewall(plane, network, err) < 0)
        return -1;
    appliances_remove_unwanted(plane, network);
    links_remove_unwanted(plane, network);
    if (appliances_add_missing(plane, network, err) < 0)
        return -1;
    links_add_missing(plane, network);
    return apply_lines(plane, network, err);
}

static void remove_network(struct plane *plane, struct network *network)
{
    if (network->namespace) {
        metadata_unlisten(plane, network);
        names_unlisten(plane, network);
        appliances_remove_unwanted(plane, network);
        links_remove_unwanted(plane, network);
        take_away(plane->internet, &network->internet_lines, &(struct lines){0});
        cleanup(buffer_free) struct buffer commands = buffer_new(256);
        buffer_format(&commands, "link del %s\n", network->uplink);
        struct error ignored;
        namespace_ip(plane->internet, &commands, &ignored);
        close(network->namespace);
        namespace_remove(network->namespace_name);
    }
    lines_free(&network->lines);
    lines_free(&network->internet_lines);
    lines_free(&network->translations);
    arena_free(&network->arena);
    free(network->id);
    free(network->namespace_name);
    free(network->firewall);
    free(network);
}

void networks_reconcile(struct plane *plane)
{
    for (struct network **place = &plane->networks; *place;) {
        struct network *network = *place;
        if (!network->wanted) {
            *place = network->next;
            remove_network(plane, network);
            continue;
        }
        place = &network->next;
        if (!network->changed)
            continue;
        network->changed = false;
        struct error err = {0};
        if (make_so(plane, network, &err) < 0)
            log_error("network not as wanted", "vpc", network->id, "reason", err.message, NULL);
    }
}
