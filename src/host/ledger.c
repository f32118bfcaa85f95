#include "host/ledger.h"

#include "base/file.h"
#include "base/record.h"
#include "base/text.h"

#include <string.h>

enum { LEDGER_LARGEST = 1 << 20, KEY_LONGEST = 1024 };

struct entry {
    const char *key; /* of the object */
    int64_t size, at;
};
struct page {
    struct entry *entries; /* oldest first */
    size_t count;
};

static const struct field entry_fields[] = {
    FIELD_TEXT(struct entry, key, "key", REQUIRED, KEY_LONGEST, NULL, "the object's key"),
    FIELD_INTEGER(struct entry, size, "size", REQUIRED, 0, 9e15, "bytes of the log before compression"),
    FIELD_INTEGER(struct entry, at, "at", REQUIRED, 0, 9e15, "ms since the epoch"),
    FIELD_END,
};
static const struct record entry_record = {"entry", sizeof(struct entry), entry_fields};
static const struct field page_fields[] = {
    FIELD_LIST(struct page, entries, count, "archived", REQUIRED, LEDGER_ENTRIES_MOST, &entry_record,
               "oldest first"),
    FIELD_END,
};
static const struct record page_record = {"ledger", sizeof(struct page), page_fields};

struct ledger {
    char *path;
    struct arena *arena; /* of the page; replaced with it */
    struct page page;
};

int ledger_open(const char *path, struct ledger **ledger, struct error *err)
{
    cleanup(ledger_close) struct ledger *opened = memory_alloc(sizeof *opened);
    opened->path = memory_strdup(path);
    opened->arena = arena_new();
    char *text = NULL;
    size_t length = 0;
    if (file_exists(path) &&
        (file_read(opened->arena, path, LEDGER_LARGEST, &text, &length, err) < 0 ||
         record_parse(&page_record, opened->arena, text, length, &opened->page, err) < 0))
        return error_context(err, "log archive's ledger %s", path);
    *ledger = take(&opened);
    return 0;
}

void ledger_close(struct ledger **ledger)
{
    if (!*ledger)
        return;
    arena_free(&(*ledger)->arena);
    free((*ledger)->path);
    memory_free(ledger);
}

bool ledger_has(const struct ledger *ledger, const char *key)
{
    for (size_t i = 0; i < ledger->page.count; i++)
        if (text_equal(ledger->page.entries[i].key, key))
            return true;
    return false;
}

int ledger_add(struct ledger *ledger, const char *key, uint64_t size, int64_t now_ms, struct error *err)
{
    struct arena *arena = arena_new();
    struct page next = {.entries = arena_alloc(arena, LEDGER_ENTRIES_MOST * sizeof *next.entries)};
    size_t skipped = ledger->page.count == LEDGER_ENTRIES_MOST ? 1 : 0;
    for (size_t i = skipped; i < ledger->page.count; i++) {
        next.entries[next.count] = ledger->page.entries[i];
        next.entries[next.count++].key = arena_strdup(arena, ledger->page.entries[i].key);
    }
    next.entries[next.count++] =
        (struct entry){.key = arena_strdup(arena, key), .size = (int64_t)size, .at = now_ms};

    const char *text = record_text(&page_record, arena, &next);
    if (file_write(ledger->path, text, strlen(text), 0600, err) < 0) {
        arena_free(&arena);
        return error_context(err, "log archive's ledger");
    }
    arena_free(&ledger->arena);
    ledger->arena = arena;
    ledger->page = next;
    return 0;
}
