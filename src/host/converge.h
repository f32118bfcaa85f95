/* Which steps a node's life takes for each state the spec can want: a table, so that it can be read and
 * tested. */
#ifndef HOST_CONVERGE_H
#define HOST_CONVERGE_H

#include "host/node.h"

enum { PLAN_STEPS_MOST = 8 };

struct plan {
    const char *state;
    node_step *steps[PLAN_STEPS_MOST]; /* NULL-terminated */
    enum node_event done;              /* what happened to the node when every step succeeded */
    bool drained;                      /* then nothing runs and every log is archived */
};

/* `state` NULL: the node is no longer in the spec. With `drain` whatever runs is stopped and its logs
 * archived. */
const struct plan *plan_for(const char *state, bool drain);

#endif
