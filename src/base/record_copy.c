/* Records in one block, for what is kept long: no arena's unused rest, no JSON it was read from. */
#include "base/record.h"

#include <string.h>

enum { ALIGNMENT = 8 }; /* of everything a record has */

/* Where the next piece goes; without a room it only counts. */
struct block {
    char *room;
    size_t used;
};

static void *next_piece(struct block *block, size_t size, size_t alignment)
{
    size_t at = (block->used + alignment - 1) & ~(alignment - 1);
    block->used = at + size;
    return block->room ? block->room + at : NULL;
}

static void copy_members(const struct record *record, const char *from, char *to, struct block *block);

static void copy_text(const char *text, char *slot, struct block *block)
{
    if (!text)
        return;
    size_t size = strlen(text) + 1;
    char *copy = next_piece(block, size, 1);
    if (!copy)
        return;
    memcpy(copy, text, size);
    *(char **)(void *)slot = copy;
}

static void copy_list(const struct field *field, const char *from, char *to, struct block *block)
{
    const char *items = *(const char *const *)(const void *)(from + field->offset);
    size_t count = *(const size_t *)(const void *)(from + field->count_offset), size = field->record->size;
    if (!items)
        return;
    char *copy = next_piece(block, (count + 1) * size, ALIGNMENT); /* a zeroed item follows the last */
    if (copy) {
        memcpy(copy, items, count * size);
        *(char **)(void *)(to + field->offset) = copy;
    }
    for (size_t i = 0; i < count; i++) {
        const char *item = items + i * size;
        char *item_copy = copy ? copy + i * size : NULL;
        if (field->record == &text_record)
            copy_text(*(const char *const *)(const void *)item, item_copy, block);
        else
            copy_members(field->record, item, item_copy, block);
    }
}

static void copy_inner(const struct field *field, const char *from, char *to, struct block *block)
{
    const char *inner = *(const char *const *)(const void *)(from + field->offset);
    if (!inner)
        return;
    char *copy = next_piece(block, field->record->size, ALIGNMENT);
    if (copy) {
        memcpy(copy, inner, field->record->size);
        *(char **)(void *)(to + field->offset) = copy;
    }
    copy_members(field->record, inner, copy, block);
}

/* `to` holds the members' bytes already, or is NULL when only their room is counted. */
static void copy_members(const struct record *record, const char *from, char *to, struct block *block)
{
    for (const struct field *field = record->fields; field->name; field++) {
        const void *slot = from + field->offset;
        if (field->type == FIELD_KIND_TEXT)
            copy_text(*(const char *const *)slot, to ? to + field->offset : NULL, block);
        else if (field->type == FIELD_KIND_LIST)
            copy_list(field, from, to, block);
        else if (field->type == FIELD_KIND_RECORD)
            copy_inner(field, from, to, block);
        else if (field->type == FIELD_KIND_JSON && to)
            json_incref(*(json_t *const *)slot);
    }
}

void *record_copy(const struct record *record, const void *object, size_t before)
{
    struct block block = {.used = before};
    next_piece(&block, record->size, ALIGNMENT);
    copy_members(record, object, NULL, &block);
    block = (struct block){memory_alloc(block.used), before};
    char *copy = next_piece(&block, record->size, ALIGNMENT);
    memcpy(copy, object, record->size);
    copy_members(record, object, copy, &block);
    return block.room;
}

void record_copy_release(const struct record *record, const void *object)
{
    for (const struct field *field = record->fields; field->name; field++) {
        const char *slot = (const char *)object + field->offset;
        bool points = field->type == FIELD_KIND_RECORD || field->type == FIELD_KIND_LIST;
        const char *inner = points ? *(const char *const *)(const void *)slot : NULL;
        if (field->type == FIELD_KIND_JSON)
            json_decref(*(json_t *const *)(const void *)slot);
        else if (field->type == FIELD_KIND_RECORD && inner)
            record_copy_release(field->record, inner);
        else if (field->type == FIELD_KIND_LIST && field->record != &text_record && inner)
            for (size_t i = 0;
                 i < *(const size_t *)(const void *)((const char *)object + field->count_offset); i++)
                record_copy_release(field->record, inner + i * field->record->size);
    }
}
