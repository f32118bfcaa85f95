/* The distributed store: the tree is ZooKeeper's own. Every write is one multi, which ZooKeeper does wholly
 * or not at all; reads are repeated when the connection breaks; both wait no longer than the session may
 * last. ZooKeeper keeps a record of its own below the root, which is hidden. */
#include "base/clock.h"
#include "base/text.h"
#include "store/zookeeper_session.h"

#include <string.h>

enum { READ_PAUSE_MS = 20, SEQUENCE_DIGITS = 10 };

static const char own_record[] = "zookeeper";

struct zookeeper_store {
    struct store store; /* first */
    struct session session;
};

static const struct {
    int rc;
    enum store_result result;
} results[] = {
    {ZOK, STORE_OK},
    {ZNODEEXISTS, STORE_EXISTS},
    {ZNONODE, STORE_NONODE},
    {ZBADVERSION, STORE_BADVERSION},
    {ZNOTEMPTY, STORE_NOTEMPTY},
    {ZNOCHILDRENFOREPHEMERALS, STORE_INVALID},
    {ZBADARGUMENTS, STORE_INVALID},
};

static enum store_result result_of(int rc)
{
    for (size_t i = 0; i < COUNT_OF(results); i++)
        if (results[i].rc == rc)
            return results[i].result;
    return STORE_LOST;
}

static int64_t deadline(const struct session *session)
{
    return clock_monotonic_ms() + session->timeout_ms;
}

/* Writes */

static int create_mode(unsigned flags)
{
    if (flags & STORE_SEQUENTIAL)
        return flags & STORE_EPHEMERAL ? ZOO_EPHEMERAL_SEQUENTIAL : ZOO_PERSISTENT_SEQUENTIAL;
    return flags & STORE_EPHEMERAL ? ZOO_EPHEMERAL : ZOO_PERSISTENT;
}

/* The text of a value that is not there must not be NULL: ZooKeeper would keep "no value" apart from an empty
 * one. */
static const char *bytes_of(const struct store_operation *operation)
{
    return operation->length ? operation->value : "";
}

static void translate(const struct store_operation *operation, zoo_op_t *translated)
{
    int room = (int)strlen(operation->path) + SEQUENCE_DIGITS + 2;
    switch (operation->kind) {
    case STORE_CHECK:
        zoo_check_op_init(translated, operation->path, operation->version);
        break;
    case STORE_CREATE:
        zoo_create_op_init(translated, operation->path, bytes_of(operation), (int)operation->length,
                           &ZOO_OPEN_ACL_UNSAFE, create_mode(operation->flags), memory_alloc((size_t)room),
                           room);
        break;
    case STORE_SET:
        zoo_set_op_init(translated, operation->path, bytes_of(operation), (int)operation->length,
                        operation->version, NULL);
        break;
    case STORE_DELETE:
        zoo_delete_op_init(translated, operation->path, operation->version);
        break;
    }
}

static int send_write(zhandle_t *handle, struct call *call, void *context)
{
    (void)context;
    return zoo_amulti(handle, (int)call->count, call->operations, call->results, call_done, call);
}

/* Those after the one that failed say that they are not consistent; those before it are fine. */
static size_t first_failed(const struct call *call)
{
    for (size_t i = 0; i < call->count; i++)
        if (call->results[i].err != ZOK && call->results[i].err != ZRUNTIMEINCONSISTENCY)
            return i;
    return 0;
}

static enum store_result lost(struct session *session, const char *why, char **reason)
{
    pthread_mutex_lock(&session->mutex);
    session->lost_writes++;
    pthread_mutex_unlock(&session->mutex);
    *reason = memory_strdup(why);
    return STORE_LOST;
}

static enum store_result judge_write(struct session *session, const struct call *call, size_t *failed,
                                     char **made, char **reason)
{
    enum store_result result = result_of(call->rc);
    if (result == STORE_LOST)
        return lost(session, zerror(call->rc), reason);
    const zoo_op_t *last = &call->operations[call->count - 1];
    if (result != STORE_OK)
        *failed = first_failed(call);
    else if (made && last->type == ZOO_CREATE_OP)
        *made = memory_strdup(last->create_op.buf);
    return result;
}

