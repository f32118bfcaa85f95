#include "base/clock.h"
#include "base/file.h"
#include "base/process.h"
#include "base/text.h"
#include "zts/zts_test_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define DAY_MS (24LL * 3600 * 1000)

static void assert_refused(const struct sia_options *options, enum error_kind kind, const char *because)
{
    struct error err = {0};
    assert_int_equal(sia_ensure(options, &err), SIA_FAILED);
    if (err.kind != kind || !strstr(err.message, because))
        fail_msg("%s \"%s\" where %s \"%s\" was expected", error_kind_name(err.kind), err.message,
                 error_kind_name(kind), because);
    cleanup(arena_free) struct arena *arena = arena_new();
    assert_false(file_exists(sia_certificate_path(arena, options->directory)));
}

static void assert_renewed(const struct sia_options *options)
{
    struct error err = {0};
    enum sia_result result = sia_ensure(options, &err);
    if (result != SIA_RENEWED)
        fail_msg("not renewed: %s", err.message);
}

static void a_host_its_provider_confirms_gets_its_certificate(void **state)
{
    struct test_zts *world = *state;
    struct sia_options host = test_zts_host(world, "i-1");
    assert_renewed(&host);
    struct certificate certificate = test_zts_certificate(world, &host);
    assert_string_equal(certificate.names.common_name, "vespa.tenant.acme.tenant-host");
    assert_string_equal(certificate.names.dns[0], HOSTNAME);
    assert_in_range(certificate.not_after_ms, clock_now_ms() + 7 * DAY_MS - 60000,
                    clock_now_ms() + 7 * DAY_MS);

    const struct instance_confirmation *asked = &world->confirmed;
    assert_int_equal(world->confirmations, 1);
    assert_string_equal(asked->provider, PROVIDER);
    assert_string_equal(asked->domain, "vespa.tenant.acme");
    assert_string_equal(asked->service, "tenant-host");
    assert_string_equal(asked->attributes->instance_id, "i-1");
    assert_string_equal(asked->attributes->san_dns, HOSTNAME);
    assert_string_equal(asked->attributes->san_ip, "2001:db8::7");
    assert_string_equal(asked->attributes->client_ip, "::1");
    assert_string_equal(asked->attributes->csr_public_key_hash, certificate.public_key_hash);
    assert_non_null(strstr(asked->attestation_data, certificate.public_key_hash));
    assert_null(asked->attributes->principal);
}

static void a_host_nobody_launched_is_refused(void **state)
{
    struct test_zts *world = *state;
    struct sia_options host = test_zts_host(world, "i-1");
    world->verdict = 403;
    assert_refused(&host, ERROR_FORBIDDEN, "nobody launched this");
    world->verdict = 404;
    assert_refused(&host, ERROR_FORBIDDEN, "nobody launched this");
    world->verdict = 204;
    assert_refused(&host, ERROR_FORBIDDEN, "200 confirms");
}

static void a_provider_that_cannot_be_asked_or_is_another_confirms_nothing(void **state)
{
    struct test_zts *world = *state;
    struct sia_options host = test_zts_host(world, "i-1");
    world->verdict = 500;
    assert_refused(&host, ERROR_UNAVAILABLE, PROVIDER);
    world->verdict = 200;
    test_zts_provider_is(world, "provider_prod_aws-us-east-1c");
    assert_refused(&host, ERROR_UNAVAILABLE, "where " PROVIDER " was expected");
    test_zts_stop_provider(world);
    assert_refused(&host, ERROR_UNAVAILABLE, PROVIDER);
}

static void a_zone_can_launch_hosts_and_nodes_only(void **state)
{
    struct test_zts *world = *state;
    struct sia_options options = test_zts_host(world, "i-1");
    options.domain = "vespa";
    options.service = "controller";
    assert_refused(&options, ERROR_FORBIDDEN, "may not launch vespa.controller");
    options.domain = "vespa.operator";
    options.service = "kari";
    assert_refused(&options, ERROR_FORBIDDEN, "may not launch");
    options.provider = "vespa.provider_prod_x";
    assert_refused(&options, ERROR_INVALID, "there is no provider");
    assert_int_equal(world->confirmations, 0);
}

