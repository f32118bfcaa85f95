/* The way from the user's machine into the region's internet: an HTTP proxy that knows CONNECT and nothing
 * else (HTTPS_PROXY=http://127.0.0.1:4567). Where a tunnel ends is decided by the two functions it is given,
 * so it can reach what they reach and no more. One thread a tunnel, at most TUNNELS_MOST, each with two fixed
 * buffers. */
#ifndef LOCALAWS_PROXY_H
#define LOCALAWS_PROXY_H

#include "base/error.h"
#include "base/memory.h"

#include <stdint.h>

enum { TUNNELS_MOST = 512 };

struct proxy;

struct proxy_way {
    void *context;
    /* A name's address, in the arena; NULL when it is unknown. Not asked about IP addresses. */
    char *(*resolve)(void *context, struct arena *arena, const char *name);
    int (*connect)(void *context, const char *address, uint16_t port, int *socket, struct error *err);
};

/* `socket` listens already; the proxy closes it. */
int proxy_start(int socket, const struct proxy_way *way, struct proxy **proxy, struct error *err);
void proxy_stop(struct proxy **proxy); /* breaks what tunnels there are */

#endif
