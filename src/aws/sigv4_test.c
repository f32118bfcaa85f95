/* AWS's published examples: the signature test suite of the General Reference (service "service") and the
 * worked examples of the S3 API reference, "Authenticating Requests". */
#include "aws/sigv4.h"

#include "base/clock.h"
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct vector {
    const char *what, *method, *path, *query;
    struct http_header headers[6];
    const char *payload_hash, *signature;
};

#define SUITE_HEADERS                        \
    {                                        \
        {"Host", "example.amazonaws.com"},   \
        {                                    \
            "X-Amz-Date", "20150830T123600Z" \
        }                                    \
    }

static const struct vector suite[] = {
    {"get-vanilla", "GET", "/", "", SUITE_HEADERS, SIGV4_EMPTY_HASH,
     "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
    {"get-vanilla-query-order-key-case", "GET", "/", "Param2=value2&Param1=value1", SUITE_HEADERS,
     SIGV4_EMPTY_HASH, "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
    {"get-vanilla-utf8-query", "GET", "/", "\u1234=bar", SUITE_HEADERS, SIGV4_EMPTY_HASH,
     "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"},
    {"get-utf8", "GET", "/\u1234", "", SUITE_HEADERS, SIGV4_EMPTY_HASH,
     "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"},
    {"get-space", "GET", "/example space/", "", SUITE_HEADERS, SIGV4_EMPTY_HASH,
     "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741"},
    {"get-relative", "GET", "/example/..", "", SUITE_HEADERS, SIGV4_EMPTY_HASH,
     "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
    {"get-slashes", "GET", "//example//", "", SUITE_HEADERS, SIGV4_EMPTY_HASH,
     "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84"},
    {"post-vanilla", "POST", "/", "", SUITE_HEADERS, SIGV4_EMPTY_HASH,
     "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
};

#define EXAMPLE_HOST                             \
    {                                            \
        "Host", "examplebucket.s3.amazonaws.com" \
    }
#define EXAMPLE_DATE                     \
    {                                    \
        "x-amz-date", "20130524T000000Z" \
    }

static const struct vector s3_examples[] = {
    {"get with a range",
     "GET",
     "/test.txt",
     "",
     {EXAMPLE_HOST, {"Range", "bytes=0-9"}, {"x-amz-content-sha256", SIGV4_EMPTY_HASH}, EXAMPLE_DATE},
     SIGV4_EMPTY_HASH,
     "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
    {"put",
     "PUT",
     "/test%24file.text",
     "",
     {EXAMPLE_HOST,
      {"Date", "Fri, 24 May 2013 00:00:00 GMT"},
      EXAMPLE_DATE,
      {"x-amz-storage-class", "REDUCED_REDUNDANCY"},
      {"x-amz-content-sha256", "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"}},
     "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
     "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"},
    {"a query without a value",
     "GET",
     "/",
     "lifecycle",
     {EXAMPLE_HOST, {"x-amz-content-sha256", SIGV4_EMPTY_HASH}, EXAMPLE_DATE},
     SIGV4_EMPTY_HASH,
     "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
    {"list",
     "GET",
     "/",
     "max-keys=2&prefix=J",
     {EXAMPLE_HOST, {"x-amz-content-sha256", SIGV4_EMPTY_HASH}, EXAMPLE_DATE},
     SIGV4_EMPTY_HASH,
     "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
};

/* Signs what the vector shows as sent: the names to sign are its own headers. */
static void check(struct arena *arena, const struct vector *vector, const struct sigv4_scope *scope,
                  const char *secret, const char *amz_date)
{
    struct http_headers headers = {0};
    char *names[8] = {0};
    size_t count = 0;
    for (; vector->headers[count].name; count++) {
        http_headers_add(arena, &headers, vector->headers[count].name, vector->headers[count].value);
        size_t at = count;
        char *name = text_lower(arena, vector->headers[count].name);
        for (; at > 0 && strcmp(names[at - 1], name) > 0; at--)
            names[at] = names[at - 1];
        names[at] = name;
    }
    char *signed_headers = names[0];
    for (size_t i = 1; i < count; i++)
        signed_headers = arena_format(arena, "%s;%s", signed_headers, names[i]);
    struct sigv4_request request = {vector->method, vector->path, vector->query, &headers,
                                    vector->payload_hash};
    char *canonical = sigv4_canonical_request(arena, &request, scope, signed_headers);
    char *to_sign = sigv4_string_to_sign(arena, amz_date, scope, canonical);
    char *signature = sigv4_signature(arena, secret, scope, to_sign);
    if (strcmp(signature, vector->signature) != 0)
        print_message("%s\n%s\n", vector->what, canonical);
    assert_string_equal(signature, vector->signature);
}

static void the_published_suite_is_signed_alike(void **state)
{
    (void)state;
    cleanup(arena_free) struct arena *arena = arena_new();
    struct sigv4_scope scope = {"20150830", "us-east-1", "service"};
    for (size_t i = 0; i < COUNT_OF(suite); i++)
        check(arena, &suite[i], &scope, "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "20150830T123600Z");
}

static void the_published_s3_examples_are_signed_alike(void **state)
{
    (void)state;
    cleanup(arena_free) struct arena *arena = arena_new();
    struct sigv4_scope scope = {"20130524", "us-east-1", "s3"};
    for (size_t i = 0; i < COUNT_OF(s3_examples); i++)
        check(arena, &s3_examples[i], &scope, "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "20130524T000000Z");
}

#define PRESIGNED                                                                                            \
    "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2F"  \
    "aws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature=" \
    "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"

static void a_presigned_query_verifies_by_what_it_says(void **state)
{
    (void)state;
    cleanup(arena_free) struct arena *arena = arena_new();
    struct error err = {0};
    struct sigv4_claim claim;
    assert_int_equal(sigv4_claim_parse(arena, NULL, PRESIGNED, NULL, &claim, &err), 0);
    assert_true(claim.presigned);
    assert_int_equal(claim.expires_s, 86400);
    assert_string_equal(claim.access_key_id, "AKIAIOSFODNN7EXAMPLE");
    struct http_headers headers = {0};
    http_headers_add(arena, &headers, "host", "examplebucket.s3.amazonaws.com");
    struct sigv4_request request = {"GET", "/test.txt", PRESIGNED, &headers, SIGV4_UNSIGNED};
    char *canonical = sigv4_canonical_request(arena, &request, &claim.scope, claim.signed_headers);
    char *to_sign = sigv4_string_to_sign(arena, claim.amz_date, &claim.scope, canonical);
    assert_string_equal(
        sigv4_signature(arena, "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", &claim.scope, to_sign),
        claim.signature);
}

static void what_we_sign_we_can_take_apart_and_verify(void **state)
{
    (void)state;
    cleanup(arena_free) struct arena *arena = arena_new();
    struct error err = {0};
    struct aws_keys keys = {"AKIDEXAMPLE", "secret", "a token", 0};
    struct http_headers headers = {0};
    http_headers_add(arena, &headers, "Host", "kms.us-east-1.amazonaws.com");
    http_headers_add(arena, &headers, "X-Amz-Target", "TrentService.Encrypt");
    sigv4_sign(arena, &keys, "us-east-1", "kms", "POST", "/", "", SIGV4_EMPTY_HASH, 1767323045000, &headers);
    assert_string_equal(http_headers_get(&headers, "x-amz-date"), "20260102T030405Z");
    assert_string_equal(http_headers_get(&headers, "x-amz-security-token"), "a token");
    assert_null(http_headers_get(&headers, "x-amz-content-sha256"));
    struct sigv4_claim claim;
    assert_int_equal(sigv4_claim_parse(arena, http_headers_get(&headers, "authorization"), "",
                                       http_headers_get(&headers, "x-amz-date"), &claim, &err),
                     0);
    assert_string_equal(claim.signed_headers, "host;x-amz-date;x-amz-security-token;x-amz-target");
    struct sigv4_request request = {"POST", "/", "", &headers, SIGV4_EMPTY_HASH};
    char *canonical = sigv4_canonical_request(arena, &request, &claim.scope, claim.signed_headers);
    char *to_sign = sigv4_string_to_sign(arena, claim.amz_date, &claim.scope, canonical);
    assert_string_equal(sigv4_signature(arena, "secret", &claim.scope, to_sign), claim.signature);
}

#define SIGNATURE  "Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
#define CREDENTIAL "Credential=AKID/20150830/us-east-1/s3/aws4_request"

static const char *const bad_authorizations[] = {
    "",
    "Basic dTpw",
    "AWS4-HMAC-SHA256",
    "AWS4-HMAC-SHA512 " CREDENTIAL ", SignedHeaders=host, " SIGNATURE,
    "AWS4-HMAC-SHA256 " CREDENTIAL ", SignedHeaders=host",
    "AWS4-HMAC-SHA256 " CREDENTIAL ", SignedHeaders=, " SIGNATURE,
    "AWS4-HMAC-SHA256 " CREDENTIAL ", SignedHeaders=x-amz-date, " SIGNATURE,
    "AWS4-HMAC-SHA256 " CREDENTIAL ", SignedHeaders=x-amz-date;host, " SIGNATURE,
    "AWS4-HMAC-SHA256 " CREDENTIAL ", SignedHeaders=host;host, " SIGNATURE,
    "AWS4-HMAC-SHA256 " CREDENTIAL ", SignedHeaders=Host, " SIGNATURE,
    "AWS4-HMAC-SHA256 " CREDENTIAL ", SignedHeaders=host, Signature=5FA0",
    "AWS4-HMAC-SHA256 Credential=AKID/20150830/us-east-1/s3/aws5_request, SignedHeaders=host, " SIGNATURE,
    "AWS4-HMAC-SHA256 Credential=/20150830/us-east-1/s3/aws4_request, SignedHeaders=host, " SIGNATURE,
    "AWS4-HMAC-SHA256 Credential=A/2015083/us-east-1/s3/aws4_request, SignedHeaders=host, " SIGNATURE,
    "AWS4-HMAC-SHA256 Credential=A/20150831/us-east-1/s3/aws4_request, SignedHeaders=host, " SIGNATURE,
    "AWS4-HMAC-SHA256 Credential=A/20150830/us-east-1/../aws4_request, SignedHeaders=host, " SIGNATURE,
};

static void a_malformed_signature_is_refused(void **state)
{
    (void)state;
    cleanup(arena_free) struct arena *arena = arena_new();
    struct sigv4_claim claim;
    for (size_t i = 0; i < COUNT_OF(bad_authorizations); i++)
        assert_int_equal(sigv4_claim_parse(arena, bad_authorizations[i], "", "20150830T123600Z", &claim,
                                           &(struct error){0}),
                         -1);
    static const char *const dates[] = {NULL, "", "20150830", "20150830T1236000", "2015-08-30T12:36:0Z"};
    for (size_t i = 0; i < COUNT_OF(dates); i++)
        assert_int_equal(sigv4_claim_parse(arena,
                                           "AWS4-HMAC-SHA256 " CREDENTIAL ", SignedHeaders=host, " SIGNATURE,
                                           "", dates[i], &claim, &(struct error){0}),
                         -1);
    assert_int_equal(sigv4_claim_parse(arena, NULL, PRESIGNED "&X-Amz-Date=20130524T000000Z", NULL, &claim,
                                       &(struct error){0}),
                     -1);
}

static void a_request_without_any_signature_is_unauthenticated(void **state)
{
    (void)state;
    cleanup(arena_free) struct arena *arena = arena_new();
    struct sigv4_claim claim;
    struct error err = {0};
    assert_int_equal(sigv4_claim_parse(arena, NULL, "list-type=2", NULL, &claim, &err), -1);
    assert_int_equal(err.kind, ERROR_UNAUTHENTICATED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_published_suite_is_signed_alike),
        cmocka_unit_test(the_published_s3_examples_are_signed_alike),
        cmocka_unit_test(a_presigned_query_verifies_by_what_it_says),
        cmocka_unit_test(what_we_sign_we_can_take_apart_and_verify),
        cmocka_unit_test(a_malformed_signature_is_refused),
        cmocka_unit_test(a_request_without_any_signature_is_unauthenticated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
