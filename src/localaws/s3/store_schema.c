/* The index's tables, and how those of its first form, which had one version of each object and said in the
 * clear what it knew of it, become these. */
#include "localaws/s3/database.h"

#include <string.h>

/* Keys compare by bytes, which is the order S3 lists in. */
static const char schema[] =
    "CREATE TABLE IF NOT EXISTS versions ("
    "  bucket TEXT NOT NULL, key TEXT NOT NULL, sequence INTEGER NOT NULL, version TEXT NOT NULL,"
    "  latest INTEGER NOT NULL, marker INTEGER NOT NULL, id TEXT NOT NULL, size INTEGER NOT NULL,"
    "  modified INTEGER NOT NULL, key_arn TEXT, context TEXT, wrapped TEXT, about BLOB NOT NULL,"
    "  PRIMARY KEY (bucket, key, sequence)) WITHOUT ROWID;"
    "CREATE UNIQUE INDEX IF NOT EXISTS current ON versions (bucket, key) WHERE latest = 1;"
    "CREATE TABLE IF NOT EXISTS multiparts ("
    "  id TEXT PRIMARY KEY, bucket TEXT NOT NULL, key TEXT NOT NULL, modified INTEGER NOT NULL,"
    "  key_arn TEXT, context TEXT, wrapped TEXT, about BLOB NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS stored_pieces ("
    "  file TEXT NOT NULL UNIQUE, object TEXT NOT NULL, number INTEGER NOT NULL, size INTEGER NOT NULL,"
    "  modified INTEGER NOT NULL, about BLOB NOT NULL, content BLOB, UNIQUE (object, number));";

static int execute(struct connection *connection, const char *sql, struct error *err)
{
    char *trouble = NULL;
    if (sqlite3_exec(connection->database, sql, NULL, NULL, &trouble) == SQLITE_OK)
        return 0;
    error_set(err, ERROR_INTERNAL, "S3's index: %s", trouble);
    sqlite3_free(trouble);
    return -1;
}

static int move_objects(struct s3_store *store, const char *sql, bool uploads, struct error *err)
{
    cleanup(query_close) struct query query = {0};
    int row = query_open(&store->write.connection, &query, err, sql, "");
    while (row == 0 && (row = query_step(&query, err)) > 0) {
        cleanup(arena_free) struct arena *arena = arena_new();
        const struct s3_object object = {
            .bucket = query_text(&query, 0, arena),
            .key = query_text(&query, 1, arena),
            .id = query_text(&query, 2, arena),
            .etag = query_text(&query, 3, arena),
            .headers = query_text(&query, 4, arena),
            .tags = query_text(&query, 5, arena),
            .size = query_integer(&query, 6),
            .modified_ms = query_integer(&query, 7),
            .sealing = {query_text(&query, 8, arena), query_text(&query, 9, arena),
                        query_text(&query, 10, arena)},
            .version = "null",
        };
        row = uploads ? insert_upload(store, &object, err) : insert_version(store, &object, err);
    }
    return row;
}

static int move_pieces(struct s3_store *store, struct error *err)
{
    cleanup(query_close) struct query query = {0};
    int row = query_open(&store->write.connection, &query, err,
                         "SELECT file, object, number, size, etag, modified FROM pieces", "");
    while (row == 0 && (row = query_step(&query, err)) > 0) {
        cleanup(arena_free) struct arena *arena = arena_new();
        const struct s3_piece piece = {
            .file = query_text(&query, 0, arena),
            .number = query_integer(&query, 2),
            .size = query_integer(&query, 3),
            .etag = query_text(&query, 4, arena),
            .modified_ms = query_integer(&query, 5),
        };
        row = insert_piece(store, query_text(&query, 1, arena), &piece, err);
    }
    return row;
}

#define FIRST_COLUMNS "bucket, key, id, etag, headers, tags, size, modified, key_arn, context, wrapped"

static int move_all(struct s3_store *store, struct error *err)
{
    if (move_objects(store, "SELECT " FIRST_COLUMNS " FROM objects", false, err) < 0 ||
        move_objects(store, "SELECT " FIRST_COLUMNS " FROM uploads", true, err) < 0 ||
        move_pieces(store, err) < 0)
        return -1;
    return execute(&store->write.connection, "DROP TABLE objects; DROP TABLE uploads; DROP TABLE pieces;",
                   err);
}

static int has_first_form(struct s3_store *store, struct error *err)
{
    cleanup(query_close) struct query query = {0};
    if (query_open(&store->write.connection, &query, err,
                   "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'objects'", "") < 0)
        return -1;
    return query_step(&query, err);
}

/* VACUUM: what was in the clear is not to stay on free pages. */
int store_schema(struct s3_store *store, struct error *err)
{
    struct connection *write = &store->write.connection;
    int old = has_first_form(store, err);
    if (old < 0 || execute(write, "BEGIN", err) < 0 || execute(write, schema, err) < 0)
        return -1;
    if (old && move_all(store, err) < 0)
        return -1;
    if (execute(write, "COMMIT", err) < 0)
        return -1;
    return old ? execute(write, "VACUUM; PRAGMA wal_checkpoint(TRUNCATE);", err) : 0;
}
