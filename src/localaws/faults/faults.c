/* The rules themselves: given, shown, taken back, kept over a restart. */
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "localaws/faults/rules.h"
#include "localaws/plane/plane.h"
#include "localaws/resource/copy.h"

#include <string.h>

enum { FILE_LARGEST = 16 << 20 };

struct faults *faults_lock(struct region *region)
{
    struct faults *faults = region->faults;
    if (!faults || !atomic_load_explicit(&faults->present, memory_order_relaxed))
        return NULL;
    pthread_mutex_lock(&faults->lock);
    return faults;
}

void faults_unlock(struct faults **faults)
{
    if (*faults)
        pthread_mutex_unlock(&(*faults)->lock);
}

static void fault_free(struct fault *fault)
{
    buckets_free(&fault->buckets);
    record_release(&fault_record, fault);
    free(fault);
}

static json_t *rules_json(const struct faults *faults)
{
    json_t *list = json_array();
    for (size_t i = 0; i < faults->count; i++)
        json_array_append_new(list, record_write(&fault_record, faults->rules[i]));
    return list;
}

/* The lock is held: rules change seldom, and a change is on disk before it is answered. */
static void save(struct faults *faults)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct error err = {0};
    json_t *state =
        json_pack("{s:I, s:o}", "next", (json_int_t)faults->next_id, "faults", rules_json(faults));
    char *text = json_pretty(arena, state);
    json_decref(state);
    if (file_write(faults->path, text, strlen(text), 0600, &err) < 0)
        log_error("faults not saved", "error", err.message, NULL);
}

static int cut(struct region *region, const struct fault *fault, bool wanted, struct error *err)
{
    if (fault->kind != FAULT_CUT)
        return 0;
    if (!region->plane)
        return error_set(err, ERROR_CONFLICT, "without networks there is nothing to cut");
    return plane_set_cut(region->plane, fault->from, fault->to, wanted, err);
}

static struct fault *keep(struct faults *faults, const struct fault *draft)
{
    struct fault *fault = memory_alloc(sizeof *fault);
    *fault = *draft;
    record_own(&fault_record, fault);
    if (fault->kind == FAULT_TOKEN_BUCKET)
        fault->buckets = buckets_new(fault->bucket, fault->refill);
    faults->rules[faults->count++] = fault;
    atomic_store(&faults->present, faults->count);
    return fault;
}

static int read_fault(struct arena *arena, json_t *json, struct fault *draft, struct error *err)
{
    *draft = (struct fault){.probability = 1, .seed = 1};
    if (!json_is_object(json))
        return error_set(err, ERROR_INVALID, "a fault is a JSON object");
    return record_read(&fault_record, arena, json, draft, err) < 0 ? -1 : fault_check(draft, err);
}

int faults_add(struct region *region, json_t *json, json_t **added, struct error *err)
{
    struct faults *faults = region->faults;
    cleanup(arena_free) struct arena *arena = arena_new();
    struct fault draft;
    if (read_fault(arena, json, &draft, err) < 0 || cut(region, &draft, true, err) < 0)
        return -1;
    pthread_mutex_lock(&faults->lock);
    cleanup(faults_unlock) struct faults *locked = faults;
    if (locked->count == FAULTS_MOST)
        return error_set(err, ERROR_CONFLICT, "there are %d faults already", FAULTS_MOST);
    draft.id = arena_format(arena, "f-%lld", (long long)++locked->next_id);
    draft.matched = draft.fired = 0;
    *added = record_write(&fault_record, keep(locked, &draft));
    save(locked);
    return 0;
}

json_t *faults_list(struct region *region)
{
    pthread_mutex_lock(&region->faults->lock);
    json_t *list = rules_json(region->faults);
    pthread_mutex_unlock(&region->faults->lock);
    return list;
}

/* Out of the list; NULL when there is no such rule. The caller frees it. */
static struct fault *take_out(struct faults *faults, const char *id)
{
    pthread_mutex_lock(&faults->lock);
    cleanup(faults_unlock) struct faults *locked = faults;
    size_t at = 0;
    while (at < locked->count && id && !text_equal(locked->rules[at]->id, id))
        at++;
    if (at == locked->count)
        return NULL;
    struct fault *fault = locked->rules[at];
    memmove(&locked->rules[at], &locked->rules[at + 1], (--locked->count - at) * sizeof(struct fault *));
    atomic_store(&locked->present, locked->count);
    save(locked);
    return fault;
}

static void undo(struct region *region, struct fault *fault)
{
    struct error err = {0};
    if (cut(region, fault, false, &err) < 0)
        log_warning("a cut stays", "fault", fault->id, "error", err.message, NULL);
    cleanup(faults_unlock) struct faults *faults = faults_lock(region);
    for (size_t i = 0; fault->kind == FAULT_CUT && faults && i < faults->count; i++)
        cut(region, faults->rules[i], true, &err); /* another rule may cut the same */
    fault_free(fault);
}

int faults_remove(struct region *region, const char *id, struct error *err)
{
    struct fault *fault = take_out(region->faults, id);
    if (!fault)
        return error_set(err, ERROR_NOT_FOUND, "there is no fault %s", id);
    undo(region, fault);
    return 0;
}

void faults_clear(struct region *region)
{
    struct fault *fault;
    while ((fault = take_out(region->faults, NULL)))
        undo(region, fault);
}

/* What was saved by ourselves, and perhaps edited since: a rule that is not understood is an error. */
static int restore(struct region *region, struct error *err)
{
    struct faults *faults = region->faults;
    cleanup(arena_free) struct arena *arena = arena_new();
    char *text;
    size_t length, index;
    json_t *state, *entry;
    if (!file_exists(faults->path))
        return 0;
    if (file_read(arena, faults->path, FILE_LARGEST, &text, &length, err) < 0 ||
        json_parse(arena, text, length, &state, err) < 0)
        return error_context(err, "%s", faults->path);
    faults->next_id = json_integer_value(json_object_get(state, "next"));
    json_array_foreach(json_object_get(state, "faults"), index, entry) {
        struct fault draft;
        struct error why = {0};
        if (read_fault(arena, entry, &draft, err) < 0)
            return error_context(err, "%s", faults->path);
        if (faults->count < FAULTS_MOST && draft.id)
            keep(faults, &draft);
        if (cut(region, &draft, true, &why) < 0)
            log_warning("a cut is not made again", "fault", draft.id, "error", why.message, NULL);
    }
    return 0;
}

int faults_open(struct region *region, struct error *err)
{
    struct faults *faults = memory_alloc(sizeof *faults);
    pthread_mutex_init(&faults->lock, NULL);
    faults->path = memory_format("%s/faults.json", region->directory);
    region->faults = faults;
    return late_open(&faults->late, err) < 0 ? -1 : restore(region, err);
}

void faults_close(struct region *region)
{
    struct faults *faults = region->faults;
    if (!faults)
        return;
    region->faults = NULL; /* no machine starts any more */
    late_close(&faults->late);
    if (faults->count)
        save(faults); /* how often they fired */
    for (size_t i = 0; i < faults->count; i++)
        fault_free(faults->rules[i]);
    pthread_mutex_destroy(&faults->lock);
    free(faults->path);
    free(faults);
}
