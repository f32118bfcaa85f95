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
    struct names applications, accounts, hosts;
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
        .applications = concerned->applications.items,
        .accounts = concerned->accounts.items,
        .hosts = concerned->hosts.items,
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
        view_each(view, kind, void, record)
            add_record(concerned, view, kind, record);
}

struct touched touched_by_all(struct arena *arena, const struct view *before, const struct view *after)
{
    struct concerned concerned = {.arena = arena};
    add_view(&concerned, before);
    add_view(&concerned, after);
    return finish_all(&concerned);
}
