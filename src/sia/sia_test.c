/* Against a zts that issues whatever is asked of it, over real TLS on loopback: what matters here is what the
 * agent does with the answers, the refusals and the disk. */
#include "sia/sia.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "identity/instance.h"
#include "net/http_server.h"
#include "sia/schedule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define HOUR_MS (3600LL * 1000)

struct world {
    struct arena *arena;
    char directory[64];
    struct authority *authority;
    char *authority_pem;
    struct tls_context *tls;
    struct http_server *server;
    struct sia_options options;
    int64_t lifetime_ms;
    int registrations, refreshes, attestations;
    int refresh_status; /* 200, or what refreshes are refused with */
    bool another_name;  /* zts answers with a certificate of somebody else */
    bool attestation_fails;
    char refreshed_as[128]; /* whose certificate the refresh came with */
};

static enum http_answer answer(struct http_request *request, int status, const char *csr_pem)
{
    struct world *world = http_request_server_context(request);
    struct arena *arena = http_request_arena(request);
    struct error err = {0};
    struct csr csr;
    char *certificate;
    if (csr_parse(arena, csr_pem, &csr, &err) < 0)
        return http_fail(request, &err);
    if (world->another_name)
        athenz_service_names(arena, "vespa", "somebody", "p", "i", &csr.names);
    if (authority_issue(world->authority, arena, csr.public_key_pem, &csr.names, world->lifetime_ms,
                        &certificate, &err) < 0)
        return http_fail(request, &err);
    struct instance_identity identity = {.certificate = certificate,
                                         .certificate_signer = world->authority_pem};
    http_respond_json(request, status, record_write(&instance_identity_record, &identity));
    return HTTP_ANSWERED;
}

static enum http_answer fake_register(struct http_request *request)
{
    struct world *world = http_request_server_context(request);
    struct instance_register asked = {0};
    struct error err = {0};
    size_t length;
    const char *body = http_request_body(request, &length);
    world->registrations++;
    if (record_parse(&instance_register_record, http_request_arena(request), body, length, &asked, &err) < 0)
        return http_fail(request, &err);
    return answer(request, 201, asked.csr);
}

static enum http_answer fake_refresh(struct http_request *request)
{
    struct world *world = http_request_server_context(request);
    struct principal *caller = http_request_peer(request);
    struct instance_refresh asked = {0};
    struct error err = {0};
    size_t length;
    const char *body = http_request_body(request, &length);
    world->refreshes++;
    snprintf(world->refreshed_as, sizeof world->refreshed_as, "%s", caller ? caller->name : "nobody");
    if (record_parse(&instance_refresh_record, http_request_arena(request), body, length, &asked, &err) < 0)
        return http_fail(request, &err);
    if (world->refresh_status == 200)
        return answer(request, 200, asked.csr);
    http_respond_json(request, world->refresh_status,
                      json_pack("{s:i, s:s}", "code", world->refresh_status, "message",
                                "Certificate revoked: the serial is unknown"));
    return HTTP_ANSWERED;
}

static const struct http_route routes[] = {
    {1, HTTP_POST, "/zts/v1/instance", 1, fake_register, 0, NULL},
    {1, HTTP_POST, "/zts/v1/instance/{provider}/{domain}/{service}/{instance}", 1, fake_refresh, 0, NULL},
};

static int attest(void *context, struct arena *arena, const char *key_hash, char **attestation,
                  struct error *err)
{
    struct world *world = context;
    world->attestations++;
    assert_int_equal(strlen(key_hash), 64);
    if (world->attestation_fails)
        return error_set(err, ERROR_UNAVAILABLE, "no metadata service");
    *attestation = arena_strdup(arena, "{}");
    return 0;
}

static char *in_directory(struct world *world, const char *name)
{
    return arena_format(world->arena, "%s/%s", world->directory, name);
}

static void save(const char *path, const char *text)
{
    assert_int_equal(file_write(path, text, strlen(text), 0600, NULL), 0);
}

