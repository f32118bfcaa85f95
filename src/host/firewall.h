/* The host's firewall: one nftables table, replaced as one atomic batch, so that there is never a moment with
 * fewer rules and an error leaves the old ones standing.
 *
 * Into the host: nothing but answers, what IPv6 needs to work, and health from config servers through the
 * tunnel. Through the host: each node speaks with the nodes of its application, and load balancers reach its
 * data port. A node cannot reach the host, the instance metadata service or the tunnel, and cannot speak with
 * another's address. */
#ifndef HOST_FIREWALL_H
#define HOST_FIREWALL_H

#include "zone/host_spec.h"

enum { HEALTH_PORT = 8080 };

struct firewall {
    const struct host_spec *spec;        /* NULL before the first: then no node may speak at all */
    const struct wireguard_peers *peers; /* NULL before the first: then nobody asks for health */
    const char *tunnel_interface;
};

/* The batch, in the arena. Everything in the spec was checked by spec_parse. */
char *firewall_text(struct arena *arena, const struct firewall *firewall);
int firewall_load(const char *text, struct error *err);

/* The host's end of a node's cable: deterministic, at most 15 characters. */
char *node_link_name(struct arena *arena, const char *hostname);

#endif
