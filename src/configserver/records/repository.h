/* The zone's records in memory and in the store. Readers take a view: an immutable state of everything, had
 * without waiting for any I/O. Writers, one at a time, make a transaction on top of the newest view; it is
 * first written to the store, all or nothing, and then becomes the newest view. Memory never holds what the
 * store does not. */
#ifndef CONFIGSERVER_REPOSITORY_H
#define CONFIGSERVER_REPOSITORY_H

#include "configserver/records/records.h"
#include "store/store.h"

struct repository;

/* Reads everything there is; the store must outlive the repository. */
int repository_open(struct store *store, struct repository **repository, struct error *err);
void repository_close(struct repository **repository);
/* Called after each commit, on the committer's thread, with no lock held, with the applications the commit
 * touched. */
typedef void repository_changed(void *context, const char *const *applications, size_t count);
void repository_on_change(struct repository *repository, repository_changed *changed, void *context);

struct view;
const struct view *repository_view(struct repository *repository);
void view_release(const struct view **view); /* for cleanup() too */
/* Records live as long as the view. By key; NULL when there is none. */
const void *view_find(const struct view *view, enum record_kind kind, const char *key);
size_t view_count(const struct view *view, enum record_kind kind);
const void *view_at(const struct view *view, enum record_kind kind, size_t index); /* sorted by key */

/* What else records are found by. A host that is deprovisioned is in none of these: its record only tells
 * what became of it. */
enum view_index {
    APPLICATIONS_OF_ACCOUNT,
    HOSTS_OF_APPLICATION,
    HOSTS_OF_ACCOUNT,
    HOST_OF_INSTANCE, /* by instance id */
    HOST_OF_KEY,      /* by tunnel key */
    NODES_OF_APPLICATION,
    NODE_OF_HOST,
    LOAD_BALANCERS_OF_APPLICATION,
    LOAD_BALANCERS_OF_ACCOUNT,
    VIEW_INDEXES,
};
/* The `nth` record, in the order of keys, that the index has under `of`; NULL when there are not so many. */
const void *view_of(const struct view *view, enum view_index index, const char *of, size_t nth);
size_t view_count_of(const struct view *view, enum view_index index, const char *of);

#define VIEW(name, repository) cleanup(view_release) const struct view *name = repository_view(repository)
/* view_each(view, RECORD_HOST, struct host, host) { ... } with `break` and `continue` as in any loop: the
 * inner loop runs once for each record and leaves `_more` false when it was left early. The view is taken
 * once, so that changing records of the transaction whose view it is changes nothing of the loop. */
#define view_each(view, kind, type, name)                                          \
    for (struct view_cursor name##_at = view_all((view), (kind)); name##_at.more;) \
        for (type const *name = view_next(&name##_at); name; name = NULL, name##_at.more = true)

/* The same for those that an index has under `of`: view_each_of(view, HOSTS_OF_ACCOUNT, id, struct host,
 * host). */
#define view_each_of(view, index, of, type, name)                                          \
    for (struct view_cursor name##_at = view_some((view), (index), (of)); name##_at.more;) \
        for (type const *name = view_next(&name##_at); name; name = NULL, name##_at.more = true)

/* Where such a loop is. */
struct view_cursor {
    const struct view *view;
    int kind, index; /* index -1: all of the kind */
    const char *of;
    size_t at;
    bool more;
};
struct view_cursor view_all(const struct view *view, enum record_kind kind);
struct view_cursor view_some(const struct view *view, enum view_index index, const char *of);
/* NULL at the end; sets `more` false, which the loop sets again when its body came to its end. */
const void *view_next(struct view_cursor *cursor);

struct transaction;
struct transaction *transaction_begin(struct repository *repository); /* waits for other writers */
void transaction_end(struct transaction **transaction); /* for cleanup(): drops what is not committed */
struct arena *transaction_arena(struct transaction *transaction);
/* Everything as this transaction has it now, its own changes included; take it again to see later ones. Lives
 * as long as the transaction. */
const struct view *transaction_view(struct transaction *transaction);
/* The record as this transaction has it now; lives as long as the transaction. */
const void *transaction_find(struct transaction *transaction, enum record_kind kind, const char *key);
void transaction_put(struct transaction *transaction, enum record_kind kind, const void *record); /* copied */
void transaction_remove(struct transaction *transaction, enum record_kind kind, const char *key);
/* Nothing changed is fine and writes nothing. On -1 nothing was changed. */
int transaction_commit(struct transaction **transaction, struct error *err);

#endif
