#include "identity/athenz.h"

#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void names_follow_athenz_grammar(void **state)
{
    (void)state;
    assert_true(athenz_is_name("vespa.tenant.acme.tenant-host"));
    assert_true(athenz_is_name("vespa.configserver_dev_aws-us-east-1c"));
    assert_true(athenz_is_name("_x"));
    const char *const bad[] = {"", ".", "a.", ".a", "a..b", "-a", "a.-b", "a/b", "a b", "a\n", "ä", "a*"};
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(athenz_is_name(bad[i]));
    char longest[386];
    memset(longest, 'a', 385);
    longest[385] = '\0';
    assert_false(athenz_is_name(longest));
    longest[384] = '\0';
    assert_true(athenz_is_name(longest));
}

static void instance_ids_follow_athenz_grammar(void **state)
{
    (void)state;
    assert_true(athenz_is_instance_id("i-0123456789abcdef0"));
    assert_true(athenz_is_instance_id("0.default.default.albums.acme.aws-us-east-1c.dev.node"));
    assert_false(athenz_is_instance_id(""));
    assert_false(athenz_is_instance_id("a/b"));
    assert_false(athenz_is_instance_id(".."));
    assert_false(athenz_is_instance_id("a%2f"));
}

static void every_name_of_the_system_has_its_kind(void **state)
{
    (void)state;
    cleanup(arena_free) struct arena *arena = arena_new();
    static const struct {
        const char *name;
        enum principal_kind kind;
        const char *tenant, *zone, *user;
    } cases[] = {
        {"vespa.controller", PRINCIPAL_CONTROLLER, NULL, NULL, NULL},
        {"vespa.zts", PRINCIPAL_ZTS, NULL, NULL, NULL},
        {"vespa.configserver_dev_aws-us-east-1c", PRINCIPAL_CONFIGSERVER, NULL, "dev_aws-us-east-1c", NULL},
        {"vespa.provider_dev_aws-us-east-1c", PRINCIPAL_PROVIDER, NULL, "dev_aws-us-east-1c", NULL},
        {"vespa.tenant.acme.tenant-host", PRINCIPAL_HOST, "acme", NULL, NULL},
        {"vespa.tenant.acme.albums.default", PRINCIPAL_NODE, "acme", NULL, NULL},
        {"vespa.operator.kari", PRINCIPAL_OPERATOR, NULL, NULL, "kari"},
        {"vespa.configserver_", PRINCIPAL_OTHER, NULL, NULL, NULL},
        {"vespa.tenant.acme.other", PRINCIPAL_OTHER, NULL, NULL, NULL},
        {"vespa.tenant.acme.albums.default.more", PRINCIPAL_OTHER, NULL, NULL, NULL},
        {"evil.vespa.controller", PRINCIPAL_OTHER, NULL, NULL, NULL},
        {"vespa.operator.kari.more", PRINCIPAL_OTHER, NULL, NULL, NULL},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct principal principal;
        struct error err = {0};
        assert_int_equal(principal_parse(arena, cases[i].name, &principal, &err), 0);
        assert_int_equal(principal.kind, cases[i].kind);
        assert_true(text_equal(principal.tenant, cases[i].tenant));
        assert_true(text_equal(principal.zone, cases[i].zone));
        assert_true(text_equal(principal.user, cases[i].user));
    }
}

static void what_is_not_a_principal_is_refused(void **state)
{
    (void)state;
    cleanup(arena_free) struct arena *arena = arena_new();
    const char *const bad[] = {
        "vespa", "Vespa.controller", "vespa.Controller", "vespa..controller", "a:role.b", ""};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct principal principal;
        struct error err = {0};
        assert_int_equal(principal_parse(arena, bad[i], &principal, &err), -1);
        assert_int_equal(err.kind, ERROR_INVALID);
    }
}

static struct certificate host_certificate(struct arena *arena)
{
    struct certificate certificate = {.serial = "0a", .not_after_ms = 1000};
    athenz_service_names(arena, "vespa.tenant.acme", "tenant-host", "vespa.provider_dev_x", "i-1",
                         &certificate.names);
    return certificate;
}

static void a_certificate_names_its_principal_and_instance(void **state)
{
    (void)state;
    cleanup(arena_free) struct arena *arena = arena_new();
    struct certificate certificate = host_certificate(arena);
    struct principal principal;
    struct error err = {0};
    assert_int_equal(principal_of(arena, &certificate, &principal, &err), 0);
    assert_string_equal(principal.name, "vespa.tenant.acme.tenant-host");
    assert_string_equal(principal.domain, "vespa.tenant.acme");
    assert_string_equal(principal.service, "tenant-host");
    assert_string_equal(principal.provider, "vespa.provider_dev_x");
    assert_string_equal(principal.instance_id, "i-1");
    assert_string_equal(principal.serial, "0a");
    assert_int_equal(principal.not_after_ms, 1000);
}

static void assert_nobody(struct arena *arena, const struct certificate *certificate)
{
    struct principal principal;
    struct error err = {0};
    assert_int_equal(principal_of(arena, certificate, &principal, &err), -1);
    assert_int_equal(err.kind, ERROR_UNAUTHENTICATED);
}

static void a_certificate_that_contradicts_itself_names_nobody(void **state)
{
    (void)state;
    cleanup(arena_free) struct arena *arena = arena_new();
    struct certificate certificate = host_certificate(arena);
    certificate.names.common_name = "vespa.controller";
    assert_nobody(arena, &certificate);
    certificate = host_certificate(arena);
    certificate.names.uris[2] = "spiffe://vespa/sa/controller";
    assert_nobody(arena, &certificate);
    certificate = host_certificate(arena);
    certificate.names.uris[2] = "athenz://instanceid/vespa.provider_dev_x/i-2";
    assert_nobody(arena, &certificate);
    certificate = host_certificate(arena);
    certificate.names.uris[1] = "athenz://instanceid/no-id";
    assert_nobody(arena, &certificate);
    certificate = host_certificate(arena);
    certificate.names.uris[0] = certificate.names.uris[1];
    certificate.names.uris[1] = NULL;
    assert_nobody(arena, &certificate);
}

static void role_restricted_and_authority_certificates_name_nobody(void **state)
{
    (void)state;
    cleanup(arena_free) struct arena *arena = arena_new();
    struct certificate certificate = host_certificate(arena);
    certificate.names.common_name = "vespa.tenant.acme:role.reader";
    assert_nobody(arena, &certificate);
    certificate = host_certificate(arena);
    certificate.names.organizational_unit = "Testing:restricted";
    assert_nobody(arena, &certificate);
    certificate = host_certificate(arena);
    certificate.authority = true;
    assert_nobody(arena, &certificate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_follow_athenz_grammar),
        cmocka_unit_test(instance_ids_follow_athenz_grammar),
        cmocka_unit_test(every_name_of_the_system_has_its_kind),
        cmocka_unit_test(what_is_not_a_principal_is_refused),
        cmocka_unit_test(a_certificate_names_its_principal_and_instance),
        cmocka_unit_test(a_certificate_that_contradicts_itself_names_nobody),
        cmocka_unit_test(role_restricted_and_authority_certificates_name_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
