/* Names inside a VPC: a small DNS responder (UDP, addresses only) in every router, answering from what the
 * region knows. There is nobody further to ask, so what it does not know does not exist. */
#include "localaws/plane/namespace.h"
#include "localaws/plane/parts.h"

#include "base/file.h"
#include "base/text.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <fcntl.h>
#include <resolv.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { ANSWER_LARGEST = 512, TTL_S = 5, EVENTS = 16 };

struct responder {
    struct responder *next;
    char *vpc_id;
    int socket;
};

struct name_server {
    struct plane *plane;
    pthread_t thread;
    int events, stop;     /* epoll; eventfd that ends the thread */
    pthread_mutex_t lock; /* protects responders and the sockets' being open */
    struct responder *responders;
};

struct question {
    struct sockaddr_storage from;
    socklen_t from_length;
    unsigned char bytes[ANSWER_LARGEST];
    size_t length;
    size_t end; /* of the question section */
    int type;
    char name[NS_MAXDNAME];
};

/* True for a standard query with one question in class IN. */
static bool parse_question(struct question *question)
{
    ns_msg message;
    ns_rr record;
    if (ns_initparse(question->bytes, (int)question->length, &message) < 0 ||
        ns_msg_getflag(message, ns_f_qr) || ns_msg_getflag(message, ns_f_opcode) != ns_o_query ||
        ns_msg_count(message, ns_s_qd) != 1 || ns_parserr(&message, ns_s_qd, 0, &record) < 0 ||
        ns_rr_class(record) != ns_c_in)
        return false;
    int name_length = dn_skipname(question->bytes + NS_HFIXEDSZ, question->bytes + question->length);
    if (name_length < 0)
        return false;
    question->end = NS_HFIXEDSZ + (size_t)name_length + NS_QFIXEDSZ;
    question->type = ns_rr_type(record);
    snprintf(question->name, sizeof question->name, "%s", ns_rr_name(record));
    return true;
}

/* Appends one address record whose name points at the question's. */
static size_t put_address(unsigned char *answer, size_t length, int type, const char *address)
{
    unsigned char bytes[16];
    size_t size = type == ns_t_aaaa ? 16 : 4;
    if (length + 12 + size > ANSWER_LARGEST ||
        inet_pton(type == ns_t_aaaa ? AF_INET6 : AF_INET, address, bytes) != 1)
        return length;
    unsigned char *record = answer + length;
    ns_put16(0xc000 | NS_HFIXEDSZ, record);
    ns_put16((unsigned)type, record + 2);
    ns_put16(ns_c_in, record + 4);
    ns_put32(TTL_S, record + 6);
    ns_put16((unsigned)size, record + 10);
    memcpy(record + 12, bytes, size);
    return length + 12 + size;
}

static size_t answer_question(const struct question *question, const char *const *addresses,
                              unsigned char answer[ANSWER_LARGEST])
{
    size_t length = question->end;
    unsigned count = 0;
    memcpy(answer, question->bytes, length);
    for (; addresses && *addresses; addresses++) {
        size_t longer = put_address(answer, length, question->type, *addresses);
        count += longer > length;
        length = longer;
    }
    bool wants_recursion = question->bytes[2] & 1;
    answer[2] = (unsigned char)(0x84 | wants_recursion); /* an answer, authoritative */
    answer[3] = (unsigned char)(0x80 | (addresses ? ns_r_noerror : ns_r_nxdomain)); /* recursion available */
    ns_put16(1, answer + 4);
    ns_put16(count, answer + 6);
    ns_put16(0, answer + 8);
    ns_put16(0, answer + 10);
    return length;
}

static struct responder *find_responder(struct name_server *server, int socket)
{
    for (struct responder *responder = server->responders; responder; responder = responder->next)
        if (responder->socket == socket)
            return responder;
    return NULL;
}

