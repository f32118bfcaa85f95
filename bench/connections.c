/* How many connections a second something carries: one end answers each connection's byte with a byte, the
 * other opens connections, so many at a time, each until its byte is back, and prints one JSON object.
 *
 *     bench_connections serve PORT
 *     bench_connections connect ADDRESS PORT AT_A_TIME SECONDS MOST */
#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 4096, EVENTS = 256 };

static void die(const char *what)
{
    fprintf(stderr, "bench_connections: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void watch(int epoll, int socket, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.fd = socket};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, socket, &event) < 0)
        die("epoll_ctl");
}

/* The peer closes first; then so do we. */
static void answer(int socket)
{
    char byte;
    ssize_t count = recv(socket, &byte, 1, 0);
    if (count == 1)
        count = send(socket, &byte, 1, MSG_NOSIGNAL);
    else if (count == 0 || errno != EAGAIN)
        close(socket);
}

static void serve(uint16_t port)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    int epoll = epoll_create1(EPOLL_CLOEXEC), listener = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, BACKLOG) < 0)
        die("listen");
    watch(epoll, listener, EPOLLIN);
    for (;;) {
        struct epoll_event events[EVENTS];
        int ready = epoll_wait(epoll, events, EVENTS, -1);
        for (int i = 0; i < ready; i++) {
            if (events[i].data.fd != listener) {
                answer(events[i].data.fd);
                continue;
            }
            for (int peer; (peer = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;)
                watch(epoll, peer, EPOLLIN);
        }
    }
}

struct caller {
    struct sockaddr_in6 address;
    int epoll;
    size_t begun, done, failed, most;
    int64_t until_ms;
};

static void begin(struct caller *caller)
{
    if (caller->begun == caller->most || clock_monotonic_ms() >= caller->until_ms)
        return;
    caller->begun++;
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (connect(fd, (struct sockaddr *)&caller->address, sizeof caller->address) < 0 && errno != EINPROGRESS)
        die("connect");
    watch(caller->epoll, fd, EPOLLOUT);
}

static void end(struct caller *caller, int socket, bool good)
{
    close(socket);
    caller->done++;
    caller->failed += !good;
    begin(caller);
}

/* Connected: the byte goes; then it is back. */
static void step(struct caller *caller, const struct epoll_event *event)
{
    int socket = event->data.fd;
    char byte = 'x';
    if (event->events & (EPOLLERR | EPOLLHUP)) {
        end(caller, socket, false);
    } else if (event->events & EPOLLOUT) {
        struct epoll_event next = {.events = EPOLLIN, .data.fd = socket};
        if (send(socket, &byte, 1, MSG_NOSIGNAL) != 1)
            end(caller, socket, false);
        else
            epoll_ctl(caller->epoll, EPOLL_CTL_MOD, socket, &next);
    } else {
        end(caller, socket, recv(socket, &byte, 1, 0) == 1);
    }
}

static int call(struct caller *caller, size_t at_a_time)
{
    int64_t began_ms = clock_monotonic_ms();
    for (size_t i = 0; i < at_a_time; i++)
        begin(caller);
    while (caller->done < caller->begun) {
        struct epoll_event events[EVENTS];
        int ready = epoll_wait(caller->epoll, events, EVENTS, 10000);
        if (ready <= 0)
            die("no answer for ten seconds");
        for (int i = 0; i < ready; i++)
            step(caller, &events[i]);
    }
    double seconds = (double)(clock_monotonic_ms() - began_ms) / 1000;
    printf("{\"connections\": %zu, \"failed\": %zu, \"seconds\": %.3f, \"per_s\": %.1f}\n", caller->done,
           caller->failed, seconds, (double)(caller->done - caller->failed) / seconds);
    return caller->failed ? 1 : 0;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "serve") == 0)
        serve((uint16_t)strtoul(argv[2], NULL, 10));
    struct caller caller = {.epoll = epoll_create1(EPOLL_CLOEXEC), .address = {.sin6_family = AF_INET6}};
    if (argc != 7 || strcmp(argv[1], "connect") != 0 ||
        inet_pton(AF_INET6, argv[2], &caller.address.sin6_addr) != 1) {
        fprintf(stderr, "bench_connections: serve PORT, or connect ADDRESS PORT AT_A_TIME SECONDS MOST\n");
        return 2;
    }
    caller.address.sin6_port = htons((uint16_t)strtoul(argv[3], NULL, 10));
    caller.until_ms = clock_monotonic_ms() + (int64_t)(strtod(argv[5], NULL) * 1000);
    caller.most = strtoul(argv[6], NULL, 10);
    return call(&caller, strtoul(argv[4], NULL, 10));
}
