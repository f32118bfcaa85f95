/* A client's connection to a session: a WebSocket that the HTTP server gave away, from the token to the end.
 * On a thread of its own, which while it is attached is also the one that moves the session's bytes. */
#include "localaws/ssm/channel.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    MESSAGE_LARGEST = 256 << 10,
    CONNECTIONS_MOST = 512,
    OPENING_MS = 10000,   /* from the connection to the token */
    TAKE_OVER_MS = 5000,  /* for the connection before to leave */
    LAST_WORDS_MS = 5000, /* for what was said before the end to be acknowledged */
    LOOK_MS = 200,
    PIECE = 32 << 10,
    HELD_MOST = 1 << 20, /* for the target: then nothing more is read from the client */
    UNSENT_MOST = 512 << 10,
};

struct connection {
    struct agent *agent;
    char *session_id; /* of the path; not believed before the token */
    struct http_upgrade *upgrade;
    struct websocket *frames;
    struct channel *channel; /* NULL: not admitted */
    bool closed;
};

/* --- coming in ----------------------------------------------------------------------------------- */

/* Whose token it is, when the path names the same session; the channel is held for the connection. */
static struct channel *claim(struct connection *connection, const char *token)
{
    struct session *session;
    region_lock(connection->agent->region);
    cleanup(region_unlock) struct region *region = connection->agent->region;
    struct channel *channel = channel_find(region, connection->session_id, &session);
    if (!channel || atomic_load(&channel->ending) || !text_equal_secret(channel->token, token))
        return NULL;
    channel->references++;
    return channel;
}

/* The connection before this one leaves first. */
static int attach(struct connection *connection, struct channel *channel, struct error *err)
{
    struct region *region = connection->agent->region;
    for (int64_t until_ms = clock_monotonic_ms() + TAKE_OVER_MS; clock_monotonic_ms() < until_ms;) {
        region_lock(region);
        bool free_now = !channel->attached;
        channel->attached = channel->opened = true;
        struct region *locked = region;
        region_unlock(&locked);
        if (free_now) {
            connection->channel = channel;
            channel->frames = connection->frames;
            return 0;
        }
        eventfd_write(channel->wake, 1);
        clock_sleep_ms(5);
    }
    return error_set(err, ERROR_CONFLICT, "the session is busy");
}

static int admit(struct connection *connection, const char *bytes, size_t length, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    json_t *open;
    if (json_parse(arena, bytes, length, &open, err) < 0)
        return -1;
    const char *token = json_member_text(open, "TokenValue");
    struct channel *channel = token ? claim(connection, token) : NULL;
    if (!channel)
        return error_set(err, ERROR_FORBIDDEN, "the token opens no session");
    if (attach(connection, channel, err) < 0) {
        region_lock(connection->agent->region);
        cleanup(region_unlock) struct region *locked = connection->agent->region;
        (void)locked;
        channel_release(channel);
        return -1;
    }
    channel_greet(channel);
    return 0;
}

static int take_message(void *context, enum websocket_kind kind, const char *bytes, size_t length,
                        struct error *err)
{
    struct connection *connection = context;
    if (kind == WEBSOCKET_CLOSE) {
        connection->closed = true;
        return 0;
    }
    if (!connection->channel)
        return kind == WEBSOCKET_TEXT ? admit(connection, bytes, length, err)
                                      : error_set(err, ERROR_FORBIDDEN, "a session is opened with its token");
    return kind == WEBSOCKET_BINARY
               ? session_stream_receive(connection->channel->stream, bytes, length, clock_now_ms(), err)
               : 0;
}

/* --- moving bytes -------------------------------------------------------------------------------- */

static size_t unsent(const struct connection *connection)
{
    size_t length;
    websocket_pending(connection->frames, &length);
    return length;
}

/* -1: the connection is gone. */
static int send_frames(struct connection *connection)
{
    size_t length;
    const char *bytes;
    while ((bytes = websocket_pending(connection->frames, &length)) && length) {
        ssize_t sent = http_upgrade_send(connection->upgrade, bytes, length < PIECE ? length : PIECE);
        if (sent <= 0)
            return (int)sent;
        websocket_sent(connection->frames, (size_t)sent);
    }
    return 0;
}

static int receive_frames(struct connection *connection, struct error *err)
{
    char bytes[PIECE];
    ssize_t got = http_upgrade_receive(connection->upgrade, bytes, sizeof bytes);
    if (got < 0)
        return error_set(err, ERROR_UNAVAILABLE, "the client is gone");
    return got ? websocket_receive(connection->frames, bytes, (size_t)got, take_message, connection, err) : 0;
}

