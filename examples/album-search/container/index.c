#include "index.h"

#include "base/buffer.h"
#include "base/text.h"

#include <sqlite3.h>
#include <string.h>

enum { WORDS_MOST = 64, TEXT_LARGEST = 1 << 20 };

struct index {
    pthread_mutex_t lock; /* protects the connection and the statements: one caller at a time */
    sqlite3 *database;
    sqlite3_stmt *put, *put_text, *get, *find, *remove, *remove_text, *search, *count_matches, *all,
        *count_all;
};

static const char schema[] = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                             "CREATE TABLE IF NOT EXISTS documents (number INTEGER PRIMARY KEY, id TEXT NOT "
                             "NULL UNIQUE, fields TEXT NOT NULL);"
                             "CREATE VIRTUAL TABLE IF NOT EXISTS texts USING fts5(body);";

static const struct {
    size_t offset;
    const char *sql;
} statements[] = {
    {offsetof(struct index, put),
     "INSERT INTO documents (id, fields) VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET "
     "fields = excluded.fields RETURNING number"},
    {offsetof(struct index, put_text), "INSERT OR REPLACE INTO texts (rowid, body) VALUES (?1, ?2)"},
    {offsetof(struct index, get), "SELECT fields FROM documents WHERE id = ?1"},
    {offsetof(struct index, find), "SELECT number FROM documents WHERE id = ?1"},
    {offsetof(struct index, remove), "DELETE FROM documents WHERE number = ?1"},
    {offsetof(struct index, remove_text), "DELETE FROM texts WHERE rowid = ?1"},
    {offsetof(struct index, search),
     "SELECT id, fields, -bm25(texts) FROM texts JOIN documents ON number = texts.rowid "
     "WHERE texts MATCH ?1 ORDER BY bm25(texts), id LIMIT ?2"},
    {offsetof(struct index, count_matches), "SELECT count(*) FROM texts WHERE texts MATCH ?1"},
    {offsetof(struct index, all), "SELECT id, fields, 0.0 FROM documents ORDER BY id LIMIT ?2"},
    {offsetof(struct index, count_all), "SELECT count(*) FROM documents"},
};

static sqlite3_stmt **statement_at(struct index *index, size_t i)
{
    return (sqlite3_stmt **)(void *)((char *)index + statements[i].offset);
}

static int fail(struct index *index, const char *what, struct error *err)
{
    return error_set(err, ERROR_UNAVAILABLE, "%s: %s", what, sqlite3_errmsg(index->database));
}

int index_open(const char *path, struct index **index, struct error *err)
{
    cleanup(index_close) struct index *opened = memory_alloc(sizeof *opened);
    pthread_mutex_init(&opened->lock, NULL);
    if (sqlite3_open(path, &opened->database) != SQLITE_OK ||
        sqlite3_exec(opened->database, schema, NULL, NULL, NULL) != SQLITE_OK)
        return fail(opened, path, err);
    for (size_t i = 0; i < COUNT_OF(statements); i++)
        if (sqlite3_prepare_v2(opened->database, statements[i].sql, -1, statement_at(opened, i), NULL) !=
            SQLITE_OK)
            return fail(opened, path, err);
    *index = take(&opened);
    return 0;
}

void index_close(struct index **index)
{
    if (!*index)
        return;
    for (size_t i = 0; i < COUNT_OF(statements); i++)
        sqlite3_finalize(*statement_at(*index, i));
    sqlite3_close((*index)->database);
    memory_free(index);
}

static void leave(pthread_mutex_t **lock)
{
    pthread_mutex_unlock(*lock);
}

static pthread_mutex_t *enter(struct index *index)
{
    pthread_mutex_lock(&index->lock);
    return &index->lock;
}

static void reset(sqlite3_stmt **statement)
{
    sqlite3_reset(*statement);
    sqlite3_clear_bindings(*statement);
}

static void bind_text(sqlite3_stmt *statement, int at, const char *text)
{
    sqlite3_bind_text(statement, at, text, -1, SQLITE_TRANSIENT);
}

/* Every text anywhere in the document, a line each. */
static void gather_text(const json_t *value, struct buffer *text)
{
    const char *key;
    json_t *member;
    size_t i;
    if (json_is_string(value)) {
        buffer_text(text, json_string_value(value));
        buffer_text(text, "\n");
    }
    json_object_foreach((json_t *)value, key, member)
        gather_text(member, text);
    json_array_foreach(value, i, member)
        gather_text(member, text);
}

static int step_done(struct index *index, sqlite3_stmt *statement, const char *what, struct error *err)
{
    cleanup(reset) sqlite3_stmt *running = statement;
    return sqlite3_step(running) == SQLITE_DONE ? 0 : fail(index, what, err);
}

static int write_document(struct index *index, struct arena *arena, const char *id, json_t *fields,
                          struct error *err)
{
    cleanup(buffer_free) struct buffer text = buffer_new(TEXT_LARGEST);
    gather_text(fields, &text);
    bind_text(index->put, 1, id);
    bind_text(index->put, 2, json_text(arena, fields));
    int stepped = sqlite3_step(index->put);
    sqlite3_int64 number = sqlite3_column_int64(index->put, 0);
    if (stepped == SQLITE_ROW)
        stepped = sqlite3_step(index->put);
    reset(&index->put);
    if (stepped != SQLITE_DONE)
        return fail(index, "put a document", err);
    sqlite3_bind_int64(index->put_text, 1, number);
    bind_text(index->put_text, 2, buffer_string(&text));
    return step_done(index, index->put_text, "index a document", err);
}

