/* HTTPS server: every route is declared in one table with its side (which listener), method, path, who may call and
 * handler; a request that no route of its side matches, or whose caller the route does not name, never reaches a
 * handler. Used by every program that serves HTTP.
 *
 * Life of a request: headers arrive -> route found -> peer identified (once per connection) -> authorized -> body
 * read (into memory up to the route's limit, or streamed to the handler) -> handler runs on a pool thread -> response.
 * A handler may answer later, from any thread (long polls). It knows libmicrohttpd; nobody else does. */
#ifndef NET_HTTP_SERVER_H
#define NET_HTTP_SERVER_H

#include "base/memory.h"
#include "net/http.h"
#include "net/tls.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct http_server;
struct http_request;

enum http_answer {
    HTTP_ANSWERED, /* a response was set with http_respond* or http_fail */
    HTTP_LATER,    /* http_finish will be called, from any thread, after a response was set */
};

typedef enum http_answer http_handler(struct http_request *request);

/* For big bodies. Called on the event thread in order; keep state with http_request_set_context. The route's handler
 * runs after the last piece. Return -1 to refuse (the body is drained or the connection closed; the error answers). */
typedef int http_body_piece(struct http_request *request, const void *bytes, size_t length, struct error *err);

struct http_route {
    unsigned side;            /* bits of the program's own enumeration of listeners; 0 never matches */
    enum http_method method;
    const char *path;         /* "/nodes/v2/node/{hostname}"; "{rest...}" last takes the remaining path, "" too. The
                               * first route that matches is taken. A final slash does not count, except in a rest */
    unsigned who;             /* the program's own bits, shown to its authorizer; 0 is nobody */
    http_handler *handler;
    size_t body_limit;        /* bytes; 0 is 1 MiB. More is 413 */
    http_body_piece *piece;   /* set: the body is streamed to it, body_limit then bounds the sum (0: no bound) */
};

/* Who is at the other end, from the TLS peer certificate (NULL when none was given or no TLS): called once per
 * connection; what it returns is kept with the connection and freed by `forget_peer`. A certificate that chains to
 * the trust but names nobody we know should give NULL. */
typedef void *http_identify_peer(void *context, const gnutls_datum_t *certificate_der);
typedef void http_forget_peer(void *context, void *peer);

/* May this caller use this route? -1 with ERROR_UNAUTHENTICATED or ERROR_FORBIDDEN when not. Runs before the body is
 * read; path parameters and headers are there. NULL means: every route is for everyone (only localaws may). */
typedef int http_authorize(void *context, struct http_request *request, unsigned who, struct error *err);

/* Makes the error body. NULL gives {"error-code": "...", "message": "..."} (Vespa's form). */
typedef void http_error_body(struct http_request *request, int status, const struct error *err);

struct http_listener {
    unsigned side;
    int socket;               /* a bound, listening stream socket; the server owns and closes it; -1: it is given its
                                 connections by http_server_take */
    struct tls_context *tls;  /* NULL: plain HTTP. Must outlive the server */
    size_t pool;              /* bytes a connection has for a request's head, and costs while idle; 0: 12 KiB */
    unsigned threads;         /* event threads that have its connections among them; 0: one. For thousands of them: what
                                 an answer costs rises with how many wait in the same thread */
};

struct http_server_options {
    const char *name; /* for logs and threads */
    const struct http_route *routes;
    size_t route_count;
    http_identify_peer *identify_peer;
    http_forget_peer *forget_peer;
    http_authorize *authorize;
    http_error_body *error_body;
    http_handler *handle;     /* runs in place of every route's handler, which it may call; NULL: the route's */
    void *context;            /* for the callbacks above and http_request_server_context */
    unsigned worker_threads;  /* 0 is 4 */
    unsigned idle_timeout_s;  /* 0 is 75 */
    bool access_log;          /* one log_debug line a request */
    void (*connected)(void *context, int socket); /* a connection was accepted (IMDS sets hop limits); may be NULL */
};

int http_server_start(const struct http_server_options *options, const struct http_listener *listeners,
                      size_t listener_count, struct http_server **server, struct error *err);
/* More listeners later (a tunnel comes up, a VPC appears); and one of them closed again by its socket number. */
int http_server_listen(struct http_server *server, const struct http_listener *listener, struct error *err);
void http_server_unlisten(struct http_server *server, int socket);
/* Serves a connection that was accepted elsewhere, as the listener of this side that has no socket of its own (a
 * listener with socket -1) would have. The connection is the server's from here on, also when this fails. */
int http_server_take(struct http_server *server, unsigned side, int connection, struct error *err);
/* Refuses new requests, lets running ones end (5 s), then closes. Requests that wait are answered 503. */
void http_server_stop(struct http_server **server);

