/* Load for a server: signed requests, given as bytes, sent again and again over kept TLS connections, one at
 * a time on each, as AWS's clients do. One thread, so that of two cores the server has one to itself. Prints
 * one JSON object: how many were answered, how many not with 200, how long it took and the middle and worst
 * latencies.
 *
 *     bench_load ADDRESS PORT CONNECTIONS SECONDS MOST_REQUESTS FILE     FILE: a JSON list of texts */
#include "base/clock.h"
#include "base/file.h"
#include "base/record.h"
#include "base/text.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { REQUESTS_LARGEST = 256 << 20, ANSWER_ROOM = 64 << 10, LATENCIES_MOST = 1 << 20 };

struct connection {
    gnutls_session_t session;
    int socket;
    size_t sent, received; /* of the request; of the answer's head, then of its body */
    size_t head, expected; /* length of the head, once it is whole; of the whole answer */
    const char *request;
    bool good;
    int64_t began_us;
    char answer[ANSWER_ROOM];
};

struct load {
    const char **requests;
    size_t request_count, next;
    size_t most, begun, done, failed;
    int64_t until_ms;
    int epoll;
    gnutls_certificate_credentials_t credentials;
    uint32_t *latencies;
    size_t latency_count;
};

static void die(const char *what)
{
    fprintf(stderr, "bench_load: %s\n", what);
    exit(1);
}

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void read_requests(struct load *load, struct arena *arena, const char *path)
{
    struct error err = {0};
    char *text;
    size_t length;
    json_t *list;
    if (file_read(arena, path, REQUESTS_LARGEST, &text, &length, &err) < 0 ||
        json_parse(arena, text, length, &list, &err) < 0)
        die(err.message);
    load->request_count = json_array_size(list);
    if (!load->request_count)
        die("no requests");
    load->requests = arena_alloc(arena, load->request_count * sizeof *load->requests);
    for (size_t i = 0; i < load->request_count; i++)
        if (!(load->requests[i] = json_string_value(json_array_get(list, i))))
            die("a request is no text");
}

static struct connection *connect_to(struct load *load, const char *address, uint16_t port)
{
    struct connection *connection = memory_alloc(sizeof *connection);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    int on = 1, result;
    connection->socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (inet_pton(AF_INET, address, &to.sin_addr) != 1 ||
        connect(connection->socket, (struct sockaddr *)&to, sizeof to) < 0)
        die("cannot connect");
    setsockopt(connection->socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    gnutls_init(&connection->session, GNUTLS_CLIENT | GNUTLS_NONBLOCK);
    gnutls_set_default_priority(connection->session);
    gnutls_credentials_set(connection->session, GNUTLS_CRD_CERTIFICATE, load->credentials);
    gnutls_transport_set_int(connection->session, connection->socket);
    do
        result = gnutls_handshake(connection->session);
    while (result < 0 && !gnutls_error_is_fatal(result));
    if (result < 0)
        die(gnutls_strerror(result));
    fcntl(connection->socket, F_SETFL, O_NONBLOCK);
    return connection;
}

/* What has not left yet. */
static void send_rest(struct connection *connection)
{
    size_t length = strlen(connection->request);
    while (connection->sent < length) {
        ssize_t count = gnutls_record_send(connection->session, connection->request + connection->sent,
                                           length - connection->sent);
        if (count < 0 && gnutls_error_is_fatal((int)count))
            die("the server closed the connection");
        if (count > 0)
            connection->sent += (size_t)count;
        else
            poll(&(struct pollfd){.fd = connection->socket, .events = POLLOUT}, 1, 1000);
    }
}

static void begin(struct load *load, struct connection *connection)
{
    connection->request = NULL;
    if (load->begun == load->most || clock_monotonic_ms() >= load->until_ms)
        return;
    load->begun++;
    connection->request = load->requests[load->next++ % load->request_count];
    connection->sent = connection->received = connection->head = 0;
    connection->began_us = now_us();
    send_rest(connection);
}

/* The head is whole: how long is the answer? */
static void read_head(struct connection *connection, const char *end)
{
    const char *length = strcasestr(connection->answer, "\r\nContent-Length:");
    connection->good = strncmp(connection->answer, "HTTP/1.1 200", 12) == 0;
    connection->head = (size_t)(end - connection->answer) + 4;
    if (!length || length > end)
        die("an answer without its length");
    connection->expected = connection->head + strtoul(length + 17, NULL, 10);
}

/* The body is counted, not kept. */
static void receive(struct load *load, struct connection *connection)
{
    for (;;) {
        size_t room = ANSWER_ROOM - 1 - (connection->head ? 0 : connection->received);
        ssize_t count = gnutls_record_recv(
            connection->session, connection->answer + (connection->head ? 0 : connection->received), room);
        if (count == 0 || (count < 0 && gnutls_error_is_fatal((int)count)))
            die("the server closed the connection");
        if (count < 0)
            return;
        connection->received += (size_t)count;
        if (!connection->head) {
            connection->answer[connection->received] = '\0';
            const char *end = strstr(connection->answer, "\r\n\r\n");
            if (end)
                read_head(connection, end);
        }
        if (connection->head && connection->received == connection->expected)
            break;
    }
    load->done++;
    load->failed += !connection->good;
    if (load->latency_count < LATENCIES_MOST)
        load->latencies[load->latency_count++] = (uint32_t)(now_us() - connection->began_us);
    begin(load, connection);
}

static int by_size(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    return (left > right) - (left < right);
}

static void run(struct load *load, struct connection **connections, size_t count)
{
    int64_t began_us = now_us();
    for (size_t i = 0; i < count; i++)
        begin(load, connections[i]);
    while (load->done < load->begun) {
        struct epoll_event events[64];
        int ready = epoll_wait(load->epoll, events, COUNT_OF(events), 10000);
        if (ready <= 0)
            die("no answer for ten seconds");
        for (int i = 0; i < ready; i++)
            receive(load, events[i].data.ptr);
    }
    double seconds = (double)(now_us() - began_us) / 1e6;
    qsort(load->latencies, load->latency_count, sizeof *load->latencies, by_size);
    printf("{\"requests\": %zu, \"failed\": %zu, \"seconds\": %.3f, \"per_s\": %.1f, \"p50_us\": %u, "
           "\"p99_us\": %u}\n",
           load->done, load->failed, seconds, (double)load->done / seconds,
           load->latencies[load->latency_count / 2], load->latencies[load->latency_count * 99 / 100]);
}

int main(int argc, char **argv)
{
    if (argc != 7)
        die("ADDRESS PORT CONNECTIONS SECONDS MOST_REQUESTS FILE");
    cleanup(arena_free) struct arena *arena = arena_new();
    size_t count = strtoul(argv[3], NULL, 10);
    struct load load = {.most = strtoul(argv[5], NULL, 10), .epoll = epoll_create1(EPOLL_CLOEXEC)};
    load.latencies = memory_array(LATENCIES_MOST, sizeof *load.latencies);
    gnutls_certificate_allocate_credentials(&load.credentials);
    read_requests(&load, arena, argv[6]);
    struct connection **connections = arena_alloc(arena, count * sizeof(struct connection *));
    for (size_t i = 0; i < count; i++) {
        connections[i] = connect_to(&load, argv[1], (uint16_t)strtoul(argv[2], NULL, 10));
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = connections[i]};
        epoll_ctl(load.epoll, EPOLL_CTL_ADD, connections[i]->socket, &event);
    }
    load.until_ms = clock_monotonic_ms() + (int64_t)(strtod(argv[4], NULL) * 1000);
    run(&load, connections, count);
    return load.failed ? 1 : 0;
}
