/* Memory: a cleanup attribute so that a function has one way out, allocation that aborts instead of returning NULL
 * (what a peer's input sizes is bounded before it is allocated), and arenas for requests and maintenance passes. */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

/* cleanup(file_close) int fd = ...;  calls file_close(&fd) when fd goes out of scope. */
#define cleanup(function) __attribute__((cleanup(function)))

/* For cleanup(memory_free) char *text = ...; */
void memory_free(void *pointer_to_pointer);

/* As memory_free, wiping `strlen` bytes first: for secrets held as strings. */
void memory_wipe_free(char **text);

/* Ownership moves to the caller; the variable becomes NULL: return take(&text). */
#define take(pointer)                     \
    ({                                    \
        __typeof__(*(pointer)) taken = *(pointer); \
        *(pointer) = NULL;                \
        taken;                            \
    })

void *memory_alloc(size_t size);                  /* zeroed */
void *memory_array(size_t count, size_t size);    /* zeroed; aborts on overflow */
void *memory_resize(void *old, size_t count, size_t size);
char *memory_strdup(const char *text);            /* NULL gives NULL */
char *memory_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* An arena: many small allocations, one free. Not thread-safe; one request or one pass owns it. */
struct arena;
struct arena *arena_new(void);
void arena_free(struct arena **arena); /* frees everything allocated from it; for cleanup() too */
void *arena_alloc(struct arena *arena, size_t size); /* zeroed, aligned for any type */
char *arena_strdup(struct arena *arena, const char *text); /* NULL gives NULL */
char *arena_strndup(struct arena *arena, const char *text, size_t length);
char *arena_format(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));
char *arena_vformat(struct arena *arena, const char *format, va_list args);
/* `release(object)` runs when the arena is freed, last registered first. */
void arena_defer(struct arena *arena, void (*release)(void *object), void *object);

#endif
