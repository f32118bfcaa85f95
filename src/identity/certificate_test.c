#include "identity/athenz.h"

#include "base/clock.h"
#include "base/text.h"

#include <gnutls/x509.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define DAY_MS (24LL * 3600 * 1000)

struct world {
    struct arena *arena;
    struct key *authority_key, *key;
    char *authority_pem;
    struct authority *authority;
};

static int set_up(void **state)
{
    struct world *world = memory_alloc(sizeof *world);
    struct error err = {0};
    world->arena = arena_new();
    assert_int_equal(authority_create(world->arena, "Test authority", 10, &world->authority_key,
                                      &world->authority_pem, &err),
                     0);
    assert_int_equal(authority_open(world->authority_pem, world->authority_key, &world->authority, &err), 0);
    assert_int_equal(key_generate(&world->key, &err), 0);
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    authority_close(&world->authority);
    key_free(&world->authority_key);
    key_free(&world->key);
    arena_free(&world->arena);
    free(world);
    return 0;
}

/* One with every kind of name, its common name longer than X.520's 64 characters. */
static struct names some_names(struct arena *arena)
{
    struct names names;
    athenz_service_names(arena, "vespa.tenant.abcdefghijklmnopqrst.abcdefghijklmnopqrst",
                         "abcdefghijklmnopqrst", "vespa.provider_dev_aws-us-east-1c", "0.a.b.c.d.e.f.node",
                         &names);
    names.organizational_unit = "vespa.provider_dev_aws-us-east-1c";
    names.dns[0] = "h100.dev.aws-us-east-1c.vespa.enclave.internal";
    names.addresses[0] = "2001:db8::7";
    names.addresses[1] = "10.0.0.1";
    return names;
}

static void assert_same_names(const struct names *a, const struct names *b)
{
    assert_true(text_equal(a->common_name, b->common_name));
    assert_true(text_equal(a->organizational_unit, b->organizational_unit));
    for (size_t i = 0; i < CERTIFICATE_NAMES_MOST; i++) {
        assert_true(text_equal(a->dns[i], b->dns[i]));
        assert_true(text_equal(a->uris[i], b->uris[i]));
        assert_true(text_equal(a->addresses[i], b->addresses[i]));
    }
}

static void a_request_is_read_as_it_was_made(void **state)
{
    struct world *world = *state;
    struct error err = {0};
    struct names names = some_names(world->arena);
    struct csr csr;
    char *pem;
    assert_int_equal(csr_create(world->arena, world->key, &names, &pem, &err), 0);
    assert_int_equal(csr_parse(world->arena, pem, &csr, &err), 0);
    assert_same_names(&names, &csr.names);
    assert_string_equal(csr.public_key_hash, key_public_hash(world->arena, world->key));
}

static void a_tampered_request_is_refused(void **state)
{
    struct world *world = *state;
    struct error err = {0};
    struct names names = some_names(world->arena);
    struct csr csr;
    char *pem;
    assert_int_equal(csr_create(world->arena, world->key, &names, &pem, &err), 0);
    gnutls_datum_t text = {(unsigned char *)pem, (unsigned)strlen(pem)}, der = {0}, again = {0};
    assert_int_equal(gnutls_pem_base64_decode2(NULL, &text, &der), 0);
    unsigned char *name = memmem(der.data, der.size, "h100", 4);
    assert_non_null(name);
    name[1] = '2';
    assert_int_equal(gnutls_pem_base64_encode2("CERTIFICATE REQUEST", &der, &again), 0);
    char *changed = arena_strndup(world->arena, (char *)again.data, again.size);
    gnutls_free(der.data);
    gnutls_free(again.data);
    assert_int_equal(csr_parse(world->arena, changed, &csr, &err), -1);
    assert_int_equal(err.kind, ERROR_INVALID);
    assert_non_null(strstr(err.message, "own signature"));
}

