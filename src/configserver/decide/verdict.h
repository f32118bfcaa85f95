/* How a deployment stands, judged from the records alone: every one ends running or failed with a reason, and
 * says what it waits for until then. A verdict is no record: it is made anew for whoever asks, so that one
 * that failed and comes through after all is running. */
#ifndef CONFIGSERVER_VERDICT_H
#define CONFIGSERVER_VERDICT_H

#include "configserver/zone.h"

struct verdict {
    const char *status;  /* pending, running, failed, deleting */
    const char *code;    /* of a failed one, as Vespa has them: NODE_ALLOCATION_FAILURE, … ; else NULL */
    const char *message; /* one sentence, in the arena */
};
struct verdict application_judge(const struct zone *zone, const struct view *view,
                                 const struct application *application, struct arena *arena);

/* Does everything that is wanted of it serve, as it was deployed? What is no longer wanted may still be
 * leaving. */
bool application_converged(const struct view *view, const struct application *application);

#endif
