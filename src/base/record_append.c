/* Records as JSON text, without a JSON value in between: for whoever writes thousands. */
#include "base/record.h"
#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* What stands for a byte inside a JSON string; NULL: itself. */
static const char *escape_of(unsigned char byte, char room[8])
{
    if (byte >= 0x20 && byte != '"' && byte != '\\')
        return NULL;
    static const char letters[] = "\b\t\n\f\r", names[] = "btnfr";
    const char *letter = byte ? strchr(letters, byte) : NULL;
    if (letter)
        snprintf(room, 8, "\\%c", names[letter - letters]);
    else
        snprintf(room, 8, byte < 0x20 ? "\\u%04X" : "\\%c", byte);
    return room;
}

static void append_string(struct buffer *out, const char *text)
{
    const char *plain = text;
    char room[8];
    buffer_append(out, "\"", 1);
    for (const char *at = text; *at; at++) {
        const char *escape = escape_of((unsigned char)*at, room);
        if (!escape)
            continue;
        buffer_append(out, plain, (size_t)(at - plain));
        buffer_text(out, escape);
        plain = at + 1;
    }
    buffer_text(out, plain);
    buffer_append(out, "\"", 1);
}

static void append_value(struct buffer *out, json_t *value)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    buffer_text(out, json_text(arena, value));
    json_decref(value);
}

static bool writable(const char *text)
{
    return text && text_utf8(text, strlen(text));
}

static void append_list(struct buffer *out, const struct field *field, const void *object)
{
    const char *items = *(const char *const *)(const void *)((const char *)object + field->offset);
    size_t count = *(const size_t *)(const void *)((const char *)object + field->count_offset), written = 0;
    buffer_append(out, "[", 1);
    for (size_t i = 0; i < count; i++) {
        const void *item = items + i * field->record->size;
        if (field->record == &text_record && !writable(*(const char *const *)item))
            continue;
        if (written++)
            buffer_append(out, ",", 1);
        if (field->record == &text_record)
            append_string(out, *(const char *const *)item);
        else
            record_append(field->record, item, out);
    }
    buffer_append(out, "]", 1);
}

static bool is_absent(const struct field *field, const void *slot)
{
    switch (field->type) {
    case FIELD_KIND_TEXT:
        return !writable(*(const char *const *)slot);
    case FIELD_KIND_RECORD:
    case FIELD_KIND_JSON:
        return *(const void *const *)slot == NULL;
    default:
        return false;
    }
}

static void append_field(struct buffer *out, const struct field *field, const void *object)
{
    const void *slot = (const char *)object + field->offset;
    switch (field->type) {
    case FIELD_KIND_TEXT:
        append_string(out, *(const char *const *)slot);
        return;
    case FIELD_KIND_INTEGER:
        buffer_format(out, "%" PRId64, *(const int64_t *)slot);
        return;
    case FIELD_KIND_NUMBER:
        append_value(out, json_real(*(const double *)slot));
        return;
    case FIELD_KIND_BOOL:
        buffer_text(out, *(const bool *)slot ? "true" : "false");
        return;
    case FIELD_KIND_ENUM:
        append_string(out, field->names[*(const int *)slot]);
        return;
    case FIELD_KIND_RECORD:
        record_append(field->record, *(const void *const *)slot, out);
        return;
    case FIELD_KIND_LIST:
        append_list(out, field, object);
        return;
    case FIELD_KIND_JSON:
        append_value(out, json_incref(*(json_t *const *)slot));
        return;
    }
}

void record_append(const struct record *record, const void *object, struct buffer *out)
{
    const char *separator = "{";
    for (const struct field *field = record->fields; field->name; field++) {
        if (is_absent(field, (const char *)object + field->offset))
            continue;
        buffer_text(out, separator);
        append_string(out, field->name);
        buffer_append(out, ":", 1);
        append_field(out, field, object);
        separator = ",";
    }
    buffer_text(out, *separator == '{' ? "{}" : "}");
}
