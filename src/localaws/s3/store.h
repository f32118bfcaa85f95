/* What S3 keeps on disk: an index of objects, multipart uploads and their pieces (SQLite), and one encrypted
 * file a piece. It knows neither accounts nor policies, and no keys: a sealing is opaque here. Safe to use
 * from several threads; every change is durable when its function returns, and a crash leaves at most files
 * that the next start removes. */
#ifndef LOCALAWS_S3_STORE_H
#define LOCALAWS_S3_STORE_H

#include "base/error.h"
#include "base/memory.h"

#include <stdbool.h>
#include <stdint.h>

struct s3_store;

int s3_store_open(const char *directory, struct s3_store **store, struct error *err);
void s3_store_close(struct s3_store **store);

/* How an object's data key is kept. */
struct s3_sealing {
    const char *key_arn; /* the KMS key that wraps it; NULL: the region's own (SSE-S3) */
    const char *context; /* KMS's encryption context, JSON text */
    const char *wrapped; /* base64 */
};

struct s3_piece {
    const char *file; /* its name; also what its own key is derived by */
    int64_t number, size, modified_ms;
    const char *etag;
};

struct s3_object {
    const char *bucket, *key;
    const char *id;      /* of its pieces; an upload's id becomes its object's */
    const char *etag;    /* without quotes */
    const char *headers; /* JSON object of what is answered with it: content-type, x-amz-meta-... */
    const char *tags;    /* "k=v&k=v", encoded; "" when none */
    int64_t size, modified_ms;
    struct s3_sealing sealing;
};

/* Random; a file of this name does not exist yet. */
char *s3_store_new_id(struct arena *arena);
char *s3_store_path(struct s3_store *store, struct arena *arena, const char *file);

/* Replaces what was there, unless `only_new` (ERROR_CONFLICT). The pieces' files are complete. */
int s3_store_put(struct s3_store *store, const struct s3_object *object, const struct s3_piece *pieces,
                 size_t count, bool only_new, struct error *err);
int s3_store_get(struct s3_store *store, struct arena *arena, const char *bucket, const char *key,
                 struct s3_object *object, struct error *err); /* ERROR_NOT_FOUND */
/* The first object whose key is `from` or comes after it (after it only, when not `inclusive`), by bytes. */
int s3_store_next(struct s3_store *store, struct arena *arena, const char *bucket, const char *from,
                  bool inclusive, struct s3_object *object, struct error *err); /* ERROR_NOT_FOUND */
int s3_store_pieces(struct s3_store *store, struct arena *arena, const char *id, struct s3_piece **pieces,
                    size_t *count, struct error *err); /* by number */
/* The same for a reader: until it unpins the id, the files stay, whatever becomes of the object.
 * ERROR_NOT_FOUND when it was replaced or deleted before. */
int s3_store_pin(struct s3_store *store, struct arena *arena, const char *id, struct s3_piece **pieces,
                 size_t *count, struct error *err);
void s3_store_unpin(struct s3_store *store, const char *id);
int s3_store_delete(struct s3_store *store, const char *bucket, const char *key,
                    struct error *err); /* absent is fine */
int s3_store_set_tags(struct s3_store *store, const char *bucket, const char *key, const char *tags,
                      struct error *err);

/* Uploads: objects to be, without size and etag; `modified_ms` is when it began. */
int s3_store_upload_begin(struct s3_store *store, const struct s3_object *upload, struct error *err);
int s3_store_upload_get(struct s3_store *store, struct arena *arena, const char *id, struct s3_object *upload,
                        struct error *err); /* ERROR_NOT_FOUND */
int s3_store_uploads(struct s3_store *store, struct arena *arena, const char *bucket,
                     struct s3_object **uploads, size_t *count, struct error *err);
/* Replaces a piece of the same number. ERROR_NOT_FOUND when the upload has gone meanwhile. */
int s3_store_upload_piece(struct s3_store *store, const char *id, const struct s3_piece *piece,
                          struct error *err);
/* The upload becomes `object` (same id) of these pieces; others of the upload go. */
int s3_store_upload_complete(struct s3_store *store, const struct s3_object *object, const int64_t *numbers,
                             size_t count, struct error *err);
int s3_store_upload_abort(struct s3_store *store, const char *id, struct error *err);

/* Everything of a bucket, uploads too. */
int s3_store_drop(struct s3_store *store, const char *bucket, struct error *err);
/* The buckets that have anything here. */
int s3_store_buckets(struct s3_store *store, struct arena *arena, char ***buckets, size_t *count,
                     struct error *err);

#endif
