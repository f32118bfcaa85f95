/* Files to S3 in constant memory: one PUT, or a multipart upload above what one PUT should carry. */
#include "aws/s3.h"

#include "aws/s3_object.h"
#include "aws/sigv4.h"
#include "base/buffer.h"
#include "base/text.h"

#include <gnutls/crypto.h>
#include <string.h>
#include <unistd.h>

/* The multipart threshold is high on purpose: finishing a multipart upload under SSE-KMS takes kms:Decrypt,
 * which the hosts' role, made to write archives and never to read them, does not have. */
static const uint64_t largest_put = 1ULL << 30;
static const uint64_t smallest_part = 64ULL << 20;

enum { MOST_PARTS = 10000, HASH_BYTES = 32, CHUNK = 64 << 10, LARGEST_COMPLETION = 2 << 20 };

/* Reads the range once, without moving the file's offset. */
static int hash_range(struct arena *arena, int fd, uint64_t length, char **hash, struct error *err)
{
    gnutls_hash_hd_t state;
    unsigned char sum[HASH_BYTES], chunk[CHUNK];
    off_t at = lseek(fd, 0, SEEK_CUR);
    if (at < 0)
        return error_errno(err, ERROR_UNAVAILABLE, "find the file's offset");
    if (gnutls_hash_init(&state, GNUTLS_DIG_SHA256) < 0)
        abort(); /* no memory */
    ssize_t got = 1;
    for (uint64_t left = length; left > 0 && got > 0; left -= (uint64_t)got, at += got) {
        got = pread(fd, chunk, left < CHUNK ? (size_t)left : CHUNK, at);
        if (got > 0)
            gnutls_hash(state, chunk, (size_t)got);
    }
    gnutls_hash_deinit(state, sum);
    if (got < 0)
        return error_errno(err, ERROR_UNAVAILABLE, "read the file");
    if (got == 0)
        return error_set(err, ERROR_CONFLICT, "the file became shorter while it was read");
    *hash = hex_encode(arena, sum, sizeof(sum));
    return 0;
}

/* TLS guards the body on its way, so that there one reading of the file is enough. */
static int set_body(struct aws_client *client, struct arena *arena, struct aws_request *request, int fd,
                    uint64_t length, struct error *err)
{
    char *hash = SIGV4_UNSIGNED;
    const char *endpoint = aws_endpoint(arena, "s3", aws_client_region(client));
    if (!text_starts(endpoint, "https://") && hash_range(arena, fd, length, &hash, err) < 0)
        return error_context(err, "%s", request->what);
    request->payload_hash = hash;
    request->body_length = length;
    if (length) /* none of a file is not to be read */
        request->body_file = fd;
    else
        request->payload_hash = NULL;
    return 0;
}

struct upload {
    struct aws_client *client;
    struct arena *arena;
    const char *bucket, *key, *id;
};

static int upload_begin(struct upload *upload, const char *content_type, const char *kms_key_id,
                        const char *tagging, struct error *err)
{
    struct aws_request request;
    struct http_reply reply;
    xmlNode *answer;
    if (s3_request_begin(upload->arena, HTTP_POST, "CreateMultipartUpload", upload->bucket, upload->key,
                         "uploads=", &request, err) < 0)
        return -1;
    s3_object_headers(upload->arena, &request, content_type, kms_key_id, tagging);
    if (s3_send(upload->client, &request, upload->arena, &reply, err) < 0 ||
        xml_parse(upload->arena, request.what, reply.body, reply.length, &answer, err) < 0)
        return -1;
    const char *id = xml_child_content(upload->arena, answer, "UploadId");
    if (text_empty(id))
        return error_set(err, ERROR_UNAVAILABLE, "%s: the answer has no upload id", request.what);
    upload->id = percent_encode(upload->arena, id, false);
    return 0;
}

