#include "configserver/hosts/admitted.h"

#include "base/table.h"
#include "base/text.h"

struct admitted_host {
    char *hostname, *key;
};

struct admitted {
    struct zone *zone;
    pthread_mutex_t lock; /* `touched` only; the rest is of who applies */
    struct table touched; /* hostnames, ours */
    struct table hosts;   /* that the tunnel lets in, as far as we told it */
    bool whole;           /* we told it everything */
};

struct admitted *admitted_new(struct zone *zone)
{
    struct admitted *admitted = memory_alloc(sizeof *admitted);
    admitted->zone = zone;
    pthread_mutex_init(&admitted->lock, NULL);
    return admitted;
}

static void free_names(struct table *names)
{
    size_t at = 0;
    for (char *name; (name = table_each(names, &at));)
        free(name);
    table_free(names);
}

static void free_host(struct admitted_host *host)
{
    if (!host)
        return;
    free(host->hostname);
    free(host->key);
    free(host);
}

static void free_hosts(struct table *hosts)
{
    size_t at = 0;
    for (struct admitted_host *host; (host = table_each(hosts, &at));)
        free_host(host);
    table_free(hosts);
}

void admitted_free(struct admitted **admitted)
{
    struct admitted *old = *admitted;
    *admitted = NULL;
    if (!old)
        return;
    free_names(&old->touched);
    free_hosts(&old->hosts);
    pthread_mutex_destroy(&old->lock);
    free(old);
}

void admitted_touch(struct admitted *admitted, const char *const *hostnames, size_t count)
{
    pthread_mutex_lock(&admitted->lock);
    for (size_t i = 0; i < count; i++)
        if (!table_get(&admitted->touched, hostnames[i])) {
            char *name = memory_strdup(hostnames[i]);
            table_set(&admitted->touched, name, name);
        }
    pthread_mutex_unlock(&admitted->lock);
}

/* The key the host shall be let in by; NULL: not at all. */
static const char *wanted_key(const struct host *host)
{
    bool lives = host && host->state > HOST_WANTED && host->state < HOST_TERMINATING;
    return lives ? host->wireguard_key : NULL;
}

static bool anybody_has(const struct view *view, const char *key)
{
    view_each_of(view, HOST_OF_KEY, key, struct host, host)
        if (wanted_key(host))
            return true;
    return false;
}

static void remember(struct admitted *admitted, const char *hostname, const char *key)
{
    free_host(table_take(&admitted->hosts, hostname));
    if (!key)
        return;
    struct admitted_host *host = memory_alloc(sizeof *host);
    *host = (struct admitted_host){memory_strdup(hostname), memory_strdup(key)};
    table_set(&admitted->hosts, host->hostname, host);
}

static struct tunnel_peer peer_of(const struct admitted *admitted, struct arena *arena,
                                  const struct host *host)
{
    return (struct tunnel_peer){.public_key = wanted_key(host),
                                .address = zone_host_address(arena, admitted->zone, host->index)};
}

static int tell_all(struct admitted *admitted, const struct view *view, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    const struct peers *peers = admitted->zone->peers;
    struct tunnel_peer *all = arena_alloc(arena, view_count(view, RECORD_HOST) * sizeof *all);
    size_t count = 0;
    view_each(view, RECORD_HOST, struct host, host)
        if (wanted_key(host))
            all[count++] = peer_of(admitted, arena, host);
    if (peers->set_all(peers->context, all, count, err) < 0)
        return -1;
    free_hosts(&admitted->hosts);
    view_each(view, RECORD_HOST, struct host, host)
        remember(admitted, host->hostname, wanted_key(host));
    return 0;
}

static int tell_changes(struct admitted *admitted, const struct view *view, const struct table *touched,
                        struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    const struct peers *peers = admitted->zone->peers;
    struct tunnel_peer *set = arena_alloc(arena, touched->count * sizeof *set);
    const char **removed = arena_alloc(arena, touched->count * sizeof *removed);
    size_t set_count = 0, removed_count = 0, at = 0;
    for (const char *name; (name = table_each(touched, &at));) {
        const struct host *host = view_find(view, RECORD_HOST, name);
        const struct admitted_host *had = table_get(&admitted->hosts, name);
        if (text_equal(wanted_key(host), had ? had->key : NULL))
            continue;
        if (had && !anybody_has(view, had->key))
            removed[removed_count++] = had->key;
        if (wanted_key(host))
            set[set_count++] = peer_of(admitted, arena, host);
    }
    if (set_count + removed_count > 0 &&
        peers->change(peers->context, set, set_count, removed, removed_count, err) < 0)
        return -1;
    at = 0;
    for (const char *name; (name = table_each(touched, &at));)
        remember(admitted, name, wanted_key(view_find(view, RECORD_HOST, name)));
    return 0;
}

int admitted_apply(struct admitted *admitted, struct error *err)
{
    pthread_mutex_lock(&admitted->lock);
    struct table touched = admitted->touched;
    admitted->touched = (struct table){0};
    pthread_mutex_unlock(&admitted->lock);
    VIEW(view, admitted->zone->repository);
    int result = 0;
    if (!admitted->whole || (touched.count > 0 && !admitted->zone->peers->change))
        result = tell_all(admitted, view, err);
    else if (touched.count > 0)
        result = tell_changes(admitted, view, &touched, err);
    admitted->whole = result == 0;
    free_names(&touched);
    return result;
}
