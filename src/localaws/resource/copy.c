#include "localaws/resource/copy.h"

#include "base/text.h"
#include "localaws/resource/resource.h"

#include <string.h>

/* A pointer member seen without its type: allowed to alias every other pointer. */
typedef void *__attribute__((may_alias)) any_pointer;

static size_t item_size(const struct record *record)
{
    return record == &text_record ? sizeof(char *) : record->size;
}

static void own_item(const struct record *record, void *item)
{
    if (record == &text_record)
        *(any_pointer *)item = memory_strdup(*(any_pointer *)item);
    else
        record_own(record, item);
}

static void release_item(const struct record *record, void *item)
{
    if (record == &text_record)
        memory_free(item);
    else
        record_release(record, item);
}

static void own_list(const struct field *field, any_pointer *items, size_t count)
{
    size_t size = item_size(field->record);
    char *copy = count ? memory_array(count, size) : NULL;
    for (size_t i = 0; i < count; i++) {
        memcpy(copy + i * size, (char *)*items + i * size, size);
        own_item(field->record, copy + i * size);
    }
    *items = copy;
}

void record_own(const struct record *record, void *object)
{
    for (const struct field *field = record->fields; field->name; field++) {
        any_pointer *member = (void *)((char *)object + field->offset);
        if (field->type == FIELD_KIND_TEXT)
            *member = memory_strdup(*member);
        else if (field->type == FIELD_KIND_LIST)
            own_list(field, member, *(size_t *)(void *)((char *)object + field->count_offset));
        else if (field->type == FIELD_KIND_RECORD && *member) {
            void *copy = memory_alloc(field->record->size);
            memcpy(copy, *member, field->record->size);
            record_own(field->record, copy);
            *member = copy;
        }
    }
}

void record_release(const struct record *record, void *object)
{
    for (const struct field *field = record->fields; field->name; field++) {
        any_pointer *member = (void *)((char *)object + field->offset);
        if (field->type == FIELD_KIND_TEXT)
            memory_free(member);
        else if (field->type == FIELD_KIND_LIST)
            list_clear(field->record, member, (size_t *)(void *)((char *)object + field->count_offset));
        else if (field->type == FIELD_KIND_RECORD && *member) {
            record_release(field->record, *member);
            memory_free(member);
        }
    }
}

/* Not against anyone who seeks collisions: against missing a change. */
static uint64_t mix(uint64_t digest, const void *bytes, size_t length)
{
    const unsigned char *at = bytes;
    for (; length >= sizeof(uint64_t); at += sizeof(uint64_t), length -= sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, at, sizeof word);
        digest = (digest ^ word) * 0x9e3779b97f4a7c15u;
        digest ^= digest >> 29;
    }
    for (; length; at++, length--)
        digest = (digest ^ *at) * 0x100000001b3u;
    return digest ^ digest >> 32;
}

static uint64_t mix_text(uint64_t digest, const char *text)
{
    return text ? mix(digest, text, strlen(text) + 1) : digest * 31 + 1;
}

static uint64_t mix_record(uint64_t digest, const struct record *record, const void *object);

static uint64_t mix_list(uint64_t digest, const struct field *field, const char *items, size_t count)
{
    size_t size = item_size(field->record);
    digest = mix(digest, &count, sizeof count);
    for (size_t i = 0; i < count; i++)
        digest = field->record == &text_record
                     ? mix_text(digest, *(const char *const *)(const void *)(items + i * size))
                     : mix_record(digest, field->record, items + i * size);
    return digest;
}

static uint64_t mix_field(uint64_t digest, const struct field *field, const void *object)
{
    const char *member = (const char *)object + field->offset;
    bool points =
        field->type == FIELD_KIND_TEXT || field->type == FIELD_KIND_LIST || field->type == FIELD_KIND_RECORD;
    const void *pointed =
        points ? *(const any_pointer *)(const void *)member : NULL; /* a bool is no eight bytes */
    switch (field->type) {
    case FIELD_KIND_TEXT:
        return mix_text(digest, pointed);
    case FIELD_KIND_INTEGER:
    case FIELD_KIND_NUMBER:
        return mix(digest, member, sizeof(int64_t));
    case FIELD_KIND_BOOL:
        return mix(digest, member, sizeof(bool));
    case FIELD_KIND_ENUM:
        return mix(digest, member, sizeof(int));
    case FIELD_KIND_LIST:
        return mix_list(digest, field, pointed,
                        *(const size_t *)(const void *)((const char *)object + field->count_offset));
    case FIELD_KIND_RECORD:
        return pointed ? mix_record(digest, field->record, pointed) : digest * 31 + 1;
    case FIELD_KIND_JSON: /* no resource has one */
        return mix(digest, member, sizeof(json_t *));
    }
    return digest;
}

static uint64_t mix_record(uint64_t digest, const struct record *record, const void *object)
{
    for (const struct field *field = record->fields; field->name; field++)
        digest = mix_field(digest, field, object);
    return digest;
}

uint64_t record_digest(const struct record *record, const void *object)
{
    return mix_record(0x9e3779b97f4a7c15u, record, object);
}

static bool list_fits(const struct field *field, const char *items, size_t count, const char **name)
{
    size_t size = item_size(field->record);
    for (size_t i = 0; field->record != &text_record && i < count; i++)
        if (!record_fits(field->record, items + i * size, name))
            return false;
    return (double)count <= field->maximum;
}

bool record_fits(const struct record *record, const void *object, const char **name)
{
    for (const struct field *field = record->fields; field->name; field++) {
        const char *member = (const char *)object + field->offset;
        bool pointed = field->type == FIELD_KIND_TEXT || field->type == FIELD_KIND_LIST;
        const char *value = pointed ? *(const any_pointer *)(const void *)member : NULL;
        bool fits = true;
        *name = field->name;
        if (field->type == FIELD_KIND_TEXT)
            fits = !value || (double)strlen(value) <= field->maximum;
        else if (field->type == FIELD_KIND_LIST)
            fits =
                list_fits(field, value,
                          *(const size_t *)(const void *)((const char *)object + field->count_offset), name);
        if (!fits)
            return false;
    }
    return true;
}

void text_replace(char **text, const char *value)
{
    char *copy = memory_strdup(value);
    free(*text);
    *text = copy;
}

void *list_add(void *items, size_t *count, size_t size)
{
    any_pointer *array = items;
    *array = memory_resize(*array, *count + 1, size);
    char *item = (char *)*array + *count * size;
    memset(item, 0, size);
    ++*count;
    return item;
}

void list_remove(const struct record *record, void *items, size_t *count, size_t at)
{
    size_t size = item_size(record);
    char *item = (char *)*(any_pointer *)items + at * size;
    release_item(record, item);
    memmove(item, item + size, (*count - at - 1) * size);
    --*count;
}

void list_clear(const struct record *record, void *items, size_t *count)
{
    while (*count)
        list_remove(record, items, count, *count - 1);
    memory_free(items);
}

void list_add_text(char ***items, size_t *count, const char *text)
{
    char **item = list_add(items, count, sizeof *item);
    *item = memory_strdup(text);
}

bool list_has_text(char *const *items, size_t count, const char *text)
{
    for (size_t i = 0; i < count; i++)
        if (text_equal(items[i], text))
            return true;
    return false;
}
