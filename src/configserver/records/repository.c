/* Opening, leading and following. */
#include "base/text.h"
#include "configserver/records/repository_parts.h"

#include <string.h>

enum { ROUNDS_MOST = 8 }; /* of catching up with a leader that goes on writing */

const struct view *repository_view(struct repository *repository)
{
    pthread_mutex_lock(&repository->lock);
    const struct view *view = view_hold(repository->current);
    pthread_mutex_unlock(&repository->lock);
    return view;
}

void repository_on_change(struct repository *repository, repository_changed *changed, void *context)
{
    repository->changed = changed;
    repository->context = context;
}

bool repository_leads(struct repository *repository)
{
    pthread_mutex_lock(&repository->lock);
    bool leads = repository->leads;
    pthread_mutex_unlock(&repository->lock);
    return leads;
}

int64_t repository_epoch(struct repository *repository)
{
    pthread_mutex_lock(&repository->lock);
    int64_t epoch = repository->epoch;
    pthread_mutex_unlock(&repository->lock);
    return epoch;
}

int64_t repository_sequence(struct repository *repository)
{
    pthread_mutex_lock(&repository->lock);
    int64_t sequence = repository->sequence;
    pthread_mutex_unlock(&repository->lock);
    return sequence;
}

void repository_claim(struct repository *repository)
{
    pthread_mutex_lock(&repository->lock);
    while (repository->busy)
        pthread_cond_wait(&repository->written, &repository->lock);
    repository->busy = true;
    pthread_mutex_unlock(&repository->lock);
}

void repository_unclaim(struct repository *repository)
{
    pthread_mutex_lock(&repository->lock);
    repository->busy = false;
    repository->leads = repository->journal.leads;
    repository->epoch = repository->journal.epoch;
    repository->sequence = repository->journal.sequence; /* what it stands for is shown already */
    pthread_cond_broadcast(&repository->written);
    pthread_mutex_unlock(&repository->lock);
}

static void tell(struct repository *repository, const struct touched *touched)
{
    if (repository->changed)
        repository->changed(repository->context, touched);
}

static void forget_unknown(struct repository *repository)
{
    pthread_mutex_lock(&repository->lock);
    struct unknown *unknown = take(&repository->unknown);
    pthread_mutex_unlock(&repository->lock);
    if (!unknown)
        return;
    view_release(&unknown->view);
    arena_free(&unknown->arena);
    free(unknown);
}

int repository_resolve(struct repository *repository, struct error *err)
{
    struct error trouble = {0};
    struct unknown *unknown = repository->unknown;
    if (!unknown)
        return 0;
    enum journal_outcome outcome = journal_resolve(&repository->journal, &trouble);
    if (outcome == JOURNAL_UNKNOWN) {
        if (err)
            *err = trouble;
        return -1;
    }
    if (outcome == JOURNAL_WRITTEN) {
        repository_show(repository, view_hold(unknown->view));
        unknown->touched.late = true;
        tell(repository, &unknown->touched);
    }
    forget_unknown(repository);
    return 0;
}

static int read_record(struct store *store, const char *key, enum record_kind kind, struct view *view,
                       struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    char *path = arena_format(arena, RECORDS_ROOT "/%s/%s", record_kind_folder(kind), key), *text;
    size_t length;
    struct store_stat stat;
    enum store_result result = store_get(store, arena, path, &text, &length, &stat, err);
    if (result == STORE_NONODE) {
        view_remove(view, kind, key);
        return 0;
    }
    if (result != STORE_OK)
        return -1;
    struct entry *entry = entry_parse(kind, text, length, stat.version, err);
    if (!entry)
        return error_context(err, "stored record %s", path);
    view_put(view, entry);
    entry_drop(entry);
    return 0;
}

static int read_kind(struct store *store, enum record_kind kind, struct view *view, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    char *folder = arena_format(arena, RECORDS_ROOT "/%s", record_kind_folder(kind));
    char **names;
    size_t count;
    if (store_make_path(store, folder, err) < 0 ||
        store_children(store, arena, folder, &names, &count, err) != STORE_OK)
        return -1;
    for (size_t i = 0; i < count; i++)
        if (read_record(store, names[i], kind, view, err) < 0)
            return -1;
    return 0;
}

static int read_all(struct repository *repository, const struct view **view, struct error *err)
{
    struct view *read = view_new();
    *view = read;
    for (enum record_kind kind = 0; kind < RECORD_KINDS; kind++)
        if (read_kind(repository->store, kind, read, err) < 0)
            return -1;
    return 0;
}

/* What a follower learned: from one view to the next by these changes, or by reading everything. */
struct news {
    struct arena *arena;
    const struct view *view;
    struct change *changes;
    size_t count;
    bool all;
};

