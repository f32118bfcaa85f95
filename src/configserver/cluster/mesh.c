#include "configserver/cluster/mesh.h"

#include "base/buffer.h"
#include "base/log.h"
#include "base/text.h"
#include "configserver/api/routes.h"
#include "configserver/cluster/mesh_keys.h"
#include "configserver/cluster/mesh_routes.h"
#include "identity/athenz.h"
#include "identity/key.h"
#include "net/http_client.h"
#include "tunnel/nftables.h"
#include "tunnel/tunnel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define INTERFACE "enclave1"

enum { TELL_EAGERLY_MS = 500, TELL_AGAIN_MS = 30 * 1000, CALL_MS = 3000, CONNECT_MS = 1000 };

struct mesh {
    struct mesh_options options;
    struct arena *arena;
    struct mesh_key ours;
    struct tunnel *tunnel;
    struct http_client *client;
    struct http_server *server;
    pthread_t thread;
    bool started;
    pthread_mutex_t lock; /* what follows, and the tunnel */
    pthread_cond_t stop;
    bool stopping;
    struct mesh_keys keys;
};

char *mesh_address(struct arena *arena, const char *zone, int64_t index)
{
    char *hash = sha256_hex(arena, zone, strlen(zone));
    return arena_format(arena, "fd00:ec1b:%.4s::%llx", hash, (unsigned long long)index);
}

static char *mesh_network(struct arena *arena, const char *zone)
{
    char *hash = sha256_hex(arena, zone, strlen(zone));
    return arena_format(arena, "fd00:ec1b:%.4s::/%d", hash, MESH_PREFIX_LENGTH);
}

char *mesh_firewall(struct arena *arena, const char *zone, const uint16_t *ports)
{
    const char *network = mesh_network(arena, zone), *list = "";
    for (size_t i = 0; ports[i]; i++)
        list = arena_format(arena, "%s%s%u", list, i ? ", " : "", ports[i]);
    return arena_format(arena,
                        "table inet enclave_mesh\ndelete table inet enclave_mesh\ntable inet enclave_mesh {\n"
                        "  chain input {\n    type filter hook input priority -10; policy accept;\n"
                        "    iifname \"" INTERFACE "\" ct state established,related accept\n"
                        "    iifname \"" INTERFACE "\" ip6 saddr %s ip6 daddr %s tcp dport { %s } accept\n"
                        "    iifname \"" INTERFACE "\" meta l4proto ipv6-icmp accept\n"
                        "    iifname \"" INTERFACE "\" drop\n"
                        "    iifname != { \"lo\", \"" INTERFACE "\" } ip6 daddr %s drop\n  }\n"
                        "  chain forward {\n    type filter hook forward priority -10; policy accept;\n"
                        "    iifname \"" INTERFACE "\" drop\n    oifname \"" INTERFACE "\" drop\n  }\n"
                        "  chain output {\n    type filter hook output priority -10; policy accept;\n"
                        "    oifname != { \"lo\", \"" INTERFACE "\" } ip6 daddr %s drop\n  }\n}\n",
                        network, network, list, network, network);
}

/* With the lock held: the device's peers are those whose key we know. */
static int set_peers(struct mesh *mesh, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    const struct config *config = mesh->options.config;
    struct tunnel_peer *peers = arena_alloc(arena, config->server_count * sizeof *peers);
    size_t count = 0;
    for (size_t i = 0; i < config->server_count; i++) {
        const struct mesh_key *key = mesh_keys_of(&mesh->keys, config->servers[i].index);
        if (key)
            peers[count++] = (struct tunnel_peer){
                .public_key = key->mesh_key,
                .address = mesh_address(arena, config->zone, key->index),
                .endpoint = arena_format(arena, "[%s]:%d", config->servers[i].address, MESH_PORT),
                .keepalive = true,
            };
    }
    return tunnel_set_peers(mesh->tunnel, peers, count, err);
}

static int note(struct mesh *mesh, const struct mesh_key *told, const char *address, struct error *err)
{
    bool changed = false;
    pthread_mutex_lock(&mesh->lock);
    int result = mesh_keys_note(&mesh->keys, told, address, &changed, err);
    if (result == 0 && changed)
        result = set_peers(mesh, err);
    pthread_mutex_unlock(&mesh->lock);
    if (result == 0 && changed) {
        cleanup(memory_free) char *index = memory_format("%lld", (long long)told->index);
        log_info("config server in the mesh", "index", index, "key", told->mesh_key, NULL);
    }
    return result;
}

