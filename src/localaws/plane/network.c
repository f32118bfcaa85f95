/* Networks: one namespace is the internet, one more per VPC is its router, joined to the internet by a pair
 * of links. The internet knows IPv6 only. In a router the main table knows every interface's addresses and
 * nothing else; what a subnet's route table says is asked only of packets that came in by an interface of
 * that subnet. */
#include "localaws/plane/namespace.h"
#include "localaws/plane/parts.h"

#include "base/log.h"
#include "base/text.h"

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
    buffer_format(&commands, "addr add %s/128 dev lo nodad\n", plane->api_address);
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

static int join_internet(struct plane *plane, struct network *network, struct error *err)
{
    cleanup(buffer_free) struct buffer outside = buffer_new(COMMANDS_LARGEST);
    buffer_format(&outside, "link add %s type veth peer name inet netns %s\n", network->uplink,
                  network->namespace_name);
    buffer_format(&outside, "addr add fe80::ff/64 dev %s nodad\nlink set %s up\n", network->uplink,
                  network->uplink);
    cleanup(buffer_free) struct buffer inside = buffer_new(COMMANDS_LARGEST);
    buffer_text(&inside, "addr add fe80::1/64 dev inet nodad\nlink set inet up\n");
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

/* Routing tables are numbers; a subnet's is made from its id so that it stays when others come and go. */
static unsigned table_of(const char *subnet_id)
{
    char name[16];
    short_name("", subnet_id, name);
    return 4096 + (unsigned)(strtoull(name, NULL, 16) & 0xfffffff);
}

static void want_subnet(struct lines *lines, const struct plane_subnet *subnet)
{
    for (size_t i = 0; i < subnet->route_count; i++) {
        const struct plane_route *route = &subnet->routes[i];
        if (!strchr(route->destination, ':')) /* there is no IPv4 outside: no route is the answer */
            continue;
        if (route->target == PLANE_INTERNET || route->target == PLANE_EGRESS_ONLY)
            lines_add(lines, "route %s via fe80::ff dev inet table %u", route->destination,
                      table_of(subnet->id));
        else
            lines_add(lines, "route unreachable %s table %u", route->destination, table_of(subnet->id));
    }
}

static void want_interface(struct lines *lines, const struct network *network,
                           const struct plane_interface *interface)
{
    const struct link *link = link_find(network, interface->id);
    if (!link)
        return;
    for (const char *const *address = interface->addresses; *address; address++)
        if (strchr(*address, ':'))
            lines_add(lines, "route %s via fe80::2 dev %s", *address, link->name);
        else
            lines_add(lines, "route %s dev %s", *address, link->name);
    if (find_subnet(network->wanted, interface->subnet_id))
        lines_add(lines, "rule pref 200 iif %s lookup %u", link->name, table_of(interface->subnet_id));
}

static void want_lines(const struct network *network, struct lines *inside, struct lines *outside)
{
    const struct plane_vpc *vpc = network->wanted;
    lines_add(inside, "rule pref 100 lookup main");
    if (!text_empty(vpc->cidr))
        lines_add(inside, "route unreachable %s", vpc->cidr);
    if (!text_empty(vpc->ipv6_cidr)) {
        lines_add(inside, "route unreachable %s", vpc->ipv6_cidr);
        lines_add(outside, "route %s via fe80::1 dev %s", vpc->ipv6_cidr, network->uplink);
    }
    for (size_t i = 0; i < vpc->subnet_count; i++)
        want_subnet(inside, &vpc->subnets[i]);
    for (size_t i = 0; i < vpc->interface_count; i++)
        want_interface(inside, network, &vpc->interfaces[i]);
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

static int load_firewall(struct network *network, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    const char *wanted = firewall_text(arena, network->wanted);
    if (text_equal(wanted, network->firewall))
        return 0;
    if (namespace_firewall(network->namespace, wanted, err) < 0)
        return -1;
    free(network->firewall);
    network->firewall = memory_strdup(wanted);
    return 0;
}

/* The firewall first: a link that appears finds its rules already there, and when they cannot be loaded the
 * old ones stay and nothing new appears. */
static int make_so(struct plane *plane, struct network *network, struct error *err)
{
    if (!network->namespace && create_router(plane, network, err) < 0)
        return -1;
    if (load_firewall(network, err) < 0)
        return -1;
    links_remove_unwanted(plane, network);
    links_add_missing(plane, network);
    return apply_lines(plane, network, err);
}

static void remove_network(struct plane *plane, struct network *network)
{
    if (network->namespace) {
        metadata_unlisten(plane, network);
        names_unlisten(plane, network);
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
