#include "localaws/s3/store.h"

#include "base/file.h"
#include "base/random.h"
#include "localaws/s3/database.h"

#include <dirent.h>
#include <string.h>
#include <unistd.h>

/* Keys compare by bytes, which is the order S3 lists in. */
#define OBJECT_TABLE                                                          \
    "  bucket TEXT NOT NULL, key TEXT NOT NULL, id TEXT NOT NULL, etag TEXT," \
    "  headers TEXT NOT NULL, tags TEXT NOT NULL, size INTEGER NOT NULL,"     \
    "  modified INTEGER NOT NULL, key_arn TEXT, context TEXT, wrapped TEXT NOT NULL,"

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS objects (" OBJECT_TABLE "  PRIMARY KEY (bucket, key)) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS uploads (" OBJECT_TABLE "  PRIMARY KEY (id)) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS pieces ("
    "  file TEXT PRIMARY KEY, object TEXT NOT NULL, number INTEGER NOT NULL, size INTEGER NOT NULL,"
    "  etag TEXT NOT NULL, modified INTEGER NOT NULL, UNIQUE (object, number)) WITHOUT ROWID;";

char *s3_store_new_id(struct arena *arena)
{
    return random_hex(arena, 32);
}

char *s3_store_path(struct s3_store *store, struct arena *arena, const char *file)
{
    return arena_format(arena, "%s/files/%s", store->directory, file);
}

/* Files of writes that a crash cut short. */
static int remove_orphans(struct s3_store *store, struct arena *arena, struct error *err)
{
    DIR *directory = opendir(s3_store_path(store, arena, ""));
    if (!directory)
        return error_errno(err, ERROR_INTERNAL, "read %s/files", store->directory);
    int row = 0;
    for (struct dirent *entry; row >= 0 && (entry = readdir(directory));) {
        if (entry->d_name[0] == '.')
            continue;
        cleanup(query_close) sqlite3_stmt *query = NULL;
        row = query_open(store, &query, err, "SELECT 1 FROM pieces WHERE file = ?", "s", entry->d_name);
        if (row == 0)
            row = query_step(query, err);
        if (row == 0)
            unlink(s3_store_path(store, arena, entry->d_name));
    }
    closedir(directory);
    return row < 0 ? -1 : 0;
}

static int open_database(struct s3_store *store, struct arena *arena, struct error *err)
{
    if (directory_make(s3_store_path(store, arena, ""), 0700, err) < 0)
        return -1;
    const char *path = arena_format(arena, "%s/index.sqlite", store->directory);
    char *trouble = NULL;
    if (sqlite3_open(path, &store->database) != SQLITE_OK)
        return error_set(err, ERROR_INTERNAL, "open %s: %s", path, sqlite3_errmsg(store->database));
    sqlite3_exec(store->database, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;", NULL, NULL, NULL);
    if (sqlite3_exec(store->database, schema, NULL, NULL, &trouble) != SQLITE_OK) {
        error_set(err, ERROR_INTERNAL, "open %s: %s", path, trouble);
        sqlite3_free(trouble);
        return -1;
    }
    return remove_orphans(store, arena, err);
}

int s3_store_open(const char *directory, struct s3_store **store, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    *store = memory_alloc(sizeof(**store));
    (*store)->directory = memory_strdup(directory);
    pthread_mutex_init(&(*store)->lock, NULL);
    if (open_database(*store, arena, err) == 0)
        return 0;
    s3_store_close(store);
    return -1;
}

void s3_store_close(struct s3_store **store)
{
    if (!*store)
        return;
    pins_free(*store);
    sqlite3_close((*store)->database);
    pthread_mutex_destroy(&(*store)->lock);
    memory_free(&(*store)->directory);
    memory_free(store);
}

struct put {
    const struct s3_object *object;
    const struct s3_piece *pieces;
    size_t count;
    bool only_new;
};

static int exists(struct s3_store *store, const struct s3_object *object, struct error *err)
{
    cleanup(query_close) sqlite3_stmt *query = NULL;
    if (query_open(store, &query, err, "SELECT 1 FROM objects WHERE bucket = ? AND key = ?", "ss",
                   object->bucket, object->key) < 0)
        return -1;
    return query_step(query, err);
}

static int put(struct s3_store *store, void *context, struct garbage *garbage, struct error *err)
{
    const struct put *put = context;
    int there = put->only_new ? exists(store, put->object, err) : 0;
    if (there)
        return there < 0 ? -1 : error_set(err, ERROR_CONFLICT, "the object exists");
    if (drop_object(store, put->object->bucket, put->object->key, garbage, err) < 0 ||
        insert_object(store, put->object, err) < 0)
        return -1;
    for (size_t i = 0; i < put->count; i++)
        if (insert_piece(store, put->object->id, &put->pieces[i], err) < 0)
            return -1;
    return 0;
}

int s3_store_put(struct s3_store *store, const struct s3_object *object, const struct s3_piece *pieces,
                 size_t count, bool only_new, struct error *err)
{
    return store_transaction(store, put, &(struct put){object, pieces, count, only_new}, err);
}

int s3_store_get(struct s3_store *store, struct arena *arena, const char *bucket, const char *key,
                 struct s3_object *object, struct error *err)
{
    return query_object(store, arena, object, err,
                        "SELECT " OBJECT_COLUMNS " FROM objects WHERE bucket = ? AND key = ?", "ss", bucket,
                        key);
}

int s3_store_next(struct s3_store *store, struct arena *arena, const char *bucket, const char *from,
                  bool inclusive, struct s3_object *object, struct error *err)
{
    static const char from_on[] =
        "SELECT " OBJECT_COLUMNS " FROM objects WHERE bucket = ? AND key >= ? ORDER BY key LIMIT 1";
    static const char after[] =
        "SELECT " OBJECT_COLUMNS " FROM objects WHERE bucket = ? AND key > ? ORDER BY key LIMIT 1";
    return query_object(store, arena, object, err, inclusive ? from_on : after, "ss", bucket, from);
}

int s3_store_upload_get(struct s3_store *store, struct arena *arena, const char *id, struct s3_object *upload,
                        struct error *err)
{
    return query_object(store, arena, upload, err, "SELECT " OBJECT_COLUMNS " FROM uploads WHERE id = ?", "s",
                        id);
}

int read_pieces(sqlite3_stmt *query, struct arena *arena, struct s3_piece **pieces, size_t *count,
                struct error *err)
{
    size_t room = 0;
    int row;
    *pieces = NULL;
    *count = 0;
    while ((row = query_step(query, err)) > 0) {
        if (*count == room) {
            struct s3_piece *grown = arena_alloc(arena, (room ? room * 2 : 4) * sizeof(*grown));
            if (room)
                memcpy(grown, *pieces, room * sizeof(*grown));
            *pieces = grown;
            room = room ? room * 2 : 4;
        }
        (*pieces)[(*count)++] = (struct s3_piece){
            .file = query_text(query, 0, arena),
            .number = sqlite3_column_int64(query, 1),
            .size = sqlite3_column_int64(query, 2),
            .etag = query_text(query, 3, arena),
            .modified_ms = sqlite3_column_int64(query, 4),
        };
    }
    return row;
}

int s3_store_pieces(struct s3_store *store, struct arena *arena, const char *id, struct s3_piece **pieces,
                    size_t *count, struct error *err)
{
    sqlite3_stmt *query;
    pthread_mutex_lock(&store->lock);
    int result = query_open(store, &query, err, PIECES_OF, "s", id);
    if (result == 0)
        result = read_pieces(query, arena, pieces, count, err);
    query_close(&query);
    pthread_mutex_unlock(&store->lock);
    return result;
}

struct place {
    const char *bucket, *key, *value;
};

static int delete (struct s3_store *store, void *context, struct garbage *garbage, struct error *err)
{
    const struct place *place = context;
    return drop_object(store, place->bucket, place->key, garbage, err);
}

int s3_store_delete(struct s3_store *store, const char *bucket, const char *key, struct error *err)
{
    return store_transaction(store, delete, &(struct place){bucket, key, NULL}, err);
}

static int set_tags(struct s3_store *store, void *context, struct garbage *garbage, struct error *err)
{
    (void)garbage;
    const struct place *place = context;
    if (query_run(store, err, "UPDATE objects SET tags = ? WHERE bucket = ? AND key = ?", "sss", place->value,
                  place->bucket, place->key) < 0)
        return -1;
    return sqlite3_changes(store->database) ? 0
                                            : error_set(err, ERROR_NOT_FOUND, "S3's index has no such entry");
}

int s3_store_set_tags(struct s3_store *store, const char *bucket, const char *key, const char *tags,
                      struct error *err)
{
    return store_transaction(store, set_tags, &(struct place){bucket, key, tags}, err);
}
