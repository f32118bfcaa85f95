#include "base/clock.h"
#include "base/text.h"
#include "net/server.h"

#include <string.h>

void request_release(struct http_request *request)
{
    if (atomic_fetch_sub(&request->references, 1) != 1)
        return;
    struct http_server *server = request->server;
    if (request->release)
        request->release(request->context);
    answer_clear(&request->answer);
    buffer_free(&request->body);
    connection_release(request->connection);
    arena_free(&request->arena);
    free(request);
    server_release(server);
}

static int read_queries(struct http_request *request, struct error *err)
{
    char **pairs;
    size_t count = text_split(request->arena, request->query, '&', &pairs);
    request->queries = arena_alloc(request->arena, count * sizeof *request->queries);
    for (size_t i = 0; i < count; i++) {
        if (!pairs[i][0])
            continue;
        char *equals = strchr(pairs[i], '='), *name, *value;
        if (equals)
            *equals = '\0';
        if (percent_decode(request->arena, pairs[i], true, &name, err) < 0 ||
            percent_decode(request->arena, equals ? equals + 1 : "", true, &value, err) < 0)
            return error_context(err, "query");
        request->queries[request->query_count++] = (struct parameter){name, value};
    }
    return 0;
}

int request_split_target(struct http_request *request, struct error *err)
{
    const char *mark = strchr(request->target, '?');
    size_t length = mark ? (size_t)(mark - request->target) : strlen(request->target);
    request->path = arena_strndup(request->arena, request->target, length);
    request->query = mark ? mark + 1 : "";
    if (request->path[0] != '/')
        return error_set(err, ERROR_INVALID, "the request's target must be a path");
    return read_queries(request, err);
}

struct arena *http_request_arena(struct http_request *request)
{
    return request->arena;
}

void *http_request_server_context(struct http_request *request)
{
    return request->server->options.context;
}

const struct http_route *http_request_route(struct http_request *request)
{
    return request->route;
}

enum http_method http_request_method(struct http_request *request)
{
    return request->method;
}

const char *http_request_target(struct http_request *request)
{
    return request->target;
}

const char *http_request_path(struct http_request *request)
{
    return request->path;
}

const char *http_request_raw_query(struct http_request *request)
{
    return request->query;
}

static const char *find(const struct parameter *parameters, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(parameters[i].name, name) == 0)
            return parameters[i].value;
    return NULL;
}

const char *http_request_parameter(struct http_request *request, const char *name)
{
    return find(request->parameters, request->parameter_count, name);
}

const char *http_request_query(struct http_request *request, const char *name)
{
    return find(request->queries, request->query_count, name);
}

size_t http_request_query_count(struct http_request *request)
{
    return request->query_count;
}

const char *http_request_query_at(struct http_request *request, size_t index, const char **value)
{
    if (index >= request->query_count)
        return NULL;
    *value = request->queries[index].value;
    return request->queries[index].name;
}

const char *http_request_header(struct http_request *request, const char *name)
{
    return http_headers_get(&request->headers, name);
}

const struct http_headers *http_request_headers(struct http_request *request)
{
    return &request->headers;
}

const char *http_request_body(struct http_request *request, size_t *length)
{
    if (length)
        *length = request->body.length;
    return buffer_string(&request->body);
}

/* A resumed TLS session skips the check of the chain, and a connection may outlive the certificate it began with. */
void *http_request_peer(struct http_request *request)
{
    const struct connection *connection = request->connection;
    if (request->acting)
        return request->acting_peer;
    return connection->peer && clock_now_ms() < connection->peer_expires_ms ? connection->peer : NULL;
}

bool http_request_secure(struct http_request *request)
{
    return request->connection->secure;
}

bool http_request_tls(struct http_request *request, const char **version, const char **suite)
{
    *version = request->connection->tls_version;
    *suite = request->connection->tls_suite;
    return *version && *suite;
}

const struct sockaddr *http_request_address(struct http_request *request)
{
    return (const struct sockaddr *)&request->connection->address;
}

const char *http_request_address_text(struct http_request *request)
{
    return request->acting ? request->acting_address : request->connection->address_text;
}

unsigned http_request_side(struct http_request *request)
{
    return request->acting ? request->acting_side : request->connection->side;
}

bool http_request_acts(struct http_request *request)
{
    return request->acting;
}

void http_request_act_for(struct http_request *request, unsigned side, void *peer, const char *address_text)
{
    request->acting = true;
    request->acting_side = side;
    request->acting_peer = peer;
    request->acting_address = address_text;
}

int http_request_connection_socket(struct http_request *request)
{
    return request->connection->socket;
}

void http_request_set_context(struct http_request *request, void *context, void (*release)(void *context))
{
    request->context = context;
    request->release = release;
}

void *http_request_context(struct http_request *request)
{
    return request->context;
}