static void start_zts(struct world *world, const char *service)
{
    cleanup(key_free) struct key *key = NULL;
    struct error err = {0};
    struct names names;
    char *certificate;
    int socket;
    assert_int_equal(key_generate(&key, &err), 0);
    athenz_service_names(world->arena, "vespa", service, NULL, NULL, &names);
    assert_int_equal(authority_issue(world->authority, world->arena, key_public_pem(world->arena, key),
                                     &names, HOUR_MS, &certificate, &err),
                     0);
    save(in_directory(world, "zts.cert.pem"), certificate);
    save(in_directory(world, "trust.pem"), world->authority_pem);
    assert_int_equal(key_save(key, in_directory(world, "zts.key.pem"), &err), 0);
    struct tls_files files = {.certificate = in_directory(world, "zts.cert.pem"),
                              .key = in_directory(world, "zts.key.pem"),
                              .trust = in_directory(world, "trust.pem")};
    assert_int_equal(tls_context_new(&files, TLS_CLIENT_ALLOWED, &world->tls, &err), 0);
    assert_int_equal(http_listen("::1", 0, &socket, &err), 0);
    world->options.zts_url = arena_format(world->arena, "https://[::1]:%d/zts/v1", http_socket_port(socket));
    struct http_server_options options = {
        .name = "zts",
        .routes = routes,
        .route_count = COUNT_OF(routes),
        .identify_peer = principal_identify_peer,
        .forget_peer = principal_forget_peer,
        .context = world,
        .worker_threads = 1,
    };
    struct http_listener listener = {.side = 1, .socket = socket, .tls = world->tls};
    assert_int_equal(http_server_start(&options, &listener, 1, &world->server, &err), 0);
}

static void stop_zts(struct world *world)
{
    http_server_stop(&world->server);
    tls_context_free(&world->tls);
}

static int set_up(void **state)
{
    struct world *world = memory_alloc(sizeof *world);
    cleanup(key_free) struct key *key = NULL;
    struct error err = {0};
    world->arena = arena_new();
    snprintf(world->directory, sizeof world->directory, "/tmp/sia_test.XXXXXX");
    assert_non_null(mkdtemp(world->directory));
    assert_int_equal(authority_create(world->arena, "Test", 1, &key, &world->authority_pem, &err), 0);
    assert_int_equal(authority_open(world->authority_pem, key, &world->authority, &err), 0);
    world->lifetime_ms = 7 * 24 * HOUR_MS;
    world->refresh_status = 200;
    world->options = (struct sia_options){
        .directory = in_directory(world, "identity"),
        .trust_path = in_directory(world, "trust.pem"),
        .domain = "vespa.tenant.acme",
        .service = "tenant-host",
        .provider = "vespa.provider_dev_x",
        .instance_id = "i-1",
        .dns = {"h100.dev.x.vespa.enclave.internal"},
        .address = {"2001:DB8:0::7"},
        .attest = attest,
        .context = world,
    };
    start_zts(world, "zts");
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    stop_zts(world);
    authority_close(&world->authority);
    assert_int_equal(tree_remove(world->directory, NULL), 0);
    arena_free(&world->arena);
    free(world);
    return 0;
}

static enum sia_result ensure(struct world *world)
{
    struct error err = {0};
    enum sia_result result = sia_ensure(&world->options, &err);
    if (result == SIA_FAILED)
        print_message("refused: %s\n", err.message);
    return result;
}

static struct certificate current(struct world *world)
{
    struct certificate certificate;
    struct error err = {0};
    assert_int_equal(certificate_load(world->arena,
                                      sia_certificate_path(world->arena, world->options.directory),
                                      &certificate, &err),
                     0);
    return certificate;
}