/* A port that connects anew stays open when its server has done; every other session is over then. */
static void target_over(struct channel *channel)
{
    if (channel->reconnects)
        target_close(&channel->target);
    else
        channel->target_ended = true;
}

static void read_target(struct channel *channel)
{
    char bytes[PIECE];
    ssize_t got = read(channel->target.descriptor, bytes, sizeof bytes);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        target_over(channel);
        return;
    }
    atomic_store(&channel->active_ms, clock_monotonic_ms());
    session_stream_send(channel->stream, PAYLOAD_OUTPUT, bytes, (size_t)got, clock_now_ms());
}

enum { CLIENT_END, TARGET_END, WAKE, ENDS };

static void wishes(struct connection *connection, struct pollfd polled[ENDS])
{
    struct channel *channel = connection->channel;
    bool takes = !channel || target_held(&channel->target) < HELD_MOST;
    polled[CLIENT_END] =
        (struct pollfd){.fd = http_upgrade_socket(connection->upgrade),
                        .events = (short)((takes ? POLLIN : 0) | (unsent(connection) ? POLLOUT : 0))};
    polled[TARGET_END] = (struct pollfd){.fd = -1};
    polled[WAKE] = (struct pollfd){.fd = channel ? channel->wake : -1, .events = POLLIN};
    if (!channel || !channel->ready || channel->target_ended)
        return;
    bool reads = !session_stream_full(channel->stream) && unsent(connection) < UNSENT_MOST;
    bool writes = target_held(&channel->target) > 0;
    if (reads || writes)
        polled[TARGET_END] =
            (struct pollfd){.fd = channel->target.descriptor,
                            .events = (short)((reads ? POLLIN : 0) | (writes ? POLLOUT : 0))};
}

static void move_target(struct channel *channel, const struct pollfd *polled)
{
    if (target_held(&channel->target) && target_flush(&channel->target) < 0) {
        target_over(channel);
        return;
    }
    if (polled->revents & POLLIN || (polled->revents & (POLLHUP | POLLERR) && polled->events & POLLIN))
        read_target(channel);
}

/* One turn of waiting and moving; -1 when the connection is over. */
static int turn(struct connection *connection, struct error *err)
{
    struct pollfd polled[ENDS];
    struct channel *channel = connection->channel;
    int64_t again_ms = channel ? session_stream_tick(channel->stream, clock_now_ms()) : -1;
    if (send_frames(connection) < 0)
        return error_set(err, ERROR_UNAVAILABLE, "the client is gone");
    wishes(connection, polled);
    poll(polled, ENDS, again_ms < 0 || again_ms > LOOK_MS ? LOOK_MS : (int)again_ms);
    if (polled[CLIENT_END].revents && polled[CLIENT_END].events & POLLIN &&
        receive_frames(connection, err) < 0)
        return -1;
    channel = connection->channel;
    if (channel && channel->target.descriptor >= 0 && !channel->target_ended)
        move_target(channel, &polled[TARGET_END]);
    return connection->closed ? error_set(err, ERROR_UNAVAILABLE, "the client closed the connection") : 0;
}

/* --- a connection's life ------------------------------------------------------------------------- */

/* Has someone else come with a newer token, so that this one shall leave? */
static bool taken_over(const struct channel *channel)
{
    eventfd_t value;
    return eventfd_read(channel->wake, &value) == 0 && !atomic_load(&channel->ending);
}

/* True once the session is over: its end was asked for, or what it led to has ended and the client knows all
 * of it. */
static bool over(struct channel *channel, int64_t *end_by_ms)
{
    if (atomic_load(&channel->ending))
        return true;
    if (!channel->target_ended)
        return false;
    if (!*end_by_ms)
        *end_by_ms = clock_monotonic_ms() + LAST_WORDS_MS;
    return !session_stream_waiting(channel->stream) || clock_monotonic_ms() >= *end_by_ms;
}

static void say_goodbye(struct connection *connection)
{
    struct channel *channel = connection->channel;
    const char *farewell = channel->farewell ? channel->farewell : "";
    session_stream_close(channel->stream, channel->session_id, farewell, clock_now_ms());
    websocket_close(connection->frames, 1000);
    for (int64_t until_ms = clock_monotonic_ms() + LOOK_MS * 5;
         send_frames(connection) == 0 && unsent(connection) && clock_monotonic_ms() < until_ms;) {
        struct pollfd polled = {.fd = http_upgrade_socket(connection->upgrade), .events = POLLOUT};
        poll(&polled, 1, LOOK_MS);
    }
}

