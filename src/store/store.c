#include "base/text.h"
#include "store/implementation.h"

#include <string.h>

enum {
    PATH_LONGEST = 2048,
    OPERATION_BYTES = 64 /* what an operation has around path and value on the wire */
};

void store_init(struct store *store, const struct store_implementation *implementation)
{
    pthread_condattr_t attributes;
    store->implementation = implementation;
    pthread_mutex_init(&store->locks_mutex, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&store->lock_changed, &attributes);
    pthread_condattr_destroy(&attributes);
}

void store_destroy(struct store *store)
{
    store_locks_forget(&store->held);
    store_locks_forget(&store->left);
    pthread_cond_destroy(&store->lock_changed);
    pthread_mutex_destroy(&store->locks_mutex);
}

static const struct {
    enum error_kind kind;
    const char *text;
} results[] = {
    [STORE_OK] = {ERROR_NONE, "fine"},
    [STORE_EXISTS] = {ERROR_CONFLICT, "it is there already"},
    [STORE_NONODE] = {ERROR_NOT_FOUND, "it or its parent is not there"},
    [STORE_BADVERSION] = {ERROR_CONFLICT, "somebody wrote in between"},
    [STORE_NOTEMPTY] = {ERROR_CONFLICT, "there are records below it"},
    [STORE_LOST] = {ERROR_UNAVAILABLE, "the outcome is unknown"},
    [STORE_INVALID] = {ERROR_INTERNAL, "the path or value is not allowed"},
};

enum store_result store_failed(enum store_result result, const char *what, const char *path,
                               const char *reason, struct error *err)
{
    if (result != STORE_OK)
        error_set(err, results[result].kind, "%s %s: %s%s%s", what, path, results[result].text,
                  reason ? ": " : "", reason ? reason : "");
    return result;
}

/* ZooKeeper takes no control character, none for private use, none of U+FFF0 to U+FFFF and none above. `at`
 * begins a character of valid UTF-8. */
static bool character_is_valid(const unsigned char *at)
{
    if (at[0] < 0x20 || at[0] == 0x7f || at[0] == 0xee || at[0] >= 0xf0)
        return false;
    if (at[0] == 0xc2)
        return at[1] >= 0xa0;
    return at[0] != 0xef || (at[1] > 0xa3 && !(at[1] == 0xbf && at[2] >= 0xb0));
}

static bool part_is_valid(const char *part, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (((unsigned char)part[i] & 0xc0) != 0x80 && !character_is_valid((const unsigned char *)part + i))
            return false;
    bool here = length == 1 && part[0] == '.', above = length == 2 && part[0] == '.' && part[1] == '.';
    return length > 0 && !here && !above;
}

/* Is it ZooKeeper's own? */
static bool is_reserved(const char *path)
{
    static const char own[] = "/zookeeper";
    size_t length = sizeof own - 1;
    return strncmp(path, own, length) == 0 && (path[length] == '\0' || path[length] == '/');
}

/* "/" or "/a/b": no empty, "." or ".." part, UTF-8, nothing that ZooKeeper refuses. */
static bool path_is_valid(const char *path)
{
    if (path[0] != '/' || strlen(path) > PATH_LONGEST || !text_utf8(path, strlen(path)) || is_reserved(path))
        return false;
    if (text_equal(path, "/"))
        return true;
    for (const char *slash = path; slash;) {
        const char *part = slash + 1;
        slash = strchr(part, '/');
        if (!part_is_valid(part, slash ? (size_t)(slash - part) : strlen(part)))
            return false;
    }
    return true;
}

static bool operation_is_valid(const struct store_operation *operation)
{
    bool root = text_equal(operation->path, "/");
    return path_is_valid(operation->path) && operation->length <= STORE_VALUE_LARGEST &&
           !(root && operation->kind == STORE_DELETE);
}

static const char *const operation_names[] = {
    [STORE_CHECK] = "check", [STORE_CREATE] = "create", [STORE_SET] = "set", [STORE_DELETE] = "delete"};

static enum store_result too_large(size_t count, char **reason)
{
    *reason = memory_format("this write of %zu operations exceeds %d bytes", count, STORE_MULTI_LARGEST);
    return STORE_INVALID;
}

