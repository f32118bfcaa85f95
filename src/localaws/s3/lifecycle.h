/* Lifecycle rules carried out: objects past their days go, and so do uploads nobody completed. */
#ifndef LOCALAWS_S3_LIFECYCLE_H
#define LOCALAWS_S3_LIFECYCLE_H

#include "localaws/region.h"
#include "localaws/s3/store.h"

/* One bucket by its rules (the document as it was sent), as of `now_ms`. */
int s3_lifecycle_apply(struct s3_store *store, const char *bucket_id, const char *document, int64_t now_ms,
                       struct error *err);
/* All buckets, when the last time is an hour ago or more. */
void s3_lifecycle_sweep(struct region *region);

#endif
