/* Locks in the way ZooKeeper's recipes describe: everyone who wants the lock makes an ephemeral sequential
 * record below its path, the lowest holds it, its number is the fencing token. A waiter watches only the
 * record just before its own, so that a release wakes one waiter and not the herd. A record's value is its
 * ticket: when the answer to making it is lost, that tells ours from the others', and one that we cannot
 * remove now is remembered and removed later, because it would hold everyone up for as long as we live. */
#include "base/clock.h"
#include "base/random.h"
#include "base/text.h"
#include "store/implementation.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { TICKET_DIGITS = 32, LOST_PAUSE_MS = 20, LEAVE_TRIES = 3 };

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

static void lock_free(struct held_lock **lock)
{
    if (!*lock)
        return;
    struct held_lock *gone = take(lock);
    free(gone->path);
    free(gone->record);
    free(gone->ticket);
    free(gone);
}

void store_locks_forget(struct held_lock **list)
{
    while (*list) {
        struct held_lock *lock = *list;
        *list = lock->next;
        lock_free(&lock);
    }
}

static struct held_lock *lock_new(struct store *store, const char *path)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct held_lock *lock = memory_alloc(sizeof *lock);
    lock->path = memory_strdup(path);
    pthread_mutex_lock(&store->locks_mutex);
    lock->expiries = store->expiries;
    pthread_mutex_unlock(&store->locks_mutex);
    lock->ticket = memory_strdup(random_hex(arena, TICKET_DIGITS));
    return lock;
}

/* Puts the lock into one of the store's lists, which own it. A lock of a session that is over is in none:
 * false. */
static bool keep(struct store *store, struct held_lock **list, struct held_lock *lock)
{
    pthread_mutex_lock(&store->locks_mutex);
    bool ours = lock->expiries == store->expiries;
    if (ours) {
        lock->next = *list;
        *list = lock;
    }
    pthread_mutex_unlock(&store->locks_mutex);
    if (!ours)
        lock_free(&lock);
    return ours;
}

/* The record with the lock's ticket; STORE_NONODE when there is none, so it was not made. */
static enum store_result find_record(struct store *store, struct held_lock *lock)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    char **names, *value;
    size_t count;
    enum store_result result = store_children(store, arena, lock->path, &names, &count, NULL);
    if (result != STORE_OK)
        return result;
    for (size_t i = count; i-- > 0;) { /* ours is among the last */
        cleanup(memory_free) char *record = memory_format("%s/%s", lock->path, names[i]);
        result = store_get(store, arena, record, &value, NULL, NULL, NULL);
        if (result == STORE_OK && text_equal(value, lock->ticket)) {
            lock->record = take(&record);
            return STORE_OK;
        }
        if (result != STORE_OK && result != STORE_NONODE)
            return result;
    }
    return STORE_NONODE;
}

/* True when the lock's record is certainly not there. */
static bool remove_record(struct store *store, struct held_lock *lock)
{
    if (!lock->record) {
        enum store_result found = find_record(store, lock);
        if (found != STORE_OK)
            return found == STORE_NONODE;
    }
    enum store_result result = store_delete(store, lock->record, STORE_ANY_VERSION, NULL);
    if (result == STORE_LOST)
        result = store_exists(store, lock->record, NULL, NULL) == STORE_NONODE ? STORE_NONODE : STORE_LOST;
    return result == STORE_OK || result == STORE_NONODE;
}

/* Leaves the queue, or sees to it later. */
static void leave(struct store *store, struct held_lock **lock)
{
    bool removed = remove_record(store, *lock);
    for (int tries = 1; !removed && tries < LEAVE_TRIES; tries++) {
        clock_sleep_ms(LOST_PAUSE_MS);
        removed = remove_record(store, *lock);
    }
    if (removed)
        lock_free(lock);
    else
        keep(store, &store->left, take(lock));
}

void store_locks_settle(struct store *store)
{
    pthread_mutex_lock(&store->locks_mutex);
    struct held_lock *left = take(&store->left);
    pthread_mutex_unlock(&store->locks_mutex);
    while (left) {
        struct held_lock *lock = left;
        left = lock->next;
        leave(store, &lock);
    }
}

void store_locks_expired(struct store *store)
{
    pthread_mutex_lock(&store->locks_mutex);
    store_locks_forget(&store->held);
    store_locks_forget(&store->left);
    store->expiries++;
    store->lock_changes++;
    pthread_cond_broadcast(&store->lock_changed);
    pthread_mutex_unlock(&store->locks_mutex);
}

