/* Filing: what a change to a resource asks for is done later, once. A change only puts the resource on a
 * list; before anything is looked up by an index, and before the state is saved, resources_file gives every
 * one on it its place in the indexes again and, when its record is another than before, hands it on to be
 * saved. So a change costs the same however many resources there are.
 *
 * Who says only region_changed or account_changed has not said what changed: every record, of all or of that
 * account, is then compared with its digest. */
#ifndef LOCALAWS_RESOURCE_FILING_H
#define LOCALAWS_RESOURCE_FILING_H

#include "localaws/resource/resource.h"

void resources_file(struct region *region);
/* With one that is not of a numerous kind others of its account may have changed. */
void filing_came_or_went(struct resource *resource);
/* The resource goes: it is on no list any more, and if it was saved its removal is to be. */
void filing_forget(struct resource *resource);
/* A row of the saved state, by its sequence, is to be removed. */
void filing_removed(struct region *region, int64_t sequence);

/* For whoever saves: the next record that is to be written and the next that is to be removed, each given
 * once; NULL and 0 when there is none. */
struct resource *resource_unsaved(struct region *region);
int64_t resource_removed(struct region *region);

#endif