static void serve(struct connection *connection, struct error *err)
{
    int64_t opened_by_ms = clock_monotonic_ms() + OPENING_MS, end_by_ms = 0;
    while (turn(connection, err) == 0) {
        struct channel *channel = connection->channel;
        if (!channel && (clock_monotonic_ms() > opened_by_ms || atomic_load(&connection->agent->stopping)))
            return;
        if (channel && over(channel, &end_by_ms)) {
            atomic_store(&channel->ending, true);
            say_goodbye(connection);
            return;
        }
        if (channel && taken_over(channel))
            return;
    }
}

/* What is left of the session is its record, once it is over. */
static void detach(struct connection *connection)
{
    struct channel *channel = connection->channel;
    struct session *session;
    channel->frames = NULL;
    channel->attached = false;
    channel->detached_ms = clock_monotonic_ms();
    if (atomic_load(&channel->ending) &&
        channel_find(connection->agent->region, channel->session_id, &session))
        session_over(connection->agent->region, session);
    channel_release(channel);
}

static void forget(struct connection *connection)
{
    region_lock(connection->agent->region);
    cleanup(region_unlock) struct region *locked = connection->agent->region;
    (void)locked;
    connection->agent->connections--;
    websocket_free(&connection->frames);
    free(connection->session_id);
    free(connection);
}

static void *run_connection(void *context)
{
    struct connection *connection = context;
    struct region *region = connection->agent->region;
    struct error err = {0};
    serve(connection, &err);
    if (!connection->channel) {
        log_info("session refused", "session", connection->session_id, "why", err.message, NULL);
        websocket_close(connection->frames, 1008);
        send_frames(connection);
    }
    http_upgrade_close(&connection->upgrade);
    region_lock(region);
    if (connection->channel)
        detach(connection);
    region_unlock(&region);
    forget(connection);
    return NULL;
}

/* The connection's thread takes over from the request. */
static int begin_connection(struct connection *connection, struct http_request *request, const char *key,
                            struct error *err)
{
    pthread_t thread;
    struct http_headers headers = {0};
    struct arena *arena = http_request_arena(request);
    http_headers_add(arena, &headers, "Sec-WebSocket-Accept", websocket_accept(arena, key));
    if (http_upgrade_take(request, "websocket", &headers, &connection->upgrade, err) < 0)
        return -1;
    if (pthread_create(&thread, NULL, run_connection, connection) != 0)
        abort(); /* a process that cannot have one more thread cannot go on */
    pthread_detach(thread);
    return 0;
}

static bool has_token(struct arena *arena, const char *list, const char *token)
{
    char **items;
    size_t count = list ? text_split(arena, list, ',', &items) : 0;
    for (size_t i = 0; i < count; i++)
        if (text_equal_nocase(text_trim(arena, items[i]), token))
            return true;
    return false;
}

static struct connection *new_connection(struct region *region, const char *session_id)
{
    region_lock(region);
    cleanup(region_unlock) struct region *locked = region;
    struct agent *agent = agent_of(locked);
    if (atomic_load(&agent->stopping) || agent->connections >= CONNECTIONS_MOST)
        return NULL;
    agent->connections++;
    struct connection *connection = memory_alloc(sizeof *connection);
    *connection = (struct connection){.agent = agent,
                                      .session_id = memory_strdup(session_id),
                                      .frames = websocket_new(false, MESSAGE_LARGEST)};
    return connection;
}

enum http_answer ssm_open_channel(struct http_request *request)
{
    struct arena *arena = http_request_arena(request);
    const char *key = http_request_header(request, "sec-websocket-key");
    struct error err = {0};
    if (!has_token(arena, http_request_header(request, "upgrade"), "websocket") ||
        !has_token(arena, http_request_header(request, "connection"), "upgrade") ||
        !text_equal(http_request_header(request, "sec-websocket-version"), "13") || !key ||
        strlen(key) > 64) {
        http_respond_text(request, 400, "text/plain", "a data channel is a WebSocket (RFC 6455)\n");
        return HTTP_ANSWERED;
    }
    struct connection *connection =
        new_connection(http_request_server_context(request), http_request_parameter(request, "session"));
    if (connection && begin_connection(connection, request, key, &err) == 0)
        return HTTP_LATER;
    if (connection)
        forget(connection);
    http_respond_text(request, 503, "text/plain", "no more sessions are taken\n");
    return HTTP_ANSWERED;
}
