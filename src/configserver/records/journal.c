#include "configserver/records/journal.h"

#include "base/log.h"
#include "base/record.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

#define LEADER  RECORDS_ROOT "/leader"
#define CHANGES RECORDS_ROOT "/changes"

enum { TRIES = 4, KEY_LONGEST = 512, OWN_OPERATIONS = 3 };

struct leader {
    const char *name;
};
static const struct field leader_fields[] = {
    FIELD_TEXT(struct leader, name, "name", REQUIRED, 255, NULL, "who leads"),
    FIELD_END,
};
static const struct record leader_record = {"leader", sizeof(struct leader), leader_fields};

/* A commit: with its keys as one of the last, without as the head. */
struct commit {
    int64_t sequence;
    const char *id;
    const char *const *keys;
    size_t key_count;
};
static const struct field commit_fields[] = {
    FIELD_INTEGER(struct commit, sequence, "sequence", REQUIRED, 0, 1e15, "rises by one with each commit"),
    FIELD_TEXT(struct commit, id, "commit", REQUIRED, 47, NULL, "no two commits ever tried have the same"),
    FIELD_LIST(struct commit, keys, key_count, "keys", OPTIONAL, 1e6, &text_record, "records it changed"),
    FIELD_END,
};
static const struct record commit_record = {"commit", sizeof(struct commit), commit_fields};

static char *slot_path(struct arena *arena, int64_t sequence)
{
    return arena_format(arena, CHANGES "/%lld", (long long)(sequence % JOURNAL_KEPT));
}

static int ensure(struct store *store, const char *path, const char *text, struct error *err)
{
    struct error trouble = {0};
    enum store_result result = store_create(store, path, text, strlen(text), 0, NULL, &trouble);
    if (result == STORE_OK || result == STORE_EXISTS)
        return 0;
    if (err)
        *err = trouble;
    return -1;
}

/* STORE_OK, or what the store says; a record that is none is an error of kind ERROR_INVALID. */
static enum store_result read_commit(struct journal *journal, struct arena *arena, const char *path,
                                     struct commit *commit, int32_t *version, struct error *err)
{
    char *text;
    size_t length;
    struct store_stat stat;
    enum store_result result = store_get(journal->store, arena, path, &text, &length, &stat, err);
    *commit = (struct commit){0};
    if (result != STORE_OK)
        return result;
    *version = stat.version;
    return record_parse(&commit_record, arena, text, length, commit, err) < 0 ? STORE_INVALID : STORE_OK;
}

int journal_open(struct journal *journal, struct store *store, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct commit head;
    *journal = (struct journal){.store = store};
    if (store_make_path(store, CHANGES, err) < 0 ||
        ensure(store, JOURNAL_HEAD, "{\"sequence\":0,\"commit\":\"0\"}", err) < 0 ||
        ensure(store, LEADER, "{\"name\":\"nobody\"}", err) < 0 ||
        read_commit(journal, arena, JOURNAL_HEAD, &head, &journal->head_version, err) != STORE_OK)
        return error_context(err, "the records' head");
    journal->sequence = head.sequence;
    return 0;
}

int journal_lead(struct journal *journal, const char *name, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct store_stat stat;
    char *value;
    size_t length;
    const struct leader leader = {name};
    const char *text = record_text(&leader_record, arena, &leader);
    journal->leads = false;
    if (store_sync(journal->store, LEADER, err) != STORE_OK ||
        store_get(journal->store, arena, LEADER, &value, &length, &stat, err) != STORE_OK ||
        store_set(journal->store, LEADER, text, strlen(text), stat.version, err) != STORE_OK)
        return error_context(err, "become the leader");
    journal->leads = true;
    journal->epoch = stat.version + 1;
    journal->attempts = 0;
    return 0;
}

int journal_confirm(struct journal *journal, struct error *err)
{
    struct store_stat stat;
    if (!journal->leads)
        return error_set(err, ERROR_UNAVAILABLE, "this config server does not lead the zone");
    if (store_sync(journal->store, LEADER, err) != STORE_OK ||
        store_exists(journal->store, LEADER, &stat, err) != STORE_OK)
        return error_context(err, "ask whether we lead");
    journal->leads = stat.version == journal->epoch;
    return journal->leads ? 0 : error_set(err, ERROR_UNAVAILABLE, "another config server leads now");
}

static void next_id(struct journal *journal)
{
    snprintf(journal->id, sizeof journal->id, "%d.%lld", journal->epoch, (long long)++journal->attempts);
}

static struct store_operation set_operation(struct arena *arena, const char *path, int32_t version,
                                            const struct commit *commit)
{
    const char *text = record_text(&commit_record, arena, commit);
    return (struct store_operation){
        .kind = STORE_SET, .path = path, .value = text, .length = strlen(text), .version = version};
}

/* What the first two of each write are: nobody else leads, and nobody wrote since. */
static void guard(struct journal *journal, struct arena *arena, int64_t sequence,
                  struct store_operation operations[2])
{
    const struct commit head = {sequence, journal->id, NULL, 0};
    operations[0] = (struct store_operation){.kind = STORE_CHECK, .path = LEADER, .version = journal->epoch};
    operations[1] = set_operation(arena, JOURNAL_HEAD, journal->head_version, &head);
}

static enum journal_outcome refused(struct journal *journal, size_t failed, struct error *err)
{
    if (failed < 2) {
        journal->leads = false;
        error_set(err, ERROR_UNAVAILABLE, "%s",
                  failed == 0 ? "another config server leads now"
                              : "the records were changed by somebody else than their leader");
    }
    return JOURNAL_REFUSED;
}

