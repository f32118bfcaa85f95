/* What is measured on a host: of the machine, the agent and each node. Numbers about operation only, never
 * what is in logs or documents. */
#ifndef HOST_METRICS_H
#define HOST_METRICS_H

#include "host/agent.h"

enum { METRICS_MOST = 500 };

/* Everything measurable now, in the arena; what cannot be read is left out. */
void metrics_gather(struct agent *agent, struct arena *arena, struct metrics_report *report);

#endif
