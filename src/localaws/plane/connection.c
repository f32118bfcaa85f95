/* One connection through a balancer: two sockets and two flows of bytes between them. A flow holds at most
 * one read's worth of bytes that the other side was not ready for, and reads nothing more until they are
 * gone. The end of one direction is passed on without ending the other. */
#include "localaws/plane/balance.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    ACCEPTS_AT_ONCE = 64,
    LAST_READS = 64, /* more than a socket holds */
    CONNECT_MS = 5000,
    SWEEP_MS = 1000,
    FULL_PAUSE_MS = 10,   /* out of descriptors: nothing goes on until somebody closes one */
    IDLE_MS = 350 * 1000, /* as AWS's network load balancers */
};

struct flow {
    struct watcher *from, *to;
    char *pending; /* read, not yet written */
    size_t pending_length, pending_from;
    bool ended;  /* nothing more comes */
    bool passed; /* and the other side was told */
};

struct side {
    struct watcher watcher;
    struct connection *connection;
};

struct connection {
    struct side client, target;
    struct flow up, down; /* client to target, target to client */
    bool connecting, closed;
    int64_t active_ms;
    struct connection *next;
};

static void end_connection(struct balancing *balancing, struct connection *connection, bool abruptly)
{
    if (connection->closed)
        return;
    connection->closed = balancing->any_closed = true;
    struct side *const sides[] = {&connection->client, &connection->target};
    for (size_t i = 0; i < COUNT_OF(sides); i++) {
        struct linger reset = {1, 0};
        if (abruptly && sides[i]->watcher.descriptor >= 0)
            setsockopt(sides[i]->watcher.descriptor, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        watcher_close(balancing, &sides[i]->watcher);
    }
}

/* Writes what it can of `length` bytes; -1 when the connection is broken. */
static ssize_t write_some(int descriptor, const char *bytes, size_t length)
{
    ssize_t written = send(descriptor, bytes, length, MSG_NOSIGNAL);
    if (written < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -1;
    return written;
}

static int write_pending(struct flow *flow)
{
    if (!flow->pending)
        return 0;
    ssize_t written = write_some(flow->to->descriptor, flow->pending + flow->pending_from,
                                 flow->pending_length - flow->pending_from);
    if (written < 0)
        return -1;
    flow->pending_from += (size_t)written;
    if (flow->pending_from == flow->pending_length)
        memory_free(&flow->pending);
    return 0;
}

static int read_and_write(struct balancing *balancing, struct flow *flow)
{
    ssize_t got = recv(flow->from->descriptor, balancing->scratch, BALANCE_READ, 0);
    if (got < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -1;
    if (got == 0) {
        flow->ended = true;
        return 0;
    }
    ssize_t written = write_some(flow->to->descriptor, balancing->scratch, (size_t)got);
    if (written < 0)
        return -1;
    if (written < got) {
        flow->pending_from = 0;
        flow->pending_length = (size_t)(got - written);
        flow->pending = memory_alloc(flow->pending_length);
        memcpy(flow->pending, balancing->scratch + written, flow->pending_length);
    }
    return 0;
}

static int move_bytes(struct balancing *balancing, struct flow *flow, bool may_read)
{
    if (write_pending(flow) < 0)
        return -1;
    if (!flow->pending && !flow->ended && may_read && read_and_write(balancing, flow) < 0)
        return -1;
    if (flow->ended && !flow->pending && !flow->passed) {
        shutdown(flow->to->descriptor, SHUT_WR);
        flow->passed = true;
    }
    return 0;
}

/* What each socket is watched for follows from the flows alone. A socket nobody waits for is not watched at
 * all, or its hang-up would be reported for ever. */
static void update_interest(struct balancing *balancing, struct connection *connection)
{
    const struct flow *up = &connection->up, *down = &connection->down;
    bool reads_client = !up->ended && !up->pending, reads_target = !down->ended && !down->pending;
    watch_for(balancing, &connection->client.watcher,
              (reads_client ? (uint32_t)EPOLLIN : 0) | (down->pending ? (uint32_t)EPOLLOUT : 0));
    watch_for(balancing, &connection->target.watcher,
              (reads_target ? (uint32_t)EPOLLIN : 0) | (up->pending ? (uint32_t)EPOLLOUT : 0));
}

/* The peer has reset the connection; what it had sent before that is still passed on. */
static void pass_last_words(struct balancing *balancing, struct flow *flow)
{
    for (int i = 0; i < LAST_READS && !flow->pending && !flow->ended; i++)
        if (move_bytes(balancing, flow, true) < 0)
            return;
}

static void side_ready(struct balancing *balancing, struct watcher *watcher, uint32_t events)
{
    struct side *side = (struct side *)watcher; /* its first member */
    struct connection *connection = side->connection;
    bool from_client = side == &connection->client;
    bool readable = (events & (EPOLLIN | EPOLLHUP)) != 0;
    connection->active_ms = clock_monotonic_ms();
    if (events & EPOLLERR) {
        pass_last_words(balancing, from_client ? &connection->up : &connection->down);
        end_connection(balancing, connection, true);
        return;
    }
    if (move_bytes(balancing, &connection->up, from_client && readable) < 0 ||
        move_bytes(balancing, &connection->down, !from_client && readable) < 0) {
        end_connection(balancing, connection, true);
        return;
    }
    if (connection->up.passed && connection->down.passed)
        end_connection(balancing, connection, false);
    else
        update_interest(balancing, connection);
}

static void target_connected(struct balancing *balancing, struct watcher *watcher, uint32_t events)
{
    struct side *side = (struct side *)watcher;
    int failure = 0;
    socklen_t length = sizeof failure;
    getsockopt(watcher->descriptor, SOL_SOCKET, SO_ERROR, &failure, &length);
    if (failure || events & EPOLLERR) {
        end_connection(balancing, side->connection, true);
        return;
    }
    side->connection->connecting = false;
    side->connection->active_ms = clock_monotonic_ms();
    watcher->ready = side_ready;
    update_interest(balancing, side->connection);
}

static void begin_connection(struct balancing *balancing, int client, int target)
{
    struct connection *connection = memory_alloc(sizeof *connection);
    int on = 1;
    setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(target, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    connection->client = (struct side){{.descriptor = client, .ready = side_ready}, connection};
    connection->target = (struct side){{.descriptor = target, .ready = target_connected}, connection};
    connection->up = (struct flow){.from = &connection->client.watcher, .to = &connection->target.watcher};
    connection->down = (struct flow){.from = &connection->target.watcher, .to = &connection->client.watcher};
    connection->connecting = true;
    connection->active_ms = clock_monotonic_ms();
    connection->next = balancing->connections;
    balancing->connections = connection;
    watch_for(balancing, &connection->target.watcher, EPOLLOUT);
}

static struct group *group_of(const struct listener *listener)
{
    const struct plane_balancer *wanted = listener->balancer->wanted;
    for (size_t i = 0; i < wanted->listener_count; i++)
        for (size_t j = 0; wanted->listeners[i].port == listener->port && j < listener->balancer->group_count;
             j++)
            if (text_equal(listener->balancer->groups[j].wanted->arn, wanted->listeners[i].group_arn))
                return &listener->balancer->groups[j];
    return NULL;
}

static void refuse(int client)
{
    struct linger reset = {1, 0};
    setsockopt(client, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(client);
}

void connection_accept(struct balancing *balancing, struct watcher *watcher, uint32_t events)
{
    struct listener *listener = (struct listener *)watcher; /* its first member */
    (void)events;
    for (int i = 0; i < ACCEPTS_AT_ONCE; i++) {
        int client = accept4(watcher->descriptor, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (client < 0) {
            if (errno == EMFILE || errno == ENFILE)
                clock_sleep_ms(FULL_PAUSE_MS);
            return;
        }
        struct group *group = group_of(listener);
        struct target *target = group ? group_next_target(group) : NULL;
        int connected = target ? connect_from(listener->balancer, target->address, target->port) : -1;
        if (connected < 0)
            refuse(client);
        else
            begin_connection(balancing, client, connected);
    }
}

void connections_sweep(struct balancing *balancing, int64_t now_ms, bool all)
{
    if (!all && !balancing->any_closed && now_ms < balancing->next_sweep_ms)
        return;
    balancing->any_closed = false;
    balancing->next_sweep_ms = now_ms + SWEEP_MS;
    for (struct connection **place = &balancing->connections; *place;) {
        struct connection *connection = *place;
        int64_t idle = now_ms - connection->active_ms;
        if (all || idle > (connection->connecting ? CONNECT_MS : IDLE_MS))
            end_connection(balancing, connection, true);
        if (!connection->closed) {
            place = &connection->next;
            continue;
        }
        *place = connection->next;
        free(connection->up.pending);
        free(connection->down.pending);
        free(connection);
    }
}
