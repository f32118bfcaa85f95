#include "policy/language.h"

#include "base/buffer.h"

#include <string.h>
#include <strings.h>

static void append_literal(struct buffer *out, const char *text, size_t length)
{
    static const char mark = LITERAL;
    for (const char *end = text + length; text < end; text++) {
        if (*text == '*' || *text == '?' || *text == LITERAL)
            buffer_append(out, &mark, 1);
        buffer_append(out, text, 1);
    }
}

/* The one value a variable stands for; NULL when there is none or there are several. */
static const char *value_of(const struct policy_request *request, const char *name, size_t length)
{
    const char *value = NULL;
    for (size_t i = 0; i < request->context_count; i++) {
        const struct policy_value *entry = &request->context[i];
        if (strlen(entry->key) != length || strncasecmp(entry->key, name, length) != 0)
            continue;
        if (value)
            return NULL;
        value = entry->value;
    }
    return value;
}

static bool is_special(const char *name, size_t length)
{
    return length == 1 && strchr("*?$", *name);
}

static bool append_variable(struct buffer *out, const char *name, size_t length,
                            const struct policy_request *request)
{
    if (is_special(name, length)) {
        append_literal(out, name, 1);
        return true;
    }
    const char *comma = memchr(name, ',', length);
    const char *value = value_of(request, name, comma ? (size_t)(comma - name) : length);
    if (value) {
        append_literal(out, value, strlen(value));
        return true;
    }
    const char *open = comma ? memchr(comma, '\'', (size_t)(name + length - comma)) : NULL;
    const char *close = open ? memchr(open + 1, '\'', (size_t)(name + length - open - 1)) : NULL;
    if (close)
        append_literal(out, open + 1, (size_t)(close - open - 1));
    return close != NULL;
}

char *pattern_expand(const char *pattern, const struct policy_request *request)
{
    cleanup(buffer_free) struct buffer out = buffer_new(POLICY_LARGEST);
    const char *at = pattern, *open;
    while ((open = strstr(at, "${"))) {
        const char *close = strchr(open, '}');
        if (!close)
            break;
        buffer_append(&out, at, (size_t)(open - at));
        if (!append_variable(&out, open + 2, (size_t)(close - open - 2), request))
            return NULL;
        at = close + 1;
    }
    buffer_text(&out, at);
    return out.overflow ? NULL : buffer_take(&out);
}

char *variable_next(struct arena *arena, const char **at)
{
    const char *open, *close;
    while ((open = strstr(*at, "${")) && (close = strchr(open, '}'))) {
        const char *name = open + 2;
        size_t length = (size_t)(close - name);
        const char *comma = memchr(name, ',', length);
        *at = close + 1;
        if (length && !is_special(name, length))
            return arena_strndup(arena, name, comma ? (size_t)(comma - name) : length);
    }
    return NULL;
}
