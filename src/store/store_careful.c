#include "store/store_careful.h"

#include "base/clock.h"
#include "base/random.h"
#include "base/text.h"
#include "store/implementation.h"

#include <stdio.h>
#include <string.h>

enum { TRIES = 200, PAUSE_MS = 1, MARK_DIGITS = 24 };

static const char marks[] = ".marks";

struct careful_store {
    struct store store; /* first */
    struct store *inside;
};

#define AGAIN_WHILE_LOST(call)                                                        \
    ({                                                                                \
        enum store_result again;                                                      \
        for (int tries = 0; (again = (call)) == STORE_LOST && tries < TRIES; tries++) \
            clock_sleep_ms(PAUSE_MS);                                                 \
        again;                                                                        \
    })

static const struct store_implementation *inside(struct store *base, struct store **store)
{
    *store = ((struct careful_store *)base)->inside;
    return (*store)->implementation;
}

static enum store_result careful_get(struct store *base, struct arena *arena, const char *path, char **value,
                                     size_t *length, struct store_stat *stat)
{
    struct store *store;
    const struct store_implementation *implementation = inside(base, &store);
    return AGAIN_WHILE_LOST(implementation->get(store, arena, path, value, length, stat));
}

static enum store_result careful_children(struct store *base, struct arena *arena, const char *path,
                                          char ***names, size_t *count)
{
    struct store *store;
    const struct store_implementation *implementation = inside(base, &store);
    enum store_result result = AGAIN_WHILE_LOST(implementation->children(store, arena, path, names, count));
    if (result != STORE_OK || !text_equal(path, "/"))
        return result;
    size_t kept = 0;
    for (size_t i = 0; i < *count; i++)
        if (!text_equal((*names)[i], marks))
            (*names)[kept++] = (*names)[i];
    *count = kept;
    return STORE_OK;
}

static enum store_result careful_watch(struct store *base, const char *path, bool children,
                                       store_watcher *watcher, void *context)
{
    struct store *store;
    const struct store_implementation *implementation = inside(base, &store);
    return AGAIN_WHILE_LOST(implementation->watch(store, path, children, watcher, context));
}

static enum store_result careful_sync(struct store *base, const char *path)
{
    struct store *store;
    const struct store_implementation *implementation = inside(base, &store);
    return AGAIN_WHILE_LOST(implementation->sync(store, path));
}

/* What a sequential record that is to be made looks like, and which there were before. */
struct search {
    const struct store_operation *operation; /* NULL: nothing is to be found */
    char *parent;
    const char *prefix;
    char **names;
    size_t count;
};

static void prepare_search(struct store *base, struct arena *arena, const struct store_operation *last,
                           struct search *search)
{
    *search = (struct search){0};
    if (last->kind != STORE_CREATE || !(last->flags & STORE_SEQUENTIAL))
        return;
    search->operation = last;
    search->parent = arena_strdup(arena, last->path);
    char *slash = strrchr(search->parent, '/');
    slash[slash == search->parent] = '\0';
    search->prefix = strrchr(last->path, '/') + 1;
    careful_children(base, arena, search->parent, &search->names, &search->count);
}

static bool is_new(const struct search *search, const char *name)
{
    for (size_t i = 0; i < search->count; i++)
        if (text_equal(search->names[i], name))
            return false;
    return text_starts(name, search->prefix);
}

/* The name that the lost answer would have told: a new record with our value. */
static char *find_made(struct store *base, struct arena *arena, const struct search *search)
{
    char **names, *value;
    size_t count = 0, length;
    if (!search->operation)
        return NULL;
    careful_children(base, arena, search->parent, &names, &count);
    for (size_t i = 0; i < count; i++) {
        const char *root = text_equal(search->parent, "/") ? "" : search->parent;
        cleanup(memory_free) char *path = memory_format("%s/%s", root, names[i]);
        if (is_new(search, names[i]) && careful_get(base, arena, path, &value, &length, NULL) == STORE_OK &&
            length == search->operation->length &&
            (length == 0 || memcmp(value, search->operation->value, length) == 0))
            return take(&path);
    }
    return NULL;
}

/* One try; false when it is to be tried again. A mark that is there is of a write that happened. */
static bool try_write(struct store *base, const struct store_operation *operations, size_t count,
                      size_t *failed, char **reason, enum store_result *result)
{
    struct store *store;
    const struct store_implementation *implementation = inside(base, &store);
    free(*reason);
    *reason = NULL;
    *result = implementation->write(store, operations, count + 1, failed, NULL, reason);
    if (*result == STORE_EXISTS && *failed == count)
        *result = STORE_OK;
    if (*result != STORE_LOST)
        return true;
    if (careful_get(base, NULL, operations[count].path, NULL, NULL, NULL) != STORE_OK)
        return false;
    *result = STORE_OK;
    return true;
}

static enum store_result careful_write(struct store *base, const struct store_operation *operations,
                                       size_t count, size_t *failed, char **made, char **reason)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct search search;
    struct store_operation *marked = arena_alloc(arena, (count + 1) * sizeof *marked);
    memcpy(marked, operations, count * sizeof *marked);
    marked[count] = (struct store_operation){
        .kind = STORE_CREATE, .path = arena_format(arena, "/%s/%s", marks, random_hex(arena, MARK_DIGITS))};
    prepare_search(base, arena, &operations[count - 1], &search);
    enum store_result result = STORE_LOST;
    for (int tries = 0; tries < TRIES; tries++)
        if (try_write(base, marked, count, failed, reason, &result))
            break;
    if (made && result == STORE_OK && operations[count - 1].kind == STORE_CREATE)
        *made =
            search.operation ? find_made(base, arena, &search) : memory_strdup(operations[count - 1].path);
    return result;
}

static void careful_close(struct store *base)
{
    struct careful_store *store = (struct careful_store *)base;
    store_close(&store->inside);
    store_destroy(base);
    free(store);
}

static const struct store_implementation careful_implementation = {
    .close = careful_close,
    .write = careful_write,
    .get = careful_get,
    .children = careful_children,
    .watch = careful_watch,
    .sync = careful_sync,
};

struct store *store_open_careful(struct store *inside_store)
{
    struct careful_store *store = memory_alloc(sizeof *store);
    store_init(&store->store, &careful_implementation);
    store->inside = inside_store;
    for (int tries = 0; tries < TRIES; tries++) {
        enum store_result result = store_create(inside_store, "/.marks", NULL, 0, 0, NULL, NULL);
        if (result == STORE_OK || result == STORE_EXISTS)
            break;
    }
    return &store->store;
}
