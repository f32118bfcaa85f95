/* How repository, transactions and their writing share what they share. Used inside records/ only. */
#ifndef CONFIGSERVER_REPOSITORY_PARTS_H
#define CONFIGSERVER_REPOSITORY_PARTS_H

#include "configserver/records/journal.h"
#include "configserver/records/repository.h"
#include "configserver/records/view_parts.h"

#include <pthread.h>

struct change {
    enum record_kind kind;
    const char *key;
    const char *text;    /* NULL: removed */
    struct entry *entry; /* NULL: removed */
};

struct transaction {
    struct repository *repository;
    struct arena *arena;
    const struct view *base;  /* at its beginning */
    struct view *next;        /* with its changes; NULL: has none */
    const struct view *shown; /* a copy of `next` that was given away; NULL: not since the last change */
    struct change *changes;   /* in the order they were made; a key may come twice */
    size_t count, capacity, bytes;
    uint64_t dropped; /* the repository's, at its beginning */
    bool writing;     /* has the right to make changes, which the repository's `writer` is */
    /* While it waits to be written: under the repository's lock. */
    struct transaction *later;
    bool done;
    int result;
    struct error err;
};

/* A write of which nobody knows whether the store took it. */
struct unknown {
    const struct view *view; /* the newest, if it did */
    struct arena *arena;
    struct touched touched;
};

struct repository {
    struct store *store;
    pthread_mutex_t writer; /* one transaction is made at a time; not held while it is written */
    pthread_mutex_t lock;   /* everything below but what is said; never held across I/O */
    pthread_cond_t written;
    const struct view *current;          /* as stored */
    const struct view *tip;              /* that, with what waits to be written: what the next is made on */
    struct transaction *waiting, **last; /* to be written, oldest first */
    uint64_t dropped; /* how often what waited was dropped: what was made on top of it is void */
    bool busy;        /* somebody writes: the journal and `unknown` are his alone, without the lock */
    bool leads;
    int64_t epoch, sequence;
    struct journal journal;
    struct unknown *unknown;
    repository_changed *changed;
    void *context;
};

/* The right to the journal; waits for whoever has it. */
void repository_claim(struct repository *repository);
void repository_unclaim(struct repository *repository);
/* Makes it the newest view (taking the reference over) and drops what waits. Of who has the claim. */
void repository_show(struct repository *repository, const struct view *view);
/* Tries to learn what became of a write of unknown outcome, if there is one. Of who has the claim. */
int repository_resolve(struct repository *repository, struct error *err);

/* Stored, and then shown; 0, or -1 with the reason in the transaction. Called without any lock. */
int transaction_write(struct transaction *transaction);

/* Whom it concerns: these transactions, one after the other; these keys from one view to another; everything
 * there is in either view. */
struct touched touched_by(struct arena *arena, const struct transaction *first);
struct touched touched_by_changes(struct arena *arena, const struct view *before, const struct view *after,
                                  const struct change *changes, size_t count);
struct touched touched_by_all(struct arena *arena, const struct view *before, const struct view *after);

#endif
