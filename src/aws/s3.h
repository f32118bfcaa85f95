/* S3 as the log archive and the vendor's secrets need it. */
#ifndef AWS_S3_H
#define AWS_S3_H

#include "aws/client.h"

/* Puts `length` bytes of `fd` from its current offset, in constant memory; SSE-KMS by the bucket's default,
 * or with `kms_key_id` when given. `tagging` is "k=v&k=v" or NULL. Idempotent: the same key holds the same
 * object. */
int s3_put_file(struct aws_client *client, const char *bucket, const char *key, int fd, uint64_t length,
                const char *content_type, const char *kms_key_id, const char *tagging, struct error *err);
int s3_put(struct aws_client *client, const char *bucket, const char *key, const void *bytes, size_t length,
           const char *content_type, struct error *err);
int s3_get(struct aws_client *client, struct arena *arena, const char *bucket, const char *key,
           size_t largest, char **bytes, size_t *length, struct error *err);

struct s3_object {
    const char *key;
    int64_t size, modified_ms;
};
int s3_list(struct aws_client *client, struct arena *arena, const char *bucket, const char *prefix,
            struct s3_object **objects, size_t *count, struct error *err); /* pages to the end */
int s3_delete(struct aws_client *client, const char *bucket, const char *key, struct error *err);

#endif
