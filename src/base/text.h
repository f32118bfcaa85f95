/* Text: comparisons that read well, and the encodings every protocol here needs (base64, hex, percent, UTF-8). */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include "base/error.h"
#include "base/memory.h"

#include <stdbool.h>
#include <stdint.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

bool text_equal(const char *a, const char *b);             /* NULL equals only NULL */
bool text_equal_nocase(const char *a, const char *b);
bool text_starts(const char *text, const char *prefix);
bool text_ends(const char *text, const char *suffix);
bool text_empty(const char *text);                         /* NULL or "" */
bool text_equal_secret(const char *a, const char *b);      /* constant time for equal lengths */

/* Splits at each `separator`; empty parts are kept. Returns the number of parts; `*parts` is arena-allocated. */
size_t text_split(struct arena *arena, const char *text, char separator, char ***parts);
char *text_lower(struct arena *arena, const char *text);
char *text_trim(struct arena *arena, const char *text);

/* True when every byte is in `allowed` written as ranges, e.g. "a-z0-9-_" (a final '-' stands for itself). */
bool text_only(const char *text, const char *allowed);
bool text_utf8(const char *bytes, size_t length); /* well-formed UTF-8, no NUL */
/* Where to cut it, at most so many bytes in, without splitting a character; it has more bytes than that. */
size_t text_cut(const char *text, size_t most);

/* Whole-string numbers; -1 with ERROR_INVALID naming `what` otherwise. */
int text_number(const char *text, int64_t minimum, int64_t maximum, const char *what, int64_t *number,
                struct error *err);

char *base64_encode(struct arena *arena, const void *bytes, size_t length); /* padded, standard alphabet */
/* Strict: standard alphabet, padding required. NUL follows the result. */
int base64_decode(struct arena *arena, const char *text, unsigned char **bytes, size_t *length,
                  struct error *err);
char *hex_encode(struct arena *arena, const void *bytes, size_t length); /* lower case */
int hex_decode(struct arena *arena, const char *text, unsigned char **bytes, size_t *length, struct error *err);

/* RFC 3986: everything but unreserved characters (and '/' when `keep_slash`) becomes %XX, upper case. */
char *percent_encode(struct arena *arena, const char *text, bool keep_slash);
/* `plus` also turns '+' into a space. Refuses bad escapes and NUL. */
int percent_decode(struct arena *arena, const char *text, bool plus, char **decoded, struct error *err);

#endif
