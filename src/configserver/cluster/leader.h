/* Who of the zone's config servers leads. The leader is who made the ephemeral record /enclave/v1/leading; it
 * alone decides and writes, and every write checks the epoch it began, so that one who leads no more, and
 * does not know it yet, writes nothing. The others keep their copy of the records fresh. A store that does
 * not answer pauses the leader at once; what is read is read on. One thread; tests take its steps themselves.
 */
#ifndef CONFIGSERVER_LEADER_H
#define CONFIGSERVER_LEADER_H

#include "configserver/cluster/servers.h"
#include "store/store.h"

struct leader;

/* Zone and servers must outlive it. Its watches call it until the store is closed: stop it, close the store,
 * then free it. It begins as a follower. */
struct leader *leader_new(struct zone *zone, struct store *store, struct config_servers *servers);
void leader_free(struct leader **leader);
int leader_start(struct leader *leader, struct error *err);
/* Gives the lead away, so that another has it at once, and ends. */
void leader_stop(struct leader *leader);

/* What became of the store's session: for store_open_zookeeper, with the leader as its context. */
void leader_session(void *leader, enum store_session session);

/* Does what is to be done now; returns in how many milliseconds to look again when nothing wakes us. */
int64_t leader_step(struct leader *leader);

/* Until our copy has this commit, but no longer than that. */
void leader_wait_for(struct leader *leader, int64_t sequence, int64_t timeout_ms);

#endif
