/* The store: a tree of versioned records, shaped by ZooKeeper so that SQLite can match it exactly. Paths are
 * "/a/b/c"; the parent must exist; values are at most 512 KiB; versions start at 0 and rise by one per set.
 * One implementation is embedded (SQLite), one distributed (ZooKeeper); one contract test suite holds for
 * both. Safe to call from several threads. */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/error.h"
#include "base/memory.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    STORE_VALUE_LARGEST = 512 * 1024,
    STORE_MULTI_LARGEST = 4 * 1024 * 1024, /* paths and values of one store_multi together */
    STORE_ANY_VERSION = -1,
};

enum store_result {
    STORE_OK,
    STORE_EXISTS,     /* create: it is there already */
    STORE_NONODE,     /* the node, or the parent of one to create, is not there */
    STORE_BADVERSION, /* somebody wrote in between */
    STORE_NOTEMPTY,   /* delete: it has children */
    STORE_LOST,       /* outcome unknown: read before you retry */
    STORE_INVALID,    /* bad path or too large a value: our bug */
};

enum store_flag { STORE_EPHEMERAL = 1, STORE_SEQUENTIAL = 2 };

struct store;
struct store_stat {
    int32_t version;
    int64_t created_ms;
};

/* Embedded: one file, WAL, every commit on disk before it returns. One process at a time: ERROR_CONFLICT
 * otherwise. Its session is that process: ephemeral records of the one before are gone at open. */
int store_open_sqlite(const char *path, struct store **store, struct error *err);

/* Distributed: a session with ZooKeeper servers ("address:port,…", tried in this order), which ends
 * `session_timeout_ms` after they heard from us last. Waits that long for the first connection:
 * ERROR_UNAVAILABLE, and nothing is open. No call waits longer than the timeout; while we are not connected
 * calls wait for the connection, then a read is done again by itself and a write is STORE_LOST. A read after
 * a lost write sees its outcome (it asks the leader first); other reads may be behind what other sessions
 * wrote: store_sync before them.
 *
 * `changed` (may be NULL) tells of the session, on the thread that calls watchers:
 *   STORE_SUSPENDED  no server answers; ephemeral records and locks are still ours, for all we know
 *   STORE_CONNECTED  and here again, in the same session, or in a new one after STORE_EXPIRED
 *   STORE_EXPIRED    the session is over, or so long without an answer that it may be: its ephemeral records
 * and locks are gone, whoever held one holds it no more. Every call fails until `changed` has returned and a
 *                    new session, which the store opens by itself, is connected; calls of the old session
 * that still wait fail rather than happen in the new one. Then every watch of the old one fires. The other
 * implementations are always connected. */
enum store_session { STORE_CONNECTED, STORE_SUSPENDED, STORE_EXPIRED };
typedef void store_session_changed(void *context, enum store_session session);
int store_open_zookeeper(const char *servers, int session_timeout_ms, store_session_changed *changed,
                         void *context, struct store **store, struct error *err);
void store_close(struct store **store);

/* On anything but STORE_OK `err` (may be NULL) says what and on which path. */
enum store_result store_create(struct store *store, const char *path, const void *value, size_t length,
                               unsigned flags, char **made,
                               struct error *err); /* made: full path; may be NULL; the caller frees */
enum store_result store_get(struct store *store, struct arena *arena, const char *path, char **value,
                            size_t *length, struct store_stat *stat, struct error *err);
enum store_result store_set(struct store *store, const char *path, const void *value, size_t length,
                            int32_t version, struct error *err);
enum store_result store_delete(struct store *store, const char *path, int32_t version, struct error *err);
enum store_result store_exists(struct store *store, const char *path, struct store_stat *stat,
                               struct error *err);
/* Names, not paths, sorted. */
enum store_result store_children(struct store *store, struct arena *arena, const char *path, char ***names,
                                 size_t *count, struct error *err);

enum store_operation_kind { STORE_CHECK, STORE_CREATE, STORE_SET, STORE_DELETE };
struct store_operation {
    enum store_operation_kind kind;
    const char *path;
    const void *value;
    size_t length;
    int32_t version; /* of check, set, delete */
    unsigned flags;  /* of create */
};
/* All or nothing, STORE_MULTI_LARGEST at most: more is STORE_INVALID. `*failed` (may be NULL) is the index of
 * the one that failed. */
enum store_result store_multi(struct store *store, const struct store_operation *operations, size_t count,
                              size_t *failed, struct error *err);

/* Fires once, coalesced, on the store's own thread; the reader reads again (watch first, then read, and
 * nothing is missed). `children`: of the path's child list, which must exist; otherwise of its value or
 * existence. The watcher may call the store. After store_close nothing fires. */
typedef void store_watcher(void *context, const char *path);
enum store_result store_watch(struct store *store, const char *path, bool children, store_watcher *watcher,
                              void *context, struct error *err);
enum store_result store_sync(struct store *store, const char *path, struct error *err);

/* Creates every missing parent of `path` and the path itself, empty. */
int store_make_path(struct store *store, const char *path, struct error *err);

/* A lock others see as held until released or our session ends; the fencing token rises with each holder.
 * STORE_EXISTS when somebody else still holds it after `timeout_ms`. `path` is made when it is not there. */
enum store_result store_lock(struct store *store, const char *path, int timeout_ms, int64_t *fencing_token,
                             struct error *err);
void store_unlock(struct store *store, const char *path);
/* Do we still hold the lock with this token? False once our session is over. */
bool store_holds(struct store *store, const char *path, int64_t fencing_token);

#endif
