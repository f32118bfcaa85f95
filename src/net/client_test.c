/* Which connections a client keeps. The servers are sockets, so that it is seen when a connection ends. */
#include "base/clock.h"
#include "base/memory.h"
#include "net/http_client.h"
#include "net/http_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LONGEST_MS = 10 * 1000 };

/* One connection is taken, and one request answered. */
struct server {
    int socket, connection;
    pthread_t thread;
};

static void *answer_once(void *context)
{
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    struct server *server = context;
    char request[1024] = "";
    struct pollfd waits = {.fd = server->socket, .events = POLLIN}; /* it does not block */
    poll(&waits, 1, LONGEST_MS);
    server->connection = accept(server->socket, NULL, NULL);
    for (size_t length = 0; !strstr(request, "\r\n\r\n");) {
        ssize_t more = recv(server->connection, request + length, sizeof request - 1 - length, 0);
        if (more <= 0)
            return NULL;
        length += (size_t)more;
    }
    return send(server->connection, answer, strlen(answer), MSG_NOSIGNAL) > 0 ? server : NULL;
}

static void call(struct http_client *client, struct server *server, bool once)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct error err = {0};
    struct http_reply reply;
    assert_int_equal(http_listen("127.0.0.1", 0, &server->socket, &err), 0);
    assert_int_equal(pthread_create(&server->thread, NULL, answer_once, server), 0);
    const char *url = arena_format(arena, "http://127.0.0.1:%d/", http_socket_port(server->socket));
    const struct http_call wanted = {.method = HTTP_GET, .url = url, .timeout_ms = LONGEST_MS, .once = once};
    if (http_call(client, &wanted, arena, &reply, &err) < 0)
        fail_msg("%s", err.message);
    pthread_join(server->thread, NULL);
    assert_int_equal(reply.status, 200);
}

/* Nothing more is ever sent: what can be read is its end. */
static bool is_ended(const struct server *server, int wait_ms)
{
    struct pollfd waits = {.fd = server->connection, .events = POLLIN};
    return poll(&waits, 1, wait_ms) == 1;
}

static void close_server(struct server *server)
{
    close(server->connection);
    close(server->socket);
}

static struct http_client *client_of(bool one_kept)
{
    struct http_client *client;
    const struct http_client_options options = {.no_proxy = true, .one_kept = one_kept};
    assert_int_equal(http_client_new(&options, &client, NULL), 0);
    return client;
}

static void a_connection_is_kept_for_the_next_call(void **state)
{
    struct server first, second;
    struct http_client *client = client_of(false);
    (void)state;
    call(client, &first, false);
    call(client, &second, false);
    assert_false(is_ended(&first, 0));
    assert_false(is_ended(&second, 0));
    http_client_free(&client);
    assert_true(is_ended(&first, LONGEST_MS));
    close_server(&first);
    close_server(&second);
}

static void one_for_one_call_is_closed_after_it(void **state)
{
    struct server server;
    struct http_client *client = client_of(false);
    (void)state;
    call(client, &server, true);
    assert_true(is_ended(&server, LONGEST_MS));
    http_client_free(&client);
    close_server(&server);
}

static void of_one_that_keeps_one_the_last_stays(void **state)
{
    struct server first, second;
    struct http_client *client = client_of(true);
    (void)state;
    call(client, &first, false);
    assert_false(is_ended(&first, 0));
    clock_sleep_ms(5); /* libcurl knows the oldest by milliseconds */
    call(client, &second, false);
    assert_true(is_ended(&first, LONGEST_MS));
    assert_false(is_ended(&second, 0));
    http_client_free(&client);
    close_server(&first);
    close_server(&second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_connection_is_kept_for_the_next_call),
        cmocka_unit_test(one_for_one_call_is_closed_after_it),
        cmocka_unit_test(of_one_that_keeps_one_the_last_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
