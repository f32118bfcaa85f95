#include "store/faulty.h"

#include "base/text.h"
#include "store/implementation.h"
#include "store/watches.h"

#include <string.h>
#include <time.h>

enum fault { FAULT_NONE, FAULT_BEFORE, FAULT_AFTER, FAULT_PAUSE, FAULT_AWAY };

struct ephemeral {
    struct ephemeral *next;
    char *path;
};

struct telling {
    struct faulty_store *store;
    enum store_session what;
};

struct faulty_store {
    struct store store; /* first */
    struct store *inside;
    struct faulty_options options;
    struct watches *watches;
    struct telling tellings[STORE_EXPIRED + 1];
    pthread_mutex_t mutex; /* protects everything below; not held during a call of the store inside */
    pthread_cond_t told;
    size_t at; /* in the script */
    uint64_t random;
    int away_left;
    long count;
    bool expired, expiry_told, deaf;
    struct ephemeral *ephemerals;
};

static const struct {
    char letter;
    enum fault fault;
} letters[] = {
    {'.', FAULT_NONE}, {'b', FAULT_BEFORE}, {'a', FAULT_AFTER}, {'p', FAULT_PAUSE}, {'d', FAULT_AWAY},
};

static enum fault scripted(char letter)
{
    for (size_t i = 0; i < COUNT_OF(letters); i++)
        if (letters[i].letter == letter)
            return letters[i].fault;
    abort(); /* a script with another letter is a bug of its test */
}

/* xorshift64*: the same seed gives the same faults everywhere. */
static int chance(struct faulty_store *store)
{
    store->random ^= store->random >> 12;
    store->random ^= store->random << 25;
    store->random ^= store->random >> 27;
    return (int)((store->random * 0x2545f4914f6cdd1dULL >> 33) % 1000);
}

static enum fault by_chance(struct faulty_store *store)
{
    const struct faulty_options *options = &store->options;
    int drawn = chance(store);
    const struct {
        int permille;
        enum fault fault;
    } faults[] = {{options->before, FAULT_BEFORE},
                  {options->after, FAULT_AFTER},
                  {options->pause, FAULT_PAUSE},
                  {options->away, FAULT_AWAY}};
    for (size_t i = 0; i < COUNT_OF(faults); i++) {
        if (drawn < faults[i].permille)
            return faults[i].fault;
        drawn -= faults[i].permille;
    }
    return FAULT_NONE;
}

static void tell_owner(void *context, const char *path)
{
    struct telling *telling = context;
    struct faulty_store *store = telling->store;
    (void)path;
    if (store->options.changed)
        store->options.changed(store->options.context, telling->what);
    pthread_mutex_lock(&store->mutex);
    store->expiry_told |= telling->what == STORE_EXPIRED;
    pthread_cond_broadcast(&store->told);
    pthread_mutex_unlock(&store->mutex);
}

static void tell(struct faulty_store *store, enum store_session what)
{
    watches_post(store->watches, tell_owner, &store->tellings[what]);
}

/* A call while the connection is away, or the first of those; the mutex is held. */
static enum fault be_away(struct faulty_store *store)
{
    if (store->away_left == 0) {
        store->away_left = store->options.away_calls + 1;
        tell(store, STORE_SUSPENDED);
    }
    if (--store->away_left == 0)
        tell(store, STORE_CONNECTED);
    return FAULT_BEFORE;
}

/* What becomes of this call: FAULT_NONE, _BEFORE or _AFTER. */
static enum fault next_fault(struct faulty_store *store)
{
    enum fault fault;
    pthread_mutex_lock(&store->mutex);
    if (store->expired)
        fault = FAULT_BEFORE;
    else if (store->away_left > 0)
        fault = be_away(store);
    else if (store->options.script && store->options.script[store->at])
        fault = scripted(store->options.script[store->at++]);
    else
        fault = by_chance(store);
    if (fault == FAULT_AWAY)
        fault = be_away(store);
    store->count += fault != FAULT_NONE;
    pthread_mutex_unlock(&store->mutex);
    if (fault != FAULT_PAUSE)
        return fault;
    const struct timespec pause = {.tv_nsec = store->options.pause_us * 1000L};
    nanosleep(&pause, NULL);
    return FAULT_NONE;
}

static void remember_ephemerals(struct faulty_store *store, const struct store_operation *operations,
                                size_t count, const char *made)
{
    for (size_t i = 0; i < count; i++) {
        bool sequential = operations[i].flags & STORE_SEQUENTIAL, last = i + 1 == count;
        if (operations[i].kind != STORE_CREATE || !(operations[i].flags & STORE_EPHEMERAL) ||
            (sequential && !last))
            continue;
        struct ephemeral *ephemeral = memory_alloc(sizeof *ephemeral);
        ephemeral->path = memory_strdup(last && made ? made : operations[i].path);
        pthread_mutex_lock(&store->mutex);
        ephemeral->next = store->ephemerals;
        store->ephemerals = ephemeral;
        pthread_mutex_unlock(&store->mutex);
    }
}