/* The request. Everything returned lives as long as the request. */
struct arena *http_request_arena(struct http_request *request);
void *http_request_server_context(struct http_request *request);
const struct http_route *http_request_route(struct http_request *request);
enum http_method http_request_method(struct http_request *request);
const char *http_request_target(struct http_request *request); /* raw path and query, exactly as sent */
const char *http_request_path(struct http_request *request);   /* raw path, no query, still percent-encoded */
const char *http_request_raw_query(struct http_request *request); /* "" when none */
const char *http_request_parameter(struct http_request *request, const char *name); /* of the path, decoded */
const char *http_request_query(struct http_request *request, const char *name);     /* decoded; NULL when absent */
size_t http_request_query_count(struct http_request *request);
const char *http_request_query_at(struct http_request *request, size_t index, const char **value); /* name */
const char *http_request_header(struct http_request *request, const char *name);    /* NULL when absent */
const struct http_headers *http_request_headers(struct http_request *request);
const char *http_request_body(struct http_request *request, size_t *length);        /* NUL-terminated */
void *http_request_peer(struct http_request *request); /* what identify_peer gave, or NULL */
bool http_request_secure(struct http_request *request);
/* "TLS1.3" and "TLS_AES_256_GCM_SHA384"; false without TLS. */
bool http_request_tls(struct http_request *request, const char **version, const char **suite);
const struct sockaddr *http_request_address(struct http_request *request); /* the peer's */
const char *http_request_address_text(struct http_request *request);       /* "2001:db8::7" */
int http_request_connection_socket(struct http_request *request);
unsigned http_request_side(struct http_request *request); /* of the listener it came by */
/* The caller is trusted to pass on requests of others (the authorizer decided that): from here on the request's side,
 * peer and address are these, which live as long as the request. `peer` NULL: somebody unknown. */
void http_request_act_for(struct http_request *request, unsigned side, void *peer, const char *address_text);
bool http_request_acts(struct http_request *request); /* for somebody else */
void http_request_set_context(struct http_request *request, void *context, void (*release)(void *context));
void *http_request_context(struct http_request *request);

/* The answer. Bodies are copied. A later call replaces an earlier one. */
void http_respond(struct http_request *request, int status, const char *content_type, const void *body,
                  size_t length);
void http_respond_text(struct http_request *request, int status, const char *content_type, const char *text);
void http_respond_json(struct http_request *request, int status, json_t *json); /* takes the reference */
void http_respond_header(struct http_request *request, const char *name, const char *value);
/* A body made while it is sent: `read` fills up to `room` bytes and returns how many, 0 at the end, -1 to break the
 * connection. `length` is the whole size, or -1 for chunked. Runs on the event thread. */
typedef int64_t http_body_read(void *context, uint64_t position, char *buffer, size_t room);
void http_respond_stream(struct http_request *request, int status, const char *content_type, int64_t length,
                         http_body_read *read, void *context, void (*release)(void *context));
/* Sends `length` bytes of a file from `offset`; takes the descriptor. */
void http_respond_file(struct http_request *request, int status, const char *content_type, int fd, uint64_t offset,
                       uint64_t length);
/* No answer: the connection closes in its place, as when the answer is lost on the way. */
void http_respond_hang_up(struct http_request *request);
/* Switching protocols: answers 101 and gives the connection away, with its TLS, to go on as something that is not HTTP.
 * Called by a handler, which then returns HTTP_LATER; from then on one thread at a time may use the upgrade, and must close
 * it before http_server_stop. The client must wait for the answer before it sends more, as RFC 6455 says: what comes with
 * the request's head is lost. */
struct http_upgrade;
int http_upgrade_take(struct http_request *request, const char *protocol, const struct http_headers *headers,
                      struct http_upgrade **upgrade, struct error *err);
void http_upgrade_close(struct http_upgrade **upgrade);
int http_upgrade_socket(const struct http_upgrade *upgrade); /* non-blocking, to poll */
/* Bytes moved; 0: not now; -1: the connection is gone. */
ssize_t http_upgrade_receive(struct http_upgrade *upgrade, void *bytes, size_t room);
ssize_t http_upgrade_send(struct http_upgrade *upgrade, const void *bytes, size_t length);
/* The error's kind gives the status, its code and message the body. Returns HTTP_ANSWERED. */
enum http_answer http_fail(struct http_request *request, const struct error *err);
/* Sends the response of a request whose handler returned HTTP_LATER. The request is gone afterwards. */
void http_finish(struct http_request *request);

/* Reads a multipart/form-data body already in memory. */
struct http_part {
    const char *name, *filename, *content_type; /* the last two may be NULL */
    const char *bytes;
    size_t length;
};
int http_request_parts(struct http_request *request, struct http_part **parts, size_t *count, struct error *err);
/* The same of any bytes; the parts' bytes are the body's. */
int http_parts_read(struct arena *arena, const char *content_type, const char *body, size_t length,
                    struct http_part **parts, size_t *count, struct error *err);

/* A listening TCP socket (IPv4 or IPv6 literal, "::" takes no IPv4; port 0 picks one), SO_REUSEADDR, close-on-exec. */
int http_listen(const char *address, uint16_t port, int *socket, struct error *err);
int http_socket_port(int socket);
/* The same on a path of this machine, which is replaced; only its owner may connect. However long the path is. */
int http_listen_local(const char *path, int *socket, struct error *err);

#endif
