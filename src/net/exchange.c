#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "net/server.h"

#include <stdio.h>
#include <string.h>

/* libmicrohttpd keeps a query's arguments in the connection's pool, and when they fill it, it has no room for
 * the headers nor for the 431 that would say so: such a connection just waits. It does not wait long. */
static void expect_little(struct MHD_Connection *mhd, const char *target)
{
    enum { ARGUMENTS_MANY = 64, PATIENCE_S = 2 };
    unsigned arguments = 0;
    for (const char *at = target; *at && arguments < ARGUMENTS_MANY; at++)
        arguments += *at == '&';
    if (arguments == ARGUMENTS_MANY)
        MHD_set_connection_option(mhd, MHD_CONNECTION_OPTION_TIMEOUT, (unsigned)PATIENCE_S);
}

/* Called with the raw request target, before the headers are read. */
void *exchange_open(void *context, const char *target, struct MHD_Connection *mhd)
{
    struct listener *listener = context;
    struct http_request *request = memory_alloc(sizeof *request);
    atomic_init(&request->references, 1);
    request->server = listener->server;
    atomic_fetch_add(&listener->server->references, 1);
    request->connection = connection_of(mhd);
    atomic_fetch_add(&request->connection->references, 1);
    connection_drop_unread(request->connection);
    request->connection->unread = request;
    request->mhd = mhd;
    request->arena = arena_new();
    request->target = arena_strdup(request->arena, target);
    request->started_ms = clock_monotonic_ms();
    expect_little(mhd, target);
    return request;
}

static enum MHD_Result keep_header(void *context, enum MHD_ValueKind kind, const char *name,
                                   const char *value)
{
    (void)kind;
    struct http_request *request = context;
    http_headers_add(request->arena, &request->headers, name, value ? value : "");
    return MHD_YES;
}

static bool has_body(const struct http_request *request)
{
    return request->announced != 0;
}

/* A refusal is sent when it can be heard: at once when no body follows, when the client waits for "100
 * Continue" or when the body is long; otherwise after the body has been read and dropped, since closing on a
 * client that still sends would lose it the answer. */
static enum MHD_Result refuse(struct http_request *request, int status, const struct error *err)
{
    request->refused = true;
    respond_error(request, status, err);
    bool waits = http_headers_get(&request->headers, "Expect") != NULL;
    if (has_body(request) && !waits && request->announced <= DRAIN_MOST)
        return MHD_YES;
    if (has_body(request))
        http_respond_header(request, "Connection", "close");
    return respond_send(request);
}

static enum MHD_Result refuse_framing(struct http_request *request, const struct error *err)
{
    request->refused = true;
    respond_error(request, 400, err);
    http_respond_header(request, "Connection", "close");
    return respond_send(request);
}

static int authorize(struct http_request *request, struct error *err)
{
    const struct http_server_options *options = &request->server->options;
    if (!options->authorize)
        return 0;
    if (!request->route->who)
        return error_set(err, ERROR_FORBIDDEN, "this route is for nobody");
    return options->authorize(options->context, request, request->route->who, err);
}

static enum MHD_Result begin(struct http_request *request, const char *method)
{
    struct error err = {0}, unread = {0};
    int status = 400;
    MHD_get_connection_values(request->mhd, MHD_HEADER_KIND, keep_header, request);
    int split = request_split_target(request, &unread); /* first: what refuses asks for the path */
    if (body_announced(request, &err) < 0)
        return refuse_framing(request, &err);
    if (request->connection->listener->closing) {
        error_set(&err, ERROR_UNAVAILABLE, "the server is stopping");
        return refuse(request, 503, &err);
    }
    if (split < 0)
        return refuse(request, 400, &unread);
    connection_note_tls(request->connection, request->mhd);
    connection_identify_peer(request->connection, request->mhd);
    if (routes_find(request, method, &status, &err) < 0)
        return refuse(request, status, &err);
    if (authorize(request, &err) < 0)
        return refuse(request, http_status(err.kind), &err);
    size_t limit = body_limit(request->route);
    if (request->announced > 0 && (uint64_t)request->announced > limit) {
        error_set(&err, ERROR_INVALID, "the body is larger than %zu bytes", limit);
        return refuse(request, 413, &err);
    }
    return MHD_YES;
}

static enum MHD_Result receive(struct http_request *request, const char *bytes, size_t length)
{
    if (request->refused) {
        request->received += length;
        return request->received > DRAIN_MOST ? MHD_NO : MHD_YES;
    }
    struct error err = {0};
    int status = 500;
    if (body_receive(request, bytes, length, &status, &err) < 0) {
        request->refused = true;
        request->received = 0;
        respond_error(request, status, &err);
    }
    return MHD_YES;
}

enum MHD_Result exchange_step(void *context, struct MHD_Connection *mhd, const char *url, const char *method,
                              const char *version, const char *bytes, size_t *length, void **request_context)
{
    (void)context, (void)url, (void)version;
    struct http_request *request = *request_context;
    if (!request->begun) {
        request->begun = true;
        request->connection->unread = NULL; /* from here on we are sure to be told when it ends */
        return begin(request, method);
    }
    if (*length) {
        enum MHD_Result result = receive(request, bytes, *length);
        *length = 0;
        return result;
    }
    if (request->refused || request->state == REQUEST_FINISHED)
        return respond_send(request);
    if (request->state == REQUEST_ABANDONED || !workers_hand_over(request))
        return respond_closing(mhd);
    return MHD_YES;
}

static void leave_flight(struct http_request *request, struct listener *listener)
{
    pthread_mutex_lock(&listener->server->lock);
    if (request->in_flight) {
        request->in_flight = false;
        if (request->next)
            request->next->previous = request->previous;
        if (request->previous)
            request->previous->next = request->next;
        else
            listener->in_flight = request->next;
        if (!listener->in_flight)
            pthread_cond_broadcast(&listener->server->drained);
    }
    pthread_mutex_unlock(&listener->server->lock);
}

static void log_access(const struct http_request *request)
{
    char status[16], took[24];
    snprintf(status, sizeof status, "%d", request->answer.status);
    snprintf(took, sizeof took, "%lld", (long long)(clock_monotonic_ms() - request->started_ms));
    log_debug("request", "server", request->server->options.name, "method", http_method_name(request->method),
              "path", request->path, "status", status, "ms", took, "from", request->connection->address_text,
              NULL);
}

void exchange_completed(void *context, struct MHD_Connection *mhd, void **request_context,
                        enum MHD_RequestTerminationCode code)
{
    (void)mhd, (void)code;
    struct http_request *request = take((struct http_request **)request_context);
    if (!request)
        return;
    if (request->connection->unread == request)
        request->connection->unread = NULL;
    /* An abandoned request may still be written to by its handler: not ours to read. */
    if (request->state != REQUEST_ABANDONED && request->server->options.access_log)
        log_access(request);
    leave_flight(request, context);
    request_release(request);
}
