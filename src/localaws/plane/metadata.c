/* The instance metadata service (IMDS), version 2 only: one HTTP server that listens in every router. Who
 * asks is known by the address a connection comes from, which the router has checked against the interface it
 * came by; which VPC, by the namespace the connection lives in. Answers carry the instance's hop limit, so
 * that with 1 they do not get through the instance's own routing to its containers. */
#include "localaws/plane/door.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "base/text.h"
#include "net/http_server.h"

#include <arpa/inet.h>
#include <gnutls/crypto.h>
#include <stdio.h>
#include <string.h>

enum {
    ROUTER_SIDE = 1,
    ANYONE = 1,
    LONGEST_TOKEN_S = 21600,
    TOKEN_KEY_BYTES = 32,
    MAC_BYTES = 32,
    ID_LONGEST = 64
};

struct metadata_server {
    struct plane *plane;
    struct http_server *http;
    unsigned char token_key[TOKEN_KEY_BYTES];
};

/* The instance at the other end of a connection, or NULL. */
static const char *find_instance(struct metadata_server *server, struct arena *arena, int socket)
{
    struct sockaddr_storage peer;
    socklen_t length = sizeof peer;
    char address[INET6_ADDRSTRLEN];
    if (getpeername(socket, (struct sockaddr *)&peer, &length) < 0)
        return NULL;
    const void *bytes = peer.ss_family == AF_INET6 ? (void *)&((struct sockaddr_in6 *)&peer)->sin6_addr
                                                   : (void *)&((struct sockaddr_in *)&peer)->sin_addr;
    inet_ntop(peer.ss_family, bytes, address, sizeof address);
    const char *vpc_id = door_house(server->plane, arena, socket);
    const struct plane_callbacks *callbacks = &server->plane->callbacks;
    return vpc_id ? callbacks->instance_at(callbacks->context, arena, vpc_id, address) : NULL;
}

static bool by_ipv6(int socket)
{
    struct sockaddr_storage own;
    socklen_t length = sizeof own;
    return getsockname(socket, (struct sockaddr *)&own, &length) == 0 && own.ss_family == AF_INET6;
}

/* Sets how far the connection's packets go; false when the service is shut for this instance. */
static bool set_hops(struct metadata_server *server, int socket, const char *id)
{
    const struct plane_callbacks *callbacks = &server->plane->callbacks;
    int hops = id ? callbacks->metadata_hop_limit(callbacks->context, id, by_ipv6(socket)) : 1;
    bool open = hops > 0;
    hops = open ? hops : 1;
    setsockopt(socket, IPPROTO_IP, IP_TTL, &hops, sizeof hops);
    setsockopt(socket, IPPROTO_IPV6, IPV6_UNICAST_HOPS, &hops, sizeof hops);
    return open;
}

static void limit_hops(void *context, int socket)
{
    struct metadata_server *server = context;
    cleanup(arena_free) struct arena *arena = arena_new();
    set_hops(server, socket, find_instance(server, arena, socket));
}

/* A token is "<expiry in ms, hex>-<HMAC over instance and expiry>": nothing has to be remembered. */
static char *token_for(struct metadata_server *server, struct arena *arena, const char *id,
                       int64_t expires_ms)
{
    unsigned char mac[MAC_BYTES];
    char *text = arena_format(arena, "%s %llx", id, (unsigned long long)expires_ms);
    gnutls_hmac_fast(GNUTLS_MAC_SHA256, server->token_key, sizeof server->token_key, text, strlen(text), mac);
    return arena_format(arena, "%llx-%s", (unsigned long long)expires_ms, hex_encode(arena, mac, sizeof mac));
}

static bool token_holds(struct metadata_server *server, struct arena *arena, const char *id,
                        const char *token)
{
    if (text_empty(token) || strlen(token) > 128)
        return false;
    int64_t expires_ms = (int64_t)strtoull(token, NULL, 16);
    return expires_ms > clock_now_ms() && text_equal_secret(token, token_for(server, arena, id, expires_ms));
}

static enum http_answer refuse(struct http_request *request, int status, const char *text)
{
    http_respond_text(request, status, "text/plain", text);
    return HTTP_ANSWERED;
}

