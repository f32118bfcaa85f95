#include "localaws/state_file.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <string.h>

enum { STATE_VERSION = 2 };

/* Losing power may lose the last transactions, never the file: SQLite flushes before it moves them out of the
 * log. A kill loses none. */
static const char settings[] =
    "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
    "PRAGMA cache_size=-512;";

static const char schema[] =
    "CREATE TABLE region (name TEXT NOT NULL);"
    "CREATE TABLE document (module TEXT NOT NULL, account TEXT NOT NULL, body TEXT NOT NULL,"
    " PRIMARY KEY (module, account)) WITHOUT ROWID;"
    "CREATE TABLE resource (sequence INTEGER PRIMARY KEY, account TEXT NOT NULL, kind TEXT NOT NULL,"
    " body TEXT NOT NULL);";

static const char *const statements[] = {
    "INSERT INTO document (account, module, body) VALUES (?1, ?2, ?3)"
    " ON CONFLICT DO UPDATE SET body = excluded.body",
    "INSERT INTO resource (account, kind, body, sequence) VALUES (?1, ?2, ?3, ?4)"
    " ON CONFLICT DO UPDATE SET body = excluded.body",
    "DELETE FROM resource WHERE sequence = ?1",
};
enum statement { PUT_DOCUMENT, PUT_RESOURCE, REMOVE_RESOURCE, STATEMENTS };

struct state_file {
    sqlite3 *database;
    sqlite3_stmt *prepared[STATEMENTS];
};

static int database_error(struct state_file *file, struct error *err)
{
    return error_set(err, ERROR_INTERNAL, "the saved state: %s", sqlite3_errmsg(file->database));
}

