#include "aws/session_stream.h"

#include "base/random.h"
#include "base/record.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

enum { RESEND_MS = 1000, WAITING_MOST = 512, AHEAD_MOST = 1024, MESSAGE_LARGEST = 1 << 20, ACK_FLAGS = 3, FIRST = 1 };

/* A message that waits: to be acknowledged, or for those before it. */
struct waiting {
    int64_t sequence, sent_ms;
    uint32_t payload_type;
    struct buffer bytes; /* outgoing: the whole message; incoming: its payload */
    struct waiting *next;
};

struct session_stream {
    struct session_stream_ends ends;
    const char *sends, *takes; /* message types */
    int64_t next_out, next_in;
    struct waiting *out, **out_last;
    size_t out_count;
    struct waiting *ahead; /* by sequence */
    size_t ahead_count;
};

struct session_stream *session_stream_new(bool client, const struct session_stream_ends *ends)
{
    struct session_stream *stream = memory_alloc(sizeof *stream);
    stream->ends = *ends;
    stream->sends = client ? SESSION_INPUT : SESSION_OUTPUT;
    stream->takes = client ? SESSION_OUTPUT : SESSION_INPUT;
    stream->out_last = &stream->out;
    return stream;
}

static void drop(struct waiting **place)
{
    struct waiting *gone = *place;
    *place = gone->next;
    buffer_free(&gone->bytes);
    free(gone);
}

void session_stream_free(struct session_stream **stream)
{
    struct session_stream *old = take(stream);
    if (!old)
        return;
    while (old->out)
        drop(&old->out);
    while (old->ahead)
        drop(&old->ahead);
    free(old);
}

/* --- sending ------------------------------------------------------------------------------------- */

static struct session_message new_message(const char *type, int64_t now_ms)
{
    struct session_message message = {.schema = 1, .created_ms = (uint64_t)now_ms};
    snprintf(message.type, sizeof message.type, "%s", type);
    random_bytes(message.id, sizeof message.id);
    message.id[6] = (unsigned char)((message.id[6] & 0x0f) | 0x40); /* a UUID of version 4 */
    message.id[8] = (unsigned char)((message.id[8] & 0x3f) | 0x80);
    return message;
}

static void send_piece(struct session_stream *stream, enum session_payload type, const char *bytes, size_t length,
                       int64_t now_ms)
{
    struct session_message message = new_message(stream->sends, now_ms);
    struct waiting *sent = memory_alloc(sizeof *sent);
    message.sequence = stream->next_out++;
    message.flags = message.sequence == 0 ? FIRST : 0;
    message.payload_type = type;
    message.payload = bytes;
    message.length = length;
    *sent = (struct waiting){.sequence = message.sequence, .sent_ms = now_ms, .bytes = buffer_new(MESSAGE_LARGEST)};
    session_message_write(&sent->bytes, &message);
    *stream->out_last = sent;
    stream->out_last = &sent->next;
    stream->out_count++;
    stream->ends.transmit(stream->ends.context, sent->bytes.data, sent->bytes.length);
}

void session_stream_send(struct session_stream *stream, enum session_payload type, const void *bytes, size_t length,
                         int64_t now_ms)
{
    const char *next = bytes;
    size_t most = type == PAYLOAD_OUTPUT ? SESSION_PAYLOAD : length;
    do {
        size_t piece = length < most ? length : most;
        send_piece(stream, type, next, piece, now_ms);
        next += piece;
        length -= piece;
    } while (length);
}

/* Messages that stand outside the numbers. */
static void send_plain(struct session_stream *stream, const char *type, uint64_t flags, json_t *content, int64_t now_ms)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    cleanup(buffer_free) struct buffer bytes = buffer_new(MESSAGE_LARGEST);
    struct session_message message = new_message(type, now_ms);
    message.flags = flags;
    message.payload = json_text(arena, content);
    message.length = strlen(message.payload);
    json_decref(content);
    session_message_write(&bytes, &message);
    stream->ends.transmit(stream->ends.context, bytes.data, bytes.length);
}

static void uuid_text(const unsigned char id[SESSION_ID_BYTES], char text[37])
{
    char *at = text;
    for (size_t i = 0; i < SESSION_ID_BYTES; i++)
        at += sprintf(at, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", id[i]);
}

static void acknowledge(struct session_stream *stream, const struct session_message *message, int64_t now_ms)
{
    char id[37];
    uuid_text(message->id, id);
    send_plain(stream, SESSION_ACK, ACK_FLAGS,
               json_pack("{s:s, s:s, s:I, s:b}", "AcknowledgedMessageType", message->type, "AcknowledgedMessageId", id,
                         "AcknowledgedMessageSequenceNumber", (json_int_t)message->sequence, "IsSequentialMessage", 1),
               now_ms);
}

void session_stream_close(struct session_stream *stream, const char *session_id, const char *output, int64_t now_ms)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    json_t *content = json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:s}", "MessageId", random_uuid(arena), "CreatedDate",
                                arena_format(arena, "%lld", (long long)now_ms), "DestinationId", session_id, "SessionId",
                                session_id, "MessageType", SESSION_CLOSED, "SchemaVersion", 1, "Output", output);
    send_plain(stream, SESSION_CLOSED, 0, content, now_ms);
}

