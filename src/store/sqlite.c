/* The embedded store: one writer thread that commits whatever has queued up in one transaction (a commit
 * costs a disk flush however much is in it), one reading connection, and a thread for watches. */
#include "base/file.h"
#include "base/log.h"
#include "store/implementation.h"
#include "store/sqlite_tree.h"
#include "store/watches.h"

enum { BATCH_MOST = 256 };

/* A caller's write, on the caller's stack until `done`. */
struct write_request {
    struct write_request *next;
    const struct store_operation *operations;
    size_t count, failed;
    char **paths; /* what each operation's path came to be: differs for sequential creates */
    enum store_result result;
    char *reason;
    bool done;
};

struct sqlite_store {
    struct store store; /* first */
    int lock_file;
    struct tree writer; /* the writer thread's */
    struct tree reader;
    pthread_mutex_t reader_mutex; /* protects `reader`; held for one query */
    struct watches *watches;
    pthread_t thread;
    pthread_mutex_t mutex; /* protects everything below */
    pthread_cond_t wake, done;
    struct write_request *queue, **queue_end;
    bool stopping;
};

static enum store_result apply_request(struct tree *tree, struct write_request *request)
{
    if (tree_run(tree, TREE_SAVEPOINT) != STORE_OK)
        return STORE_LOST;
    request->result = STORE_OK;
    for (size_t i = 0; i < request->count && request->result == STORE_OK; i++) {
        request->failed = i;
        request->result = tree_apply(tree, &request->operations[i], &request->paths[i]);
    }
    if (request->result == STORE_LOST)
        return STORE_LOST;
    if (request->result != STORE_OK && tree_run(tree, TREE_BACK_TO_SAVEPOINT) != STORE_OK)
        return STORE_LOST;
    return tree_run(tree, TREE_RELEASE);
}

static void batch_lost(struct sqlite_store *store, struct write_request *batch)
{
    const char *reason = sqlite3_errmsg(store->writer.db);
    log_error("store write failed", "reason", reason, NULL);
    for (struct write_request *request = batch; request; request = request->next) {
        request->result = STORE_LOST;
        request->reason = memory_strdup(reason);
    }
    tree_run(&store->writer, TREE_ROLLBACK); /* fails when SQLite has rolled back by itself */
}

static void tell_watches(struct sqlite_store *store, const struct write_request *request)
{
    if (request->result != STORE_OK)
        return;
    for (size_t i = 0; i < request->count; i++) {
        const struct store_operation *operation = &request->operations[i];
        if (operation->kind != STORE_CHECK)
            watches_changed(store->watches, request->paths[i] ? request->paths[i] : operation->path,
                            operation->kind);
    }
}

static void run_batch(struct sqlite_store *store, struct write_request *batch)
{
    enum store_result result = tree_run(&store->writer, TREE_BEGIN);
    for (struct write_request *request = batch; request && result == STORE_OK; request = request->next)
        result = apply_request(&store->writer, request);
    if (result == STORE_OK)
        result = tree_run(&store->writer, TREE_COMMIT);
    if (result != STORE_OK)
        batch_lost(store, batch);
    for (struct write_request *request = batch; request; request = request->next)
        tell_watches(store, request);
}

/* Up to BATCH_MOST requests off the queue; the mutex is held. */
static struct write_request *take_batch(struct sqlite_store *store)
{
    struct write_request *batch = store->queue, **end = &store->queue;
    for (size_t i = 0; i < BATCH_MOST && *end; i++)
        end = &(*end)->next;
    store->queue = *end;
    *end = NULL;
    if (!store->queue)
        store->queue_end = &store->queue;
    return batch;
}

static void *write_batches(void *argument)
{
    struct sqlite_store *store = argument;
    pthread_mutex_lock(&store->mutex);
    for (;;) {
        while (!store->queue && !store->stopping)
            pthread_cond_wait(&store->wake, &store->mutex);
        if (!store->queue)
            break;
        struct write_request *batch = take_batch(store);
        pthread_mutex_unlock(&store->mutex);
        run_batch(store, batch);
        pthread_mutex_lock(&store->mutex);
        while (batch) {
            struct write_request *next = batch->next; /* once done, the request is its caller's again */
            batch->done = true;
            batch = next;
        }
        pthread_cond_broadcast(&store->done);
    }
    pthread_mutex_unlock(&store->mutex);
    return NULL;
}

