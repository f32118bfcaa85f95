/* Challenges: a nonce is given to a host that is to prove itself, holds for a few minutes and is good for one
 * try. Held in memory only: after a restart hosts ask again. Also how often an address may ask. */
#ifndef CONFIGSERVER_NONCES_H
#define CONFIGSERVER_NONCES_H

#include "base/memory.h"
#include "configserver/environment.h"

#include <stdbool.h>
#include <stdint.h>

enum { NONCE_LIFETIME_MS = 5 * 60 * 1000, NONCES_MOST = 20000, ASK_BURST = 60, ASK_EVERY_MS = 500 };

struct nonces;
struct nonces *nonces_new(const struct environment *environment);
void nonces_free(struct nonces **nonces);

/* A fresh nonce for that host; NULL when too many wait. In the arena. */
char *nonce_give(struct nonces *nonces, struct arena *arena, const char *hostname, const char *instance_id,
                 int64_t *expires_ms);
/* True once: when it was given to that host, is not over and was not taken before. */
bool nonce_take(struct nonces *nonces, const char *nonce, const char *hostname, const char *instance_id);
/* A token bucket an address: ASK_BURST at once, then one each ASK_EVERY_MS. */
bool nonces_may_ask(struct nonces *nonces, const char *address);

#endif
