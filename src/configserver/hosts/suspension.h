/* May a node be down for maintenance now? Hosts ask before they restart a container or reboot, operators for
 * a host they want to work on. One transaction is one answer, so two that ask at once never both get what
 * only one may have. Who may be down is not counted on by anybody until it says that it is back, or its time
 * lapses. */
#ifndef CONFIGSERVER_SUSPENSION_H
#define CONFIGSERVER_SUSPENSION_H

#include "configserver/zone.h"

/* Hosts (each with its node) and nodes: all of them may be down from now on, or none. ERROR_CONFLICT says who
 * would be missed; its code is the rule. ERROR_NOT_FOUND. Again is fine. */
int suspend(struct zone *zone, const char *const *hostnames, size_t count, enum agent agent,
            struct error *err);
/* It is back. */
int resume(struct zone *zone, const char *hostname, enum agent agent, struct error *err);

/* For GET: since when it may be down, 0: it may not. */
int suspended_since(const struct view *view, const char *hostname, int64_t *since, struct error *err);

#endif