/* PUT /mesh/v1/key: each tells its keys and is told ours. */
enum http_answer exchange_mesh_keys(struct http_request *request)
{
    struct mesh *mesh = http_request_server_context(request);
    struct error err = {0};
    struct mesh_key told;
    size_t length;
    const char *body = http_request_body(request, &length);
    if (record_parse(&mesh_key_record, http_request_arena(request), body, length, &told, &err) < 0 ||
        note(mesh, &told, http_request_address_text(request), &err) < 0) {
        log_warning("mesh key refused", "address", http_request_address_text(request), "reason", err.message,
                    NULL);
        return http_fail(request, &err);
    }
    http_respond_json(request, 200, record_write(&mesh_key_record, &mesh->ours));
    return HTTP_ANSWERED;
}

static int authorize(void *context, struct http_request *request, unsigned who, struct error *err)
{
    const struct mesh *mesh = context;
    const struct principal *peer = http_request_peer(request);
    struct zone_id zone;
    if (!peer)
        return error_set(err, ERROR_UNAUTHENTICATED, "this needs a config server's certificate");
    if ((who & WHO_CONFIGSERVER) && zone_parse(mesh->options.config->zone, &zone, err) == 0 &&
        text_equal(peer->name, zone_configserver_name(http_request_arena(request), &zone)))
        return 0;
    log_warning("caller refused", "principal", peer->name, "path", http_request_path(request), NULL);
    return error_set(err, ERROR_FORBIDDEN, "%s is no config server of this zone", peer->name);
}

static int tell(struct mesh *mesh, const struct config_server *server, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct sockaddr_in6 source = {.sin6_family = AF_INET6};
    struct http_reply reply;
    struct mesh_key told;
    const char *body = record_text(&mesh_key_record, arena, &mesh->ours);
    /* The other knows us by the address we call from. */
    inet_pton(AF_INET6, mesh->options.config->address, &source.sin6_addr);
    struct http_call call = {
        .method = HTTP_PUT,
        .url = arena_format(arena, "https://[%s]:%u/mesh/v1/key", server->address, mesh->options.port),
        .body = body,
        .body_length = strlen(body),
        .timeout_ms = CALL_MS,
        .connect_timeout_ms = CONNECT_MS,
        .source = (struct sockaddr *)&source,
    };
    http_headers_add(arena, &call.headers, "Content-Type", "application/json");
    if (http_call(mesh->client, &call, arena, &reply, err) < 0 || http_reply_check(&reply, NULL, err) < 0 ||
        record_parse(&mesh_key_record, arena, reply.body, reply.length, &told, err) < 0)
        return -1;
    if (told.index != server->index)
        return error_set(err, ERROR_INVALID, "config server %lld says it is %lld", (long long)server->index,
                         (long long)told.index);
    return note(mesh, &told, NULL, err);
}

/* True when each other was reached. */
static bool tell_all(struct mesh *mesh)
{
    const struct config *config = mesh->options.config;
    bool all = true;
    for (size_t i = 0; i < config->server_count; i++) {
        struct error err = {0};
        if (config->servers[i].index == config->index || tell(mesh, &config->servers[i], &err) == 0)
            continue;
        all = false;
        log_debug("mesh key not told", "to", config->servers[i].address, "error", err.message, NULL);
    }
    return all;
}

static void *keep_telling(void *context)
{
    struct mesh *mesh = context;
    pthread_setname_np(pthread_self(), "mesh");
    pthread_mutex_lock(&mesh->lock);
    for (;;) {
        struct error err = {0};
        if (set_peers(mesh, &err) < 0)
            log_warning("mesh peers not set", "error", err.message, NULL);
        pthread_mutex_unlock(&mesh->lock);
        int64_t wait_ms = tell_all(mesh) ? TELL_AGAIN_MS : TELL_EAGERLY_MS;
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += wait_ms / 1000;
        until.tv_nsec += wait_ms % 1000 * 1000000;
        if (until.tv_nsec >= 1000000000) {
            until.tv_sec++;
            until.tv_nsec -= 1000000000;
        }
        pthread_mutex_lock(&mesh->lock);
        int result = 0;
        while (!mesh->stopping && result != ETIMEDOUT)
            result = pthread_cond_timedwait(&mesh->stop, &mesh->lock, &until);
        if (mesh->stopping)
            break;
    }
    pthread_mutex_unlock(&mesh->lock);
    return NULL;
}

