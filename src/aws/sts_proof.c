/* A GetCallerIdentity request signed by one and sent by another. Whoever holds it can send it for as long as
 * STS takes its date, and learns only who signed it: what makes it worth nothing elsewhere are nonce and key
 * hash, which are signed, and the verifier that gave the nonce and takes it once. */
#include "aws/sts.h"

#include "aws/request.h"
#include "aws/sigv4.h"
#include "aws/sts_answer.h"
#include "base/clock.h"
#include "base/text.h"

#include <string.h>

#define BODY         "Action=GetCallerIdentity&Version=2011-06-15"
#define CONTENT_TYPE "application/x-www-form-urlencoded; charset=utf-8"

enum { WINDOW_MS = 5 * 60 * 1000, LARGEST_ANSWER = 64 << 10 };

/* What may stand in a header: a peer's proof must not smuggle another one. */
static bool is_header_value(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || (unsigned char)*text > 0x7e)
            return false;
    return true;
}

static bool is_authority(const char *text)
{
    return *text && text_only(text, "A-Za-z0-9.:[]-");
}

static bool is_region(const char *text)
{
    return *text && text_only(text, "a-z0-9-");
}

#define PROOF_TEXT(member, json, need, longest, valid, help) \
    FIELD_TEXT(struct sts_proof, member, json, need, longest, valid, help)
static const struct field proof_fields[] = {
    PROOF_TEXT(authorization, "authorization", REQUIRED, 4096, is_header_value, "the signature"),
    PROOF_TEXT(amz_date, "amzDate", REQUIRED, 16, is_header_value, "when it was made"),
    PROOF_TEXT(security_token, "securityToken", OPTIONAL, 16384, is_header_value, "of temporary keys"),
    PROOF_TEXT(host, "host", REQUIRED, 255, is_authority, "the STS endpoint's host it was signed for"),
    PROOF_TEXT(region, "region", REQUIRED, 64, is_region, "that endpoint's region"),
    PROOF_TEXT(nonce, "nonce", REQUIRED, 256, is_header_value, "the verifier's"),
    PROOF_TEXT(key_hash, "keyHash", REQUIRED, 128, is_header_value, "of the public key it comes with"),
    FIELD_END,
};
const struct record sts_proof_record = {"proof of AWS identity", sizeof(struct sts_proof), proof_fields};

static void add_bound_headers(struct arena *arena, struct http_headers *headers, const char *host,
                              const char *nonce, const char *key_hash)
{
    http_headers_add(arena, headers, "content-type", CONTENT_TYPE);
    http_headers_add(arena, headers, "host", host);
    http_headers_add(arena, headers, "x-enclave-key-hash", key_hash);
    http_headers_add(arena, headers, "x-enclave-nonce", nonce);
}

int sts_proof_make(struct aws_client *client, struct arena *arena, const char *nonce, const char *key_hash,
                   struct sts_proof *proof, struct error *err)
{
    struct aws_keys keys;
    if (aws_credentials_get(aws_client_credentials(client), arena, &keys, err) < 0)
        return -1;
    const char *region = aws_client_region(client);
    const char *host = aws_authority(arena, aws_endpoint(arena, "sts", region));
    struct http_headers headers = {0};
    add_bound_headers(arena, &headers, host, nonce, key_hash);
    sigv4_sign(arena, &keys, region, "sts", "POST", "/", "", sigv4_sha256(arena, BODY, strlen(BODY)),
               clock_now_ms(), &headers);
    *proof = (struct sts_proof){
        .authorization = http_headers_get(&headers, "authorization"),
        .amz_date = http_headers_get(&headers, "x-amz-date"),
        .security_token = keys.session_token,
        .host = host,
        .region = arena_strdup(arena, region),
        .nonce = arena_strdup(arena, nonce),
        .key_hash = arena_strdup(arena, key_hash),
    };
    return 0;
}

static int refused(struct error *err, const char *why)
{
    return error_code(err, ERROR_FORBIDDEN, "PROOF_REFUSED", "proof of AWS identity: %s", why);
}

