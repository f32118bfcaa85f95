/* The zone's records in memory and in the store. Readers take a view: an immutable state of everything, had
 * without waiting for any I/O. Writers, one at a time, make a transaction on top of the newest view; it is
 * first written to the store, all or nothing, and then becomes the newest view. Transactions that come while
 * one is being written are made meanwhile and written together. Views never show what the store does not
 * have. Of several config servers with one store each has a repository; one leads and writes, the others
 * follow. */
#ifndef CONFIGSERVER_REPOSITORY_H
#define CONFIGSERVER_REPOSITORY_H

#include "configserver/records/view.h"
#include "store/store.h"

struct repository;

/* Reads everything there is, and follows; the store must outlive the repository. */
int repository_open(struct store *store, struct repository **repository, struct error *err);
void repository_close(struct repository **repository);

/* Makes this server the leader, under that name, whoever led before: from now on the others' writes fail. The
 * newest view then has all they wrote. */
int repository_lead(struct repository *repository, const char *name, struct error *err);
/* Asks the store whether it leads still, since another may that we have not heard of: before the cloud is
 * told to undo what our records do not have, and nothing is written first. On -1 it does not, or nobody can
 * say. */
int repository_confirm(struct repository *repository, struct error *err);
void repository_follow(struct repository *repository); /* writes no more */
bool repository_leads(struct repository *repository);
int64_t repository_epoch(struct repository *repository); /* of the last time it led; rises with each leader */
/* Of the newest commit that views have, at least; the same number for every config server of the zone. */
int64_t repository_sequence(struct repository *repository);
/* What the leader wrote since becomes the newest view; a leader has nothing to catch up with. */
int repository_catch_up(struct repository *repository, struct error *err);
/* In the store, and changes with every commit: for who follows, to watch. */
#define REPOSITORY_HEAD "/enclave/v1/head"

/* Of what a commit, or what was caught up with, touches; each once. */
struct touched {
    const char *const *applications; /* of the records, as they were and as they are */
    const char *const *accounts;     /* likewise, and those of the applications */
    const char *const *hosts;        /* whose record or whose node's changed */
    const char *const *reshaped;     /* applications, when it concerns their other hosts, too */
    size_t application_count, account_count, host_count, reshaped_count;
    bool late; /* whether it was written was not known for a while, and nobody saw it */
};
/* Called after each commit, on the committer's thread, with no lock held. */
typedef void repository_changed(void *context, const struct touched *touched);
void repository_on_change(struct repository *repository, repository_changed *changed, void *context);

const struct view *repository_view(struct repository *repository);
#define VIEW(name, repository) cleanup(view_release) const struct view *name = repository_view(repository)

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
/* Nothing changed is fine and writes nothing. On -1 nothing was changed; or, when the store does not answer
 * (ERROR_UNAVAILABLE), it is not known yet: then nothing else is written until it is, and a later view shows
 * it. */
int transaction_commit(struct transaction **transaction, struct error *err);

#endif