static enum http_answer give_token(struct http_request *request)
{
    struct metadata_server *server = http_request_server_context(request);
    struct arena *arena = http_request_arena(request);
    const char *wanted = http_request_header(request, "X-aws-ec2-metadata-token-ttl-seconds");
    int64_t seconds;
    if (http_request_header(request, "X-Forwarded-For")) /* somebody's proxy, not the instance itself */
        return refuse(request, 403, "Forbidden");
    if (!wanted || text_number(wanted, 1, LONGEST_TOKEN_S, "ttl", &seconds, NULL) < 0)
        return refuse(request, 400, "Bad Request");
    int socket = http_request_connection_socket(request);
    const char *id = find_instance(server, arena, socket);
    if (!id)
        return refuse(request, 404, "Not Found");
    if (!set_hops(server, socket, id))
        return refuse(request, 403, "Forbidden");
    http_respond_header(request, "X-aws-ec2-metadata-token-ttl-seconds", wanted);
    http_respond_text(request, 200, "text/plain",
                      token_for(server, arena, id, clock_now_ms() + seconds * 1000));
    return HTTP_ANSWERED;
}

static enum http_answer give_metadata(struct http_request *request)
{
    struct metadata_server *server = http_request_server_context(request);
    struct arena *arena = http_request_arena(request);
    const struct plane_callbacks *callbacks = &server->plane->callbacks;
    int socket = http_request_connection_socket(request);
    const char *id = find_instance(server, arena, socket);
    if (id && !set_hops(server, socket, id))
        return refuse(request, 403, "Forbidden");
    if (!id || !token_holds(server, arena, id, http_request_header(request, "X-aws-ec2-metadata-token")))
        return refuse(request, 401, "Unauthorized");
    char *text = NULL;
    const char *type = "text/plain", *path = http_request_parameter(request, "rest");
    struct error err = {0};
    if (callbacks->metadata(callbacks->context, arena, id, path, &text, &type, &err) < 0)
        return refuse(request, err.kind == ERROR_NOT_FOUND ? 404 : 500,
                      err.kind == ERROR_NOT_FOUND ? "Not Found" : "Internal Server Error");
    http_respond_text(request, 200, type, text);
    return HTTP_ANSWERED;
}

static const struct http_route routes[] = {
    {ROUTER_SIDE, HTTP_PUT, "/latest/api/token", ANYONE, give_token, .body_limit = 1024},
    {ROUTER_SIDE, HTTP_GET, "/latest/{rest...}", ANYONE, give_metadata, .body_limit = 1024},
};

int metadata_start(struct plane *plane, struct error *err)
{
    struct metadata_server *server = memory_alloc(sizeof *server);
    server->plane = plane;
    random_bytes(server->token_key, sizeof server->token_key);
    plane->metadata = server;
    struct http_server_options options = {
        .name = "imds",
        .routes = routes,
        .route_count = COUNT_OF(routes),
        .context = server,
        .worker_threads = 2,
        .idle_timeout_s = 10,
        .connected = limit_hops,
    };
    const struct http_listener indoors = {.side = ROUTER_SIDE, .socket = -1};
    return http_server_start(&options, &indoors, 1, &server->http, err);
}

static void serve(struct plane *plane, const char *vpc_id, int connection)
{
    struct error err = {0};
    if (http_server_take(plane->metadata->http, ROUTER_SIDE, connection, &err) < 0)
        log_warning("metadata not served", "vpc", vpc_id, "reason", err.message, NULL);
}

int metadata_listen(struct plane *plane, struct network *network, struct error *err)
{
    static const char *const addresses[] = {METADATA_IPV6, METADATA_IPV4};
    for (size_t i = 0; i < COUNT_OF(addresses); i++)
        if (door_open(plane, network->id, network->namespace, addresses[i], 80, serve, err) < 0)
            return -1;
    return 0;
}

void metadata_unlisten(struct plane *plane, struct network *network)
{
    doors_close(plane, network->id);
}

void metadata_stop(struct plane *plane)
{
    struct metadata_server *server = plane->metadata;
    if (!server)
        return;
    http_server_stop(&server->http);
    explicit_bzero(server->token_key, sizeof server->token_key);
    free(server);
    plane->metadata = NULL;
}
