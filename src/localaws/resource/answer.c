#include "localaws/resource/answer.h"

#include "base/text.h"
#include "localaws/resource/copy.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

enum { LONGEST_LIST = 1000 };

const char **call_list(struct call *call, const char *prefix, size_t *count)
{
    size_t found = 0;
    while (found < LONGEST_LIST && call_parameter(call, "%s.%zu", prefix, found + 1))
        found++;
    const char **values = arena_alloc(call->arena, (found + 1) * sizeof *values);
    for (size_t i = 0; i < found; i++)
        values[i] = call_parameter(call, "%s.%zu", prefix, i + 1);
    if (count)
        *count = found;
    return values;
}

int call_required(struct call *call, const char *name, const char **value, struct error *err)
{
    *value = call_parameter(call, "%s", name);
    if (text_empty(*value))
        return call_fail(call, err, 400, "MissingParameter", "The request must contain the parameter %s",
                         name);
    return 0;
}

int call_number(struct call *call, const char *name, int64_t minimum, int64_t maximum, int64_t otherwise,
                int64_t *number, struct error *err)
{
    const char *text = call_parameter(call, "%s", name);
    *number = otherwise;
    if (!text || text_number(text, minimum, maximum, name, number, NULL) == 0)
        return 0;
    return call_fail(call, err, 400, "InvalidParameterValue",
                     "Value (%s) for parameter %s is invalid: a number from %" PRId64 " to %" PRId64
                     " is expected",
                     text, name, minimum, maximum);
}

enum { LONGEST_NAME = 96 };

/* As one piece: answers are made of thousands of these. */
static void put_piece(struct buffer *out, const char *begin, const char *name)
{
    char piece[LONGEST_NAME + 4];
    size_t begins = strlen(begin), length = strlen(name);
    assert(length <= LONGEST_NAME);
    memcpy(piece, begin, begins);
    memcpy(piece + begins, name, length);
    piece[begins + length] = '>';
    buffer_append(out, piece, begins + length + 1);
}

void put_open(struct buffer *out, const char *name)
{
    put_piece(out, "<", name);
}

void put_close(struct buffer *out, const char *name)
{
    put_piece(out, "</", name);
}

void put_text(struct buffer *out, const char *name, const char *text)
{
    if (!text)
        return;
    put_open(out, name);
    buffer_xml(out, text);
    put_close(out, name);
}

void put_bool(struct buffer *out, const char *name, bool value)
{
    put_text(out, name, value ? "true" : "false");
}

void put_number(struct buffer *out, const char *name, int64_t number)
{
    put_open(out, name);
    buffer_format(out, "%" PRId64, number);
    put_close(out, name);
}

void put_time(struct buffer *out, const char *name, int64_t ms)
{
    /* Taking a date apart is slow, and most times that are shown are near one another. */
    static _Thread_local char text[32];
    static _Thread_local time_t shown = -1;
    time_t seconds = (time_t)(ms / 1000);
    int part = (int)(ms % 1000);
    if (seconds != shown) {
        struct tm utc;
        gmtime_r(&seconds, &utc);
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S.000Z", &utc);
        shown = seconds;
    }
    char *digits = strchr(text, '.') + 1;
    digits[0] = (char)('0' + part / 100);
    digits[1] = (char)('0' + part / 10 % 10);
    digits[2] = (char)('0' + part % 10);
    put_open(out, name);
    buffer_text(out, text);
    put_close(out, name);
}

void put_texts(struct buffer *out, const char *name, const char *item, char *const *texts, size_t count)
{
    put_open(out, name);
    for (size_t i = 0; i < count; i++)
        put_text(out, item, texts[i]);
    put_close(out, name);
}

void put_tag_set(struct buffer *out, const struct tag *tags, size_t count)
{
    put_open(out, "tagSet");
    for (size_t i = 0; i < count; i++) {
        put_open(out, "item");
        put_text(out, "key", tags[i].key);
        put_text(out, "value", tags[i].value);
        put_close(out, "item");
    }
    put_close(out, "tagSet");
}

void put_tags(struct buffer *out, const struct resource *resource)
{
    put_tag_set(out, resource->tags, resource->tag_count);
}

void put_true(struct call *call)
{
    put_bool(&call->answer, "return", true);
}

int resource_missing(struct call *call, const struct kind *kind, const char *id, struct error *err)
{
    return call_fail(call, err, 400, kind->missing, "The %s ID '%s' does not exist", kind->type, id);
}

int resource_named(struct call *call, const struct kind *kind, const char *parameter, void *resource,
                   struct error *err)
{
    const char *id;
    if (call_required(call, parameter, &id, err) < 0)
        return -1;
    void *found = resource_find(call->region, call->account, kind, id);
    if (!found)
        return resource_missing(call, kind, id, err);
    *(void **)resource = found;
    return 0;
}

int draft_check(struct call *call, const struct record *record, const void *draft, struct error *err)
{
    const char *name;
    if (record_fits(record, draft, &name))
        return 0;
    return call_fail(call, err, 400, "InvalidParameterValue", "The value of %s is too long", name);
}

int text_check(struct call *call, const char *what, const char *text, size_t longest, struct error *err)
{
    if (!text || strlen(text) <= longest)
        return 0;
    return call_fail(call, err, 400, "InvalidParameterValue", "The value of %s has more than %zu characters",
                     what, longest);
}

int room_check(struct call *call, const char *what, size_t wanted, size_t most, struct error *err)
{
    if (wanted <= most)
        return 0;
    return call_fail(call, err, 400, "ResourceLimitExceeded", "More than %zu %s", most, what);
}
