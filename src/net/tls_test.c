/* Server and client over real TLS on loopback, with certificates made here. */
#include "base/clock.h"
#include "base/file.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "net/test_certificates.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { LOCKED = 1, OPEN = 2, PLAIN = 4 };

struct world {
    struct arena *arena;
    char directory[64];
    struct test_authority authority, stranger;
    struct tls_context *required, *allowed;
    struct http_server *server;
    int locked, open, plain;
    atomic_int identified, forgotten;
};

static char *path_of(struct world *world, const char *name)
{
    return arena_format(world->arena, "%s/%s", world->directory, name);
}

static void make_pair(struct world *world, const struct test_authority *authority, const char *name, int lifetime_s)
{
    test_certificate_make(authority, name, lifetime_s, path_of(world, arena_format(world->arena, "%s.pem", name)),
                          path_of(world, arena_format(world->arena, "%s.key", name)));
}

static struct tls_files files_of(struct world *world, const char *name)
{
    return (struct tls_files){path_of(world, arena_format(world->arena, "%s.pem", name)),
                              path_of(world, arena_format(world->arena, "%s.key", name)), path_of(world, "ca.pem")};
}

static char *common_name(const gnutls_datum_t *der)
{
    char name[64] = "";
    size_t size = sizeof name;
    gnutls_x509_crt_t certificate;
    gnutls_x509_crt_init(&certificate);
    gnutls_x509_crt_import(certificate, der, GNUTLS_X509_FMT_DER);
    gnutls_x509_crt_get_dn_by_oid(certificate, GNUTLS_OID_X520_COMMON_NAME, 0, 0, name, &size);
    gnutls_x509_crt_deinit(certificate);
    return memory_strdup(name);
}

static void *identify(void *context, const gnutls_datum_t *der)
{
    atomic_fetch_add(&((struct world *)context)->identified, 1);
    return common_name(der);
}

static void forget(void *context, void *peer)
{
    atomic_fetch_add(&((struct world *)context)->forgotten, 1);
    free(peer);
}

static enum http_answer who_am_i(struct http_request *request)
{
    const char *peer = http_request_peer(request);
    http_respond_text(request, 200, "text/plain", peer ? peer : http_request_secure(request) ? "nobody" : "plain");
    return HTTP_ANSWERED;
}

static const struct http_route routes[] = {
    {LOCKED | OPEN | PLAIN, HTTP_GET, "/who", 1, who_am_i},
};

static void start_server(struct world *world)
{
    struct error err = {0};
    struct tls_files files = files_of(world, "server");
    assert_int_equal(tls_context_new(&files, TLS_CLIENT_REQUIRED, &world->required, &err), 0);
    assert_int_equal(tls_context_new(&files, TLS_CLIENT_ALLOWED, &world->allowed, &err), 0);
    assert_int_equal(http_listen("127.0.0.1", 0, &world->locked, &err), 0);
    assert_int_equal(http_listen("127.0.0.1", 0, &world->open, &err), 0);
    assert_int_equal(http_listen("127.0.0.1", 0, &world->plain, &err), 0);
    const struct http_listener listeners[] = {{LOCKED, world->locked, world->required},
                                              {OPEN, world->open, world->allowed},
                                              {PLAIN, world->plain, NULL}};
    const struct http_server_options options = {
        .name = "test", .routes = routes, .route_count = 1, .identify_peer = identify, .forget_peer = forget,
        .context = world, .worker_threads = 2};
    assert_int_equal(http_server_start(&options, listeners, 3, &world->server, &err), 0);
}

static int set_up(void **state)
{
    struct world *world = memory_alloc(sizeof *world);
    world->arena = arena_new();
    snprintf(world->directory, sizeof world->directory, "/tmp/enclave-tls-test-XXXXXX");
    assert_non_null(mkdtemp(world->directory));
    test_authority_make(&world->authority, "authority");
    test_authority_make(&world->stranger, "stranger");
    test_authority_save(&world->authority, path_of(world, "ca.pem"));
    test_authority_save(&world->stranger, path_of(world, "other-ca.pem"));
    make_pair(world, &world->authority, "server", 3600);
    make_pair(world, &world->authority, "alice", 3600);
    make_pair(world, &world->stranger, "mallory", 3600);
    start_server(world);
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    http_server_stop(&world->server);
    tls_context_free(&world->required);
    tls_context_free(&world->allowed);
    test_authority_free(&world->authority);
    test_authority_free(&world->stranger);
    tree_remove(world->directory, NULL);
    arena_free(&world->arena);
    free(world);
    return 0;
}

