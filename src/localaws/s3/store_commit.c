/* Group commit: the disk takes as long for one change as for twenty, so that what comes while one is being
 * written waits and is written together. The first of those who wait writes for all. */
#include "localaws/s3/database.h"

#include <unistd.h>

struct change {
    store_change *apply;
    void *context;
    struct garbage garbage;
    struct error why;
    int result;
    bool done;
    struct change *next;
};

/* A change that fails leaves the others of its transaction as they are. */
static int apply(struct s3_store *store, struct change *change)
{
    struct connection *write = &store->write.connection;
    if (query_run(write, &change->why, "SAVEPOINT change", "") < 0)
        return -1;
    int result = change->apply(store, change->context, &change->garbage, &change->why);
    if (result < 0)
        query_run(write, NULL, "ROLLBACK TO change", "");
    if (query_run(write, result < 0 ? NULL : &change->why, "RELEASE change", "") < 0)
        return -1;
    return result;
}

static void fail_all(struct change *changes, const struct error *why)
{
    for (struct change *change = changes; change; change = change->next)
        if (change->result == 0) {
            change->result = -1;
            change->why = *why;
        }
}

static void run(struct s3_store *store, struct change *changes)
{
    struct connection *write = &store->write.connection;
    struct error why = {0};
    pthread_mutex_lock(&write->lock);
    if (query_run(write, &why, "BEGIN IMMEDIATE", "") < 0) {
        fail_all(changes, &why);
    } else {
        for (struct change *change = changes; change; change = change->next)
            change->result = apply(store, change);
        if (query_run(write, &why, "COMMIT", "") < 0) {
            query_run(write, NULL, "ROLLBACK", "");
            fail_all(changes, &why);
        }
    }
    for (struct change *change = changes; change; change = change->next)
        if (change->result == 0)
            pins_keep(store, &change->garbage);
    pthread_mutex_unlock(&write->lock);
}

static struct change *take_waiting(struct s3_store *store)
{
    struct change *changes = store->waiting;
    store->waiting = NULL;
    store->last_waiting = &store->waiting;
    return changes;
}

/* With the queue's lock: until ours is done, wait for who is writing, or write for all who wait. */
static void wait_or_write(struct s3_store *store, struct change *own)
{
    while (!own->done) {
        if (store->committing) {
            pthread_cond_wait(&store->committed, &store->queue_lock);
            continue;
        }
        store->committing = true;
        struct change *changes = take_waiting(store);
        pthread_mutex_unlock(&store->queue_lock);
        run(store, changes);
        pthread_mutex_lock(&store->queue_lock);
        for (struct change *change = changes, *next; change; change = next) {
            next = change->next; /* its owner may be gone as soon as it is done and we let go of the lock */
            change->done = true;
        }
        store->committing = false;
        pthread_cond_broadcast(&store->committed);
    }
}

static void unlink_garbage(struct s3_store *store, const struct garbage *garbage)
{
    for (size_t i = 0; i < garbage->count; i++)
        if (garbage->items[i].file)
            unlink(s3_store_path(store, garbage->arena, garbage->items[i].file));
}

int store_commit(struct s3_store *store, store_change *apply_change, void *context, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct change change = {.apply = apply_change, .context = context, .garbage = {.arena = arena}};
    pthread_mutex_lock(&store->queue_lock);
    *store->last_waiting = &change;
    /* Whoever writes takes the whole queue before `done`, and we wait for that: nothing points here later. */
    store->last_waiting = &change.next; // cppcheck-suppress autoVariables
    wait_or_write(store, &change);
    pthread_mutex_unlock(&store->queue_lock);
    if (change.result == 0)
        unlink_garbage(store, &change.garbage);
    else if (err)
        *err = change.why;
    return change.result;
}
