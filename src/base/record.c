#include "base/record.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

enum { JSON_DEEPEST = 64 };

const struct record text_record = {"text", sizeof(char *), NULL};

static void release_json(void *value)
{
    json_decref(value);
}

/* Depth is bounded before jansson builds anything; strings are skipped so that brackets in them do not count. */
static bool too_deep(const char *text, size_t length)
{
    int depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < length; i++) {
        if (in_string) {
            if (text[i] == '\\')
                i++;
            else
                in_string = text[i] != '"';
        } else if (text[i] == '"') {
            in_string = true;
        } else if (text[i] == '{' || text[i] == '[') {
            if (++depth > JSON_DEEPEST)
                return true;
        } else if (text[i] == '}' || text[i] == ']') {
            depth--;
        }
    }
    return false;
}

int json_parse(struct arena *arena, const char *text, size_t length, json_t **value, struct error *err)
{
    if (too_deep(text, length))
        return error_set(err, ERROR_INVALID, "JSON is nested deeper than %d", JSON_DEEPEST);
    json_error_t trouble;
    *value = json_loadb(text, length, JSON_REJECT_DUPLICATES, &trouble);
    if (!*value)
        return error_set(err, ERROR_INVALID, "not JSON: %s (line %d, column %d)", trouble.text, trouble.line,
                         trouble.column);
    arena_defer(arena, release_json, *value);
    return 0;
}

