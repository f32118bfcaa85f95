/* Versions of objects: whether a bucket keeps them, and what answers say of the one they are about. */
#ifndef LOCALAWS_S3_VERSIONING_H
#define LOCALAWS_S3_VERSIONING_H

#include "localaws/s3/call.h"

enum s3_versioning {
    S3_UNVERSIONED, /* there is one version of each object, "null" */
    S3_VERSIONED,   /* each change makes one, with an id of its own */
    S3_SUSPENDED,   /* those there are stay; a change is to "null" */
};
enum s3_versioning s3_versioning_of(struct arena *arena, const struct s3_bucket *bucket);

/* The version that a change to an object of the request's bucket makes. */
const char *s3_new_version(struct s3_call *s3);
/* x-amz-version-id, where the bucket keeps versions. */
void s3_answer_version(struct s3_call *s3, const char *version);

/* What became of a deletion. */
struct s3_deleted {
    const char *version; /* of the request, deleted for good; or NULL, when a marker */
    const char *marker;  /* says it is deleted; its version, or that of a marker that was itself deleted */
};
int s3_delete_key(struct s3_call *s3, const char *key, const char *version, struct s3_deleted *deleted,
                  struct error *err);

#endif
