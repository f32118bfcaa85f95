/* The one connection to a config server that stays, taken in turns: polls wait on it for news, and what is
 * told regularly goes between two of them. Ten thousand hosts hold one connection each, not two. Whoever has
 * something to say that cannot wait says it over a connection of its own, which is closed afterwards. */
#ifndef HOST_LINE_H
#define HOST_LINE_H

#include "host/agent.h"

/* For the next poll: waits until nobody has the line, or wants it. */
void line_take(struct agent *agent);
/* Before the next poll, which waits until it is given back. False: *counter is no longer `seen`, or the time
 * is up; then the line is not taken. */
bool line_take_before_poll(struct agent *agent, const uint64_t *counter, uint64_t seen, int64_t milliseconds);
void line_give(struct agent *agent);

#endif
