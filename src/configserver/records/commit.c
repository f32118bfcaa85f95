/* Transactions are written one multi at a time, all that wait together: while the store takes one, the next
 * ones are made, and share the next multi. Whoever waits first does the writing for all. */
#include "base/text.h"
#include "configserver/records/repository_parts.h"

#include <string.h>

enum {
    MULTI_LARGEST = 256 << 10
}; /* bytes of records that are written together, unless one alone has more */

static int compare_changes(const void *a, const void *b)
{
    const struct change *left = a, *right = b;
    return left->kind != right->kind ? (left->kind < right->kind ? -1 : 1) : strcmp(left->key, right->key);
}

/* The changes of several transactions, each on top of the one before, as one multi. */
struct batch {
    struct arena *arena;
    const struct view *base, *next;
    struct change *changes; /* sorted */
    size_t change_count;
    struct store_operation *operations;
    const char **keys;
    struct entry **entries; /* that an operation stores; NULL: removes */
    size_t count;
};

static void collect(struct batch *batch, const struct transaction *first)
{
    size_t most = 0;
    batch->base = first->base;
    for (const struct transaction *at = first; at; at = at->later) {
        most += at->count;
        batch->next = at->next;
    }
    batch->changes = arena_alloc(batch->arena, most * sizeof *batch->changes);
    for (const struct transaction *at = first; at; at = at->later) {
        memcpy(batch->changes + batch->change_count, at->changes, at->count * sizeof *batch->changes);
        batch->change_count += at->count;
    }
    qsort(batch->changes, batch->change_count, sizeof *batch->changes, compare_changes);
    batch->operations = arena_alloc(batch->arena, most * sizeof *batch->operations);
    batch->entries = arena_alloc(batch->arena, most * sizeof *batch->entries);
    batch->keys = arena_alloc(batch->arena, most * sizeof *batch->keys);
}

/* From how the record is stored to how it shall be; the changes are all of one key. */
static void add_operation(struct batch *batch, const struct change *changes, size_t count)
{
    const struct entry *old = view_entry(batch->base, changes->kind, changes->key);
    struct entry *next = view_entry(batch->next, changes->kind, changes->key);
    const char *text = NULL;
    if (old == next)
        return;
    for (size_t i = 0; i < count; i++)
        if (next && changes[i].entry == next)
            text = changes[i].text;
    struct store_operation *operation = &batch->operations[batch->count];
    batch->keys[batch->count] =
        arena_format(batch->arena, "%s/%s", record_kind_folder(changes->kind), changes->key);
    batch->entries[batch->count] = next;
    operation->path = arena_format(batch->arena, RECORDS_ROOT "/%s", batch->keys[batch->count]);
    operation->kind = !next ? STORE_DELETE : old ? STORE_SET : STORE_CREATE;
    operation->version = old ? old->version : 0;
    operation->value = text;
    operation->length = text ? strlen(text) : 0;
    batch->count++;
}

static enum journal_outcome write_batch(struct repository *repository, const struct transaction *first,
                                        struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct batch batch = {.arena = arena};
    collect(&batch, first);
    for (size_t i = 0, count; i < batch.change_count; i += count) {
        for (count = 1; i + count < batch.change_count &&
                        compare_changes(&batch.changes[i], &batch.changes[i + count]) == 0;)
            count++;
        add_operation(&batch, &batch.changes[i], count);
    }
    if (batch.count == 0)
        return JOURNAL_WRITTEN;
    enum journal_outcome outcome =
        journal_write(&repository->journal, batch.operations, batch.count, batch.keys, err);
    for (size_t i = 0; i < batch.count; i++)
        if (batch.entries[i]) /* if it is never stored nobody sees it again */
            batch.entries[i]->version =
                batch.operations[i].kind == STORE_SET ? batch.operations[i].version + 1 : 0;
    return outcome;
}

static void fail_waiting(struct repository *repository, struct transaction *first, const struct error *err)
{
    for (struct transaction *at = first; at; at = at->later) {
        at->err = *err;
        at->result = -1;
        at->done = true;
    }
    repository->dropped++;
}

