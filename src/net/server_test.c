/* The server over plain HTTP on loopback, spoken to by our client and, where a client must misbehave, by a socket. */
#include "base/clock.h"
#include "base/file.h"
#include "net/http_client.h"
#include "net/http_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { FRONT = 1, BACK = 2 };
enum { ANYONE = 1, FRIEND = 2 };

struct world {
    struct http_server *server;
    struct http_client *client;
    struct arena *arena;
    int front, back;
    _Atomic(struct http_request *) parked;
    atomic_int handled;
    atomic_size_t streamed;
};

static struct world *world_of(struct http_request *request)
{
    return http_request_server_context(request);
}

static enum http_answer echo(struct http_request *request)
{
    size_t length;
    const char *body = http_request_body(request, &length);
    atomic_fetch_add(&world_of(request)->handled, 1);
    http_respond(request, 200, "text/plain", body, length);
    return HTTP_ANSWERED;
}

static enum http_answer show(struct http_request *request)
{
    const char *name = http_request_parameter(request, "name"), *rest = http_request_parameter(request, "rest");
    const char *q = http_request_query(request, "q");
    http_respond_json(request, 200,
                      json_pack("{s:s?, s:s?, s:s?, s:s}", "name", name, "rest", rest, "q", q, "path",
                                http_request_path(request)));
    return HTTP_ANSWERED;
}

static enum http_answer conflict(struct http_request *request)
{
    struct error err = {0};
    error_code(&err, ERROR_CONFLICT, "ACTIVATION_CONFLICT", "somebody was here first");
    return http_fail(request, &err);
}

static enum http_answer park(struct http_request *request)
{
    atomic_store(&world_of(request)->parked, request);
    return HTTP_LATER;
}

static int count_piece(struct http_request *request, const void *bytes, size_t length, struct error *err)
{
    if (length && *(const char *)bytes == '!')
        return error_set(err, ERROR_INVALID, "no exclamations");
    atomic_fetch_add(&world_of(request)->streamed, length);
    return 0;
}

static enum http_answer streamed(struct http_request *request)
{
    char text[32];
    snprintf(text, sizeof text, "%zu", atomic_load(&world_of(request)->streamed));
    http_respond_text(request, 200, "text/plain", text);
    return HTTP_ANSWERED;
}

static int64_t letters(void *context, uint64_t position, char *buffer, size_t room)
{
    uint64_t left = *(uint64_t *)context - position;
    size_t count = left < room ? (size_t)left : room;
    memset(buffer, 'x', count);
    return (int64_t)count;
}

static enum http_answer stream_out(struct http_request *request)
{
    static uint64_t total = 3000000;
    bool sized = http_request_query(request, "sized") != NULL;
    http_respond_stream(request, 200, "text/plain", sized ? (int64_t)total : -1, letters, &total, NULL);
    return HTTP_ANSWERED;
}

static enum http_answer send_file(struct http_request *request)
{
    FILE *file = tmpfile();
    fputs("0123456789", file);
    fflush(file);
    http_respond_file(request, 206, "text/plain", dup(fileno(file)), 3, 4);
    http_respond_header(request, "ETag", "\"e\"");
    fclose(file);
    return HTTP_ANSWERED;
}

static enum http_answer form(struct http_request *request)
{
    struct http_part *parts;
    size_t count;
    struct error err = {0};
    if (http_request_parts(request, &parts, &count, &err) < 0)
        return http_fail(request, &err);
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, json_pack("{s:s, s:s?, s:s?, s:s%}", "name", parts[i].name, "filename",
                                              parts[i].filename, "type", parts[i].content_type, "bytes",
                                              parts[i].bytes, parts[i].length));
    http_respond_json(request, 200, list);
    return HTTP_ANSWERED;
}

static const struct http_route routes[] = {
    {FRONT, HTTP_POST, "/echo", ANYONE, echo, .body_limit = 1000},
    {FRONT, HTTP_PATCH, "/echo", ANYONE, echo},
    {FRONT, HTTP_POST, "/friends", FRIEND, echo},
    {FRONT, HTTP_PATCH, "/friends", FRIEND, echo},
    {FRONT, HTTP_GET, "/nobody", 0, echo},
    {FRONT, HTTP_GET, "/show/{name}", ANYONE, show},
    {FRONT, HTTP_GET, "/files/{name}/{rest...}", ANYONE, show},
    {BACK, HTTP_GET, "/secret", ANYONE, show},
    {FRONT, HTTP_GET, "/fail", ANYONE, conflict},
    {FRONT | BACK, HTTP_GET, "/park", ANYONE, park},
    {FRONT, HTTP_PUT, "/stream", ANYONE, streamed, .piece = count_piece},
    {FRONT, HTTP_GET, "/stream", ANYONE, stream_out},
    {FRONT, HTTP_HEAD, "/stream", ANYONE, stream_out},
    {FRONT, HTTP_GET, "/file", ANYONE, send_file},
    {FRONT, HTTP_POST, "/form", ANYONE, form},
};