static enum store_result faulty_write(struct store *base, const struct store_operation *operations,
                                      size_t count, size_t *failed, char **made, char **reason)
{
    struct faulty_store *store = (struct faulty_store *)base;
    cleanup(memory_free) char *path = NULL;
    enum fault fault = next_fault(store);
    *failed = 0;
    if (fault == FAULT_BEFORE) {
        *reason = memory_strdup("the request was lost");
        return STORE_LOST;
    }
    enum store_result result =
        store->inside->implementation->write(store->inside, operations, count, failed, &path, reason);
    if (result == STORE_OK)
        remember_ephemerals(store, operations, count, path);
    if (fault == FAULT_AFTER) {
        free(*reason);
        *failed = 0;
        *reason = memory_strdup("the answer was lost");
        return STORE_LOST;
    }
    if (made && result == STORE_OK)
        *made = take(&path);
    return result;
}

static enum store_result faulty_get(struct store *base, struct arena *arena, const char *path, char **value,
                                    size_t *length, struct store_stat *stat)
{
    struct faulty_store *store = (struct faulty_store *)base;
    if (next_fault(store) != FAULT_NONE)
        return STORE_LOST;
    return store->inside->implementation->get(store->inside, arena, path, value, length, stat);
}

static enum store_result faulty_children(struct store *base, struct arena *arena, const char *path,
                                         char ***names, size_t *count)
{
    struct faulty_store *store = (struct faulty_store *)base;
    if (next_fault(store) != FAULT_NONE)
        return STORE_LOST;
    return store->inside->implementation->children(store->inside, arena, path, names, count);
}

static void path_changed(struct faulty_store *store, const char *path, bool children)
{
    pthread_mutex_lock(&store->mutex);
    if (!store->deaf)
        watches_fire(store->watches, path, children);
    pthread_mutex_unlock(&store->mutex);
}

static void value_changed(void *context, const char *path)
{
    path_changed(context, path, false);
}

static void children_changed(void *context, const char *path)
{
    path_changed(context, path, true);
}

static enum store_result faulty_watch(struct store *base, const char *path, bool children,
                                      store_watcher *watcher, void *context)
{
    struct faulty_store *store = (struct faulty_store *)base;
    enum fault fault = next_fault(store);
    if (fault == FAULT_BEFORE)
        return STORE_LOST;
    watches_add(store->watches, path, children, watcher, context);
    enum store_result result = store->inside->implementation->watch(
        store->inside, path, children, children ? children_changed : value_changed, store);
    if (result != STORE_OK)
        watches_remove(store->watches, path, children, watcher, context);
    return fault == FAULT_AFTER ? STORE_LOST : result;
}

static enum store_result faulty_sync(struct store *base, const char *path)
{
    struct faulty_store *store = (struct faulty_store *)base;
    if (next_fault(store) != FAULT_NONE)
        return STORE_LOST;
    return store->inside->implementation->sync(store->inside, path);
}

static void remove_ephemerals(struct faulty_store *store, bool there)
{
    pthread_mutex_lock(&store->mutex);
    struct ephemeral *ephemerals = take(&store->ephemerals);
    pthread_mutex_unlock(&store->mutex);
    while (ephemerals) {
        struct ephemeral *ephemeral = ephemerals;
        ephemerals = ephemeral->next;
        if (there)
            store_delete(store->inside, ephemeral->path, STORE_ANY_VERSION, NULL);
        free(ephemeral->path);
        free(ephemeral);
    }
}

void faulty_expire(struct store *base)
{
    struct faulty_store *store = (struct faulty_store *)base;
    pthread_mutex_lock(&store->mutex);
    store->expired = true;
    store->expiry_told = false;
    store->away_left = 0;
    pthread_mutex_unlock(&store->mutex);
    remove_ephemerals(store, true);
    store_locks_expired(base);
    tell(store, STORE_EXPIRED);
    pthread_mutex_lock(&store->mutex);
    while (!store->expiry_told)
        pthread_cond_wait(&store->told, &store->mutex);
    store->expired = false;
    pthread_mutex_unlock(&store->mutex);
    tell(store, STORE_CONNECTED);
    watches_fire_all(store->watches);
}

long faulty_count(struct store *base)
{
    struct faulty_store *store = (struct faulty_store *)base;
    pthread_mutex_lock(&store->mutex);
    long count = store->count;
    pthread_mutex_unlock(&store->mutex);
    return count;
}

static void faulty_close(struct store *base)
{
    struct faulty_store *store = (struct faulty_store *)base;
    pthread_mutex_lock(&store->mutex);
    store->deaf = true; /* the watches inside call ours until that one is closed */
    pthread_mutex_unlock(&store->mutex);
    watches_stop(&store->watches);
    store_close(&store->inside);
    remove_ephemerals(store, false); /* the session inside had them */
    pthread_cond_destroy(&store->told);
    pthread_mutex_destroy(&store->mutex);
    store_destroy(base);
    free(store);
}

static const struct store_implementation faulty_implementation = {
    .close = faulty_close,
    .write = faulty_write,
    .get = faulty_get,
    .children = faulty_children,
    .watch = faulty_watch,
    .sync = faulty_sync,
};

struct store *store_open_faulty(struct store *inside, const struct faulty_options *options)
{
    struct faulty_store *store = memory_alloc(sizeof *store);
    store_init(&store->store, &faulty_implementation);
    store->inside = inside;
    store->options = *options;
    store->random = options->seed * 2 + 1; /* never 0 */
    pthread_mutex_init(&store->mutex, NULL);
    pthread_cond_init(&store->told, NULL);
    for (size_t i = 0; i < COUNT_OF(store->tellings); i++)
        store->tellings[i] = (struct telling){store, (enum store_session)i};
    store->watches = watches_start();
    return &store->store;
}
