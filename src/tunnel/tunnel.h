/* A WireGuard device and its peers: the kernel's when the kernel has it, else wireguard-go. The device
 * outlives our process: opening one that is up takes it over. Configuration goes through wg(8) and ip(8), so
 * keys are given by file or standard input, never by argument. Used by config servers (many peers) and hosts
 * (the config servers). One thread at a time uses a tunnel. */
#ifndef TUNNEL_TUNNEL_H
#define TUNNEL_TUNNEL_H

#include "base/error.h"
#include "base/memory.h"

#include <stdbool.h>
#include <stdint.h>

enum { TUNNEL_PORT = 51820, TUNNEL_KEEPALIVE_S = 25 };

bool tunnel_is_key(const char *text); /* 44 characters of base64 that are 32 bytes */

/* A private key at `path` (made 0600 when absent); its public half, 44 characters, in the arena. */
int tunnel_key_ensure(struct arena *arena, const char *path, char **public_key, struct error *err);

struct tunnel;

struct tunnel_options {
    const char *interface; /* at most 15 characters */
    const char *key_path;
    const char *address; /* ours inside the tunnel: an IPv6 address */
    int prefix_length;   /* of the route through it: a config server routes the zone's /48, a host too */
    uint16_t port;       /* 0: any */
};
int tunnel_open(const struct tunnel_options *options, struct tunnel **tunnel, struct error *err);
void tunnel_close(struct tunnel **tunnel);                     /* leaves the device up */
int tunnel_destroy(struct tunnel **tunnel, struct error *err); /* takes it down */

struct tunnel_peer {
    const char *public_key;
    const char *address;  /* the one inside address this peer may use */
    const char *endpoint; /* "[2001:db8::1]:51820"; NULL: it will call us */
    bool keepalive;
};
/* Adds or updates; idempotent. A key with another address moves; an address with another key loses the old
 * one. */
int tunnel_set_peer(struct tunnel *tunnel, const struct tunnel_peer *peer, struct error *err);
/* For who knows what peers there are: removes those keys, then sets these peers, whose addresses no other
 * peer has; asks nothing before, so that it costs what changes. */
int tunnel_change_peers(struct tunnel *tunnel, const struct tunnel_peer *peers, size_t count,
                        const char *const *removed, size_t removed_count, struct error *err);
/* Makes the peers exactly these. */
int tunnel_set_peers(struct tunnel *tunnel, const struct tunnel_peer *peers, size_t count, struct error *err);

struct tunnel_peer_state {
    const char *public_key, *address, *endpoint;
    int64_t handshake_ms; /* last, since the epoch; 0: never */
    uint64_t received_bytes, sent_bytes;
};
int tunnel_peers(struct tunnel *tunnel, struct arena *arena, struct tunnel_peer_state **peers, size_t *count,
                 struct error *err);

#endif
