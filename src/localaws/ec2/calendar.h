/* The region's clock: one thread that does what is due by itself, without a call: scheduled events (event.h),
 * forgetting instances that were terminated long ago, and what is due in KMS and S3 (region.h). */
#ifndef LOCALAWS_EC2_CALENDAR_H
#define LOCALAWS_EC2_CALENDAR_H

#include "localaws/region.h"

int calendar_start(struct region *region, struct error *err);
void calendar_stop(struct region *region); /* not with the region's lock held */
/* There is something new: it looks again. Does nothing before it was started. */
void calendar_changed(struct region *region);

#endif
