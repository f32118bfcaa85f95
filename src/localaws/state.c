#include "localaws/state.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "localaws/front/keys.h"
#include "localaws/resource/filing.h"
#include "localaws/state_file.h"

#include <malloc.h>
#include <string.h>
#include <time.h>

enum { SETTLE_MS = 200, RETRY_MS = 1000, BATCH_LARGEST = 1 << 30, MANY = 1000 };

/* Rows on their way to the file. Kept until they are written, so that a full disk loses nothing. */
struct batch {
    struct buffer texts;
    struct batch_row {
        struct state_row row; /* its text lies at `offset` of texts */
        size_t offset;
        bool document;
    } * rows;
    size_t count, room;
    int64_t *removed;
    size_t removed_count, removed_room;
};

struct state_saver {
    struct state_file *file; /* the thread's, once it runs */
    struct batch batch;
    pthread_t thread;
    bool running;
    pthread_mutex_t lock; /* protects `wanted` and `stopping`; taken after the region's */
    pthread_cond_t woken;
    bool wanted, stopping;
    size_t rows; /* the thread's: written since memory was last given back */
};

static struct batch_row *add_row(struct batch *batch, const char *account, const char *name)
{
    if (batch->count == batch->room) {
        batch->room = batch->room ? batch->room * 2 : 64;
        batch->rows = memory_resize(batch->rows, batch->room, sizeof *batch->rows);
    }
    struct batch_row *row = &batch->rows[batch->count++];
    *row = (struct batch_row){.row = {.account = account, .name = name}, .offset = batch->texts.length};
    return row;
}

#define KEY "access-key" /* the kind of their rows */

static void take_keys(struct region *region, struct batch *batch)
{
    size_t offset = batch->texts.length;
    const struct access_key *key;
    while ((key = key_unsaved(region, &batch->texts))) {
        struct batch_row *row = add_row(batch, key->caller.account->id, KEY);
        row->row.sequence = key->sequence;
        row->offset = offset;
        row->row.length = batch->texts.length - offset;
        offset = batch->texts.length;
    }
}

static void take_resources(struct region *region, struct batch *batch)
{
    struct resource *resource;
    int64_t removed;
    resources_file(region);
    while ((resource = resource_unsaved(region))) {
        struct batch_row *row = add_row(batch, resource->account->id, resource->kind->type);
        row->row.sequence = resource->sequence;
        record_append(resource->kind->record, resource, &batch->texts);
        row->row.length = batch->texts.length - row->offset;
    }
    while ((removed = resource_removed(region))) {
        if (batch->removed_count == batch->removed_room) {
            batch->removed_room = batch->removed_room ? batch->removed_room * 2 : 64;
            batch->removed = memory_resize(batch->removed, batch->removed_room, sizeof *batch->removed);
        }
        batch->removed[batch->removed_count++] = removed;
    }
}

/* FNV-1a: only against writing again what is there already. */
static uint64_t digest_of(const char *text)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 0x100000001b3u;
    return hash;
}

static void take_document(struct region *region, struct account *account, const struct module *module,
                          struct batch *batch)
{
    json_t *state = module->save(region, account);
    char *text = json_dumps(state, JSON_COMPACT);
    json_decref(state);
    if (!text) {
        log_error("state not saved: not valid JSON", "module", module->name, NULL);
        return;
    }
    uint64_t digest = digest_of(text);
    if (account->saved[module->slot] != digest) {
        struct batch_row *row = add_row(batch, account->id, module->name);
        row->document = true;
        row->row.length = strlen(text);
        buffer_text(&batch->texts, text);
        account->saved[module->slot] = digest;
    }
    explicit_bzero(text, strlen(text));
    free(text);
}

/* Under the region's lock what changed becomes text; the disk comes after it. */
static void take_changes(struct region *region, struct batch *batch)
{
    region_lock(region);
    cleanup(region_unlock) struct region *locked = region;
    take_keys(locked, batch);
    take_resources(locked, batch);
    for (size_t i = 0; i < region->module_count; i++) {
        const struct module *module = region->module_table[i];
        bool changed = region->changed_modules >> module->slot & 1;
        for (struct account *account = region->accounts; changed && module->save && account;
             account = account->next)
            take_document(region, account, module, batch);
    }
    region->changed_modules = 0;
}

static int write_rows(struct state_file *file, struct batch *batch, struct error *err)
{
    for (size_t i = 0; i < batch->count; i++) {
        struct batch_row *row = &batch->rows[i];
        row->row.text = batch->texts.data + row->offset;
        if ((row->document ? state_file_put_document : state_file_put_resource)(file, &row->row, err) < 0)
            return -1;
    }
    for (size_t i = 0; i < batch->removed_count; i++)
        if (state_file_remove_resource(file, batch->removed[i], err) < 0)
            return -1;
    return 0;
}

static void batch_clear(struct batch *batch)
{
    if (batch->texts.data)
        explicit_bzero(batch->texts.data, batch->texts.length);
    buffer_free(&batch->texts);
    memory_free(&batch->rows);
    memory_free(&batch->removed);
    *batch = (struct batch){.texts = buffer_new(BATCH_LARGEST)};
}

/* All that changed, in one transaction: what one call did is there whole or not at all. */
static int state_save(struct region *region, struct error *err)
{
    struct batch *batch = &region->saver->batch;
    struct state_file *file = region->saver->file;
    take_changes(region, batch);
    if (!batch->count && !batch->removed_count)
        return 0;
    if (state_file_begin(file, err) < 0)
        return -1;
    if (write_rows(file, batch, err) < 0 || state_file_commit(file, err) < 0) {
        state_file_rollback(file);
        return -1;
    }
    region->saver->rows += batch->count + batch->removed_count;
    batch_clear(batch);
    return 0;
}