static int authorize(void *context, struct http_request *request, unsigned who, struct error *err)
{
    (void)context, (void)request;
    return who & ANYONE ? 0 : error_set(err, ERROR_UNAUTHENTICATED, "friends only");
}

static int set_up(void **state)
{
    struct world *world = memory_alloc(sizeof *world);
    struct error err = {0};
    world->arena = arena_new();
    assert_int_equal(http_listen("127.0.0.1", 0, &world->front, &err), 0);
    assert_int_equal(http_listen("::1", 0, &world->back, &err), 0);
    const struct http_listener listeners[] = {{FRONT, world->front, NULL}, {BACK, world->back, NULL}};
    const struct http_server_options options = {.name = "test",
                                                .routes = routes,
                                                .route_count = sizeof routes / sizeof *routes,
                                                .authorize = authorize,
                                                .context = world,
                                                .worker_threads = 2};
    assert_int_equal(http_server_start(&options, listeners, 2, &world->server, &err), 0);
    assert_int_equal(http_client_new(&(struct http_client_options){.no_proxy = true}, &world->client, &err), 0);
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    http_client_free(&world->client);
    http_server_stop(&world->server);
    arena_free(&world->arena);
    free(world);
    return 0;
}

static struct http_reply call(struct world *world, enum http_method method, const char *path, const char *body)
{
    struct http_call wanted = {.method = method,
                               .url = arena_format(world->arena, "http://127.0.0.1:%d%s",
                                                   http_socket_port(world->front), path),
                               .body = body,
                               .body_length = body ? strlen(body) : 0};
    struct http_reply reply;
    struct error err = {0};
    if (http_call(world->client, &wanted, world->arena, &reply, &err) < 0)
        fail_msg("%s: %s", path, err.message);
    return reply;
}

static int connect_to(struct world *world)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)http_socket_port(world->front))};
    inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

/* Sends raw bytes on a connection of its own and reads until the server closes, `marker` is seen or a second passes. */
static char *talk(struct world *world, const char *text, const char *marker)
{
    cleanup(file_close) int fd = connect_to(world);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    char *answer = arena_alloc(world->arena, 8192);
    size_t length = 0;
    struct pollfd poller = {.fd = fd, .events = POLLIN};
    while (length < 8000 && !(marker && strstr(answer, marker)) && poll(&poller, 1, 1000) > 0) {
        ssize_t got = read(fd, answer + length, 8000 - length);
        if (got <= 0)
            break;
        length += (size_t)got;
    }
    return answer;
}

static void assert_status(const char *answer, int status)
{
    char wanted[32];
    snprintf(wanted, sizeof wanted, "HTTP/1.1 %d ", status);
    if (strncmp(answer, wanted, strlen(wanted)) != 0)
        fail_msg("wanted %d, got: %.200s", status, answer);
}

static void a_body_reaches_its_handler(void **state)
{
    struct http_reply reply = call(*state, HTTP_POST, "/echo", "hello");
    assert_int_equal(reply.status, 200);
    assert_string_equal(reply.body, "hello");
    reply = call(*state, HTTP_POST, "/echo", NULL);
    assert_int_equal(reply.status, 200);
    assert_int_equal(reply.length, 0);
}

static void path_parameters_are_decoded_and_the_raw_path_is_kept(void **state)
{
    struct http_reply reply = call(*state, HTTP_GET, "/show/a%20b%2Fc?q=1+2%263", NULL);
    assert_string_equal(reply.body, "{\"name\":\"a b/c\",\"rest\":null,\"q\":\"1 2&3\",\"path\":\"/show/a%20b%2Fc\"}");
    reply = call(*state, HTTP_GET, "/files/b/x//../y%2e/", NULL);
    assert_string_equal(reply.body, "{\"name\":\"b\",\"rest\":\"x//../y./\",\"q\":null,\"path\":\"/files/b/x//../y%2e/\"}");
    reply = call(*state, HTTP_GET, "/files/b/", NULL);
    assert_string_equal(reply.body, "{\"name\":\"b\",\"rest\":\"\",\"q\":null,\"path\":\"/files/b/\"}");
    assert_int_equal(call(*state, HTTP_GET, "/show/a/", NULL).status, 200);
}

