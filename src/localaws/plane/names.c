/* Names inside a VPC: a small DNS responder in every router, by UDP and TCP, answering from what the region
 * knows. There is nobody further to ask, so what it does not know does not exist. One thread serves all. */
#include "localaws/plane/names_message.h"
#include "localaws/plane/namespace.h"
#include "localaws/plane/parts.h"
#include "localaws/plane/prefix.h"

#include "base/file.h"
#include "base/text.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS = 16, PORT = 53, LENGTH_BYTES = 2, CONNECTIONS_MOST = 256 };

/* A socket of a VPC's: for datagrams, to listen, or a connection with what has come of its next query. */
struct responder {
    struct responder *next;
    char *vpc_id;
    int socket;
    enum { DATAGRAMS, LISTENER, CONNECTION } kind;
    unsigned char *query; /* of a connection: two bytes of length, then so many */
    size_t got;
};

struct name_server {
    struct plane *plane;
    pthread_t thread;
    int events, stop; /* epoll; eventfd that ends the thread */
    pthread_mutex_t
        lock; /* protects responders and the sockets' being open; never held while the region is asked */
    struct responder *responders; /* newest first */
    size_t connections;
};

static struct responder **find_responder(struct name_server *server, int socket)
{
    struct responder **place = &server->responders;
    while (*place && (*place)->socket != socket)
        place = &(*place)->next;
    return place;
}

static void forget(struct name_server *server, struct responder **place)
{
    struct responder *responder = *place;
    *place = responder->next;
    server->connections -= responder->kind == CONNECTION;
    close(responder->socket);
    free(responder->vpc_id);
    free(responder->query);
    free(responder);
}

static void add(struct name_server *server, const char *vpc_id, int socket, int kind)
{
    struct responder *responder = memory_alloc(sizeof *responder);
    *responder = (struct responder){.vpc_id = memory_strdup(vpc_id), .socket = socket, .kind = kind};
    if (kind == CONNECTION)
        responder->query = memory_alloc(LENGTH_BYTES + NAMES_TCP_LARGEST);
    fcntl(socket, F_SETFL, O_NONBLOCK);
    responder->next = server->responders;
    server->responders = responder;
    server->connections += kind == CONNECTION;
    struct epoll_event event = {.events = EPOLLIN, .data.fd = socket};
    epoll_ctl(server->events, EPOLL_CTL_ADD, socket, &event);
}

