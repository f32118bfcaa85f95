#include "localaws/plane/lines.h"

#include "base/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool contains(const struct lines *lines, const char *line)
{
    return lines->count && bsearch(&line, lines->items, lines->count, sizeof *lines->items, compare);
}

void lines_add(struct lines *lines, const char *format, ...)
{
    char line[256];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (contains(lines, line))
        return;
    if (lines->count == lines->capacity) {
        lines->capacity = lines->capacity ? lines->capacity * 2 : 32;
        lines->items = memory_resize(lines->items, lines->capacity, sizeof *lines->items);
    }
    size_t place = lines->count++;
    for (; place > 0 && strcmp(lines->items[place - 1], line) > 0; place--)
        lines->items[place] = lines->items[place - 1];
    lines->items[place] = memory_strdup(line);
}

void lines_free(struct lines *lines)
{
    for (size_t i = 0; i < lines->count; i++)
        free(lines->items[i]);
    free(lines->items);
    *lines = (struct lines){0};
}

bool lines_have(const struct lines *lines, const char *line)
{
    return contains(lines, line);
}

static bool has_word(const char *line, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = line; (at = strstr(at, word)); at++)
        if ((at == line || at[-1] == ' ') && (at[length] == ' ' || !at[length]))
            return true;
    return false;
}

void lines_forget(struct lines *lines, const char *word)
{
    size_t kept = 0;
    for (size_t i = 0; i < lines->count; i++)
        if (has_word(lines->items[i], word))
            free(lines->items[i]);
        else
            lines->items[kept++] = lines->items[i];
    lines->count = kept;
}

/* "route X" with the verb after its first word: "route add X". */
static void difference(const struct lines *from, const struct lines *without, const char *verb,
                       struct buffer *commands)
{
    for (size_t i = 0; i < from->count; i++) {
        const char *line = from->items[i];
        int object = (int)strcspn(line, " ");
        if (!contains(without, line))
            buffer_format(commands, "%.*s %s%s\n", object, line, verb, line + object);
    }
}

void lines_deletions(const struct lines *is, const struct lines *wanted, struct buffer *commands)
{
    difference(is, wanted, "del", commands);
}

void lines_additions(const struct lines *is, const struct lines *wanted, struct buffer *commands)
{
    difference(wanted, is, "add", commands);
}
