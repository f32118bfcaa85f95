#include "configserver/hosts/tunnel_peers.h"

#define INTERFACE "enclave0"

struct tunnel_peers {
    pthread_mutex_t lock; /* the tunnel, which only one thread may use */
    struct arena *arena;
    const char *key_path;
    char *public_key; /* set once, before the tunnel */
    struct tunnel *tunnel;
};

struct tunnel_peers *tunnel_peers_new(const char *state_directory)
{
    struct tunnel_peers *peers = memory_alloc(sizeof *peers);
    pthread_mutex_init(&peers->lock, NULL);
    peers->arena = arena_new();
    peers->key_path = arena_format(peers->arena, "%s/wireguard.key", state_directory);
    return peers;
}

void tunnel_peers_free(struct tunnel_peers **peers)
{
    struct tunnel_peers *old = *peers;
    *peers = NULL;
    if (!old)
        return;
    tunnel_close(&old->tunnel);
    pthread_mutex_destroy(&old->lock);
    arena_free(&old->arena);
    free(old);
}

int tunnel_peers_key(struct tunnel_peers *peers, struct arena *arena, char **key, struct error *err)
{
    return tunnel_key_ensure(arena, peers->key_path, key, err);
}

static int open_locked(struct tunnel_peers *peers, const char *address, int prefix_length, struct error *err)
{
    const struct tunnel_options options = {.interface = INTERFACE,
                                           .key_path = peers->key_path,
                                           .address = address,
                                           .prefix_length = prefix_length,
                                           .port = TUNNEL_PORT};
    if (peers->tunnel)
        return 0;
    char *public_key;
    if (tunnel_key_ensure(peers->arena, peers->key_path, &public_key, err) < 0 ||
        tunnel_open(&options, &peers->tunnel, err) < 0)
        return -1;
    peers->public_key = public_key;
    return 0;
}

int tunnel_peers_open(struct tunnel_peers *peers, const char *address, int prefix_length, struct error *err)
{
    pthread_mutex_lock(&peers->lock);
    int result = open_locked(peers, address, prefix_length, err);
    pthread_mutex_unlock(&peers->lock);
    return result;
}

static int not_open(struct error *err)
{
    return error_set(err, ERROR_UNAVAILABLE, "our tunnel is not up yet");
}

static int set_peer(void *context, const struct tunnel_peer *peer, struct error *err)
{
    struct tunnel_peers *peers = context;
    pthread_mutex_lock(&peers->lock);
    int result = peers->tunnel ? tunnel_set_peer(peers->tunnel, peer, err) : not_open(err);
    pthread_mutex_unlock(&peers->lock);
    return result;
}

static int set_all_peers(void *context, const struct tunnel_peer *all, size_t count, struct error *err)
{
    struct tunnel_peers *peers = context;
    pthread_mutex_lock(&peers->lock);
    int result = peers->tunnel ? tunnel_set_peers(peers->tunnel, all, count, err) : not_open(err);
    pthread_mutex_unlock(&peers->lock);
    return result;
}

static const char *public_key(void *context)
{
    struct tunnel_peers *peers = context;
    pthread_mutex_lock(&peers->lock);
    const char *key = peers->public_key;
    pthread_mutex_unlock(&peers->lock);
    return key;
}

struct peers tunnel_peers_interface(struct tunnel_peers *peers)
{
    return (struct peers){peers, set_peer, set_all_peers, public_key};
}
