#include "localaws/resource/resource.h"

#include "base/clock.h"
#include "base/text.h"
#include "localaws/resource/copy.h"
#include "localaws/resource/filing.h"
#include "localaws/resource/index.h"

#include <string.h>

static const struct field tag_fields[] = {
    FIELD_TEXT(struct tag, key, "key", REQUIRED, 512, NULL, "name"),
    FIELD_TEXT(struct tag, value, "value", REQUIRED, 1024, NULL, "value"),
    FIELD_END,
};
const struct record tag_record = {"tag", sizeof(struct tag), tag_fields};

struct registry *registry_of(struct region *region)
{
    if (!region->modules[MODULE_EC2])
        region->modules[MODULE_EC2] = memory_alloc(sizeof(struct registry));
    return region->modules[MODULE_EC2];
}

struct resource_list *resources_of(struct account *account, const struct kind *kind)
{
    if (!account->modules[MODULE_EC2])
        account->modules[MODULE_EC2] = memory_array(KINDS, sizeof(struct resource_list));
    return (struct resource_list *)account->modules[MODULE_EC2] + kind->number;
}

static char *token_key(struct arena *arena, const struct account *account, const struct kind *kind,
                       const char *token)
{
    return arena_format(arena, "%s %s %s", account->id, kind->type, token);
}

/* A copy that owns its texts, known to no table yet. */
static struct resource *copy_of(struct region *region, struct account *account, const struct kind *kind,
                                const void *draft)
{
    struct resource *resource = memory_alloc(kind->record->size);
    memcpy(resource, draft, kind->record->size);
    resource->kind = kind;
    resource->region = region;
    resource->account = account;
    resource->next = resource->previous = NULL;
    resource->filing = FILING_NONE;
    resource->unsaved = false;
    resource->places = NULL;
    resource->place_count = 0;
    record_own(kind->record, resource);
    return resource;
}

static void enlist(struct resource *resource)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    const struct kind *kind = resource->kind;
    struct resource_list *list = resources_of(resource->account, kind);
    resource->previous = list->last;
    *(list->last ? &list->last->next : &list->first) = resource;
    list->last = resource;
    list->count++;
    struct registry *registry = registry_of(resource->region);
    table_put(&registry->by_id, resource->id, resource);
    if (resource->client_token)
        table_put(&registry->by_token, token_key(arena, resource->account, kind, resource->client_token),
                  resource);
    if (kind->added)
        kind->added(resource->region, resource);
}

void *resource_add(struct region *region, struct account *account, const struct kind *kind, const void *draft)
{
    struct resource *resource = copy_of(region, account, kind, draft);
    cleanup(arena_free) struct arena *arena = arena_new();
    if (!resource->id)
        resource->id = memory_strdup(region_identifier(region, arena, kind->prefix));
    if (!resource->created_ms)
        resource->created_ms = clock_now_ms();
    resource->sequence = ++registry_of(region)->last_sequence;
    resource->unsaved = true;
    enlist(resource);
    filing_came_or_went(resource);
    resource_changed(resource);
    return resource;
}

int resource_restore(struct region *region, struct account *account, const struct kind *kind,
                     int64_t sequence, const char *text, size_t length, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    void *draft = arena_alloc(arena, kind->record->size);
    if (record_parse(kind->record, arena, text, length, draft, err) < 0)
        return -1;
    struct resource *resource = copy_of(region, account, kind, draft);
    struct registry *registry = registry_of(region);
    resource->sequence = sequence;
    resource->digest = record_digest(kind->record, resource);
    if (registry->last_sequence < sequence)
        registry->last_sequence = sequence;
    enlist(resource);
    return 0;
}

void resource_remove(struct region *region, struct resource *resource)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    const struct kind *kind = resource->kind;
    if (kind->removed)
        kind->removed(region, resource);
    struct resource_list *list = resources_of(resource->account, kind);
    *(resource->previous ? &resource->previous->next : &list->first) = resource->next;
    *(resource->next ? &resource->next->previous : &list->last) = resource->previous;
    list->count--;
    struct registry *registry = registry_of(region);
    table_remove(&registry->by_id, resource->id);
    if (resource->client_token) {
        char *key = token_key(arena, resource->account, kind, resource->client_token);
        if (table_get(&registry->by_token, key) == resource)
            table_remove(&registry->by_token, key);
    }
    index_forget(resource);
    filing_came_or_went(resource);
    filing_forget(resource);
    record_release(kind->record, resource);
    free(resource);
}

struct resource *resource_anywhere(struct region *region, const struct kind *kind, const char *id)
{
    struct resource *resource = id ? table_get(&registry_of(region)->by_id, id) : NULL;
    return resource && resource->kind == kind ? resource : NULL;
}

void *resource_find(struct region *region, struct account *account, const struct kind *kind, const char *id)
{
    struct resource *resource = resource_anywhere(region, kind, id);
    return resource && resource->account == account ? resource : NULL;
}

void *resource_by_token(struct region *region, struct account *account, const struct kind *kind,
                        const char *token)
{
    if (text_empty(token))
        return NULL;
    cleanup(arena_free) struct arena *arena = arena_new();
    return table_get(&registry_of(region)->by_token, token_key(arena, account, kind, token));
}

const char *resource_arn(struct region *region, struct arena *arena, const struct resource *resource)
{
    if (text_starts(resource->id, "arn:"))
        return resource->id;
    return arena_format(arena, "arn:aws:ec2:%s:%s:%s/%s", region->name, resource->account->id,
                        resource->kind->type, resource->id);
}

static size_t tag_at(const struct tag *tags, size_t count, const char *key)
{
    size_t at = 0;
    while (at < count && !text_equal(tags[at].key, key))
        at++;
    return at;
}

const char *resource_tag(const struct resource *resource, const char *key)
{
    size_t at = tag_at(resource->tags, resource->tag_count, key);
    return at < resource->tag_count ? resource->tags[at].value : NULL;
}

void tags_set(struct tag **tags, size_t *count, const char *key, const char *value)
{
    size_t at = tag_at(*tags, *count, key);
    if (at == *count) {
        struct tag *tag = list_add(tags, count, sizeof *tag);
        tag->key = memory_strdup(key);
    }
    text_replace(&(*tags)[at].value, value);
}

void tags_remove(struct tag **tags, size_t *count, const char *key, const char *value)
{
    size_t at = tag_at(*tags, *count, key);
    if (at < *count && (!value || text_equal((*tags)[at].value, value)))
        list_remove(&tag_record, tags, count, at);
}

void resource_set_tag(struct resource *resource, const char *key, const char *value)
{
    tags_set(&resource->tags, &resource->tag_count, key, value);
    resource_changed(resource);
}

void resource_remove_tag(struct resource *resource, const char *key, const char *value)
{
    tags_remove(&resource->tags, &resource->tag_count, key, value);
    resource_changed(resource);
}
