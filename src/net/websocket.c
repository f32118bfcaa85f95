#include "net/websocket.h"

#include "base/random.h"
#include "base/text.h"

#include <gnutls/crypto.h>
#include <string.h>

enum {
    HEAD_LONGEST = 14,
    CONTROL_LONGEST = 125,
    CONTINUATION = 0,
    FINAL = 0x80,
    RESERVED = 0x70,
    OPCODE = 0x0f,
    CONTROL = 0x08,
    MASKED = 0x80,
    OUT_LARGEST = 64 << 20, /* owners stop adding long before */
    KEY_BYTES = 16,
    SHA1_BYTES = 20,
};

struct websocket {
    bool client, closed;
    size_t largest;
    struct buffer in;      /* bytes of a frame that is not whole yet */
    struct buffer message; /* fragments of a message */
    int kind;              /* of that message; 0: none has begun */
    struct buffer out;
    size_t sent; /* of out */
};

struct websocket *websocket_new(bool client, size_t largest)
{
    struct websocket *websocket = memory_alloc(sizeof *websocket);
    *websocket = (struct websocket){.client = client,
                                    .largest = largest,
                                    .in = buffer_new(largest + HEAD_LONGEST),
                                    .message = buffer_new(largest),
                                    .out = buffer_new(OUT_LARGEST)};
    return websocket;
}

void websocket_free(struct websocket **websocket)
{
    struct websocket *old = take(websocket);
    if (!old)
        return;
    buffer_free(&old->in);
    buffer_free(&old->message);
    buffer_free(&old->out);
    free(old);
}

/* --- sending ------------------------------------------------------------------------------------- */

static void put_mask(char *bytes, size_t length, const unsigned char mask[4])
{
    for (size_t i = 0; i < length; i++)
        bytes[i] = (char)((unsigned char)bytes[i] ^ mask[i % 4]);
}

void websocket_send(struct websocket *websocket, enum websocket_kind kind, const void *bytes, size_t length)
{
    unsigned char head[HEAD_LONGEST] = {(unsigned char)(FINAL | (unsigned)kind)};
    size_t made = 2, extended = length < 126 ? 0 : length < 65536 ? 2 : 8;
    head[1] = (unsigned char)((websocket->client ? MASKED : 0) | (extended == 0   ? (int)length
                                                                  : extended == 2 ? 126
                                                                                  : 127));
    for (size_t i = extended; i-- > 0;)
        head[made++] = (unsigned char)(length >> (8 * i));
    if (websocket->client) {
        random_bytes(head + made, 4);
        made += 4;
    }
    buffer_append(&websocket->out, head, made);
    size_t begin = websocket->out.length;
    buffer_append(&websocket->out, bytes, length);
    if (websocket->client && !websocket->out.overflow)
        put_mask(websocket->out.data + begin, length, head + made - 4);
}

void websocket_close(struct websocket *websocket, int code)
{
    unsigned char reason[2] = {(unsigned char)(code >> 8), (unsigned char)code};
    if (!websocket->closed)
        websocket_send(websocket, WEBSOCKET_CLOSE, reason, sizeof reason);
    websocket->closed = true;
}

const char *websocket_pending(const struct websocket *websocket, size_t *length)
{
    *length = websocket->out.length - websocket->sent;
    return buffer_string(&websocket->out) + websocket->sent;
}

void websocket_sent(struct websocket *websocket, size_t length)
{
    buffer_taken(&websocket->out, &websocket->sent, length);
}

/* --- receiving ----------------------------------------------------------------------------------- */

struct frame {
    int opcode;
    bool final;
    size_t head, length; /* in bytes */
    const unsigned char *mask;
};

/* 1: the frame at `bytes` is whole; 0: more must come first; -1: it may not be. */
static int read_frame(const struct websocket *websocket, const unsigned char *bytes, size_t length,
                      struct frame *frame, struct error *err)
{
    if (length < 2)
        return 0;
    size_t extended = (bytes[1] & 0x7f) < 126 ? 0 : (bytes[1] & 0x7f) == 126 ? 2 : 8;
    bool masked = bytes[1] & MASKED;
    uint64_t size = extended ? 0 : bytes[1] & 0x7f;
    *frame = (struct frame){
        .opcode = bytes[0] & OPCODE, .final = bytes[0] & FINAL, .head = 2 + extended + (masked ? 4 : 0)};
    if (bytes[0] & RESERVED || masked == websocket->client)
        return error_set(err, ERROR_INVALID, "a WebSocket frame is not as it was agreed");
    if (frame->opcode & CONTROL && (extended || !frame->final))
        return error_set(err, ERROR_INVALID, "a WebSocket control frame is too long");
    if (length < frame->head)
        return 0;
    for (size_t i = 0; i < extended; i++)
        size = size << 8 | bytes[2 + i];
    if (size > websocket->largest)
        return error_set(err, ERROR_INVALID, "a WebSocket message is larger than %zu bytes",
                         websocket->largest);
    frame->length = (size_t)size;
    frame->mask = masked ? bytes + frame->head - 4 : NULL;
    return length - frame->head >= frame->length;
}

