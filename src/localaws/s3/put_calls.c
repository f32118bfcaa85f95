/* PutObject and CopyObject. */
#include "base/clock.h"
#include "localaws/s3/object_calls.h"
#include "localaws/s3/tags.h"

#include <gnutls/gnutls.h>
#include <string.h>
#include <unistd.h>

enum { COPY_BLOCK = 64 << 10 };

static bool is_copy(struct s3_call *s3)
{
    return s3_header(s3, "x-amz-copy-source");
}

static int begin_writing(struct s3_call *s3, struct s3_writing **made, struct error *err)
{
    struct s3_writing *writing = arena_alloc(s3->arena, sizeof(*writing));
    unsigned char data_key[SEGMENT_KEY];
    *made = writing;
    if (s3_describe_object(s3, &writing->object, err) < 0 ||
        s3_seal(s3, &writing->object.sealing, data_key, err) < 0)
        return -1;
    int result = s3_writing_begin(s3, data_key, writing, err);
    gnutls_memset(data_key, 0, sizeof(data_key));
    return result;
}

int s3_begin_put_object(struct s3_call *s3, struct error *err)
{
    struct s3_writing *writing;
    if (is_copy(s3))
        return 0;
    if (begin_writing(s3, &writing, err) < 0 ||
        s3_body_open(s3->call, s3_writing_sink, writing, &s3->body, err) < 0)
        return -1;
    if (!writing->object.sealing.key_arn)
        digests_begin(&s3->body->digests, "md5"); /* the ETag, see s3_writing_finish */
    s3->work = writing;
    return 0;
}

static int commit(struct s3_call *s3, struct s3_writing *writing, struct error *err)
{
    const char *condition = s3_header(s3, "if-none-match");
    bool only_new = condition && text_equal(condition, "*");
    struct error why = {0};
    writing->object.etag = writing->piece.etag;
    writing->object.size = writing->piece.size;
    writing->object.modified_ms = clock_now_ms();
    if (s3_store_put(s3->s3->store, &writing->object, &writing->piece, 1, only_new, &why) == 0)
        return s3_check_bucket_remains(s3, err);
    unlink(s3_store_path(s3->s3->store, s3->arena, writing->piece.file));
    if (why.kind != ERROR_CONFLICT)
        return error_set(err, why.kind, "%s", why.message);
    return s3_fail(s3, err, 412, "PreconditionFailed",
                   "At least one of the pre-conditions you specified did not hold");
}

/* A checksum the client sent is kept, and given back to who asks for it. */
static void keep_checksum(struct s3_call *s3, struct s3_object *object)
{
    const char *value, *name = s3_body_checksum(s3->body, &value);
    json_t *headers = NULL;
    if (!name || json_parse(s3->arena, object->headers, strlen(object->headers), &headers, NULL) < 0)
        return;
    json_object_set_new(headers, name, json_string(value));
    object->headers = json_text(s3->arena, headers);
    s3_answer_header(s3, name, value);
}

static int put_body(struct s3_call *s3, struct error *err)
{
    struct s3_writing *writing = s3->work;
    const char *md5 = digests_value(&s3->body->digests, s3->arena, "md5", true);
    keep_checksum(s3, &writing->object);
    if (s3_writing_finish(s3, writing, s3->body->length, md5, err) < 0 || commit(s3, writing, err) < 0)
        return -1;
    s3_answer_header(s3, "ETag", arena_format(s3->arena, "\"%s\"", writing->object.etag));
    s3_answer_sealing(s3, &writing->object.sealing);
    return s3_answer_empty(s3, 200);
}

/* CopyObject */

/* "/bucket/key" or "bucket/key", encoded; "?versionId=" of something we keep no versions of. */
static int read_source(struct s3_call *s3, struct s3_call *source, struct error *err)
{
    const char *header = s3_header(s3, "x-amz-copy-source");
    char *path, *slash;
    if (strchr(header, '?'))
        return s3_fail(s3, err, 501, "NotImplemented", "Versions of objects are not implemented");
    if (percent_decode(s3->arena, *header == '/' ? header + 1 : header, false, &path, NULL) < 0 ||
        !(slash = strchr(path, '/')) || !slash[1] || strlen(slash + 1) > S3_LONGEST_KEY ||
        !text_utf8(path, strlen(path)))
        return s3_fail(s3, err, 400, "InvalidArgument", "Copy Source must mention the source bucket and key");
    *slash = '\0';
    *source = *s3;
    source->bucket_name = path;
    source->key = slash + 1;
    if (!s3_bucket_find(s3->call->region, s3->arena, path, &source->bucket))
        return s3_fail(s3, err, 404, "NoSuchBucket", "The specified bucket does not exist");
    return s3_authorize(source, "s3:GetObject", source->key, err);
}

static int copy_bytes(struct s3_call *s3, struct s3_reading *reading, struct s3_writing *writing,
                      struct error *err)
{
    unsigned char block[COPY_BLOCK];
    struct digests digests = {0};
    uint64_t position = 0;
    size_t length = 0;
    int result;
    digests_begin(&digests, "md5");
    while ((result = s3_reading_read(reading, position, block, sizeof(block), &length, err)) == 0 &&
           length > 0) {
        digests_update(&digests, block, length);
        position += length;
        if ((result = segment_write(writing->writer, block, length, err)) < 0)
            break;
    }
    if (result == 0)
        result =
            s3_writing_finish(s3, writing, position, digests_value(&digests, s3->arena, "md5", true), err);
    digests_free(&digests);
    return result;
}

static int copy_object(struct s3_call *s3, struct error *err)
{
    cleanup(s3_reading_free) struct s3_reading *reading = NULL;
    cleanup(buffer_free) struct buffer xml = buffer_new(S3_LARGEST_ANSWER);
    struct s3_call source;
    struct s3_object from;
    struct s3_writing *writing;
    if (read_source(s3, &source, err) < 0 || s3_reading_open(&source, &from, &reading, err) < 0 ||
        s3_reading_unseal(&source, reading, &from, err) < 0 || begin_writing(s3, &writing, err) < 0)
        return -1;
    if (!text_equal(s3_header(s3, "x-amz-metadata-directive"), "REPLACE"))
        writing->object.headers = from.headers;
    if (!text_equal(s3_header(s3, "x-amz-tagging-directive"), "REPLACE"))
        writing->object.tags = from.tags;
    if (copy_bytes(s3, reading, writing, err) < 0 || commit(s3, writing, err) < 0)
        return -1;
    buffer_format(&xml,
                  S3_XML_HEAD "<CopyObjectResult " S3_NAMESPACE "><LastModified>%s</LastModified>"
                              "<ETag>&quot;%s&quot;</ETag></CopyObjectResult>",
                  s3_time(s3->arena, writing->object.modified_ms), writing->object.etag);
    s3_answer_sealing(s3, &writing->object.sealing);
    return s3_answer_xml(s3, &xml, err);
}

int s3_put_object(struct s3_call *s3, struct error *err)
{
    return is_copy(s3) ? copy_object(s3, err) : put_body(s3, err);
}
