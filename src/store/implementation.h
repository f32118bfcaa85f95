/* What an implementation of the store provides. store.c checks paths and sizes and makes the error texts once
 * for all of them; lock.c builds locks from ephemeral sequential records; an implementation only keeps the
 * tree. */
#ifndef STORE_IMPLEMENTATION_H
#define STORE_IMPLEMENTATION_H

#include "store/store.h"

#include <pthread.h>

struct store_implementation {
    void (*close)(struct store *store); /* frees the store */
    /* `made` (may be NULL): full path of the last record created, the caller frees. On STORE_LOST `*reason`
     * may be set to a text the caller frees. */
    enum store_result (*write)(struct store *store, const struct store_operation *operations, size_t count,
                               size_t *failed, char **made, char **reason);
    enum store_result (*get)(struct store *store, struct arena *arena, const char *path, char **value,
                             size_t *length, struct store_stat *stat);
    enum store_result (*children)(struct store *store, struct arena *arena, const char *path, char ***names,
                                  size_t *count);
    enum store_result (*watch)(struct store *store, const char *path, bool children, store_watcher *watcher,
                               void *context);
    enum store_result (*sync)(struct store *store, const char *path);
};

/* A lock this session holds, or whose place in the queue it is still to leave. */
struct held_lock {
    struct held_lock *next;
    char *path;
    char *record;      /* NULL while we do not know its name */
    char *ticket;      /* its value */
    int64_t token;     /* the number in its name */
    uint64_t expiries; /* of the store when it was asked for */
};

struct store {
    const struct store_implementation *implementation;
    pthread_mutex_t locks_mutex; /* protects all below; `lock_changed` wakes everyone who waits for a lock */
    pthread_cond_t lock_changed;
    uint64_t lock_changes;
    uint64_t expiries; /* sessions that ended */
    struct held_lock *held, *left;
};

void store_init(struct store *store, const struct store_implementation *implementation);
void store_destroy(struct store *store); /* what store_init made, not the store itself */

/* For an implementation with sessions: the session is over and all its locks with it; and, when the
 * connection is there again, what could not be released before is released. The second one makes calls of the
 * store. */
void store_locks_expired(struct store *store);
void store_locks_settle(struct store *store);
void store_locks_forget(struct held_lock **list); /* frees the list */

/* Says what failed on which path; returns `result`. */
enum store_result store_failed(enum store_result result, const char *what, const char *path,
                               const char *reason, struct error *err);

#endif