/* Everything that can be known without asking STS. */
static int check_proof(const struct sts_proof *proof, const char *region, const char *nonce,
                       const char *key_hash, struct arena *arena, struct error *err)
{
    struct sigv4_claim claim;
    int64_t made_ms;
    if (!text_equal_secret(proof->nonce, nonce) || !text_equal_secret(proof->key_hash, key_hash))
        return refused(err, "it was made for another nonce or key");
    if (!is_header_value(proof->authorization) || !is_authority(proof->host) ||
        (proof->security_token && !is_header_value(proof->security_token)) ||
        sigv4_claim_parse(arena, proof->authorization, "", proof->amz_date, &claim, NULL) < 0)
        return refused(err, "its signature is malformed");
    const char *expected =
        proof->security_token
            ? "content-type;host;x-amz-date;x-amz-security-token;x-enclave-key-hash;x-enclave-nonce"
            : "content-type;host;x-amz-date;x-enclave-key-hash;x-enclave-nonce";
    if (strcmp(claim.signed_headers, expected) != 0)
        return refused(err, "it does not sign exactly the headers that bind it");
    if (strcmp(claim.scope.service, "sts") != 0 || strcmp(claim.scope.region, region) != 0)
        return refused(err, "it was made for another service or region");
    if (clock_parse(proof->amz_date, &made_ms, NULL) < 0 || llabs(clock_now_ms() - made_ms) > WINDOW_MS)
        return refused(err, "it is not from the last five minutes");
    return 0;
}

/* AWS's own endpoint answers only to its own name. An endpoint of the operator's choosing may be known by
 * several addresses, so there the host goes as it was signed; where the request goes is never the proof's to
 * say. */
static int check_host(const struct sts_proof *proof, const char *endpoint, struct arena *arena,
                      struct error *err)
{
    if (aws_endpoint_overridden(aws_service_find("sts")) ||
        text_equal_nocase(proof->host, aws_authority(arena, endpoint)))
        return 0;
    return refused(err, "it was made for another STS endpoint");
}

static int ask_sts(const struct sts_proof *proof, const char *endpoint, struct arena *arena,
                   struct http_reply *reply, struct error *err)
{
    static const char what[] = "proof of AWS identity";
    struct http_client *http;
    struct http_call call = {
        .method = HTTP_POST,
        .url = arena_format(arena, "%s/", endpoint),
        .body = BODY,
        .body_length = strlen(BODY),
        .answer_limit = LARGEST_ANSWER,
    };
    add_bound_headers(arena, &call.headers, proof->host, proof->nonce, proof->key_hash);
    http_headers_add(arena, &call.headers, "x-amz-date", proof->amz_date);
    if (proof->security_token)
        http_headers_add(arena, &call.headers, "x-amz-security-token", proof->security_token);
    http_headers_add(arena, &call.headers, "authorization", proof->authorization);
    if (aws_http_client(&http, err) < 0)
        return -1;
    if (http_call(http, &call, arena, reply, err) < 0)
        return error_context(err, "%s", what);
    if (reply->status < 400)
        return 0;
    const struct aws_request request = {.service = aws_service_find("sts"), .what = what};
    return aws_error(&request, reply, arena, err);
}

/* A nonce is good for one call: what STS cannot answer now is asked again here, not by who made the proof. */
static int send_proof(const struct sts_proof *proof, const char *endpoint, struct arena *arena,
                      struct http_reply *reply, struct error *err)
{
    for (int tries = 1;; tries++) {
        struct error trouble = {0};
        if (ask_sts(proof, endpoint, arena, reply, &trouble) == 0)
            return 0;
        bool known = trouble.kind != ERROR_THROTTLED && trouble.kind != ERROR_UNAVAILABLE &&
                     trouble.kind != ERROR_INTERNAL;
        if (known)
            return refused(err, "STS does not accept its signature");
        if (tries == AWS_TRIES) {
            if (err)
                *err = trouble;
            return -1;
        }
        aws_back_off(tries);
    }
}

int sts_proof_verify(const struct sts_proof *proof, const char *region, const char *nonce,
                     const char *key_hash, struct arena *arena, struct sts_identity *identity,
                     struct error *err)
{
    const char *endpoint = aws_endpoint(arena, "sts", region);
    if (check_proof(proof, region, nonce, key_hash, arena, err) < 0 ||
        check_host(proof, endpoint, arena, err) < 0)
        return -1;
    struct http_reply reply;
    if (send_proof(proof, endpoint, arena, &reply, err) < 0)
        return -1;
    xmlNode *answer;
    if (xml_parse(arena, "sts GetCallerIdentity", reply.body, reply.length, &answer, err) < 0)
        return -1;
    return sts_read_identity(arena, answer, identity, err);
}