static int is_expected(void *context, const gnutls_datum_t *der, struct error *err)
{
    cleanup(memory_free) char *name = common_name(der);
    if (strcmp(name, context) == 0)
        return 0;
    return error_set(err, ERROR_FORBIDDEN, "the server is %s, not %s", name, (const char *)context);
}

static int ask(struct world *world, struct http_client *client, int socket, char **body, struct error *err)
{
    struct http_call call = {
        .url = arena_format(world->arena, "https://127.0.0.1:%d/who", http_socket_port(socket))};
    struct http_reply reply;
    *err = (struct error){0};
    if (http_call(client, &call, world->arena, &reply, err) < 0)
        return -1;
    assert_int_equal(reply.status, 200);
    *body = reply.body;
    return 0;
}

/* One call as `name` ("" for nobody) to whom we expect to be `server`. */
static int ask_as(struct world *world, const char *name, const char *server, int socket, char **body,
                  struct error *err)
{
    struct tls_files files = files_of(world, name);
    if (!*name)
        files.certificate = files.key = NULL;
    struct tls_context *tls = NULL;
    struct http_client *client = NULL;
    assert_int_equal(tls_context_new(&files, TLS_CLIENT_NONE, &tls, err), 0);
    const struct http_client_options options = {
        .tls = tls, .check_peer = is_expected, .context = (void *)(uintptr_t)server, .no_proxy = true};
    assert_int_equal(http_client_new(&options, &client, err), 0);
    int result = ask(world, client, socket, body, err);
    http_client_free(&client);
    tls_context_free(&tls);
    return result;
}

static void both_ends_know_each_other_by_certificate(void **state)
{
    struct world *world = *state;
    struct error err;
    char *body;
    assert_int_equal(ask_as(world, "alice", "server", world->locked, &body, &err), 0);
    assert_string_equal(body, "alice");
    http_server_stop(&world->server);
    assert_int_equal(atomic_load(&world->identified), 1);
    assert_int_equal(atomic_load(&world->forgotten), 1);
}

static void a_client_without_a_certificate_is_nobody_where_allowed_and_refused_where_required(void **state)
{
    struct world *world = *state;
    struct error err;
    char *body;
    assert_int_equal(ask_as(world, "", "server", world->open, &body, &err), 0);
    assert_string_equal(body, "nobody");
    assert_int_equal(ask_as(world, "", "server", world->locked, &body, &err), -1);
    assert_int_equal(err.kind, ERROR_UNAVAILABLE);
}

static void a_certificate_of_another_authority_is_refused_on_every_side(void **state)
{
    struct world *world = *state;
    struct error err;
    char *body;
    assert_int_equal(ask_as(world, "mallory", "server", world->locked, &body, &err), -1);
    assert_int_equal(ask_as(world, "mallory", "server", world->open, &body, &err), -1);
    assert_int_equal(atomic_load(&world->identified), 0);
}

static void a_server_of_another_name_gets_no_request(void **state)
{
    struct world *world = *state;
    struct error err;
    char *body;
    assert_int_equal(ask_as(world, "alice", "somebody-else", world->locked, &body, &err), -1);
    assert_int_equal(err.kind, ERROR_UNAUTHENTICATED);
    assert_non_null(strstr(err.message, "the server is server, not somebody-else"));
    assert_int_equal(atomic_load(&world->identified), 0);
}

static void a_server_of_another_authority_is_not_trusted(void **state)
{
    struct world *world = *state;
    struct error err;
    char *body;
    struct http_client *client;
    const struct http_client_options options = {.trust = path_of(world, "other-ca.pem"), .no_proxy = true};
    assert_int_equal(http_client_new(&options, &client, &err), 0);
    assert_int_equal(ask(world, client, world->open, &body, &err), -1);
    assert_int_equal(err.kind, ERROR_UNAUTHENTICATED);
    http_client_free(&client);
}

static void without_check_peer_the_host_name_must_fit(void **state)
{
    struct world *world = *state;
    struct error err;
    char *body;
    struct http_client *client;
    const struct http_client_options options = {.trust = path_of(world, "ca.pem"), .no_proxy = true};
    assert_int_equal(http_client_new(&options, &client, &err), 0);
    assert_int_equal(ask(world, client, world->open, &body, &err), -1);
    assert_int_equal(err.kind, ERROR_UNAUTHENTICATED);
    http_client_free(&client);
}

static void plain_http_to_a_tls_port_gets_no_answer(void **state)
{
    struct world *world = *state;
    struct error err = {0};
    struct http_client *client;
    struct http_reply reply;
    assert_int_equal(http_client_new(&(struct http_client_options){.no_proxy = true}, &client, &err), 0);
    struct http_call call = {
        .url = arena_format(world->arena, "http://127.0.0.1:%d/who", http_socket_port(world->open))};
    assert_int_equal(http_call(client, &call, world->arena, &reply, &err), -1);
    call.url = arena_format(world->arena, "http://127.0.0.1:%d/who", http_socket_port(world->plain));
    assert_int_equal(http_call(client, &call, world->arena, &reply, &err), 0);
    assert_string_equal(reply.body, "plain");
    http_client_free(&client);
}

