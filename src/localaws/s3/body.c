#include "localaws/s3/body.h"

#include "base/text.h"

#include <string.h>

enum { LARGEST_COLLECTED = 4 << 20, LONG_BODY = 1 << 20 };

static const char *header(struct s3_body *body, const char *name)
{
    return http_request_header(body->call->request, name);
}

static bool is_sha256(const char *hash)
{
    return strlen(hash) == 64 && text_only(hash, "0-9a-f");
}

/* x-amz-content-sha256: of the body, or what is in its place. */
static int begin_payload(struct s3_body *body, struct error *err)
{
    const char *hash = body->call->payload_hash;
    if (is_sha256(hash)) {
        digests_begin(&body->digests, "sha256");
        return 0;
    }
    if (text_equal(hash, "UNSIGNED-PAYLOAD"))
        return 0;
    body->is_chunked = text_starts(hash, "STREAMING-");
    if (text_equal(hash, "STREAMING-UNSIGNED-PAYLOAD-TRAILER"))
        return 0;
    if (text_equal(hash, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD") ||
        text_equal(hash, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER")) {
        body->chunked.signing = chunk_signing_new(body->call->arena, body->call->signature);
        return 0;
    }
    if (body->is_chunked)
        return call_fail(body->call, err, 501, "NotImplemented",
                         "%s: of signatures only AWS4-HMAC-SHA256 is taken", hash);
    return call_fail(body->call, err, 400, "InvalidArgument", "x-amz-content-sha256 is not valid");
}

static int begin_checksums(struct s3_body *body, struct error *err)
{
    const char *md5 = header(body, "content-md5"), *trailer = header(body, "x-amz-trailer");
    if (md5) {
        if (strlen(md5) != 24 || !text_ends(md5, "=="))
            return call_fail(body->call, err, 400, "InvalidDigest",
                             "The Content-MD5 you specified is not valid.");
        digests_begin(&body->digests, "md5");
    }
    for (size_t i = 0; digest_checksum_headers[i]; i++)
        if (header(body, digest_checksum_headers[i]))
            digests_begin(&body->digests, digest_checksum_headers[i]);
    if (trailer && !digests_begin(&body->digests, trailer))
        return call_fail(body->call, err, 400, "InvalidRequest",
                         "The value of x-amz-trailer is not supported");
    return 0;
}

static void body_free(void *object)
{
    struct s3_body *body = object;
    hashing_finish(&body->hashing);
    digests_free(&body->digests);
    buffer_free(&body->collected);
}

int s3_body_open(struct call *call, chunked_sink *sink, void *context, struct s3_body **made,
                 struct error *err)
{
    struct s3_body *body = arena_alloc(call->arena, sizeof(*body));
    *body = (struct s3_body){
        .call = call,
        .chunked = {.arena = call->arena},
        .collected = buffer_new(LARGEST_COLLECTED),
        .sink = sink,
        .sink_context = context,
    };
    arena_defer(call->arena, body_free, body);
    *made = body;
    if (begin_payload(body, err) < 0)
        return -1;
    return begin_checksums(body, err);
}

static void digest(struct s3_body *body, const void *bytes, size_t length)
{
    if (body->hashing)
        hashing_feed(body->hashing, bytes, length);
    else
        digests_update(&body->digests, bytes, length);
}

static int take_in(void *context, const void *bytes, size_t length, struct error *err)
{
    struct s3_body *body = context;
    digest(body, bytes, length);
    body->length += length;
    if (body->sink)
        return body->sink(body->sink_context, bytes, length, err);
    buffer_append(&body->collected, bytes, length);
    if (body->collected.overflow)
        return call_fail(body->call, err, 400, "EntityTooLarge",
                         "Your request is larger than what is taken here");
    return 0;
}

/* Worth a thread? What is to be digested is known when the first bytes come. */
static bool is_long(struct s3_body *body)
{
    const char *announced = header(body, "content-length");
    int64_t length;
    return body->length == 0 && body->digests.count && announced &&
           text_number(announced, LONG_BODY, INT64_MAX, "length", &length, NULL) == 0;
}

int s3_body_receive(struct s3_body *body, const void *bytes, size_t length, struct error *err)
{
    if (!body->hashing && is_long(body))
        body->hashing = hashing_start(&body->digests);
    return body->is_chunked ? chunked_feed(&body->chunked, bytes, length, take_in, body, err)
                            : take_in(body, bytes, length, err);
}

static int check_digest(struct s3_body *body, const char *name, const char *said, struct error *err)
{
    if (!said || text_equal(said, digests_value(&body->digests, body->call->arena, name, false)))
        return 0;
    return call_fail(body->call, err, 400, "BadDigest",
                     "The %s you specified did not match what we received.", name);
}

const char *s3_body_checksum(struct s3_body *body, const char **value)
{
    for (size_t i = 0; digest_checksum_headers[i]; i++) {
        const char *name = digest_checksum_headers[i];
        *value = header(body, name);
        if (!*value)
            *value = http_headers_get(&body->chunked.trailers, name);
        if (*value)
            return name;
    }
    return NULL;
}

static int check_length(struct s3_body *body, struct error *err)
{
    const char *said = header(body, "x-amz-decoded-content-length");
    int64_t expected;
    if (!body->is_chunked)
        return 0;
    if (!chunked_whole(&body->chunked))
        return call_fail(body->call, err, 400, "IncompleteBody", "The aws-chunked body ends too early");
    if (!said)
        return call_fail(body->call, err, 411, "MissingContentLength",
                         "x-amz-decoded-content-length is missing");
    if (text_number(said, 0, INT64_MAX, "x-amz-decoded-content-length", &expected, NULL) < 0 ||
        (uint64_t)expected != body->length)
        return call_fail(body->call, err, 400, "IncompleteBody",
                         "The body is not as long as x-amz-decoded-content-length says");
    return 0;
}

/* A checksum that was announced for the end has to be there: else who cuts it off is not noticed. */
static int check_trailer(struct s3_body *body, struct error *err)
{
    const char *announced = header(body, "x-amz-trailer");
    if (!announced || http_headers_get(&body->chunked.trailers, announced))
        return 0;
    return call_fail(body->call, err, 400, "MalformedTrailerError",
                     "The request contained trailing data that was not well-formed or did not conform to our "
                     "published schema.");
}

int s3_body_check(struct s3_body *body, struct error *err)
{
    const char *hash = body->call->payload_hash, *checksum;
    hashing_finish(&body->hashing);
    if (check_length(body, err) < 0 || check_trailer(body, err) < 0)
        return -1;
    if (is_sha256(hash) &&
        !text_equal(hash, digests_value(&body->digests, body->call->arena, "sha256", true)))
        return call_fail(body->call, err, 400, "XAmzContentSHA256Mismatch",
                         "The provided 'x-amz-content-sha256' header does not match what was computed.");
    if (check_digest(body, "content-md5", header(body, "content-md5"), err) < 0)
        return -1;
    const char *name = s3_body_checksum(body, &checksum);
    return name ? check_digest(body, name, checksum, err) : 0;
}
