/* A WebSocket to a server over TLS: the connection is libcurl's (trust, proxies, addresses), the frames are
 * websocket.h's. Blocks; one thread at a time. */
#ifndef NET_WEBSOCKET_CLIENT_H
#define NET_WEBSOCKET_CLIENT_H

#include "net/websocket.h"

struct websocket_client;

/* `url` is wss://...; `trust` a PEM file of authorities, NULL for the system's. `largest` bounds what is
 * received. */
int websocket_client_open(const char *url, const char *trust, size_t largest,
                          struct websocket_client **client, struct error *err);
void websocket_client_close(struct websocket_client **client); /* for cleanup() too */

/* To add messages to; they leave with websocket_client_flush. */
struct websocket *websocket_client_frames(struct websocket_client *client);
int websocket_client_socket(const struct websocket_client *client); /* to poll for input */

/* Sends what it can without waiting: 1 when something is left (poll for output). -1 when the connection is
 * gone. */
int websocket_client_flush(struct websocket_client *client, struct error *err);
/* Takes what has come without waiting, message by message: 1 when there may be more that no poll tells of, -1
 * when the connection is gone or `message` says so. */
int websocket_client_receive(struct websocket_client *client, websocket_message *message, void *context,
                             struct error *err);

#endif