static void a_request_for_another_kind_of_key_or_name_is_refused(void **state)
{
    struct world *world = *state;
    struct error err = {0};
    struct csr csr;
    gnutls_x509_privkey_t rsa;
    gnutls_x509_crq_t request;
    gnutls_datum_t pem = {0};
    assert_int_equal(gnutls_x509_privkey_init(&rsa), 0);
    assert_int_equal(gnutls_x509_privkey_generate(rsa, GNUTLS_PK_RSA, 2048, 0), 0);
    assert_int_equal(gnutls_x509_crq_init(&request), 0);
    assert_int_equal(gnutls_x509_crq_set_key(request, rsa), 0);
    assert_int_equal(gnutls_x509_crq_sign2(request, rsa, GNUTLS_DIG_SHA256, 0), 0);
    assert_int_equal(gnutls_x509_crq_export2(request, GNUTLS_X509_FMT_PEM, &pem), 0);
    assert_int_equal(csr_parse(world->arena, (char *)pem.data, &csr, &err), -1);
    assert_non_null(strstr(err.message, "P-256"));
    gnutls_free(pem.data);
    gnutls_x509_crq_deinit(request);
    gnutls_x509_privkey_deinit(rsa);

    gnutls_x509_privkey_t ec;
    assert_int_equal(gnutls_x509_privkey_init(&ec), 0);
    assert_int_equal(gnutls_x509_privkey_generate(ec, GNUTLS_PK_ECDSA,
                                                  GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0),
                     0);
    assert_int_equal(gnutls_x509_crq_init(&request), 0);
    assert_int_equal(gnutls_x509_crq_set_key(request, ec), 0);
    assert_int_equal(gnutls_x509_crq_set_subject_alt_name(request, GNUTLS_SAN_RFC822NAME, "a@b", 3, 0), 0);
    assert_int_equal(gnutls_x509_crq_sign2(request, ec, GNUTLS_DIG_SHA256, 0), 0);
    assert_int_equal(gnutls_x509_crq_export2(request, GNUTLS_X509_FMT_PEM, &pem), 0);
    assert_int_equal(csr_parse(world->arena, (char *)pem.data, &csr, &err), -1);
    assert_non_null(strstr(err.message, "kind not used"));
    gnutls_free(pem.data);
    gnutls_x509_crq_deinit(request);
    gnutls_x509_privkey_deinit(ec);
}

static void control_characters_and_rubbish_are_refused(void **state)
{
    struct world *world = *state;
    struct error err = {0};
    struct csr csr;
    char *pem;
    struct names names = {.common_name = "a\nb"};
    assert_int_equal(csr_create(world->arena, world->key, &names, &pem, &err), 0);
    assert_int_equal(csr_parse(world->arena, pem, &csr, &err), -1);
    assert_int_equal(err.kind, ERROR_INVALID);
    const char *const bad[] = {
        "", "rubbish", "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n"};
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_int_equal(csr_parse(world->arena, bad[i], &csr, &err), -1);
}

static void an_issued_certificate_has_exactly_the_names_and_life_asked_for(void **state)
{
    struct world *world = *state;
    struct error err = {0};
    struct names names = some_names(world->arena);
    struct certificate certificate;
    char *pem;
    int64_t now_ms = clock_now_ms();
    assert_int_equal(authority_issue(world->authority, world->arena, key_public_pem(world->arena, world->key),
                                     &names, 7 * DAY_MS, &pem, &err),
                     0);
    assert_int_equal(certificate_parse_pem(world->arena, pem, &certificate, &err), 0);
    assert_same_names(&names, &certificate.names);
    assert_false(certificate.authority);
    assert_string_equal(certificate.issuer, "CN=Test authority");
    assert_string_equal(certificate.public_key_hash, key_public_hash(world->arena, world->key));
    assert_true(certificate.not_before_ms <= now_ms - 3599 * 1000);
    assert_true(certificate.not_after_ms >= now_ms + 7 * DAY_MS - 2000);
    assert_true(certificate.not_after_ms <= now_ms + 7 * DAY_MS + 5000);
}

