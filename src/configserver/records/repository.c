#include "configserver/records/repository.h"

#include "base/log.h"
#include "base/text.h"
#include "configserver/records/life.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#define ROOT "/enclave/v1"

/* One record, immutable, shared by every view that holds it. */
struct entry {
    atomic_int references;
    struct arena *arena;
    const char *key;
    const void *object;
    int32_t version; /* in the store */
};

struct view {
    atomic_int references;
    struct entry **entries[RECORD_KINDS]; /* sorted by key */
    size_t counts[RECORD_KINDS];
};

struct repository {
    struct store *store;
    pthread_mutex_t writer; /* one transaction at a time; held across its write to the store */
    pthread_mutex_t lock;   /* `current` only; never held across anything */
    struct view *current;
    repository_changed *changed;
    void *context;
};

struct change {
    enum record_kind kind;
    const char *key;
    const char *text;    /* NULL: removed */
    struct entry *entry; /* NULL: removed */
    struct entry *old;   /* NULL: new */
};

struct transaction {
    struct repository *repository;
    struct arena *arena;
    const struct view *view; /* at its beginning */
    const struct view *own;  /* with the changes so far; NULL: not asked for since the last change */
    struct change *changes;
    size_t count, capacity;
};

static void entry_drop(struct entry *entry)
{
    if (!entry || atomic_fetch_sub(&entry->references, 1) != 1)
        return;
    arena_free(&entry->arena);
    free(entry);
}

/* Records are made from their stored text only, so what we remember is what we will read after a restart. */
static struct entry *entry_parse(enum record_kind kind, const char *text, size_t length, int32_t version,
                                 struct error *err)
{
    const struct record *record = record_kind_record(kind);
    struct entry *entry = memory_alloc(sizeof *entry);
    entry->arena = arena_new();
    entry->version = version;
    atomic_init(&entry->references, 1);
    void *object = arena_alloc(entry->arena, record->size);
    if (record_parse(record, entry->arena, text, length, object, err) < 0) {
        entry_drop(entry);
        return NULL;
    }
    entry->object = object;
    entry->key = *(const char *const *)object;
    return entry;
}

void view_release(const struct view **view)
{
    struct view *old = (struct view *)*view;
    *view = NULL;
    if (!old || atomic_fetch_sub(&old->references, 1) != 1)
        return;
    for (size_t kind = 0; kind < RECORD_KINDS; kind++) {
        for (size_t i = 0; i < old->counts[kind]; i++)
            entry_drop(old->entries[kind][i]);
        free(old->entries[kind]);
    }
    free(old);
}

const struct view *repository_view(struct repository *repository)
{
    pthread_mutex_lock(&repository->lock);
    struct view *view = repository->current;
    atomic_fetch_add(&view->references, 1);
    pthread_mutex_unlock(&repository->lock);
    return view;
}

static int compare_key(const void *key, const void *entry)
{
    return strcmp(key, (*(struct entry *const *)entry)->key);
}

static struct entry *find_entry(const struct view *view, enum record_kind kind, const char *key)
{
    if (!key || view->counts[kind] == 0)
        return NULL;
    struct entry **found = bsearch(key, view->entries[kind], view->counts[kind], sizeof *found, compare_key);
    return found ? *found : NULL;
}

const void *view_find(const struct view *view, enum record_kind kind, const char *key)
{
    struct entry *entry = find_entry(view, kind, key);
    return entry ? entry->object : NULL;
}

size_t view_count(const struct view *view, enum record_kind kind)
{
    return view->counts[kind];
}

const void *view_at(const struct view *view, enum record_kind kind, size_t index)
{
    return view->entries[kind][index]->object;
}

static const char *application_account(const void *record)
{
    return ((const struct application *)record)->account;
}

static const struct host *present(const void *record)
{
    const struct host *host = record;
    return host->state < HOST_DEPROVISIONED ? host : NULL;
}

static const char *host_application(const void *record)
{
    return present(record) ? present(record)->application : NULL;
}

static const char *host_account(const void *record)
{
    return present(record) ? present(record)->account : NULL;
}

static const char *host_instance(const void *record)
{
    return present(record) ? present(record)->instance_id : NULL;
}

static const char *host_key(const void *record)
{
    return present(record) ? present(record)->wireguard_key : NULL;
}

static const char *node_application(const void *record)
{
    return ((const struct node *)record)->application;
}

