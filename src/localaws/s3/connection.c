#include "localaws/s3/connection.h"

#include <stdarg.h>
#include <string.h>

enum { BUSY_MS = 10000 };

static int database_error(sqlite3 *database, struct error *err)
{
    return error_set(err, ERROR_INTERNAL, "S3's index: %s", sqlite3_errmsg(database));
}

int connection_open(struct connection *connection, const char *path, struct error *err)
{
    pthread_mutex_init(&connection->lock, NULL);
    if (sqlite3_open(path, &connection->database) != SQLITE_OK)
        return error_set(err, ERROR_INTERNAL, "open %s: %s", path, sqlite3_errmsg(connection->database));
    sqlite3_busy_timeout(connection->database, BUSY_MS);
    sqlite3_exec(connection->database, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;", NULL, NULL, NULL);
    return 0;
}

void connection_close(struct connection *connection)
{
    for (size_t i = 0; i < connection->statement_count; i++)
        sqlite3_finalize(connection->statements[i].prepared);
    sqlite3_close(connection->database);
    pthread_mutex_destroy(&connection->lock);
}

static int bind_blob(sqlite3_stmt *statement, int at, const struct blob *blob)
{
    return blob ? sqlite3_bind_blob64(statement, at, blob->bytes, blob->length, SQLITE_STATIC)
                : sqlite3_bind_null(statement, at);
}

static int bind(sqlite3_stmt *statement, const char *types, va_list values)
{
    int result = SQLITE_OK;
    for (int i = 0; types[i] && result == SQLITE_OK; i++)
        if (types[i] == 's')
            result = sqlite3_bind_text(statement, i + 1, va_arg(values, const char *), -1, SQLITE_STATIC);
        else if (types[i] == 'b')
            result = bind_blob(statement, i + 1, va_arg(values, const struct blob *));
        else
            result = sqlite3_bind_int64(statement, i + 1, va_arg(values, int64_t));
    return result;
}

/* One that is prepared and not in use, or a free place for it. */
static struct statement *find_statement(struct connection *connection, const char *sql)
{
    for (size_t i = 0; i < connection->statement_count; i++)
        if (connection->statements[i].sql == sql && !connection->statements[i].used)
            return &connection->statements[i];
    if (connection->statement_count == CONNECTION_STATEMENTS)
        return NULL;
    return &connection->statements[connection->statement_count++];
}

static int prepare(struct connection *connection, struct query *query, const char *sql)
{
    struct statement *kept = find_statement(connection, sql);
    *query = (struct query){.statement = kept ? kept->prepared : NULL, .kept = kept};
    if (kept) {
        kept->sql = sql;
        kept->used = true;
    }
    if (query->statement)
        return SQLITE_OK;
    int result = sqlite3_prepare_v3(connection->database, sql, -1, kept ? SQLITE_PREPARE_PERSISTENT : 0,
                                    &query->statement, NULL);
    if (kept)
        kept->prepared = query->statement;
    return result;
}

static int open_with(struct connection *connection, struct query *query, struct error *err, const char *sql,
                     const char *types, va_list values)
{
    if (prepare(connection, query, sql) == SQLITE_OK && bind(query->statement, types, values) == SQLITE_OK)
        return 0;
    database_error(connection->database, err);
    query_close(query);
    return -1;
}

int query_open(struct connection *connection, struct query *query, struct error *err, const char *sql,
               const char *types, ...)
{
    va_list values;
    va_start(values, types);
    int result = open_with(connection, query, err, sql, types, values);
    va_end(values);
    return result;
}

void query_close(struct query *query)
{
    if (query->kept) {
        sqlite3_reset(query->statement);
        sqlite3_clear_bindings(query->statement);
        query->kept->used = false;
    } else {
        sqlite3_finalize(query->statement);
    }
    *query = (struct query){0};
}

int query_step(struct query *query, struct error *err)
{
    int result = sqlite3_step(query->statement);
    if (result == SQLITE_ROW)
        return 1;
    return result == SQLITE_DONE ? 0 : database_error(sqlite3_db_handle(query->statement), err);
}

char *query_text(struct query *query, int column, struct arena *arena)
{
    return arena_strdup(arena, (const char *)sqlite3_column_text(query->statement, column));
}

int64_t query_integer(struct query *query, int column)
{
    return sqlite3_column_int64(query->statement, column);
}

unsigned char *query_blob(struct query *query, int column, struct arena *arena, size_t *length)
{
    const void *bytes = sqlite3_column_blob(query->statement, column);
    *length = (size_t)sqlite3_column_bytes(query->statement, column);
    if (!bytes)
        return NULL;
    unsigned char *copy = arena_alloc(arena, *length + 1);
    memcpy(copy, bytes, *length);
    return copy;
}

int query_run(struct connection *connection, struct error *err, const char *sql, const char *types, ...)
{
    cleanup(query_close) struct query query = {0};
    va_list values;
    va_start(values, types);
    int result = open_with(connection, &query, err, sql, types, values);
    va_end(values);
    return result < 0 ? -1 : query_step(&query, err) < 0 ? -1 : 0;
}
