/* What is due when: the earliest first, and among those of one time the one that was set first, so that the
 * order is the same every time. Items lie in their owners' structs. A zeroed heap is an empty one. Not safe
 * to share between threads. */
#ifndef BASE_HEAP_H
#define BASE_HEAP_H

#include <stddef.h>
#include <stdint.h>

struct heap_item {
    int64_t at; /* in whatever unit the owner counts */
    uint64_t order;
    size_t place; /* 0: in no heap */
};
struct heap {
    struct heap_item **items;
    size_t count, capacity;
    uint64_t orders;
};

void heap_free(struct heap *heap);                                    /* the items are their owners' */
void heap_set(struct heap *heap, struct heap_item *item, int64_t at); /* in, or to another time */
void heap_remove(struct heap *heap, struct heap_item *item);          /* fine when it is in none */
struct heap_item *heap_first(const struct heap *heap);                /* NULL: empty */

#endif
