#include "store/memory.h"

#include "base/text.h"
#include "store/implementation.h"
#include "store/memory_records.h"

#include <string.h>

struct memory_watch {
    struct memory_watch *next;
    char *path;
    bool children;
    store_watcher *watcher;
    void *context;
    const struct memory_store *session;
};

struct memory_tree {
    pthread_mutex_t mutex; /* protects everything here; not held while a watcher or a hook runs */
    struct memory_records records;
    struct memory_watch *waiting;        /* for a change */
    struct memory_watch *due, **due_end; /* changed: to be called, in order */
    bool holds;                          /* until memory_tree_deliver */
    int calling;                         /* watchers that run now */
    pthread_cond_t called;               /* one of them returned */
};

struct memory_store {
    struct store store; /* first */
    struct memory_tree *tree;
    memory_hook *hook;
    void *context;
};

struct memory_tree *memory_tree_new(void)
{
    struct memory_tree *tree = memory_alloc(sizeof *tree);
    pthread_mutex_init(&tree->mutex, NULL);
    pthread_cond_init(&tree->called, NULL);
    memory_records_init(&tree->records);
    tree->due_end = &tree->due;
    return tree;
}

static void watch_free(struct memory_watch *watch)
{
    free(watch->path);
    free(watch);
}

void memory_tree_free(struct memory_tree **tree)
{
    struct memory_tree *old = *tree;
    *tree = NULL;
    if (!old)
        return;
    memory_records_destroy(&old->records);
    pthread_cond_destroy(&old->called);
    pthread_mutex_destroy(&old->mutex);
    free(old);
}

void memory_tree_hold_watches(struct memory_tree *tree)
{
    tree->holds = true;
}

size_t memory_tree_deliver(struct memory_tree *tree)
{
    size_t count = 0;
    pthread_mutex_lock(&tree->mutex);
    while (tree->due) {
        struct memory_watch *watch = tree->due;
        tree->due = watch->next;
        if (!tree->due)
            tree->due_end = &tree->due;
        tree->calling++;
        pthread_mutex_unlock(&tree->mutex);
        watch->watcher(watch->context, watch->path);
        watch_free(watch);
        count++;
        pthread_mutex_lock(&tree->mutex);
        tree->calling--;
        pthread_cond_broadcast(&tree->called);
    }
    pthread_mutex_unlock(&tree->mutex);
    return count;
}

static bool is_parent_of(const char *parent, const char *path)
{
    size_t length = (size_t)(strrchr(path, '/') - path);
    if (length == 0)
        return path[1] && text_equal(parent, "/");
    return strncmp(parent, path, length) == 0 && parent[length] == '\0';
}

static bool concerns(const struct memory_watch *watch, const char *path, enum store_operation_kind change)
{
    if (change == STORE_CHECK)
        return false;
    if (!watch->children)
        return text_equal(watch->path, path);
    if (change == STORE_SET)
        return false;
    return is_parent_of(watch->path, path) || (change == STORE_DELETE && text_equal(watch->path, path));
}

/* The tree's mutex is held. */
static void path_changed(struct memory_tree *tree, const char *path, enum store_operation_kind change)
{
    for (struct memory_watch **at = &tree->waiting; *at;) {
        struct memory_watch *watch = *at;
        if (!concerns(watch, path, change)) {
            at = &watch->next;
            continue;
        }
        *at = watch->next;
        watch->next = NULL;
        *tree->due_end = watch;
        tree->due_end = &watch->next;
    }
}

static enum store_result ask_hook(struct memory_store *store, enum memory_moment moment,
                                  const struct store_operation *operations, size_t count)
{
    return store->hook ? store->hook(store->context, moment, operations, count) : STORE_OK;
}

static enum store_result write_locked(struct memory_store *store, const struct store_operation *operations,
                                      size_t count, size_t *failed, char **made)
{
    struct memory_tree *tree = store->tree;
    cleanup(memory_free) char **paths = memory_array(count, sizeof *paths);
    pthread_mutex_lock(&tree->mutex);
    enum store_result result = memory_records_apply(&tree->records, store, operations, count, failed, paths);
    for (size_t i = 0; i < count; i++) {
        const char *path = paths[i] ? paths[i] : operations[i].path;
        if (result == STORE_OK)
            path_changed(tree, path, operations[i].kind);
        if (made && result == STORE_OK && i + 1 == count)
            *made = memory_strdup(path);
        free(paths[i]);
    }
    bool holds = tree->holds;
    pthread_mutex_unlock(&tree->mutex);
    if (!holds)
        memory_tree_deliver(tree);
    return result;
}

static enum store_result memory_write(struct store *base, const struct store_operation *operations,
                                      size_t count, size_t *failed, char **made, char **reason)
{
    struct memory_store *store = (struct memory_store *)base;
    (void)reason;
    *failed = 0;
    enum store_result result = ask_hook(store, MEMORY_BEFORE_WRITE, operations, count);
    if (result == STORE_OK)
        result = write_locked(store, operations, count, failed, made);
    if (result != STORE_OK)
        return result;
    result = ask_hook(store, MEMORY_AFTER_WRITE, operations, count);
    if (result != STORE_OK) {
        *failed = 0;
        if (made)
            free(take(made));
    }
    return result;
}