static const char *node_parent(const void *record)
{
    return ((const struct node *)record)->parent;
}

static const char *balancer_application(const void *record)
{
    return ((const struct load_balancer *)record)->application;
}

static const char *balancer_account(const void *record)
{
    return ((const struct load_balancer *)record)->account;
}

/* What a record is found by; NULL: it is not in that index. */
static const struct {
    enum record_kind kind;
    const char *(*of)(const void *record);
} indexes[VIEW_INDEXES] = {
    [APPLICATIONS_OF_ACCOUNT] = {RECORD_APPLICATION, application_account},
    [HOSTS_OF_APPLICATION] = {RECORD_HOST, host_application},
    [HOSTS_OF_ACCOUNT] = {RECORD_HOST, host_account},
    [HOST_OF_INSTANCE] = {RECORD_HOST, host_instance},
    [HOST_OF_KEY] = {RECORD_HOST, host_key},
    [NODES_OF_APPLICATION] = {RECORD_NODE, node_application},
    [NODE_OF_HOST] = {RECORD_NODE, node_parent},
    [LOAD_BALANCERS_OF_APPLICATION] = {RECORD_LOAD_BALANCER, balancer_application},
    [LOAD_BALANCERS_OF_ACCOUNT] = {RECORD_LOAD_BALANCER, balancer_account},
};

const void *view_of(const struct view *view, enum view_index index, const char *of, size_t nth)
{
    for (size_t i = 0; of && i < view_count(view, indexes[index].kind); i++) {
        const void *record = view_at(view, indexes[index].kind, i);
        if (text_equal(indexes[index].of(record), of) && nth-- == 0)
            return record;
    }
    return NULL;
}

size_t view_count_of(const struct view *view, enum view_index index, const char *of)
{
    size_t count = 0;
    while (view_of(view, index, of, count))
        count++;
    return count;
}

struct view_cursor view_all(const struct view *view, enum record_kind kind)
{
    return (struct view_cursor){.view = view, .kind = (int)kind, .index = -1, .more = true};
}

struct view_cursor view_some(const struct view *view, enum view_index index, const char *of)
{
    return (struct view_cursor){.view = view, .index = (int)index, .of = of, .more = true};
}

const void *view_next(struct view_cursor *cursor)
{
    cursor->more = false;
    if (cursor->index >= 0)
        return view_of(cursor->view, (enum view_index)cursor->index, cursor->of, cursor->at++);
    if (cursor->at >= view_count(cursor->view, (enum record_kind)cursor->kind))
        return NULL;
    return view_at(cursor->view, (enum record_kind)cursor->kind, cursor->at++);
}

static int load_kind(struct store *store, struct view *view, enum record_kind kind, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    char *folder = arena_format(arena, ROOT "/%s", record_kind_folder(kind));
    char **names;
    size_t count;
    if (store_make_path(store, folder, err) < 0 ||
        store_children(store, arena, folder, &names, &count, err) != STORE_OK)
        return -1;
    view->entries[kind] = memory_array(count, sizeof *view->entries[kind]);
    for (size_t i = 0; i < count; i++) {
        char *path = arena_format(arena, "%s/%s", folder, names[i]), *text;
        size_t length;
        struct store_stat stat;
        if (store_get(store, arena, path, &text, &length, &stat, err) != STORE_OK)
            return -1;
        struct entry *entry = entry_parse(kind, text, length, stat.version, err);
        if (!entry)
            return error_context(err, "stored record %s", path);
        view->entries[kind][view->counts[kind]++] = entry;
    }
    return 0;
}

int repository_open(struct store *store, struct repository **repository, struct error *err)
{
    struct repository *opened = memory_alloc(sizeof *opened);
    opened->store = store;
    opened->current = memory_alloc(sizeof *opened->current);
    atomic_init(&opened->current->references, 1);
    pthread_mutex_init(&opened->writer, NULL);
    pthread_mutex_init(&opened->lock, NULL);
    for (enum record_kind kind = 0; kind < RECORD_KINDS; kind++)
        if (load_kind(store, opened->current, kind, err) < 0) {
            repository_close(&opened);
            return -1;
        }
    *repository = opened;
    return 0;
}

