#include "zts/request_names.h"

#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define PROVIDER "vespa.provider_dev_aws-us-east-1c"

static struct csr good_csr(struct arena *arena)
{
    struct csr csr = {0};
    athenz_service_names(arena, "vespa.tenant.acme", "tenant-host", PROVIDER, "i-1", &csr.names);
    csr.names.dns[0] = "h100.dev.aws-us-east-1c.vespa.enclave.internal";
    csr.names.addresses[0] = "2001:db8::7";
    return csr;
}

static int check(struct arena *arena, const struct csr *csr, const char **instance_id, struct error *err)
{
    struct principal wanted;
    assert_int_equal(principal_parse(arena, "vespa.tenant.acme.tenant-host", &wanted, NULL), 0);
    return request_names_check(arena, &wanted, PROVIDER, csr, instance_id, err);
}

static void an_instance_may_ask_for_its_own_names(void **state)
{
    (void)state;
    cleanup(arena_free) struct arena *arena = arena_new();
    struct csr csr = good_csr(arena);
    const char *instance_id;
    struct error err = {0};
    assert_int_equal(check(arena, &csr, &instance_id, &err), 0);
    assert_string_equal(instance_id, "i-1");
    csr.names.organizational_unit = PROVIDER;
    assert_int_equal(check(arena, &csr, &instance_id, &err), 0);
}

static void assert_refused(struct arena *arena, const struct csr *csr, const char *because)
{
    const char *instance_id;
    struct error err = {0};
    assert_int_equal(check(arena, csr, &instance_id, &err), -1);
    assert_int_equal(err.kind, ERROR_INVALID);
    if (!strstr(err.message, because))
        fail_msg("\"%s\" does not say \"%s\"", err.message, because);
}

static void another_subject_is_refused(void **state)
{
    (void)state;
    cleanup(arena_free) struct arena *arena = arena_new();
    const char *const names[] = {"vespa.controller", "vespa.tenant.ACME.tenant-host", "", NULL};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct csr csr = good_csr(arena);
        csr.names.common_name = names[i];
        assert_refused(arena, &csr, "common name");
    }
    struct csr csr = good_csr(arena);
    csr.names.organizational_unit = "Testing:restricted";
    assert_refused(arena, &csr, "organizational unit");
}

static void another_uri_is_refused(void **state)
{
    (void)state;
    cleanup(arena_free) struct arena *arena = arena_new();
    static const struct {
        size_t at;
        const char *uri, *because;
    } cases[] = {
        {0, "spiffe://vespa/sa/controller", "not its own"},
        {2, "spiffe://vespa.tenant.acme/sa/tenant-host", "once"},
        {2, "https://example.com/", "not its own"},
        {2, "athenz://instanceid/" PROVIDER "/i-2", "one athenz"},
        {1, "athenz://instanceid/vespa.provider_prod_x/i-1", "not its own"},
        {1, "athenz://instanceid/" PROVIDER "/", "one athenz"},
        {1, "athenz://instanceid/" PROVIDER "/a/b", "one athenz"},
        {1, "athenz://instanceid/" PROVIDER "/..", "one athenz"},
        {1, NULL, "one athenz"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct csr csr = good_csr(arena);
        csr.names.uris[cases[i].at] = cases[i].uri;
        assert_refused(arena, &csr, cases[i].because);
    }
}

static void a_dns_name_must_be_a_plain_one(void **state)
{
    (void)state;
    cleanup(arena_free) struct arena *arena = arena_new();
    const char *const bad[] = {"*.enclave.internal",
                               "a.*.enclave.internal",
                               "*.*.vespa.enclave.internal",
                               "**.vespa.enclave.internal",
                               "localhost",
                               "a..b",
                               ".a.b",
                               "a.b.",
                               "A.b",
                               "-a.b",
                               "a-.b",
                               "a b.c",
                               "10.0.0.1/24",
                               "a_b.c",
                               "a,b.c"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct csr csr = good_csr(arena);
        csr.names.dns[1] = bad[i];
        assert_refused(arena, &csr, "DNS name");
    }
}

static void a_wildcard_may_stand_before_three_labels(void **state)
{
    (void)state;
    cleanup(arena_free) struct arena *arena = arena_new();
    struct csr csr = good_csr(arena);
    const char *instance_id;
    struct error err = {0};
    csr.names.dns[1] = "*.vpce-svc-0ab1.us-east-1.vpce.amazonaws.com";
    assert_int_equal(check(arena, &csr, &instance_id, &err), 0);
}

static void names_are_joined_for_the_provider(void **state)
{
    (void)state;
    cleanup(arena_free) struct arena *arena = arena_new();
    const char *list[CERTIFICATE_NAMES_MOST] = {"a", "b", "c"}, *none[CERTIFICATE_NAMES_MOST] = {NULL};
    assert_string_equal(request_names_joined(arena, list), "a,b,c");
    assert_null(request_names_joined(arena, none));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_instance_may_ask_for_its_own_names),
        cmocka_unit_test(another_subject_is_refused),
        cmocka_unit_test(another_uri_is_refused),
        cmocka_unit_test(a_dns_name_must_be_a_plain_one),
        cmocka_unit_test(a_wildcard_may_stand_before_three_labels),
        cmocka_unit_test(names_are_joined_for_the_provider),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
