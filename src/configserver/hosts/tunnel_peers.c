#include "configserver/hosts/tunnel_peers.h"

#include "base/table.h"
#include "base/text.h"

#define INTERFACE "enclave0"

struct tunnel_peers {
    pthread_mutex_t lock; /* the tunnel, which only one thread may use */
    struct arena *arena;
    const char *key_path;
    char *public_key; /* set once, before the tunnel */
    struct tunnel *tunnel;
    /* What the device has, once we have set all of it; until then we ask it. */
    bool known;
    struct table by_key, by_address; /* of struct known_peer */
};

struct known_peer {
    char *key, *address;
};

static void forget_peer(struct tunnel_peers *peers, const char *key)
{
    struct known_peer *peer = table_take(&peers->by_key, key);
    if (!peer)
        return;
    if (table_get(&peers->by_address, peer->address) == peer)
        table_take(&peers->by_address, peer->address);
    free(peer->key);
    free(peer->address);
    free(peer);
}

static void remember_peer(struct tunnel_peers *peers, const struct tunnel_peer *peer)
{
    struct known_peer *known = memory_alloc(sizeof *known);
    *known = (struct known_peer){memory_strdup(peer->public_key), memory_strdup(peer->address)};
    forget_peer(peers, peer->public_key);
    table_set(&peers->by_key, known->key, known);
    table_set(&peers->by_address, known->address, known);
}

static void forget_all(struct tunnel_peers *peers)
{
    size_t at = 0;
    table_free(&peers->by_address);
    for (struct known_peer *peer; (peer = table_each(&peers->by_key, &at));) {
        free(peer->key);
        free(peer->address);
        free(peer);
    }
    table_free(&peers->by_key);
    peers->known = false;
}

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
    forget_all(old);
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

/* Of the wanted, those that the device does not have; of the removed, those that it has, and whoever has an
 * address that another gets. */
struct difference {
    struct arena *arena;
    struct tunnel_peer *set;
    const char **removed;
    size_t set_count, removed_count;
};

static void add_wanted(struct tunnel_peers *peers, struct difference *difference,
                       const struct tunnel_peer *wanted)
{
    const struct known_peer *same_key = table_get(&peers->by_key, wanted->public_key),
                            *same_address = table_get(&peers->by_address, wanted->address);
    if (same_key && text_equal(same_key->address, wanted->address))
        return;
    if (same_address && !text_equal(same_address->key, wanted->public_key))
        difference->removed[difference->removed_count++] = arena_strdup(difference->arena, same_address->key);
    difference->set[difference->set_count++] = *wanted;
}

static int change_known(struct tunnel_peers *peers, const struct tunnel_peer *set, size_t count,
                        const char *const *removed, size_t removed_count, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct difference difference = {
        .arena = arena,
        .set = arena_alloc(arena, count * sizeof *set),
        .removed = arena_alloc(arena, (count + removed_count) * sizeof *removed),
    };
    for (size_t i = 0; i < removed_count; i++)
        if (table_get(&peers->by_key, removed[i]))
            difference.removed[difference.removed_count++] = removed[i];
    for (size_t i = 0; i < count; i++)
        add_wanted(peers, &difference, &set[i]);
    if (tunnel_change_peers(peers->tunnel, difference.set, difference.set_count, difference.removed,
                            difference.removed_count, err) < 0) {
        forget_all(peers); /* some may have been set: the next whole list tells */
        return -1;
    }
    for (size_t i = 0; i < difference.removed_count; i++)
        forget_peer(peers, difference.removed[i]);
    for (size_t i = 0; i < difference.set_count; i++)
        remember_peer(peers, &difference.set[i]);
    return 0;
}

static int set_peer(void *context, const struct tunnel_peer *peer, struct error *err)
{
    struct tunnel_peers *peers = context;
    pthread_mutex_lock(&peers->lock);
    int result = !peers->tunnel ? not_open(err)
                 : peers->known ? change_known(peers, peer, 1, NULL, 0, err)
                                : tunnel_set_peer(peers->tunnel, peer, err);
    pthread_mutex_unlock(&peers->lock);
    return result;
}

static int change_peers(void *context, const struct tunnel_peer *set, size_t count,
                        const char *const *removed, size_t removed_count, struct error *err)
{
    struct tunnel_peers *peers = context;
    pthread_mutex_lock(&peers->lock);
    int result = !peers->tunnel ? not_open(err)
                 : peers->known ? change_known(peers, set, count, removed, removed_count, err)
                                : error_set(err, ERROR_UNAVAILABLE, "what the tunnel has is not known");
    pthread_mutex_unlock(&peers->lock);
    return result;
}

static int set_all_locked(struct tunnel_peers *peers, const struct tunnel_peer *all, size_t count,
                          struct error *err)
{
    if (!peers->tunnel)
        return not_open(err);
    forget_all(peers);
    if (tunnel_set_peers(peers->tunnel, all, count, err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++)
        remember_peer(peers, &all[i]);
    peers->known = true;
    return 0;
}

static int set_all_peers(void *context, const struct tunnel_peer *all, size_t count, struct error *err)
{
    struct tunnel_peers *peers = context;
    pthread_mutex_lock(&peers->lock);
    int result = set_all_locked(peers, all, count, err);
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
    return (struct peers){peers, set_peer, set_all_peers, public_key, change_peers};
}