static void a_kept_connection_identifies_its_peer_once(void **state)
{
    struct world *world = *state;
    struct error err = {0};
    char *body;
    struct tls_context *tls;
    struct http_client *client;
    struct tls_files files = files_of(world, "alice");
    assert_int_equal(tls_context_new(&files, TLS_CLIENT_NONE, &tls, &err), 0);
    const struct http_client_options options = {
        .tls = tls, .check_peer = is_expected, .context = (char[]){"server"}, .no_proxy = true};
    assert_int_equal(http_client_new(&options, &client, &err), 0);
    for (int i = 0; i < 5; i++)
        assert_int_equal(ask(world, client, world->locked, &body, &err), 0);
    assert_int_equal(atomic_load(&world->identified), 1);
    http_client_free(&client);
    tls_context_free(&tls);
}

static void a_new_certificate_is_served_without_a_restart(void **state)
{
    struct world *world = *state;
    struct error err;
    char *body;
    assert_int_equal(ask_as(world, "alice", "server", world->locked, &body, &err), 0);
    test_certificate_make(&world->authority, "renewed", 3600, path_of(world, "server.pem"),
                          path_of(world, "server.key"));
    tls_context_reload(world->required);
    assert_int_equal(ask_as(world, "alice", "server", world->locked, &body, &err), -1);
    assert_int_equal(ask_as(world, "alice", "renewed", world->locked, &body, &err), 0);
}

static void a_bad_new_certificate_leaves_the_old_one_in_use(void **state)
{
    struct world *world = *state;
    struct error err;
    char *body;
    assert_int_equal(file_write(path_of(world, "server.key"), "rubbish", 7, 0600, &err), 0);
    tls_context_reload(world->required);
    assert_int_equal(ask_as(world, "alice", "server", world->locked, &body, &err), 0);
}

static void a_certificate_that_ends_while_its_connection_lives_is_nobody(void **state)
{
    struct world *world = *state;
    struct error err = {0};
    char *body;
    struct tls_context *tls;
    struct http_client *client;
    make_pair(world, &world->authority, "mayfly", 2);
    struct tls_files files = files_of(world, "mayfly");
    assert_int_equal(tls_context_new(&files, TLS_CLIENT_NONE, &tls, &err), 0);
    const struct http_client_options options = {
        .tls = tls, .check_peer = is_expected, .context = (char[]){"server"}, .no_proxy = true};
    assert_int_equal(http_client_new(&options, &client, &err), 0);
    assert_int_equal(ask(world, client, world->locked, &body, &err), 0);
    assert_string_equal(body, "mayfly");
    clock_sleep_ms(2100);
    assert_int_equal(ask(world, client, world->locked, &body, &err), 0);
    assert_string_equal(body, "nobody");
    http_client_free(&client);
    tls_context_free(&tls);
}

static void bad_files_are_named(void **state)
{
    struct world *world = *state;
    struct error err = {0};
    struct tls_context *tls = NULL;
    struct tls_files files = files_of(world, "server");
    files.key = path_of(world, "alice.key");
    assert_int_equal(tls_context_new(&files, TLS_CLIENT_REQUIRED, &tls, &err), -1);
    assert_non_null(strstr(err.message, "alice.key"));
    files = files_of(world, "absent");
    assert_int_equal(tls_context_new(&files, TLS_CLIENT_REQUIRED, &tls, &err), -1);
    assert_non_null(strstr(err.message, "absent.pem"));
    files = files_of(world, "server");
    files.trust = NULL;
    assert_int_equal(tls_context_new(&files, TLS_CLIENT_REQUIRED, &tls, &err), -1);
    assert_null(tls);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(both_ends_know_each_other_by_certificate),
        TEST(a_client_without_a_certificate_is_nobody_where_allowed_and_refused_where_required),
        TEST(a_certificate_of_another_authority_is_refused_on_every_side),
        TEST(a_server_of_another_name_gets_no_request),
        TEST(a_server_of_another_authority_is_not_trusted),
        TEST(without_check_peer_the_host_name_must_fit),
        TEST(plain_http_to_a_tls_port_gets_no_answer),
        TEST(a_kept_connection_identifies_its_peer_once),
        TEST(a_new_certificate_is_served_without_a_restart),
        TEST(a_bad_new_certificate_leaves_the_old_one_in_use),
        TEST(a_certificate_that_ends_while_its_connection_lives_is_nobody),
        TEST(bad_files_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