/* The lock is held for the socket calls, which do not wait, and never while the region is asked. */
static void answer_one(struct name_server *server, int socket)
{
    struct question question = {.from_length = sizeof question.from};
    cleanup(arena_free) struct arena *arena = arena_new();
    const char *vpc_id = NULL;
    pthread_mutex_lock(&server->lock);
    struct responder *responder = find_responder(server, socket);
    ssize_t got = responder ? recvfrom(socket, question.bytes, sizeof question.bytes, 0,
                                       (struct sockaddr *)&question.from, &question.from_length)
                            : -1;
    if (got > 0)
        vpc_id = arena_strdup(arena, responder->vpc_id);
    pthread_mutex_unlock(&server->lock);
    question.length = got > 0 ? (size_t)got : 0;
    if (!vpc_id || !parse_question(&question))
        return;
    const struct plane_callbacks *callbacks = &server->plane->callbacks;
    const char *const *addresses = callbacks->resolve ? callbacks->resolve(callbacks->context, arena, vpc_id,
                                                                           text_lower(arena, question.name))
                                                      : NULL;
    unsigned char answer[ANSWER_LARGEST];
    size_t length = answer_question(&question, addresses, answer);
    pthread_mutex_lock(&server->lock);
    if (find_responder(server, socket))
        sendto(socket, answer, length, 0, (struct sockaddr *)&question.from, question.from_length);
    pthread_mutex_unlock(&server->lock);
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
            answer_one(server, events[i].data.fd);
        }
    }
}

static void watch(struct name_server *server, int descriptor)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = descriptor};
    epoll_ctl(server->events, EPOLL_CTL_ADD, descriptor, &event);
}

int names_start(struct plane *plane, struct error *err)
{
    struct name_server *server = memory_alloc(sizeof *server);
    server->plane = plane;
    server->events = epoll_create1(EPOLL_CLOEXEC);
    server->stop = eventfd(0, EFD_CLOEXEC);
    pthread_mutex_init(&server->lock, NULL);
    watch(server, server->stop);
    if (pthread_create(&server->thread, NULL, answer_questions, server) != 0) {
        free(server);
        return error_set(err, ERROR_UNAVAILABLE, "the names' thread cannot be started");
    }
    plane->names = server;
    return 0;
}

int names_listen(struct plane *plane, struct network *network, struct error *err)
{
    static const char *const addresses[] = {NAMES_IPV6, NAMES_IPV4};
    struct name_server *server = plane->names;
    for (size_t i = 0; i < COUNT_OF(addresses); i++) {
        int socket;
        if (namespace_listen(network->namespace, SOCK_DGRAM, addresses[i], 53, &socket, err) < 0)
            return -1;
        fcntl(socket, F_SETFL, O_NONBLOCK);
        struct responder *responder = memory_alloc(sizeof *responder);
        *responder = (struct responder){.vpc_id = memory_strdup(network->id), .socket = socket};
        pthread_mutex_lock(&server->lock);
        responder->next = server->responders;
        server->responders = responder;
        pthread_mutex_unlock(&server->lock);
        watch(server, socket);
    }
    return 0;
}

static void remove_responders(struct name_server *server, const char *vpc_id)
{
    pthread_mutex_lock(&server->lock);
    for (struct responder **place = &server->responders; *place;) {
        struct responder *responder = *place;
        if (vpc_id && !text_equal(responder->vpc_id, vpc_id)) {
            place = &responder->next;
            continue;
        }
        *place = responder->next;
        close(responder->socket);
        free(responder->vpc_id);
        free(responder);
    }
    pthread_mutex_unlock(&server->lock);
}

void names_unlisten(struct plane *plane, struct network *network)
{
    remove_responders(plane->names, network->id);
}

void names_stop(struct plane *plane)
{
    struct name_server *server = plane->names;
    if (!server)
        return;
    eventfd_write(server->stop, 1);
    pthread_join(server->thread, NULL);
    remove_responders(server, NULL);
    close(server->stop);
    close(server->events);
    pthread_mutex_destroy(&server->lock);
    free(server);
    plane->names = NULL;
}