static int run(struct state_file *file, const char *sql, struct error *err)
{
    return sqlite3_exec(file->database, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : database_error(file, err);
}

static int read_number(struct state_file *file, const char *sql, int *number, struct error *err)
{
    sqlite3_stmt *query = NULL;
    int result = -1;
    if (sqlite3_prepare_v2(file->database, sql, -1, &query, NULL) == SQLITE_OK &&
        sqlite3_step(query) == SQLITE_ROW) {
        *number = sqlite3_column_int(query, 0);
        result = 0;
    }
    if (result < 0)
        database_error(file, err);
    sqlite3_finalize(query);
    return result;
}

/* Is the file one of ours, of this version and region? A new one becomes it, in one transaction. */
static int make_or_check(struct state_file *file, const char *path, const char *region, struct error *err)
{
    int version, tables, matches = 0;
    if (read_number(file, "PRAGMA user_version", &version, err) < 0 ||
        read_number(file, "SELECT count(*) FROM sqlite_schema", &tables, err) < 0)
        return -1;
    char *make = sqlite3_mprintf("BEGIN; %s INSERT INTO region VALUES (%Q); PRAGMA user_version=%d; COMMIT",
                                 schema, region, STATE_VERSION);
    char *check = sqlite3_mprintf("SELECT count(*) FROM region WHERE name = %Q", region);
    bool fresh = version == 0 && tables == 0;
    int result = fresh ? run(file, make, err) : 0;
    if (result == 0 && version == STATE_VERSION)
        result = read_number(file, check, &matches, err);
    sqlite3_free(make);
    sqlite3_free(check);
    if (result < 0 || fresh || matches)
        return result;
    return error_set(err, ERROR_INVALID, "%s is of another version or region; remove it to begin anew", path);
}

static int open_database(struct state_file *file, const char *path, const char *region, struct error *err)
{
    cleanup(file_close) int created = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (created < 0)
        return error_errno(err, ERROR_UNAVAILABLE, "open %s", path);
    if (sqlite3_open_v2(path, &file->database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) !=
        SQLITE_OK)
        return database_error(file, err);
    if (run(file, settings, err) < 0 || make_or_check(file, path, region, err) < 0)
        return -1;
    for (size_t i = 0; i < STATEMENTS; i++)
        if (sqlite3_prepare_v3(file->database, statements[i], -1, SQLITE_PREPARE_PERSISTENT,
                               &file->prepared[i], NULL) != SQLITE_OK)
            return database_error(file, err);
    return 0;
}

int state_file_open(const char *directory, const char *region, struct state_file **file, struct error *err)
{
    cleanup(memory_free) char *path = memory_format("%s/state.db", directory);
    cleanup(memory_free) char *earlier = memory_format("%s/state.json", directory);
    if (file_exists(earlier))
        return error_set(err, ERROR_INVALID, "%s is of an earlier version; remove it to begin anew", earlier);
    cleanup(state_file_close) struct state_file *made = memory_alloc(sizeof *made);
    if (open_database(made, path, region, err) < 0)
        return -1;
    *file = take(&made);
    return 0;
}

void state_file_close(struct state_file **file)
{
    if (!*file)
        return;
    for (size_t i = 0; i < STATEMENTS; i++)
        sqlite3_finalize((*file)->prepared[i]);
    sqlite3_close((*file)->database);
    free(*file);
    *file = NULL;
}

static int read_rows(struct state_file *file, const char *sql, state_reader *reader, void *context,
                     struct error *err)
{
    sqlite3_stmt *query = NULL;
    int result = 0, step = SQLITE_DONE;
    if (sqlite3_prepare_v2(file->database, sql, -1, &query, NULL) != SQLITE_OK)
        return database_error(file, err);
    while (result == 0 && (step = sqlite3_step(query)) == SQLITE_ROW) {
        const struct state_row row = {
            .account = (const char *)sqlite3_column_text(query, 0),
            .name = (const char *)sqlite3_column_text(query, 1),
            .text = (const char *)sqlite3_column_text(query, 2),
            .length = (size_t)sqlite3_column_bytes(query, 2),
            .sequence = sqlite3_column_int64(query, 3),
        };
        result = reader(context, &row, err);
    }
    if (result == 0 && step != SQLITE_DONE)
        result = database_error(file, err);
    sqlite3_finalize(query);
    return result;
}

int state_file_documents(struct state_file *file, state_reader *reader, void *context, struct error *err)
{
    return read_rows(file, "SELECT account, module, body, 0 FROM document", reader, context, err);
}

int state_file_resources(struct state_file *file, state_reader *reader, void *context, struct error *err)
{
    return read_rows(file, "SELECT account, kind, body, sequence FROM resource ORDER BY sequence", reader,
                     context, err);
}

static int step_once(struct state_file *file, sqlite3_stmt *statement, struct error *err)
{
    int result = sqlite3_step(statement) == SQLITE_DONE ? 0 : database_error(file, err);
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return result;
}

static int put(struct state_file *file, enum statement which, const struct state_row *row, struct error *err)
{
    sqlite3_stmt *statement = file->prepared[which];
    sqlite3_bind_text(statement, 1, row->account, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 2, row->name, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 3, row->text, (int)row->length, SQLITE_STATIC);
    if (which == PUT_RESOURCE)
        sqlite3_bind_int64(statement, 4, row->sequence);
    return step_once(file, statement, err);
}

int state_file_put_document(struct state_file *file, const struct state_row *row, struct error *err)
{
    return put(file, PUT_DOCUMENT, row, err);
}

int state_file_put_resource(struct state_file *file, const struct state_row *row, struct error *err)
{
    return put(file, PUT_RESOURCE, row, err);
}

int state_file_remove_resource(struct state_file *file, int64_t sequence, struct error *err)
{
    sqlite3_bind_int64(file->prepared[REMOVE_RESOURCE], 1, sequence);
    return step_once(file, file->prepared[REMOVE_RESOURCE], err);
}

int state_file_begin(struct state_file *file, struct error *err)
{
    return run(file, "BEGIN IMMEDIATE", err);
}

int state_file_commit(struct state_file *file, struct error *err)
{
    return run(file, "COMMIT", err);
}

void state_file_rollback(struct state_file *file)
{
    run(file, "ROLLBACK", NULL);
}
