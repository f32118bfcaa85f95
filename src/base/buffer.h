/* A growable byte buffer with a declared maximum. Appending past the maximum sets `overflow` and drops the bytes;
 * the owner checks once, at the end. `data` is always followed by a NUL that is not counted. */
#ifndef BASE_BUFFER_H
#define BASE_BUFFER_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct buffer {
    char *data;
    size_t length, capacity, maximum;
    bool overflow;
};

struct buffer buffer_new(size_t maximum);
void buffer_free(struct buffer *buffer); /* for cleanup() too */
void buffer_clear(struct buffer *buffer);
/* Room for so many bytes more, for who knows that they will come. */
void buffer_reserve(struct buffer *buffer, size_t more);
void buffer_append(struct buffer *buffer, const void *bytes, size_t length);
void buffer_text(struct buffer *buffer, const char *text);
void buffer_format(struct buffer *buffer, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Text with & < > " ' and control characters made safe for XML content or attribute values. */
void buffer_xml(struct buffer *buffer, const char *text);
/* For a queue: `*begin` bytes of the buffer are gone already, `length` more have been taken now. */
void buffer_taken(struct buffer *buffer, size_t *begin, size_t length);
const char *buffer_string(const struct buffer *buffer); /* never NULL */
char *buffer_take(struct buffer *buffer);               /* the caller frees; never NULL */

#endif