static void bad_escapes_are_refused(void **state)
{
    assert_int_equal(call(*state, HTTP_GET, "/show/a%zz", NULL).status, 400);
    assert_int_equal(call(*state, HTTP_GET, "/show/a%00", NULL).status, 400);
    assert_int_equal(call(*state, HTTP_GET, "/show/a?q=%f", NULL).status, 400);
}

static void a_route_of_another_side_is_forbidden(void **state)
{
    struct http_reply reply = call(*state, HTTP_GET, "/secret", NULL);
    assert_int_equal(reply.status, 403);
    assert_non_null(strstr(reply.body, "not served on this side"));
}

static void what_no_route_names_is_not_found(void **state)
{
    assert_int_equal(call(*state, HTTP_GET, "/", NULL).status, 404);
    assert_int_equal(call(*state, HTTP_GET, "/show", NULL).status, 404);
    assert_int_equal(call(*state, HTTP_GET, "/show/a/b", NULL).status, 404);
    assert_int_equal(call(*state, HTTP_GET, "/show//", NULL).status, 404);
}

static void another_method_of_a_path_names_the_possible_ones(void **state)
{
    struct http_reply reply = call(*state, HTTP_DELETE, "/echo", NULL);
    assert_int_equal(reply.status, 405);
    assert_string_equal(http_headers_get(&reply.headers, "allow"), "POST, PATCH");
    assert_status(talk(*state, "BREW /echo HTTP/1.1\r\nHost: a\r\n\r\n", "\r\n\r\n"), 405);
}

static void a_route_for_nobody_is_for_nobody(void **state)
{
    assert_int_equal(call(*state, HTTP_GET, "/nobody", NULL).status, 403);
}

static void an_error_carries_its_code_and_message(void **state)
{
    struct http_reply reply = call(*state, HTTP_GET, "/fail", NULL);
    struct error err = {0};
    assert_int_equal(reply.status, 409);
    assert_string_equal(reply.body,
                        "{\"error-code\":\"ACTIVATION_CONFLICT\",\"message\":\"somebody was here first\"}");
    assert_int_equal(http_reply_check(&reply, "deploy", &err), -1);
    assert_int_equal(err.kind, ERROR_CONFLICT);
    assert_string_equal(err.code, "ACTIVATION_CONFLICT");
    assert_string_equal(err.message, "deploy: somebody was here first");
}

static void a_body_over_the_limit_is_refused(void **state)
{
    struct world *world = *state;
    char *body = arena_alloc(world->arena, 2000001);
    memset(body, 'b', 2000000);
    assert_int_equal(call(world, HTTP_POST, "/echo", body).status, 413);
    body[1001] = '\0';
    assert_int_equal(call(world, HTTP_POST, "/echo", body).status, 413);
    body[1000] = '\0';
    assert_int_equal(call(world, HTTP_POST, "/echo", body).status, 200);
    assert_status(talk(world,
                       arena_format(world->arena,
                                    "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                                    "3e8\r\n%s\r\n1\r\nx\r\n0\r\n\r\n",
                                    body),
                       "\r\n\r\n"),
                  413);
}

static void a_refused_caller_is_told_before_its_body_is_read(void **state)
{
    struct world *world = *state;
    const char *ask = "POST /friends HTTP/1.1\r\nHost: a\r\nContent-Length: 500000000\r\nExpect: 100-continue\r\n\r\n";
    assert_status(talk(world, ask, "\r\n\r\n"), 401);
    ask = "PATCH /friends HTTP/1.1\r\nHost: a\r\nContent-Length: 500000000\r\n\r\nabc";
    assert_status(talk(world, ask, "\r\n\r\n"), 401);
    assert_int_equal(call(world, HTTP_POST, "/friends", "short").status, 401);
    assert_int_equal(call(world, HTTP_PATCH, "/friends", "short").status, 401);
    assert_int_equal(atomic_load(&world->handled), 0);
}

static void a_client_that_waits_to_be_told_to_continue_is_told(void **state)
{
    const char *ask = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n";
    assert_status(talk(*state, ask, "\r\n\r\n"), 100);
}

