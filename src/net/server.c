#include "base/clock.h"
#include "base/log.h"
#include "net/server.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/abstract.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
    IDLE_TIMEOUT_S = 75,
    CONNECTIONS_MOST = 50000, /* a host has two: one waits for news, the other reports */
    DESCRIPTORS_SPARE = 256, /* for files, stores and clients */
    STOP_GRACE_MS = 5000,    /* running handlers get this long */
    LAST_WORDS_MS = 1000,    /* and the answers of abandoned requests this long to leave */
};

/* libmicrohttpd wants a source of certificates before it takes TLS connections; ours come with each connection, so
 * that this one is never asked. */
static int no_certificate(gnutls_session_t session, const gnutls_datum_t *authorities, int count,
                          const gnutls_pk_algorithm_t *algorithms, int algorithm_count, gnutls_pcert_st **chain,
                          unsigned *chain_length, gnutls_privkey_t *key)
{
    (void)session, (void)authorities, (void)count, (void)algorithms, (void)algorithm_count;
    *chain = NULL, *chain_length = 0, *key = NULL;
    return -1;
}

/* Paths stay as they were sent: signatures are over them, and each route's parameters are decoded once. */
static size_t keep_escapes(void *context, struct MHD_Connection *mhd, char *text)
{
    (void)context, (void)mhd;
    return strlen(text);
}

__attribute__((format(printf, 2, 0))) static void log_library(void *context, const char *format, va_list args)
{
    struct http_server *server = context;
    char text[256];
    vsnprintf(text, sizeof text, format, args);
    text[strcspn(text, "\n")] = '\0';
    log_debug("connection trouble", "server", server->options.name, "message", text, NULL);
}

/* Descriptors are what idle connections cost: takes as many as the system lets us have. */
static unsigned connection_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return 512;
    rlim_t wanted = CONNECTIONS_MOST + DESCRIPTORS_SPARE;
    if (limit.rlim_cur < wanted) {
        limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    rlim_t room = limit.rlim_cur > 2 * DESCRIPTORS_SPARE ? limit.rlim_cur - DESCRIPTORS_SPARE : limit.rlim_cur / 2;
    return room < CONNECTIONS_MOST ? (unsigned)room : CONNECTIONS_MOST;
}

/* The threads of libmicrohttpd and the workers take no signals: the program's own thread does. */
static void block_signals(sigset_t *old)
{
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, old);
}

static struct MHD_Daemon *start_daemon(struct listener *listener)
{
    struct http_server *server = listener->server;
    unsigned idle = server->options.idle_timeout_s ? server->options.idle_timeout_s : IDLE_TIMEOUT_S;
    unsigned flags = MHD_USE_EPOLL | MHD_USE_INTERNAL_POLLING_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
    struct MHD_OptionItem tls_options[] = {
        {MHD_OPTION_HTTPS_CERT_CALLBACK, 0, (void *)no_certificate},
        {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t) "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"},
        {MHD_OPTION_END, 0, NULL},
    };
    struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};
    struct MHD_OptionItem socket_options[] = {
        {MHD_OPTION_LISTEN_SOCKET, listener->socket, NULL},
        {listener->threads > 1 ? MHD_OPTION_THREAD_POOL_SIZE : MHD_OPTION_END, listener->threads, NULL},
        {MHD_OPTION_END, 0, NULL}};
    if (listener->tls)
        flags |= MHD_USE_TLS;
    if (listener->socket < 0)
        flags |= MHD_USE_NO_LISTEN_SOCKET | MHD_USE_ITC;
    sigset_t old;
    block_signals(&old);
    struct MHD_Daemon *daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, exchange_step, listener, MHD_OPTION_EXTERNAL_LOGGER, log_library, server,
        MHD_OPTION_ARRAY, listener->socket < 0 ? none : socket_options, MHD_OPTION_CONNECTION_MEMORY_LIMIT, listener->pool,
        MHD_OPTION_CONNECTION_LIMIT, connection_limit(), MHD_OPTION_CONNECTION_TIMEOUT, idle,
        MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_NOTIFY_CONNECTION, connection_notify, listener,
        MHD_OPTION_NOTIFY_COMPLETED, exchange_completed, listener, MHD_OPTION_URI_LOG_CALLBACK, exchange_open,
        listener, MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL, MHD_OPTION_ARRAY,
        listener->tls ? tls_options : none, MHD_OPTION_END);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return daemon;
}

