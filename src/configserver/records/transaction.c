/* A transaction while it is made: its changes, and everything as it has it. */
#include "base/log.h"
#include "base/text.h"
#include "configserver/records/life.h"
#include "configserver/records/repository_parts.h"

#include <string.h>

enum { RECORD_LARGEST = 16 << 20 }; /* the store's own limit is lower, and told as an error */

struct transaction *transaction_begin(struct repository *repository)
{
    struct transaction *transaction = memory_alloc(sizeof *transaction);
    transaction->repository = repository;
    transaction->arena = arena_new();
    pthread_mutex_lock(&repository->writer);
    transaction->writing = true;
    pthread_mutex_lock(&repository->lock);
    bool unknown = repository->unknown != NULL;
    pthread_mutex_unlock(&repository->lock);
    if (unknown) { /* what it is made on must be known; when it cannot be, the commit says so */
        repository_claim(repository);
        repository_resolve(repository, NULL);
        repository_unclaim(repository);
    }
    pthread_mutex_lock(&repository->lock);
    transaction->base = view_hold(repository->tip);
    transaction->dropped = repository->dropped;
    pthread_mutex_unlock(&repository->lock);
    return transaction;
}

static void stop_writing(struct transaction *transaction)
{
    if (transaction->writing)
        pthread_mutex_unlock(&transaction->repository->writer);
    transaction->writing = false;
}

void transaction_end(struct transaction **transaction)
{
    struct transaction *old = *transaction;
    *transaction = NULL;
    if (!old)
        return;
    stop_writing(old);
    for (size_t i = 0; i < old->count; i++)
        entry_drop(old->changes[i].entry);
    const struct view *next = old->next;
    view_release(&next);
    view_release(&old->shown);
    view_release(&old->base);
    arena_free(&old->arena);
    free(old->changes);
    free(old);
}

struct arena *transaction_arena(struct transaction *transaction)
{
    return transaction->arena;
}

static void release_later(void *view)
{
    const struct view *old = view;
    view_release(&old);
}

const struct view *transaction_view(struct transaction *transaction)
{
    if (!transaction->next)
        return transaction->base;
    if (!transaction->shown) {
        transaction->shown = view_copy(transaction->next);
        arena_defer(transaction->arena, release_later, (void *)view_hold(transaction->shown));
    }
    return transaction->shown;
}

const void *transaction_find(struct transaction *transaction, enum record_kind kind, const char *key)
{
    return view_find(transaction->next ? transaction->next : transaction->base, kind, key);
}

/* Takes the entry over: what a later change replaces may still be read by the transaction's owner. */
static void add_change(struct transaction *transaction, enum record_kind kind, const char *key,
                       struct entry *entry, const char *text)
{
    if (transaction->count == transaction->capacity) {
        transaction->capacity = transaction->capacity ? transaction->capacity * 2 : 16;
        transaction->changes =
            memory_resize(transaction->changes, transaction->capacity, sizeof *transaction->changes);
    }
    transaction->changes[transaction->count++] =
        (struct change){kind, arena_strdup(transaction->arena, key), text, entry};
    transaction->bytes += text ? strlen(text) : 0;
    if (!transaction->next)
        transaction->next = view_copy(transaction->base);
    view_release(&transaction->shown);
}

void transaction_put(struct transaction *transaction, enum record_kind kind, const void *record)
{
    struct error err = {0};
    cleanup(buffer_free) struct buffer text = buffer_new(RECORD_LARGEST);
    record_append(record_kind_record(kind), record, &text);
    struct entry *entry = entry_parse(kind, buffer_string(&text), text.length, 0, &err);
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
    add_change(transaction, kind, entry->key, entry,
               arena_strndup(transaction->arena, buffer_string(&text), text.length));
    view_put(transaction->next, entry);
}

void transaction_remove(struct transaction *transaction, enum record_kind kind, const char *key)
{
    if (!transaction_find(transaction, kind, key))
        return;
    add_change(transaction, kind, key, NULL, NULL);
    view_remove(transaction->next, kind, transaction->changes[transaction->count - 1].key);
}

static void tell(struct transaction *transaction)
{
    struct repository *repository = transaction->repository;
    transaction->later = NULL;
    const struct touched touched = touched_by(transaction->arena, transaction);
    if (repository->changed)
        repository->changed(repository->context, &touched);
}

int transaction_commit(struct transaction **transaction, struct error *err)
{
    cleanup(transaction_end) struct transaction *done = take(transaction);
    if (done->count == 0)
        return 0;
    if (transaction_write(done) < 0) {
        if (err)
            *err = done->err;
        return -1;
    }
    tell(done);
    return 0;
}
