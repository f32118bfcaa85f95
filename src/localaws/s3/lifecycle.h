/* Lifecycle rules carried out: versions past their days go, and so do uploads nobody completed. */
#ifndef LOCALAWS_S3_LIFECYCLE_H
#define LOCALAWS_S3_LIFECYCLE_H

#include "localaws/region.h"
#include "localaws/s3/call.h"
#include "localaws/s3/versioning.h"

/* One bucket by its rules (the document as it was sent), as of `now_ms`. */
int s3_lifecycle_apply(struct s3_store *store, const char *bucket_id, const char *document,
                       enum s3_versioning versioning, int64_t now_ms, struct error *err);
/* x-amz-expiration: when the object will go, and by which rule. */
void s3_answer_expiration(struct s3_call *s3, const struct s3_object *object);

#endif
