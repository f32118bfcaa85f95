/* What the region knows, kept over a restart and over a kill at any instant: in one file (state_file.h), each
 * resource and every other module's tables on their own, so that a change costs the same however much there
 * is. What was answered to a caller is on disk a quarter of a second later, and the time it takes to write
 * it; a stop writes at once. */
#ifndef LOCALAWS_STATE_H
#define LOCALAWS_STATE_H

#include "localaws/region.h"

struct state_saver;

/* Opens the state in the region's directory and restores what it holds into the region's modules. */
int state_restore(struct region *region, struct error *err);

/* The thread that saves. */
int state_saver_start(struct region *region, struct error *err);
void state_saver_wake(struct state_saver *saver); /* NULL is fine: nothing is kept */
void state_saver_stop(struct region *region);     /* saves what is unsaved */

#endif