static int upload_part(struct upload *upload, unsigned number, int fd, uint64_t length,
                       struct buffer *completion, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct aws_request request;
    struct http_reply reply;
    const char *query = arena_format(arena, "partNumber=%u&uploadId=%s", number, upload->id);
    if (s3_request_begin(arena, HTTP_PUT, "UploadPart", upload->bucket, upload->key, query, &request, err) <
            0 ||
        set_body(upload->client, arena, &request, fd, length, err) < 0 ||
        s3_send(upload->client, &request, arena, &reply, err) < 0)
        return -1;
    const char *tag = http_headers_get(&reply.headers, "etag");
    if (!tag)
        return error_set(err, ERROR_UNAVAILABLE, "%s: the answer has no ETag", request.what);
    buffer_text(completion, "<Part><ETag>");
    buffer_xml(completion, tag);
    buffer_format(completion, "</ETag><PartNumber>%u</PartNumber></Part>", number);
    return 0;
}

static int upload_parts(struct upload *upload, int fd, uint64_t length, struct buffer *completion,
                        struct error *err)
{
    uint64_t part = smallest_part;
    while (part * MOST_PARTS < length)
        part *= 2;
    off_t at = lseek(fd, 0, SEEK_CUR);
    for (unsigned number = 1; length > 0; number++) {
        uint64_t now = length < part ? length : part;
        if (at < 0 || lseek(fd, at, SEEK_SET) < 0)
            return error_errno(err, ERROR_UNAVAILABLE, "find the file's offset");
        if (upload_part(upload, number, fd, now, completion, err) < 0)
            return -1;
        at += (off_t)now;
        length -= now;
    }
    return 0;
}

/* S3 may answer 200 and then say that it failed. */
static int upload_complete(struct upload *upload, const struct buffer *completion, struct error *err)
{
    struct aws_request request;
    struct http_reply reply;
    xmlNode *answer;
    const char *query = arena_format(upload->arena, "uploadId=%s", upload->id);
    if (s3_request_begin(upload->arena, HTTP_POST, "CompleteMultipartUpload", upload->bucket, upload->key,
                         query, &request, err) < 0)
        return -1;
    http_headers_add(upload->arena, &request.headers, "content-type", "application/xml");
    request.body = completion->data;
    request.body_length = completion->length;
    if (s3_send(upload->client, &request, upload->arena, &reply, err) < 0 ||
        xml_parse(upload->arena, request.what, reply.body, reply.length, &answer, err) < 0)
        return -1;
    return strcmp(xml_name(answer), "Error") == 0 ? aws_error(&request, &reply, upload->arena, err) : 0;
}

/* Parts of an upload that is not completed are paid for until someone aborts it. */
static void upload_abort(struct upload *upload)
{
    struct aws_request request;
    struct http_reply reply;
    const char *query = arena_format(upload->arena, "uploadId=%s", upload->id);
    if (s3_request_begin(upload->arena, HTTP_DELETE, "AbortMultipartUpload", upload->bucket, upload->key,
                         query, &request, NULL) == 0)
        s3_send(upload->client, &request, upload->arena, &reply, NULL);
}

static int put_parts(struct upload *upload, int fd, uint64_t length, struct error *err)
{
    cleanup(buffer_free) struct buffer completion = buffer_new(LARGEST_COMPLETION);
    buffer_text(&completion, "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
    if (upload_parts(upload, fd, length, &completion, err) < 0)
        return -1;
    buffer_text(&completion, "</CompleteMultipartUpload>");
    return upload_complete(upload, &completion, err);
}

int s3_put_file(struct aws_client *client, const char *bucket, const char *key, int fd, uint64_t length,
                const char *content_type, const char *kms_key_id, const char *tagging, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    if (length > largest_put) {
        struct upload upload = {client, arena, bucket, key, NULL};
        if (upload_begin(&upload, content_type, kms_key_id, tagging, err) < 0)
            return -1;
        int result = put_parts(&upload, fd, length, err);
        if (result < 0)
            upload_abort(&upload);
        return result;
    }
    struct aws_request request;
    struct http_reply reply;
    if (s3_request_begin(arena, HTTP_PUT, "PutObject", bucket, key, "", &request, err) < 0)
        return -1;
    s3_object_headers(arena, &request, content_type, kms_key_id, tagging);
    if (set_body(client, arena, &request, fd, length, err) < 0)
        return -1;
    return s3_send(client, &request, arena, &reply, err);
}