static enum store_result memory_get(struct store *base, struct arena *arena, const char *path, char **value,
                                    size_t *length, struct store_stat *stat)
{
    struct memory_store *store = (struct memory_store *)base;
    enum store_result result = ask_hook(store, MEMORY_READ, NULL, 0);
    if (result != STORE_OK)
        return result;
    pthread_mutex_lock(&store->tree->mutex);
    const struct memory_record *record = memory_records_find(&store->tree->records, path);
    if (record && stat)
        *stat = (struct store_stat){.version = record->version, .created_ms = record->created_ms};
    if (record && value)
        *value = arena_strndup(arena, record->length ? record->value : "", record->length);
    if (record && value && length)
        *length = record->length;
    pthread_mutex_unlock(&store->tree->mutex);
    return record ? STORE_OK : STORE_NONODE;
}

static enum store_result memory_children(struct store *base, struct arena *arena, const char *path,
                                         char ***names, size_t *count)
{
    struct memory_store *store = (struct memory_store *)base;
    enum store_result result = ask_hook(store, MEMORY_READ, NULL, 0);
    if (result != STORE_OK)
        return result;
    pthread_mutex_lock(&store->tree->mutex);
    const struct memory_record *record = memory_records_find(&store->tree->records, path);
    if (record) {
        *count = record->child_count;
        *names = arena_alloc(arena, (record->child_count + 1) * sizeof **names);
        for (size_t i = 0; i < record->child_count; i++)
            (*names)[i] = arena_strdup(arena, strrchr(record->children[i]->path, '/') + 1);
    }
    pthread_mutex_unlock(&store->tree->mutex);
    return record ? STORE_OK : STORE_NONODE;
}

static bool is_kept(const struct memory_tree *tree, const struct memory_watch *like)
{
    for (const struct memory_watch *at = tree->waiting; at; at = at->next)
        if (at->watcher == like->watcher && at->context == like->context && at->children == like->children &&
            at->session == like->session && text_equal(at->path, like->path))
            return true;
    return false;
}

static enum store_result memory_watch(struct store *base, const char *path, bool children,
                                      store_watcher *watcher, void *context)
{
    struct memory_store *store = (struct memory_store *)base;
    enum store_result result = ask_hook(store, MEMORY_READ, NULL, 0);
    if (result != STORE_OK)
        return result;
    struct memory_watch like = {
        .path = (char *)path, .children = children, .watcher = watcher, .context = context, .session = store};
    struct memory_tree *tree = store->tree;
    pthread_mutex_lock(&tree->mutex);
    if (children && !memory_records_find(&tree->records, path)) {
        result = STORE_NONODE;
    } else if (!is_kept(tree, &like)) {
        struct memory_watch **end = &tree->waiting; /* in the order in which they came */
        while (*end)
            end = &(*end)->next;
        *end = memory_alloc(sizeof **end);
        like.path = memory_strdup(path);
        **end = like;
    }
    pthread_mutex_unlock(&tree->mutex);
    return result;
}

static enum store_result memory_sync(struct store *base, const char *path)
{
    (void)path;
    return ask_hook((struct memory_store *)base, MEMORY_READ, NULL, 0);
}

static void forget_watches(struct memory_watch **list, const struct memory_store *session)
{
    while (*list) {
        struct memory_watch *watch = *list;
        if (watch->session != session) {
            list = &watch->next;
            continue;
        }
        *list = watch->next;
        watch_free(watch);
    }
}

/* The session's watchers are no more, and what it held goes; others see that. */
static void memory_close(struct store *base)
{
    struct memory_store *store = (struct memory_store *)base;
    struct memory_tree *tree = store->tree;
    pthread_mutex_lock(&tree->mutex);
    while (tree->calling && !tree->holds)
        pthread_cond_wait(&tree->called, &tree->mutex);
    forget_watches(&tree->waiting, store);
    forget_watches(&tree->due, store);
    for (tree->due_end = &tree->due; *tree->due_end;)
        tree->due_end = &(*tree->due_end)->next;
    for (struct memory_record *record; (record = memory_records_of(&tree->records, store));) {
        cleanup(memory_free) char *path = memory_strdup(record->path);
        memory_records_remove(&tree->records, record);
        path_changed(tree, path, STORE_DELETE);
    }
    bool holds = tree->holds;
    pthread_mutex_unlock(&tree->mutex);
    if (!holds)
        memory_tree_deliver(tree);
    store_destroy(base);
    free(store);
}

static const struct store_implementation memory_implementation = {
    .close = memory_close,
    .write = memory_write,
    .get = memory_get,
    .children = memory_children,
    .watch = memory_watch,
    .sync = memory_sync,
};

int store_open_memory(struct memory_tree *tree, struct store **store, struct error *err)
{
    (void)err;
    struct memory_store *opened = memory_alloc(sizeof *opened);
    opened->tree = tree;
    store_init(&opened->store, &memory_implementation);
    *store = &opened->store;
    return 0;
}

void store_memory_hook(struct store *store, memory_hook *hook, void *context)
{
    ((struct memory_store *)store)->hook = hook;
    ((struct memory_store *)store)->context = context;
}
