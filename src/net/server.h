/* Inside the HTTP server: what its files share. Nothing outside src/net includes this.
 *
 * server.c starts and stops, connection.c knows what lasts as long as a connection, exchange.c walks a request through
 * its life on the event thread, body.c takes its body, routes.c finds its route, workers.c runs its handler, respond.c
 * makes its answer, upgrade.c gives its connection away, request.c shows it to the handler.
 *
 * Threads: each listener has one event thread or several (libmicrohttpd's), which have its connections among them; workers
 * run handlers. A request belongs to its event thread until it is handed to a worker (its connection is then suspended),
 * and again once it is finished. */
#ifndef NET_SERVER_H
#define NET_SERVER_H

#include "base/buffer.h"
#include "net/http_server.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

enum {
    BODY_LIMIT_DEFAULT = 1 << 20,
    DRAIN_MOST = 1 << 20, /* what we read of a refused request's body, so that its sender reads our answer */
    CONNECTION_POOL = 12 * 1024, /* a listener's `pool` when it gives none */
    PARAMETERS_MOST = 16,
};

struct listener {
    struct listener *next;
    struct http_server *server;
    unsigned side;
    int socket;
    struct tls_context *tls;
    size_t pool;
    unsigned threads;
    struct MHD_Daemon *daemon;
    atomic_bool closing;            /* set under server->lock */
    struct http_request *in_flight; /* handed to workers and not yet answered; server->lock */
};

/* The queue of requests that wait for a worker. */
struct workers {
    pthread_t *threads;
    unsigned count;
    struct http_request *first, *last; /* server->lock */
    pthread_cond_t more;
    bool stopping; /* server->lock */
};

struct http_server {
    struct http_server_options options;
    atomic_uint references; /* the owner's and each request's */
    pthread_mutex_t lock;   /* listeners, their requests' states, the workers' queue */
    pthread_cond_t drained; /* a listener's last request in flight has been answered */
    struct listener *listeners;
    struct workers workers;
};

/* What lasts as long as a connection, and while a request of it is still with its handler. */
struct connection {
    atomic_uint references;
    struct http_server *server;
    struct listener *listener; /* the event thread's only */
    struct http_request *unread; /* the event thread's only: opened, and its headers have not all come */
    unsigned side;
    bool secure, identified;
    struct tls_credentials *credentials;
    void *peer;
    int64_t peer_expires_ms;
    const char *tls_version, *tls_suite; /* static texts; NULL before the first request, or without TLS */
    int socket;
    struct sockaddr_storage address;
    char address_text[64];
};

/* The states of a request once it is handed over; changed under server->lock only. */
enum request_state {
    REQUEST_READING,   /* the event thread's: headers and body */
    REQUEST_QUEUED,    /* no worker has taken it yet */
    REQUEST_RUNNING,   /* its handler runs */
    REQUEST_WAITING,   /* its handler said HTTP_LATER */
    REQUEST_TAKEN,     /* its connection was given away: nobody's but the taker's until it is finished */
    REQUEST_FINISHED,  /* has its answer: the event thread's again */
    REQUEST_ABANDONED, /* the listener closes: 503, whatever the handler does */
};

struct parameter {
    const char *name, *value;
};

struct answer {
    struct MHD_Response *response;
    int status;
    const char *content_type;
    struct http_headers headers;
    bool hung_up; /* the connection closes instead */
};

struct http_request {
    atomic_uint references; /* libmicrohttpd's, the handler's, the worker's */
    struct http_server *server;
    struct connection *connection;
    struct MHD_Connection *mhd; /* valid for the event thread, and to resume unless abandoned */
    struct arena *arena;
    int64_t started_ms;

    const char *target, *path, *query;
    enum http_method method;
    struct http_headers headers;
    const struct http_route *route;
    struct parameter parameters[PARAMETERS_MOST];
    size_t parameter_count;
    struct parameter *queries;
    size_t query_count;

    bool begun, refused;
    int64_t announced; /* Content-Length; -1 when chunked; 0 for none */
    uint64_t received;
    struct buffer body;

    enum request_state state;
    struct http_request *queue_next;
    struct http_request *previous, *next; /* in listener->in_flight */
    bool in_flight;

    struct answer answer;
    void *context;
    void (*release)(void *context);
    bool acting; /* for somebody else, whom the caller named: */
    unsigned acting_side;
    void *acting_peer;
    const char *acting_address;
};

/* connection.c: callbacks of libmicrohttpd, which does not always tell the end of a request whose headers it refused
 * itself: the connection keeps it until they have come. */
void connection_notify(void *listener, struct MHD_Connection *mhd, void **context,
                       enum MHD_ConnectionNotificationCode code);
struct connection *connection_of(struct MHD_Connection *mhd);
void connection_drop_unread(struct connection *connection);
void connection_release(struct connection *connection);
void connection_identify_peer(struct connection *connection, struct MHD_Connection *mhd);
void connection_note_tls(struct connection *connection, struct MHD_Connection *mhd);

/* exchange.c: callbacks of libmicrohttpd; their context is the listener */
void *exchange_open(void *context, const char *target, struct MHD_Connection *mhd);
enum MHD_Result exchange_step(void *context, struct MHD_Connection *mhd, const char *url, const char *method,
                              const char *version, const char *bytes, size_t *length, void **request_context);
void exchange_completed(void *context, struct MHD_Connection *mhd, void **request_context,
                        enum MHD_RequestTerminationCode code);

/* body.c */
int body_announced(struct http_request *request, struct error *err); /* refuses what smuggling needs */
size_t body_limit(const struct http_route *route);
/* -1 with the status to refuse with. */
int body_receive(struct http_request *request, const char *bytes, size_t length, int *status, struct error *err);

/* routes.c: 0 and request->route, or -1 with the status for the refusal. */
int routes_find(struct http_request *request, const char *method, int *status, struct error *err);

/* server.c: the last one out frees, since a handler may hold its request longer than we run. */
void server_release(struct http_server *server);

/* request.c */
void request_release(struct http_request *request);
int request_split_target(struct http_request *request, struct error *err);

/* respond.c */
void respond_error(struct http_request *request, int status, const struct error *err);
enum MHD_Result respond_send(struct http_request *request);
enum MHD_Result respond_closing(struct MHD_Connection *mhd); /* 503, without touching a request */
void answer_clear(struct answer *answer);

/* workers.c */
int workers_start(struct http_server *server, struct error *err);
void workers_stop(struct http_server *server); /* lets what runs end */
bool workers_hand_over(struct http_request *request); /* false: the listener closes; the connection is not suspended */
void workers_abandon(struct listener *listener, bool also_running); /* server->lock held */

#endif