static char *dump(struct arena *arena, const json_t *value, size_t flags)
{
    char *text = json_dumps(value, flags | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
    if (!text)
        abort(); /* values come from json_parse or from us: always well-formed */
    char *copy = arena_strdup(arena, text);
    free(text);
    return copy;
}

char *json_text(struct arena *arena, const json_t *value)
{
    return dump(arena, value, JSON_COMPACT);
}

char *json_pretty(struct arena *arena, const json_t *value)
{
    return dump(arena, value, JSON_INDENT(2));
}

const char *json_member_text(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

/* Where in the document we are, for messages: a linked path from the inside out. */
struct place {
    const struct place *outer;
    const char *name;
    size_t index; /* of a list item when name is NULL */
};

static void append_place(const struct place *place, char *text, size_t size)
{
    if (!place)
        return;
    append_place(place->outer, text, size);
    size_t used = strlen(text);
    if (place->name)
        snprintf(text + used, size - used, "%s%s", used ? "." : "", place->name);
    else
        snprintf(text + used, size - used, "[%zu]", place->index);
}

static int wrong(const struct place *place, const char *rule, struct error *err)
{
    char path[256] = "";
    append_place(place, path, sizeof path);
    return error_set(err, ERROR_INVALID, "\"%s\" %s", path, rule);
}

/* The limit is put into words only when it is told: most texts keep theirs. */
static int beyond(const struct place *place, const char *rule_before, double limit, const char *rule_after,
                  struct error *err)
{
    char rule[80];
    snprintf(rule, sizeof rule, "%s %.0f %s", rule_before, limit, rule_after);
    return wrong(place, rule, err);
}

static int read_record(const struct record *record, struct arena *arena, json_t *json, void *object,
                       const struct place *place, struct error *err);

static int read_text(const struct field *field, struct arena *arena, json_t *json, char **value,
                     const struct place *place, struct error *err)
{
    if (!json_is_string(json))
        return wrong(place, "must be a string", err);
    const char *text = json_string_value(json);
    size_t length = strlen(text);
    if (json_string_length(json) != length)
        return wrong(place, "contains a NUL", err);
    if (field->maximum > 0 && (double)length > field->maximum)
        return beyond(place, "is longer than", field->maximum, "bytes", err);
    if (field->valid && !field->valid(text))
        return wrong(place, "is not a valid name or value", err);
    *value = arena_strdup(arena, text);
    return 0;
}

static int check_range(const struct field *field, double value, const struct place *place, struct error *err)
{
    char rule[96];
    if (field->minimum == 0 && field->maximum == 0) /* no limits declared */
        return 0;
    if (value >= field->minimum && value <= field->maximum)
        return 0;
    snprintf(rule, sizeof rule, "must be from %.15g to %.15g", field->minimum, field->maximum);
    return wrong(place, rule, err);
}

static int read_enum(const struct field *field, json_t *json, int *value, const struct place *place, struct error *err)
{
    const char *text = json_string_value(json);
    for (int i = 0; text && field->names[i]; i++)
        if (text_equal(field->names[i], text)) {
            *value = i;
            return 0;
        }
    char rule[200] = "must be one of";
    for (int i = 0; field->names[i]; i++) {
        size_t used = strlen(rule);
        snprintf(rule + used, sizeof rule - used, " %s", field->names[i]);
    }
    return wrong(place, rule, err);
}

static int read_list(const struct field *field, struct arena *arena, json_t *json, void *object,
                     const struct place *place, struct error *err)
{
    if (!json_is_array(json))
        return wrong(place, "must be a list", err);
    size_t count = json_array_size(json);
    if (field->maximum > 0 && (double)count > field->maximum)
        return beyond(place, "has more than", field->maximum, "items", err);
    char *items = arena_alloc(arena, (count + 1) * field->record->size); /* a list of texts ends with NULL */
    const struct field text_field = {.name = field->name, .type = FIELD_KIND_TEXT};
    for (size_t i = 0; i < count; i++) {
        const struct place inner = {.outer = place, .index = i};
        void *item = items + i * field->record->size;
        json_t *value = json_array_get(json, i);
        int result = field->record == &text_record ? read_text(&text_field, arena, value, item, &inner, err)
                                                   : read_record(field->record, arena, value, item, &inner, err);
        if (result < 0)
            return -1;
    }
    *(void **)((char *)object + field->offset) = items;
    *(size_t *)(void *)((char *)object + field->count_offset) = count;
    return 0;
}

static int read_integer(const struct field *field, json_t *json, int64_t *value, const struct place *place,
                        struct error *err)
{
    if (!json_is_integer(json))
        return wrong(place, "must be a whole number", err);
    *value = json_integer_value(json);
    return check_range(field, (double)*value, place, err);
}

static int read_number(const struct field *field, json_t *json, double *value, const struct place *place,
                       struct error *err)
{
    if (!json_is_number(json))
        return wrong(place, "must be a number", err);
    *value = json_number_value(json);
    return check_range(field, *value, place, err);
}

static int read_field(const struct field *field, struct arena *arena, json_t *json, void *object,
                      const struct place *place, struct error *err)
{
    void *slot = (char *)object + field->offset;
    switch (field->type) {
    case FIELD_KIND_TEXT:
        return read_text(field, arena, json, slot, place, err);
    case FIELD_KIND_INTEGER:
        return read_integer(field, json, slot, place, err);
    case FIELD_KIND_NUMBER:
        return read_number(field, json, slot, place, err);
    case FIELD_KIND_BOOL:
        if (!json_is_boolean(json))
            return wrong(place, "must be true or false", err);
        *(bool *)slot = json_is_true(json);
        return 0;
    case FIELD_KIND_ENUM:
        return read_enum(field, json, slot, place, err);
    case FIELD_KIND_RECORD:
        *(void **)slot = arena_alloc(arena, field->record->size);
        return read_record(field->record, arena, json, *(void **)slot, place, err);
    case FIELD_KIND_LIST:
        return read_list(field, arena, json, object, place, err);
    case FIELD_KIND_JSON:
        arena_defer(arena, release_json, json_incref(json));
        *(json_t **)slot = json;
        return 0;
    }
    return 0;
}

static int read_record(const struct record *record, struct arena *arena, json_t *json, void *object,
                       const struct place *place, struct error *err)
{
    if (!json_is_object(json))
        return place ? wrong(place, "must be an object", err)
                     : error_set(err, ERROR_INVALID, "%s must be a JSON object", record->name);
    for (const struct field *field = record->fields; field->name; field++) {
        const struct place inner = {.outer = place, .name = field->name};
        json_t *value = json_object_get(json, field->name);
        if (!value || json_is_null(value)) {
            if (field->need == REQUIRED)
                return wrong(&inner, "is missing", err);
            continue;
        }
        if (read_field(field, arena, value, object, &inner, err) < 0)
            return -1;
    }
    return 0;
}

int record_read(const struct record *record, struct arena *arena, json_t *json, void *object, struct error *err)
{
    return read_record(record, arena, json, object, NULL, err);
}

int record_parse(const struct record *record, struct arena *arena, const char *text, size_t length, void *object,
                 struct error *err)
{
    json_t *json;
    if (json_parse(arena, text, length, &json, err) < 0)
        return error_context(err, "%s", record->name);
    return record_read(record, arena, json, object, err);
}

static json_t *write_list(const struct field *field, const void *object)
{
    const char *items = *(const char *const *)(const void *)((const char *)object + field->offset);
    size_t count = *(const size_t *)(const void *)((const char *)object + field->count_offset);
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        const void *item = items + i * field->record->size;
        json_array_append_new(list, field->record == &text_record ? json_string(*(const char *const *)item)
                                                                  : record_write(field->record, item));
    }
    return list;
}

/* NULL for what is absent. */
static json_t *write_field(const struct field *field, const void *object)
{
    const void *slot = (const char *)object + field->offset;
    switch (field->type) {
    case FIELD_KIND_TEXT:
        return *(const char *const *)slot ? json_string(*(const char *const *)slot) : NULL;
    case FIELD_KIND_INTEGER:
        return json_integer(*(const int64_t *)slot);
    case FIELD_KIND_NUMBER:
        return json_real(*(const double *)slot);
    case FIELD_KIND_BOOL:
        return json_boolean(*(const bool *)slot);
    case FIELD_KIND_ENUM:
        return json_string(field->names[*(const int *)slot]);
    case FIELD_KIND_RECORD:
        return *(const void *const *)slot ? record_write(field->record, *(const void *const *)slot) : NULL;
    case FIELD_KIND_LIST:
        return write_list(field, object);
    case FIELD_KIND_JSON:
        return json_incref(*(json_t *const *)slot);
    }
    return NULL;
}

json_t *record_write(const struct record *record, const void *object)
{
    json_t *json = json_object();
    for (const struct field *field = record->fields; field->name; field++) {
        json_t *value = write_field(field, object);
        if (value)
            json_object_set_new(json, field->name, value);
    }
    return json;
}

char *record_text(const struct record *record, struct arena *arena, const void *object)
{
    json_t *json = record_write(record, object);
    char *text = json_text(arena, json);
    json_decref(json);
    return text;
}
