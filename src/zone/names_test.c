#include "zone/names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static int make_arena(void **state)
{
    *state = arena_new();
    return 0;
}

static int drop_arena(void **state)
{
    arena_free((struct arena **)state);
    return 0;
}

static void a_zone_gives_every_name_derived_from_it(void **state)
{
    struct zone_id zone;
    struct error err;
    assert_int_equal(zone_parse("dev.aws-us-east-1c", &zone, &err), 0);
    assert_string_equal(zone_text(*state, &zone), "dev.aws-us-east-1c");
    assert_string_equal(zone_aws_region(*state, &zone), "us-east-1");
    assert_string_equal(zone_provider_name(*state, &zone), "vespa.provider_dev_aws-us-east-1c");
    assert_string_equal(zone_configserver_name(*state, &zone), "vespa.configserver_dev_aws-us-east-1c");
    assert_string_equal(zone_ebs_key_alias(*state, &zone), "alias/vespa-ebs-key-dev-aws-us-east-1c");
    assert_string_equal(zone_hostname(*state, &zone, 100), "h100.dev.aws-us-east-1c.vespa.enclave.internal");
    assert_string_equal(zone_node_hostname(*state, &zone, 100),
                        "h100a.dev.aws-us-east-1c.vespa.enclave.internal");
}

static void a_zone_of_another_form_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",        "dev",
        "dev.",    "demo.aws-us-east-1c",
        "dev.AWS", "dev.a..b",
        "dev.a/b", "dev.-a",
        "dev.a-",  "dev.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
    struct zone_id zone;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(zone_parse(bad[i], &zone, NULL), -1);
}

static void names_keep_to_their_grammar(void **state)
{
    (void)state;
    assert_true(name_is_valid("acme"));
    assert_true(name_is_valid("album-search"));
    assert_true(name_is_valid("a2345678901234567890"));
    static const char *const bad[] = {
        "", "-a", "a-", "a--b", "1a", "A", "a.b", "a/b", "a234567890123456789012", "a b", "å"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(name_is_valid(bad[i]));
    assert_false(name_is_valid(NULL));
}

static void a_tenants_host_role_fits_iam(void **state)
{
    const char *longest = "a2345678901234", *longer = "a23456789012345";
    assert_true(tenant_is_valid(longest));
    assert_false(tenant_is_valid(longer));
    assert_false(tenant_is_valid("-a"));
    assert_int_equal(strlen(host_role_name(*state, longest, "210987654321")), 64);
}

static void hostnames_are_dot_joined_labels(void **state)
{
    (void)state;
    assert_true(hostname_is_valid("h100.dev.aws-us-east-1c.vespa.enclave.internal"));
    assert_true(hostname_is_valid("h1"));
    static const char *const bad[] = {"",     ".",    "a.",  ".a",  "a..b", "a/b",
                                      "-a.b", "a-.b", "A.b", "a_b", "../x"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(hostname_is_valid(bad[i]));
}

static void accounts_are_twelve_digits(void **state)
{
    (void)state;
    assert_true(account_is_valid("210987654321"));
    assert_false(account_is_valid("21098765432"));
    assert_false(account_is_valid("21098765432a"));
    assert_false(account_is_valid(NULL));
}

static void an_application_has_two_or_three_names(void **state)
{
    struct application_id id;
    assert_int_equal(application_id_parse(*state, "acme.albums", &id, NULL), 0);
    assert_string_equal(application_id_text(*state, &id), "acme:albums:default");
    assert_int_equal(application_id_parse(*state, "acme.albums.main", &id, NULL), 0);
    assert_string_equal(application_id_text(*state, &id), "acme:albums:main");
    assert_int_equal(application_id_parse(*state, "acme", &id, NULL), -1);
    assert_int_equal(application_id_parse(*state, "acme.a.b.c", &id, NULL), -1);
    assert_int_equal(application_id_parse(*state, "acme.A", &id, NULL), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_zone_gives_every_name_derived_from_it, make_arena, drop_arena),
        cmocka_unit_test(a_zone_of_another_form_is_refused),
        cmocka_unit_test(names_keep_to_their_grammar),
        cmocka_unit_test_setup_teardown(a_tenants_host_role_fits_iam, make_arena, drop_arena),
        cmocka_unit_test(hostnames_are_dot_joined_labels),
        cmocka_unit_test(accounts_are_twelve_digits),
        cmocka_unit_test_setup_teardown(an_application_has_two_or_three_names, make_arena, drop_arena),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
