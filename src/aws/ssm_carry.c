/* The client's end of a session: what the session-manager-plugin does for the AWS CLI. */
#include "aws/ssm.h"

#include "aws/session_stream.h"
#include "base/buffer.h"
#include "base/clock.h"
#include "base/random.h"
#include "base/record.h"
#include "base/text.h"
#include "net/websocket_client.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

enum {
    MESSAGE_LARGEST = 1 << 20,
    READ_AT_ONCE = 64 * 1024,
    WRITE_AT_ONCE = 4096, /* a pipe that can be written takes as much */
    HELD_MOST = 1 << 20, /* for an output that does not take it: then nothing more is read from the session */
    LAST_WORDS_MS = 5000,
    TRIES = 5,
    PAUSE_MS = 200,
    HANDSHAKE_MS = 30000,
};
#define CLIENT_VERSION "1.2.0.0" /* of the plugin whose part this is */

struct carrying {
    struct arena *arena;
    struct websocket_client *connection;
    struct session_stream *stream;
    bool more;          /* has come than was taken */
    struct buffer held; /* for output */
    size_t written;     /* of it */
    int input, output;
    bool ready, closed, input_ended;
    const char *closing; /* what the service said about the end */
};

/* --- what the stream asks of us ------------------------------------------------------------------ */

static void transmit(void *context, const char *bytes, size_t length)
{
    struct carrying *carrying = context;
    if (carrying->connection)
        websocket_send(websocket_client_frames(carrying->connection), WEBSOCKET_BINARY, bytes, length);
}

static void closed(void *context, const char *output)
{
    struct carrying *carrying = context;
    carrying->closed = true;
    carrying->closing = arena_strdup(carrying->arena, output);
}

/* The agent says what kind of session it is and whether it wants the bytes encrypted once more. */
static int answer_handshake(struct carrying *carrying, const char *bytes, size_t length, struct error *err)
{
    json_t *request, *action, *done = json_array();
    size_t index;
    bool all = true;
    if (json_parse(carrying->arena, bytes, length, &request, err) < 0) {
        json_decref(done);
        return error_context(err, "the session's handshake");
    }
    json_array_foreach(json_object_get(request, "RequestedClientActions"), index, action) {
        const char *type = json_member_text(action, "ActionType");
        bool known = text_equal(type, "SessionType");
        all &= known;
        json_array_append_new(done, json_pack("{s:s, s:i, s:n, s:s}", "ActionType", type ? type : "",
                                              "ActionStatus", known ? 1 : 3, "ActionResult", "Error",
                                              known ? "" : "not supported"));
    }
    json_t *answer = json_pack("{s:s, s:o, s:[]}", "ClientVersion", CLIENT_VERSION, "ProcessedClientActions",
                               done, "Errors");
    const char *text = json_text(carrying->arena, answer);
    json_decref(answer);
    session_stream_send(carrying->stream, PAYLOAD_HANDSHAKE_RESPONSE, text, strlen(text), clock_now_ms());
    return all ? 0
               : error_set(err, ERROR_INVALID,
                           "the session wants to be encrypted with a KMS key, which enclave does "
                           "not do: ssh encrypts it already");
}

static int deliver(void *context, uint32_t payload_type, const char *bytes, size_t length, struct error *err)
{
    struct carrying *carrying = context;
    switch (payload_type) {
    case PAYLOAD_HANDSHAKE_REQUEST:
        return answer_handshake(carrying, bytes, length, err);
    case PAYLOAD_HANDSHAKE_COMPLETE:
        carrying->ready = true;
        return 0;
    case PAYLOAD_OUTPUT:
        carrying->ready = true; /* old agents know no handshake */
        buffer_append(&carrying->held, bytes, length);
        return carrying->held.overflow ? error_set(err, ERROR_INVALID, "the session sends more than it may")
                                       : 0;
    case PAYLOAD_FLAG:
        return length == 4 && bytes[3] == FLAG_CONNECT_ERROR
                   ? error_set(err, ERROR_UNAVAILABLE, "nothing listens on the port in the instance")
                   : 0;
    default:
        return 0;
    }
}