static void a_node_is_vouched_for_by_its_host(void **state)
{
    struct test_zts *world = *state;
    struct sia_options host = test_zts_host(world, "i-1"), node = host;
    assert_renewed(&host);
    struct tls_files files = {.certificate = sia_certificate_path(world->arena, host.directory),
                              .key = sia_key_path(world->arena, host.directory),
                              .trust = world->trust_path};
    cleanup(tls_context_free) struct tls_context *tls = NULL;
    assert_int_equal(tls_context_new(&files, TLS_CLIENT_NONE, &tls, NULL), 0);
    node.directory = arena_format(world->arena, "%s/node", world->directory);
    node.domain = "vespa.tenant.acme.albums";
    node.service = "default";
    node.instance_id = "0.default.default.albums.acme.aws-us-east-1c.dev.node";
    node.registrar = tls;
    assert_renewed(&node);
    assert_string_equal(world->confirmed.attributes->principal, "vespa.tenant.acme.tenant-host");
    assert_string_equal(world->confirmed.attributes->principal_instance_id, "i-1");

    /* A host that was registered again elsewhere vouches for nobody with its old certificate. */
    struct sia_options elsewhere = host;
    elsewhere.directory = arena_format(world->arena, "%s/elsewhere", world->directory);
    assert_renewed(&elsewhere);
    node.directory = arena_format(world->arena, "%s/node2", world->directory);
    assert_refused(&node, ERROR_FORBIDDEN, "Certificate revoked");
}

static void a_refresh_is_confirmed_again_and_keeps_the_key(void **state)
{
    struct test_zts *world = *state;
    struct sia_options host = test_zts_host(world, "i-1");
    struct error err = {0};
    assert_renewed(&host);
    struct certificate first = test_zts_certificate(world, &host);
    assert_int_equal(sia_refresh(&host, &err), SIA_RENEWED);
    assert_string_equal(first.public_key_hash, test_zts_certificate(world, &host).public_key_hash);
    assert_int_equal(world->refreshes, 1);
    assert_null(world->confirmed.attestation_data);
    assert_string_equal(world->confirmed.attributes->principal, "vespa.tenant.acme.tenant-host");
    world->verdict = 403;
    assert_int_equal(sia_refresh(&host, &err), SIA_FAILED);
    assert_int_equal(err.kind, ERROR_FORBIDDEN);
}

static char *refresh_body(struct test_zts *world, const struct sia_options *options)
{
    cleanup(key_free) struct key *key = NULL;
    struct names names;
    char *csr;
    assert_int_equal(key_load(sia_key_path(world->arena, options->directory), &key, NULL), 0);
    athenz_service_names(world->arena, options->domain, options->service, options->provider,
                         options->instance_id, &names);
    assert_int_equal(csr_create(world->arena, key, &names, &csr, NULL), 0);
    struct instance_refresh body = {.csr = csr};
    return record_text(&instance_refresh_record, world->arena, &body);
}

static char *refresh_path(struct test_zts *world, const struct sia_options *options)
{
    return arena_format(world->arena, "/instance/%s/%s/%s/%s", options->provider, options->domain,
                        options->service, options->instance_id);
}

static void an_instance_refreshes_only_itself(void **state)
{
    struct test_zts *world = *state;
    struct sia_options first = test_zts_host(world, "i-1"), second = test_zts_host(world, "i-2");
    assert_renewed(&first);
    assert_renewed(&second);
    const char *message, *path = refresh_path(world, &first), *body = refresh_body(world, &first);
    assert_int_equal(test_zts_call(world, NULL, HTTP_POST, path, body, &message), 401);
    assert_int_equal(test_zts_call(world, second.directory, HTTP_POST, path, body, &message), 403);
    assert_non_null(strstr(message, "may refresh only itself"));
    assert_int_equal(
        test_zts_call(world, first.directory, HTTP_POST, path, refresh_body(world, &second), &message), 400);
    assert_int_equal(test_zts_call(world, first.directory, HTTP_POST, path, body, &message), 200);
}

static void a_copied_key_is_found_out_and_ends_both(void **state)
{
    struct test_zts *world = *state;
    struct sia_options host = test_zts_host(world, "i-1");
    struct error err = {0};
    assert_renewed(&host);
    const char *message, *path = refresh_path(world, &host), *body = refresh_body(world, &host);
    struct sia_options thief = host;
    thief.directory = arena_format(world->arena, "%s/thief", world->directory);
    const char *const copy[] = {"cp", "-r", host.directory, thief.directory, NULL};
    struct process process = {.argv = copy};
    assert_int_equal(process_run(&process, world->arena, NULL, &err), 0);
    assert_int_equal(sia_refresh(&host, &err), SIA_RENEWED);
    assert_int_equal(sia_refresh(&host, &err), SIA_RENEWED);
    assert_int_equal(test_zts_call(world, thief.directory, HTTP_POST, path, body, &message), 403);
    assert_true(text_starts(message, "Certificate revoked"));
    assert_int_equal(test_zts_call(world, host.directory, HTTP_POST, path, body, &message), 403);
    assert_true(text_starts(message, "Certificate revoked"));
    /* The real host attests itself again; the thief, whom the provider refuses, stays out. */
    assert_int_equal(sia_refresh(&host, &err), SIA_RENEWED);
    world->verdict = 403;
    assert_int_equal(sia_refresh(&thief, &err), SIA_FAILED);
}

