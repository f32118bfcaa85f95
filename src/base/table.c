#include "base/table.h"

#include "base/memory.h"

#include <string.h>

/* Open addressing; at most three in four are taken, so that a search ends soon. */
struct table_slot {
    const char *key;
    void *value; /* NULL: free */
    uint64_t hash;
};

enum { SMALLEST = 16 };

static uint64_t hash_of(const char *key)
{
    uint64_t hash = 14695981039346656037u; /* FNV-1a: keys are names that we gave or checked */
    for (; *key; key++)
        hash = (hash ^ (unsigned char)*key) * 1099511628211u;
    return hash ^ hash >> 32;
}

void table_free(struct table *table)
{
    free(table->slots);
    *table = (struct table){0};
}

/* Where the key is, or where it would go. */
static struct table_slot *slot_of(const struct table *table, const char *key, uint64_t hash)
{
    size_t at = hash & (table->capacity - 1);
    while (table->slots[at].value &&
           (table->slots[at].hash != hash || strcmp(table->slots[at].key, key) != 0))
        at = (at + 1) & (table->capacity - 1);
    return &table->slots[at];
}

void *table_get(const struct table *table, const char *key)
{
    return table->count > 0 && key ? slot_of(table, key, hash_of(key))->value : NULL;
}

static void grow(struct table *table)
{
    struct table old = *table;
    table->capacity = old.capacity ? old.capacity * 2 : SMALLEST;
    table->slots = memory_array(table->capacity, sizeof *table->slots);
    for (size_t i = 0; i < old.capacity; i++)
        if (old.slots[i].value)
            *slot_of(table, old.slots[i].key, old.slots[i].hash) = old.slots[i];
    free(old.slots);
}

void table_set(struct table *table, const char *key, void *value)
{
    if ((table->count + 1) * 4 > table->capacity * 3)
        grow(table);
    uint64_t hash = hash_of(key);
    struct table_slot *slot = slot_of(table, key, hash);
    table->count += slot->value == NULL;
    *slot = (struct table_slot){key, value, hash};
}

void *table_take(struct table *table, const char *key)
{
    if (table->count == 0 || !key)
        return NULL;
    struct table_slot *slot = slot_of(table, key, hash_of(key));
    void *value = slot->value;
    if (!value)
        return NULL;
    *slot = (struct table_slot){0};
    table->count--;
    /* What came after it may have had to pass it: to be found it moves up. */
    size_t mask = table->capacity - 1;
    for (size_t at = ((size_t)(slot - table->slots) + 1) & mask; table->slots[at].value;
         at = (at + 1) & mask) {
        struct table_slot moved = table->slots[at];
        table->slots[at] = (struct table_slot){0};
        *slot_of(table, moved.key, moved.hash) = moved;
    }
    return value;
}

void *table_each(const struct table *table, size_t *at)
{
    while (*at < table->capacity) {
        void *value = table->slots[(*at)++].value;
        if (value)
            return value;
    }
    return NULL;
}