static enum store_result sqlite_write(struct store *base, const struct store_operation *operations,
                                      size_t count, size_t *failed, char **made, char **reason)
{
    struct sqlite_store *store = (struct sqlite_store *)base;
    cleanup(memory_free) char **paths = memory_array(count, sizeof *paths);
    struct write_request request = {.operations = operations, .count = count, .paths = paths};
    pthread_mutex_lock(&store->mutex);
    *store->queue_end = &request;
    store->queue_end = &request.next;
    pthread_cond_signal(&store->wake);
    while (!request.done)
        pthread_cond_wait(&store->done, &store->mutex);
    pthread_mutex_unlock(&store->mutex);
    *failed = request.failed;
    *reason = request.reason;
    for (size_t i = 0; i < count; i++) {
        if (made && request.result == STORE_OK && i + 1 == count)
            *made = take(&paths[i]);
        free(paths[i]);
    }
    return request.result;
}

static enum store_result sqlite_get(struct store *base, struct arena *arena, const char *path, char **value,
                                    size_t *length, struct store_stat *stat)
{
    struct sqlite_store *store = (struct sqlite_store *)base;
    pthread_mutex_lock(&store->reader_mutex);
    enum store_result result = tree_get(&store->reader, arena, path, value, length, stat);
    pthread_mutex_unlock(&store->reader_mutex);
    return result;
}

static enum store_result sqlite_children(struct store *base, struct arena *arena, const char *path,
                                         char ***names, size_t *count)
{
    struct sqlite_store *store = (struct sqlite_store *)base;
    pthread_mutex_lock(&store->reader_mutex);
    enum store_result result = tree_children(&store->reader, arena, path, names, count);
    pthread_mutex_unlock(&store->reader_mutex);
    return result;
}

static enum store_result sqlite_watch(struct store *base, const char *path, bool children,
                                      store_watcher *watcher, void *context)
{
    struct sqlite_store *store = (struct sqlite_store *)base;
    watches_add(store->watches, path, children, watcher, context);
    if (!children)
        return STORE_OK;
    enum store_result result = sqlite_get(base, NULL, path, NULL, NULL, NULL);
    if (result != STORE_OK)
        watches_remove(store->watches, path, children, watcher, context);
    return result;
}

/* Every read here already sees every finished write. */
static enum store_result sqlite_sync(struct store *base, const char *path)
{
    (void)base;
    (void)path;
    return STORE_OK;
}

static void sqlite_close(struct store *base)
{
    struct sqlite_store *store = (struct sqlite_store *)base;
    watches_stop(&store->watches); /* a watcher that runs may still write */
    pthread_mutex_lock(&store->mutex);
    store->stopping = true;
    pthread_cond_signal(&store->wake);
    pthread_mutex_unlock(&store->mutex);
    pthread_join(store->thread, NULL);
    tree_close(&store->reader);
    tree_close(&store->writer);
    file_close(&store->lock_file);
    pthread_mutex_destroy(&store->mutex);
    pthread_mutex_destroy(&store->reader_mutex);
    pthread_cond_destroy(&store->wake);
    pthread_cond_destroy(&store->done);
    store_destroy(base);
    free(store);
}

static const struct store_implementation sqlite_implementation = {
    .close = sqlite_close,
    .write = sqlite_write,
    .get = sqlite_get,
    .children = sqlite_children,
    .watch = sqlite_watch,
    .sync = sqlite_sync,
};

static int open_trees(struct sqlite_store *store, const char *path, struct error *err)
{
    cleanup(memory_free) char *lock_path = memory_format("%s.lock", path);
    if (file_lock(lock_path, &store->lock_file, err) < 0)
        return error_context(err, "store %s", path);
    if (tree_open_writer(&store->writer, path, err) < 0)
        return -1;
    if (tree_open_reader(&store->reader, path, err) == 0)
        return 0;
    tree_close(&store->writer);
    return -1;
}

int store_open_sqlite(const char *path, struct store **store, struct error *err)
{
    struct sqlite_store *opened = memory_alloc(sizeof *opened);
    opened->lock_file = -1;
    if (open_trees(opened, path, err) < 0) {
        file_close(&opened->lock_file);
        free(opened);
        return -1;
    }
    store_init(&opened->store, &sqlite_implementation);
    pthread_mutex_init(&opened->reader_mutex, NULL);
    pthread_mutex_init(&opened->mutex, NULL);
    pthread_cond_init(&opened->wake, NULL);
    pthread_cond_init(&opened->done, NULL);
    opened->queue_end = &opened->queue;
    opened->watches = watches_start();
    if (pthread_create(&opened->thread, NULL, write_batches, opened) != 0)
        abort();
    pthread_setname_np(opened->thread, "store-writer");
    *store = &opened->store;
    return 0;
}
