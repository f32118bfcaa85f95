/* Multipart uploads. Parts are encrypted files of the object to be; completing one only says which of them it
 * is made of, in which order. */
#include "base/clock.h"
#include "base/random.h"
#include "base/xml.h"
#include "localaws/s3/object_calls.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <string.h>
#include <unistd.h>

enum { MOST_PARTS = 10000, SMALLEST_PART = 5 << 20, MD5_BYTES = 16 };

int s3_create_upload(struct s3_call *s3, struct error *err)
{
    cleanup(buffer_free) struct buffer xml = buffer_new(S3_LARGEST_ANSWER);
    struct s3_object upload;
    unsigned char data_key[SEGMENT_KEY];
    if (s3_describe_object(s3, &upload, err) < 0 || s3_seal(s3, &upload.sealing, data_key, err) < 0)
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

static int no_upload(struct s3_call *s3, struct error *err)
{
    return s3_fail(
        s3, err, 404, "NoSuchUpload",
        "The specified upload does not exist. The upload ID may be invalid, or the upload may have been "
        "aborted or completed.");
}

/* The upload of this bucket and key: an id alone opens nothing. */
static int find_upload(struct s3_call *s3, struct s3_object *upload, struct error *err)
{
    struct error why = {0};
    if (s3_store_upload_get(s3->s3->store, s3->arena, s3_query(s3, "uploadId"), upload, &why) < 0)
        return why.kind == ERROR_NOT_FOUND ? no_upload(s3, err) : error_set(err, why.kind, "%s", why.message);
    if (!text_equal(upload->bucket, s3->bucket.id) || !text_equal(upload->key, s3->key))
        return no_upload(s3, err);
    return 0;
}

int s3_begin_upload_part(struct s3_call *s3, struct error *err)
{
    struct s3_writing *writing = arena_alloc(s3->arena, sizeof(*writing));
    unsigned char data_key[SEGMENT_KEY];
    const char *number = s3_query(s3, "partNumber");
    if (!number || text_number(number, 1, MOST_PARTS, "partNumber", &writing->piece.number, NULL) < 0)
        return s3_fail(s3, err, 400, "InvalidArgument",
                       "Part number must be an integer between 1 and 10000, inclusive");
    if (s3_header(s3, "x-amz-copy-source"))
        return s3_fail(s3, err, 501, "NotImplemented", "Copying into parts is not implemented");
    if (find_upload(s3, &writing->object, err) < 0 ||
        s3_unseal(s3, &writing->object.sealing, data_key, err) < 0)
        return -1;
    int result = s3_writing_begin(s3, data_key, writing, err);
    gnutls_memset(data_key, 0, sizeof(data_key));
    if (result < 0 || s3_body_open(s3->call, s3_writing_sink, writing, &s3->body, err) < 0)
        return -1;
    if (!writing->object.sealing.key_arn)
        digests_begin(&s3->body->digests, "md5"); /* the ETag, see s3_writing_finish */
    s3->work = writing;
    return 0;
}

int s3_upload_part(struct s3_call *s3, struct error *err)
{
    struct s3_writing *writing = s3->work;
    struct error why = {0};
    const char *md5 = digests_value(&s3->body->digests, s3->arena, "md5", true), *checksum;
    if (s3_writing_finish(s3, writing, s3->body->length, md5, err) < 0)
        return -1;
    if (s3_store_upload_piece(s3->s3->store, writing->object.id, &writing->piece, &why) < 0) {
        unlink(s3_store_path(s3->s3->store, s3->arena, writing->piece.file));
        return why.kind == ERROR_NOT_FOUND ? no_upload(s3, err) : error_set(err, why.kind, "%s", why.message);
    }
    const char *name = s3_body_checksum(s3->body, &checksum);
    if (name)
        s3_answer_header(s3, name, checksum);
    s3_answer_header(s3, "ETag", arena_format(s3->arena, "\"%s\"", writing->piece.etag));
    s3_answer_sealing(s3, &writing->object.sealing);
    return s3_answer_empty(s3, 200);
}

struct completion {
    struct s3_piece *pieces; /* of the upload */
    size_t piece_count;
    int64_t numbers[MOST_PARTS]; /* asked for */
    size_t count;
    int64_t size;
    gnutls_hash_hd_t md5; /* over the parts' */
};

static const struct s3_piece *find_piece(const struct completion *completion, int64_t number)
{
    for (size_t i = 0; i < completion->piece_count; i++)
        if (completion->pieces[i].number == number)
            return &completion->pieces[i];
    return NULL;
}

static int take_part(struct s3_call *s3, struct completion *completion, xmlNode *part, struct error *err)
{
    const char *text = xml_child_content(s3->arena, part, "PartNumber");
    char *etag = xml_child_content(s3->arena, part, "ETag");
    int64_t number;
    if (!text || !etag || text_number(text, 1, MOST_PARTS, "PartNumber", &number, NULL) < 0)
        return s3_fail(s3, err, 400, "MalformedXML", "A part has a PartNumber and an ETag");
    if (completion->count == MOST_PARTS ||
        (completion->count && completion->numbers[completion->count - 1] >= number))
        return s3_fail(s3, err, 400, "InvalidPartOrder", "The list of parts was not in ascending order");
    const struct s3_piece *piece = find_piece(completion, number);
    if (*etag == '"' && strlen(etag) > 1)
        etag = arena_strndup(s3->arena, etag + 1, strlen(etag) - 2);
    if (!piece || !text_equal(piece->etag, etag))
        return s3_fail(s3, err, 400, "InvalidPart", "Part %lld could not be found, or its entity tag differs",
                       (long long)number);
    if (piece->size < SMALLEST_PART && xml_next(part, "Part"))
        return s3_fail(s3, err, 400, "EntityTooSmall", "Part %lld is smaller than 5 MiB and not the last",
                       (long long)number);
    unsigned char *bytes;
    size_t length;
    if (hex_decode(s3->arena, piece->etag, &bytes, &length, err) < 0)
        return -1;
    gnutls_hash(completion->md5, bytes, length);
    completion->numbers[completion->count++] = number;
    completion->size += piece->size;
    return 0;
}

static int take_parts(struct s3_call *s3, struct completion *completion, struct error *err)
{
    const struct buffer *body = &s3->body->collected;
    struct error why = {0};
    xmlNode *root;
    if (xml_parse(s3->arena, "the body", buffer_string(body), body->length, &root, &why) < 0 ||
        strcmp(xml_name(root), "CompleteMultipartUpload") != 0)
        return s3_fail(s3, err, 400, "MalformedXML", "The XML you provided names no parts");
    for (xmlNode *part = xml_first(root, "Part"); part; part = xml_next(part, "Part"))
        if (take_part(s3, completion, part, err) < 0)
            return -1;
    return completion->count ? 0
                             : s3_fail(s3, err, 400, "MalformedXML", "You must specify at least one part");
}

static int take_list(struct s3_call *s3, struct s3_object *object, struct completion *completion,
                     struct error *err)
{
    unsigned char sum[MD5_BYTES];
    if (s3_store_pieces(s3->s3->store, s3->arena, object->id, &completion->pieces, &completion->piece_count,
                        err) < 0)
        return -1;
    if (gnutls_hash_init(&completion->md5, GNUTLS_DIG_MD5) < 0)
        abort(); /* only without memory */
    int result = take_parts(s3, completion, err);
    gnutls_hash_deinit(completion->md5, sum);
    object->etag =
        arena_format(s3->arena, "%s-%zu", hex_encode(s3->arena, sum, sizeof(sum)), completion->count);
    object->size = completion->size;
    object->modified_ms = clock_now_ms();
    return result;
}

int s3_complete_upload(struct s3_call *s3, struct error *err)
{
    cleanup(buffer_free) struct buffer xml = buffer_new(S3_LARGEST_ANSWER);
    struct completion *completion = arena_alloc(s3->arena, sizeof(*completion));
    struct s3_object object;
    struct error why = {0};
    unsigned char data_key[SEGMENT_KEY];
    if (find_upload(s3, &object, err) < 0 || take_list(s3, &object, completion, err) < 0 ||
        s3_unseal(s3, &object.sealing, data_key, err) <
            0) /* as AWS: who completes must be allowed to decrypt */
        return -1;
    gnutls_memset(data_key, 0, sizeof(data_key));
    if (s3_store_upload_complete(s3->s3->store, &object, completion->numbers, completion->count, &why) < 0)
        return why.kind == ERROR_NOT_FOUND ? no_upload(s3, err) : error_set(err, why.kind, "%s", why.message);
    if (s3_check_bucket_remains(s3, err) < 0)
        return -1;
    buffer_format(&xml,
                  S3_XML_HEAD "<CompleteMultipartUploadResult " S3_NAMESPACE "><Location>/%s/%s</Location>"
                              "<Bucket>%s</Bucket><Key>",
                  s3->bucket_name, percent_encode(s3->arena, s3->key, true), s3->bucket_name);
    buffer_xml(&xml, s3->key);
    buffer_format(&xml, "</Key><ETag>&quot;%s&quot;</ETag></CompleteMultipartUploadResult>", object.etag);
    s3_answer_sealing(s3, &object.sealing);
    return s3_answer_xml(s3, &xml, err);
}

int s3_abort_upload(struct s3_call *s3, struct error *err)
{
    struct s3_object upload;
    struct error why = {0};
    if (find_upload(s3, &upload, err) < 0)
        return -1;
    if (s3_store_upload_abort(s3->s3->store, upload.id, &why) < 0)
        return why.kind == ERROR_NOT_FOUND ? no_upload(s3, err) : error_set(err, why.kind, "%s", why.message);
    return s3_answer_empty(s3, 204);
}

/* All at once: a client that asks for fewer gets the rest, too, and is told that there is no more. */
int s3_list_parts(struct s3_call *s3, struct error *err)
{
    cleanup(buffer_free) struct buffer xml = buffer_new(S3_LARGEST_ANSWER);
    struct s3_object upload;
    struct s3_piece *pieces;
    size_t count;
    if (find_upload(s3, &upload, err) < 0 ||
        s3_store_pieces(s3->s3->store, s3->arena, upload.id, &pieces, &count, err) < 0)
        return -1;
    buffer_format(&xml, S3_XML_HEAD "<ListPartsResult " S3_NAMESPACE "><Bucket>%s</Bucket><Key>",
                  s3->bucket_name);
    buffer_xml(&xml, s3->key);
    buffer_format(&xml, "</Key><UploadId>%s</UploadId>", upload.id);
    s3_write_owner(&xml, "Owner", "", s3->bucket.owner);
    buffer_format(
        &xml,
        "<StorageClass>STANDARD</StorageClass><PartNumberMarker>0</PartNumberMarker><MaxParts>%d</MaxParts>"
        "<IsTruncated>false</IsTruncated>",
        MOST_PARTS);
    for (size_t i = 0; i < count; i++)
        buffer_format(
            &xml,
            "<Part><PartNumber>%lld</PartNumber><LastModified>%s</LastModified><ETag>&quot;%s&quot;</ETag>"
            "<Size>%lld</Size></Part>",
            (long long)pieces[i].number, s3_time(s3->arena, pieces[i].modified_ms), pieces[i].etag,
            (long long)pieces[i].size);
    buffer_text(&xml, "</ListPartsResult>");
    return s3_answer_xml(s3, &xml, err);
}

int s3_list_uploads(struct s3_call *s3, struct error *err)
{
    cleanup(buffer_free) struct buffer xml = buffer_new(S3_LARGEST_ANSWER);
    struct s3_object *uploads;
    const char *prefix = s3_query(s3, "prefix");
    size_t count;
    if (s3_store_uploads(s3->s3->store, s3->arena, s3->bucket.id, &uploads, &count, err) < 0)
        return -1;
    buffer_format(&xml,
                  S3_XML_HEAD "<ListMultipartUploadsResult " S3_NAMESPACE
                              "><Bucket>%s</Bucket><KeyMarker></KeyMarker>"
                              "<UploadIdMarker></UploadIdMarker><IsTruncated>false</IsTruncated>",
                  s3->bucket_name);
    for (size_t i = 0; i < count; i++) {
        if (prefix && !text_starts(uploads[i].key, prefix))
            continue;
        buffer_text(&xml, "<Upload>");
        s3_write_key(s3, &xml, "Key", uploads[i].key);
        buffer_format(&xml, "<UploadId>%s</UploadId>", uploads[i].id);
        s3_write_owner(&xml, "Initiator", "", s3->bucket.owner);
        s3_write_owner(&xml, "Owner", "", s3->bucket.owner);
        buffer_format(&xml, "<StorageClass>STANDARD</StorageClass><Initiated>%s</Initiated></Upload>",
                      s3_time(s3->arena, uploads[i].modified_ms));
    }
    buffer_text(&xml, "</ListMultipartUploadsResult>");
    return s3_answer_xml(s3, &xml, err);
}