enum journal_outcome journal_write(struct journal *journal, const struct store_operation *operations,
                                   size_t count, const char *const *keys, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct store_operation *all = arena_alloc(arena, (count + OWN_OPERATIONS) * sizeof *all);
    const int64_t sequence = journal->sequence + 1;
    size_t failed = OWN_OPERATIONS;
    next_id(journal);
    const struct commit commit = {sequence, journal->id, keys, count};
    guard(journal, arena, sequence, all);
    all[2] = set_operation(arena, slot_path(arena, sequence), STORE_ANY_VERSION, &commit);
    if (sequence <= JOURNAL_KEPT) /* the first time around */
        all[2].kind = STORE_CREATE;
    memcpy(all + OWN_OPERATIONS, operations, count * sizeof *all);
    enum store_result result = store_multi(journal->store, all, count + OWN_OPERATIONS, &failed, err);
    if (result == STORE_LOST)
        return journal_resolve(journal, err);
    if (result != STORE_OK)
        return refused(journal, result == STORE_INVALID ? OWN_OPERATIONS : failed, err);
    journal->sequence = sequence;
    journal->head_version++;
    return JOURNAL_WRITTEN;
}

/* Whether the commit that moved the head past ours was ours: its keys are still remembered, or nobody can
 * say. */
static enum journal_outcome read_outcome(struct journal *journal, struct arena *arena,
                                         const struct commit *head, int32_t head_version, struct error *err)
{
    struct commit ours;
    int32_t version;
    enum store_result result =
        read_commit(journal, arena, slot_path(arena, journal->sequence + 1), &ours, &version, err);
    if (result == STORE_LOST)
        return JOURNAL_UNKNOWN;
    bool written =
        result == STORE_OK && ours.sequence == journal->sequence + 1 && text_equal(ours.id, journal->id);
    bool newest = head->sequence == journal->sequence + 1;
    journal->leads = journal->leads && written && newest; /* else others wrote, which is read as a follower */
    if (!written) {
        error_set(err, ERROR_UNAVAILABLE, "another config server leads now");
        return JOURNAL_REFUSED;
    }
    journal->sequence++;
    journal->head_version = head_version;
    return JOURNAL_WRITTEN;
}

/* The write may still be on its way. Moving the head ourselves, with nothing in it, makes sure that it never
 * arrives; when that is refused, it arrived before or somebody else leads, which the next look tells. */
static enum store_result fence(struct journal *journal, struct arena *arena, size_t *failed,
                               struct error *err)
{
    struct store_operation operations[2];
    char id[sizeof journal->id];
    memcpy(id, journal->id, sizeof id);
    next_id(journal);
    guard(journal, arena, journal->sequence, operations);
    memcpy(journal->id, id, sizeof id);
    return store_multi(journal->store, operations, 2, failed, err);
}

enum journal_outcome journal_resolve(struct journal *journal, struct error *err)
{
    for (int i = 0; i < TRIES; i++) {
        cleanup(arena_free) struct arena *arena = arena_new();
        struct commit head;
        int32_t version;
        if (store_sync(journal->store, JOURNAL_HEAD, err) != STORE_OK ||
            read_commit(journal, arena, JOURNAL_HEAD, &head, &version, err) != STORE_OK)
            break;
        if (head.sequence > journal->sequence)
            return read_outcome(journal, arena, &head, version, err);
        size_t failed = 2;
        if (version == journal->head_version) {
            enum store_result result = fence(journal, arena, &failed, err);
            if (result == STORE_LOST)
                break;
            if (result != STORE_OK && failed != 0)
                continue; /* the head moved between our look and our fence */
            journal->leads = journal->leads && result == STORE_OK;
            version += result == STORE_OK;
            if (result != STORE_OK && i == 0)
                continue; /* deposed: once more, whether it arrived before that */
        }
        journal->head_version = version; /* moved without a commit: fenced, by us or who leads now */
        error_set(err, ERROR_UNAVAILABLE, "the store did not take the change: try again");
        return JOURNAL_REFUSED;
    }
    error_set(err, ERROR_UNAVAILABLE,
              "the store does not answer: whether it took the change is not known yet");
    return JOURNAL_UNKNOWN;
}

static void add_keys(struct arena *arena, const struct commit *commit, char ***keys, size_t *count)
{
    char **longer = arena_alloc(arena, (*count + commit->key_count) * sizeof *longer);
    if (*count > 0)
        memcpy(longer, *keys, *count * sizeof *longer);
    for (size_t i = 0; i < commit->key_count; i++)
        longer[(*count)++] = (char *)commit->keys[i];
    *keys = longer;
}

int journal_advance(struct journal *journal, struct arena *arena, char ***keys, size_t *count, bool *all,
                    struct error *err)
{
    struct commit head;
    *count = 0;
    *all = false;
    if (read_commit(journal, arena, JOURNAL_HEAD, &head, &journal->head_version, err) != STORE_OK)
        return error_context(err, "the records' head");
    *all = head.sequence < journal->sequence || head.sequence - journal->sequence >= JOURNAL_KEPT;
    for (int64_t sequence = journal->sequence + 1; !*all && sequence <= head.sequence; sequence++) {
        struct commit commit;
        int32_t version;
        enum store_result result =
            read_commit(journal, arena, slot_path(arena, sequence), &commit, &version, err);
        if (result == STORE_LOST)
            return error_context(err, "the records' changes");
        *all = result != STORE_OK || commit.sequence != sequence; /* overwritten while we read */
        if (!*all)
            add_keys(arena, &commit, keys, count);
    }
    journal->sequence = head.sequence;
    return 0;
}
