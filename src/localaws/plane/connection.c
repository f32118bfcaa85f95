/* One connection through a load balancer: two sides and two flows of bytes between them. It begins with what
 * has to be done before bytes flow: the target has to accept, and handshakes have to be made where TLS is
 * spoken, with the client first. A flow holds at most one read's worth of bytes that the other side was not
 * ready for, and reads nothing more until they are gone. The end of one direction is passed on without ending
 * the other. */
#include "localaws/plane/side.h"

#include "base/clock.h"
#include "base/text.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    LAST_READS = 64, /* more than a socket holds */
    BEGIN_MS = 10000,
};

/* What still has to be done before bytes flow. */
enum { CONNECTING = 1, SHAKING_CLIENT = 2, SHAKING_TARGET = 4 };

struct flow {
    struct side *from, *to;
    char *pending; /* read, not yet written */
    size_t pending_length, pending_from;
    bool ended;  /* nothing more comes */
    bool passed; /* and the other side was told */
};

struct connection {
    struct carrier *carrier;
    struct side client, target;
    struct flow up, down; /* client to target, target to client */
    struct passage passage;
    unsigned awaits;
    bool closed;
    int64_t active_ms;
    struct connection *next, *previous;
};

static void end_connection(struct connection *connection, bool abruptly)
{
    struct carrier *carrier = connection->carrier;
    if (connection->closed)
        return;
    connection->closed = true;
    side_close(carrier->events, &connection->client, abruptly);
    side_close(carrier->events, &connection->target, abruptly);
    if (connection->previous)
        connection->previous->next = connection->next;
    else
        carrier->connections = connection->next;
    if (connection->next)
        connection->next->previous = connection->previous;
    connection->next = carrier->ended;
    carrier->ended = connection;
}

void connections_free_ended(struct carrier *carrier)
{
    while (carrier->ended) {
        struct connection *connection = carrier->ended;
        carrier->ended = connection->next;
        tether_release(&connection->passage.target_tether);
        tether_release(&connection->passage.front_tether);
        terms_release(&connection->passage.terms);
        free(connection->up.pending);
        free(connection->down.pending);
        free(connection);
    }
}

static int write_pending(struct flow *flow)
{
    if (!flow->pending)
        return 0;
    ssize_t written =
        side_send(flow->to, flow->pending + flow->pending_from, flow->pending_length - flow->pending_from);
    if (written < 0)
        return -1;
    flow->pending_from += (size_t)written;
    if (flow->pending_from == flow->pending_length)
        memory_free(&flow->pending);
    return 0;
}

static int read_and_write(struct carrier *carrier, struct flow *flow)
{
    ssize_t got = side_receive(flow->from, carrier->scratch, BALANCE_READ);
    if (got < 0)
        return got == SIDE_WAITS ? 0 : -1;
    if (got == 0) {
        flow->ended = true;
        return 0;
    }
    ssize_t written = side_send(flow->to, carrier->scratch, (size_t)got);
    if (written < 0)
        return -1;
    if (written < got) {
        flow->pending_from = 0;
        flow->pending_length = (size_t)(got - written);
        flow->pending = memory_alloc(flow->pending_length);
        memcpy(flow->pending, carrier->scratch + written, flow->pending_length);
    }
    return 0;
}

static int move_bytes(struct carrier *carrier, struct flow *flow, bool may_read)
{
    if (write_pending(flow) < 0)
        return -1;
    if (!flow->pending && !flow->ended && may_read && read_and_write(carrier, flow) < 0)
        return -1;
    if (flow->ended && !flow->pending && !flow->passed) {
        side_finish(flow->to);
        flow->passed = true;
    }
    return 0;
}

/* What each socket is watched for follows from the flows alone. A socket nobody waits for is not watched at
 * all, or its hang-up would be reported for ever. */
static void update_interest(struct connection *connection)
{
    const struct flow *up = &connection->up, *down = &connection->down;
    bool reads_client = !up->ended && !up->pending, reads_target = !down->ended && !down->pending;
    watch_for(connection->carrier->events, &connection->client.watcher,
              (reads_client ? (uint32_t)EPOLLIN : 0) | (down->pending ? (uint32_t)EPOLLOUT : 0));
    watch_for(connection->carrier->events, &connection->target.watcher,
              (reads_target ? (uint32_t)EPOLLIN : 0) | (up->pending ? (uint32_t)EPOLLOUT : 0));
}

/* The peer has reset the connection; what it had sent before that is still passed on. */
static void pass_last_words(struct carrier *carrier, struct flow *flow)
{
    for (int i = 0; i < LAST_READS && !flow->pending && !flow->ended; i++)
        if (move_bytes(carrier, flow, true) < 0)
            return;
}

static void side_ready(struct watcher *watcher, uint32_t events)
{
    struct side *side = (struct side *)watcher;
    struct connection *connection = side->connection;
    struct carrier *carrier = connection->carrier;
    bool from_client = side == &connection->client;
    bool readable = (events & (EPOLLIN | EPOLLHUP)) != 0;
    connection->active_ms = clock_monotonic_ms();
    if (events & EPOLLERR) {
        pass_last_words(carrier, from_client ? &connection->up : &connection->down);
        end_connection(connection, true);
        return;
    }
    if (move_bytes(carrier, &connection->up, from_client && readable) < 0 ||
        move_bytes(carrier, &connection->down, !from_client && readable) < 0) {
        end_connection(connection, true);
        return;
    }
    if (connection->up.passed && connection->down.passed)
        end_connection(connection, false);
    else
        update_interest(connection);
}

