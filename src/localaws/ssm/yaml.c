#include "localaws/ssm/yaml.h"

#include "base/text.h"

#include <math.h>
#include <string.h>
#include <yaml.h>

#define REAL_MOST 1e300 /* rounded as we write JSON, it is still a number */

struct reader {
    yaml_parser_t parser;
    yaml_event_t event; /* the current one */
    struct error *err;
};

static void reader_close(struct reader *reader)
{
    yaml_event_delete(&reader->event);
    yaml_parser_delete(&reader->parser);
}

static void release(void *json)
{
    json_decref(json);
}

/* NULL, with the line it is about. */
static json_t *refuse(struct reader *reader, const char *why)
{
    error_set(reader->err, ERROR_INVALID, "YAML, line %zu: %s", reader->event.start_mark.line + 1, why);
    return NULL;
}

static int next(struct reader *reader)
{
    yaml_event_delete(&reader->event);
    if (yaml_parser_parse(&reader->parser, &reader->event))
        return 0;
    return error_set(reader->err, ERROR_INVALID, "YAML, line %zu: %s", reader->parser.problem_mark.line + 1,
                     reader->parser.problem ? reader->parser.problem : "cannot be read");
}

/* --- scalars ------------------------------------------------------------------------------------- */

static bool is_one_of(const char *text, const char *const names[3])
{
    return text_equal(text, names[0]) || text_equal(text, names[1]) || text_equal(text, names[2]);
}

/* As JSON writes them: 12, -3, 2.2, 1e6. */
static json_t *number_of(const char *text)
{
    int64_t whole;
    const char *digits = text + (*text == '-');
    size_t count = strspn(digits, "0123456789");
    if (!count || (*digits == '0' && count > 1) || !text_only(text, "0-9eE.+-"))
        return NULL;
    if (!digits[count])
        return text_number(text, INT64_MIN, INT64_MAX, "number", &whole, NULL) == 0 ? json_integer(whole)
                                                                                    : NULL;
    char *end;
    double value = strtod(text, &end);
    return !*end && end[-1] != '.' && fabs(value) < REAL_MOST ? json_real(value) : NULL;
}

static json_t *scalar_of(struct reader *reader)
{
    static const char *const nulls[] = {"null", "Null", "NULL"}, *const yes[] = {"true", "True", "TRUE"},
                             *const no[] = {"false", "False", "FALSE"};
    const char *text = (const char *)reader->event.data.scalar.value;
    json_t *value = NULL;
    if (strlen(text) != reader->event.data.scalar.length)
        return refuse(reader, "a text has a NUL in it");
    if (reader->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE) {
        if (!*text || text_equal(text, "~") || is_one_of(text, nulls))
            return json_null();
        if (is_one_of(text, yes) || is_one_of(text, no))
            return json_boolean(is_one_of(text, yes));
        value = number_of(text);
    }
    if (!value)
        value = json_string(text);
    return value ? value : refuse(reader, "a text is not UTF-8");
}

/* --- nodes --------------------------------------------------------------------------------------- */

static json_t *read_node(struct reader *reader, unsigned depth);

static json_t *read_sequence(struct reader *reader, unsigned depth)
{
    json_t *list = json_array();
    while (next(reader) == 0) {
        if (reader->event.type == YAML_SEQUENCE_END_EVENT)
            return list;
        json_t *item = read_node(reader, depth);
        if (!item)
            break;
        json_array_append_new(list, item);
    }
    json_decref(list);
    return NULL;
}

/* The current event as the key of a member; NULL with the reason. */
static char *key_of(struct reader *reader, const json_t *object)
{
    const yaml_event_t *event = &reader->event;
    if (event->type != YAML_SCALAR_EVENT || event->data.scalar.anchor || event->data.scalar.tag) {
        refuse(reader, "a key is a text");
        return NULL;
    }
    const char *text = (const char *)event->data.scalar.value;
    if (strlen(text) != event->data.scalar.length || !text_utf8(text, strlen(text)) ||
        json_object_get(object, text)) {
        refuse(reader, "a key is there twice, or is not UTF-8");
        return NULL;
    }
    return memory_strdup(text);
}

static json_t *read_mapping(struct reader *reader, unsigned depth)
{
    json_t *object = json_object();
    while (next(reader) == 0) {
        if (reader->event.type == YAML_MAPPING_END_EVENT)
            return object;
        char *key = key_of(reader, object);
        json_t *value = key && next(reader) == 0 ? read_node(reader, depth) : NULL;
        if (value)
            json_object_set_new(object, key, value);
        free(key);
        if (!value)
            break;
    }
    json_decref(object);
    return NULL;
}

/* The node that the current event begins: a new reference, or NULL with the reason. */
static json_t *read_node(struct reader *reader, unsigned depth)
{
    const yaml_event_t *event = &reader->event;
    if (depth == YAML_DEEPEST)
        return refuse(reader, "too deep");
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return event->data.scalar.anchor || event->data.scalar.tag
                   ? refuse(reader, "anchors and tags are not read here")
                   : scalar_of(reader);
    case YAML_SEQUENCE_START_EVENT:
        return event->data.sequence_start.anchor || event->data.sequence_start.tag
                   ? refuse(reader, "anchors and tags are not read here")
                   : read_sequence(reader, depth + 1);
    case YAML_MAPPING_START_EVENT:
        return event->data.mapping_start.anchor || event->data.mapping_start.tag
                   ? refuse(reader, "anchors and tags are not read here")
                   : read_mapping(reader, depth + 1);
    default:
        return refuse(reader, "aliases are not read here");
    }
}

static int expect(struct reader *reader, yaml_event_type_t type)
{
    if (next(reader) < 0)
        return -1;
    if (reader->event.type == type)
        return 0;
    refuse(reader, "one document is expected");
    return -1;
}

int yaml_read(struct arena *arena, const char *text, json_t **value, struct error *err)
{
    cleanup(reader_close) struct reader reader = {.err = err};
    if (text_empty(text) || strlen(text) > YAML_LARGEST)
        return error_set(err, ERROR_INVALID, "YAML of 1 to %d bytes is expected", YAML_LARGEST);
    if (!yaml_parser_initialize(&reader.parser))
        return error_set(err, ERROR_INTERNAL, "no memory for a YAML parser");
    yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&reader.parser, (const unsigned char *)text, strlen(text));
    if (expect(&reader, YAML_STREAM_START_EVENT) < 0 || expect(&reader, YAML_DOCUMENT_START_EVENT) < 0 ||
        next(&reader) < 0)
        return -1;
    *value = read_node(&reader, 0);
    if (!*value)
        return -1;
    arena_defer(arena, release, *value);
    if (expect(&reader, YAML_DOCUMENT_END_EVENT) < 0)
        return -1;
    return expect(&reader, YAML_STREAM_END_EVENT);
}