static enum store_result write_all(struct store *store, const struct store_operation *operations,
                                   size_t count, size_t *failed, char **made, struct error *err)
{
    size_t at = 0;
    cleanup(memory_free) char *reason = NULL;
    enum store_result result = STORE_OK;
    size_t bytes = 0;
    for (at = 0; at < count && result == STORE_OK; at++) {
        bytes += strlen(operations[at].path) + operations[at].length + OPERATION_BYTES;
        if (!operation_is_valid(&operations[at]))
            result = STORE_INVALID;
        else if (bytes > STORE_MULTI_LARGEST)
            result = too_large(count, &reason);
    }
    if (result == STORE_OK)
        result = store->implementation->write(store, operations, count, &at, made, &reason);
    else
        at--;
    if (result == STORE_OK)
        return STORE_OK;
    if (failed)
        *failed = at;
    return store_failed(result, operation_names[operations[at].kind], operations[at].path, reason, err);
}

void store_close(struct store **store)
{
    if (*store)
        (*store)->implementation->close(take(store));
}

enum store_result store_create(struct store *store, const char *path, const void *value, size_t length,
                               unsigned flags, char **made, struct error *err)
{
    struct store_operation operation = {
        .kind = STORE_CREATE, .path = path, .value = value, .length = length, .flags = flags};
    return write_all(store, &operation, 1, NULL, made, err);
}

enum store_result store_set(struct store *store, const char *path, const void *value, size_t length,
                            int32_t version, struct error *err)
{
    struct store_operation operation = {
        .kind = STORE_SET, .path = path, .value = value, .length = length, .version = version};
    return write_all(store, &operation, 1, NULL, NULL, err);
}

enum store_result store_delete(struct store *store, const char *path, int32_t version, struct error *err)
{
    struct store_operation operation = {.kind = STORE_DELETE, .path = path, .version = version};
    return write_all(store, &operation, 1, NULL, NULL, err);
}

enum store_result store_multi(struct store *store, const struct store_operation *operations, size_t count,
                              size_t *failed, struct error *err)
{
    return count ? write_all(store, operations, count, failed, NULL, err) : STORE_OK;
}

enum store_result store_get(struct store *store, struct arena *arena, const char *path, char **value,
                            size_t *length, struct store_stat *stat, struct error *err)
{
    enum store_result result = STORE_INVALID;
    if (path_is_valid(path))
        result = store->implementation->get(store, arena, path, value, length, stat);
    return store_failed(result, "get", path, NULL, err);
}

enum store_result store_exists(struct store *store, const char *path, struct store_stat *stat,
                               struct error *err)
{
    enum store_result result = STORE_INVALID;
    if (path_is_valid(path))
        result = store->implementation->get(store, NULL, path, NULL, NULL, stat);
    return store_failed(result, "exists", path, NULL, err);
}

enum store_result store_children(struct store *store, struct arena *arena, const char *path, char ***names,
                                 size_t *count, struct error *err)
{
    enum store_result result = STORE_INVALID;
    if (path_is_valid(path))
        result = store->implementation->children(store, arena, path, names, count);
    return store_failed(result, "list", path, NULL, err);
}

enum store_result store_watch(struct store *store, const char *path, bool children, store_watcher *watcher,
                              void *context, struct error *err)
{
    enum store_result result = STORE_INVALID;
    if (path_is_valid(path))
        result = store->implementation->watch(store, path, children, watcher, context);
    return store_failed(result, "watch", path, NULL, err);
}

enum store_result store_sync(struct store *store, const char *path, struct error *err)
{
    return store_failed(store->implementation->sync(store, path), "sync", path, NULL, err);
}

int store_make_path(struct store *store, const char *path, struct error *err)
{
    if (store_exists(store, path, NULL, NULL) == STORE_OK)
        return 0;
    cleanup(memory_free) char *prefix = memory_strdup(path);
    for (char *slash = strchr(prefix + 1, '/');; slash = strchr(slash + 1, '/')) {
        if (slash)
            *slash = '\0';
        enum store_result result = store_create(store, prefix, NULL, 0, 0, NULL, err);
        if (result == STORE_LOST && store_exists(store, prefix, NULL, NULL) == STORE_OK)
            result = STORE_OK;
        if (result != STORE_OK && result != STORE_EXISTS)
            return -1;
        if (!slash)
            break;
        *slash = '/';
    }
    error_clear(err);
    return 0;
}
