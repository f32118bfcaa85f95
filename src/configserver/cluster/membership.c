#include "configserver/cluster/membership.h"

#include "base/log.h"
#include "configserver/cluster/leader.h"
#include "configserver/cluster/mesh.h"
#include "configserver/cluster/zookeeper.h"
#include "identity/athenz.h"

#include <pthread.h>
#include <signal.h>
#include <time.h>

enum { RETRY_MS = 250 };

struct membership {
    struct membership_options options;
    struct arena *arena;
    const char *address;
    struct mesh *mesh;
    struct zookeeper_options zookeeper_options;
    struct zookeeper *zookeeper;
    struct store *store;
    struct http_client *client;
    struct config_servers servers;
    pthread_mutex_t lock; /* what follows: the session speaks before there is a leader to listen */
    enum store_session session;
    struct leader *leader;
};

bool membership_needed(const struct config *config)
{
    return config->server_count > 1;
}

static void session_changed(void *context, enum store_session session)
{
    struct membership *membership = context;
    static const char *const names[] = {"connected", "suspended", "expired"};
    log_info("store session", "state", names[session], NULL);
    pthread_mutex_lock(&membership->lock);
    membership->session = session;
    if (membership->leader)
        leader_session(membership->leader, session);
    pthread_mutex_unlock(&membership->lock);
}

static int raise_mesh(struct membership *membership, struct error *err)
{
    const struct membership_options *options = &membership->options;
    const struct mesh_options mesh = {
        .config = options->config,
        .state_directory = options->state_directory,
        .tunnel_key = options->tunnel_key,
        .tls = options->tls,
        .port = options->peers_port,
        .mesh_ports = {options->port, ZOOKEEPER_CLIENT_PORT, ZOOKEEPER_QUORUM_PORT, ZOOKEEPER_ELECTION_PORT},
    };
    membership->address = mesh_address(membership->arena, options->config->zone, options->config->index);
    return mesh_open(&mesh, &membership->mesh, err);
}

static int start_zookeeper(struct membership *membership, struct error *err)
{
    const struct config *config = membership->options.config;
    struct zookeeper_member *members = arena_alloc(membership->arena, config->server_count * sizeof *members);
    for (size_t i = 0; i < config->server_count; i++)
        members[i] = (struct zookeeper_member){
            .index = (int)config->servers[i].index,
            .address = mesh_address(membership->arena, config->zone, config->servers[i].index)};
    membership->zookeeper_options = (struct zookeeper_options){
        .state_directory = membership->options.state_directory,
        .index = (int)config->index,
        .members = members,
        .member_count = config->server_count,
    };
    return zookeeper_start(&membership->zookeeper_options, &membership->zookeeper, err);
}

static int open_store(struct membership *membership, struct error *err)
{
    const char *servers = zookeeper_connect_string(membership->arena, &membership->zookeeper_options);
    int timeout_ms = (int)membership->options.config->limits.store_session;
    const struct timespec pause = {.tv_nsec = RETRY_MS * 1000000};
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    while (store_open_zookeeper(servers, timeout_ms, session_changed, membership, &membership->store, err) <
           0) {
        log_info("waiting for a majority of the config servers", "reason", err->message, NULL);
        if (sigtimedwait(&ends, NULL, &pause) > 0)
            return error_set(err, ERROR_UNAVAILABLE,
                             "told to stop before a majority of the config servers was there");
    }
    return 0;
}

static int open_client(struct membership *membership, struct error *err)
{
    struct zone_id zone;
    if (zone_parse(membership->options.config->zone, &zone, err) < 0)
        return -1;
    const struct http_client_options options = {.tls = membership->options.tls,
                                                .check_peer = principal_check_peer,
                                                .context = zone_configserver_name(membership->arena, &zone),
                                                .no_proxy = true};
    return http_client_new(&options, &membership->client, err);
}

int membership_open(const struct membership_options *options, struct membership **membership,
                    struct error *err)
{
    struct membership *opened = memory_alloc(sizeof *opened);
    opened->options = *options;
    opened->arena = arena_new();
    opened->session = STORE_CONNECTED;
    pthread_mutex_init(&opened->lock, NULL);
    *membership = opened; /* closed by the caller, however far we get */
    if (raise_mesh(opened, err) < 0 || open_client(opened, err) < 0 || start_zookeeper(opened, err) < 0)
        return -1;
    return open_store(opened, err);
}

struct store *membership_store(struct membership *membership)
{
    return membership->store;
}

const char *membership_address(struct membership *membership)
{
    return membership->address;
}

static char *tunnel_key(void *context, struct arena *arena, int64_t index)
{
    struct membership *membership = context;
    return mesh_tunnel_key(membership->mesh, arena, index);
}

int membership_join(struct membership *membership, struct zone *zone, struct error *err)
{
    config_servers_init(&membership->servers, membership->options.config, membership->options.port,
                        membership->arena);
    membership->servers.client = membership->client;
    membership->servers.tunnel_key = tunnel_key;
    membership->servers.context = membership;
    zone->servers = &membership->servers;
    struct leader *leader = leader_new(zone, membership->store, &membership->servers);
    zone->leader = leader;
    pthread_mutex_lock(&membership->lock);
    membership->leader = leader;
    leader_session(leader, membership->session);
    pthread_mutex_unlock(&membership->lock);
    return leader_start(leader, err);
}

void membership_leave(struct membership *membership)
{
    if (membership->leader)
        leader_stop(membership->leader);
}

void membership_close(struct membership **membership)
{
    struct membership *old = *membership;
    *membership = NULL;
    if (!old)
        return;
    membership_leave(old);
    store_close(&old->store); /* no callback comes from here on */
    leader_free(&old->leader);
    zookeeper_stop(&old->zookeeper);
    http_client_free(&old->client);
    mesh_close(&old->mesh);
    pthread_mutex_destroy(&old->lock);
    arena_free(&old->arena);
    free(old);
}
