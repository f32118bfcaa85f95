/* The threads of the maintainers: one for the zone itself, one for each cloud account ever deployed to. Each
 * looks when the bell rings and otherwise every few seconds; after a failure it waits longer each time, up to
 * a minute. */
#ifndef CONFIGSERVER_WORKERS_H
#define CONFIGSERVER_WORKERS_H

#include "configserver/maintain/maintainers.h"

enum { MAINTAINERS_MOST = 16 };

/* When each of an account's maintainers last ran, and how it went. Also what a simulation drives, without
 * threads. */
struct account_worker {
    struct zone *zone;
    char *account;
    struct {
        int64_t last_ms, failures;
    } duties[MAINTAINERS_MOST];
};
/* Runs what is due now; returns in how many milliseconds something will be. */
int64_t account_worker_pass(struct account_worker *worker);

/* Tells the tunnel whom the records admit; writes to it only when that changed since `*applied` (a hash, or
 * NULL). */
int sync_peers(struct zone *zone, char **applied, struct error *err);

struct zone_workers;
int zone_workers_start(struct zone *zone, struct zone_workers **workers, struct error *err);
void zone_workers_stop(struct zone_workers **workers); /* after zone_stop */

#endif
