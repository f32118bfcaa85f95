/* What the calls on objects share: making one from bytes, and reading one back. */
#ifndef LOCALAWS_S3_OBJECT_CALLS_H
#define LOCALAWS_S3_OBJECT_CALLS_H

#include "localaws/s3/sealing.h"

/* An object, or a part of one, being written. */
struct s3_writing {
    struct s3_object object;
    struct s3_piece piece;
    struct segment_writer *writer;
};
/* Headers and tags of the request become the object's; ACLs that S3 without ACLs refuses are refused. */
int s3_describe_object(struct s3_call *s3, struct s3_object *object, struct error *err);
/* Opens the file of a piece; it is removed with the request unless it is finished. */
int s3_writing_begin(struct s3_call *s3, const unsigned char data_key[SEGMENT_KEY],
                     struct s3_writing *writing, struct error *err);
chunked_sink s3_writing_sink; /* its context is the struct s3_writing */
/* `md5`: in hex, of what was written; not needed of what KMS seals. */
int s3_writing_finish(struct s3_call *s3, struct s3_writing *writing, uint64_t size, const char *md5,
                      struct error *err);
/* The bucket may have been deleted while the object was written: then the object goes, too. */
int s3_check_bucket_remains(struct s3_call *s3, struct error *err);

/* A stored object being read: all its pieces as one. It stays whole until it is freed, though the object may
 * be replaced or deleted meanwhile. Freed in every case, also when opening failed. */
struct s3_reading;
int s3_reading_open(struct s3_call *s3, struct s3_object *object, struct s3_reading **reading,
                    struct error *err);
/* Before the first byte is read: gets the data key, which the caller must be allowed to. */
int s3_reading_unseal(struct s3_call *s3, struct s3_reading *reading, const struct s3_object *object,
                      struct error *err);
int s3_reading_read(struct s3_reading *reading, uint64_t position, void *bytes, size_t room, size_t *length,
                    struct error *err);
void s3_reading_free(struct s3_reading **reading);

/* NoSuchKey; or AccessDenied for those who may not know what the bucket holds. */
int s3_find_object(struct s3_call *s3, struct s3_object *object, struct error *err);

#endif