static int take_control(struct websocket *websocket, const struct frame *frame, const char *bytes,
                        websocket_message *message, void *context, struct error *err)
{
    switch (frame->opcode) {
    case WEBSOCKET_PING:
        websocket_send(websocket, WEBSOCKET_PONG, bytes, frame->length);
        return 0;
    case WEBSOCKET_PONG:
        return 0;
    case WEBSOCKET_CLOSE:
        websocket_close(websocket, 1000);
        return message(context, WEBSOCKET_CLOSE, bytes, frame->length, err);
    default:
        return error_set(err, ERROR_INVALID, "a WebSocket frame is of an unknown kind");
    }
}

static int take_frame(struct websocket *websocket, const struct frame *frame, const char *bytes,
                      websocket_message *message, void *context, struct error *err)
{
    if (frame->opcode & CONTROL)
        return take_control(websocket, frame, bytes, message, context, err);
    bool begins = frame->opcode != CONTINUATION;
    if (frame->opcode > WEBSOCKET_BINARY || begins == (websocket->kind != 0))
        return error_set(err, ERROR_INVALID, "a WebSocket message is in disorder");
    if (begins)
        websocket->kind = frame->opcode;
    buffer_append(&websocket->message, bytes, frame->length);
    if (websocket->message.overflow)
        return error_set(err, ERROR_INVALID, "a WebSocket message is larger than %zu bytes",
                         websocket->largest);
    if (!frame->final)
        return 0;
    enum websocket_kind kind = (enum websocket_kind)websocket->kind;
    const char *whole = buffer_string(&websocket->message);
    if (kind == WEBSOCKET_TEXT && !text_utf8(whole, websocket->message.length))
        return error_set(err, ERROR_INVALID, "a WebSocket text is not UTF-8");
    websocket->kind = 0;
    int result = message(context, kind, whole, websocket->message.length, err);
    buffer_clear(&websocket->message);
    return result;
}

/* Every frame that is whole; `*used` says how far they went. */
static int take_frames(struct websocket *websocket, size_t *used, websocket_message *message, void *context,
                       struct error *err)
{
    struct frame frame;
    int whole;
    unsigned char *bytes = (unsigned char *)websocket->in.data;
    while ((whole = read_frame(websocket, bytes + *used, websocket->in.length - *used, &frame, err)) > 0) {
        char *content = (char *)bytes + *used + frame.head;
        if (frame.mask)
            put_mask(content, frame.length, frame.mask);
        *used += frame.head + frame.length;
        if (take_frame(websocket, &frame, content, message, context, err) < 0)
            return -1;
        if (frame.opcode == WEBSOCKET_CLOSE)
            return 0;
    }
    return whole;
}

int websocket_receive(struct websocket *websocket, const void *bytes, size_t length,
                      websocket_message *message, void *context, struct error *err)
{
    const char *next = bytes;
    while (length) {
        /* What is kept is never more than one frame that is not whole: take as much as there is room for. */
        size_t room = websocket->in.maximum - websocket->in.length, piece = length < room ? length : room,
               used = 0;
        buffer_append(&websocket->in, next, piece);
        next += piece;
        length -= piece;
        if (take_frames(websocket, &used, message, context, err) < 0)
            return -1;
        memmove(websocket->in.data, websocket->in.data + used, websocket->in.length - used);
        websocket->in.length -= used;
        if (!used && !room)
            return error_set(err, ERROR_INVALID, "a WebSocket frame does not end");
    }
    return 0;
}

/* --- the opening --------------------------------------------------------------------------------- */

char *websocket_key(struct arena *arena)
{
    unsigned char bytes[KEY_BYTES];
    random_bytes(bytes, sizeof bytes);
    return base64_encode(arena, bytes, sizeof bytes);
}

/* SHA-1 is RFC 6455's choice; nothing is kept safe by it. */
char *websocket_accept(struct arena *arena, const char *key)
{
    unsigned char digest[SHA1_BYTES];
    const char *text = arena_format(arena, "%s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key);
    if (gnutls_hash_fast(GNUTLS_DIG_SHA1, text, strlen(text), digest) < 0)
        abort(); /* only without memory */
    return base64_encode(arena, digest, sizeof digest);
}
