/* A hash table from text to whatever its owner keeps. The key lies in the value, or lives as long; the table
 * frees neither. A zeroed table is an empty one. Not safe to share between threads. */
#ifndef BASE_TABLE_H
#define BASE_TABLE_H

#include <stddef.h>
#include <stdint.h>

struct table_slot;
struct table {
    struct table_slot *slots;
    size_t count, capacity;
};

void table_free(struct table *table); /* leaves it empty */

void *table_get(const struct table *table, const char *key); /* NULL: not there */
void table_set(struct table *table, const char *key,
               void *value);                            /* not NULL; in place of the one of that key */
void *table_take(struct table *table, const char *key); /* out of the table; NULL: was not there */
/* One after the other, in no order that means anything: begin with `*at` 0; NULL at the end. What it gave may
 * be taken out only after the last. */
void *table_each(const struct table *table, size_t *at);

#endif
