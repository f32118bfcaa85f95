#include "localaws/trail/search.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "localaws/trail/journal.h"
#include "localaws/trail/store.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* A search on its way. */
struct reading {
    const struct trail_search *search;
    struct arena *arena;
    struct trail_found *found;
    size_t count, left;       /* `left`: bytes that may still be looked at */
    char from[32], until[32]; /* eventTime's form, which sorts as time does */
};

/* A file of the journal in memory. */
struct view {
    const char *bytes;
    size_t length;
};

static void view_close(struct view *view)
{
    if (view->length)
        munmap((void *)(uintptr_t)view->bytes, view->length);
}

static struct view view_open(const char *path)
{
    struct stat status;
    cleanup(file_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) < 0 || status.st_size == 0)
        return (struct view){0};
    void *bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_SHARED, fd, 0);
    return bytes == MAP_FAILED ? (struct view){0} : (struct view){bytes, (size_t)status.st_size};
}

static bool holds(const char *line, size_t length, const char *text)
{
    return memmem(line, length, text, strlen(text)) != NULL;
}

/* Where the first member "eventTime" has its value: what comes before it in a line is of our own making. */
static const char *time_of(const char *line, size_t length)
{
    static const char name[] = "\"eventTime\":\"";
    const char *at = memmem(line, length, name, sizeof name - 1);
    return at && (size_t)(line + length - at) > sizeof name + 20 ? at + sizeof name - 1 : NULL;
}

static void json_free(void *json)
{
    json_decref(json);
}

/* What a line says is seen in its text first; only what may be wanted is parsed. A torn line is none. */
static void consider(struct reading *reading, const char *line, size_t length)
{
    const struct trail_search *search = reading->search;
    const char *time = time_of(line, length);
    if (!time || strncmp(time, reading->from, 20) < 0 || strncmp(time, reading->until, 20) > 0)
        return;
    if (!holds(line, length,
               search->data ? "\"eventCategory\":\"Data\"" : "\"eventCategory\":\"Management\"") ||
        (search->holds && !holds(line, length, search->holds)))
        return;
    json_t *event = json_loadb(line, length, 0, NULL); /* a caller's own names may be there twice */
    if (!event)
        return;
    const char *category = json_string_value(json_object_get(event, "eventCategory"));
    if (!text_equal(category, search->data ? "Data" : "Management") ||
        (search->wanted && !search->wanted(event, search->context))) {
        json_decref(event);
        return;
    }
    arena_defer(reading->arena, json_free, event);
    reading->found[reading->count++] =
        (struct trail_found){event, arena_strndup(reading->arena, line, length)};
}

static bool is_full(const struct reading *reading)
{
    return reading->count == reading->search->most || reading->left == 0;
}

/* Backwards from `end`, a place after a line break; returns the place where it stopped, 0 at the start. */
static size_t read_back(struct reading *reading, const struct view *view, size_t end)
{
    while (end > 0 && !is_full(reading)) {
        const char *before = memrchr(view->bytes, '\n', end - 1);
        size_t begin = before ? (size_t)(before - view->bytes) + 1 : 0;
        consider(reading, view->bytes + begin, end - begin - 1);
        reading->left -= end - begin < reading->left ? end - begin : reading->left;
        end = begin;
    }
    return end;
}

static const char *name_of(const char *path)
{
    return strrchr(path, '/') + 1;
}

/* Where a search goes on: "2026-01-02T03:04:05.678Z.jsonl:1234", the file and the place in it. */
struct mark {
    const char *name; /* NULL: at the newest */
    size_t place;
};

static int read_mark(struct arena *arena, const char *text, struct mark *mark, struct error *err)
{
    int64_t place;
    if (!text)
        return 0;
    const char *colon = strrchr(text, ':');
    if (!colon || colon == text || strlen(text) > 80 ||
        text_number(colon + 1, 0, 1LL << 40, "", &place, NULL) < 0)
        return error_set(err, ERROR_INVALID, "no place in the trail");
    *mark = (struct mark){arena_strndup(arena, text, (size_t)(colon - text)), (size_t)place};
    return 0;
}

static bool is_before_mark(const struct mark *mark, const char *path)
{
    return mark->name && strcmp(name_of(path), mark->name) > 0;
}

/* All events of a file are younger than the one before it is old: a file whose successor begins before the
 * time asked for has nothing. */
static bool ends_before(const struct reading *reading, const char *successor)
{
    return successor && strncmp(name_of(successor), reading->from, 19) < 0;
}

/* The end of the last whole line. */
static size_t whole_end(const struct view *view)
{
    const char *last = view->length ? memrchr(view->bytes, '\n', view->length) : NULL;
    return last ? (size_t)(last - view->bytes) + 1 : 0;
}

/* One file, from its end or from the mark in it; the place where it stopped. */
static size_t read_journal_file(struct reading *reading, const char *path, const struct mark *mark)
{
    cleanup(view_close) struct view view = view_open(path);
    size_t end = whole_end(&view);
    if (mark->name && text_equal(name_of(path), mark->name) && mark->place < end)
        end = mark->place && view.bytes[mark->place - 1] == '\n' ? mark->place : 0;
    return read_back(reading, &view, end);
}

int trail_search(struct region *region, struct arena *arena, const struct trail_search *search,
                 struct trail_found *found, size_t *count, const char **continues, struct error *err)
{
    struct journal *journal = trail_journal(region);
    struct reading reading = {.search = search, .arena = arena, .found = found, .left = SEARCH_BYTES};
    struct mark mark = {0};
    *count = 0;
    *continues = NULL;
    if (read_mark(arena, search->continues, &mark, err) < 0)
        return -1;
    if (!journal)
        return 0;
    strcpy(reading.from, clock_rfc3339(arena, search->from_ms));
    strcpy(reading.until, clock_rfc3339(arena, search->until_ms));
    journal_flush(journal);
    char **paths = journal_files(journal, arena, search->account); /* the newest first */
    for (size_t i = 0; paths[i] && !*continues; i++) {
        if (is_before_mark(&mark, paths[i]))
            continue;
        if (ends_before(&reading, i ? paths[i - 1] : NULL))
            break;
        size_t end = read_journal_file(&reading, paths[i], &mark);
        if (is_full(&reading) && (end > 0 || paths[i + 1]))
            *continues = arena_format(arena, "%s:%zu", name_of(paths[i]), end);
    }
    *count = reading.count;
    return 0;
}
