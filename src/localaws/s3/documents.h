/* The documents that configure a bucket, as one table: how each is asked for, who may, what a valid one looks
 * like, and what a bucket without one answers. */
#ifndef LOCALAWS_S3_DOCUMENTS_H
#define LOCALAWS_S3_DOCUMENTS_H

#include "base/error.h"
#include "base/memory.h"

#include <stdbool.h>
#include <stddef.h>

enum s3_document {
    S3_POLICY,
    S3_ENCRYPTION,
    S3_LIFECYCLE,
    S3_LIFECYCLE_MINIMUM, /* the header that belongs to the lifecycle; no subresource of its own */
    S3_PUBLIC_ACCESS,
    S3_OWNERSHIP,
    S3_TAGGING,
    S3_VERSIONING,
    S3_ACL, /* as s3/acl.h keeps it */
    S3_CORS,
    S3_WEBSITE,
    S3_LOGGING,
    S3_ACCELERATE,
    S3_REQUEST_PAYMENT,
    S3_NOTIFICATION,
    S3_DOCUMENTS,
};

struct s3_document_kind {
    const char *name;      /* in saved state, and the query that asks for it */
    const char *root;      /* of the XML; NULL: not XML */
    const char *missing;   /* the code when there is none, and */
    const char *message;   /* what it says; or */
    const char *otherwise; /* what is answered instead of a refusal */
    int (*check)(struct arena *arena, const char *text, size_t length, struct error *err);
};
extern const struct s3_document_kind s3_document_kinds[S3_DOCUMENTS];

/* ERROR_INVALID, with S3's code, for what is not such a document. */
int s3_document_check(enum s3_document document, const char *text, size_t length, struct error *err);

/* How a bucket encrypts what says nothing of it. */
struct s3_encryption {
    bool kms;            /* SSE-KMS; else SSE-S3 */
    const char *kms_key; /* NULL: the account's alias/aws/s3 */
    bool bucket_key;
};
int s3_encryption_read(struct arena *arena, const char *text, size_t length, struct s3_encryption *encryption,
                       struct error *err);

#endif
