/* A table from text keys to things: found by hash, walked in the order they were put in. Keys are copied;
 * what they name stays the owner's. A zeroed table is an empty one. */
#ifndef LOCALAWS_TABLE_H
#define LOCALAWS_TABLE_H

#include "base/record.h"

#include <stddef.h>
#include <stdint.h>

struct table {
    struct table_entry {
        char *key; /* NULL: removed */
        void *value;
        uint32_t hash;
    } * entries;
    size_t used, room, count; /* entries ever put since the last rebuild, allocated, present */
    uint32_t *slots;          /* index into entries + 1; 0 is free */
    size_t slot_count;        /* a power of two */
};

void table_free(struct table *table);                        /* for cleanup() too; the values stay */
void *table_get(const struct table *table, const char *key); /* NULL when absent */
void table_put(struct table *table, const char *key, void *value);
void *table_remove(struct table *table, const char *key); /* what was there, or NULL */

/* for (size_t at = 0; (role = table_next(&roles, &at));)   removing the current one meanwhile is fine */
void *table_next(const struct table *table, size_t *at);

/* What is in it, each as the record has it: a new JSON array. */
json_t *table_write(const struct table *table, const struct record *record);

#endif
