/* A node's network: a namespace of its own, a cable to the host, its address on the far end, and the host
 * answering for that address on the VPC's side, as an address of the host's interface must be. */
#include "host/node.h"

#include "base/file.h"
#include "base/process.h"
#include "base/text.h"
#include "host/addresses.h"
#include "host/firewall.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <net/if.h>
#include <string.h>
#include <sys/vfs.h>

enum { IP_TIMEOUT_MS = 10 * 1000 };

#define GATEWAY "fe80::1" /* the host, as each node sees it */

static int ip(struct node_pass *pass, struct error *err, const char *const *argv)
{
    struct process process = {.argv = argv, .timeout_ms = IP_TIMEOUT_MS};
    return process_run(&process, pass->arena, NULL, err);
}
#define IP(pass, err, ...) ip(pass, err, (const char *const[]){"ip", __VA_ARGS__, NULL})

static int set_kernel(const char *path, const char *value, struct error *err)
{
    /* Not file_write: these are switches, not files that could be replaced. */
    cleanup(file_close) int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || file_write_all(fd, value, strlen(value), NULL) < 0)
        return error_errno(err, ERROR_UNAVAILABLE, "set %s", path);
    return 0;
}

/* ip-netns(8) makes a file and then mounts the namespace on it: killed in between, only the file is there. */
static int make_namespace(struct node_pass *pass, const char *namespace, struct error *err)
{
    struct statfs place;
    if (statfs(arena_format(pass->arena, "/run/netns/%s", namespace), &place) == 0) {
        if (place.f_type == NSFS_MAGIC)
            return 0;
        if (IP(pass, err, "netns", "delete", namespace) < 0)
            return -1;
    }
    return IP(pass, err, "netns", "add", namespace);
}

static int make_cable(struct node_pass *pass, const char *link, const char *namespace, struct error *err)
{
    if (make_namespace(pass, namespace, err) < 0)
        return -1;
    if (if_nametoindex(link) == 0 &&
        IP(pass, err, "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", namespace) < 0)
        return -1;
    return 0;
}

static int configure_node_end(struct node_pass *pass, const char *namespace, struct error *err)
{
    const char *address = arena_format(pass->arena, "%s/128", pass->spec->address);
    if (IP(pass, err, "-n", namespace, "link", "set", "lo", "up") < 0 ||
        IP(pass, err, "-n", namespace, "link", "set", "eth0", "up") < 0 ||
        IP(pass, err, "-n", namespace, "-6", "address", "replace", address, "dev", "eth0", "nodad") < 0)
        return -1;
    return IP(pass, err, "-n", namespace, "-6", "route", "replace", "default", "via", GATEWAY, "dev", "eth0");
}

static int configure_host_end(struct node_pass *pass, const char *link, struct error *err)
{
    const char *address = arena_format(pass->arena, "%s/128", pass->spec->address);
    if (IP(pass, err, "link", "set", link, "up") < 0 ||
        IP(pass, err, "-6", "address", "replace", GATEWAY "/64", "dev", link, "nodad") < 0)
        return -1;
    /* From the host's own address: on EC2 the node's may still be on our interface, and go while a connection
     * lasts. */
    return IP(pass, err, "-6", "route", "replace", address, "dev", link, "src", pass->host->host_address);
}

/* On the VPC's side. Forwarding makes the kernel ignore router advertisements unless told otherwise, and the
 * address must not be the host's own: on EC2 DHCP may have put it there. */
static int answer_for_node(struct node_pass *pass, struct error *err)
{
    const char *uplink = address_interface(pass->arena, pass->host->host_address);
    if (!uplink)
        return error_set(err, ERROR_UNAVAILABLE, "no interface has the host's address %s",
                         pass->host->host_address);
    const char *holder = address_interface(pass->arena, pass->spec->address);
    if (text_equal(holder, uplink)) {
        struct error gone = {0};
        char *with_length = NULL;
        for (int length = 128; length >= 64; length -= 64) { /* a /128 by DHCP, a /64 by hand */
            with_length = arena_format(pass->arena, "%s/%d", pass->spec->address, length);
            IP(pass, &gone, "-6", "address", "delete", with_length, "dev", uplink);
        }
    }
    const char *conf = arena_format(pass->arena, "/proc/sys/net/ipv6/conf/%s", uplink);
    if (set_kernel(arena_format(pass->arena, "%s/accept_ra", conf), "2", err) < 0 ||
        set_kernel("/proc/sys/net/ipv6/conf/all/forwarding", "1", err) < 0 ||
        set_kernel(arena_format(pass->arena, "%s/proxy_ndp", conf), "1", err) < 0 ||
        set_kernel(arena_format(pass->arena, "/proc/sys/net/ipv6/neigh/%s/proxy_delay", uplink), "0", err) <
            0)
        return -1;
    return IP(pass, err, "-6", "neighbour", "replace", "proxy", pass->spec->address, "dev", uplink);
}

int node_network_make(struct node_pass *pass, struct error *err)
{
    const char *link = node_link_name(pass->arena, pass->spec->hostname);
    const char *namespace = pass->paths.network_namespace;
    if (pass->node->wired && if_nametoindex(link) != 0)
        return 0;
    if (make_cable(pass, link, namespace, err) < 0 || configure_node_end(pass, namespace, err) < 0 ||
        configure_host_end(pass, link, err) < 0 || answer_for_node(pass, err) < 0)
        return error_context(err, "network of %s", pass->spec->hostname);
    pass->node->wired = true;
    return 0;
}

int node_network_remove(struct node_pass *pass, struct error *err)
{
    const char *namespace = pass->paths.network_namespace;
    pass->node->wired = false;
    const char *uplink = address_interface(pass->arena, pass->host->host_address);
    if (pass->spec && uplink) /* best effort: it goes with the address in any case */
        IP(pass, NULL, "-6", "neighbour", "delete", "proxy", pass->spec->address, "dev", uplink);
    if (!file_exists(arena_format(pass->arena, "/run/netns/%s", namespace)))
        return 0;
    return IP(pass, err, "netns", "delete", namespace); /* the cable goes with its end */
}