/* One more of the steps before bytes flow is done. */
static void step_done(struct connection *connection, unsigned step)
{
    connection->awaits &= ~step;
    connection->active_ms = clock_monotonic_ms();
    if (connection->awaits)
        return;
    connection->client.watcher.ready = connection->target.watcher.ready = side_ready;
    update_interest(connection);
}

static void shake(struct side *side, unsigned step)
{
    struct connection *connection = side->connection;
    int done = side_shake(connection->carrier->events, side);
    if (done == SIDE_BROKEN)
        end_connection(connection, true);
    else if (done)
        step_done(connection, step);
}

static void target_shakes(struct watcher *watcher, uint32_t events)
{
    (void)events;
    shake((struct side *)watcher, SHAKING_TARGET);
}

/* Once the target is there and the client has said what it wants to speak. */
static void begin_target_tls(struct connection *connection)
{
    gnutls_datum_t chosen = {0};
    if ((connection->awaits & (CONNECTING | SHAKING_CLIENT)) || !(connection->awaits & SHAKING_TARGET))
        return;
    bool agreed = connection->client.session &&
                  gnutls_alpn_get_selected_protocol(connection->client.session, &chosen) == 0;
    connection->target.watcher.ready = target_shakes;
    if (terms_connect(connection->target.watcher.descriptor, agreed ? &chosen : NULL,
                      &connection->target.session) < 0)
        end_connection(connection, true);
    else
        shake(&connection->target, SHAKING_TARGET);
}

static void client_shakes(struct watcher *watcher, uint32_t events)
{
    struct side *side = (struct side *)watcher;
    (void)events;
    shake(side, SHAKING_CLIENT);
    struct connection *connection = side->connection;
    if (connection->closed || (connection->awaits & SHAKING_CLIENT))
        return;
    if (connection->awaits) /* what the client says next waits until somebody can hear it */
        watch_for(connection->carrier->events, watcher, 0);
    begin_target_tls(connection);
}

static void target_connected(struct watcher *watcher, uint32_t events)
{
    struct side *side = (struct side *)watcher;
    struct connection *connection = side->connection;
    const struct passage *passage = &connection->passage;
    int failure = 0;
    socklen_t length = sizeof failure;
    getsockopt(watcher->descriptor, SOL_SOCKET, SO_ERROR, &failure, &length);
    if (failure || events & EPOLLERR ||
        (passage->greeting_length && send(watcher->descriptor, passage->greeting, passage->greeting_length,
                                          MSG_NOSIGNAL) != (ssize_t)passage->greeting_length)) {
        end_connection(connection, true);
        return;
    }
    watch_for(connection->carrier->events, watcher, 0);
    step_done(connection, CONNECTING);
    begin_target_tls(connection);
}

struct connection *connection_new(struct carrier *carrier, const struct passage *passage)
{
    struct connection *connection = memory_alloc(sizeof *connection);
    connection->carrier = carrier;
    connection->passage = *passage;
    connection->client = (struct side){{.descriptor = passage->client, .ready = client_shakes}, connection};
    connection->target =
        (struct side){{.descriptor = passage->target, .ready = target_connected}, connection};
    connection->up = (struct flow){.from = &connection->client, .to = &connection->target};
    connection->down = (struct flow){.from = &connection->target, .to = &connection->client};
    connection->awaits = CONNECTING | (passage->terms ? (unsigned)SHAKING_CLIENT : 0) |
                         (passage->target_tls ? (unsigned)SHAKING_TARGET : 0);
    connection->active_ms = clock_monotonic_ms();
    return connection;
}

struct connection **connection_next(struct connection *connection)
{
    return &connection->next;
}

static void begin_connection(struct carrier *carrier, struct connection *connection)
{
    const struct passage *passage = &connection->passage;
    int on = 1;
    connection->previous = NULL;
    connection->next = carrier->connections;
    if (connection->next)
        connection->next->previous = connection;
    carrier->connections = connection;
    setsockopt(passage->client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(passage->target, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    watch_for(carrier->events, &connection->target.watcher, EPOLLOUT);
    if (!passage->terms)
        return;
    if (terms_accept(passage->terms, passage->client, &connection->client.session) < 0)
        end_connection(connection, true);
    else
        watch_for(carrier->events, &connection->client.watcher, EPOLLIN);
}

void connections_begin(struct carrier *carrier, struct connection *arrivals)
{
    while (arrivals) {
        struct connection *connection = arrivals;
        arrivals = connection->next;
        begin_connection(carrier, connection);
    }
}

void connections_sweep(struct carrier *carrier, int64_t now_ms, bool all)
{
    for (struct connection *connection = carrier->connections, *next; connection; connection = next) {
        next = connection->next;
        const struct passage *passage = &connection->passage;
        int64_t idle = now_ms - connection->active_ms;
        if (all || atomic_load(&passage->target_tether->cut) || atomic_load(&passage->front_tether->cut) ||
            idle > (connection->awaits ? BEGIN_MS : passage->idle_ms))
            end_connection(connection, true);
    }
}
