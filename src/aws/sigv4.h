/* AWS Signature Version 4, for requests we send and, in localaws, for requests we check. Pure: no I/O, no
 * clock. Source: "Signature Version 4 signing process", AWS General Reference; proven against AWS's published
 * vectors and botocore (tests). */
#ifndef AWS_SIGV4_H
#define AWS_SIGV4_H

#include "aws/credentials.h"
#include "net/http.h"

#include <stdbool.h>

#define SIGV4_EMPTY_HASH "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define SIGV4_UNSIGNED   "UNSIGNED-PAYLOAD"

struct sigv4_request {
    const char *method;
    const char *path;                   /* raw, as on the wire, "/" when empty */
    const char *query;                  /* raw, as on the wire, "" when none */
    const struct http_headers *headers; /* those to sign; must have host and x-amz-date */
    const char *payload_hash;           /* hex SHA-256 of the body, SIGV4_UNSIGNED or a STREAMING-... value */
};

struct sigv4_scope {
    const char *date; /* 20260102 */
    const char *region, *service;
};

/* S3 signs the path as it is; every other service encodes it once more. Which one follows from
 * scope->service. The X-Amz-Signature of a presigned query is left out; `signed_headers` is taken as it is
 * ("host;x-amz-date"). */
char *sigv4_canonical_request(struct arena *arena, const struct sigv4_request *request,
                              const struct sigv4_scope *scope, const char *signed_headers);
char *sigv4_string_to_sign(struct arena *arena, const char *amz_date, const struct sigv4_scope *scope,
                           const char *canonical_request);
char *sigv4_signature(struct arena *arena, const char *secret, const struct sigv4_scope *scope,
                      const char *string_to_sign);

/* The same in two steps, for those who sign several texts with one key: the chunks of a body. */
enum { SIGV4_KEY = 32 };
void sigv4_signing_key(const char *secret, const struct sigv4_scope *scope, unsigned char key[SIGV4_KEY]);
char *sigv4_sign_text(struct arena *arena, const unsigned char key[SIGV4_KEY], const char *string_to_sign);

/* Adds x-amz-date, x-amz-security-token (when there is one), x-amz-content-sha256 (S3) and authorization to
 * `headers`, which must already hold host and everything else to be signed. */
void sigv4_sign(struct arena *arena, const struct aws_keys *keys, const char *region, const char *service,
                const char *method, const char *path, const char *query, const char *payload_hash,
                int64_t now_ms, struct http_headers *headers);

/* An Authorization header (or presigned query) taken apart. */
struct sigv4_claim {
    const char *access_key_id;
    struct sigv4_scope scope;
    const char *signed_headers; /* "host;x-amz-date" */
    const char *signature;
    const char *amz_date;
    bool presigned;
    int64_t expires_s; /* of a presigned query, with its token; a header's token is x-amz-security-token */
    const char *security_token;
};
/* Grammar only: nothing here is believed before the signature was recomputed. ERROR_UNAUTHENTICATED when the
 * request carries none, ERROR_INVALID when it is malformed, ERROR_FORBIDDEN when its dates disagree. */
int sigv4_claim_parse(struct arena *arena, const char *authorization, const char *query,
                      const char *amz_date_header, struct sigv4_claim *claim, struct error *err);

/* Lower-case hex SHA-256. */
char *sigv4_sha256(struct arena *arena, const void *bytes, size_t length);

#endif
