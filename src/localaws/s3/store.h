/* What S3 keeps on disk: an index of objects, their versions, multipart uploads and their pieces (SQLite),
 * and the pieces' encrypted bytes: small ones in the index, others as one file each. It knows neither
 * accounts nor policies. Of an object the index shows its bucket, key, size and times; what else is said of
 * it (entity tag, headers, tags, ACL) is sealed under the store's key; a sealing of contents is opaque here.
 * Safe to use from several threads; every change is durable when its function returns, and a crash leaves at
 * most files that the next start removes. */
#ifndef LOCALAWS_S3_STORE_H
#define LOCALAWS_S3_STORE_H

#include "base/error.h"
#include "base/memory.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { S3_STORE_KEY = 32 };

struct s3_store;

int s3_store_open(const char *directory, const unsigned char key[S3_STORE_KEY], struct s3_store **store,
                  struct error *err);
void s3_store_close(struct s3_store **store);

/* How an object's data key is kept: wrapped by KMS (SSE-KMS), by a key that the customer brings with each
 * request (SSE-C), or by the region's own (SSE-S3). */
struct s3_sealing {
    const char *key_arn; /* the KMS key; NULL: one of the others */
    const char *context; /* KMS's encryption context, JSON text; or the MD5 of the customer's key, base64 */
    const char *wrapped; /* base64 */
};

struct s3_piece {
    const char *file; /* its name; also what its own key is derived by */
    int64_t number, size, modified_ms;
    const char *etag;
    const char *checksum;         /* base64; NULL when the client gave none */
    const unsigned char *content; /* encrypted; NULL: it is in its file */
    size_t content_length;
};

/* A version of an object, or an upload of one. */
struct s3_object {
    const char *bucket, *key;
    const char *version; /* "null", or an id */
    int64_t sequence;    /* later versions of a key have higher ones; the store's to give */
    bool latest;
    bool marker;         /* says that the object was deleted; has no pieces */
    const char *id;      /* of its pieces; an upload's id becomes its object's */
    const char *etag;    /* without quotes */
    const char *headers; /* JSON object of what is answered with it: content-type, x-amz-meta-... */
    const char *tags;    /* "k=v&k=v", encoded; "" when none */
    const char *acl;     /* a canned ACL's name or a document; NULL: the owner's alone */
    int64_t size, modified_ms;
    struct s3_sealing sealing;
};

/* Random; a file of this name does not exist yet. */
char *s3_store_new_id(struct arena *arena);
char *s3_store_path(struct s3_store *store, struct arena *arena, const char *file);

/* What must hold when an object is put: ERROR_CONFLICT, or ERROR_NOT_FOUND when there is none to compare. */
struct s3_expectation {
    bool absent;      /* no current version */
    const char *etag; /* of the current version; NULL: any */
};

/* Becomes the current version; the one of the same name goes ("null" in a bucket that keeps no others). The
 * pieces' files are complete. */
int s3_store_put(struct s3_store *store, const struct s3_object *object, const struct s3_piece *pieces,
                 size_t count, const struct s3_expectation *expected, struct error *err);
/* The current version when `version` is NULL, which may be a marker. ERROR_NOT_FOUND. */
int s3_store_get(struct s3_store *store, struct arena *arena, const char *bucket, const char *key,
                 const char *version, struct s3_object *object, struct error *err);
/* The first object whose key is `from` or comes after it (after it only, when not `inclusive`), by bytes; its
 * current version, never a marker. ERROR_NOT_FOUND. */
int s3_store_next(struct s3_store *store, struct arena *arena, const char *bucket, const char *from,
                  bool inclusive, struct s3_object *object, struct error *err);
/* The first version, markers too, that is older than `sequence` of `key`, else the latest of the next key.
 * ERROR_NOT_FOUND. */
int s3_store_next_version(struct s3_store *store, struct arena *arena, const char *bucket, const char *key,
                          int64_t sequence, struct s3_object *object, struct error *err);
int s3_store_pieces(struct s3_store *store, struct arena *arena, const char *id, struct s3_piece **pieces,
                    size_t *count, struct error *err); /* by number, without contents */
/* The same for a reader, with contents: until it unpins the id, the files stay, whatever becomes of the
 * object. ERROR_NOT_FOUND when it was replaced or deleted before. */
int s3_store_pin(struct s3_store *store, struct arena *arena, const char *id, struct s3_piece **pieces,
                 size_t *count, struct error *err);
void s3_store_unpin(struct s3_store *store, const char *id);
/* One version; of the others the newest becomes current. Absent is fine. */
int s3_store_delete(struct s3_store *store, const char *bucket, const char *key, const char *version,
                    struct error *err);
/* Of this version (by its id): new tags, or a new ACL; what is NULL stays. */
int s3_store_describe(struct s3_store *store, const struct s3_object *object, const char *tags,
                      const char *acl, struct error *err);

/* Uploads: objects to be, without size and etag; `modified_ms` is when it began. */
int s3_store_upload_begin(struct s3_store *store, const struct s3_object *upload, struct error *err);
int s3_store_upload_get(struct s3_store *store, struct arena *arena, const char *id, struct s3_object *upload,
                        struct error *err); /* ERROR_NOT_FOUND */
/* By key, then by when they began. */
int s3_store_uploads(struct s3_store *store, struct arena *arena, const char *bucket,
                     struct s3_object **uploads, size_t *count, struct error *err);
/* Replaces a piece of the same number. ERROR_NOT_FOUND when the upload has gone meanwhile. */
int s3_store_upload_piece(struct s3_store *store, const char *id, const struct s3_piece *piece,
                          struct error *err);
/* The upload becomes `object` (same id) of these pieces, ascending by number; others of the upload go.
 * ERROR_INVALID when one of them was replaced meanwhile. */
int s3_store_upload_complete(struct s3_store *store, const struct s3_object *object,
                             const struct s3_piece *pieces, size_t count,
                             const struct s3_expectation *expected, struct error *err);
int s3_store_upload_abort(struct s3_store *store, const char *id, struct error *err);

/* Everything of a bucket, uploads too. */
int s3_store_drop(struct s3_store *store, const char *bucket, struct error *err);
/* The buckets that have anything here. */
int s3_store_buckets(struct s3_store *store, struct arena *arena, char ***buckets, size_t *count,
                     struct error *err);

#endif
