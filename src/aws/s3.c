#include "aws/s3.h"

#include "aws/request.h"
#include "aws/s3_object.h"
#include "aws/sigv4.h"
#include "base/clock.h"
#include "base/text.h"

#include <string.h>

enum { TIMEOUT_MS = 60 * 1000, SLOWEST_BYTES_PER_MS = 256, LIST_MOST = 1000000, LARGEST_REFUSAL = 64 << 10 };

static bool is_bucket(const char *name)
{
    size_t length = strlen(name);
    return length >= 3 && length <= 63 && text_only(name, "a-z0-9.-") && name[0] != '.' && name[0] != '-';
}

int s3_request_begin(struct arena *arena, enum http_method method, const char *action, const char *bucket,
                     const char *key, const char *query, struct aws_request *request, struct error *err)
{
    if (!is_bucket(bucket))
        return error_set(err, ERROR_INVALID, "\"%s\" is no name of an S3 bucket", bucket);
    *request = (struct aws_request){
        .service = aws_service_find("s3"),
        .what = arena_format(arena, "s3 %s %s/%s", action, bucket, key),
        .method = method,
        .path = arena_format(arena, "/%s/%s", bucket, percent_encode(arena, key, true)),
        .query = query,
    };
    return 0;
}

int s3_send(struct aws_client *client, struct aws_request *request, struct arena *arena,
            struct http_reply *reply, struct error *err)
{
    request->timeout_ms = TIMEOUT_MS + (int)(request->body_length / SLOWEST_BYTES_PER_MS);
    return aws_send(client, request, arena, reply, err);
}

void s3_object_headers(struct arena *arena, struct aws_request *request, const char *content_type,
                       const char *kms_key_id, const char *tagging)
{
    if (content_type)
        http_headers_add(arena, &request->headers, "content-type", content_type);
    if (kms_key_id) {
        http_headers_add(arena, &request->headers, "x-amz-server-side-encryption", "aws:kms");
        http_headers_add(arena, &request->headers, "x-amz-server-side-encryption-aws-kms-key-id", kms_key_id);
    }
    if (tagging)
        http_headers_add(arena, &request->headers, "x-amz-tagging", tagging);
}

int s3_put(struct aws_client *client, const char *bucket, const char *key, const void *bytes, size_t length,
           const char *content_type, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct aws_request request;
    struct http_reply reply;
    if (s3_request_begin(arena, HTTP_PUT, "PutObject", bucket, key, "", &request, err) < 0)
        return -1;
    s3_object_headers(arena, &request, content_type, NULL, NULL);
    request.body = bytes;
    request.body_length = length;
    return s3_send(client, &request, arena, &reply, err);
}

int s3_get(struct aws_client *client, struct arena *arena, const char *bucket, const char *key,
           size_t largest, char **bytes, size_t *length, struct error *err)
{
    struct aws_request request;
    struct http_reply reply;
    if (s3_request_begin(arena, HTTP_GET, "GetObject", bucket, key, "", &request, err) < 0)
        return -1;
    request.answer_limit = largest > LARGEST_REFUSAL ? largest : LARGEST_REFUSAL;
    if (s3_send(client, &request, arena, &reply, err) < 0)
        return -1;
    if (reply.length > largest)
        return error_set(err, ERROR_INVALID, "%s: larger than the %zu bytes wanted", request.what, largest);
    *bytes = reply.body;
    *length = reply.length;
    return 0;
}

int s3_delete(struct aws_client *client, const char *bucket, const char *key, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct aws_request request;
    struct http_reply reply;
    if (s3_request_begin(arena, HTTP_DELETE, "DeleteObject", bucket, key, "", &request, err) < 0)
        return -1;
    return s3_send(client, &request, arena, &reply, err);
}

/* Keys come percent-encoded, because XML cannot hold every byte a key can. */
static int read_object(struct arena *arena, xmlNode *item, struct s3_object *object, struct error *err)
{
    const char *key = xml_child_content(arena, item, "Key"), *size = xml_child_content(arena, item, "Size");
    const char *modified = xml_child_content(arena, item, "LastModified");
    char *decoded = NULL;
    if (!key || !size || !modified || percent_decode(arena, key, true, &decoded, NULL) < 0)
        return error_set(err, ERROR_UNAVAILABLE, "s3 ListObjectsV2: an object of the answer is not whole");
    object->key = decoded;
    if (text_number(size, 0, INT64_MAX, "an object's size", &object->size, err) < 0)
        return -1;
    return clock_parse(modified, &object->modified_ms, err);
}

static int read_page(struct arena *arena, xmlNode *answer, struct s3_object **objects, size_t *count,
                     struct error *err)
{
    size_t more = 0;
    for (xmlNode *item = xml_first(answer, "Contents"); item; item = xml_next(item, "Contents"))
        more++;
    struct s3_object *grown = arena_alloc(arena, sizeof(*grown) * (*count + more + 1));
    if (*count)
        memcpy(grown, *objects, sizeof(*grown) * *count);
    *objects = grown;
    for (xmlNode *item = xml_first(answer, "Contents"); item; item = xml_next(item, "Contents"))
        if (read_object(arena, item, &grown[(*count)++], err) < 0)
            return -1;
    return 0;
}

int s3_list(struct aws_client *client, struct arena *arena, const char *bucket, const char *prefix,
            struct s3_object **objects, size_t *count, struct error *err)
{
    const char *next = NULL;
    *objects = NULL;
    *count = 0;
    do {
        struct aws_request request;
        struct http_reply reply;
        xmlNode *answer;
        const char *query =
            arena_format(arena, "%s%s%sencoding-type=url&list-type=2&prefix=%s",
                         next ? "continuation-token=" : "", next ? percent_encode(arena, next, false) : "",
                         next ? "&" : "", percent_encode(arena, prefix, false));
        if (s3_request_begin(arena, HTTP_GET, "ListObjectsV2", bucket, "", query, &request, err) < 0 ||
            s3_send(client, &request, arena, &reply, err) < 0 ||
            xml_parse(arena, request.what, reply.body, reply.length, &answer, err) < 0 ||
            read_page(arena, answer, objects, count, err) < 0)
            return -1;
        next = xml_child_content(arena, answer, "NextContinuationToken");
    } while (!text_empty(next) && *count < LIST_MOST);
    return 0;
}
