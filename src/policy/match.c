#include "policy/language.h"

#include <ctype.h>
#include <string.h>

static bool same(char a, char b, bool ignore_case)
{
    return a == b || (ignore_case && tolower((unsigned char)a) == tolower((unsigned char)b));
}

enum { ARN_PARTS = 6 };

/* A match under way. `bound` is where the part of an ARN ends up to which wildcards keep to their part; of
 * other patterns it is where the pattern begins. */
struct matching {
    const char *pattern_end, *text_end, *bound;
    bool ignore_case;
};

static bool is_literal(const char *at, const struct matching *matching)
{
    return at < matching->pattern_end && *at == LITERAL;
}

/* May the wildcard here stand for a colon? */
static bool goes_beyond(const struct matching *matching, const char *wildcard)
{
    if (wildcard >= matching->bound)
        return true;
    return *wildcard == '*' && wildcard[1] == ':';
}

static bool takes(const struct matching *matching, const char *pattern, char byte)
{
    if (pattern >= matching->pattern_end)
        return false;
    if (is_literal(pattern, matching))
        return same(pattern[1], byte, matching->ignore_case);
    if (*pattern == '?')
        return byte != ':' || goes_beyond(matching, pattern);
    return same(*pattern, byte, matching->ignore_case);
}

/* Where to go on after a mismatch: behind a '*', which takes one byte more. */
struct retry {
    const char *star, *text;
};

static void retry_longer(struct retry *retry, const char **pattern, const char **text)
{
    *pattern = retry->star + 1;
    *text = ++retry->text;
}

/* On a mismatch the last '*' takes one byte more; if that is a colon and the '*' keeps to its part, the last
 * one that does not takes it. Earlier ones need never be tried again. */
static bool range_matches(const struct matching *matching, const char *pattern, const char *text)
{
    struct retry near = {0}, far = {0};
    while (text < matching->text_end) {
        if (!is_literal(pattern, matching) && pattern < matching->pattern_end && *pattern == '*') {
            near = (struct retry){pattern, text};
            if (goes_beyond(matching, pattern))
                far = near;
            pattern++;
        } else if (takes(matching, pattern, *text)) {
            pattern += is_literal(pattern, matching) ? 2 : 1;
            text++;
        } else if (near.star && (near.star == far.star || *near.text != ':')) {
            retry_longer(&near, &pattern, &text);
            if (near.star == far.star)
                far.text = near.text;
        } else if (far.star) {
            retry_longer(&far, &pattern, &text);
            near = far;
        } else {
            return false;
        }
    }
    while (pattern < matching->pattern_end && *pattern == '*')
        pattern++;
    return pattern == matching->pattern_end;
}

static bool part_matches(const char *pattern, const char *pattern_end, const char *text, const char *text_end,
                         bool ignore_case)
{
    const struct matching matching = {pattern_end, text_end, pattern, ignore_case};
    return range_matches(&matching, pattern, text);
}

bool pattern_matches(const char *pattern, const char *text, bool ignore_case)
{
    return part_matches(pattern, pattern + strlen(pattern), text, text + strlen(text), ignore_case);
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

bool arn_matches(const char *pattern, const char *arn)
{
    if (strcmp(pattern, "*") == 0)
        return true;
    for (int part = 1; part < ARN_PARTS; part++) {
        const char *pattern_end = strchr(pattern, ':'), *arn_end = strchr(arn, ':');
        if (!pattern_end || !arn_end || !part_matches(pattern, pattern_end, arn, arn_end, false))
            return false;
        pattern = pattern_end + 1;
        arn = arn_end + 1;
    }
    return pattern_matches(pattern, arn, false);
}

bool resource_matches(const char *pattern, const char *resource)
{
    const char *bound = pattern;
    for (int part = 1; bound && part < ARN_PARTS; part++) {
        bound = strchr(bound, ':');
        bound = bound ? bound + 1 : NULL;
    }
    const struct matching matching = {pattern + strlen(pattern), resource + strlen(resource),
                                      bound ? bound : pattern, false};
    return range_matches(&matching, pattern, resource);
}
