/* A store that fails as a distributed one may: answers get lost before or after the effect, calls are slow,
 * the connection goes away for a while, the session ends. For tests and simulations, around any other store;
 * what fails when is decided by a script, one letter a call, and after it by chance from a seed. */
#ifndef STORE_FAULTY_H
#define STORE_FAULTY_H

#include "store/store.h"

struct faulty_options {
    /* '.' nothing, 'b' lost before the effect, 'a' lost after it, 'p' a pause, 'd' away for some calls; may
     * be NULL */
    const char *script;
    uint64_t seed;
    int before, after, pause, away; /* chances of each in a thousand calls, once the script is over */
    int away_calls;                 /* that fail while the connection is away */
    int pause_us;
    store_session_changed *changed; /* as store_open_zookeeper's; may be NULL */
    void *context;
};

/* The new store owns the one inside. */
struct store *store_open_faulty(struct store *inside, const struct faulty_options *options);

/* The session ends and another begins: its ephemeral records and locks go, the owner is told of STORE_EXPIRED
 * and then of STORE_CONNECTED, then every watch fires. Returns when the owner has heard the first; not to be
 * called by a watcher. (Of the ephemeral sequential records of one multi only that of the last operation
 * goes.) */
void faulty_expire(struct store *store);

long faulty_count(struct store *store); /* how many calls it spoiled */

#endif