static void a_service_is_who_its_role_says(void **state)
{
    struct test_zts *world = *state;
    struct sia_options controller = test_zts_service(world, "controller", "i-0c");
    struct error err = {0};
    assert_renewed(&controller);
    struct certificate certificate = test_zts_certificate(world, &controller);
    assert_string_equal(certificate.names.common_name, "vespa.controller");
    assert_in_range(certificate.not_after_ms, clock_now_ms() + 30 * DAY_MS - 60000,
                    clock_now_ms() + 30 * DAY_MS);
    assert_int_equal(sia_refresh(&controller, &err), SIA_RENEWED);
    assert_int_equal(world->confirmations, 0);
}

static void a_role_may_be_several_services(void **state)
{
    struct test_zts *world = *state;
    world->role = "vespa.configserver_dev_aws-us-east-1c";
    struct sia_options first = test_zts_service(world, "configserver_dev_aws-us-east-1c", "i-0c");
    struct sia_options second = test_zts_service(world, "provider_dev_aws-us-east-1c", "i-0c");
    assert_renewed(&first);
    assert_renewed(&second);
}

static void another_role_account_instance_name_or_address_is_refused(void **state)
{
    struct test_zts *world = *state;
    struct sia_options controller = test_zts_service(world, "controller", "i-0c");
    world->role = "vespa.configserver_dev_aws-us-east-1c";
    assert_refused(&controller, ERROR_FORBIDDEN, "may not be vespa.controller");
    world->role = "vespa.controller";
    world->account = "210987654321";
    assert_refused(&controller, ERROR_FORBIDDEN, "another AWS account");
    world->account = "100000000001";
    world->session = "i-0d";
    assert_refused(&controller, ERROR_FORBIDDEN, "role's session");
    world->session = "i-0c";
    controller.dns[0] = "controller.example.com";
    assert_refused(&controller, ERROR_FORBIDDEN, "does not end in");
    controller.dns[0] = "controller.vespa.enclave.internal";
    controller.address[0] = "2001:db8::9";
    assert_refused(&controller, ERROR_FORBIDDEN, "not the one the request came from");
    controller.address[0] = "::1";
    assert_renewed(&controller);
}

static int attest_again(void *context, struct arena *arena, const char *key_hash, char **attestation,
                        struct error *err)
{
    static char *first;
    struct test_zts *world = context;
    if (!first) {
        if (sia_attest_aws(&world->sia_aws, arena, key_hash, attestation, err) < 0)
            return -1;
        first = arena_strdup(world->arena, *attestation);
        return 0;
    }
    *attestation = first;
    return 0;
}

static void a_proof_cannot_be_used_for_another_key(void **state)
{
    struct test_zts *world = *state;
    struct sia_options controller = test_zts_service(world, "controller", "i-0c");
    controller.attest = attest_again;
    controller.context = world;
    assert_renewed(&controller);
    controller.directory = arena_format(world->arena, "%s/again", world->directory);
    assert_refused(&controller, ERROR_FORBIDDEN, "another nonce or key");
}

static void a_proof_cannot_be_replayed(void **state)
{
    struct test_zts *world = *state;
    cleanup(key_free) struct key *key = NULL;
    struct error err = {0};
    struct names names;
    char *csr, *attestation;
    const char *message;
    test_zts_service(world, "controller", "i-0c");
    assert_int_equal(key_generate(&key, &err), 0);
    athenz_service_names(world->arena, "vespa", "controller", AWS_PROVIDER, "i-0c", &names);
    assert_int_equal(csr_create(world->arena, key, &names, &csr, &err), 0);
    assert_int_equal(
        sia_attest_aws(&world->sia_aws, world->arena, key_public_hash(world->arena, key), &attestation, &err),
        0);
    struct instance_register body = {AWS_PROVIDER, "vespa", "controller", attestation, csr};
    char *text = record_text(&instance_register_record, world->arena, &body);
    assert_int_equal(test_zts_call(world, NULL, HTTP_POST, "/instance/", text, &message), 201);
    assert_int_equal(test_zts_call(world, NULL, HTTP_POST, "/instance/", text, &message), 403);
    assert_non_null(strstr(message, "used before"));
}

