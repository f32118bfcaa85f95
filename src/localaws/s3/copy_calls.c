/* CopyObject and UploadPartCopy: bytes that are opened with one key and sealed with another, without ever
 * lying anywhere in between. */
#include "localaws/s3/conditions.h"
#include "localaws/s3/object_calls.h"
#include "localaws/s3/range.h"
#include "localaws/s3/versioning.h"

#include <gnutls/gnutls.h>
#include <string.h>
#include <unistd.h>

enum { COPY_BLOCK = 64 << 10 };
static const int64_t largest_copy = (int64_t)5 << 30;

/* "?versionId=..." at the end of a source, still encoded. */
static int read_source_version(struct s3_call *s3, char *header, struct s3_call *source, struct error *err)
{
    char *question = strchr(header, '?'), *version = NULL;
    source->version = NULL;
    if (!question)
        return 0;
    *question = '\0';
    if (!text_starts(question + 1, "versionId=") ||
        percent_decode(s3->arena, question + 1 + strlen("versionId="), false, &version, NULL) < 0 ||
        text_empty(version))
        return s3_fail(s3, err, 400, "InvalidArgument", "The copy source names no version");
    source->version = version;
    return 0;
}

/* "/bucket/key" or "bucket/key", encoded, and its version. */
static int read_source(struct s3_call *s3, struct s3_call *source, struct error *err)
{
    char *header = arena_strdup(s3->arena, s3_header(s3, "x-amz-copy-source")), *path, *slash;
    *source = *s3;
    if (read_source_version(s3, header, source, err) < 0)
        return -1;
    if (percent_decode(s3->arena, *header == '/' ? header + 1 : header, false, &path, NULL) < 0 ||
        !(slash = strchr(path, '/')) || !slash[1] || strlen(slash + 1) > S3_LONGEST_KEY ||
        !text_utf8(path, strlen(path)))
        return s3_fail(s3, err, 400, "InvalidArgument", "Copy Source must mention the source bucket and key");
    *slash = '\0';
    source->bucket_name = path;
    source->key = slash + 1;
    source->is_source = true;
    if (!s3_bucket_find(s3->call->region, s3->arena, path, &source->bucket))
        return s3_fail(s3, err, 404, "NoSuchBucket", "The specified bucket does not exist");
    const char *owner = s3_header(s3, "x-amz-source-expected-bucket-owner");
    if (owner && !text_equal(owner, source->bucket.owner))
        return s3_fail(s3, err, 403, "AccessDenied", "Access Denied");
    return s3_authorize(source, source->version ? "s3:GetObjectVersion" : "s3:GetObject", source->key, err);
}

/* An object to copy from, found, permitted and opened. */
struct copy {
    struct s3_call source;
    struct s3_object from;
    struct s3_reading *reading;
};

static void close_copy(void *copy)
{
    s3_reading_free(&((struct copy *)copy)->reading);
}

static int open_copy(struct s3_call *s3, struct copy **made, struct error *err)
{
    struct copy *copy = arena_alloc(s3->arena, sizeof(*copy));
    arena_defer(s3->arena, close_copy, copy);
    *made = copy;
    if (read_source(s3, &copy->source, err) < 0 ||
        s3_reading_open(&copy->source, &copy->from, &copy->reading, err) < 0 ||
        s3_copy_conditions(s3, &copy->from, err) < 0)
        return -1;
    return s3_reading_unseal(&copy->source, copy->reading, &copy->from, err);
}

/* The bytes of `range`, and their digests on the way. */
static int copy_bytes(struct copy *copy, const struct byte_range *range, struct segment_writer *writer,
                      struct digests *digests, struct error *err)
{
    unsigned char block[COPY_BLOCK];
    for (uint64_t done = 0; done < range->length;) {
        size_t length, room = range->length - done < COPY_BLOCK ? (size_t)(range->length - done) : COPY_BLOCK;
        if (s3_reading_read(copy->reading, range->first + done, block, room, &length, err) < 0)
            return -1;
        if (length == 0)
            return error_set(err, ERROR_INTERNAL, "an object ends before its size");
        digests_update(digests, block, length);
        if (segment_write(writer, block, length, err) < 0)
            return -1;
        done += length;
    }
    return 0;
}

static int copy_into(struct s3_call *s3, struct copy *copy, const struct byte_range *range,
                     struct s3_writing *writing, const char *checksum, struct error *err)
{
    struct digests digests = {0};
    digests_begin(&digests, "md5");
    if (checksum)
        digests_begin(&digests, checksum);
    int result = copy_bytes(copy, range, writing->writer, &digests, err);
    if (result == 0 && checksum)
        writing->piece.checksum = digests_value(&digests, s3->arena, checksum, false);
    if (result == 0)
        result = s3_writing_finish(s3, writing, range->length,
                                   digests_value(&digests, s3->arena, "md5", true), err);
    digests_free(&digests);
    return result;
}

static void answer_copied(struct s3_call *s3, const struct copy *copy)
{
    if (copy->source.bucket.documents[S3_VERSIONING])
        s3_answer_header(s3, "x-amz-copy-source-version-id", copy->from.version);
}

