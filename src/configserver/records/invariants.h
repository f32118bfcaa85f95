/* What must hold between records, at every moment: for tests and simulations, which ask after each change.
 * What must hold of one record alone is record_broken_rule in life.h. */
#ifndef CONFIGSERVER_INVARIANTS_H
#define CONFIGSERVER_INVARIANTS_H

#include "configserver/records/repository.h"

/* NULL, or the first rule that does not hold and which records break it; in the arena. */
const char *records_broken_rule(const struct view *view, struct arena *arena);

#endif
