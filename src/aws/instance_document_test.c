/* The identity document's signature, made here as EC2 makes it. */
#include "aws/credentials_source.h"
#include "aws/imds.h"
#include "base/text.h"

#include <gnutls/abstract.h>
#include <gnutls/pkcs7.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static const char document[] = "{\n  \"accountId\" : \"210987654321\",\n  \"instanceId\" : "
                               "\"i-0123456789abcdef0\",\n  \"region\" : \"us-east-1\","
                               "\n  \"pendingTime\" : \"2026-01-02T03:04:05Z\",\n  \"privateIp\" : "
                               "\"10.0.0.4\",\n  \"version\" : \"2017-09-30\"\n}";

struct signer {
    gnutls_x509_privkey_t key;
    gnutls_x509_crt_t certificate;
    char *pem;
};
static struct signer region, stranger;

static void make_signer(struct signer *signer)
{
    gnutls_datum_t pem;
    unsigned char serial = 1;
    time_t now = time(NULL);
    assert_int_equal(gnutls_x509_privkey_init(&signer->key), 0);
    assert_int_equal(gnutls_x509_privkey_generate(signer->key, GNUTLS_PK_RSA, 2048, 0), 0);
    assert_int_equal(gnutls_x509_crt_init(&signer->certificate), 0);
    gnutls_x509_crt_set_version(signer->certificate, 3);
    gnutls_x509_crt_set_serial(signer->certificate, &serial, 1);
    gnutls_x509_crt_set_activation_time(signer->certificate, now);
    gnutls_x509_crt_set_expiration_time(signer->certificate, now + 86400);
    gnutls_x509_crt_set_dn(signer->certificate, "CN=region", NULL);
    gnutls_x509_crt_set_key(signer->certificate, signer->key);
    assert_int_equal(
        gnutls_x509_crt_sign2(signer->certificate, signer->certificate, signer->key, GNUTLS_DIG_SHA256, 0),
        0);
    assert_int_equal(gnutls_x509_crt_export2(signer->certificate, GNUTLS_X509_FMT_PEM, &pem), 0);
    signer->pem = memory_strdup((char *)pem.data);
    gnutls_free(pem.data);
}

static int enter(void **state)
{
    (void)state;
    make_signer(&region);
    make_signer(&stranger);
    return 0;
}

static void free_signer(struct signer *signer)
{
    gnutls_x509_privkey_deinit(signer->key);
    gnutls_x509_crt_deinit(signer->certificate);
    memory_free(&signer->pem);
}

static int leave(void **state)
{
    (void)state;
    free_signer(&region);
    free_signer(&stranger);
    return 0;
}

/* Base64 with line breaks, as EC2 answers it. */
static char *sign(struct arena *arena, const struct signer *signer, const char *text,
                  gnutls_digest_algorithm_t digest, unsigned flags)
{
    gnutls_pkcs7_t pkcs7;
    gnutls_privkey_t key;
    gnutls_datum_t data = {(unsigned char *)text, (unsigned)strlen(text)}, der;
    assert_int_equal(gnutls_pkcs7_init(&pkcs7), 0);
    assert_int_equal(gnutls_privkey_init(&key), 0);
    assert_int_equal(gnutls_privkey_import_x509(key, signer->key, 0), 0);
    assert_int_equal(gnutls_pkcs7_sign(pkcs7, signer->certificate, key, &data, NULL, NULL, digest, flags), 0);
    assert_int_equal(gnutls_pkcs7_export2(pkcs7, GNUTLS_X509_FMT_DER, &der), 0);
    char *whole = base64_encode(arena, der.data, der.size), *broken = arena_strdup(arena, "");
    for (size_t at = 0; at < strlen(whole); at += 64)
        broken = arena_format(arena, "%s%.64s\n", broken, whole + at);
    gnutls_free(der.data);
    gnutls_privkey_deinit(key);
    gnutls_pkcs7_deinit(pkcs7);
    return broken;
}

static int verify(const char *json, const char *signature)
{
    struct error err = {0};
    int result = instance_document_verify(json, signature, region.pem, &err);
    assert_int_equal(err.kind, result < 0 ? ERROR_FORBIDDEN : ERROR_NONE);
    return result;
}

