#include "policy/policy.h"

#include "base/buffer.h"
#include "base/text.h"

#include <ctype.h>
#include <string.h>

/* Before a byte of an expanded pattern: it stands for itself. Cannot be in a policy, whose text has no
 * controls. */
enum { LITERAL = '\1' };

static bool same(char a, char b, bool ignore_case)
{
    return a == b || (ignore_case && tolower((unsigned char)a) == tolower((unsigned char)b));
}

/* The usual two-pointer match: on a mismatch the last '*' takes one byte more. */
static bool range_matches(const char *pattern, const char *pattern_end, const char *text,
                          const char *text_end, bool ignore_case)
{
    const char *star = NULL, *resume = NULL;
    while (text < text_end) {
        bool literal = pattern < pattern_end && *pattern == LITERAL;
        const char *at = pattern + literal;
        if (!literal && at < pattern_end && *at == '*') {
            star = pattern = at + 1;
            resume = text;
        } else if (at < pattern_end && ((!literal && *at == '?') || same(*at, *text, ignore_case))) {
            pattern = at + 1;
            text++;
        } else if (star) {
            pattern = star;
            text = ++resume;
        } else {
            return false;
        }
    }
    while (pattern < pattern_end && *pattern == '*')
        pattern++;
    return pattern == pattern_end;
}

bool pattern_matches(const char *pattern, const char *text, bool ignore_case)
{
    return range_matches(pattern, pattern + strlen(pattern), text, text + strlen(text), ignore_case);
}

bool literal_matches(const char *pattern, const char *text, bool ignore_case)
{
    for (;; pattern++, text++) {
        pattern += *pattern == LITERAL;
        if (!same(*pattern, *text, ignore_case))
            return false;
        if (!*text)
            return true;
    }
}

enum { ARN_PARTS = 6 };

bool arn_matches(const char *pattern, const char *arn)
{
    if (strcmp(pattern, "*") == 0)
        return true;
    for (int part = 1; part < ARN_PARTS; part++) {
        const char *pattern_end = strchr(pattern, ':'), *arn_end = strchr(arn, ':');
        if (!pattern_end || !arn_end || !range_matches(pattern, pattern_end, arn, arn_end, false))
            return false;
        pattern = pattern_end + 1;
        arn = arn_end + 1;
    }
    return pattern_matches(pattern, arn, false);
}

static void append_literal(struct buffer *out, const char *text)
{
    static const char mark = LITERAL;
    for (; *text; text++) {
        if (*text == '*' || *text == '?')
            buffer_append(out, &mark, 1);
        buffer_append(out, text, 1);
    }
}

/* The one value a variable stands for; NULL when there is none or there are several. */
static const char *variable(const struct policy_request *request, const char *name, size_t length)
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

/* "${aws:username}", "${aws:username, 'nobody'}", "${*}", "${?}", "${$}". */
static bool append_variable(struct buffer *out, const char *name, size_t length,
                            const struct policy_request *request)
{
    if (length == 1 && strchr("*?$", *name)) {
        append_literal(out, (const char[]){*name, '\0'});
        return true;
    }
    const char *comma = memchr(name, ',', length);
    const char *value = variable(request, name, comma ? (size_t)(comma - name) : length);
    if (value) {
        append_literal(out, value);
        return true;
    }
    const char *open = comma ? memchr(comma, '\'', (size_t)(name + length - comma)) : NULL;
    const char *close = open ? memchr(open + 1, '\'', (size_t)(name + length - open - 1)) : NULL;
    for (const char *at = open; close && at + 1 < close; at++)
        append_literal(out, (const char[]){at[1], '\0'});
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