int http_server_listen(struct http_server *server, const struct http_listener *wanted, struct error *err)
{
    cleanup(memory_free) struct listener *listener = memory_alloc(sizeof *listener);
    listener->server = server;
    listener->side = wanted->side;
    listener->socket = wanted->socket;
    listener->tls = wanted->tls;
    listener->pool = wanted->pool ? wanted->pool : CONNECTION_POOL;
    listener->threads = wanted->threads;
    if (wanted->socket >= 0)
        fcntl(wanted->socket, F_SETFL, fcntl(wanted->socket, F_GETFL) | O_NONBLOCK);
    listener->daemon = start_daemon(listener);
    if (!listener->daemon)
        return error_errno(err, ERROR_INTERNAL, "%s: cannot serve on port %d", server->options.name,
                           http_socket_port(wanted->socket));
    pthread_mutex_lock(&server->lock);
    listener->next = server->listeners;
    server->listeners = take(&listener);
    pthread_mutex_unlock(&server->lock);
    return 0;
}

int http_server_start(const struct http_server_options *options, const struct http_listener *listeners,
                      size_t listener_count, struct http_server **server, struct error *err)
{
    cleanup(http_server_stop) struct http_server *made = memory_alloc(sizeof *made);
    made->options = *options;
    atomic_init(&made->references, 1);
    pthread_mutex_init(&made->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&made->drained, &monotonic);
    pthread_condattr_destroy(&monotonic);
    sigset_t old;
    block_signals(&old);
    int result = workers_start(made, err);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (result < 0)
        return -1;
    for (size_t i = 0; i < listener_count; i++)
        if (http_server_listen(made, &listeners[i], err) < 0)
            return -1;
    *server = take(&made);
    return 0;
}

/* With the lock held: until the listener has nothing in flight, or the deadline. */
static void wait_drained(struct listener *listener, int64_t milliseconds)
{
    int64_t until_ms = clock_monotonic_ms() + milliseconds;
    struct timespec until = {.tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000};
    while (listener->in_flight)
        if (pthread_cond_timedwait(&listener->server->drained, &listener->server->lock, &until) == ETIMEDOUT)
            return;
}

/* MHD_stop_daemon aborts the process while a connection is suspended: nothing new is taken, everything that is with a
 * handler is resumed, with its own answer or with ours, and only then do we stop. */
static void close_listener(struct listener *listener)
{
    struct http_server *server = listener->server;
    MHD_quiesce_daemon(listener->daemon);
    pthread_mutex_lock(&server->lock);
    listener->closing = true;
    workers_abandon(listener, false);
    wait_drained(listener, STOP_GRACE_MS);
    workers_abandon(listener, true);
    wait_drained(listener, LAST_WORDS_MS);
    pthread_mutex_unlock(&server->lock);
    MHD_stop_daemon(listener->daemon);
    if (listener->socket >= 0)
        close(listener->socket);
    free(listener);
}

static struct listener *unlink_listener(struct http_server *server, int socket)
{
    pthread_mutex_lock(&server->lock);
    struct listener **at = &server->listeners;
    while (*at && socket >= 0 && (*at)->socket != socket)
        at = &(*at)->next;
    struct listener *listener = *at;
    if (listener)
        *at = listener->next;
    pthread_mutex_unlock(&server->lock);
    return listener;
}

void http_server_unlisten(struct http_server *server, int socket)
{
    struct listener *listener = socket < 0 ? NULL : unlink_listener(server, socket);
    if (listener)
        close_listener(listener);
}

int http_server_take(struct http_server *server, unsigned side, int connection, struct error *err)
{
    struct sockaddr_storage peer;
    socklen_t length = sizeof peer;
    int result = -1;
    pthread_mutex_lock(&server->lock);
    struct listener *listener = server->listeners;
    while (listener && (listener->side != side || listener->socket >= 0 || listener->closing))
        listener = listener->next;
    if (listener && getpeername(connection, (struct sockaddr *)&peer, &length) == 0)
        result = MHD_add_connection(listener->daemon, connection, (struct sockaddr *)&peer, length) == MHD_YES ? 0 : -1;
    else
        close(connection);
    pthread_mutex_unlock(&server->lock);
    return result < 0 ? error_set(err, ERROR_UNAVAILABLE, "%s: a connection was not taken", server->options.name) : 0;
}

void server_release(struct http_server *server)
{
    if (atomic_fetch_sub(&server->references, 1) != 1)
        return;
    pthread_mutex_destroy(&server->lock);
    pthread_cond_destroy(&server->drained);
    pthread_cond_destroy(&server->workers.more);
    free(server);
}

/* All listeners close to new work before any is waited for. */
static void close_all(struct http_server *server)
{
    pthread_mutex_lock(&server->lock);
    for (struct listener *listener = server->listeners; listener; listener = listener->next)
        listener->closing = true;
    pthread_mutex_unlock(&server->lock);
    struct listener *listener;
    while ((listener = unlink_listener(server, -1)))
        close_listener(listener);
}

void http_server_stop(struct http_server **server)
{
    struct http_server *old = *server;
    if (!old)
        return;
    *server = NULL;
    close_all(old);
    workers_stop(old);
    server_release(old);
}