static void an_identity_is_registered_once_and_then_kept(void **state)
{
    struct world *world = *state;
    assert_int_equal(ensure(world), SIA_RENEWED);
    assert_int_equal(ensure(world), SIA_CURRENT);
    assert_int_equal(world->registrations, 1);
    struct certificate certificate = current(world);
    assert_string_equal(certificate.names.common_name, "vespa.tenant.acme.tenant-host");
    assert_string_equal(certificate.names.uris[1], "athenz://instanceid/vespa.provider_dev_x/i-1");
    assert_string_equal(certificate.names.addresses[0], "2001:db8::7");
    struct stat status;
    assert_int_equal(stat(sia_key_path(world->arena, world->options.directory), &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    struct tls_files files = {.certificate = sia_certificate_path(world->arena, world->options.directory),
                              .key = sia_key_path(world->arena, world->options.directory),
                              .trust = sia_trust_path(world->arena, world->options.directory)};
    struct tls_context *tls = NULL;
    assert_int_equal(tls_context_new(&files, TLS_CLIENT_REQUIRED, &tls, NULL), 0);
    tls_context_free(&tls);
}

static void a_refresh_keeps_the_key_and_comes_with_the_old_certificate(void **state)
{
    struct world *world = *state;
    struct error err = {0};
    assert_int_equal(ensure(world), SIA_RENEWED);
    struct certificate before = current(world);
    assert_int_equal(sia_refresh(&world->options, &err), SIA_RENEWED);
    struct certificate after = current(world);
    assert_string_equal(before.public_key_hash, after.public_key_hash);
    assert_string_not_equal(before.serial, after.serial);
    assert_string_equal(world->refreshed_as, "vespa.tenant.acme.tenant-host");
    assert_int_equal(world->registrations, 1);
    assert_int_equal(world->attestations, 1);
}

static void a_certificate_that_has_ended_is_registered_and_a_fresh_one_is_left_alone(void **state)
{
    struct world *world = *state;
    world->lifetime_ms = -1000;
    assert_int_equal(ensure(world), SIA_RENEWED);
    world->lifetime_ms = HOUR_MS;
    assert_int_equal(ensure(world), SIA_RENEWED);
    assert_int_equal(world->registrations, 2);
    assert_int_equal(ensure(world), SIA_CURRENT);
    assert_int_equal(world->refreshes, 0);
}

static void a_step_is_due_by_age_half_life_or_nearness_of_the_end(void **state)
{
    (void)state;
    const struct certificate week = {.not_before_ms = -HOUR_MS, .not_after_ms = 7 * 24 * HOUR_MS};
    assert_int_equal(sia_step_due(&week, 23 * HOUR_MS), STEP_NONE);
    assert_int_equal(sia_step_due(&week, 25 * HOUR_MS), STEP_REFRESH);
    assert_int_equal(sia_step_due(&week, (7 * 24 - 1) * HOUR_MS), STEP_REGISTER);
    const struct certificate hour = {.not_before_ms = -HOUR_MS, .not_after_ms = HOUR_MS};
    assert_int_equal(sia_step_due(&hour, HOUR_MS / 2 - 1), STEP_NONE);
    assert_int_equal(sia_step_due(&hour, HOUR_MS / 2 + 1), STEP_REFRESH);
    assert_int_equal(sia_step_due(&hour, HOUR_MS * 4 / 5), STEP_REGISTER);
}

static void a_revoked_identity_is_registered_anew_with_another_key(void **state)
{
    struct world *world = *state;
    struct error err = {0};
    assert_int_equal(ensure(world), SIA_RENEWED);
    struct certificate before = current(world);
    world->refresh_status = 403;
    assert_int_equal(sia_refresh(&world->options, &err), SIA_RENEWED);
    assert_int_equal(world->registrations, 2);
    assert_string_not_equal(before.public_key_hash, current(world).public_key_hash);
}

static void a_refusal_of_another_kind_leaves_the_identity_as_it_is(void **state)
{
    struct world *world = *state;
    struct error err = {0};
    assert_int_equal(ensure(world), SIA_RENEWED);
    struct certificate before = current(world);
    world->refresh_status = 503;
    assert_int_equal(sia_refresh(&world->options, &err), SIA_FAILED);
    assert_int_equal(world->registrations, 1);
    assert_string_equal(before.serial, current(world).serial);
}

static void other_names_asked_for_are_registered(void **state)
{
    struct world *world = *state;
    assert_int_equal(ensure(world), SIA_RENEWED);
    world->options.dns[0] = "h101.dev.x.vespa.enclave.internal";
    assert_int_equal(ensure(world), SIA_RENEWED);
    assert_int_equal(world->registrations, 2);
    assert_int_equal(ensure(world), SIA_CURRENT);
}

static void who_is_not_zts_gets_nothing(void **state)
{
    struct world *world = *state;
    stop_zts(world);
    start_zts(world, "controller");
    assert_int_equal(ensure(world), SIA_FAILED);
    assert_int_equal(world->registrations, 0);
}

static void an_answer_for_somebody_else_is_not_kept(void **state)
{
    struct world *world = *state;
    world->another_name = true;
    assert_int_equal(ensure(world), SIA_FAILED);
    assert_false(file_exists(sia_certificate_path(world->arena, world->options.directory)));
}

static void without_attestation_nothing_is_asked(void **state)
{
    struct world *world = *state;
    world->attestation_fails = true;
    assert_int_equal(ensure(world), SIA_FAILED);
    assert_int_equal(world->registrations, 0);
}

static void what_a_crash_left_is_repaired(void **state)
{
    struct world *world = *state;
    assert_int_equal(ensure(world), SIA_RENEWED);
    /* Killed while a generation was written: it is not current, and gone after the next. */
    char *half = in_directory(world, "identity/generation-half");
    assert_int_equal(directory_make(half, 0700, NULL), 0);
    save(arena_format(world->arena, "%s/key.pem", half), "half a k");
    assert_int_equal(symlink("generation-half", in_directory(world, "identity/.next")), 0);
    assert_int_equal(ensure(world), SIA_CURRENT);
    assert_int_equal(sia_refresh(&world->options, NULL), SIA_RENEWED);
    assert_false(file_exists(half));
    /* A disk that lost what the link points to. */
    assert_int_equal(unlink(in_directory(world, "identity/current")), 0);
    assert_int_equal(symlink("generation-gone", in_directory(world, "identity/current")), 0);
    assert_int_equal(ensure(world), SIA_RENEWED);
    /* A key that is not the certificate's. */
    cleanup(key_free) struct key *other = NULL;
    assert_int_equal(key_generate(&other, NULL), 0);
    assert_int_equal(key_save(other, sia_key_path(world->arena, world->options.directory), NULL), 0);
    assert_int_equal(ensure(world), SIA_RENEWED);
    assert_int_equal(world->registrations, 3);
}

static void two_at_once_in_one_directory_are_refused(void **state)
{
    struct world *world = *state;
    cleanup(file_close) int lock = -1;
    assert_int_equal(directory_make(world->options.directory, 0700, NULL), 0);
    assert_int_equal(file_lock(in_directory(world, "identity/lock"), &lock, NULL), 0);
    assert_int_equal(ensure(world), SIA_FAILED);
}

#define SIA_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SIA_TEST(an_identity_is_registered_once_and_then_kept),
        SIA_TEST(a_refresh_keeps_the_key_and_comes_with_the_old_certificate),
        SIA_TEST(a_certificate_that_has_ended_is_registered_and_a_fresh_one_is_left_alone),
        cmocka_unit_test(a_step_is_due_by_age_half_life_or_nearness_of_the_end),
        SIA_TEST(a_revoked_identity_is_registered_anew_with_another_key),
        SIA_TEST(a_refusal_of_another_kind_leaves_the_identity_as_it_is),
        SIA_TEST(other_names_asked_for_are_registered),
        SIA_TEST(who_is_not_zts_gets_nothing),
        SIA_TEST(an_answer_for_somebody_else_is_not_kept),
        SIA_TEST(without_attestation_nothing_is_asked),
        SIA_TEST(what_a_crash_left_is_repaired),
        SIA_TEST(two_at_once_in_one_directory_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
