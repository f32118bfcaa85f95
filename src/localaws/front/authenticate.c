#include "localaws/front/authenticate.h"

#include "base/clock.h"
#include "base/text.h"
#include "localaws/front/keys.h"
#include "localaws/services.h"

#include <stdlib.h>
#include <string.h>

/* Why a signature is not accepted, and how each protocol says so. */
enum refusal {
    REFUSED_UNSIGNED,
    REFUSED_MALFORMED,
    REFUSED_UNKNOWN_KEY,
    REFUSED_SIGNATURE,
    REFUSED_CLOCK,
    REFUSED_EXPIRED,
    REFUSED_UNSIGNED_HEADER,
    REFUSED_PAYLOAD,
};

/* clang-format off */
static const struct refusal_form {
    struct {
        int status;
        const char *code;
    } by[4]; /* enum protocol */
    const char *message;
} refusals[] = {
    /*                           EC2                           query                              JSON                                          S3 */
    [REFUSED_UNSIGNED] =        {{{401, "AuthFailure"},         {403, "MissingAuthenticationToken"}, {400, "MissingAuthenticationTokenException"}, {403, "AccessDenied"}},
                                 "Request is missing Authentication Token"},
    [REFUSED_MALFORMED] =       {{{400, "IncompleteSignature"}, {400, "IncompleteSignature"},        {400, "IncompleteSignatureException"},        {400, "AuthorizationHeaderMalformed"}},
                                 "The signature of the request is malformed"},
    [REFUSED_UNKNOWN_KEY] =     {{{401, "AuthFailure"},         {403, "InvalidClientTokenId"},       {400, "UnrecognizedClientException"},         {403, "InvalidAccessKeyId"}},
                                 "The security token included in the request is invalid."},
    [REFUSED_SIGNATURE] =       {{{401, "AuthFailure"},         {403, "SignatureDoesNotMatch"},      {400, "InvalidSignatureException"},           {403, "SignatureDoesNotMatch"}},
                                 "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method."},
    [REFUSED_CLOCK] =           {{{400, "RequestExpired"},      {403, "SignatureDoesNotMatch"},      {400, "InvalidSignatureException"},           {403, "RequestTimeTooSkewed"}},
                                 "Signature expired or not yet current: the difference between the request time and the current time is too large."},
    [REFUSED_EXPIRED] =         {{{400, "RequestExpired"},      {403, "ExpiredToken"},               {400, "ExpiredTokenException"},               {400, "ExpiredToken"}},
                                 "The security token included in the request is expired"},
    [REFUSED_UNSIGNED_HEADER] = {{{401, "AuthFailure"},         {403, "SignatureDoesNotMatch"},      {400, "InvalidSignatureException"},           {403, "AccessDenied"}},
                                 "There were headers present in the request which were not signed"},
    [REFUSED_PAYLOAD] =         {{{400, "InvalidSignatureException"}, {400, "SignatureDoesNotMatch"}, {400, "InvalidSignatureException"},          {400, "XAmzContentSHA256Mismatch"}},
                                 "The provided 'x-amz-content-sha256' header does not match what was computed."},
};
/* clang-format on */

static int refuse(struct call *call, struct error *err, enum refusal why)
{
    enum protocol protocol = call->interface ? call->interface->protocol : PROTOCOL_QUERY;
    const struct refusal_form *form = &refusals[why];
    return call_fail(call, err, form->by[protocol].status, form->by[protocol].code, "%s", form->message);
}

/* Without a readable claim the protocol is guessed, so that the refusal is readable to its client. */
static const struct service *guess_service(struct http_request *request)
{
    const char *target = http_request_header(request, "x-amz-target");
    if (target)
        return service_by_target(target);
    return text_equal(http_request_path(request), "/") ? NULL : service_by_name("s3");
}

int call_claim(struct call *call, struct sigv4_claim *claim, struct error *err)
{
    struct http_request *request = call->request;
    const char *query = http_request_raw_query(request);
    call->interface = guess_service(request);
    struct error why = {0};
    if (sigv4_claim_parse(call->arena, http_request_header(request, "authorization"), query,
                          http_request_header(request, "x-amz-date"), claim, &why) < 0)
        return refuse(call, err, why.kind == ERROR_UNAUTHENTICATED ? REFUSED_UNSIGNED : REFUSED_MALFORMED);
    call->interface = service_by_name(claim->scope.service);
    if (!call->interface)
        return call_fail(call, err, 400, "UnrecognizedService", "There is no service %s in this region",
                         claim->scope.service);
    call->service = call->interface->name;
    return 0;
}

static int check_time(struct call *call, const struct sigv4_claim *claim, struct error *err)
{
    int64_t signed_ms, now_ms = clock_now_ms();
    struct error why = {0};
    if (clock_parse(claim->amz_date, &signed_ms, &why) < 0)
        return refuse(call, err, REFUSED_MALFORMED);
    int64_t until_ms = signed_ms + (claim->presigned ? claim->expires_s * 1000 : CLOCK_SKEW_MS);
    if (claim->presigned && now_ms > until_ms)
        return call_fail(call, err, 403, "AccessDenied", "Request has expired");
    if (now_ms < signed_ms - CLOCK_SKEW_MS || now_ms > until_ms)
        return refuse(call, err, REFUSED_CLOCK);
    return 0;
}