static void malformed_requests_are_refused_in_athenz_form(void **state)
{
    struct test_zts *world = *state;
    static const char *const bodies[] = {
        "",
        "{",
        "[]",
        "{}",
        "{\"provider\":\"a.b\",\"domain\":\"a\",\"service\":\"b\",\"csr\":\"rubbish\"}",
        "{\"provider\":\"a/b\",\"domain\":\"a\",\"service\":\"b\",\"csr\":\"\"}",
        "{\"provider\":\"a.b\",\"domain\":\"a\",\"service\":\"b.c\",\"csr\":\"\"}",
        "{\"provider\":\"a.b\",\"domain\":\"A\",\"service\":\"b\",\"csr\":\"\"}"};
    for (size_t i = 0; i < COUNT_OF(bodies); i++) {
        const char *message = NULL;
        assert_int_equal(test_zts_call(world, NULL, HTTP_POST, "/instance", bodies[i], &message), 400);
        assert_non_null(message);
    }
    const char *message;
    assert_int_equal(test_zts_call(world, NULL, HTTP_GET, "/nothing", NULL, &message), 404);
    assert_non_null(message);
}

static void anyone_may_ask_for_status_and_authorities(void **state)
{
    struct test_zts *world = *state;
    const char *message;
    assert_int_equal(test_zts_call(world, NULL, HTTP_GET, "/status", NULL, &message), 200);
    assert_string_equal(message, "OK");
    assert_int_equal(test_zts_call(world, NULL, HTTP_GET, "/cacerts/athenz", NULL, NULL), 200);
    assert_int_equal(test_zts_call(world, NULL, HTTP_GET, "/cacerts/other", NULL, &message), 404);
}

static void who_asks_for_too_many_challenges_waits(void **state)
{
    struct test_zts *world = *state;
    const char *message;
    int status = 200;
    for (int i = 0; i < 200 && status == 200; i++)
        status = test_zts_call(world, NULL, HTTP_POST, "/instance/challenge", "{}", &message);
    assert_int_equal(status, 429);
    assert_non_null(strstr(message, "too many challenges"));
}

static void the_authority_is_found_in_a_bundle(void **state)
{
    struct test_zts *world = *state;
    cleanup(key_free) struct key *key = NULL;
    cleanup(authority_close) struct authority *authority = NULL;
    struct error err = {0};
    char *other;
    assert_int_equal(authority_create(world->arena, "Old", 1, &key, &other, &err), 0);
    char *bundle = arena_format(world->arena, "%s%s", other, world->authority_pem);
    assert_int_equal(zts_authority_open(bundle, world->authority_key, &authority, &err), 0);
    authority_close(&authority);
    assert_int_equal(zts_authority_open(other, world->authority_key, &authority, &err), -1);
    assert_int_equal(zts_authority_open("", world->authority_key, &authority, &err), -1);
}

#define ZTS_TEST(test) cmocka_unit_test_setup_teardown(test, test_zts_set_up, test_zts_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ZTS_TEST(a_host_its_provider_confirms_gets_its_certificate),
        ZTS_TEST(a_host_nobody_launched_is_refused),
        ZTS_TEST(a_provider_that_cannot_be_asked_or_is_another_confirms_nothing),
        ZTS_TEST(a_zone_can_launch_hosts_and_nodes_only),
        ZTS_TEST(a_node_is_vouched_for_by_its_host),
        ZTS_TEST(a_refresh_is_confirmed_again_and_keeps_the_key),
        ZTS_TEST(an_instance_refreshes_only_itself),
        ZTS_TEST(a_copied_key_is_found_out_and_ends_both),
        ZTS_TEST(a_service_is_who_its_role_says),
        ZTS_TEST(a_role_may_be_several_services),
        ZTS_TEST(another_role_account_instance_name_or_address_is_refused),
        ZTS_TEST(a_proof_cannot_be_used_for_another_key),
        ZTS_TEST(a_proof_cannot_be_replayed),
        ZTS_TEST(malformed_requests_are_refused_in_athenz_form),
        ZTS_TEST(anyone_may_ask_for_status_and_authorities),
        ZTS_TEST(who_asks_for_too_many_challenges_waits),
        ZTS_TEST(the_authority_is_found_in_a_bundle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
