/* What this region's agent does by itself: begins commands that are pending, lets those end that nobody
 * delivers, and closes sessions nobody uses. Region-wide; made with the region, before any call is. */
#ifndef LOCALAWS_SSM_AGENT_H
#define LOCALAWS_SSM_AGENT_H

#include "localaws/ssm/ssm.h"

#include <pthread.h>
#include <stdatomic.h>

struct agent {
    struct region *region;
    pthread_t thread;
    int wake; /* eventfd */
    atomic_bool stopping;
    /* The region's lock protects these. */
    struct channel *dead; /* to be freed without it */
    size_t running;       /* invocations with a thread */
    size_t connections;   /* of sessions' clients, with a thread each */
};
struct agent *agent_of(struct region *region); /* the region's lock is held */

/* run.c: gives the invocation a thread, in which its steps run. */
void run_begin(struct agent *agent, struct account *account, struct command *command,
               struct invocation *invocation);
/* session.c: ends what has been left alone too long; true when there are sessions to look after. */
bool sessions_look_after(struct region *region, bool all);

#endif