static bool is_signed(const char *signed_headers, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = signed_headers; (at = strcasestr(at, name)); at++)
        if ((at == signed_headers || at[-1] == ';') && (at[length] == ';' || !at[length]))
            return true;
    return false;
}

/* A header that steers us must be covered: what is not signed can be added or changed on the way. */
static bool steering_headers_are_signed(struct call *call, const struct sigv4_claim *claim)
{
    const struct http_headers *headers = http_request_headers(call->request);
    for (size_t i = 0; i < headers->count; i++)
        if (strncasecmp(headers->items[i].name, "x-amz-", 6) == 0 &&
            !is_signed(claim->signed_headers, headers->items[i].name))
            return false;
    return true;
}

/* The hash the signature was made over: S3 clients say which (and it is compared when the body has come), the
 * others hash what they send. */
static const char *payload_hash(struct call *call, const struct sigv4_claim *claim, const char *body,
                                size_t length)
{
    const char *said = http_request_header(call->request, "x-amz-content-sha256");
    if (said)
        return said;
    if (text_equal(claim->scope.service, "s3"))
        return claim->presigned ? SIGV4_UNSIGNED : SIGV4_EMPTY_HASH;
    return body && length ? sigv4_sha256(call->arena, body, length) : SIGV4_EMPTY_HASH;
}

static bool payload_matches(struct call *call, const char *body, size_t length)
{
    return !body || text_equal(call->payload_hash, SIGV4_UNSIGNED) ||
           text_equal(call->payload_hash, sigv4_sha256(call->arena, body, length));
}

static bool signature_matches(struct call *call, const struct sigv4_claim *claim,
                              const struct access_key *key)
{
    struct sigv4_request request = {
        .method = http_method_name(http_request_method(call->request)),
        .path = http_request_path(call->request),
        .query = http_request_raw_query(call->request),
        .headers = http_request_headers(call->request),
        .payload_hash = call->payload_hash,
    };
    char *canonical = sigv4_canonical_request(call->arena, &request, &claim->scope, claim->signed_headers);
    char *to_sign = sigv4_string_to_sign(call->arena, claim->amz_date, &claim->scope, canonical);
    return text_equal_secret(sigv4_signature(call->arena, key->secret, &claim->scope, to_sign),
                             claim->signature);
}

static void forget_signature(void *signature)
{
    explicit_bzero(signature, sizeof(struct call_signature));
}

/* Kept only where a body in signed chunks will ask for it. */
static void keep_signature(struct call *call, const struct sigv4_claim *claim, const struct access_key *key)
{
    if (!text_starts(call->payload_hash, "STREAMING-AWS4-HMAC-SHA256-"))
        return;
    struct call_signature *signature = arena_alloc(call->arena, sizeof *signature);
    arena_defer(call->arena, forget_signature, signature);
    sigv4_signing_key(key->secret, &claim->scope, signature->key);
    signature->amz_date = claim->amz_date;
    signature->scope = arena_format(call->arena, "%s/%s/%s/aws4_request", claim->scope.date,
                                    claim->scope.region, claim->scope.service);
    signature->signature = claim->signature;
    call->signature = signature;
}

static bool token_matches(struct call *call, const struct sigv4_claim *claim, const struct access_key *key)
{
    const char *token =
        claim->presigned ? claim->security_token : http_request_header(call->request, "x-amz-security-token");
    return key->token ? token && text_equal_secret(token, key->token) : !token;
}

int call_authenticate(struct call *call, const struct sigv4_claim *claim, const char *body, size_t length,
                      struct error *err)
{
    struct access_key key;
    if (!text_equal(claim->scope.region, call->region->name))
        return call_fail(call, err, 403, "SignatureDoesNotMatch",
                         "Credential should be scoped to a valid region: %s", call->region->name);
    if (check_time(call, claim, err) < 0)
        return -1;
    if (!steering_headers_are_signed(call, claim))
        return refuse(call, err, REFUSED_UNSIGNED_HEADER);
    if (key_find(call->region, call->arena, claim->access_key_id, &key) < 0 || key.inactive)
        return refuse(call, err, REFUSED_UNKNOWN_KEY);
    call->claimed_key = key.id;
    call->claimed_account = key.caller.account;
    call->payload_hash = payload_hash(call, claim, body, length);
    if (!signature_matches(call, claim, &key))
        return refuse(call, err, REFUSED_SIGNATURE);
    if (!payload_matches(call, body, length))
        return refuse(call, err, REFUSED_PAYLOAD);
    if (!token_matches(call, claim, &key))
        return refuse(call, err, REFUSED_UNKNOWN_KEY);
    if (key.token && key.expires_ms < clock_now_ms())
        return refuse(call, err, REFUSED_EXPIRED);

    call->caller = arena_alloc(call->arena, sizeof *call->caller);
    *call->caller = key.caller;
    call->account = key.caller.account;
    keep_signature(call, claim, &key);
    return 0;
}