void repository_close(struct repository **repository)
{
    struct repository *old = *repository;
    *repository = NULL;
    if (!old)
        return;
    const struct view *view = old->current;
    view_release(&view);
    pthread_mutex_destroy(&old->writer);
    pthread_mutex_destroy(&old->lock);
    free(old);
}

void repository_on_change(struct repository *repository, repository_changed *changed, void *context)
{
    repository->context = context;
    repository->changed = changed;
}

struct transaction *transaction_begin(struct repository *repository)
{
    pthread_mutex_lock(&repository->writer);
    struct transaction *transaction = memory_alloc(sizeof *transaction);
    transaction->repository = repository;
    transaction->arena = arena_new();
    transaction->view = repository_view(repository);
    return transaction;
}

static void transaction_free(struct transaction *transaction)
{
    for (size_t i = 0; i < transaction->count; i++)
        entry_drop(transaction->changes[i].entry);
    free(transaction->changes);
    view_release(&transaction->view);
    arena_free(&transaction->arena);
    free(transaction);
}

void transaction_end(struct transaction **transaction)
{
    struct transaction *old = *transaction;
    *transaction = NULL;
    if (!old)
        return;
    pthread_mutex_unlock(&old->repository->writer);
    transaction_free(old);
}

struct arena *transaction_arena(struct transaction *transaction)
{
    return transaction->arena;
}

static struct change *find_change(struct transaction *transaction, enum record_kind kind, const char *key)
{
    for (size_t i = 0; i < transaction->count; i++)
        if (transaction->changes[i].kind == kind && text_equal(transaction->changes[i].key, key))
            return &transaction->changes[i];
    return NULL;
}

const void *transaction_find(struct transaction *transaction, enum record_kind kind, const char *key)
{
    const struct change *change = find_change(transaction, kind, key);
    if (change)
        return change->entry ? change->entry->object : NULL;
    return view_find(transaction->view, kind, key);
}

static struct change *make_change(struct transaction *transaction, enum record_kind kind, const char *key)
{
    struct change *change = find_change(transaction, kind, key);
    if (change)
        return change;
    if (transaction->count == transaction->capacity) {
        transaction->capacity = transaction->capacity ? transaction->capacity * 2 : 16;
        transaction->changes =
            memory_resize(transaction->changes, transaction->capacity, sizeof *transaction->changes);
    }
    change = &transaction->changes[transaction->count++];
    *change = (struct change){.kind = kind,
                              .key = arena_strdup(transaction->arena, key),
                              .old = find_entry(transaction->view, kind, key)};
    return change;
}

/* What a change replaces may still be read by its transaction's owner: it goes with the transaction. */
static void drop_later(void *entry)
{
    entry_drop(entry);
}

void transaction_put(struct transaction *transaction, enum record_kind kind, const void *record)
{
    struct error err = {0};
    char *text = record_text(record_kind_record(kind), transaction->arena, record);
    struct entry *entry = entry_parse(kind, text, strlen(text), 0, &err);
    if (!entry) { /* we made a record that we could not read again: stop before it is stored */
        log_error("record not well-formed", "kind", record_kind_folder(kind), "error", err.message, NULL);
        abort();
    }
    const char *broken = record_broken_rule(kind, entry->object);
    if (broken) {
        log_error("record breaks a rule", "kind", record_kind_folder(kind), "key", entry->key, "rule", broken,
                  NULL);
        abort();
    }
    struct change *change = make_change(transaction, kind, *(const char *const *)record);
    if (change->entry)
        arena_defer(transaction->arena, drop_later, change->entry);
    change->entry = entry;
    change->text = text;
    transaction->own = NULL;
}

void transaction_remove(struct transaction *transaction, enum record_kind kind, const char *key)
{
    struct change *change = make_change(transaction, kind, key);
    if (change->entry)
        arena_defer(transaction->arena, drop_later, change->entry);
    change->entry = NULL;
    change->text = NULL;
    transaction->own = NULL;
}