static void ambiguous_lengths_are_refused(void **state)
{
    assert_status(talk(*state, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc", NULL),
                  400);
    assert_status(talk(*state,
                       "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"
                       "0\r\n\r\nGET /secret HTTP/1.1\r\n\r\n",
                       NULL),
                  400);
    assert_status(talk(*state, "PATCH /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc", NULL),
                  400);
    assert_int_equal(atomic_load(&((struct world *)*state)->handled), 0);
}

/* Whoever makes the body of a refusal may name what was asked for, however early the refusal is. */
static void name_the_path(struct http_request *request, int status, const struct error *err)
{
    (void)err;
    http_respond_text(request, status, "text/plain", http_request_path(request));
}

static void a_refusal_knows_the_path_even_of_an_ambiguous_request(void **state)
{
    struct world *world = *state;
    struct error err = {0};
    cleanup(http_server_stop) struct http_server *server = NULL;
    struct http_listener listener = {.side = 1};
    assert_int_equal(http_listen("127.0.0.1", 0, &listener.socket, &err), 0);
    const struct http_server_options options = {.name = "paths", .error_body = name_the_path};
    int before = world->front;
    world->front = listener.socket;
    assert_int_equal(http_server_start(&options, &listener, 1, &server, &err), 0);
    const char *said = talk(world, "POST /echo?a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \xff\r\n\r\n", NULL);
    assert_status(said, 400);
    assert_non_null(strstr(said, "\r\n\r\n/echo"));
    world->front = before;
}

static void a_later_answer_can_come_from_another_thread(void **state)
{
    struct world *world = *state;
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)http_socket_port(world->back)),
                                   .sin6_addr = in6addr_loopback};
    const char *ask = "GET /park HTTP/1.1\r\nHost: a\r\n\r\n";
    cleanup(file_close) int fd = socket(AF_INET6, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    for (int round = 0; round < 3; round++) {
        char answer[512] = "";
        assert_int_equal(write(fd, ask, strlen(ask)), strlen(ask));
        struct http_request *request;
        while (!(request = atomic_exchange(&world->parked, NULL)))
            clock_sleep_ms(1);
        assert_string_equal(http_request_address_text(request), "::1");
        http_respond_text(request, 200, "text/plain", "at last");
        http_finish(request);
        assert_true(read(fd, answer, sizeof answer - 1) > 0);
        assert_status(answer, 200);
        assert_non_null(strstr(answer, "at last"));
    }
}

static bool was_parked(void *context)
{
    return !atomic_load(&((struct world *)context)->parked);
}

static void a_call_is_given_up_when_its_caller_says_so(void **state)
{
    struct world *world = *state;
    struct error err = {0};
    struct http_reply reply;
    char url[64];
    cleanup(http_client_free) struct http_client *client = NULL;
    const struct http_client_options options = {.no_proxy = true};
    assert_int_equal(http_client_new(&options, &client, &err), 0);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/park", http_socket_port(world->front));
    const struct http_call call = {.method = HTTP_GET, .url = url, .goes_on = was_parked, .going = world};
    int64_t start = clock_monotonic_ms();
    assert_int_equal(http_call(client, &call, world->arena, &reply, &err), -1);
    assert_int_equal(err.kind, ERROR_UNAVAILABLE);
    assert_in_range(clock_monotonic_ms() - start, 0, 5000); /* not the call's 30 s */
    struct http_request *request = atomic_exchange(&world->parked, NULL);
    http_respond_text(request, 200, "text/plain", "too late");
    http_finish(request);
}

static void *get_park(void *context)
{
    struct world *world = context;
    return (void *)talk(world, "GET /park HTTP/1.1\r\nHost: a\r\n\r\n", "\r\n\r\n");
}

static void a_stop_answers_who_waits_and_outlives_a_late_handler(void **state)
{
    struct world *world = *state;
    pthread_t thread;
    void *answer;
    pthread_create(&thread, NULL, get_park, world);
    struct http_request *request;
    while (!(request = atomic_exchange(&world->parked, NULL)))
        clock_sleep_ms(1);
    int64_t start = clock_monotonic_ms();
    http_server_stop(&world->server);
    assert_true(clock_monotonic_ms() - start < 2000);
    pthread_join(thread, &answer);
    assert_status(answer, 503);
    http_respond_text(request, 200, "text/plain", "too late");
    http_finish(request);
}

