/* Named network namespaces, as `ip netns` makes them, so that a person can look inside with `ip netns exec
 * NAME`; and what the plane does in them: ip commands, nftables, sockets. Knows nothing of VPCs or
 * machines. */
#ifndef LOCALAWS_PLANE_NAMESPACE_H
#define LOCALAWS_PLANE_NAMESPACE_H

#include "base/buffer.h"
#include "base/error.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#define NAMESPACE_DIRECTORY "/run/netns"

/* One sysctl below /proc/sys/net, set before the namespace's first link appears. */
struct namespace_setting {
    const char *path, *value; /* "ipv6/conf/all/forwarding"; a NULL path ends the list */
};

/* Makes the namespace with its loopback up and gives a descriptor of it. One of that name that is left over
 * is replaced. */
int namespace_create(const char *name, const struct namespace_setting *settings, int *descriptor,
                     struct error *err);
/* The name goes, and with it the namespace and its links once nobody else holds it. Absent is fine. */
void namespace_remove(const char *name);
/* Ends every process that lives in the namespace, whoever started it. */
void namespace_end_processes(const char *name);

/* Runs `function` on a thread of its own that has entered the namespace. */
int namespace_call(int descriptor, int (*function)(void *context, struct error *err), void *context,
                   struct error *err);
/* Sets more of them later; links that are there already keep theirs. */
int namespace_set(int descriptor, const struct namespace_setting *settings, struct error *err);
/* Lines of `ip -batch`, all tried even when one fails; those that begin with "rule" are for
 * the family of the address they name, or for both. */
int namespace_ip(int descriptor, const struct buffer *lines, struct error *err);
/* Loads nftables commands as one transaction. */
int namespace_firewall(int descriptor, const char *commands, struct error *err);

/* A bound socket inside the namespace: `type` SOCK_STREAM also listens. The address need not be there yet. */
int namespace_listen(int descriptor, int type, const char *address, uint16_t port, int *socket,
                     struct error *err);
/* A connected stream socket; waits at most `timeout_ms`. */
int namespace_connect(int descriptor, const char *address, uint16_t port, int timeout_ms, int *socket,
                      struct error *err);
/* Which namespace a socket belongs to: the kernel's number for it, never used twice. */
uint64_t namespace_of_socket(int socket);

/* An address literal of either family with a port, as the socket calls want it. */
int socket_address(const char *address, uint16_t port, struct sockaddr_storage *storage, socklen_t *length,
                   struct error *err);

#endif
