/* Towards targets: sockets in a load balancer's namespace, with its own address of the right zone or, where
 * the target shall see it, the client's. The router brings what is answered to a client's address back to the
 * load balancer the connection came from (firewall.c), where every packet is taken in. */
#include "localaws/plane/balance.h"
#include "localaws/plane/namespace.h"

#include "base/file.h"
#include "base/text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>

/* The place of the zone's front in a family, or of another zone's when it has none; front_count: none. */
static size_t own_front(const struct plane_balancer *wanted, sa_family_t family, const char *zone)
{
    size_t any = wanted->front_count;
    for (size_t i = 0; i < wanted->front_count; i++) {
        const struct plane_front *front = &wanted->fronts[i];
        if ((strchr(front->address, ':') != NULL) != (family == AF_INET6))
            continue;
        if (text_empty(zone) || text_equal(front->zone, zone))
            return i;
        any = i;
    }
    return any;
}

static bool same_address(const struct sockaddr *a, const struct sockaddr_storage *b)
{
    if (!a || a->sa_family != b->ss_family)
        return false;
    if (a->sa_family == AF_INET6)
        return memcmp(&((const struct sockaddr_in6 *)(const void *)a)->sin6_addr,
                      &((const struct sockaddr_in6 *)b)->sin6_addr, sizeof(struct in6_addr)) == 0;
    return a->sa_family == AF_INET && ((const struct sockaddr_in *)(const void *)a)->sin_addr.s_addr ==
                                          ((const struct sockaddr_in *)b)->sin_addr.s_addr;
}

/* The interface that has the address, in the namespace the thread is in; 0 when none has. */
static unsigned interface_with(const struct sockaddr_storage *address)
{
    struct ifaddrs *all, *one;
    if (getifaddrs(&all) < 0)
        return 0;
    for (one = all; one && !same_address(one->ifa_addr, address); one = one->ifa_next)
        ;
    unsigned index = one ? if_nametoindex(one->ifa_name) : 0;
    freeifaddrs(all);
    return index;
}

static int bind_own(int made, const struct sockaddr_storage *own, socklen_t length)
{
    int on = 1;
    setsockopt(made, SOL_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    return bind(made, (const struct sockaddr *)own, length);
}

/* The client's address and, when it is free, its port. */
static int bind_as_client(int made, const struct sockaddr_storage *client, socklen_t length, int interface)
{
    int on = 1;
    struct sockaddr_storage as = *client;
    bool six = as.ss_family == AF_INET6;
    if (setsockopt(made, six ? SOL_IPV6 : SOL_IP, six ? IPV6_TRANSPARENT : IP_TRANSPARENT, &on, sizeof on) <
            0 ||
        (interface > 0 && setsockopt(made, SOL_SOCKET, SO_BINDTOIFINDEX, &interface, sizeof interface) < 0))
        return -1;
    setsockopt(made, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(made, (struct sockaddr *)&as, length) == 0)
        return 0;
    ((struct sockaddr_in *)&as)->sin_port = 0; /* at the same place in both families */
    return bind(made, (struct sockaddr *)&as, length);
}

/* Looked for once, until the load balancer is changed. */
static int front_interface(const struct balancer *balancer, size_t at, const struct sockaddr_storage *own)
{
    if (!balancer->front_interfaces[at])
        balancer->front_interfaces[at] = interface_with(own);
    return (int)balancer->front_interfaces[at];
}

int reach_target(const struct balancer *balancer, const struct target *target, int port, int type,
                 const char *zone, const struct sockaddr_storage *client)
{
    struct sockaddr_storage where, own;
    socklen_t length, own_length;
    struct error ignored;
    if (socket_address(target->address, (uint16_t)port, &where, &length, &ignored) < 0 ||
        enter(balancer->balancing, balancer->namespace) < 0)
        return -1;
    const struct plane_balancer *wanted = balancer->wanted;
    size_t at = own_front(wanted, where.ss_family, zone);
    if (at == wanted->front_count ||
        socket_address(wanted->fronts[at].address, 0, &own, &own_length, &ignored) < 0)
        return -1;
    cleanup(file_close) int made = socket(where.ss_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (made < 0)
        return -1;
    bool as_client = client && client->ss_family == where.ss_family;
    int bound = as_client ? bind_as_client(made, client, length, front_interface(balancer, at, &own))
                          : bind_own(made, &own, own_length);
    if (bound < 0 || (connect(made, (struct sockaddr *)&where, length) < 0 && errno != EINPROGRESS))
        return -1;
    int reached = made;
    made = -1;
    return reached;
}

static bool within(const char *cidr, const struct sockaddr_storage *client)
{
    unsigned char block[16];
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)client;
    const struct sockaddr_in *four = (const struct sockaddr_in *)client;
    bool is_six = client->ss_family == AF_INET6;
    const unsigned char *address = is_six ? six->sin6_addr.s6_addr : (const unsigned char *)&four->sin_addr;
    int bits = inet_net_pton(client->ss_family, cidr, block, sizeof block);
    if (bits < 0 || memcmp(block, address, (size_t)bits / 8) != 0)
        return false;
    unsigned char mask = (unsigned char)(0xff00 >> bits % 8);
    return bits % 8 == 0 || ((block[bits / 8] ^ address[bits / 8]) & mask) == 0;
}

bool link_admits(const struct balancer *balancer, const struct sockaddr_storage *client, int port)
{
    const struct plane_balancer *wanted = balancer->wanted;
    for (size_t i = 0; i < wanted->link_rule_count; i++)
        if (port >= wanted->link_rules[i].from_port && port <= wanted->link_rules[i].to_port &&
            within(wanted->link_rules[i].cidr, client))
            return true;
    return !wanted->links_ruled;
}
