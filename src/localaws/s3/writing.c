#include "localaws/s3/acl.h"
#include "localaws/s3/object_calls.h"

#include "base/clock.h"
#include "base/random.h"
#include "localaws/s3/tags.h"
#include "localaws/s3/versioning.h"

#include <gnutls/gnutls.h>
#include <string.h>
#include <strings.h>

enum {
    LARGEST_METADATA = 2048,
    SMALL_PIECE = 32 << 10, /* up to this it is kept in the index: one wait for the disk instead of two */
};

static const char *const kept_headers[] = {"cache-control",       "content-disposition",
                                           "content-encoding",    "content-language",
                                           "content-type",        "expires",
                                           "x-amz-storage-class", "x-amz-website-redirect-location"};

static bool is_kept(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(kept_headers); i++)
        if (strcasecmp(kept_headers[i], name) == 0)
            return true;
    return strncasecmp(name, "x-amz-meta-", 11) == 0;
}

/* "aws-chunked" was for the way, "aws-chunked,gzip" leaves gzip. */
static const char *own_encoding(const char *value)
{
    if (strncasecmp(value, "aws-chunked", 11) != 0)
        return value;
    value += 11;
    return value + strspn(value, ", ");
}

static int keep_headers(struct s3_call *s3, json_t *kept, struct error *err)
{
    const struct http_headers *headers = http_request_headers(s3->call->request);
    size_t metadata = 0;
    for (size_t i = 0; i < headers->count; i++) {
        const char *name = headers->items[i].name, *value = headers->items[i].value;
        if (!is_kept(name))
            continue;
        if (strcasecmp(name, "content-encoding") == 0 && !*(value = own_encoding(value)))
            continue;
        if (strncasecmp(name, "x-amz-meta-", 11) == 0)
            metadata += strlen(name) - 11 + strlen(value);
        json_object_set_new(kept, text_lower(s3->arena, name), json_string(value));
    }
    if (metadata > LARGEST_METADATA)
        return s3_fail(s3, err, 400, "MetadataTooLarge",
                       "Your metadata headers exceed the maximum allowed size");
    if (!json_object_get(kept, "content-type"))
        json_object_set_new(kept, "content-type", json_string("binary/octet-stream"));
    return 0;
}

/* Classes whose objects can be read at once; of the others there would have to be an archive. */
static int check_class(struct s3_call *s3, struct error *err)
{
    static const char *const known[] = {"STANDARD",   "REDUCED_REDUNDANCY",  "STANDARD_IA",
                                        "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR"};
    static const char *const archives[] = {"GLACIER", "DEEP_ARCHIVE", "EXPRESS_ONEZONE", "OUTPOSTS", "SNOW"};
    const char *class = s3_header(s3, "x-amz-storage-class");
    if (!class)
        return 0;
    for (size_t i = 0; i < COUNT_OF(known); i++)
        if (text_equal(known[i], class))
            return 0;
    for (size_t i = 0; i < COUNT_OF(archives); i++)
        if (text_equal(archives[i], class))
            return s3_fail(s3, err, 501, "NotImplemented", "The storage class %s is not implemented", class);
    return s3_fail(s3, err, 400, "InvalidStorageClass", "The storage class you specified is not valid");
}

/* There is no object lock here, and a lock that is not kept must not be promised. */
static int check_lock(struct s3_call *s3, struct error *err)
{
    static const char *const headers[] = {"x-amz-object-lock-mode", "x-amz-object-lock-retain-until-date",
                                          "x-amz-object-lock-legal-hold"};
    for (size_t i = 0; i < COUNT_OF(headers); i++)
        if (s3_header(s3, headers[i]))
            return s3_fail(s3, err, 400, "InvalidRequest", "Bucket is missing Object Lock Configuration");
    return 0;
}

int s3_describe_object(struct s3_call *s3, struct s3_object *object, struct error *err)
{
    const char *tagging = s3_header(s3, "x-amz-tagging");
    char *tags;
    const char *acl;
    if (check_class(s3, err) < 0 || check_lock(s3, err) < 0 || s3_acl_read(s3, NULL, &acl, err) < 0 ||
        (acl && s3_acl_enabled(s3) && s3_authorize(s3, "s3:PutObjectAcl", s3->key, err) < 0) ||
        s3_tags_parse(s3->arena, tagging, &tags, err) < 0 ||
        (*tags && s3_authorize(s3, "s3:PutObjectTagging", s3->key, err) < 0))
        return -1;
    json_t *kept = json_object();
    int result = keep_headers(s3, kept, err);
    *object = (struct s3_object){
        .bucket = s3->bucket.id,
        .key = s3->key,
        .version = s3_new_version(s3),
        .id = s3_store_new_id(s3->arena),
        .headers = json_text(s3->arena, kept),
        .tags = tags,
        .acl = acl,
        .modified_ms = clock_now_ms(),
    };
    json_decref(kept);
    return result;
}

static void release_writer(void *writing)
{
    segment_writer_free(&((struct s3_writing *)writing)->writer);
}

int s3_writing_begin(struct s3_call *s3, const unsigned char data_key[SEGMENT_KEY],
                     struct s3_writing *writing, struct error *err)
{
    unsigned char key[SEGMENT_KEY];
    writing->piece.file = s3_store_new_id(s3->arena);
    s3_file_key(data_key, writing->piece.file, key);
    int result = segment_writer_open(s3_store_path(s3->s3->store, s3->arena, writing->piece.file), key,
                                     &writing->writer, err);
    gnutls_memset(key, 0, sizeof(key));
    if (result == 0)
        arena_defer(s3->arena, release_writer, writing);
    return result;
}

static int write_segment(void *context, const void *bytes, size_t length, struct error *err)
{
    return segment_write(((struct s3_writing *)context)->writer, bytes, length, err);
}

static bool etag_is_md5(const struct s3_sealing *sealing)
{
    return s3_sealing_kind(sealing) == S3_SEALED_BY_S3;
}

int s3_writing_receive(struct s3_call *s3, struct s3_writing *writing, struct error *err)
{
    if (s3_body_open(s3->call, write_segment, writing, &s3->body, err) < 0)
        return -1;
    if (etag_is_md5(&writing->object.sealing))
        digests_begin(&s3->body->digests, "md5");
    s3->work = writing;
    return 0;
}

int s3_writing_finish(struct s3_call *s3, struct s3_writing *writing, uint64_t size, const char *md5,
                      struct error *err)
{
    const unsigned char *small =
        segment_writer_finish_small(writing->writer, SMALL_PIECE, &writing->piece.content_length);
    if (small)
        writing->piece.content = memcpy(arena_alloc(s3->arena, writing->piece.content_length), small,
                                        writing->piece.content_length);
    else if (segment_writer_finish(writing->writer, err) < 0)
        return -1;
    segment_writer_free(&writing->writer);
    /* As AWS: the MD5 of the plain text only where no key of KMS or of the customer's stands for the text. */
    writing->piece.etag = etag_is_md5(&writing->object.sealing) ? md5 : random_hex(s3->arena, 32);
    writing->piece.size = (int64_t)size;
    writing->piece.modified_ms = clock_now_ms();
    return 0;
}

int s3_check_bucket_remains(struct s3_call *s3, struct error *err)
{
    struct s3_bucket now;
    if (s3_bucket_find(s3->call->region, s3->arena, s3->bucket_name, &now) &&
        text_equal(now.id, s3->bucket.id))
        return 0;
    s3_store_drop(s3->s3->store, s3->bucket.id, NULL);
    return s3_fail(s3, err, 404, "NoSuchBucket", "The specified bucket does not exist");
}