static enum store_result zookeeper_write(struct store *base, const struct store_operation *operations,
                                         size_t count, size_t *failed, char **made, char **reason)
{
    struct session *session = &((struct zookeeper_store *)base)->session;
    cleanup(call_free) struct call *call = call_new(session);
    *failed = 0;
    call->operations = memory_array(count, sizeof *call->operations);
    call->results = memory_array(count, sizeof *call->results);
    call->count = count;
    for (size_t i = 0; i < count; i++)
        translate(&operations[i], &call->operations[i]);
    switch (call_make(&call, send_write, NULL, session_generation(session), deadline(session))) {
    case CALL_ANSWERED:
        return judge_write(session, call, failed, made, reason);
    case CALL_NOT_SENT:
        *reason = memory_strdup("not connected to ZooKeeper, and nothing was written");
        return STORE_LOST;
    case CALL_UNKNOWN:
        break;
    }
    return lost(session, "ZooKeeper did not answer", reason);
}

/* Reads */

/* The connection broke, or the servers were busy with themselves: nothing a second try could harm. */
static bool is_worth_repeating(int rc)
{
    return rc == ZCONNECTIONLOSS || rc == ZOPERATIONTIMEOUT || rc == ZSESSIONMOVED || rc == ZTHROTTLEDOP ||
           rc == ZRUNTIMEINCONSISTENCY;
}

/* STORE_LOST also when there was an answer that says no more than that. */
static enum store_result repeat(struct call **call, call_sender *send, void *context, uint64_t generation,
                                int64_t deadline_ms)
{
    for (;;) {
        if (call_make(call, send, context, generation, deadline_ms) != CALL_ANSWERED)
            return STORE_LOST;
        if (!is_worth_repeating((*call)->rc) || clock_monotonic_ms() + READ_PAUSE_MS >= deadline_ms)
            return result_of((*call)->rc);
        clock_sleep_ms(READ_PAUSE_MS);
    }
}

static int send_sync(zhandle_t *handle, struct call *call, void *context)
{
    return zoo_async(handle, context, call_done_text, call);
}

/* A write whose answer was lost may be on its way to the leader on another server's connection: what comes
 * after the leader's answer to this comes after that write, or the write does not happen. */
static enum store_result settle(struct session *session, uint64_t generation, int64_t deadline_ms)
{
    pthread_mutex_lock(&session->mutex);
    uint64_t lost_writes = session->lost_writes;
    bool settled = session->settled_writes == lost_writes;
    pthread_mutex_unlock(&session->mutex);
    if (settled)
        return STORE_OK;
    cleanup(call_free) struct call *call = call_new(session);
    enum store_result result = repeat(&call, send_sync, "/", generation, deadline_ms);
    if (result != STORE_OK)
        return result;
    pthread_mutex_lock(&session->mutex);
    if (session->settled_writes < lost_writes)
        session->settled_writes = lost_writes;
    pthread_mutex_unlock(&session->mutex);
    return STORE_OK;
}

static enum store_result read_with(struct session *session, struct call **call, call_sender *send,
                                   const char *path)
{
    uint64_t generation = session_generation(session);
    int64_t deadline_ms = deadline(session);
    enum store_result result = settle(session, generation, deadline_ms);
    return result == STORE_OK ? repeat(call, send, (void *)path, generation, deadline_ms) : result;
}

static int send_get(zhandle_t *handle, struct call *call, void *context)
{
    return zoo_aget(handle, context, 0, call_done_value, call);
}

static int send_exists(zhandle_t *handle, struct call *call, void *context)
{
    return zoo_aexists(handle, context, 0, call_done_stat, call);
}

