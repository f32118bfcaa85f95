#include "configserver/records/entry.h"

#include <stddef.h>

enum { HEAD = (sizeof(struct entry) + 15) / 16 * 16 };

struct entry *entry_parse(enum record_kind kind, const char *text, size_t length, int32_t version,
                          struct error *err)
{
    const struct record *record = record_kind_record(kind);
    cleanup(arena_free) struct arena *arena = arena_new();
    void *object = arena_alloc(arena, record->size);
    if (record_parse(record, arena, text, length, object, err) < 0)
        return NULL;
    struct entry *entry = record_copy(record, object, HEAD);
    atomic_init(&entry->references, 1);
    entry->version = version;
    entry->kind = kind;
    entry->object = (const char *)entry + HEAD;
    entry->key = *(const char *const *)entry->object;
    return entry;
}

struct entry *entry_hold(struct entry *entry)
{
    atomic_fetch_add_explicit(&entry->references, 1, memory_order_relaxed);
    return entry;
}

void entry_drop(struct entry *entry)
{
    if (!entry || atomic_fetch_sub_explicit(&entry->references, 1, memory_order_acq_rel) != 1)
        return;
    record_copy_release(record_kind_record(entry->kind), entry->object);
    free(entry);
}
