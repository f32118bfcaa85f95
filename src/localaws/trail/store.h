/* Between the trail's own files: where a region's events are. */
#ifndef LOCALAWS_TRAIL_STORE_H
#define LOCALAWS_TRAIL_STORE_H

#include "localaws/region.h"

struct journal *trail_journal(struct region *region); /* NULL: no trail is kept */

#endif
