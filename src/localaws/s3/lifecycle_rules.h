/* A bucket's lifecycle, read: which objects its rules are about, and when their time is over. */
#ifndef LOCALAWS_S3_LIFECYCLE_RULES_H
#define LOCALAWS_S3_LIFECYCLE_RULES_H

#include "localaws/s3/store.h"

struct s3_lifecycle_rule {
    const char *id;
    bool enabled;
    const char *prefix;
    const char **tags; /* "k=v", encoded as in s3/tags.h; an object needs all of them */
    size_t tag_count;
    int64_t larger_than, smaller_than; /* bytes; -1: any */
    int64_t days;                      /* 0: none of these */
    int64_t date_ms;
    bool markers; /* a marker behind which no version is left goes */
    int64_t noncurrent_days, newer_versions;
    int64_t abort_days; /* of uploads nobody completed */
};

/* ERROR_INVALID with S3's code for what is no lifecycle. */
int s3_lifecycle_read(struct arena *arena, const char *text, size_t length, struct s3_lifecycle_rule **rules,
                      size_t *count, struct error *err);
bool s3_lifecycle_matches(const struct s3_lifecycle_rule *rule, const struct s3_object *object);
/* `days` after `from_ms`, and then the next midnight (UTC), as S3 counts. */
int64_t s3_lifecycle_end(int64_t from_ms, int64_t days);
/* When the current version expires; 0: by this rule never. */
int64_t s3_lifecycle_expiry(const struct s3_lifecycle_rule *rule, const struct s3_object *object);

#endif
