#include "identity/request_signature.h"

#include "base/clock.h"
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* Made with an independent implementation of the same scheme. */
#define URL       "https://api-ctl.vespa-cloud.com:4443/application/v4/tenant/t1/application/a1/submit"
#define TIMESTAMP "2026-01-02T03:04:05Z"
#define HASH      "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ="
#define PUBLIC_KEY                                                       \
    "-----BEGIN PUBLIC KEY-----\n"                                       \
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAERxw+dYxJBChbun5TEY7Q9SSt6wdX\n" \
    "0lvS+Oew1236cUzdUg96yoqLkXrMN/Ud6PDJu+OthYOC5wLcJaEtCfeoWA==\n"     \
    "-----END PUBLIC KEY-----\n"
#define SIGNATURE \
    "MEQCIF+6H5NmdCdgNOEQPlHWRcJiQOl6GHVD80mbU0OiHZoBAiBgRXrO4+Xz/chNu+O2GPplEa38EtYP7Bqs/zUmTWlMRw=="

static struct http_headers known_headers(struct arena *arena)
{
    struct http_headers headers = {0};
    http_headers_add(arena, &headers, "X-Timestamp", TIMESTAMP);
    http_headers_add(arena, &headers, "X-Content-Hash", HASH);
    http_headers_add(arena, &headers, "X-Key", base64_encode(arena, PUBLIC_KEY, strlen(PUBLIC_KEY)));
    http_headers_add(arena, &headers, "X-Key-Id", "t1:a1:default");
    http_headers_add(arena, &headers, "X-Authorization", SIGNATURE);
    return headers;
}

static int64_t known_time(void)
{
    int64_t ms = 0;
    clock_parse(TIMESTAMP, &ms, NULL);
    return ms;
}

static void a_request_signed_elsewhere_verifies(void **state)
{
    (void)state;
    cleanup(arena_free) struct arena *arena = arena_new();
    struct http_headers headers = known_headers(arena);
    struct request_signer signer;
    struct error err = {0};
    assert_int_equal(request_verify(arena, "POST", URL, &headers, known_time() + 1000, &signer, &err), 0);
    assert_string_equal(signer.key_id, "t1:a1:default");
    assert_string_equal(signer.public_key_pem, PUBLIC_KEY);
    assert_int_equal(request_verify_body(&signer, "hello", 5, &err), 0);
    assert_int_equal(request_verify_body(&signer, "hellO", 5, &err), -1);
    assert_int_equal(err.kind, ERROR_INVALID);
}

static void another_method_url_or_time_does_not_verify(void **state)
{
    (void)state;
    cleanup(arena_free) struct arena *arena = arena_new();
    struct http_headers headers = known_headers(arena);
    struct request_signer signer;
    struct error err = {0};
    int64_t then_ms = known_time();
    assert_int_equal(request_verify(arena, "PUT", URL, &headers, then_ms, &signer, &err), -1);
    assert_int_equal(err.kind, ERROR_UNAUTHENTICATED);
    assert_int_equal(request_verify(arena, "POST", URL "/", &headers, then_ms, &signer, &err), -1);
    assert_int_equal(request_verify(arena, "POST", URL, &headers, then_ms + REQUEST_SIGNATURE_WINDOW_MS + 1,
                                    &signer, &err),
                     -1);
    assert_non_null(strstr(err.message, "5 minutes"));
    assert_int_equal(request_verify(arena, "POST", URL, &headers, then_ms - REQUEST_SIGNATURE_WINDOW_MS - 1,
                                    &signer, &err),
                     -1);
}

static void what_we_sign_we_accept(void **state)
{
    (void)state;
    cleanup(arena_free) struct arena *arena = arena_new();
    cleanup(key_free) struct key *key = NULL;
    struct http_headers headers = {0};
    struct request_signer signer;
    struct error err = {0};
    assert_int_equal(key_generate(&key, &err), 0);
    assert_int_equal(request_sign(arena, key, "t:a:i", "GET", URL, NULL, 0, known_time(), &headers, &err), 0);
    assert_string_equal(http_headers_get(&headers, "x-content-hash"),
                        "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
    assert_int_equal(request_verify(arena, "GET", URL, &headers, known_time(), &signer, &err), 0);
    assert_string_equal(signer.public_key_hash, key_public_hash(arena, key));
    assert_int_equal(request_verify_body(&signer, NULL, 0, &err), 0);
}

static void a_missing_or_malformed_header_leaves_the_request_unauthenticated(void **state)
{
    (void)state;
    cleanup(arena_free) struct arena *arena = arena_new();
    static const struct {
        const char *name, *value;
    } damage[] = {
        {"X-Authorization", ""}, {"X-Authorization", "AAAA"}, {"X-Key", "!"},       {"X-Key", "AAAA"},
        {"X-Key-Id", ""},        {"X-Content-Hash", "AAAA"},  {"X-Timestamp", "x"}, {"X-Timestamp", ""},
    };
    for (size_t i = 0; i < COUNT_OF(damage); i++) {
        struct http_headers headers = known_headers(arena);
        struct request_signer signer;
        struct error err = {0};
        for (size_t j = 0; j < headers.count; j++)
            if (text_equal(headers.items[j].name, damage[i].name))
                headers.items[j].value = damage[i].value;
        assert_int_equal(request_verify(arena, "POST", URL, &headers, known_time(), &signer, &err), -1);
        assert_int_equal(err.kind, ERROR_UNAUTHENTICATED);
    }
    struct http_headers none = {0};
    struct request_signer signer;
    struct error err = {0};
    assert_int_equal(request_verify(arena, "POST", URL, &none, known_time(), &signer, &err), -1);
    assert_non_null(strstr(err.message, "not signed"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_signed_elsewhere_verifies),
        cmocka_unit_test(another_method_url_or_time_does_not_verify),
        cmocka_unit_test(what_we_sign_we_accept),
        cmocka_unit_test(a_missing_or_malformed_header_leaves_the_request_unauthenticated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
