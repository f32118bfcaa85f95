/* What hosts measured last, and what the zone itself counts, as Prometheus reads it. In memory only. */
#ifndef CONFIGSERVER_GAUGES_H
#define CONFIGSERVER_GAUGES_H

#include "base/buffer.h"
#include "configserver/records/repository.h"
#include "zone/host_spec.h"

struct gauges;
struct gauges *gauges_new(void);
void gauges_free(struct gauges **gauges);

/* Replaces what the host said before. Copied. */
void gauges_put(struct gauges *gauges, const char *hostname, const struct metrics_report *report);
/* When it last said anything, ms since the epoch; 0: never. */
int64_t gauges_heard(struct gauges *gauges, const char *hostname);
/* Text exposition format, families in order of their names; forgets hosts that are no more. */
void gauges_print(struct gauges *gauges, const struct view *view, struct buffer *text);

#endif
