/* What the region knows, kept over a restart: one JSON file that every module writes its part of. A change is
 * on disk within a quarter of a second (later when the state is so big that writing it takes long); a stop
 * writes at once. */
#ifndef LOCALAWS_STATE_H
#define LOCALAWS_STATE_H

#include "localaws/region.h"

struct state_saver;

/* Restores `directory`/state.json, when there is one, into the region's modules. */
int state_restore(struct region *region, struct error *err);

/* The thread that saves. */
int state_saver_start(struct region *region, struct error *err);
void state_saver_wake(struct state_saver *saver); /* NULL is fine: before the start */
void state_saver_stop(struct region *region);     /* saves what is unsaved */

#endif
