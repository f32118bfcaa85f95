/* One end of a Session Manager stream: numbered messages that are delivered once, in order, and kept until the other
 * end has acknowledged them, over a connection that may be lost and made anew. Without I/O and without a clock. Both
 * the client (enclave ssh) and the instance's end (localaws) are built on it.
 * Source: session-manager-plugin's src/datachannel and amazon-ssm-agent's agent/session/datachannel. */
#ifndef AWS_SESSION_STREAM_H
#define AWS_SESSION_STREAM_H

#include "aws/session_message.h"

#include <stdbool.h>

struct session_stream;

struct session_stream_ends {
    void *context;
    void (*transmit)(void *context, const char *bytes, size_t length); /* one binary WebSocket message */
    /* The next payload of the other end. -1 ends the session. */
    int (*deliver)(void *context, uint32_t payload_type, const char *bytes, size_t length, struct error *err);
    /* The session is over, says the service; `output` may be "". */
    void (*closed)(void *context, const char *output);
};

struct session_stream *session_stream_new(bool client, const struct session_stream_ends *ends);
void session_stream_free(struct session_stream **stream);

/* A payload of up to SESSION_PAYLOAD bytes (more is sent as several). */
void session_stream_send(struct session_stream *stream, enum session_payload type, const void *bytes, size_t length,
                         int64_t now_ms);
/* A message that came; -1 when it is no message or deliver says so. */
int session_stream_receive(struct session_stream *stream, const char *bytes, size_t length, int64_t now_ms,
                           struct error *err);
/* Sends again what was not acknowledged in time. Milliseconds until it wants to be called next; -1: nothing waits. */
int64_t session_stream_tick(struct session_stream *stream, int64_t now_ms);
void session_stream_again(struct session_stream *stream, int64_t now_ms); /* all that waits: a new connection is there */
size_t session_stream_waiting(const struct session_stream *stream);       /* messages not yet acknowledged */
bool session_stream_full(const struct session_stream *stream);            /* so many that no more should be added */
/* Not numbered: to a client, that the session is over. */
void session_stream_close(struct session_stream *stream, const char *session_id, const char *output, int64_t now_ms);

#endif