/* "hosts/h1" */
static int split_key(const char *text, struct change *change, struct error *err)
{
    const char *slash = strchr(text, '/');
    for (enum record_kind kind = 0; slash && kind < RECORD_KINDS; kind++) {
        const char *folder = record_kind_folder(kind);
        if (strlen(folder) == (size_t)(slash - text) && text_starts(text, folder)) {
            *change = (struct change){.kind = kind, .key = slash + 1};
            return 0;
        }
    }
    return error_set(err, ERROR_INTERNAL,
                     "changed record '%.80s' is of a kind that this server does not know", text);
}

/* What was changed since the journal's sequence, once around; `*more` when there was anything. Records may be
 * newer than the sequence says, since the leader goes on writing: then they are read again the next time
 * around. */
static int read_news(struct repository *repository, struct news *news, bool *more, struct error *err)
{
    char **keys;
    size_t count;
    bool all;
    if (journal_advance(&repository->journal, news->arena, &keys, &count, &all, err) < 0)
        return -1;
    *more = all || count > 0;
    news->all = news->all || all;
    if (all) {
        view_release(&news->view);
        return read_all(repository, &news->view, err);
    }
    if (count == 0)
        return 0;
    struct view *next = view_copy(news->view);
    view_release(&news->view);
    news->view = next;
    struct change *changes = arena_alloc(news->arena, (news->count + count) * sizeof *changes);
    if (news->count > 0)
        memcpy(changes, news->changes, news->count * sizeof *changes);
    news->changes = changes;
    for (size_t i = 0; i < count; i++) {
        struct change *change = &news->changes[news->count++];
        if (split_key(keys[i], change, err) < 0 ||
            read_record(repository->store, change->key, change->kind, next, err) < 0)
            return -1;
    }
    return 0;
}

/* After many rounds a follower takes what it has: it only shows it, and the next time makes it whole. Whoever
 * leads has stopped the writing first. */
static int read_until_quiet(struct repository *repository, struct news *news, struct error *err)
{
    bool more = true;
    for (int round = 0; round < ROUNDS_MOST && more; round++)
        if (read_news(repository, news, &more, err) < 0)
            return -1;
    return 0;
}

/* Of who has the claim. */
static int catch_up(struct repository *repository, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    VIEW(before, repository);
    const struct journal was = repository->journal;
    struct news news = {.arena = arena, .view = view_hold(before)};
    int result = read_until_quiet(repository, &news, err);
    if (result < 0) { /* what was read so far is not shown: it will be read again */
        repository->journal.sequence = was.sequence;
        repository->journal.head_version = was.head_version;
    } else if (news.all || news.count > 0) {
        repository_show(repository, view_hold(news.view));
        const struct touched touched =
            news.all ? touched_by_all(arena, before, news.view)
                     : touched_by_changes(arena, before, news.view, news.changes, news.count);
        tell(repository, &touched);
    }
    view_release(&news.view);
    return result;
}

int repository_catch_up(struct repository *repository, struct error *err)
{
    int result = 0;
    repository_claim(repository);
    if (!repository->journal.leads) {
        forget_unknown(repository); /* if it was written it is among what others wrote */
        result = catch_up(repository, err);
    }
    repository_unclaim(repository);
    return result;
}

int repository_lead(struct repository *repository, const char *name, struct error *err)
{
    pthread_mutex_lock(&repository->writer);
    repository_claim(repository);
    int result = journal_lead(&repository->journal, name, err);
    if (result == 0) { /* nothing written before can arrive any more */
        forget_unknown(repository);
        result = catch_up(repository, err);
        repository->journal.leads = result == 0;
    }
    repository_unclaim(repository);
    pthread_mutex_unlock(&repository->writer);
    return result;
}

int repository_confirm(struct repository *repository, struct error *err)
{
    repository_claim(repository);
    int result = journal_confirm(&repository->journal, err);
    repository_unclaim(repository);
    return result;
}

void repository_follow(struct repository *repository)
{
    repository_claim(repository);
    repository->journal.leads = false;
    repository_unclaim(repository);
}

int repository_open(struct store *store, struct repository **repository, struct error *err)
{
    struct repository *opened = memory_alloc(sizeof *opened);
    opened->store = store;
    opened->last = &opened->waiting;
    pthread_mutex_init(&opened->writer, NULL);
    pthread_mutex_init(&opened->lock, NULL);
    pthread_cond_init(&opened->written, NULL);
    opened->current = view_new();
    opened->tip = view_hold(opened->current);
    const struct view *all = NULL;
    if (journal_open(&opened->journal, store, err) < 0 || read_all(opened, &all, err) < 0) {
        view_release(&all);
        repository_close(&opened);
        return -1;
    }
    repository_show(opened, all);
    if (repository_catch_up(opened, err) < 0) { /* what was written while we read */
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
    forget_unknown(old);
    view_release(&old->current);
    view_release(&old->tip);
    pthread_mutex_destroy(&old->writer);
    pthread_mutex_destroy(&old->lock);
    pthread_cond_destroy(&old->written);
    free(old);
}
