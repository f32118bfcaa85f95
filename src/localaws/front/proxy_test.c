/* The proxy over real sockets on loopback: what it reaches is what the way it is given reaches. */
#include "localaws/front/proxy.h"

#include "base/file.h"
#include "net/http_server.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

struct world {
    struct proxy *proxy;
    int listener; /* the far end */
    int proxy_port;
};

static char *resolve(void *context, struct arena *arena, const char *name)
{
    (void)context;
    return strcmp(name, "known.elb.example") == 0 ? arena_strdup(arena, "2001:db8::7") : NULL;
}

/* Every address leads to the far end, but 192.0.2.9. */
static int lead(void *context, const char *address, uint16_t port, int *made, struct error *err)
{
    struct world *world = context;
    if (strcmp(address, "192.0.2.9") == 0 || port != 443)
        return error_set(err, ERROR_UNAVAILABLE, "connect to %s port %u: refused", address, port);
    struct sockaddr_in far = {.sin_family = AF_INET,
                              .sin_addr = {htonl(INADDR_LOOPBACK)},
                              .sin_port = htons((uint16_t)http_socket_port(world->listener))};
    *made = socket(AF_INET, SOCK_STREAM, 0);
    return connect(*made, (struct sockaddr *)&far, sizeof far);
}

static int setup(void **state)
{
    static struct world world;
    int listening;
    struct error err = {0};
    assert_int_equal(http_listen("127.0.0.1", 0, &world.listener, &err), 0);
    assert_int_equal(http_listen("127.0.0.1", 0, &listening, &err), 0);
    world.proxy_port = http_socket_port(listening);
    const struct proxy_way way = {&world, resolve, lead};
    assert_int_equal(proxy_start(listening, &way, &world.proxy, &err), 0);
    *state = &world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    proxy_stop(&world->proxy);
    close(world->listener);
    return 0;
}

/* Sends a head; the client's socket, with the status line read into `status`. */
static int ask(const struct world *world, const char *head, char status[128])
{
    struct sockaddr_in proxy = {.sin_family = AF_INET,
                                .sin_addr = {htonl(INADDR_LOOPBACK)},
                                .sin_port = htons((uint16_t)world->proxy_port)};
    int client = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(client, (struct sockaddr *)&proxy, sizeof proxy), 0);
    assert_int_equal(file_write_all(client, head, strlen(head), NULL), 0);
    size_t length = 0;
    while (length < 127 && read(client, status + length, 1) == 1)
        if (status[length++] == '\n' && length >= 4 && memcmp(status + length - 4, "\r\n\r\n", 4) == 0)
            break;
    status[length] = '\0';
    return client;
}

static void a_tunnel_carries_both_ways_and_ends_each_way_alone(void **state)
{
    const struct world *world = *state;
    static const char *const heads[] = {
        "CONNECT [2001:db8::7]:443 HTTP/1.1\r\nHost: x\r\n\r\nearly",
        "CONNECT known.elb.example:443 HTTP/1.1\r\n\r\nearly",
        "CONNECT 192.0.2.1:443 HTTP/1.0\r\n\r\nearly",
    };
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        char status[128], text[16] = "";
        int client = ask(world, heads[i], status);
        assert_non_null(strstr(status, " 200 "));
        int far = accept(world->listener, NULL, NULL);
        assert_int_equal(recv(far, text, 5, MSG_WAITALL), 5);
        assert_string_equal(text, "early");
        shutdown(client, SHUT_WR);
        assert_int_equal(read(far, text, 1), 0);
        assert_int_equal(write(far, "late", 4), 4);
        close(far);
        assert_int_equal(recv(client, text, 4, MSG_WAITALL), 4);
        assert_int_equal(read(client, text, 1), 0);
        close(client);
    }
}

static void a_megabyte_arrives_whole_though_the_reader_is_slow(void **state)
{
    const struct world *world = *state;
    char status[128];
    static char bytes[1 << 20], got[1 << 20];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(i * 31);
    int client = ask(world, "CONNECT 192.0.2.1:443 HTTP/1.1\r\n\r\n", status);
    int far = accept(world->listener, NULL, NULL);
    pid_t writer = fork();
    if (writer == 0) {
        file_write_all(far, bytes, sizeof bytes, NULL);
        _exit(0);
    }
    close(far);
    usleep(100000);
    assert_int_equal(recv(client, got, sizeof got, MSG_WAITALL), sizeof got);
    assert_memory_equal(got, bytes, sizeof got);
    close(client);
}

static void what_is_no_connect_is_refused(void **state)
{
    const struct world *world = *state;
    static const struct {
        const char *head, *status;
    } cases[] = {
        {"GET http://x/ HTTP/1.1\r\n\r\n", " 405 "},
        {"CONNECT known.elb.example HTTP/1.1\r\n\r\n", " 400 "},
        {"CONNECT :443 HTTP/1.1\r\n\r\n", " 400 "},
        {"CONNECT x:0 HTTP/1.1\r\n\r\n", " 400 "},
        {"CONNECT x:99999 HTTP/1.1\r\n\r\n", " 400 "},
        {"CONNECT a/b:443 HTTP/1.1\r\n\r\n", " 400 "},
        {"CONNECT [fe80::1%eth0]:443 HTTP/1.1\r\n\r\n", " 400 "},
        {"CONNECT x:443\r\n\r\n", " 400 "},
        {"CONNECT unknown.example:443 HTTP/1.1\r\n\r\n", " 502 "},
        {"CONNECT 192.0.2.9:443 HTTP/1.1\r\n\r\n", " 502 "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char status[128];
        int client = ask(world, cases[i].head, status);
        if (!strstr(status, cases[i].status))
            fail_msg("%s: %s", cases[i].head, status);
        close(client);
    }
}

static void stopping_ends_tunnels_that_are_open(void **state)
{
    const struct world *world = *state;
    char status[128], byte;
    int client = ask(world, "CONNECT 192.0.2.1:443 HTTP/1.1\r\n\r\n", status);
    int far = accept(world->listener, NULL, NULL);
    proxy_stop(&((struct world *)world)->proxy);
    assert_int_equal(read(client, &byte, 1), 0);
    assert_int_equal(read(far, &byte, 1), 0);
    close(client);
    close(far);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_tunnel_carries_both_ways_and_ends_each_way_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(a_megabyte_arrives_whole_though_the_reader_is_slow, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_no_connect_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(stopping_ends_tunnels_that_are_open, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
