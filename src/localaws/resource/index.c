#include "localaws/resource/index.h"

#include "base/text.h"

#include <string.h>

/* The resources that have one value, by their sequence. */
struct bucket {
    struct index *index;
    struct resource **items;
    size_t count, room;
    char value[];
};

struct index {
    struct index *next;
    const struct filter *filter; /* NULL: tags */
    struct table buckets;        /* by value */
};

void values_add(struct values *values, const char *value)
{
    if (!value)
        return;
    if (values->count == values->room) {
        size_t room = values->room ? values->room * 2 : 8;
        const char **items = arena_alloc(values->arena, room * sizeof *items);
        if (values->count)
            memcpy(items, values->items, values->count * sizeof *items);
        values->items = items;
        values->room = room;
    }
    values->items[values->count++] = arena_strdup(values->arena, value);
}

void values_of_filter(const struct resource *resource, const struct filter *filter, struct values *values)
{
    const char *member = (const char *)resource + filter->offset;
    if (filter->of == FILTER_OF_TEXT)
        values_add(values, *(const char *const *)(const void *)member);
    else if (filter->of == FILTER_OF_BOOL)
        values_add(values, *(const bool *)(const void *)member ? "true" : "false");
    else
        filter->each(resource, values);
}

static void values_in(const struct index *index, const struct resource *resource, struct values *values)
{
    if (index->filter) {
        values_of_filter(resource, index->filter, values);
        return;
    }
    for (size_t i = 0; i < resource->tag_count; i++)
        values_add(values,
                   arena_format(values->arena, "%s=%s", resource->tags[i].key, resource->tags[i].value));
}

static struct bucket *bucket_for(struct index *index, const char *value)
{
    struct bucket *bucket = table_get(&index->buckets, value);
    if (bucket)
        return bucket;
    bucket = memory_alloc(sizeof *bucket + strlen(value) + 1);
    bucket->index = index;
    strcpy(bucket->value, value);
    table_put(&index->buckets, value, bucket);
    return bucket;
}