/* With the lock held. When there are too many connections the oldest makes room. */
static void accept_one(struct name_server *server, const struct responder *listener)
{
    int connection = accept4(listener->socket, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    struct responder **oldest = NULL;
    if (connection < 0)
        return;
    for (struct responder **place = &server->responders; *place; place = &(*place)->next)
        if ((*place)->kind == CONNECTION)
            oldest = place;
    char *vpc_id = memory_strdup(listener->vpc_id);
    if (server->connections >= CONNECTIONS_MOST)
        forget(server, oldest);
    add(server, vpc_id, connection, CONNECTION);
    free(vpc_id);
}

/* A query on its way to being answered. */
struct exchange {
    int socket;
    char *vpc_id; /* NULL: there is none yet */
    bool stream;
    struct sockaddr_storage from;
    socklen_t from_length;
    unsigned char query[NAMES_TCP_LARGEST], answer[LENGTH_BYTES + NAMES_TCP_LARGEST];
    size_t length;
};

static void take_datagram(const struct responder *responder, struct exchange *exchange)
{
    exchange->from_length = sizeof exchange->from;
    ssize_t got = recvfrom(responder->socket, exchange->query, NAMES_UDP_LARGEST, 0,
                           (struct sockaddr *)&exchange->from, &exchange->from_length);
    if (got <= 0)
        return;
    exchange->length = (size_t)got;
    exchange->vpc_id = memory_strdup(responder->vpc_id);
}

/* Reads no further than the end of one query. */
static void take_from_stream(struct name_server *server, struct responder **place, struct exchange *exchange)
{
    struct responder *responder = *place;
    size_t wanted = LENGTH_BYTES;
    if (responder->got >= LENGTH_BYTES)
        wanted += (size_t)responder->query[0] << 8 | responder->query[1];
    ssize_t got = wanted > LENGTH_BYTES + NAMES_TCP_LARGEST
                      ? 0
                      : read(responder->socket, responder->query + responder->got, wanted - responder->got);
    if (got <= 0) {
        forget(server, place);
        return;
    }
    responder->got += (size_t)got;
    if (responder->got < wanted || wanted == LENGTH_BYTES)
        return;
    exchange->length = wanted - LENGTH_BYTES;
    memcpy(exchange->query, responder->query + LENGTH_BYTES, exchange->length);
    exchange->vpc_id = memory_strdup(responder->vpc_id);
    exchange->stream = true;
    responder->got = 0;
}

static void take_query(struct name_server *server, int socket, struct exchange *exchange)
{
    pthread_mutex_lock(&server->lock);
    struct responder **place = find_responder(server, socket);
    exchange->socket = socket;
    if (*place && (*place)->kind == LISTENER)
        accept_one(server, *place);
    else if (*place && (*place)->kind == DATAGRAMS)
        take_datagram(*place, exchange);
    else if (*place)
        take_from_stream(server, place, exchange);
    pthread_mutex_unlock(&server->lock);
}

/* A stream that cannot take an answer at once has stopped reading: it ends. */
static void give_answer(struct name_server *server, struct exchange *exchange, size_t length)
{
    unsigned char *answer = exchange->answer;
    pthread_mutex_lock(&server->lock);
    struct responder **place = find_responder(server, exchange->socket);
    answer[0] = (unsigned char)(length >> 8);
    answer[1] = (unsigned char)length;
    if (*place && !exchange->stream)
        sendto(exchange->socket, answer + LENGTH_BYTES, length, 0, (struct sockaddr *)&exchange->from,
               exchange->from_length);
    else if (*place && send(exchange->socket, answer, LENGTH_BYTES + length, MSG_NOSIGNAL) !=
                           (ssize_t)(LENGTH_BYTES + length))
        forget(server, place);
    pthread_mutex_unlock(&server->lock);
}

static void serve(struct name_server *server, int socket)
{
    struct exchange exchange = {.vpc_id = NULL};
    take_query(server, socket, &exchange);
    if (!exchange.vpc_id)
        return;
    size_t length =
        names_answer(&server->plane->callbacks, exchange.vpc_id, exchange.query, exchange.length,
                     exchange.answer + LENGTH_BYTES, exchange.stream ? NAMES_TCP_LARGEST : NAMES_UDP_LARGEST);
    if (length)
        give_answer(server, &exchange, length);
    free(exchange.vpc_id);
}

static void *answer_questions(void *argument)
{
    struct name_server *server = argument;
    pthread_setname_np(pthread_self(), "names");
    for (;;) {
        struct epoll_event events[EVENTS];
        int count = epoll_wait(server->events, events, EVENTS, -1);
        for (int i = 0; i < count; i++) {
            if (events[i].data.fd == server->stop)
                return NULL;
            serve(server, events[i].data.fd);
        }
    }
}

int names_start(struct plane *plane, struct error *err)
{
    struct name_server *server = memory_alloc(sizeof *server);
    server->plane = plane;
    server->events = epoll_create1(EPOLL_CLOEXEC);
    server->stop = eventfd(0, EFD_CLOEXEC);
    pthread_mutex_init(&server->lock, NULL);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = server->stop};
    epoll_ctl(server->events, EPOLL_CTL_ADD, server->stop, &event);
    if (pthread_create(&server->thread, NULL, answer_questions, server) != 0) {
        free(server);
        return error_set(err, ERROR_UNAVAILABLE, "the names' thread cannot be started");
    }
    plane->names = server;
    return 0;
}

bool names_own_address(const struct plane_vpc *vpc, char address[INET_ADDRSTRLEN])
{
    struct prefix block;
    if (!prefix_parse(vpc->cidrs[0], &block) || block.six || block.bits > 28)
        return false;
    block.bytes[3] |= 2;
    return inet_ntop(AF_INET, block.bytes, address, INET_ADDRSTRLEN) != NULL;
}

int names_listen(struct plane *plane, struct network *network, struct error *err)
{
    char own[INET_ADDRSTRLEN];
    const char *addresses[] = {NAMES_IPV6, NAMES_IPV4, names_own_address(network->wanted, own) ? own : NULL};
    struct name_server *server = plane->names;
    for (size_t i = 0; i < COUNT_OF(addresses) && addresses[i]; i++)
        for (int kind = DATAGRAMS; kind <= LISTENER; kind++) {
            int socket;
            if (namespace_listen(network->namespace, kind == DATAGRAMS ? SOCK_DGRAM : SOCK_STREAM,
                                 addresses[i], PORT, &socket, err) < 0)
                return -1;
            pthread_mutex_lock(&server->lock);
            add(server, network->id, socket, kind);
            pthread_mutex_unlock(&server->lock);
        }
    return 0;
}

static void forget_all(struct name_server *server, const char *vpc_id)
{
    pthread_mutex_lock(&server->lock);
    for (struct responder **place = &server->responders; *place;)
        if (!vpc_id || text_equal((*place)->vpc_id, vpc_id))
            forget(server, place);
        else
            place = &(*place)->next;
    pthread_mutex_unlock(&server->lock);
}

void names_unlisten(struct plane *plane, struct network *network)
{
    forget_all(plane->names, network->id);
}

void names_stop(struct plane *plane)
{
    struct name_server *server = plane->names;
    if (!server)
        return;
    eventfd_write(server->stop, 1);
    pthread_join(server->thread, NULL);
    forget_all(server, NULL);
    close(server->stop);
    close(server->events);
    pthread_mutex_destroy(&server->lock);
    free(server);
    plane->names = NULL;
}
