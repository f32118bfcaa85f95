/* What a host says, without the HTTP it says it by: handlers parse, these decide and write. Simulations call
 * them as they are. Each is one transaction, or none when nothing is new, and counts as hearing the host. */
#ifndef CONFIGSERVER_HOST_CALLS_H
#define CONFIGSERVER_HOST_CALLS_H

#include "configserver/zone.h"
#include "zone/host_spec.h"

/* The host was heard through the tunnel: by any call, the heartbeat (its metrics) if by nothing else. */
void host_heard(struct zone *zone, const char *hostname);

/* Its tunnel key, over the public side: written down, and a peer before this returns. ERROR_CONFLICT when
 * another host has this key. */
int host_admit_key(struct zone *zone, const char *hostname, const char *key, struct error *err);
/* "My tunnel is up"; `*state` is the host's then. */
int host_ready(struct zone *zone, const char *hostname, enum host_state *state, struct error *err);

/* What a report is before its host says anything: nothing said. */
extern const struct node_report node_report_nothing;
/* Of the host itself, and of a node on it. ERROR_INVALID for words that mean nothing. */
int host_report(struct zone *zone, const char *hostname, const struct node_report *said, struct error *err);
int node_report(struct zone *zone, const char *hostname, const struct node_report *said, struct error *err);

#endif
