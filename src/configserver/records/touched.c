/* Whom a change concerns. */
#include "base/text.h"
#include "configserver/records/repository_parts.h"

#include <string.h>

/* Names, as they come; sorted and each once in the end. */
struct names {
    const char **items;
    size_t count, capacity;
};

struct concerned {
    struct arena *arena;
    struct names applications, accounts, hosts, reshaped;
};

static void add(struct arena *arena, struct names *names, const char *name)
{
    if (!name)
        return;
    if (names->count == names->capacity) {
        names->capacity = names->capacity ? names->capacity * 2 : 8;
        const char **longer = arena_alloc(arena, names->capacity * sizeof *longer);
        if (names->count > 0)
            memcpy(longer, names->items, names->count * sizeof *longer);
        names->items = longer;
    }
    names->items[names->count++] = name;
}

static void add_record(struct concerned *concerned, const struct view *view, enum record_kind kind,
                       const void *record)
{
    if (!record)
        return;
    const char *id = record_application(kind, record);
    const struct application *application = id ? view_find(view, RECORD_APPLICATION, id) : NULL;
    add(concerned->arena, &concerned->applications, id);
    add(concerned->arena, &concerned->accounts, record_account(kind, record));
    add(concerned->arena, &concerned->accounts, application ? application->account : NULL);
    if (kind == RECORD_HOST)
        add(concerned->arena, &concerned->hosts, ((const struct host *)record)->hostname);
    else if (kind == RECORD_NODE)
        add(concerned->arena, &concerned->hosts, ((const struct node *)record)->parent);
}

static bool node_reshapes(const struct node *old, const struct node *next)
{
    return old->state != next->state || old->retired != next->retired || old->index != next->index ||
           old->cluster_type != next->cluster_type || !text_equal(old->parent, next->parent) ||
           !text_equal(old->cluster, next->cluster) || !old->first_up_at != !next->first_up_at;
}

static bool host_reshapes(const struct host *old, const struct host *next)
{
    return !text_equal(old->node_address, next->node_address) || old->want_to_fail != next->want_to_fail;
}

/* The text of a record without what changes all the time and is nobody else's. */
static const char *lasting_text(struct arena *arena, enum record_kind kind, const void *record)
{
    if (kind == RECORD_APPLICATION) {
        struct application lasting = *(const struct application *)record;
        lasting.log_count = 0;
        lasting.converged_generation = 0;
        return record_text(record_kind_record(kind), arena, &lasting);
    }
    struct load_balancer lasting = *(const struct load_balancer *)record;
    lasting.healthy = 0;
    lasting.trouble = NULL;
    lasting.history_count = 0;
    return record_text(record_kind_record(kind), arena, &lasting);
}

/* Whether the change may show in what other hosts of the application are told (hosts/spec.c). */
static bool reshapes(struct arena *arena, enum record_kind kind, const void *old, const void *next)
{
    if (!old || !next)
        return true;
    switch (kind) {
    case RECORD_HOST:
        return host_reshapes(old, next);
    case RECORD_NODE:
        return node_reshapes(old, next);
    case RECORD_APPLICATION:
    case RECORD_LOAD_BALANCER:
        return !text_equal(lasting_text(arena, kind, old), lasting_text(arena, kind, next));
    default:
        return false;
    }
}

static void add_reshaped(struct concerned *concerned, enum record_kind kind, const void *old,
                         const void *next)
{
    if (!reshapes(concerned->arena, kind, old, next))
        return;
    add(concerned->arena, &concerned->reshaped, old ? record_application(kind, old) : NULL);
    add(concerned->arena, &concerned->reshaped, next ? record_application(kind, next) : NULL);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The names live in records that the reader may not have: copied. */
static size_t finish(struct arena *arena, struct names *names)
{
    size_t kept = 0;
    if (names->count > 0)
        qsort(names->items, names->count, sizeof *names->items, compare_names);
    for (size_t i = 0; i < names->count; i++)
        if (i == 0 || strcmp(names->items[i], names->items[kept - 1]) != 0)
            names->items[kept++] = arena_strdup(arena, names->items[i]);
    return kept;
}

static struct touched finish_all(struct concerned *concerned)
{
    return (struct touched){
        .application_count = finish(concerned->arena, &concerned->applications),
        .account_count = finish(concerned->arena, &concerned->accounts),
        .host_count = finish(concerned->arena, &concerned->hosts),
        .reshaped_count = finish(concerned->arena, &concerned->reshaped),
        .applications = concerned->applications.items,
        .accounts = concerned->accounts.items,
        .hosts = concerned->hosts.items,
        .reshaped = concerned->reshaped.items,
    };
}

static void add_changes(struct concerned *concerned, const struct view *before, const struct view *after,
                        const struct change *changes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const void *old = view_find(before, changes[i].kind, changes[i].key);
        const void *next = view_find(after, changes[i].kind, changes[i].key);
        if (old == next)
            continue;
        add_record(concerned, before, changes[i].kind, old);
        add_record(concerned, after, changes[i].kind, next);
        add_reshaped(concerned, changes[i].kind, old, next);
    }
}

struct touched touched_by(struct arena *arena, const struct transaction *first)
{
    struct concerned concerned = {.arena = arena};
    for (const struct transaction *at = first; at; at = at->later)
        add_changes(&concerned, at->base, at->next, at->changes, at->count);
    return finish_all(&concerned);
}

struct touched touched_by_changes(struct arena *arena, const struct view *before, const struct view *after,
                                  const struct change *changes, size_t count)
{
    struct concerned concerned = {.arena = arena};
    add_changes(&concerned, before, after, changes, count);
    return finish_all(&concerned);
}

static void add_view(struct concerned *concerned, const struct view *view)
{
    for (enum record_kind kind = 0; kind < RECORD_KINDS; kind++)
        view_each(view, kind, void, record) {
            add_record(concerned, view, kind, record);
            add_reshaped(concerned, kind, NULL, record);
        }
}

struct touched touched_by_all(struct arena *arena, const struct view *before, const struct view *after)
{
    struct concerned concerned = {.arena = arena};
    add_view(&concerned, before);
    add_view(&concerned, after);
    return finish_all(&concerned);
}