static int write_changes(struct transaction *transaction, struct error *err)
{
    struct store_operation *operations =
        arena_alloc(transaction->arena, transaction->count * sizeof *operations);
    size_t count = 0;
    for (size_t i = 0; i < transaction->count; i++) {
        struct change *change = &transaction->changes[i];
        if (!change->entry && !change->old)
            continue;
        struct store_operation *operation = &operations[count++];
        operation->path =
            arena_format(transaction->arena, ROOT "/%s/%s", record_kind_folder(change->kind), change->key);
        operation->kind = !change->entry ? STORE_DELETE : change->old ? STORE_SET : STORE_CREATE;
        operation->version = change->old ? change->old->version : 0;
        operation->value = change->text;
        operation->length = change->text ? strlen(change->text) : 0;
        if (change->entry)
            change->entry->version = change->old ? change->old->version + 1 : 0;
    }
    if (count == 0)
        return 0;
    enum store_result result = store_multi(transaction->repository->store, operations, count, NULL, err);
    if (result == STORE_LOST) { /* we no longer know what is stored: a restart reads it */
        log_error("write of unknown outcome", "error", err ? err->message : "", NULL);
        abort();
    }
    return result == STORE_OK ? 0 : error_context(err, "write the zone's records");
}

static int compare_changes(const void *a, const void *b)
{
    const struct change *left = a, *right = b;
    return left->kind != right->kind ? (left->kind < right->kind ? -1 : 1) : strcmp(left->key, right->key);
}

/* Merges the sorted changes of one kind into the old view's sorted entries. */
static void merge_kind(struct view *next, const struct view *old, enum record_kind kind,
                       const struct change *changes, size_t count)
{
    next->entries[kind] = memory_array(old->counts[kind] + count, sizeof *next->entries[kind]);
    size_t at = 0, made = 0;
    for (size_t i = 0; i <= count; i++) {
        for (; at < old->counts[kind]; at++) {
            int order = i == count ? -1 : strcmp(old->entries[kind][at]->key, changes[i].key);
            if (order >= 0) {
                at += order == 0;
                break;
            }
            atomic_fetch_add(&old->entries[kind][at]->references, 1);
            next->entries[kind][made++] = old->entries[kind][at];
        }
        if (i < count && changes[i].entry) {
            atomic_fetch_add(&changes[i].entry->references, 1);
            next->entries[kind][made++] = changes[i].entry;
        }
    }
    next->counts[kind] = made;
}

static struct view *make_view(struct transaction *transaction)
{
    struct view *next = memory_alloc(sizeof *next);
    atomic_init(&next->references, 1);
    qsort(transaction->changes, transaction->count, sizeof *transaction->changes, compare_changes);
    size_t at = 0;
    for (enum record_kind kind = 0; kind < RECORD_KINDS; kind++) {
        size_t first = at;
        while (at < transaction->count && transaction->changes[at].kind == kind)
            at++;
        merge_kind(next, transaction->view, kind, transaction->changes + first, at - first);
    }
    return next;
}

static void release_later(void *view)
{
    const struct view *old = view;
    view_release(&old);
}

const struct view *transaction_view(struct transaction *transaction)
{
    if (transaction->count == 0)
        return transaction->view;
    if (!transaction->own) {
        struct view *own = make_view(transaction);
        arena_defer(transaction->arena, release_later, own);
        transaction->own = own;
    }
    return transaction->own;
}

/* Each application that a change touches, once; lives as long as the transaction. */
static size_t touched_applications(struct transaction *transaction, const char ***applications)
{
    size_t count = 0;
    *applications = arena_alloc(transaction->arena, transaction->count * sizeof **applications);
    for (size_t i = 0; i < transaction->count; i++) {
        const struct change *change = &transaction->changes[i];
        const struct entry *entry = change->entry ? change->entry : change->old;
        const char *application = entry ? record_application(change->kind, entry->object) : NULL;
        size_t at = 0;
        while (at < count && !text_equal((*applications)[at], application))
            at++;
        if (application && at == count)
            (*applications)[count++] = application;
    }
    return count;
}

int transaction_commit(struct transaction **transaction, struct error *err)
{
    struct transaction *done = *transaction;
    struct repository *repository = done->repository;
    if (done->count == 0) {
        transaction_end(transaction);
        return 0;
    }
    if (write_changes(done, err) < 0) {
        transaction_end(transaction);
        return -1;
    }
    struct view *next = make_view(done);
    pthread_mutex_lock(&repository->lock);
    const struct view *old = repository->current;
    repository->current = next;
    pthread_mutex_unlock(&repository->lock);
    view_release(&old);
    pthread_mutex_unlock(&repository->writer);
    const char **applications;
    size_t count = touched_applications(done, &applications);
    if (repository->changed)
        repository->changed(repository->context, applications, count);
    *transaction = NULL;
    transaction_free(done);
    return 0;
}
