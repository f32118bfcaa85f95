#include "base/memory.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

void memory_free(void *pointer_to_pointer)
{
    void **pointer = pointer_to_pointer;
    free(*pointer);
    *pointer = NULL;
}

void memory_wipe_free(char **text)
{
    if (*text)
        explicit_bzero(*text, strlen(*text));
    free(*text);
    *text = NULL;
}

static void *checked(void *pointer)
{
    if (!pointer) {
        static const char message[] = "out of memory\n";
        fwrite(message, 1, sizeof message - 1, stderr);
        abort();
    }
    return pointer;
}

void *memory_alloc(size_t size)
{
    return checked(calloc(1, size ? size : 1));
}

void *memory_array(size_t count, size_t size)
{
    return checked(calloc(count ? count : 1, size ? size : 1));
}

void *memory_resize(void *old, size_t count, size_t size)
{
    return checked(reallocarray(old, count ? count : 1, size ? size : 1));
}

char *memory_strdup(const char *text)
{
    return text ? checked(strdup(text)) : NULL;
}

char *memory_format(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = NULL;
    if (vasprintf(&text, format, args) < 0)
        text = NULL;
    va_end(args);
    return checked(text);
}

/* Most arenas hold little: thousands of requests wait and records lie with one each. Two small blocks, then
 * they double. */
enum { ARENA_FIRST = 480, ARENA_BLOCK = 4096, ARENA_ALIGN = 16 };

struct arena_block {
    struct arena_block *next;
    size_t used, size;
    _Alignas(ARENA_ALIGN) unsigned char bytes[];
};

struct arena_release {
    struct arena_release *next;
    void (*release)(void *object);
    void *object;
};

struct arena {
    struct arena_block *blocks;
    struct arena_release *releases;
};

struct arena *arena_new(void)
{
    return memory_alloc(sizeof(struct arena));
}

void arena_free(struct arena **arena)
{
    if (!*arena)
        return;
    for (struct arena_release *entry = (*arena)->releases; entry; entry = entry->next)
        entry->release(entry->object);
    struct arena_block *block = (*arena)->blocks;
    while (block) {
        struct arena_block *next = block->next;
        free(block);
        block = next;
    }
    free(*arena);
    *arena = NULL;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    size = (size + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
    struct arena_block *block = arena->blocks;
    if (!block || block->size - block->used < size) {
        size_t room = !block || !block->next          ? ARENA_FIRST
                      : block->size < ARENA_BLOCK / 2 ? 2 * block->size
                                                      : ARENA_BLOCK;
        room = size > room ? size : room;
        block = checked(calloc(1, sizeof *block + room));
        block->size = room;
        block->next = arena->blocks;
        arena->blocks = block;
    }
    void *result = block->bytes + block->used;
    block->used += size;
    return result;
}

char *arena_strdup(struct arena *arena, const char *text)
{
    return text ? arena_strndup(arena, text, strlen(text)) : NULL;
}

char *arena_strndup(struct arena *arena, const char *text, size_t length)
{
    char *copy = arena_alloc(arena, length + 1);
    memcpy(copy, text, length);
    return copy;
}

char *arena_vformat(struct arena *arena, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    char *text = arena_alloc(arena, (size_t)length + 1);
    vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    return text;
}

char *arena_format(struct arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = arena_vformat(arena, format, args);
    va_end(args);
    return text;
}

void arena_defer(struct arena *arena, void (*release)(void *object), void *object)
{
    struct arena_release *entry = arena_alloc(arena, sizeof *entry);
    *entry = (struct arena_release){.next = arena->releases, .release = release, .object = object};
    arena->releases = entry;
}