static int take_message(void *context, enum websocket_kind kind, const char *bytes, size_t length,
                        struct error *err)
{
    struct carrying *carrying = context;
    if (kind == WEBSOCKET_BINARY && !carrying->closed)
        return session_stream_receive(carrying->stream, bytes, length, clock_now_ms(), err);
    return kind == WEBSOCKET_CLOSE ? error_set(err, ERROR_UNAVAILABLE, "the service closed the connection")
                                   : 0;
}

/* --- the connection ------------------------------------------------------------------------------ */

static int open_connection(struct carrying *carrying, const struct ssm_session *session, struct error *err)
{
    const char *trust = getenv("AWS_CA_BUNDLE");
    websocket_client_close(&carrying->connection);
    if (websocket_client_open(session->url, text_empty(trust) ? NULL : trust, MESSAGE_LARGEST,
                              &carrying->connection, err) < 0)
        return -1;
    json_t *open = json_pack("{s:s, s:s, s:s, s:s, s:s}", "MessageSchemaVersion", "1.0", "RequestId",
                             random_uuid(carrying->arena), "TokenValue", session->token, "ClientId",
                             random_uuid(carrying->arena), "ClientVersion", CLIENT_VERSION);
    const char *text = json_text(carrying->arena, open);
    json_decref(open);
    websocket_send(websocket_client_frames(carrying->connection), WEBSOCKET_TEXT, text, strlen(text));
    session_stream_again(carrying->stream, clock_now_ms());
    return 0;
}

static int open_again(struct aws_client *client, struct carrying *carrying, const char *id, struct error *err)
{
    struct ssm_session session;
    struct error lost = *err;
    for (int i = 0; i < TRIES; i++) {
        error_clear(err);
        if (ssm_resume_session(client, carrying->arena, id, &session, err) == 0 &&
            open_connection(carrying, &session, err) == 0)
            return 0;
        if (err->kind != ERROR_UNAVAILABLE && err->kind != ERROR_THROTTLED)
            break; /* it has ended, or we may no more */
        clock_sleep_ms(PAUSE_MS << i);
    }
    *err = lost;
    return -1;
}

/* --- bytes --------------------------------------------------------------------------------------- */

static int read_input(struct carrying *carrying, struct error *err)
{
    char bytes[READ_AT_ONCE];
    ssize_t got = read(carrying->input, bytes, sizeof bytes);
    if (got < 0 && (errno == EINTR || errno == EAGAIN))
        return 0;
    if (got < 0)
        return error_errno(err, ERROR_UNAVAILABLE, "read what is to be sent");
    if (got == 0)
        carrying->input_ended = true;
    else
        session_stream_send(carrying->stream, PAYLOAD_OUTPUT, bytes, (size_t)got, clock_now_ms());
    return 0;
}

static size_t held(const struct carrying *carrying)
{
    return carrying->held.length - carrying->written;
}

static int write_output(struct carrying *carrying, struct error *err)
{
    size_t length = held(carrying) < WRITE_AT_ONCE ? held(carrying) : WRITE_AT_ONCE;
    ssize_t done = write(carrying->output, carrying->held.data + carrying->written, length);
    if (done < 0 && errno != EINTR && errno != EAGAIN)
        return error_errno(err, ERROR_UNAVAILABLE, "write what was received");
    if (done > 0)
        buffer_taken(&carrying->held, &carrying->written, (size_t)done);
    return 0;
}

/* --- all of it ----------------------------------------------------------------------------------- */

/* Whether there is nothing more to do. */
static bool done(struct carrying *carrying, int64_t *end_by_ms)
{
    if (carrying->closed)
        return !held(carrying);
    if (!carrying->input_ended)
        return false;
    if (!*end_by_ms)
        *end_by_ms = clock_monotonic_ms() + LAST_WORDS_MS;
    return !session_stream_waiting(carrying->stream) || clock_monotonic_ms() >= *end_by_ms;
}

