/* WebSocket (RFC 6455), either end, without I/O: bytes that came go in, whole messages come out; messages to
 * send go in, bytes to send are taken out. Pings are answered here. No extensions. */
#ifndef NET_WEBSOCKET_H
#define NET_WEBSOCKET_H

#include "base/buffer.h"
#include "base/error.h"
#include "base/memory.h"

#include <stdbool.h>

enum websocket_kind {
    WEBSOCKET_TEXT = 1,
    WEBSOCKET_BINARY = 2,
    WEBSOCKET_CLOSE = 8,
    WEBSOCKET_PING = 9,
    WEBSOCKET_PONG = 10
};

struct websocket;

/* `largest` bounds a message that is taken. A client masks what it sends and takes only what is not masked; a
 * server the other way round. */
struct websocket *websocket_new(bool client, size_t largest);
void websocket_free(struct websocket **websocket);

/* A whole message (text is well-formed UTF-8), or the other end's closing. -1 ends the connection. */
typedef int websocket_message(void *context, enum websocket_kind kind, const char *bytes, size_t length,
                              struct error *err);

/* -1 when the other end breaks the protocol, or `message` returned it. After a close it is to be called no
 * more. */
int websocket_receive(struct websocket *websocket, const void *bytes, size_t length,
                      websocket_message *message, void *context, struct error *err);

/* Adds a message to what is to be sent. */
void websocket_send(struct websocket *websocket, enum websocket_kind kind, const void *bytes, size_t length);
void websocket_close(struct websocket *websocket,
                     int code); /* 1000: done, 1002: protocol error, 1008: refused */

/* What is to be sent, as it stands; `length` bytes of it have been. */
const char *websocket_pending(const struct websocket *websocket, size_t *length);
void websocket_sent(struct websocket *websocket, size_t length);

/* The opening: a client's Sec-WebSocket-Key, and the Sec-WebSocket-Accept that proves it was read. */
char *websocket_key(struct arena *arena);
char *websocket_accept(struct arena *arena, const char *key);

#endif
