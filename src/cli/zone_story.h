/* Raising the local zone, told step by step with times; see zone_story.c for the steps. */
#ifndef CLI_ZONE_STORY_H
#define CLI_ZONE_STORY_H

#include "cli/zone_local.h"

/* Goes on from wherever an earlier telling stopped. Writes timings.json. */
int zone_story_tell(const struct local_zone *zone, struct error *err);

#endif
