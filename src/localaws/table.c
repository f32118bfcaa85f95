#include "localaws/table.h"

#include "base/memory.h"

#include <stdbool.h>
#include <string.h>

static uint32_t hash_of(const char *key) /* FNV-1a */
{
    uint32_t hash = 2166136261u;
    for (; *key; key++)
        hash = (hash ^ (unsigned char)*key) * 16777619u;
    return hash;
}

void table_free(struct table *table)
{
    for (size_t i = 0; i < table->used; i++)
        free(table->entries[i].key);
    free(table->entries);
    free(table->slots);
    *table = (struct table){0};
}

/* The slot that leads to the key, or the free one where it would go. */
static size_t slot_of(const struct table *table, const char *key, uint32_t hash)
{
    size_t mask = table->slot_count - 1;
    for (size_t slot = hash & mask;; slot = (slot + 1) & mask) {
        if (!table->slots[slot])
            return slot;
        const struct table_entry *entry = &table->entries[table->slots[slot] - 1];
        if (entry->key && entry->hash == hash && strcmp(entry->key, key) == 0)
            return slot;
    }
}

void *table_get(const struct table *table, const char *key)
{
    if (!table->count)
        return NULL;
    uint32_t index = table->slots[slot_of(table, key, hash_of(key))];
    return index ? table->entries[index - 1].value : NULL;
}

/* Makes room for one more: squeezes out what was removed, keeps slots at most half full. */
static void rebuild(struct table *table)
{
    size_t kept = 0;
    for (size_t i = 0; i < table->used; i++)
        if (table->entries[i].key)
            table->entries[kept++] = table->entries[i];
    table->used = kept;
    table->room = kept < 4 ? 8 : kept * 2;
    table->entries = memory_resize(table->entries, table->room, sizeof *table->entries);

    table->slot_count = 16;
    while (table->slot_count < table->room * 2)
        table->slot_count *= 2;
    free(table->slots);
    table->slots = memory_array(table->slot_count, sizeof *table->slots);
    for (size_t i = 0; i < kept; i++)
        table->slots[slot_of(table, table->entries[i].key, table->entries[i].hash)] = (uint32_t)i + 1;
}

void table_put(struct table *table, const char *key, void *value)
{
    if (table->used == table->room)
        rebuild(table);
    uint32_t hash = hash_of(key);
    size_t slot = slot_of(table, key, hash);
    if (table->slots[slot]) {
        table->entries[table->slots[slot] - 1].value = value;
        return;
    }
    table->entries[table->used] = (struct table_entry){memory_strdup(key), value, hash};
    table->slots[slot] = (uint32_t)++table->used;
    table->count++;
}

void *table_remove(struct table *table, const char *key)
{
    if (!table->count)
        return NULL;
    uint32_t index = table->slots[slot_of(table, key, hash_of(key))];
    if (!index)
        return NULL;
    /* The slot stays, pointing at an entry without a key, so that keys behind it are still found. */
    struct table_entry *entry = &table->entries[index - 1];
    memory_free(&entry->key);
    table->count--;
    return entry->value;
}

void *table_next(const struct table *table, size_t *at)
{
    while (*at < table->used) {
        const struct table_entry *entry = &table->entries[(*at)++];
        if (entry->key)
            return entry->value;
    }
    return NULL;
}

json_t *table_write(const struct table *table, const struct record *record)
{
    json_t *list = json_array();
    const void *item;
    for (size_t at = 0; (item = table_next(table, &at));)
        json_array_append_new(list, record_write(record, item));
    return list;
}
