/* What stands beside the records in the store, so that one config server at a time writes and the others can
 * follow: the leader's record, whose version is the epoch; the head, which every commit moves on; and, for
 * each of the last commits, which records it changed. A commit checks the epoch and moves the head in the
 * same multi, so the write of a leader that was deposed fails whenever it arrives. One thread at a time uses
 * a journal. Used inside records/ only. */
#ifndef CONFIGSERVER_JOURNAL_H
#define CONFIGSERVER_JOURNAL_H

#include "store/store.h"

#define RECORDS_ROOT "/enclave/v1"
#define JOURNAL_HEAD RECORDS_ROOT "/head"

enum { JOURNAL_KEPT = 1024 }; /* commits whose keys are remembered; who is further behind reads everything */

struct journal {
    struct store *store;
    bool leads;
    int32_t epoch;        /* while it leads */
    int64_t sequence;     /* of the last commit that we know */
    int32_t head_version; /* of its record, which moves with each commit */
    int64_t attempts;     /* in this epoch: with it, the id of each */
    char id[48];          /* of the commit tried last */
};

enum journal_outcome {
    JOURNAL_WRITTEN,
    JOURNAL_REFUSED, /* nothing is changed */
    JOURNAL_UNKNOWN, /* until journal_resolve says one of the others; nothing else is written before */
};

/* Makes its records when they are not there; reads where it is. */
int journal_open(struct journal *journal, struct store *store, struct error *err);
int journal_lead(struct journal *journal, const char *name, struct error *err);

/* Asks the store whether it leads still. On -1 it does not, or nobody can say. */
int journal_confirm(struct journal *journal, struct error *err);

/* Which operations, and the records' keys ("hosts/h1") for those who follow. On anything but JOURNAL_WRITTEN
 * `err` says why; it may lead no more. */
enum journal_outcome journal_write(struct journal *journal, const struct store_operation *operations,
                                   size_t count, const char *const *keys, struct error *err);
enum journal_outcome journal_resolve(struct journal *journal, struct error *err);

/* The keys changed since `journal->sequence`, which then is the newest; `*all`: too much was missed, read
 * everything. May name a key twice. */
int journal_advance(struct journal *journal, struct arena *arena, char ***keys, size_t *count, bool *all,
                    struct error *err);

#endif
