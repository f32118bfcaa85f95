/* Buckets: whose they are, and the documents that configure them (policy, encryption, lifecycle, tags, ...),
 * each kept as it was sent once it was found valid. They are state of the region (saved with it); their
 * objects are in the store. */
#ifndef LOCALAWS_S3_BUCKETS_H
#define LOCALAWS_S3_BUCKETS_H

#include "localaws/region.h"
#include "localaws/s3/documents.h"
#include "localaws/s3/store.h"

enum { REGION_KEY = 32 };

struct s3_region {
    struct table buckets; /* by name; guarded by the region's lock */
    struct s3_store *store;
    unsigned char key[REGION_KEY]; /* wraps the data keys of SSE-S3 */
    int64_t swept_ms;              /* when lifecycles were last carried out; guarded by the lock */
};
/* Opened when it is first needed; takes the lock. */
int s3_region(struct region *region, struct s3_region **s3, struct error *err);

/* A bucket as it was at one moment, in the arena. */
struct s3_bucket {
    const char *name, *id, *owner; /* the id tells it from another of its name, before or after */
    int64_t created_ms;
    const char *documents[S3_DOCUMENTS];
};
bool s3_bucket_find(struct region *region, struct arena *arena, const char *name, struct s3_bucket *bucket);
/* By name; those of every account when `owner` is NULL. */
size_t s3_bucket_list(struct region *region, struct arena *arena, const struct account *owner,
                      struct s3_bucket **buckets);

/* ERROR_CONFLICT when the name is taken. */
int s3_bucket_create(struct region *region, struct account *owner, const char *name, struct error *err);
int s3_bucket_delete(struct region *region, const struct s3_bucket *bucket, struct error *err);
/* NULL removes. ERROR_NOT_FOUND when the bucket has gone meanwhile. */
int s3_bucket_set(struct region *region, const struct s3_bucket *bucket, enum s3_document document,
                  const char *text, struct error *err);

bool s3_bucket_name_is_valid(const char *name);

#endif
