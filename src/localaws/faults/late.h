/* What happens later: an answer that is held back, a machine that starts when its time has come. One thread
 * waits for the next of them, so that nobody else has to. */
#ifndef LOCALAWS_LATE_H
#define LOCALAWS_LATE_H

#include "base/error.h"

#include <stdint.h>

struct late;

int late_open(struct late **late, struct error *err);
/* Does at once what still waits, then ends. NULL is fine. */
void late_close(struct late **late);
/* `act(context)` in so many milliseconds, on late's thread: it should be quick. */
void late_do(struct late *late, int64_t ms, void (*act)(void *context), void *context);

#endif