static int write_result(struct s3_call *s3, const char *root, const struct s3_piece *piece,
                        const char *checksum, struct error *err)
{
    cleanup(buffer_free) struct buffer xml = buffer_new(S3_LARGEST_ANSWER);
    buffer_format(
        &xml, S3_XML_HEAD "<%s " S3_NAMESPACE "><LastModified>%s</LastModified><ETag>&quot;%s&quot;</ETag>",
        root, s3_time(s3->arena, piece->modified_ms), piece->etag);
    s3_write_checksum(&xml, checksum, piece->checksum);
    buffer_format(&xml, "</%s>", root);
    return s3_answer_xml(s3, &xml, err);
}

/* Onto itself an object can be copied only with something about it changed. */
static int check_changes(struct s3_call *s3, const struct copy *copy, struct error *err)
{
    static const char *const changes[] = {"x-amz-server-side-encryption", "x-amz-storage-class",
                                          "x-amz-website-redirect-location",
                                          "x-amz-server-side-encryption-customer-algorithm"};
    if (!text_equal(copy->source.bucket.id, s3->bucket.id) || !text_equal(copy->source.key, s3->key) ||
        copy->source.version || text_equal(s3_header(s3, "x-amz-metadata-directive"), "REPLACE") ||
        text_equal(s3_header(s3, "x-amz-tagging-directive"), "REPLACE"))
        return 0;
    for (size_t i = 0; i < COUNT_OF(changes); i++)
        if (s3_header(s3, changes[i]))
            return 0;
    return s3_fail(s3, err, 400, "InvalidRequest",
                   "This copy request is illegal because it is trying to copy an object to itself without "
                   "changing the object's metadata, storage class, website redirect location or encryption "
                   "attributes.");
}

static int describe_copy(struct s3_call *s3, const struct copy *copy, struct s3_writing *writing,
                         const char *checksum, struct error *err)
{
    const char *metadata = s3_header(s3, "x-amz-metadata-directive");
    const char *tagging = s3_header(s3, "x-amz-tagging-directive");
    if ((metadata && !text_equal(metadata, "COPY") && !text_equal(metadata, "REPLACE")) ||
        (tagging && !text_equal(tagging, "COPY") && !text_equal(tagging, "REPLACE")))
        return s3_fail(s3, err, 400, "InvalidArgument", "Unknown metadata or tagging directive.");
    if (!text_equal(metadata, "REPLACE"))
        s3_object_copy_headers(s3, &writing->object, &copy->from);
    if (!text_equal(tagging, "REPLACE"))
        writing->object.tags = copy->from.tags;
    if (checksum) {
        s3_object_set_header(s3, &writing->object, checksum, writing->piece.checksum);
        s3_object_set_header(s3, &writing->object, "x-amz-checksum-type", "FULL_OBJECT");
    }
    return 0;
}

int s3_copy_object(struct s3_call *s3, struct error *err)
{
    struct copy *copy;
    struct s3_writing *writing;
    const char *checksum;
    if (s3_checksum_wanted(s3, &checksum, err) < 0 || open_copy(s3, &copy, err) < 0 ||
        check_changes(s3, copy, err) < 0)
        return -1;
    if (copy->from.size > largest_copy)
        return s3_fail(s3, err, 400, "InvalidRequest",
                       "The specified copy source is larger than the maximum allowable size for a copy "
                       "source: 5368709120");
    const struct byte_range whole = {RANGE_WHOLE, 0, (uint64_t)copy->from.size};
    if (!checksum)
        checksum = s3_object_checksum(s3, &copy->from);
    if (s3_begin_object(s3, &writing, err) < 0 || copy_into(s3, copy, &whole, writing, checksum, err) < 0 ||
        describe_copy(s3, copy, writing, checksum, err) < 0 || s3_commit_object(s3, writing, err) < 0)
        return -1;
    answer_copied(s3, copy);
    s3_answer_sealing(s3, &writing->object.sealing);
    return write_result(s3, "CopyObjectResult", &writing->piece, checksum, err);
}

/* "bytes=0-9": both ends, inside the source. */
static int read_range(struct s3_call *s3, const struct copy *copy, struct byte_range *range,
                      struct error *err)
{
    const char *header = s3_header(s3, "x-amz-copy-source-range");
    *range = (struct byte_range){RANGE_WHOLE, 0, (uint64_t)copy->from.size};
    if (!header)
        return 0;
    *range = byte_range_parse(header, (uint64_t)copy->from.size);
    const char *dash = strchr(header, '-');
    int64_t last;
    if (range->kind != RANGE_PART || !dash || dash == strchr(header, '=') + 1 ||
        text_number(dash + 1, 0, INT64_MAX, "last", &last, NULL) < 0 || last >= copy->from.size)
        return s3_fail(s3, err, 400, "InvalidArgument",
                       "The x-amz-copy-source-range value must be of the form bytes=first-last where first "
                       "and last are the zero-based offsets of the first and last bytes to copy");
    return 0;
}

int s3_copy_part(struct s3_call *s3, struct error *err)
{
    struct copy *copy;
    struct s3_writing *writing;
    struct byte_range range;
    if (s3_open_part(s3, &writing, err) < 0 || open_copy(s3, &copy, err) < 0 ||
        read_range(s3, copy, &range, err) < 0)
        return -1;
    const char *checksum = s3_upload_checksum(s3, &writing->object);
    if (copy_into(s3, copy, &range, writing, checksum, err) < 0 || s3_store_part(s3, writing, err) < 0)
        return -1;
    answer_copied(s3, copy);
    s3_answer_sealing(s3, &writing->object.sealing);
    return write_result(s3, "CopyPartResult", &writing->piece, checksum, err);
}
