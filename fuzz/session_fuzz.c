/* What the other end of a data channel may send: WebSocket frames, and in them a session's messages. The
 * first byte says which end reads, whether the rest is frames or the payload of a message (whose digest no
 * fuzzer would find) and of which type; the second how large the pieces are in which frames come, or the
 * message's number. */
#include "aws/session_stream.h"
#include "net/websocket.h"

#include <stdint.h>
#include <stdio.h>

static void transmit(void *context, const char *bytes, size_t length)
{
    websocket_send(context, WEBSOCKET_BINARY, bytes, length);
}

static int deliver(void *context, uint32_t payload_type, const char *bytes, size_t length, struct error *err)
{
    (void)context, (void)payload_type, (void)bytes, (void)length, (void)err;
    return 0;
}

static void closed(void *context, const char *output)
{
    (void)context, (void)output;
}

static int take_message(void *context, enum websocket_kind kind, const char *bytes, size_t length,
                        struct error *err)
{
    if (kind == WEBSOCKET_BINARY)
        session_stream_receive(context, bytes, length, 0, err);
    return 0;
}

static void take_payload(struct session_stream *stream, const uint8_t *bytes, size_t length)
{
    static const char *const types[] = {SESSION_INPUT, SESSION_OUTPUT, SESSION_ACK, SESSION_CLOSED};
    cleanup(buffer_free) struct buffer whole = buffer_new(1 << 20);
    struct session_message message = {
        .sequence = bytes[1], .payload = (const char *)bytes + 2, .length = length - 2};
    snprintf(message.type, sizeof message.type, "%s", types[bytes[0] >> 2 & 3]);
    session_message_write(&whole, &message);
    session_stream_send(stream, PAYLOAD_OUTPUT, "x", 1, 0);
    session_stream_receive(stream, whole.data, whole.length, 0, NULL);
    session_stream_receive(stream, whole.data, whole.length, 0, NULL);
}

static void take_frames(struct session_stream *stream, struct websocket *frames, const uint8_t *bytes,
                        size_t length)
{
    size_t most = bytes[1] ? bytes[1] : length;
    session_stream_receive(stream, (const char *)bytes + 2, length - 2, 0, NULL);
    for (size_t at = 2; at < length;) {
        size_t piece = length - at < most ? length - at : most;
        if (websocket_receive(frames, bytes + at, piece, take_message, stream, NULL) < 0)
            return;
        at += piece;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    if (length < 2)
        return 0;
    bool client = bytes[0] & 1;
    struct websocket *frames = websocket_new(client, 4096);
    const struct session_stream_ends ends = {frames, transmit, deliver, closed};
    struct session_stream *stream = session_stream_new(client, &ends);
    if (bytes[0] & 2)
        take_payload(stream, bytes, length);
    else
        take_frames(stream, frames, bytes, length);
    session_stream_free(&stream);
    websocket_free(&frames);
    return 0;
}
