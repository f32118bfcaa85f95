/* What the calls on objects share: making one from bytes, and reading one back. */
#ifndef LOCALAWS_S3_OBJECT_CALLS_H
#define LOCALAWS_S3_OBJECT_CALLS_H

#include "localaws/s3/sealing.h"

/* An object, or a part of one, being written. */
struct s3_writing {
    struct s3_object object;
    struct s3_piece piece;
    struct s3_expectation expected;
    struct segment_writer *writer;
};
/* Headers and tags of the request become the object's; ACLs that S3 without ACLs refuses are refused. */
int s3_describe_object(struct s3_call *s3, struct s3_object *object, struct error *err);
/* Opens a piece; its file, if it gets one, is removed with the request unless it is finished. */
int s3_writing_begin(struct s3_call *s3, const unsigned char data_key[SEGMENT_KEY],
                     struct s3_writing *writing, struct error *err);
/* The request's body goes into it as it comes. */
int s3_writing_receive(struct s3_call *s3, struct s3_writing *writing, struct error *err);
/* `md5`: in hex, of what was written; needed only in buckets that S3 encrypts by itself. */
int s3_writing_finish(struct s3_call *s3, struct s3_writing *writing, uint64_t size, const char *md5,
                      struct error *err);
/* The bucket may have been deleted while the object was written: then the object goes, too. */
int s3_check_bucket_remains(struct s3_call *s3, struct error *err);

/* s3/put_calls.c: s3_describe_object and s3_writing_begin for what the request puts; the written object
 * becomes its key's current version, as the request expects. */
int s3_begin_object(struct s3_call *s3, struct s3_writing **writing, struct error *err);
int s3_commit_object(struct s3_call *s3, struct s3_writing *writing, struct error *err);

/* s3/copy_calls.c */
int s3_copy_object(struct s3_call *s3, struct error *err);
int s3_copy_part(struct s3_call *s3, struct error *err);

/* s3/multipart_calls.c: the part that the request names, ready to be written; and stored. */
int s3_open_part(struct s3_call *s3, struct s3_writing **writing, struct error *err);
int s3_store_part(struct s3_call *s3, struct s3_writing *writing, struct error *err);
/* The upload of this bucket and key: an id alone opens nothing. */
int s3_no_upload(struct s3_call *s3, struct error *err);
int s3_find_upload(struct s3_call *s3, struct s3_object *upload, struct error *err);

/* s3/object_headers.c: what is kept with an object and answered with it, JSON text. */
const char *s3_object_header(struct s3_call *s3, const struct s3_object *object, const char *name);
void s3_object_set_header(struct s3_call *s3, struct s3_object *object, const char *name,
                          const char *value); /* NULL removes */
void s3_object_copy_headers(struct s3_call *s3, struct s3_object *to, const struct s3_object *from);

/* What listings say of an object: <LastModified>, <ETag>, <Size>, ... */
void s3_write_object(struct s3_call *s3, struct buffer *xml, const struct s3_object *object);

/* s3/checksums.c: the header's name ("x-amz-checksum-crc32") that x-amz-checksum-algorithm asks for; NULL
 * when it asks for none. */
int s3_checksum_wanted(struct s3_call *s3, const char **name, struct error *err);
const char *s3_object_checksum(struct s3_call *s3, const struct s3_object *object); /* its name; or NULL */
const char *s3_upload_checksum(struct s3_call *s3,
                               const struct s3_object *upload); /* of its parts; or NULL */
/* <ChecksumCRC32>value</ChecksumCRC32>; nothing when either is NULL. */
void s3_write_checksum(struct buffer *xml, const char *name, const char *value);
const char *s3_checksum_element(const char *name);   /* "ChecksumCRC32" */
const char *s3_checksum_algorithm(const char *name); /* "CRC32" */

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

/* The version named, or the current one. NoSuchKey, NoSuchVersion; or AccessDenied for those who may not know
 * what the bucket holds. */
int s3_find_object(struct s3_call *s3, struct s3_object *object, struct error *err);

#endif
