/* A set of lines of network configuration ("route 10.0.0.5/32 dev e1", "rule pref 200 iif e1 lookup 7"): what
 * is there now is compared with what should be, and only the difference becomes `add` and `del` commands. */
#ifndef LOCALAWS_PLANE_LINES_H
#define LOCALAWS_PLANE_LINES_H

#include "base/buffer.h"

#include <stdbool.h>
#include <stddef.h>

struct lines {
    char **items;
    size_t count, capacity;
};

/* `format` begins with the object, one word: "route ...". A line that is already there is not added twice. */
void lines_add(struct lines *lines, const char *format, ...) __attribute__((format(printf, 2, 3)));
void lines_free(struct lines *lines); /* for cleanup() too */
/* Forgets every line with this word in it: what it named went, and took them along. */
void lines_forget(struct lines *lines, const char *word);
bool lines_have(const struct lines *lines, const char *line);
/* Commands that take away what `is` has and `wanted` has not; and the other way round. */
void lines_deletions(const struct lines *is, const struct lines *wanted, struct buffer *commands);
void lines_additions(const struct lines *is, const struct lines *wanted, struct buffer *commands);

#endif