static void the_regions_signature_is_believed(void **state)
{
    (void)state;
    cleanup(arena_free) struct arena *arena = arena_new();
    unsigned embedded = GNUTLS_PKCS7_EMBED_DATA, timed = GNUTLS_PKCS7_INCLUDE_TIME;
    assert_int_equal(verify(document, sign(arena, &region, document, GNUTLS_DIG_SHA256, embedded)), 0);
    assert_int_equal(verify(document, sign(arena, &region, document, GNUTLS_DIG_SHA256, embedded | timed)),
                     0);
    assert_int_equal(verify(document, sign(arena, &region, document, GNUTLS_DIG_SHA256, 0)), 0);
}

static void a_changed_document_is_not(void **state)
{
    (void)state;
    cleanup(arena_free) struct arena *arena = arena_new();
    char *changed = arena_strdup(arena, document);
    *strstr(changed, "210987654321") = '3';
    assert_int_equal(
        verify(changed, sign(arena, &region, document, GNUTLS_DIG_SHA256, GNUTLS_PKCS7_EMBED_DATA)), -1);
    assert_int_equal(verify(changed, sign(arena, &region, document, GNUTLS_DIG_SHA256, 0)), -1);
    assert_int_equal(
        verify(document, sign(arena, &region, changed, GNUTLS_DIG_SHA256, GNUTLS_PKCS7_EMBED_DATA)), -1);
}

static void another_signer_or_a_weak_digest_is_not(void **state)
{
    (void)state;
    cleanup(arena_free) struct arena *arena = arena_new();
    unsigned embedded = GNUTLS_PKCS7_EMBED_DATA;
    assert_int_equal(verify(document, sign(arena, &stranger, document, GNUTLS_DIG_SHA256, embedded)), -1);
    assert_int_equal(verify(document, sign(arena, &region, document, GNUTLS_DIG_SHA1, embedded)), -1);
    assert_int_equal(verify(document, ""), -1);
    assert_int_equal(verify(document, "not base64!"), -1);
    assert_int_equal(verify(document, "AAAA"), -1);
}

static void the_document_is_read_with_suspicion(void **state)
{
    (void)state;
    cleanup(arena_free) struct arena *arena = arena_new();
    struct instance_document parsed;
    assert_int_equal(instance_document_parse(arena, document, &parsed, NULL), 0);
    assert_string_equal(parsed.instance_id, "i-0123456789abcdef0");
    assert_int_equal(parsed.pending_ms, 1767323045000);
    static const char *const bad[] = {
        "",
        "{}",
        "[]",
        "{\"accountId\":\"1\",\"instanceId\":\"i-1\",\"region\":\"r\",\"pendingTime\":\"2026-01-02T03:04:"
        "05Z\"}",
        "{\"accountId\":\"210987654321\",\"instanceId\":\"i-../"
        "x\",\"region\":\"r\",\"pendingTime\":\"2026-01-02T03:04:05Z\"}",
        "{\"accountId\":\"210987654321\",\"instanceId\":\"i-1\",\"region\":\"r\",\"pendingTime\":\"soon\"}",
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_int_equal(instance_document_parse(arena, bad[i], &parsed, NULL), -1);
}

static void the_shared_credentials_file_is_read_by_profile(void **state)
{
    (void)state;
    cleanup(arena_free) struct arena *arena = arena_new();
    static const char text[] = "# comment\n[default]\naws_access_key_id = A\naws_secret_access_key=B\n"
                               "[ other ]\n; comment\r\nAWS_ACCESS_KEY_ID=C\r\naws_secret_access_key = D=\r\n"
                               "aws_session_token = E\r\n[empty]\n";
    struct aws_keys keys;
    assert_int_equal(credentials_file_parse(arena, text, "default", &keys, NULL), 0);
    assert_string_equal(keys.access_key_id, "A");
    assert_null(keys.session_token);
    assert_int_equal(credentials_file_parse(arena, text, "other", &keys, NULL), 0);
    assert_string_equal(keys.secret_access_key, "D=");
    assert_string_equal(keys.session_token, "E");
    assert_int_equal(credentials_file_parse(arena, text, "empty", &keys, NULL), -1);
    assert_int_equal(credentials_file_parse(arena, text, "missing", &keys, NULL), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_regions_signature_is_believed),
        cmocka_unit_test(a_changed_document_is_not),
        cmocka_unit_test(another_signer_or_a_weak_digest_is_not),
        cmocka_unit_test(the_document_is_read_with_suspicion),
        cmocka_unit_test(the_shared_credentials_file_is_read_by_profile),
    };
    return cmocka_run_group_tests(tests, enter, leave);
}
