#include "base/heap.h"

#include "base/memory.h"

#include <stdbool.h>

static bool before(const struct heap_item *a, const struct heap_item *b)
{
    return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void put(struct heap *heap, size_t place, struct heap_item *item)
{
    heap->items[place - 1] = item;
    item->place = place;
}

static void rise(struct heap *heap, struct heap_item *item)
{
    size_t place = item->place;
    while (place > 1 && before(item, heap->items[place / 2 - 1])) {
        put(heap, place, heap->items[place / 2 - 1]);
        place /= 2;
    }
    put(heap, place, item);
}

static void sink(struct heap *heap, struct heap_item *item)
{
    size_t place = item->place;
    for (size_t below = place * 2; below <= heap->count; below = place * 2) {
        below += below < heap->count && before(heap->items[below], heap->items[below - 1]);
        if (!before(heap->items[below - 1], item))
            break;
        put(heap, place, heap->items[below - 1]);
        place = below;
    }
    put(heap, place, item);
}

void heap_free(struct heap *heap)
{
    free(heap->items);
    *heap = (struct heap){0};
}

void heap_set(struct heap *heap, struct heap_item *item, int64_t at)
{
    if (item->place == 0) {
        if (heap->count == heap->capacity) {
            heap->capacity = heap->capacity ? heap->capacity * 2 : 16;
            heap->items = memory_resize(heap->items, heap->capacity, sizeof *heap->items);
        }
        put(heap, ++heap->count, item);
    }
    item->at = at;
    item->order = heap->orders++;
    rise(heap, item);
    sink(heap, item);
}

void heap_remove(struct heap *heap, struct heap_item *item)
{
    if (item->place == 0)
        return;
    struct heap_item *last = heap->items[--heap->count];
    if (last != item) {
        put(heap, item->place, last);
        rise(heap, last);
        sink(heap, last);
    }
    item->place = 0;
}

struct heap_item *heap_first(const struct heap *heap)
{
    return heap->count > 0 ? heap->items[0] : NULL;
}