/* The firewall first: no packet may find the device open. */
static int raise(struct mesh *mesh, struct error *err)
{
    struct arena *arena = mesh->arena;
    const struct mesh_options *options = &mesh->options;
    const char *key_path = arena_format(arena, "%s/mesh.key", options->state_directory);
    const struct tunnel_options tunnel = {
        .interface = INTERFACE,
        .key_path = key_path,
        .address = mesh_address(arena, options->config->zone, options->config->index),
        .prefix_length = MESH_PREFIX_LENGTH,
        .port = MESH_PORT};
    char *key;
    mesh_keys_open(&mesh->keys, options->config,
                   arena_format(arena, "%s/mesh.json", options->state_directory));
    if (nftables_load(mesh_firewall(arena, options->config->zone, options->mesh_ports), err) < 0 ||
        tunnel_key_ensure(arena, key_path, &key, err) < 0 || tunnel_open(&tunnel, &mesh->tunnel, err) < 0)
        return error_context(err, "mesh");
    mesh->ours = (struct mesh_key){options->config->index, key, arena_strdup(arena, options->tunnel_key)};
    return set_peers(mesh, err);
}

static int talk(struct mesh *mesh, struct error *err)
{
    struct zone_id zone;
    const struct mesh_options *options = &mesh->options;
    struct http_listener listener = {.side = SIDE_PEERS, .tls = options->tls, .socket = -1};
    if (zone_parse(options->config->zone, &zone, err) < 0)
        return -1;
    const struct http_client_options client = {.tls = options->tls,
                                               .check_peer = principal_check_peer,
                                               .context = zone_configserver_name(mesh->arena, &zone),
                                               .no_proxy = true};
    const struct http_server_options server = {.name = "mesh",
                                               .routes = routes,
                                               .route_count = route_count,
                                               .identify_peer = principal_identify_peer,
                                               .forget_peer = principal_forget_peer,
                                               .authorize = authorize,
                                               .context = mesh,
                                               .worker_threads = 2};
    if (http_client_new(&client, &mesh->client, err) < 0 ||
        http_listen(options->config->address, options->port, &listener.socket, err) < 0 ||
        http_server_start(&server, &listener, 1, &mesh->server, err) < 0)
        return -1;
    mesh->started = pthread_create(&mesh->thread, NULL, keep_telling, mesh) == 0;
    return mesh->started ? 0 : error_set(err, ERROR_INTERNAL, "start a thread");
}

int mesh_open(const struct mesh_options *options, struct mesh **mesh, struct error *err)
{
    struct mesh *opened = memory_alloc(sizeof *opened);
    opened->options = *options;
    opened->arena = arena_new();
    pthread_mutex_init(&opened->lock, NULL);
    pthread_cond_init(&opened->stop, NULL);
    if (raise(opened, err) < 0 || talk(opened, err) < 0) {
        mesh_close(&opened);
        return -1;
    }
    *mesh = opened;
    return 0;
}

void mesh_close(struct mesh **mesh)
{
    struct mesh *old = *mesh;
    *mesh = NULL;
    if (!old)
        return;
    pthread_mutex_lock(&old->lock);
    old->stopping = true;
    pthread_cond_signal(&old->stop);
    pthread_mutex_unlock(&old->lock);
    if (old->started)
        pthread_join(old->thread, NULL);
    http_server_stop(&old->server);
    http_client_free(&old->client);
    tunnel_close(&old->tunnel);
    mesh_keys_close(&old->keys);
    pthread_cond_destroy(&old->stop);
    pthread_mutex_destroy(&old->lock);
    arena_free(&old->arena);
    free(old);
}

char *mesh_tunnel_key(struct mesh *mesh, struct arena *arena, int64_t index)
{
    pthread_mutex_lock(&mesh->lock);
    const struct mesh_key *key = index == mesh->ours.index ? &mesh->ours : mesh_keys_of(&mesh->keys, index);
    char *text = key ? arena_strdup(arena, key->tunnel_key) : NULL;
    pthread_mutex_unlock(&mesh->lock);
    return text;
}
