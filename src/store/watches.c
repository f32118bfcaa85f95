#include "store/watches.h"

#include "base/text.h"

#include <pthread.h>
#include <string.h>

struct watch {
    struct watch *next;
    char *path;
    bool children;
    store_watcher *watcher;
    void *context;
};

struct watches {
    pthread_mutex_t mutex; /* protects everything below; not held while a watcher runs */
    pthread_cond_t wake;
    pthread_t thread;
    struct watch *waiting;        /* for a change */
    struct watch *due, **due_end; /* changed: to be called, in order */
    bool stopping;
};

static void watch_free(struct watch *watch)
{
    free(watch->path);
    free(watch);
}

static void free_all(struct watch *watch)
{
    while (watch) {
        struct watch *next = watch->next;
        watch_free(watch);
        watch = next;
    }
}

static void *call_watchers(void *argument)
{
    struct watches *watches = argument;
    pthread_mutex_lock(&watches->mutex);
    while (!watches->stopping) {
        struct watch *watch = watches->due;
        if (!watch) {
            pthread_cond_wait(&watches->wake, &watches->mutex);
            continue;
        }
        watches->due = watch->next;
        if (!watches->due)
            watches->due_end = &watches->due;
        pthread_mutex_unlock(&watches->mutex);
        watch->watcher(watch->context, watch->path);
        watch_free(watch);
        pthread_mutex_lock(&watches->mutex);
    }
    pthread_mutex_unlock(&watches->mutex);
    return NULL;
}

struct watches *watches_start(void)
{
    struct watches *watches = memory_alloc(sizeof *watches);
    pthread_mutex_init(&watches->mutex, NULL);
    pthread_cond_init(&watches->wake, NULL);
    watches->due_end = &watches->due;
    if (pthread_create(&watches->thread, NULL, call_watchers, watches) != 0)
        abort();
    pthread_setname_np(watches->thread, "store-watches");
    return watches;
}

void watches_stop(struct watches **watches)
{
    if (!*watches)
        return;
    struct watches *stopping = take(watches);
    pthread_mutex_lock(&stopping->mutex);
    stopping->stopping = true;
    pthread_cond_signal(&stopping->wake);
    pthread_mutex_unlock(&stopping->mutex);
    pthread_join(stopping->thread, NULL);
    free_all(stopping->waiting);
    free_all(stopping->due);
    pthread_cond_destroy(&stopping->wake);
    pthread_mutex_destroy(&stopping->mutex);
    free(stopping);
}

/* Where the watch hangs in the list, or the end of the list. */
static struct watch **find(struct watches *watches, const char *path, bool children, store_watcher *watcher,
                           void *context)
{
    struct watch **at = &watches->waiting;
    for (; *at; at = &(*at)->next)
        if ((*at)->watcher == watcher && (*at)->context == context && (*at)->children == children &&
            text_equal((*at)->path, path))
            break;
    return at;
}

void watches_add(struct watches *watches, const char *path, bool children, store_watcher *watcher,
                 void *context)
{
    pthread_mutex_lock(&watches->mutex);
    struct watch **at = find(watches, path, children, watcher, context);
    if (!*at) {
        *at = memory_alloc(sizeof **at);
        **at = (struct watch){
            .path = memory_strdup(path), .children = children, .watcher = watcher, .context = context};
    }
    pthread_mutex_unlock(&watches->mutex);
}

void watches_remove(struct watches *watches, const char *path, bool children, store_watcher *watcher,
                    void *context)
{
    pthread_mutex_lock(&watches->mutex);
    struct watch **at = find(watches, path, children, watcher, context);
    if (*at) {
        struct watch *watch = *at;
        *at = watch->next;
        watch_free(watch);
    }
    pthread_mutex_unlock(&watches->mutex);
}

static bool is_parent_of(const char *parent, const char *path)
{
    size_t length = (size_t)(strrchr(path, '/') - path);
    if (length == 0)
        return path[1] && text_equal(parent, "/");
    return strncmp(parent, path, length) == 0 && parent[length] == '\0';
}

static bool concerns(const struct watch *watch, const char *path, enum store_operation_kind change)
{
    if (!watch->children)
        return text_equal(watch->path, path);
    if (change == STORE_SET)
        return false;
    return is_parent_of(watch->path, path) || (change == STORE_DELETE && text_equal(watch->path, path));
}

/* Puts a watch that is in no list at the end of those to be called; the mutex is held. */
static void make_due(struct watches *watches, struct watch *watch)
{
    watch->next = NULL;
    *watches->due_end = watch;
    watches->due_end = &watch->next;
    pthread_cond_signal(&watches->wake);
}

/* What makes a watch due. */
struct change {
    const char *path;
    enum store_operation_kind kind;
    bool children;
};
typedef bool change_test(const struct watch *watch, const struct change *change);

static void fire(struct watches *watches, change_test *is_due, const struct change *change)
{
    pthread_mutex_lock(&watches->mutex);
    for (struct watch **at = &watches->waiting; *at;) {
        struct watch *watch = *at;
        if (!is_due(watch, change)) {
            at = &watch->next;
            continue;
        }
        *at = watch->next;
        make_due(watches, watch);
    }
    pthread_mutex_unlock(&watches->mutex);
}

static bool is_concerned(const struct watch *watch, const struct change *change)
{
    return concerns(watch, change->path, change->kind);
}

void watches_changed(struct watches *watches, const char *path, enum store_operation_kind change)
{
    fire(watches, is_concerned, &(struct change){.path = path, .kind = change});
}

static bool is_named(const struct watch *watch, const struct change *change)
{
    return watch->children == change->children && text_equal(watch->path, change->path);
}

void watches_fire(struct watches *watches, const char *path, bool children)
{
    fire(watches, is_named, &(struct change){.path = path, .children = children});
}

static bool is_any(const struct watch *watch, const struct change *change)
{
    (void)watch;
    (void)change;
    return true;
}

void watches_fire_all(struct watches *watches)
{
    fire(watches, is_any, NULL);
}

void watches_post(struct watches *watches, store_watcher *watcher, void *context)
{
    struct watch *call = memory_alloc(sizeof *call);
    *call = (struct watch){.path = memory_strdup(""), .watcher = watcher, .context = context};
    pthread_mutex_lock(&watches->mutex);
    make_due(watches, call);
    pthread_mutex_unlock(&watches->mutex);
}
