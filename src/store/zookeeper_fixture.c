#include "store/zookeeper_fixture.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/random.h"
#include "base/text.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Below the range that connections get theirs from, so that nobody takes it before the server does. */
enum { PORT_FIRST = 11000, PORT_COUNT = 20000, OPEN_MS = 20000, ANSWER_MS = 500, ANSWER_LONGEST = 2048 };

static int connect_or_bind(const char *address, uint16_t port,
                           int (*step)(int, const struct sockaddr *, socklen_t))
{
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    bool is_v6 = inet_pton(AF_INET6, address, &v6.sin6_addr) == 1;
    inet_pton(AF_INET, address, &v4.sin_addr);
    int fd = socket(is_v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const struct sockaddr *target = is_v6 ? (const struct sockaddr *)&v6 : (const struct sockaddr *)&v4;
    if (fd >= 0 && step(fd, target, is_v6 ? sizeof v6 : sizeof v4) < 0)
        file_close(&fd);
    return fd;
}

uint16_t fixture_free_port(const char *address)
{
    for (;;) {
        uint16_t port = (uint16_t)(PORT_FIRST + random_below(PORT_COUNT));
        int fd = connect_or_bind(address, port, bind);
        if (fd >= 0) {
            close(fd);
            return port;
        }
    }
}

int fixture_launch(struct fixture *fixture, size_t server, struct error *err)
{
    cleanup(memory_free) char *path = memory_format("%s/%zu.log", fixture->directory, server);
    cleanup(file_close) int output = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (output < 0)
        return error_errno(err, ERROR_UNAVAILABLE, "open %s", path);
    return zookeeper_server_launch(&fixture->options[server], output, &fixture->pids[server], err);
}

void fixture_kill(struct fixture *fixture, size_t server)
{
    if (fixture->pids[server]) {
        kill(fixture->pids[server], SIGKILL);
        waitpid(fixture->pids[server], NULL, 0);
    }
    fixture->pids[server] = 0;
}

int fixture_start(struct fixture *fixture, size_t count, const char *address, struct error *err)
{
    *fixture = (struct fixture){.directory = "/tmp/zookeeper_test.XXXXXX", .count = count};
    if (!mkdtemp(fixture->directory))
        return error_errno(err, ERROR_UNAVAILABLE, "make a directory");
    for (size_t i = 0; i < count; i++)
        fixture->members[i] = (struct zookeeper_member){.index = (int)i + 1,
                                                        .address = address,
                                                        .client_port = fixture_free_port(address),
                                                        .quorum_port = fixture_free_port(address),
                                                        .election_port = fixture_free_port(address)};
    for (size_t i = 0; i < count; i++) {
        fixture->options[i] =
            (struct zookeeper_options){.state_directory = memory_format("%s/%zu", fixture->directory, i),
                                       .index = (int)i + 1,
                                       .members = fixture->members,
                                       .member_count = count};
        if (zookeeper_server_prepare(&fixture->options[i], err) < 0 || fixture_launch(fixture, i, err) < 0)
            return -1;
    }
    return 0;
}

void fixture_stop(struct fixture *fixture)
{
    for (size_t i = 0; i < fixture->count; i++) {
        fixture_kill(fixture, i);
        free((char *)fixture->options[i].state_directory);
    }
    tree_remove(fixture->directory, NULL);
}

/* What it says of itself; "" when it does not answer. */
static void ask(const struct zookeeper_member *member, char answer[ANSWER_LONGEST])
{
    size_t length = 0;
    cleanup(file_close) int fd = connect_or_bind(member->address, member->client_port, connect);
    answer[0] = '\0';
    if (fd < 0 || write(fd, "srvr", 4) != 4)
        return;
    struct pollfd readable = {fd, POLLIN, 0};
    while (length < ANSWER_LONGEST - 1 && poll(&readable, 1, ANSWER_MS) > 0) {
        ssize_t got = read(fd, answer + length, ANSWER_LONGEST - 1 - length);
        if (got <= 0)
            break;
        length += (size_t)got;
    }
    answer[length] = '\0';
}

/* Does that hold one of these? */
static bool says(const struct zookeeper_member *member, const char *one, const char *other)
{
    char answer[ANSWER_LONGEST];
    ask(member, answer);
    return strstr(answer, one) || strstr(answer, other);
}

int fixture_connections(const struct fixture *fixture, size_t server)
{
    static const char mark[] = "Connections: ";
    char answer[ANSWER_LONGEST];
    ask(&fixture->members[server], answer);
    const char *count = strstr(answer, mark);
    return count ? atoi(count + strlen(mark)) : -1;
}

int fixture_leader(struct fixture *fixture, int timeout_ms)
{
    int64_t deadline_ms = clock_monotonic_ms() + timeout_ms;
    while (clock_monotonic_ms() < deadline_ms) {
        for (size_t i = 0; i < fixture->count; i++)
            if (fixture->pids[i] && says(&fixture->members[i], "Mode: leader", "Mode: standalone"))
                return (int)i;
        clock_sleep_ms(20);
    }
    return -1;
}

bool fixture_serves(struct fixture *fixture, size_t server, int timeout_ms)
{
    int64_t deadline_ms = clock_monotonic_ms() + timeout_ms;
    while (clock_monotonic_ms() < deadline_ms) {
        if (says(&fixture->members[server], "Mode: leader", "Mode: follower"))
            return true;
        clock_sleep_ms(20);
    }
    return false;
}

struct store *fixture_open(struct fixture *fixture, size_t first, int session_timeout_ms,
                           store_session_changed *changed, void *context)
{
    int64_t deadline_ms = clock_monotonic_ms() + OPEN_MS;
    cleanup(arena_free) struct arena *arena = arena_new();
    const char *servers = zookeeper_connect_string(arena, &fixture->options[first]);
    struct store *store = NULL;
    struct error err = {0};
    while (!store && clock_monotonic_ms() < deadline_ms)
        store_open_zookeeper(servers, session_timeout_ms, changed, context, &store, &err);
    if (!store) {
        fprintf(stderr, "%s\n", err.message);
        abort();
    }
    return store;
}

static void remove_below(struct store *store, const char *path)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    char **names;
    size_t count = 0;
    store_children(store, arena, path, &names, &count, NULL);
    for (size_t i = 0; i < count; i++) {
        const char *below = arena_format(arena, "%s/%s", text_equal(path, "/") ? "" : path, names[i]);
        remove_below(store, below);
        store_delete(store, below, STORE_ANY_VERSION, NULL);
    }
}

void fixture_clear(struct fixture *fixture)
{
    struct store *store = fixture_open(fixture, 0, 4000, NULL, NULL);
    remove_below(store, "/");
    store_close(&store);
}