static void a_listener_can_come_and_go(void **state)
{
    struct world *world = *state;
    struct error err = {0};
    int third;
    assert_int_equal(http_listen("127.0.0.1", 0, &third, &err), 0);
    assert_int_equal(http_server_listen(world->server, &(struct http_listener){BACK, third, NULL}, &err), 0);
    struct http_call wanted = {
        .url = arena_format(world->arena, "http://127.0.0.1:%d/secret", http_socket_port(third))};
    struct http_reply reply;
    assert_int_equal(http_call(world->client, &wanted, world->arena, &reply, &err), 0);
    assert_int_equal(reply.status, 200);
    http_server_unlisten(world->server, third);
    assert_int_equal(http_call(world->client, &wanted, world->arena, &reply, &err), -1);
    assert_int_equal(err.kind, ERROR_UNAVAILABLE);
    assert_int_equal(call(world, HTTP_POST, "/echo", "still").status, 200);
}

static void a_streamed_body_never_lies_in_memory_whole(void **state)
{
    struct world *world = *state;
    char path[] = "/tmp/enclave-net-test-XXXXXX";
    cleanup(file_close) int fd = mkstemp(path);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(ftruncate(fd, 5000000), 0);
    struct http_call wanted = {.method = HTTP_PUT,
                               .url = arena_format(world->arena, "http://127.0.0.1:%d/stream",
                                                   http_socket_port(world->front)),
                               .body_file = fd,
                               .body_length = 5000000};
    struct http_reply reply;
    struct error err = {0};
    assert_int_equal(http_call(world->client, &wanted, world->arena, &reply, &err), 0);
    assert_string_equal(reply.body, "5000000");
}

static void a_refused_piece_refuses_the_request(void **state)
{
    struct http_reply reply = call(*state, HTTP_PUT, "/stream", "!");
    assert_int_equal(reply.status, 400);
    assert_non_null(strstr(reply.body, "no exclamations"));
}

static void an_answer_can_be_made_while_it_is_sent(void **state)
{
    struct world *world = *state;
    struct http_reply reply = call(world, HTTP_GET, "/stream", NULL);
    assert_int_equal(reply.length, 3000000);
    assert_null(http_headers_get(&reply.headers, "Content-Length"));
    reply = call(world, HTTP_GET, "/stream?sized", NULL);
    assert_int_equal(reply.length, 3000000);
    reply = call(world, HTTP_HEAD, "/stream?sized", NULL);
    assert_string_equal(http_headers_get(&reply.headers, "Content-Length"), "3000000");
    assert_int_equal(reply.length, 0);
}

static void a_part_of_a_file_is_an_answer(void **state)
{
    struct http_reply reply = call(*state, HTTP_GET, "/file", NULL);
    assert_int_equal(reply.status, 206);
    assert_string_equal(reply.body, "3456");
    assert_string_equal(http_headers_get(&reply.headers, "etag"), "\"e\"");
}

static void an_answer_larger_than_wanted_is_an_error(void **state)
{
    struct world *world = *state;
    struct http_call wanted = {.url = arena_format(world->arena, "http://127.0.0.1:%d/stream",
                                                   http_socket_port(world->front)),
                               .answer_limit = 2999999};
    struct http_reply reply;
    struct error err = {0};
    assert_int_equal(http_call(world->client, &wanted, world->arena, &reply, &err), -1);
    assert_int_equal(err.kind, ERROR_INVALID);
}

static struct http_reply post_form(struct world *world, const char *type, const char *body, size_t length)
{
    struct http_call wanted = {.method = HTTP_POST,
                               .url = arena_format(world->arena, "http://127.0.0.1:%d/form",
                                                   http_socket_port(world->front)),
                               .body = body,
                               .body_length = length};
    http_headers_add(world->arena, &wanted.headers, "Content-Type", type);
    struct http_reply reply;
    struct error err = {0};
    assert_int_equal(http_call(world->client, &wanted, world->arena, &reply, &err), 0);
    return reply;
}

static void a_form_made_by_the_client_is_read_by_the_server(void **state)
{
    struct world *world = *state;
    const struct http_form_part parts[] = {
        {"prepareParams", NULL, "application/json", "{}", 2},
        {"applicationPackage", "a\"b.zip", "application/zip", "PK\r\n--x\r\n", 9},
        {"empty", NULL, NULL, "", 0},
    };
    const char *type;
    char *body;
    size_t length;
    http_form(world->arena, parts, 3, &type, &body, &length);
    struct http_reply reply = post_form(world, type, body, length);
    assert_string_equal(reply.body,
                        "[{\"name\":\"prepareParams\",\"filename\":null,\"type\":\"application/json\",\"bytes\":\"{}\"},"
                        "{\"name\":\"applicationPackage\",\"filename\":\"a%22b.zip\",\"type\":\"application/zip\","
                        "\"bytes\":\"PK\\r\\n--x\\r\\n\"},"
                        "{\"name\":\"empty\",\"filename\":null,\"type\":null,\"bytes\":\"\"}]");
    assert_int_equal(post_form(world, type, body, length - 6).status, 400);
    assert_int_equal(post_form(world, type, "", 0).status, 400);
    assert_int_equal(post_form(world, "multipart/form-data", body, length).status, 400);
    assert_int_equal(post_form(world, "text/plain", body, length).status, 400);
}

