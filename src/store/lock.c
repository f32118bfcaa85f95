/* Locks in the way ZooKeeper's recipes describe: everyone who wants the lock makes an ephemeral sequential
 * record below its path, the lowest holds it, its number is the fencing token. A waiter watches only the
 * record just before its own, so that a release wakes one waiter and not the herd. */
#include "base/clock.h"
#include "base/text.h"
#include "store/implementation.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static void lock_record_changed(void *context, const char *path)
{
    struct store *store = context;
    (void)path;
    pthread_mutex_lock(&store->locks_mutex);
    store->lock_changes++;
    pthread_cond_broadcast(&store->lock_changed);
    pthread_mutex_unlock(&store->locks_mutex);
}

static uint64_t changes_seen(struct store *store)
{
    pthread_mutex_lock(&store->locks_mutex);
    uint64_t seen = store->lock_changes;
    pthread_mutex_unlock(&store->locks_mutex);
    return seen;
}

/* Waits until some lock record changed since `seen`; false when `deadline_ms` (monotonic) came first. */
static bool wait_for_change(struct store *store, uint64_t seen, int64_t deadline_ms)
{
    struct timespec deadline = {.tv_sec = deadline_ms / 1000, .tv_nsec = (deadline_ms % 1000) * 1000000};
    int status = 0;
    pthread_mutex_lock(&store->locks_mutex);
    while (store->lock_changes == seen && status == 0)
        status = pthread_cond_timedwait(&store->lock_changed, &store->locks_mutex, &deadline);
    bool changed = store->lock_changes != seen;
    pthread_mutex_unlock(&store->locks_mutex);
    return changed;
}

/* The record just before ours in the queue, or NULL when ours is the first. */
static enum store_result predecessor(struct store *store, struct arena *arena, const char *path,
                                     const char *record, char **before, struct error *err)
{
    char **names;
    size_t count;
    enum store_result result = store_children(store, arena, path, &names, &count, err);
    if (result != STORE_OK)
        return result;
    const char *ours = strrchr(record, '/') + 1;
    bool found = false;
    *before = NULL;
    for (size_t i = 0; i < count && !found; i++) {
        found = text_equal(names[i], ours);
        if (!found)
            *before = arena_format(arena, "%s/%s", path, names[i]);
    }
    return found ? STORE_OK : store_failed(STORE_LOST, "lock", path, "our place in the queue is gone", err);
}

static enum store_result wait_for_turn(struct store *store, const char *path, const char *record,
                                       int64_t deadline_ms, struct error *err)
{
    for (;;) {
        cleanup(arena_free) struct arena *arena = arena_new();
        uint64_t seen = changes_seen(store);
        char *before;
        enum store_result result = predecessor(store, arena, path, record, &before, err);
        if (result != STORE_OK || !before)
            return result;
        result = store_watch(store, before, false, lock_record_changed, store, err);
        if (result != STORE_OK)
            return result;
        if (store_exists(store, before, NULL, NULL) == STORE_NONODE)
            continue;
        if (!wait_for_change(store, seen, deadline_ms))
            return store_failed(STORE_EXISTS, "lock", path, "somebody else holds it", err);
    }
}

static void remember(struct store *store, const char *path, char *record, int64_t token)
{
    struct held_lock *lock = memory_alloc(sizeof *lock);
    lock->path = memory_strdup(path);
    lock->record = record;
    lock->token = token;
    pthread_mutex_lock(&store->locks_mutex);
    lock->next = store->held;
    store->held = lock;
    pthread_mutex_unlock(&store->locks_mutex);
}

enum store_result store_lock(struct store *store, const char *path, int timeout_ms, int64_t *fencing_token,
                             struct error *err)
{
    int64_t deadline_ms = clock_monotonic_ms() + timeout_ms;
    if (store_make_path(store, path, err) < 0)
        return STORE_LOST;
    cleanup(memory_free) char *prefix = memory_format("%s/holder-", path);
    cleanup(memory_free) char *record = NULL;
    enum store_result result =
        store_create(store, prefix, NULL, 0, STORE_EPHEMERAL | STORE_SEQUENTIAL, &record, err);
    if (result != STORE_OK)
        return result;
    result = wait_for_turn(store, path, record, deadline_ms, err);
    if (result != STORE_OK) {
        store_delete(store, record, STORE_ANY_VERSION, NULL);
        return result;
    }
    int64_t token = strtoll(record + strlen(prefix), NULL, 10);
    if (fencing_token)
        *fencing_token = token;
    remember(store, path, take(&record), token);
    return STORE_OK;
}

static struct held_lock *forget(struct store *store, const char *path)
{
    struct held_lock *lock = NULL;
    pthread_mutex_lock(&store->locks_mutex);
    for (struct held_lock **at = &store->held; *at && !lock; at = lock ? at : &(*at)->next) {
        if (text_equal((*at)->path, path)) {
            lock = *at;
            *at = lock->next;
        }
    }
    pthread_mutex_unlock(&store->locks_mutex);
    return lock;
}

void store_unlock(struct store *store, const char *path)
{
    struct held_lock *lock = forget(store, path);
    if (!lock)
        return;
    store_delete(store, lock->record, STORE_ANY_VERSION, NULL);
    free(lock->path);
    free(lock->record);
    free(lock);
}

bool store_holds(struct store *store, const char *path, int64_t fencing_token)
{
    bool held = false;
    pthread_mutex_lock(&store->locks_mutex);
    for (struct held_lock *lock = store->held; lock && !held; lock = lock->next)
        held = lock->token == fencing_token && text_equal(lock->path, path);
    pthread_mutex_unlock(&store->locks_mutex);
    return held;
}