static void serials_differ_and_an_issued_chain_verifies(void **state)
{
    struct world *world = *state;
    struct error err = {0};
    struct names names = some_names(world->arena);
    struct certificate first, second;
    char *pem, *other;
    const char *public_pem = key_public_pem(world->arena, world->key);
    assert_int_equal(authority_issue(world->authority, world->arena, public_pem, &names, DAY_MS, &pem, &err),
                     0);
    assert_int_equal(
        authority_issue(world->authority, world->arena, public_pem, &names, DAY_MS, &other, &err), 0);
    assert_int_equal(certificate_parse_pem(world->arena, pem, &first, &err), 0);
    assert_int_equal(certificate_parse_pem(world->arena, other, &second, &err), 0);
    assert_string_not_equal(first.serial, second.serial);

    gnutls_x509_crt_t leaf, root;
    gnutls_datum_t text = {(unsigned char *)pem, (unsigned)strlen(pem)};
    gnutls_datum_t root_text = {(unsigned char *)world->authority_pem,
                                (unsigned)strlen(world->authority_pem)};
    unsigned verdict = 1;
    gnutls_x509_crt_init(&leaf);
    gnutls_x509_crt_init(&root);
    assert_int_equal(gnutls_x509_crt_import(leaf, &text, GNUTLS_X509_FMT_PEM), 0);
    assert_int_equal(gnutls_x509_crt_import(root, &root_text, GNUTLS_X509_FMT_PEM), 0);
    assert_int_equal(gnutls_x509_crt_list_verify(&leaf, 1, &root, 1, NULL, 0, 0, &verdict), 0);
    assert_int_equal(verdict, 0);
    gnutls_x509_crt_deinit(leaf);
    gnutls_x509_crt_deinit(root);
}

static void an_authority_needs_its_own_key_and_an_authority_certificate(void **state)
{
    struct world *world = *state;
    struct error err = {0};
    struct authority *authority = NULL;
    struct names names = some_names(world->arena);
    char *pem;
    assert_int_equal(authority_open(world->authority_pem, world->key, &authority, &err), -1);
    assert_non_null(strstr(err.message, "does not belong"));
    assert_int_equal(authority_issue(world->authority, world->arena, key_public_pem(world->arena, world->key),
                                     &names, DAY_MS, &pem, &err),
                     0);
    assert_int_equal(authority_open(pem, world->key, &authority, &err), -1);
    assert_non_null(strstr(err.message, "not an authority's"));
}

static void a_peer_is_held_to_the_expected_principal(void **state)
{
    struct world *world = *state;
    struct error err = {0};
    struct names names;
    char *pem;
    athenz_service_names(world->arena, "vespa", "zts", "vespa.aws", "i-1", &names);
    assert_int_equal(authority_issue(world->authority, world->arena, key_public_pem(world->arena, world->key),
                                     &names, DAY_MS, &pem, &err),
                     0);
    gnutls_datum_t text = {(unsigned char *)pem, (unsigned)strlen(pem)}, der = {0};
    assert_int_equal(gnutls_pem_base64_decode2(NULL, &text, &der), 0);
    assert_int_equal(principal_check_peer("vespa.zts", &der, &err), 0);
    assert_int_equal(principal_check_peer("vespa.controller", &der, &err), -1);
    assert_int_equal(err.kind, ERROR_UNAUTHENTICATED);
    const char *any[] = {"vespa.controller", "vespa.zts", NULL}, *none[] = {NULL};
    assert_int_equal(principal_check_any(any, &der, &err), 0);
    assert_int_equal(principal_check_any(none, &der, &err), -1);

    struct principal *principal = principal_identify_peer(NULL, &der);
    assert_non_null(principal);
    assert_string_equal(principal->name, "vespa.zts");
    principal_forget_peer(NULL, principal);
    der.data[der.size / 2] ^= 0xff;
    gnutls_datum_t cut = {der.data, der.size / 2};
    assert_null(principal_identify_peer(NULL, &cut));
    assert_null(principal_identify_peer(NULL, NULL));
    gnutls_free(der.data);
}

static void an_expired_certificate_identifies_nobody(void **state)
{
    struct world *world = *state;
    struct error err = {0};
    struct names names;
    char *pem;
    athenz_service_names(world->arena, "vespa", "zts", "vespa.aws", "i-1", &names);
    assert_int_equal(authority_issue(world->authority, world->arena, key_public_pem(world->arena, world->key),
                                     &names, -60000, &pem, &err),
                     0);
    gnutls_datum_t text = {(unsigned char *)pem, (unsigned)strlen(pem)}, der = {0};
    assert_int_equal(gnutls_pem_base64_decode2(NULL, &text, &der), 0);
    assert_null(principal_identify_peer(NULL, &der));
    gnutls_free(der.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_request_is_read_as_it_was_made, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_tampered_request_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_request_for_another_kind_of_key_or_name_is_refused, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(control_characters_and_rubbish_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_issued_certificate_has_exactly_the_names_and_life_asked_for,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(serials_differ_and_an_issued_chain_verifies, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_authority_needs_its_own_key_and_an_authority_certificate, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_peer_is_held_to_the_expected_principal, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_expired_certificate_identifies_nobody, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