static int account_for(struct region *region, const struct state_row *row, struct account **account,
                       struct error *err)
{
    if (strlen(row->account) != 12 || !text_only(row->account, "0-9"))
        return error_set(err, ERROR_INVALID, "an account without its 12 digits");
    *account = region_account(region, row->account);
    if (!*account)
        *account = region_account_create(region, row->account);
    return 0;
}

/* What is of a module or kind that there is no more is left alone. */
static int restore_document(void *context, const struct state_row *row, struct error *err)
{
    struct region *region = context;
    struct account *account;
    if (account_for(region, row, &account, err) < 0)
        return -1;
    for (size_t i = 0; i < region->module_count; i++) {
        const struct module *module = region->module_table[i];
        cleanup(arena_free) struct arena *arena = arena_new();
        json_t *state;
        if (!module->restore || !text_equal(module->name, row->name))
            continue;
        if (json_parse(arena, row->text, row->length, &state, err) < 0 ||
            module->restore(region, account, state, err) < 0)
            return error_context(err, "%s of account %s", row->name, row->account);
        account->saved[module->slot] = digest_of(row->text);
    }
    return 0;
}

static int restore_resource(void *context, const struct state_row *row, struct error *err)
{
    struct region *region = context;
    struct account *account;
    if (account_for(region, row, &account, err) < 0)
        return -1;
    if (text_equal(row->name, KEY))
        return key_restore(region, account, row->sequence, row->text, row->length, err);
    for (size_t i = 0; i < region->module_count; i++)
        for (const struct kind *const *kind = region->module_table[i]->kinds; kind && *kind; kind++)
            if (text_equal((*kind)->type, row->name) &&
                resource_restore(region, account, *kind, row->sequence, row->text, row->length, err) < 0)
                return error_context(err, "%s of account %s", row->name, row->account);
    return 0;
}

int state_restore(struct region *region, struct error *err)
{
    region_lock(region); /* what is restored is made true at once, and the plane calls back */
    cleanup(region_unlock) struct region *locked = region;
    (void)locked;
    struct state_saver *saver = memory_alloc(sizeof *saver);
    pthread_mutex_init(&saver->lock, NULL);
    pthread_cond_init(&saver->woken, NULL);
    batch_clear(&saver->batch);
    region->saver = saver;
    if (state_file_open(region->directory, region->name, &saver->file, err) < 0 ||
        state_file_documents(saver->file, restore_document, region, err) < 0 ||
        state_file_resources(saver->file, restore_resource, region, err) < 0)
        return error_context(err, "the saved state cannot be read");
    for (size_t i = 0; i < region->module_count; i++)
        if (region->module_table[i]->restored)
            region->module_table[i]->restored(region);
    return 0;
}

/* A rush of changes leaves holes everywhere in memory: they are given back when it is over. */
static void rest(struct state_saver *saver)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec++;
    if (saver->rows < MANY) {
        pthread_cond_wait(&saver->woken, &saver->lock);
    } else if (pthread_cond_timedwait(&saver->woken, &saver->lock, &until) != 0) {
        malloc_trim(0);
        saver->rows = 0;
    }
}

/* Waits until a save is wanted; false when it is time to end. */
static bool wait_until_wanted(struct state_saver *saver)
{
    pthread_mutex_lock(&saver->lock);
    while (!saver->wanted && !saver->stopping)
        rest(saver);
    bool more = !saver->stopping;
    pthread_mutex_unlock(&saver->lock);
    return more;
}

static void save_or_complain(struct region *region, int64_t *pause_ms)
{
    struct error err = {0};
    *pause_ms = SETTLE_MS;
    if (state_save(region, &err) == 0)
        return;
    log_error("state not saved", "error", err.message, NULL);
    *pause_ms = RETRY_MS;
    state_saver_wake(region->saver);
}

static void *save_changes(void *context)
{
    struct region *region = context;
    int64_t pause_ms = SETTLE_MS;
    pthread_setname_np(pthread_self(), "state");
    while (wait_until_wanted(region->saver)) {
        clock_sleep_ms(pause_ms);
        pthread_mutex_lock(&region->saver->lock);
        region->saver->wanted = false;
        pthread_mutex_unlock(&region->saver->lock);
        save_or_complain(region, &pause_ms);
    }
    return NULL;
}

int state_saver_start(struct region *region, struct error *err)
{
    if (pthread_create(&region->saver->thread, NULL, save_changes, region) != 0)
        return error_set(err, ERROR_UNAVAILABLE, "no thread to save the state");
    region->saver->running = true;
    state_saver_wake(region->saver);
    return 0;
}

void state_saver_wake(struct state_saver *saver)
{
    if (!saver)
        return;
    pthread_mutex_lock(&saver->lock);
    if (!saver->wanted)
        pthread_cond_signal(&saver->woken);
    saver->wanted = true;
    pthread_mutex_unlock(&saver->lock);
}

void state_saver_stop(struct region *region)
{
    struct state_saver *saver = region->saver;
    if (!saver)
        return;
    pthread_mutex_lock(&saver->lock);
    saver->stopping = true;
    pthread_cond_signal(&saver->woken);
    pthread_mutex_unlock(&saver->lock);
    if (saver->running) {
        int64_t pause_ms;
        pthread_join(saver->thread, NULL);
        save_or_complain(region, &pause_ms);
    }
    region->saver = NULL;
    state_file_close(&saver->file);
    batch_clear(&saver->batch);
    free(saver);
}