static int begin(struct index *index, struct error *err)
{
    return sqlite3_exec(index->database, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK
               ? 0
               : fail(index, "begin", err);
}

static int end(struct index *index, int result, struct error *err)
{
    if (result == 0 && sqlite3_exec(index->database, "COMMIT", NULL, NULL, NULL) == SQLITE_OK)
        return 0;
    if (result == 0)
        fail(index, "commit", err);
    sqlite3_exec(index->database, "ROLLBACK", NULL, NULL, NULL);
    return -1;
}

int index_put(struct index *index, const struct document_id *id, json_t *fields, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    cleanup(leave) pthread_mutex_t *held __attribute__((unused)) = enter(index);
    if (begin(index, err) < 0)
        return -1;
    return end(index, write_document(index, arena, document_id_text(arena, id), fields, err), err);
}

int index_get(struct index *index, struct arena *arena, const struct document_id *id, json_t **fields,
              struct error *err)
{
    cleanup(leave) pthread_mutex_t *held __attribute__((unused)) = enter(index);
    cleanup(reset) sqlite3_stmt *get = index->get;
    bind_text(get, 1, document_id_text(arena, id));
    int stepped = sqlite3_step(get);
    if (stepped == SQLITE_DONE)
        return error_set(err, ERROR_NOT_FOUND, "no document %s", document_id_text(arena, id));
    if (stepped != SQLITE_ROW)
        return fail(index, "get a document", err);
    return json_parse(arena, (const char *)sqlite3_column_text(get, 0), (size_t)sqlite3_column_bytes(get, 0),
                      fields, err);
}

int index_delete(struct index *index, const struct document_id *id, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    cleanup(leave) pthread_mutex_t *held __attribute__((unused)) = enter(index);
    if (begin(index, err) < 0)
        return -1;
    bind_text(index->find, 1, document_id_text(arena, id));
    int stepped = sqlite3_step(index->find);
    sqlite3_int64 number = sqlite3_column_int64(index->find, 0);
    reset(&index->find);
    if (stepped != SQLITE_ROW) /* deleting what is not there is fine, as in Vespa */
        return end(index, stepped == SQLITE_DONE ? 0 : fail(index, "delete a document", err), err);
    sqlite3_bind_int64(index->remove, 1, number);
    sqlite3_bind_int64(index->remove_text, 1, number);
    int result = step_done(index, index->remove, "delete a document", err);
    if (result == 0)
        result = step_done(index, index->remove_text, "delete a document's text", err);
    reset(&index->remove_text);
    return end(index, result, err);
}

/* Any of the words, each a phrase of its own, so that nothing a client writes is query syntax. */
static char *match_expression(struct arena *arena, const char *words)
{
    cleanup(buffer_free) struct buffer match = buffer_new(64 * 1024);
    char **parts = NULL;
    size_t count = text_split(arena, words, ' ', &parts), taken = 0;
    for (size_t i = 0; i < count && taken < WORDS_MOST; i++) {
        if (text_empty(parts[i]))
            continue;
        buffer_text(&match, taken++ ? " OR \"" : "\"");
        for (const char *byte = parts[i]; *byte; byte++)
            buffer_append(&match, *byte == '"' ? "\"\"" : byte, *byte == '"' ? 2 : 1);
        buffer_text(&match, "\"");
    }
    return taken && !match.overflow ? arena_strdup(arena, buffer_string(&match)) : NULL;
}

static int64_t count_of(sqlite3_stmt *statement, const char *match)
{
    cleanup(reset) sqlite3_stmt *count = statement;
    if (match)
        bind_text(count, 1, match);
    return sqlite3_step(count) == SQLITE_ROW ? sqlite3_column_int64(count, 0) : 0;
}

static int read_hits(struct index *index, sqlite3_stmt *search, struct arena *arena, struct hits *hits,
                     size_t room, struct error *err)
{
    int stepped;
    while ((stepped = sqlite3_step(search)) == SQLITE_ROW && hits->count < room) {
        struct hit *hit = &hits->items[hits->count];
        hit->id = arena_strdup(arena, (const char *)sqlite3_column_text(search, 0));
        hit->relevance = sqlite3_column_double(search, 2);
        if (json_parse(arena, (const char *)sqlite3_column_text(search, 1),
                       (size_t)sqlite3_column_bytes(search, 1), &hit->fields, err) < 0)
            return -1;
        hits->count++;
    }
    return stepped == SQLITE_DONE || stepped == SQLITE_ROW ? 0 : fail(index, "search", err);
}

int index_search(struct index *index, struct arena *arena, const struct query *query, struct hits *hits,
                 struct error *err)
{
    size_t room = (size_t)(query->hits + query->offset);
    const char *match = query->everything ? NULL : match_expression(arena, query->words);
    *hits = (struct hits){.items = arena_alloc(arena, (room + 1) * sizeof *hits->items)};
    if (!query->everything && !match)
        return 0;
    cleanup(leave) pthread_mutex_t *held __attribute__((unused)) = enter(index);
    cleanup(reset) sqlite3_stmt *search = match ? index->search : index->all;
    if (match)
        bind_text(search, 1, match);
    sqlite3_bind_int64(search, 2, (sqlite3_int64)room);
    hits->total = count_of(match ? index->count_matches : index->count_all, match);
    return read_hits(index, search, arena, hits, room, err);
}

int64_t index_count(struct index *index)
{
    cleanup(leave) pthread_mutex_t *held __attribute__((unused)) = enter(index);
    return count_of(index->count_all, NULL);
}