/* Where the sequence is, or would be. Most are asked for at the end: they are the newest. */
static size_t place_in(const struct bucket *bucket, int64_t sequence)
{
    size_t low = 0, high = bucket->count;
    if (high && bucket->items[high - 1]->sequence < sequence)
        return high;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (bucket->items[middle]->sequence < sequence)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void bucket_add(struct bucket *bucket, struct resource *resource)
{
    size_t at = place_in(bucket, resource->sequence);
    if (at < bucket->count && bucket->items[at] == resource)
        return; /* has the value twice */
    if (bucket->count == bucket->room) {
        bucket->room = bucket->room ? bucket->room * 2 : 1;
        bucket->items = memory_resize(bucket->items, bucket->room, sizeof(struct resource *));
    }
    memmove(&bucket->items[at + 1], &bucket->items[at], (bucket->count - at) * sizeof(struct resource *));
    bucket->items[at] = resource;
    bucket->count++;
}

static void bucket_free(struct bucket *bucket)
{
    free(bucket->items);
    free(bucket);
}

static void bucket_remove(struct bucket *bucket, const struct resource *resource)
{
    size_t at = place_in(bucket, resource->sequence);
    if (at == bucket->count || bucket->items[at] != resource)
        return;
    bucket->count--;
    memmove(&bucket->items[at], &bucket->items[at + 1], (bucket->count - at) * sizeof(struct resource *));
    if (bucket->count)
        return;
    table_remove(&bucket->index->buckets, bucket->value);
    bucket_free(bucket);
}

static bool stays(const struct resource *resource, struct bucket *const *wanted, size_t count)
{
    return count == resource->place_count &&
           (!count || memcmp(resource->places, wanted, count * sizeof(struct bucket *)) == 0);
}

void index_refresh(struct resource *resource)
{
    struct index *first = resources_of(resource->account, resource->kind)->indexes;
    if (!first)
        return;
    cleanup(arena_free) struct arena *arena = arena_new();
    struct values values = {.arena = arena};
    size_t counted = 0, count = 0;
    struct bucket **wanted = NULL;
    for (struct index *index = first; index; index = index->next) {
        values_in(index, resource, &values);
        wanted = memory_resize(wanted, values.count + 1, sizeof(struct bucket *));
        for (; counted < values.count; counted++)
            wanted[count++] = bucket_for(index, values.items[counted]);
    }
    if (stays(resource, wanted, count)) {
        free(wanted);
        return;
    }
    /* First in, then out: a bucket that stays is never empty meanwhile. */
    struct bucket **had = resource->places;
    size_t had_count = resource->place_count;
    for (size_t i = 0; i < count; i++)
        bucket_add(wanted[i], resource);
    resource->places = wanted;
    resource->place_count = count;
    for (size_t i = 0; i < had_count; i++) {
        bool kept = false;
        for (size_t j = 0; j < count; j++)
            kept |= wanted[j] == had[i];
        for (size_t j = 0; j < i; j++)
            kept |= had[j] == had[i]; /* out already */
        if (!kept)
            bucket_remove(had[i], resource);
    }
    free(had);
}

void index_forget(struct resource *resource)
{
    for (size_t i = 0; i < resource->place_count; i++) {
        bool out = false;
        for (size_t j = 0; j < i; j++)
            out |= resource->places[j] == resource->places[i];
        if (!out)
            bucket_remove(resource->places[i], resource);
    }
    memory_free(&resource->places);
    resource->place_count = 0;
}

void indexes_free(struct resource_list *list)
{
    while (list->indexes) {
        struct index *index = list->indexes;
        list->indexes = index->next;
        struct bucket *bucket;
        for (size_t at = 0; (bucket = table_next(&index->buckets, &at));)
            bucket_free(bucket);
        table_free(&index->buckets);
        free(index);
    }
}

/* Made from what is there: everything in the list gets its places anew. */
static struct index *index_for(struct resource_list *list, const struct filter *filter)
{
    struct index *index = list->indexes;
    while (index && index->filter != filter)
        index = index->next;
    if (index)
        return index;
    index = memory_alloc(sizeof *index);
    index->filter = filter;
    index->next = list->indexes;
    list->indexes = index;
    for (struct resource *item = list->first; item; item = item->next)
        index_refresh(item);
    return index;
}

size_t index_count(struct resource_list *list, const struct filter *filter, const char *const *values)
{
    const struct index *index = index_for(list, filter);
    size_t count = 0;
    for (; *values; values++) {
        const struct bucket *bucket = table_get(&index->buckets, *values);
        count += bucket ? bucket->count : 0;
    }
    return count;
}

static int by_sequence(const void *a, const void *b)
{
    int64_t left = (*(struct resource *const *)a)->sequence, right = (*(struct resource *const *)b)->sequence;
    return (left > right) - (left < right);
}

struct candidates index_find(struct resource_list *list, const struct filter *filter,
                             const char *const *values, struct arena *arena)
{
    const struct index *index = index_for(list, filter);
    const struct bucket *only = *values ? table_get(&index->buckets, *values) : NULL;
    if (!*values || !values[1])
        return (struct candidates){only ? only->items : NULL, only ? only->count : 0};
    size_t most = index_count(list, filter, values), count = 0, kept = 0;
    struct resource **items = arena_alloc(arena, (most + 1) * sizeof *items);
    for (; *values; values++) {
        const struct bucket *bucket = table_get(&index->buckets, *values);
        if (bucket)
            memcpy(&items[count], bucket->items, bucket->count * sizeof *items);
        count += bucket ? bucket->count : 0;
    }
    qsort(items, count, sizeof *items, by_sequence);
    for (size_t i = 0; i < count; i++)
        if (!kept || items[kept - 1] != items[i])
            items[kept++] = items[i];
    return (struct candidates){items, kept};
}
