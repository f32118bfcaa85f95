/* Multipart uploads. Parts are encrypted files of the object to be; completing one only says which of them it
 * is made of, in which order. */
#include "base/clock.h"
#include "base/record.h"
#include "localaws/s3/conditions.h"
#include "localaws/s3/object_calls.h"
#include "localaws/s3/versioning.h"

#include <gnutls/gnutls.h>
#include <string.h>
#include <unistd.h>

enum { MOST_PARTS = 10000 };

/* The checksum that the parts will have, and whether the object's is over its bytes or over theirs: kept with
 * the upload like a header. */
static int keep_checksum_kind(struct s3_call *s3, struct s3_object *upload, struct error *err)
{
    const char *name, *type = s3_header(s3, "x-amz-checksum-type");
    if (s3_checksum_wanted(s3, &name, err) < 0)
        return -1;
    if (!name)
        return type ? s3_fail(s3, err, 400, "InvalidRequest",
                              "The x-amz-checksum-type header can only be used with the "
                              "x-amz-checksum-algorithm header.")
                    : 0;
    bool crc = text_starts(name, "x-amz-checksum-crc"), only_full = text_ends(name, "crc64nvme");
    if (!type)
        type = only_full ? "FULL_OBJECT" : "COMPOSITE";
    bool full = text_equal(type, "FULL_OBJECT");
    if ((!full && !text_equal(type, "COMPOSITE")) || (full && !crc) || (!full && only_full))
        return s3_fail(s3, err, 400, "InvalidRequest",
                       "The %.20s checksum type cannot be used with the %s checksum algorithm.", type,
                       s3_checksum_algorithm(name));
    s3_object_set_header(s3, upload, "x-amz-checksum-algorithm", s3_checksum_algorithm(name));
    s3_object_set_header(s3, upload, "x-amz-checksum-type", type);
    s3_answer_header(s3, "x-amz-checksum-algorithm", s3_checksum_algorithm(name));
    s3_answer_header(s3, "x-amz-checksum-type", type);
    return 0;
}

int s3_create_upload(struct s3_call *s3, struct error *err)
{
    cleanup(buffer_free) struct buffer xml = buffer_new(S3_LARGEST_ANSWER);
    struct s3_object upload;
    unsigned char data_key[SEGMENT_KEY];
    if (s3_describe_object(s3, &upload, err) < 0 || keep_checksum_kind(s3, &upload, err) < 0 ||
        s3_seal(s3, &upload.sealing, data_key, err) < 0)
        return -1;
    gnutls_memset(data_key, 0, sizeof(data_key)); /* the parts unwrap it again */
    if (s3_store_upload_begin(s3->s3->store, &upload, err) < 0 || s3_check_bucket_remains(s3, err) < 0)
        return -1;
    buffer_format(&xml,
                  S3_XML_HEAD "<InitiateMultipartUploadResult " S3_NAMESPACE "><Bucket>%s</Bucket><Key>",
                  s3->bucket_name);
    buffer_xml(&xml, s3->key);
    buffer_format(&xml, "</Key><UploadId>%s</UploadId></InitiateMultipartUploadResult>", upload.id);
    s3_answer_sealing(s3, &upload.sealing);
    return s3_answer_xml(s3, &xml, err);
}

int s3_no_upload(struct s3_call *s3, struct error *err)
{
    return s3_fail(
        s3, err, 404, "NoSuchUpload",
        "The specified upload does not exist. The upload ID may be invalid, or the upload may have been "
        "aborted or completed.");
}

int s3_find_upload(struct s3_call *s3, struct s3_object *upload, struct error *err)
{
    struct error why = {0};
    if (s3_store_upload_get(s3->s3->store, s3->arena, s3_query(s3, "uploadId"), upload, &why) < 0)
        return why.kind == ERROR_NOT_FOUND ? s3_no_upload(s3, err)
                                           : error_set(err, why.kind, "%s", why.message);
    if (!text_equal(upload->bucket, s3->bucket.id) || !text_equal(upload->key, s3->key))
        return s3_no_upload(s3, err);
    return 0;
}