/* Makes our record; when the answer is lost, looks whether it was made. */
static enum store_result queue_up(struct store *store, struct held_lock *lock, int64_t deadline_ms,
                                  struct error *err)
{
    cleanup(memory_free) char *prefix = memory_format("%s/holder-", lock->path);
    for (;;) {
        enum store_result result = store_create(store, prefix, lock->ticket, TICKET_DIGITS,
                                                STORE_EPHEMERAL | STORE_SEQUENTIAL, &lock->record, err);
        if (result != STORE_LOST)
            return result;
        while ((result = find_record(store, lock)) == STORE_LOST && clock_monotonic_ms() < deadline_ms)
            clock_sleep_ms(LOST_PAUSE_MS);
        if (result == STORE_OK)
            error_clear(err);
        if (result != STORE_NONODE || clock_monotonic_ms() >= deadline_ms)
            return result == STORE_OK ? STORE_OK : STORE_LOST;
    }
}

/* The record just before ours in the queue, or NULL when ours is the first. STORE_NONODE: ours is gone. */
static enum store_result predecessor(struct store *store, struct arena *arena, const struct held_lock *lock,
                                     char **before)
{
    char **names;
    size_t count;
    enum store_result result = store_children(store, arena, lock->path, &names, &count, NULL);
    if (result != STORE_OK)
        return result;
    const char *ours = strrchr(lock->record, '/') + 1;
    bool found = false;
    *before = NULL;
    for (size_t i = 0; i < count && !found; i++) {
        found = text_equal(names[i], ours);
        if (!found)
            *before = arena_format(arena, "%s/%s", lock->path, names[i]);
    }
    return found ? STORE_OK : STORE_NONODE;
}

/* Watches, then looks whether there is still something to wait for. */
static enum store_result watch_predecessor(struct store *store, const char *before)
{
    enum store_result result = store_watch(store, before, false, lock_record_changed, store, NULL);
    return result == STORE_OK ? store_exists(store, before, NULL, NULL) : result;
}

static enum store_result wait_for_turn(struct store *store, const struct held_lock *lock, int64_t deadline_ms,
                                       struct error *err)
{
    for (;;) {
        cleanup(arena_free) struct arena *arena = arena_new();
        uint64_t seen = changes_seen(store);
        int64_t until_ms = deadline_ms;
        char *before;
        enum store_result result = predecessor(store, arena, lock, &before);
        if (result == STORE_OK && !before)
            return STORE_OK;
        if (result == STORE_NONODE)
            return store_failed(STORE_LOST, "lock", lock->path, "our place in the queue is gone", err);
        if (result == STORE_OK)
            result = watch_predecessor(store, before);
        if (result == STORE_NONODE)
            continue;
        if (result != STORE_OK && clock_monotonic_ms() + LOST_PAUSE_MS < deadline_ms)
            until_ms = clock_monotonic_ms() + LOST_PAUSE_MS;
        if (!wait_for_change(store, seen, until_ms) && until_ms == deadline_ms)
            return store_failed(result == STORE_OK ? STORE_EXISTS : result, "lock", lock->path,
                                result == STORE_OK ? "somebody else holds it" : NULL, err);
    }
}

enum store_result store_lock(struct store *store, const char *path, int timeout_ms, int64_t *fencing_token,
                             struct error *err)
{
    int64_t deadline_ms = clock_monotonic_ms() + timeout_ms;
    store_locks_settle(store);
    if (store_make_path(store, path, err) < 0)
        return STORE_LOST;
    struct held_lock *lock = lock_new(store, path);
    enum store_result result = queue_up(store, lock, deadline_ms, err);
    if (result == STORE_OK)
        result = wait_for_turn(store, lock, deadline_ms, err);
    if (result != STORE_OK) {
        leave(store, &lock);
        return result;
    }
    int64_t token = lock->token = strtoll(strrchr(lock->record, '-') + 1, NULL, 10);
    if (fencing_token)
        *fencing_token = token;
    if (!keep(store, &store->held, lock))
        return store_failed(STORE_LOST, "lock", path, "the session ended", err);
    return STORE_OK;
}

static struct held_lock *take_held(struct store *store, const char *path)
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
    struct held_lock *lock = take_held(store, path);
    if (lock)
        leave(store, &lock);
    store_locks_settle(store);
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