int64_t session_stream_tick(struct session_stream *stream, int64_t now_ms)
{
    struct waiting *first = stream->out;
    if (!first)
        return -1;
    if (first->sent_ms + RESEND_MS <= now_ms) {
        first->sent_ms = now_ms;
        stream->ends.transmit(stream->ends.context, first->bytes.data, first->bytes.length);
    }
    return first->sent_ms + RESEND_MS - now_ms;
}

void session_stream_again(struct session_stream *stream, int64_t now_ms)
{
    for (struct waiting *sent = stream->out; sent; sent = sent->next) {
        sent->sent_ms = now_ms;
        stream->ends.transmit(stream->ends.context, sent->bytes.data, sent->bytes.length);
    }
}

size_t session_stream_waiting(const struct session_stream *stream)
{
    return stream->out_count;
}

bool session_stream_full(const struct session_stream *stream)
{
    return stream->out_count >= WAITING_MOST;
}

/* --- receiving ----------------------------------------------------------------------------------- */

static int take_acknowledgement(struct session_stream *stream, const struct session_message *message,
                                struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    json_t *content;
    if (json_parse(arena, message->payload, message->length, &content, err) < 0)
        return error_context(err, "an acknowledgement");
    const json_t *sequence = json_object_get(content, "AcknowledgedMessageSequenceNumber");
    if (!json_is_integer(sequence))
        return error_set(err, ERROR_INVALID, "an acknowledgement says not of what");
    for (struct waiting **place = &stream->out; *place; place = &(*place)->next)
        if ((*place)->sequence == json_integer_value(sequence)) {
            drop(place);
            stream->out_count--;
            if (!*place)
                stream->out_last = place;
            return 0;
        }
    return 0; /* acknowledged before */
}

static void keep_ahead(struct session_stream *stream, const struct session_message *message)
{
    struct waiting **place = &stream->ahead;
    while (*place && (*place)->sequence < message->sequence)
        place = &(*place)->next;
    if (*place && (*place)->sequence == message->sequence)
        return;
    struct waiting *kept = memory_alloc(sizeof *kept);
    *kept = (struct waiting){.sequence = message->sequence,
                             .payload_type = message->payload_type,
                             .bytes = buffer_new(MESSAGE_LARGEST),
                             .next = *place};
    buffer_append(&kept->bytes, message->payload, message->length);
    *place = kept;
    stream->ahead_count++;
}

static int deliver_ahead(struct session_stream *stream, struct error *err)
{
    while (stream->ahead && stream->ahead->sequence == stream->next_in) {
        const struct waiting *next = stream->ahead;
        stream->next_in++;
        int result = stream->ends.deliver(stream->ends.context, next->payload_type, buffer_string(&next->bytes),
                                          next->bytes.length, err);
        drop(&stream->ahead);
        stream->ahead_count--;
        if (result < 0)
            return -1;
    }
    return 0;
}

static int take_data(struct session_stream *stream, const struct session_message *message, int64_t now_ms,
                     struct error *err)
{
    if (message->sequence > stream->next_in && stream->ahead_count >= AHEAD_MOST)
        return 0; /* it will come again */
    acknowledge(stream, message, now_ms);
    if (message->sequence < stream->next_in)
        return 0;
    if (message->sequence > stream->next_in) {
        keep_ahead(stream, message);
        return 0;
    }
    stream->next_in++;
    if (stream->ends.deliver(stream->ends.context, message->payload_type, message->payload, message->length, err) < 0)
        return -1;
    return deliver_ahead(stream, err);
}

static void take_closing(struct session_stream *stream, const struct session_message *message)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    json_t *content;
    const char *output = NULL;
    if (json_parse(arena, message->payload, message->length, &content, NULL) == 0)
        output = json_member_text(content, "Output");
    stream->ends.closed(stream->ends.context, output ? output : "");
}

int session_stream_receive(struct session_stream *stream, const char *bytes, size_t length, int64_t now_ms,
                           struct error *err)
{
    struct session_message message;
    if (session_message_read(bytes, length, &message, err) < 0)
        return -1;
    if (text_equal(message.type, stream->takes))
        return take_data(stream, &message, now_ms, err);
    if (text_equal(message.type, SESSION_ACK))
        return take_acknowledgement(stream, &message, err);
    if (text_equal(message.type, SESSION_CLOSED))
        take_closing(stream, &message);
    return 0; /* pauses and starts are for those who cannot wait; other kinds are not for us */
}
