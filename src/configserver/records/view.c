#include "configserver/records/view_parts.h"

#include "base/text.h"

#define BEFORE_ALL ""
#define AFTER_ALL  "\xff" /* no key begins so */

struct view {
    atomic_int references;
    struct sorted records[RECORD_KINDS]; /* by key */
    struct sorted found[VIEW_INDEXES];   /* the same, by what they belong to */
};

static const char *application_account(const void *record)
{
    return ((const struct application *)record)->account;
}

static const struct host *present(const void *record)
{
    const struct host *host = record;
    return host->state < HOST_DEPROVISIONED ? host : NULL;
}

static const char *host_application(const void *record)
{
    return present(record) ? present(record)->application : NULL;
}

static const char *host_account(const void *record)
{
    return present(record) ? present(record)->account : NULL;
}

static const char *host_instance(const void *record)
{
    return present(record) ? present(record)->instance_id : NULL;
}

static const char *host_key(const void *record)
{
    return present(record) ? present(record)->wireguard_key : NULL;
}

static const char *node_application(const void *record)
{
    return ((const struct node *)record)->application;
}

static const char *node_parent(const void *record)
{
    return ((const struct node *)record)->parent;
}

static const char *balancer_application(const void *record)
{
    return ((const struct load_balancer *)record)->application;
}

static const char *balancer_account(const void *record)
{
    return ((const struct load_balancer *)record)->account;
}

/* What a record is found by; NULL: it is not in that index. */
static const struct {
    enum record_kind kind;
    sorted_of *of;
} indexes[VIEW_INDEXES] = {
    [APPLICATIONS_OF_ACCOUNT] = {RECORD_APPLICATION, application_account},
    [HOSTS_OF_APPLICATION] = {RECORD_HOST, host_application},
    [HOSTS_OF_ACCOUNT] = {RECORD_HOST, host_account},
    [HOST_OF_INSTANCE] = {RECORD_HOST, host_instance},
    [HOST_OF_KEY] = {RECORD_HOST, host_key},
    [NODES_OF_APPLICATION] = {RECORD_NODE, node_application},
    [NODE_OF_HOST] = {RECORD_NODE, node_parent},
    [LOAD_BALANCERS_OF_APPLICATION] = {RECORD_LOAD_BALANCER, balancer_application},
    [LOAD_BALANCERS_OF_ACCOUNT] = {RECORD_LOAD_BALANCER, balancer_account},
};

struct view *view_new(void)
{
    struct view *view = memory_alloc(sizeof *view);
    atomic_init(&view->references, 1);
    for (size_t i = 0; i < VIEW_INDEXES; i++)
        view->found[i].of = indexes[i].of;
    return view;
}

struct view *view_copy(const struct view *view)
{
    struct view *copy = memory_alloc(sizeof *copy);
    atomic_init(&copy->references, 1);
    for (size_t i = 0; i < RECORD_KINDS; i++)
        copy->records[i] = sorted_share(&view->records[i]);
    for (size_t i = 0; i < VIEW_INDEXES; i++)
        copy->found[i] = sorted_share(&view->found[i]);
    return copy;
}

const struct view *view_hold(const struct view *view)
{
    atomic_fetch_add(&((struct view *)view)->references, 1);
    return view;
}

void view_release(const struct view **view)
{
    struct view *old = (struct view *)*view;
    *view = NULL;
    if (!old || atomic_fetch_sub(&old->references, 1) != 1)
        return;
    for (size_t i = 0; i < RECORD_KINDS; i++)
        sorted_drop(&old->records[i]);
    for (size_t i = 0; i < VIEW_INDEXES; i++)
        sorted_drop(&old->found[i]);
    free(old);
}

struct entry *view_entry(const struct view *view, enum record_kind kind, const char *key)
{
    return key ? sorted_find(&view->records[kind], NULL, key) : NULL;
}

/* `old` and `next` have the same key; either may be NULL. */
static void change_indexes(struct view *view, enum record_kind kind, const struct entry *old,
                           struct entry *next)
{
    for (size_t i = 0; i < VIEW_INDEXES; i++) {
        if (indexes[i].kind != kind)
            continue;
        const char *before = old ? indexes[i].of(old->object) : NULL;
        const char *after = next ? indexes[i].of(next->object) : NULL;
        if (before && !text_equal(before, after))
            sorted_remove(&view->found[i], before, old->key);
        if (after)
            sorted_put(&view->found[i], next);
    }
}

void view_put(struct view *view, struct entry *entry)
{
    struct entry *old = view_entry(view, entry->kind, entry->key);
    change_indexes(view, entry->kind, old, entry); /* while the old one is still held by its place */
    sorted_put(&view->records[entry->kind], entry);
}

void view_remove(struct view *view, enum record_kind kind, const char *key)
{
    struct entry *old = view_entry(view, kind, key);
    if (!old)
        return;
    change_indexes(view, kind, old, NULL);
    sorted_remove(&view->records[kind], NULL, key);
}

const void *view_find(const struct view *view, enum record_kind kind, const char *key)
{
    const struct entry *entry = view_entry(view, kind, key);
    return entry ? entry->object : NULL;
}

size_t view_count(const struct view *view, enum record_kind kind)
{
    return sorted_count(&view->records[kind]);
}

const void *view_at(const struct view *view, enum record_kind kind, size_t index)
{
    const struct sorted_node *leaf;
    size_t slot;
    return sorted_at(&view->records[kind], index, &leaf, &slot)->object;
}

struct view_cursor view_all(const struct view *view, enum record_kind kind)
{
    return (struct view_cursor){
        .tree = &view->records[kind], .end = sorted_count(&view->records[kind]), .more = true};
}

struct view_cursor view_some(const struct view *view, enum view_index index, const char *of)
{
    const struct sorted *tree = &view->found[index];
    return (struct view_cursor){.tree = tree,
                                .rank = of ? sorted_rank(tree, of, BEFORE_ALL) : 0,
                                .end = of ? sorted_rank(tree, of, AFTER_ALL) : 0,
                                .more = true};
}

const void *view_next(struct view_cursor *cursor)
{
    cursor->more = false;
    if (cursor->rank >= cursor->end)
        return NULL;
    const struct entry *entry = cursor->leaf ? sorted_next(cursor->leaf, &cursor->slot) : NULL;
    if (!entry)
        entry = sorted_at(cursor->tree, cursor->rank, &cursor->leaf, &cursor->slot);
    cursor->rank++;
    return entry->object;
}

const void *view_of(const struct view *view, enum view_index index, const char *of, size_t nth)
{
    struct view_cursor cursor = view_some(view, index, of);
    cursor.rank += nth;
    return view_next(&cursor);
}

size_t view_count_of(const struct view *view, enum view_index index, const char *of)
{
    const struct view_cursor cursor = view_some(view, index, of);
    return cursor.end - cursor.rank;
}
