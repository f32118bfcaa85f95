/* What hosts measured last. In memory only; families.h says which measurements there are. */
#ifndef CONFIGSERVER_GAUGES_H
#define CONFIGSERVER_GAUGES_H

#include "configserver/hosts/families.h"
#include "configserver/records/repository.h"
#include "zone/host_spec.h"

struct gauges;
struct gauges *gauges_new(void);
void gauges_free(struct gauges **gauges);

/* Replaces what the host said before. Copied. */
void gauges_put(struct gauges *gauges, const char *hostname, const struct metrics_report *report);
/* When it last said anything, ms since the epoch; 0: never. */
int64_t gauges_heard(struct gauges *gauges, const char *hostname);
/* Adds what hosts said; forgets hosts that are no more. */
void gauges_add(struct gauges *gauges, const struct view *view, struct arena *arena,
                struct exposition *exposition);

#endif