int s3_open_part(struct s3_call *s3, struct s3_writing **made, struct error *err)
{
    struct s3_writing *writing = arena_alloc(s3->arena, sizeof(*writing));
    unsigned char data_key[SEGMENT_KEY];
    const char *number = s3_query(s3, "partNumber");
    *made = writing;
    if (!number || text_number(number, 1, MOST_PARTS, "partNumber", &writing->piece.number, NULL) < 0)
        return s3_fail(s3, err, 400, "InvalidArgument",
                       "Part number must be an integer between 1 and 10000, inclusive");
    if (s3_find_upload(s3, &writing->object, err) < 0 ||
        s3_unseal(s3, &writing->object.sealing, data_key, err) < 0)
        return -1;
    int result = s3_writing_begin(s3, data_key, writing, err);
    gnutls_memset(data_key, 0, sizeof(data_key));
    return result;
}

int s3_begin_upload_part(struct s3_call *s3, struct error *err)
{
    struct s3_writing *writing;
    if (s3_header(s3, "x-amz-copy-source"))
        return 0;
    return s3_open_part(s3, &writing, err) < 0 ? -1 : s3_writing_receive(s3, writing, err);
}

int s3_store_part(struct s3_call *s3, struct s3_writing *writing, struct error *err)
{
    struct error why = {0};
    if (s3_store_upload_piece(s3->s3->store, writing->object.id, &writing->piece, &why) == 0)
        return 0;
    unlink(s3_store_path(s3->s3->store, s3->arena, writing->piece.file));
    return why.kind == ERROR_NOT_FOUND ? s3_no_upload(s3, err) : error_set(err, why.kind, "%s", why.message);
}

/* A part has the checksum its upload was begun with. */
static int take_checksum(struct s3_call *s3, struct s3_writing *writing, struct error *err)
{
    const char *wanted = s3_upload_checksum(s3, &writing->object);
    const char *value, *name = s3_body_checksum(s3->body, &value);
    if (wanted && !text_equal(wanted, name))
        return s3_fail(
            s3, err, 400, "InvalidRequest",
            "Checksum Type mismatch occurred, expected checksum Type: %s, actual checksum Type: %s",
            wanted + strlen("x-amz-checksum-"), name ? name + strlen("x-amz-checksum-") : "null");
    if (!name)
        return 0;
    writing->piece.checksum = wanted ? value : NULL;
    s3_answer_header(s3, name, value);
    return 0;
}

static int put_part(struct s3_call *s3, struct error *err)
{
    struct s3_writing *writing = s3->work;
    const char *md5 = digests_value(&s3->body->digests, s3->arena, "md5", true);
    if (take_checksum(s3, writing, err) < 0 ||
        s3_writing_finish(s3, writing, s3->body->length, md5, err) < 0 || s3_store_part(s3, writing, err) < 0)
        return -1;
    s3_answer_header(s3, "ETag", arena_format(s3->arena, "\"%s\"", writing->piece.etag));
    s3_answer_sealing(s3, &writing->object.sealing);
    return s3_answer_empty(s3, 200);
}

int s3_upload_part(struct s3_call *s3, struct error *err)
{
    return s3->work ? put_part(s3, err) : s3_copy_part(s3, err);
}

int s3_abort_upload(struct s3_call *s3, struct error *err)
{
    struct s3_object upload;
    struct error why = {0};
    if (s3_find_upload(s3, &upload, err) < 0)
        return -1;
    if (s3_store_upload_abort(s3->s3->store, upload.id, &why) < 0)
        return why.kind == ERROR_NOT_FOUND ? s3_no_upload(s3, err)
                                           : error_set(err, why.kind, "%s", why.message);
    return s3_answer_empty(s3, 204);
}
