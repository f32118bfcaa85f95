#include "localaws/s3/database.h"

#include <stdarg.h>
#include <string.h>
#include <unistd.h>

static int database_error(sqlite3 *database, struct error *err)
{
    return error_set(err, ERROR_INTERNAL, "S3's index: %s", sqlite3_errmsg(database));
}

static int bind(sqlite3_stmt *query, const char *types, va_list values)
{
    int result = SQLITE_OK;
    for (int i = 0; types[i] && result == SQLITE_OK; i++)
        result = types[i] == 's'
                     ? sqlite3_bind_text(query, i + 1, va_arg(values, const char *), -1, SQLITE_STATIC)
                     : sqlite3_bind_int64(query, i + 1, va_arg(values, int64_t));
    return result;
}

static int open_with(struct s3_store *store, sqlite3_stmt **query, struct error *err, const char *sql,
                     const char *types, va_list values)
{
    *query = NULL;
    if (sqlite3_prepare_v2(store->database, sql, -1, query, NULL) != SQLITE_OK ||
        bind(*query, types, values) != SQLITE_OK)
        return database_error(store->database, err);
    return 0;
}

int query_open(struct s3_store *store, sqlite3_stmt **query, struct error *err, const char *sql,
               const char *types, ...)
{
    va_list values;
    va_start(values, types);
    int result = open_with(store, query, err, sql, types, values);
    va_end(values);
    return result;
}

void query_close(sqlite3_stmt **query)
{
    sqlite3_finalize(*query);
    *query = NULL;
}

int query_step(sqlite3_stmt *query, struct error *err)
{
    int result = sqlite3_step(query);
    if (result == SQLITE_ROW)
        return 1;
    return result == SQLITE_DONE ? 0 : database_error(sqlite3_db_handle(query), err);
}

char *query_text(sqlite3_stmt *query, int column, struct arena *arena)
{
    return arena_strdup(arena, (const char *)sqlite3_column_text(query, column));
}

int query_run(struct s3_store *store, struct error *err, const char *sql, const char *types, ...)
{
    cleanup(query_close) sqlite3_stmt *query = NULL;
    va_list values;
    va_start(values, types);
    int result = open_with(store, &query, err, sql, types, values);
    va_end(values);
    return result < 0 ? -1 : query_step(query, err) < 0 ? -1 : 0;
}

static void unlink_garbage(struct s3_store *store, const struct garbage *garbage)
{
    for (size_t i = 0; i < garbage->count; i++)
        if (garbage->items[i].file)
            unlink(s3_store_path(store, garbage->arena, garbage->items[i].file));
}

int store_transaction(struct s3_store *store, store_change *change, void *context, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct garbage garbage = {.arena = arena};
    pthread_mutex_lock(&store->lock);
    int result = query_run(store, err, "BEGIN IMMEDIATE", "");
    if (result == 0) {
        result = change(store, context, &garbage, err);
        if (result == 0)
            result = query_run(store, err, "COMMIT", "");
        if (result < 0)
            query_run(store, NULL, "ROLLBACK", "");
    }
    if (result == 0)
        pins_keep(store, &garbage);
    pthread_mutex_unlock(&store->lock);
    if (result == 0)
        unlink_garbage(store, &garbage);
    return result;
}

static void add_garbage(struct garbage *garbage, struct garbage_file item)
{
    if (garbage->count == garbage->room) {
        size_t room = garbage->room ? garbage->room * 2 : 8;
        struct garbage_file *grown = arena_alloc(garbage->arena, room * sizeof(*grown));
        if (garbage->count)
            memcpy(grown, garbage->items, garbage->count * sizeof(*grown));
        garbage->items = grown;
        garbage->room = room;
    }
    garbage->items[garbage->count++] = item;
}

int drop_files(sqlite3_stmt *query, struct garbage *garbage, struct error *err)
{
    int row;
    while ((row = query_step(query, err)) > 0)
        add_garbage(garbage, (struct garbage_file){.file = query_text(query, 0, garbage->arena),
                                                   .object = query_text(query, 1, garbage->arena)});
    return row;
}

int drop_pieces(struct s3_store *store, const char *id, struct garbage *garbage, struct error *err)
{
    cleanup(query_close) sqlite3_stmt *query = NULL;
    if (query_open(store, &query, err, "DELETE FROM pieces WHERE object = ? RETURNING " DROPPED_COLUMNS, "s",
                   id) < 0)
        return -1;
    return drop_files(query, garbage, err);
}

int drop_object(struct s3_store *store, const char *bucket, const char *key, struct garbage *garbage,
                struct error *err)
{
    cleanup(query_close) sqlite3_stmt *query = NULL;
    if (query_open(store, &query, err, "DELETE FROM objects WHERE bucket = ? AND key = ? RETURNING id", "ss",
                   bucket, key) < 0)
        return -1;
    int row = query_step(query, err);
    if (row <= 0)
        return row;
    char *id = query_text(query, 0, garbage->arena);
    query_close(&query);
    return drop_pieces(store, id, garbage, err);
}

int insert_piece(struct s3_store *store, const char *id, const struct s3_piece *piece, struct error *err)
{
    return query_run(store, err,
                     "INSERT INTO pieces (file, object, number, size, etag, modified) VALUES (?,?,?,?,?,?)",
                     "ssiisi", piece->file, id, piece->number, piece->size, piece->etag, piece->modified_ms);
}

int insert_object(struct s3_store *store, const struct s3_object *object, struct error *err)
{
    return query_run(store, err, "INSERT INTO objects (" OBJECT_COLUMNS ") VALUES (?,?,?,?,?,?,?,?,?,?,?)",
                     "ssssssiisss", object->bucket, object->key, object->id, object->etag, object->headers,
                     object->tags, object->size, object->modified_ms, object->sealing.key_arn,
                     object->sealing.context, object->sealing.wrapped);
}

void read_object(sqlite3_stmt *query, struct arena *arena, struct s3_object *object)
{
    *object = (struct s3_object){
        .bucket = query_text(query, 0, arena),
        .key = query_text(query, 1, arena),
        .id = query_text(query, 2, arena),
        .etag = query_text(query, 3, arena),
        .headers = query_text(query, 4, arena),
        .tags = query_text(query, 5, arena),
        .size = sqlite3_column_int64(query, 6),
        .modified_ms = sqlite3_column_int64(query, 7),
        .sealing = {query_text(query, 8, arena), query_text(query, 9, arena), query_text(query, 10, arena)},
    };
}

int query_object(struct s3_store *store, struct arena *arena, struct s3_object *object, struct error *err,
                 const char *sql, const char *types, ...)
{
    cleanup(query_close) sqlite3_stmt *query = NULL;
    va_list values;
    pthread_mutex_lock(&store->lock);
    va_start(values, types);
    int row = open_with(store, &query, err, sql, types, values);
    va_end(values);
    if (row == 0)
        row = query_step(query, err);
    if (row > 0)
        read_object(query, arena, object);
    query_close(&query);
    pthread_mutex_unlock(&store->lock);
    return row > 0 ? 0 : row < 0 ? -1 : error_set(err, ERROR_NOT_FOUND, "S3's index has no such entry");
}
