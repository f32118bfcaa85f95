/* Nonces for provider vespa.aws: each is used once, within five minutes. They are signed rather than
 * remembered, so that asking for many costs no memory and pushes nobody else's out; only those that were
 * spent are kept, until they would have expired. */
#ifndef ZTS_NONCES_H
#define ZTS_NONCES_H

#include "base/error.h"
#include "base/memory.h"

#include <stdint.h>

enum { NONCE_LIFE_MS = 5 * 60 * 1000 };

struct nonces;

struct nonces *nonces_new(void);
void nonces_free(struct nonces **nonces);

char *nonces_issue(struct nonces *nonces, struct arena *arena, int64_t now_ms);
/* ERROR_FORBIDDEN unless it is ours and recent. */
int nonces_check(const struct nonces *nonces, const char *nonce, int64_t now_ms, struct error *err);
/* Checks it and takes it: ERROR_FORBIDDEN when it was taken before. */
int nonces_spend(struct nonces *nonces, const char *nonce, int64_t now_ms, struct error *err);

#endif
