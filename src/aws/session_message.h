/* The binary messages of a Session Manager data channel, as the agent, AWS's message gateway and the
 * session-manager-plugin exchange them inside WebSocket messages. Pure. Source: the published sources of
 * amazon-ssm-agent (agent/session/contracts) and session-manager-plugin (src/message).
 *
 *   header length 4 · type 32 (padded with spaces) · schema 4 · created 8 · sequence 8 · flags 8 · id 16 ·
 *   SHA-256 of the payload 32 · payload type 4 · payload length 4 · payload        (all numbers big-endian)
 *
 * The id is a UUID whose halves are swapped; the header length does not count the payload length's field. */
#ifndef AWS_SESSION_MESSAGE_H
#define AWS_SESSION_MESSAGE_H

#include "base/buffer.h"
#include "base/error.h"

#include <stdint.h>

enum { SESSION_TYPE_BYTES = 32, SESSION_ID_BYTES = 16, SESSION_HEADER = 116, SESSION_PAYLOAD = 1024 };

#define SESSION_INPUT  "input_stream_data"  /* to the instance */
#define SESSION_OUTPUT "output_stream_data" /* from it */
#define SESSION_ACK    "acknowledge"
#define SESSION_CLOSED "channel_closed"
#define SESSION_START  "start_publication"
#define SESSION_PAUSE  "pause_publication"

enum session_payload {
    PAYLOAD_OUTPUT = 1, /* bytes, either way */
    PAYLOAD_ERROR = 2,
    PAYLOAD_SIZE = 3, /* {"cols", "rows"} of the terminal */
    PAYLOAD_PARAMETER = 4,
    PAYLOAD_HANDSHAKE_REQUEST = 5,
    PAYLOAD_HANDSHAKE_RESPONSE = 6,
    PAYLOAD_HANDSHAKE_COMPLETE = 7,
    PAYLOAD_FLAG = 10, /* four bytes, enum session_flag */
    PAYLOAD_STDERR = 11,
    PAYLOAD_EXIT_CODE = 12,
};
enum session_flag { FLAG_DISCONNECT_PORT = 1, FLAG_TERMINATE = 2, FLAG_CONNECT_ERROR = 3 };

struct session_message {
    char type[SESSION_TYPE_BYTES + 1];
    uint32_t schema, payload_type;
    uint64_t created_ms, flags;
    int64_t sequence;
    unsigned char id[SESSION_ID_BYTES]; /* as a UUID is written */
    const char *payload;                /* in what was read */
    size_t length;
};

/* -1 when it is no such message, or its payload is not what its digest says. */
int session_message_read(const void *bytes, size_t length, struct session_message *message, struct error *err);
/* Appends it. */
void session_message_write(struct buffer *out, const struct session_message *message);

#endif