enum { SESSION_END, INPUT_END, OUTPUT_END, ENDS };

static void wishes(struct carrying *carrying, struct pollfd polled[ENDS], bool unsent)
{
    bool room = held(carrying) < HELD_MOST / 2;
    bool takes = carrying->ready && !carrying->input_ended && !carrying->closed && !unsent &&
                 !session_stream_full(carrying->stream);
    polled[SESSION_END] =
        (struct pollfd){.fd = carrying->closed ? -1 : websocket_client_socket(carrying->connection),
                        .events = (short)((room ? POLLIN : 0) | (unsent ? POLLOUT : 0))};
    polled[INPUT_END] = (struct pollfd){.fd = takes ? carrying->input : -1, .events = POLLIN};
    polled[OUTPUT_END] = (struct pollfd){.fd = held(carrying) ? carrying->output : -1, .events = POLLOUT};
}

/* As long as the output takes it; -1 when the connection (`*lost`) is gone or the session is refused. */
static int receive(struct carrying *carrying, bool *lost, struct error *err)
{
    if (held(carrying) >= HELD_MOST / 2)
        return 0;
    int received = websocket_client_receive(carrying->connection, take_message, carrying, err);
    carrying->more = received > 0;
    if (received >= 0 || carrying->closed)
        return 0;
    *lost = err->kind == ERROR_UNAVAILABLE;
    return -1;
}

/* How long to wait when the stream wants its next turn after `again_ms` (-1: never). */
static int pause_ms(int64_t again_ms)
{
    return again_ms < 0 || again_ms > PAUSE_MS ? PAUSE_MS : (int)again_ms;
}

/* One turn of waiting and moving; -1 when the connection (`*lost`) or one of our ends is gone. */
static int turn(struct carrying *carrying, bool *lost, struct error *err)
{
    struct pollfd polled[ENDS];
    int64_t again_ms = session_stream_tick(carrying->stream, clock_now_ms());
    int unsent = websocket_client_flush(carrying->connection, err);
    *lost = unsent < 0;
    if (*lost && !carrying->closed)
        return -1;
    wishes(carrying, polled, unsent > 0);
    bool more = carrying->more && polled[SESSION_END].events & POLLIN;
    poll(polled, ENDS, more ? 0 : pause_ms(again_ms));
    *lost = false;
    if ((polled[INPUT_END].revents && read_input(carrying, err) < 0) ||
        (polled[OUTPUT_END].revents && write_output(carrying, err) < 0))
        return -1;
    return more || polled[SESSION_END].revents ? receive(carrying, lost, err) : 0;
}

static int carry(struct aws_client *client, struct carrying *carrying, const char *id, struct error *err)
{
    int64_t end_by_ms = 0, begun_ms = clock_monotonic_ms();
    while (!done(carrying, &end_by_ms)) {
        bool lost;
        if (turn(carrying, &lost, err) < 0 && (!lost || open_again(client, carrying, id, err) < 0))
            return -1;
        if (!carrying->ready && !carrying->closed && clock_monotonic_ms() > begun_ms + HANDSHAKE_MS)
            return error_set(err, ERROR_UNAVAILABLE, "the instance's end of the session does not answer");
    }
    return text_empty(carrying->closing) ? 0 : error_set(err, ERROR_UNAVAILABLE, "%s", carrying->closing);
}

int ssm_session_carry(struct aws_client *client, const struct ssm_session *session, int input, int output,
                      struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct carrying carrying = {
        .arena = arena, .held = buffer_new(2 * HELD_MOST), .input = input, .output = output};
    const struct session_stream_ends ends = {&carrying, transmit, deliver, closed};
    carrying.stream = session_stream_new(true, &ends);
    int result = open_connection(&carrying, session, err);
    if (result == 0)
        result = carry(client, &carrying, session->id, err);
    websocket_client_close(&carrying.connection);
    session_stream_free(&carrying.stream);
    buffer_free(&carrying.held);
    return result;
}