static void broken_forms_are_refused(void **state)
{
    static const char *const forms[] = {
        "--b", "--b\r\n", "--b\r\n--b--", "--b\r\nno colon\r\n\r\nx\r\n--b--\r\n",
        "--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--\r\n", "--b\r\n\r\nx", "--c--", "--bxx\r\n--b--",
        "--b\r\nContent-Disposition: form-data; name=\"a\r\n\r\nx\r\n--b--\r\n",
    };
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        if (post_form(*state, "multipart/form-data; boundary=b", forms[i], strlen(forms[i])).status != 400)
            fail_msg("taken: %s", forms[i]);
    const char *empty = "--b--\r\n", *quoted = "--b\r\ncontent-disposition: form-data; NAME=x\r\n\r\n\r\n--b--";
    assert_string_equal(post_form(*state, "multipart/form-data; boundary=b", empty, strlen(empty)).body, "[]");
    assert_int_equal(post_form(*state, "multipart/form-data; boundary=\"b\"", quoted, strlen(quoted)).status, 200);
}

static void a_connection_serves_many_requests(void **state)
{
    const char *ask = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\none"
                      "POST /friends HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\ntwo"
                      "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nthree";
    const char *answer = talk(*state, ask, "three");
    assert_non_null(strstr(answer, "one"));
    assert_non_null(strstr(answer, "401"));
    assert_non_null(strstr(answer, "three"));
}

static void headers_that_do_not_fit_are_refused(void **state)
{
    struct world *world = *state;
    char *name = arena_alloc(world->arena, 40001);
    memset(name, 'n', 40000);
    const char *answer = talk(world, arena_format(world->arena, "GET /fail HTTP/1.1\r\nHost: a\r\nX: %s\r\n\r\n", name),
                              "\r\n\r\n");
    assert_status(answer, 431);
}

static void a_query_of_nothing_but_separators_does_not_hold_its_connection(void **state)
{
    struct world *world = *state;
    char *query = arena_alloc(world->arena, 401);
    memset(query, '&', 400);
    cleanup(file_close) int fd = connect_to(world);
    char *ask = arena_format(world->arena, "GET /fail?%s HTTP/1.1\r\nHost: a\r\n\r\n", query);
    assert_int_equal(write(fd, ask, strlen(ask)), strlen(ask));
    struct pollfd poller = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&poller, 1, 9000), 1); /* answered or closed */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_body_reaches_its_handler),
        TEST(path_parameters_are_decoded_and_the_raw_path_is_kept),
        TEST(bad_escapes_are_refused),
        TEST(a_route_of_another_side_is_forbidden),
        TEST(what_no_route_names_is_not_found),
        TEST(another_method_of_a_path_names_the_possible_ones),
        TEST(a_route_for_nobody_is_for_nobody),
        TEST(an_error_carries_its_code_and_message),
        TEST(a_body_over_the_limit_is_refused),
        TEST(a_refused_caller_is_told_before_its_body_is_read),
        TEST(a_client_that_waits_to_be_told_to_continue_is_told),
        TEST(ambiguous_lengths_are_refused),
        TEST(a_refusal_knows_the_path_even_of_an_ambiguous_request),
        TEST(a_later_answer_can_come_from_another_thread),
        TEST(a_call_is_given_up_when_its_caller_says_so),
        TEST(a_stop_answers_who_waits_and_outlives_a_late_handler),
        TEST(a_listener_can_come_and_go),
        TEST(a_streamed_body_never_lies_in_memory_whole),
        TEST(a_refused_piece_refuses_the_request),
        TEST(an_answer_can_be_made_while_it_is_sent),
        TEST(a_part_of_a_file_is_an_answer),
        TEST(an_answer_larger_than_wanted_is_an_error),
        TEST(a_form_made_by_the_client_is_read_by_the_server),
        TEST(broken_forms_are_refused),
        TEST(a_connection_serves_many_requests),
        TEST(a_query_of_nothing_but_separators_does_not_hold_its_connection),
        TEST(headers_that_do_not_fit_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