void repository_show(struct repository *repository, const struct view *view)
{
    static const struct error overtaken = {
        .kind = ERROR_UNAVAILABLE, .message = "a change that this one was made on was not stored: try again"};
    pthread_mutex_lock(&repository->lock);
    const struct view *old = repository->current, *old_tip = repository->tip;
    repository->current = view;
    repository->tip = view_hold(view);
    fail_waiting(repository, repository->waiting, &overtaken);
    repository->waiting = NULL;
    repository->last = &repository->waiting;
    pthread_cond_broadcast(&repository->written);
    pthread_mutex_unlock(&repository->lock);
    view_release(&old);
    view_release(&old_tip);
}

/* The outcome is known and good: those that were made meanwhile stay in line. */
static void show_written(struct repository *repository, struct transaction *first)
{
    const struct view *next = NULL;
    pthread_mutex_lock(&repository->lock);
    for (struct transaction *at = first; at; at = at->later) {
        next = at->next;
        at->done = true;
    }
    const struct view *old = repository->current;
    repository->current = view_hold(next);
    pthread_mutex_unlock(&repository->lock);
    view_release(&old);
}

static void drop(struct repository *repository, struct transaction *first, const struct error *err)
{
    pthread_mutex_lock(&repository->lock);
    fail_waiting(repository, first, err);
    pthread_mutex_unlock(&repository->lock);
    repository_show(repository, view_hold(repository->current));
}

static void remember_unknown(struct repository *repository, const struct transaction *first)
{
    struct unknown *unknown = memory_alloc(sizeof *unknown);
    unknown->arena = arena_new();
    unknown->touched = touched_by(unknown->arena, first);
    const struct view *next = NULL;
    for (const struct transaction *at = first; at; at = at->later)
        next = at->next;
    unknown->view = view_hold(next);
    pthread_mutex_lock(&repository->lock);
    repository->unknown = unknown;
    pthread_mutex_unlock(&repository->lock);
}

/* The oldest that wait, as many as one multi takes; with the claim, which is taken here. */
static struct transaction *take_waiting(struct repository *repository)
{
    struct transaction *first = repository->waiting, *last = first;
    size_t bytes = first->bytes;
    while (last->later && bytes + last->later->bytes <= MULTI_LARGEST) {
        last = last->later;
        bytes += last->bytes;
    }
    repository->waiting = last->later;
    if (!repository->waiting)
        repository->last = &repository->waiting;
    last->later = NULL;
    repository->busy = true;
    return first;
}

/* With the lock, which is let go meanwhile. */
static void write_waiting(struct repository *repository)
{
    struct transaction *first = take_waiting(repository);
    pthread_mutex_unlock(&repository->lock);
    struct error err = {.kind = ERROR_UNAVAILABLE};
    enum journal_outcome outcome = write_batch(repository, first, &err);
    error_context(&err, "write the zone's records");
    if (outcome == JOURNAL_UNKNOWN)
        remember_unknown(repository, first);
    if (outcome == JOURNAL_WRITTEN)
        show_written(repository, first);
    else
        drop(repository, first, &err);
    repository_unclaim(repository);
    pthread_mutex_lock(&repository->lock);
}

/* Why it cannot even wait; 0 when it does. With the lock. */
static int enqueue(struct repository *repository, struct transaction *transaction)
{
    struct error *err = &transaction->err;
    if (repository->unknown)
        return error_set(err, ERROR_UNAVAILABLE,
                         "the store does not answer, and whether it took the last change is not known yet");
    if (!repository->leads)
        return error_set(err, ERROR_UNAVAILABLE, "this config server does not lead the zone");
    if (transaction->dropped != repository->dropped)
        return error_set(err, ERROR_UNAVAILABLE,
                         "a change that this one was made on was not stored: try again");
    *repository->last = transaction;
    repository->last = &transaction->later;
    const struct view *old = repository->tip;
    repository->tip = view_hold(transaction->next);
    view_release(&old);
    return 0;
}

int transaction_write(struct transaction *transaction)
{
    struct repository *repository = transaction->repository;
    pthread_mutex_lock(&repository->lock);
    int result = enqueue(repository, transaction);
    pthread_mutex_unlock(&repository->writer);
    transaction->writing = false;
    while (result == 0 && !transaction->done)
        if (repository->busy)
            pthread_cond_wait(&repository->written, &repository->lock);
        else
            write_waiting(repository);
    pthread_mutex_unlock(&repository->lock);
    return result < 0 ? -1 : transaction->result;
}
