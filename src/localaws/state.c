#include "localaws/state.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"

#include <string.h>

enum { STATE_VERSION = 1, STATE_LARGEST = 512 << 20, SETTLE_MS = 200 };

struct state_saver {
    pthread_t thread;
    pthread_mutex_t lock; /* protects `wanted` and `stopping`; taken after the region's */
    pthread_cond_t woken;
    bool wanted, stopping;
};

static char *state_path(struct arena *arena, const struct region *region)
{
    return arena_format(arena, "%s/state.json", region->directory);
}

static json_t *account_state(struct region *region, struct account *account)
{
    json_t *state = json_object();
    for (size_t i = 0; i < region->module_count; i++) {
        const struct module *module = region->module_table[i];
        json_object_set_new(state, module->name, module->save(region, account));
    }
    return state;
}

static json_t *region_state(struct region *region)
{
    json_t *accounts = json_array();
    for (struct account *account = region->accounts; account; account = account->next)
        json_array_append_new(
            accounts, json_pack("{s:s, s:o}", "id", account->id, "modules", account_state(region, account)));
    return json_pack("{s:i, s:s, s:o}", "version", STATE_VERSION, "region", region->name, "accounts",
                     accounts);
}

/* Under the lock the tables become JSON; text and disk come after it. */
static int state_save(struct region *region, struct error *err)
{
    region_lock(region);
    json_t *state = region_state(region);
    pthread_mutex_unlock(&region->lock);

    cleanup(arena_free) struct arena *arena = arena_new();
    char *text = json_dumps(state, JSON_COMPACT);
    json_decref(state);
    if (!text)
        return error_set(err, ERROR_INTERNAL, "the state is not valid JSON");
    int result = file_write(state_path(arena, region), text, strlen(text), 0600, err);
    explicit_bzero(text, strlen(text));
    free(text);
    return result;
}

static int restore_account(struct region *region, json_t *entry, struct error *err)
{
    const char *id = json_member_text(entry, "id");
    if (!id || strlen(id) != 12 || !text_only(id, "0-9"))
        return error_set(err, ERROR_INVALID, "an account without its 12 digits");
    struct account *account = region_account(region, id);
    if (!account)
        account = region_account_create(region, id);
    for (size_t i = 0; i < region->module_count; i++) {
        const struct module *module = region->module_table[i];
        json_t *state = json_object_get(json_object_get(entry, "modules"), module->name);
        if (state && module->restore(region, account, state, err) < 0)
            return error_context(err, "%s of account %s", module->name, id);
    }
    return 0;
}

int state_restore(struct region *region, struct error *err)
{
    region_lock(region); /* what is restored is made true at once, and the plane calls back */
    cleanup(region_unlock) struct region *locked = region;
    (void)locked;
    cleanup(arena_free) struct arena *arena = arena_new();
    const char *path = state_path(arena, region);
    if (!file_exists(path))
        return 0;
    char *text;
    size_t length;
    json_t *state;
    if (file_read(arena, path, STATE_LARGEST, &text, &length, err) < 0 ||
        json_parse(arena, text, length, &state, err) < 0)
        return error_context(err, "the saved state cannot be read");
    if (json_integer_value(json_object_get(state, "version")) != STATE_VERSION ||
        !text_equal(json_member_text(state, "region"), region->name))
        return error_set(err, ERROR_INVALID, "%s is of another version or region; remove it to begin anew",
                         path);

    size_t index;
    json_t *entry;
    json_array_foreach(json_object_get(state, "accounts"), index, entry) {
        if (restore_account(region, entry, err) < 0)
            return error_context(err, "%s", path);
    }
    for (size_t i = 0; i < region->module_count; i++)
        if (region->module_table[i]->restored)
            region->module_table[i]->restored(region);
    return 0;
}

/* Waits until a save is wanted; false when it is time to end. */
static bool wait_until_wanted(struct state_saver *saver)
{
    pthread_mutex_lock(&saver->lock);
    while (!saver->wanted && !saver->stopping)
        pthread_cond_wait(&saver->woken, &saver->lock);
    saver->wanted = false;
    bool more = !saver->stopping;
    pthread_mutex_unlock(&saver->lock);
    return more;
}

static void *save_changes(void *context)
{
    struct region *region = context;
    int64_t settle_ms = SETTLE_MS;
    while (wait_until_wanted(region->saver)) {
        clock_sleep_ms(settle_ms);
        int64_t begin = clock_monotonic_ms();
        struct error err = {0};
        if (state_save(region, &err) < 0)
            log_error("state not saved", "error", err.message, NULL);
        /* A big state is written less often: saving takes at most a tenth of the time. */
        int64_t took = clock_monotonic_ms() - begin;
        settle_ms = took * 9 > SETTLE_MS ? took * 9 : SETTLE_MS;
    }
    return NULL;
}

int state_saver_start(struct region *region, struct error *err)
{
    struct state_saver *saver = memory_alloc(sizeof *saver);
    pthread_mutex_init(&saver->lock, NULL);
    pthread_cond_init(&saver->woken, NULL);
    region->saver = saver;
    if (pthread_create(&saver->thread, NULL, save_changes, region) == 0)
        return 0;
    region->saver = NULL;
    free(saver);
    return error_set(err, ERROR_UNAVAILABLE, "no thread to save the state");
}

void state_saver_wake(struct state_saver *saver)
{
    if (!saver)
        return;
    pthread_mutex_lock(&saver->lock);
    saver->wanted = true;
    pthread_cond_signal(&saver->woken);
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
    pthread_join(saver->thread, NULL);
    region->saver = NULL;
    free(saver);

    struct error err = {0};
    if (state_save(region, &err) < 0)
        log_error("state not saved", "error", err.message, NULL);
}