static enum store_result zookeeper_get(struct store *base, struct arena *arena, const char *path,
                                       char **value, size_t *length, struct store_stat *stat)
{
    struct session *session = &((struct zookeeper_store *)base)->session;
    cleanup(call_free) struct call *call = call_new(session);
    enum store_result result = read_with(session, &call, value ? send_get : send_exists, path);
    if (result != STORE_OK)
        return result;
    if (stat)
        *stat = (struct store_stat){.version = call->stat.version, .created_ms = call->stat.ctime};
    if (value)
        *value = arena_strndup(arena, call->value, call->length);
    if (value && length)
        *length = call->length;
    return STORE_OK;
}

static int send_children(zhandle_t *handle, struct call *call, void *context)
{
    return zoo_aget_children(handle, context, 0, call_done_names, call);
}

static int compare_names(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

static enum store_result zookeeper_children(struct store *base, struct arena *arena, const char *path,
                                            char ***names, size_t *count)
{
    struct session *session = &((struct zookeeper_store *)base)->session;
    cleanup(call_free) struct call *call = call_new(session);
    enum store_result result = read_with(session, &call, send_children, path);
    if (result != STORE_OK)
        return result;
    bool root = text_equal(path, "/");
    *names = arena_alloc(arena, (call->name_count + 1) * sizeof **names);
    *count = 0;
    for (size_t i = 0; i < call->name_count; i++)
        if (!root || !text_equal(call->names[i], own_record))
            (*names)[(*count)++] = arena_strdup(arena, call->names[i]);
    qsort(*names, *count, sizeof **names, compare_names);
    return STORE_OK;
}

/* Watches: ZooKeeper's are one for each path and kind; whom we call for it is in our own list. */

static int send_watch_value(zhandle_t *handle, struct call *call, void *context)
{
    return zoo_awexists(handle, context, session_value_changed, call->session, call_done_stat, call);
}

static int send_watch_children(zhandle_t *handle, struct call *call, void *context)
{
    return zoo_awget_children(handle, context, session_children_changed, call->session, call_done_names,
                              call);
}

static enum store_result zookeeper_watch(struct store *base, const char *path, bool children,
                                         store_watcher *watcher, void *context)
{
    struct session *session = &((struct zookeeper_store *)base)->session;
    cleanup(call_free) struct call *call = call_new(session);
    watches_add(session->watches, path, children, watcher, context);
    enum store_result result =
        read_with(session, &call, children ? send_watch_children : send_watch_value, path);
    if (result == STORE_NONODE && !children)
        return STORE_OK; /* it fires when the record is made */
    if (result != STORE_OK)
        watches_remove(session->watches, path, children, watcher, context);
    return result;
}

static enum store_result zookeeper_sync(struct store *base, const char *path)
{
    struct session *session = &((struct zookeeper_store *)base)->session;
    cleanup(call_free) struct call *call = call_new(session);
    return repeat(&call, send_sync, (void *)path, session_generation(session), deadline(session));
}

static void zookeeper_store_close(struct store *base)
{
    struct zookeeper_store *store = (struct zookeeper_store *)base;
    session_stop(&store->session);
    store_destroy(base);
    free(store->session.servers);
    free(store);
}

static const struct store_implementation zookeeper_implementation = {
    .close = zookeeper_store_close,
    .write = zookeeper_write,
    .get = zookeeper_get,
    .children = zookeeper_children,
    .watch = zookeeper_watch,
    .sync = zookeeper_sync,
};

int store_open_zookeeper(const char *servers, int session_timeout_ms, store_session_changed *changed,
                         void *context, struct store **store, struct error *err)
{
    struct zookeeper_store *opened = memory_alloc(sizeof *opened);
    store_init(&opened->store, &zookeeper_implementation);
    opened->session = (struct session){.servers = memory_strdup(servers),
                                       .timeout_ms = session_timeout_ms,
                                       .changed = changed,
                                       .context = context,
                                       .store = &opened->store};
    if (session_start(&opened->session, err) < 0) {
        zookeeper_store_close(&opened->store);
        return -1;
    }
    *store = &opened->store;
    return 0;
}
