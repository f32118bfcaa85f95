#include "identity/request_signature.h"

#include "base/clock.h"
#include "base/text.h"

#include <string.h>

enum { CLAIM_LONGEST = 2048, DIGEST_BYTES = 32 };

/* What is signed. METHOD and URL are exactly what is sent, so that nothing in between may reinterpret them.
 */
static char *canonical_text(struct arena *arena, const char *method, const char *url, const char *timestamp,
                            const char *content_hash)
{
    return arena_format(arena, "%s\n%s\n%s\n%s", method, url, timestamp, content_hash);
}

int request_sign(struct arena *arena, const struct key *key, const char *key_id, const char *method,
                 const char *url, const void *body, size_t body_length, int64_t now_ms,
                 struct http_headers *headers, struct error *err)
{
    char *timestamp = clock_rfc3339(arena, now_ms);
    char *content_hash = sha256_base64(arena, body ? body : "", body ? body_length : 0);
    char *canonical = canonical_text(arena, method, url, timestamp, content_hash);
    char *signature, *public_pem = key_public_pem(arena, key);
    if (key_sign(arena, key, canonical, strlen(canonical), &signature, err) < 0)
        return -1;
    http_headers_add(arena, headers, "X-Timestamp", timestamp);
    http_headers_add(arena, headers, "X-Content-Hash", content_hash);
    http_headers_add(arena, headers, "X-Key", base64_encode(arena, public_pem, strlen(public_pem)));
    http_headers_add(arena, headers, "X-Key-Id", key_id);
    http_headers_add(arena, headers, "X-Authorization", signature);
    return 0;
}

static int claimed(const struct http_headers *headers, const char *name, const char **value,
                   struct error *err)
{
    *value = http_headers_get(headers, name);
    if (text_empty(*value))
        return error_set(err, ERROR_UNAUTHENTICATED, "the request is not signed: it has no %s header", name);
    if (strlen(*value) > CLAIM_LONGEST)
        return error_set(err, ERROR_UNAUTHENTICATED, "the header %s is too long", name);
    return 0;
}

static int check_time(const char *timestamp, int64_t now_ms, struct error *err)
{
    int64_t then_ms;
    if (clock_parse(timestamp, &then_ms, NULL) < 0)
        return error_set(err, ERROR_UNAUTHENTICATED, "X-Timestamp is not an RFC 3339 time in UTC");
    if (then_ms < now_ms - REQUEST_SIGNATURE_WINDOW_MS || then_ms > now_ms + REQUEST_SIGNATURE_WINDOW_MS)
        return error_set(err, ERROR_UNAUTHENTICATED,
                         "X-Timestamp %s is more than 5 minutes from our time; is your "
                         "clock right?",
                         timestamp);
    return 0;
}

static int check_digest(struct arena *arena, const char *content_hash, struct error *err)
{
    unsigned char *digest;
    size_t length;
    if (base64_decode(arena, content_hash, &digest, &length, NULL) < 0 || length != DIGEST_BYTES)
        return error_set(err, ERROR_UNAUTHENTICATED, "X-Content-Hash is not a base64 SHA-256");
    return 0;
}

static int read_key(struct arena *arena, const char *encoded, struct request_signer *signer,
                    struct error *err)
{
    unsigned char *pem;
    size_t length;
    char *hash;
    if (base64_decode(arena, encoded, &pem, &length, NULL) < 0 || strlen((char *)pem) != length ||
        public_key_hash(arena, (char *)pem, &hash, NULL) < 0)
        return error_set(err, ERROR_UNAUTHENTICATED, "X-Key is not the base64 of a PEM P-256 public key");
    signer->public_key_pem = (char *)pem;
    signer->public_key_hash = hash;
    return 0;
}

int request_verify(struct arena *arena, const char *method, const char *url,
                   const struct http_headers *headers, int64_t now_ms, struct request_signer *signer,
                   struct error *err)
{
    const char *timestamp, *content_hash, *key, *key_id, *signature;
    *signer = (struct request_signer){0};
    if (claimed(headers, "X-Authorization", &signature, err) < 0 ||
        claimed(headers, "X-Key", &key, err) < 0 || claimed(headers, "X-Key-Id", &key_id, err) < 0 ||
        claimed(headers, "X-Timestamp", &timestamp, err) < 0 ||
        claimed(headers, "X-Content-Hash", &content_hash, err) < 0 ||
        check_time(timestamp, now_ms, err) < 0 || check_digest(arena, content_hash, err) < 0 ||
        read_key(arena, key, signer, err) < 0)
        return -1;
    char *canonical = canonical_text(arena, method, url, timestamp, content_hash);
    if (public_key_verify(signer->public_key_pem, canonical, strlen(canonical), signature, NULL) < 0)
        return error_set(err, ERROR_UNAUTHENTICATED,
                         "X-Authorization is not X-Key's signature over this request");
    signer->key_id = arena_strdup(arena, key_id);
    signer->content_hash = arena_strdup(arena, content_hash);
    return 0;
}

int request_verify_body(const struct request_signer *signer, const void *body, size_t length,
                        struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    if (!text_equal(sha256_base64(arena, body ? body : "", body ? length : 0), signer->content_hash))
        return error_set(err, ERROR_INVALID,
                         "the body is not the one that was signed (X-Content-Hash differs)");
    return 0;
}
