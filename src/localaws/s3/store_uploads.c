#include "localaws/s3/database.h"

#include <string.h>

static int begin(struct s3_store *store, void *context, struct garbage *garbage, struct error *err)
{
    (void)garbage;
    const struct s3_object *upload = context;
    return query_run(store, err, "INSERT INTO uploads (" OBJECT_COLUMNS ") VALUES (?,?,?,?,?,?,?,?,?,?,?)",
                     "ssssssiisss", upload->bucket, upload->key, upload->id, NULL, upload->headers,
                     upload->tags, (int64_t)0, upload->modified_ms, upload->sealing.key_arn,
                     upload->sealing.context, upload->sealing.wrapped);
}

int s3_store_upload_begin(struct s3_store *store, const struct s3_object *upload, struct error *err)
{
    return store_transaction(store, begin, (void *)upload, err);
}

static int read_uploads(sqlite3_stmt *query, struct arena *arena, struct s3_object **uploads, size_t *count,
                        struct error *err)
{
    size_t room = 0;
    int row;
    *uploads = NULL;
    *count = 0;
    while ((row = query_step(query, err)) > 0) {
        if (*count == room) {
            struct s3_object *grown = arena_alloc(arena, (room ? room * 2 : 4) * sizeof(*grown));
            if (room)
                memcpy(grown, *uploads, room * sizeof(*grown));
            *uploads = grown;
            room = room ? room * 2 : 4;
        }
        read_object(query, arena, &(*uploads)[(*count)++]);
    }
    return row;
}

int s3_store_uploads(struct s3_store *store, struct arena *arena, const char *bucket,
                     struct s3_object **uploads, size_t *count, struct error *err)
{
    sqlite3_stmt *query;
    pthread_mutex_lock(&store->lock);
    int result = query_open(
        store, &query, err,
        "SELECT " OBJECT_COLUMNS " FROM uploads WHERE bucket = ? ORDER BY key, modified, id", "s", bucket);
    if (result == 0)
        result = read_uploads(query, arena, uploads, count, err);
    query_close(&query);
    pthread_mutex_unlock(&store->lock);
    return result;
}

struct piece_of {
    const char *id;
    const struct s3_piece *piece;
};

/* ERROR_NOT_FOUND when there is no such upload (any more). */
static int check_upload(struct s3_store *store, const char *id, struct error *err)
{
    cleanup(query_close) sqlite3_stmt *query = NULL;
    if (query_open(store, &query, err, "SELECT 1 FROM uploads WHERE id = ?", "s", id) < 0)
        return -1;
    int row = query_step(query, err);
    return row > 0 ? 0 : row < 0 ? -1 : error_set(err, ERROR_NOT_FOUND, "there is no such upload");
}

static int drop_piece(struct s3_store *store, const char *id, int64_t number, struct garbage *garbage,
                      struct error *err)
{
    cleanup(query_close) sqlite3_stmt *query = NULL;
    if (query_open(store, &query, err,
                   "DELETE FROM pieces WHERE object = ? AND number = ? RETURNING " DROPPED_COLUMNS, "si", id,
                   number) < 0)
        return -1;
    return drop_files(query, garbage, err);
}

static int add_piece(struct s3_store *store, void *context, struct garbage *garbage, struct error *err)
{
    const struct piece_of *add = context;
    if (check_upload(store, add->id, err) < 0 ||
        drop_piece(store, add->id, add->piece->number, garbage, err) < 0)
        return -1;
    return insert_piece(store, add->id, add->piece, err);
}

int s3_store_upload_piece(struct s3_store *store, const char *id, const struct s3_piece *piece,
                          struct error *err)
{
    return store_transaction(store, add_piece, &(struct piece_of){id, piece}, err);
}

struct completion {
    const struct s3_object *object;
    const int64_t *numbers;
    size_t count;
};

static bool is_wanted(const struct completion *completion, int64_t number)
{
    for (size_t i = 0; i < completion->count; i++)
        if (completion->numbers[i] == number)
            return true;
    return false;
}

static int drop_unwanted(struct s3_store *store, const struct completion *completion, struct garbage *garbage,
                         struct error *err)
{
    cleanup(query_close) sqlite3_stmt *query = NULL;
    int64_t unwanted[64];
    size_t count;
    do {
        count = 0;
        if (query_open(store, &query, err, "SELECT number FROM pieces WHERE object = ?", "s",
                       completion->object->id) < 0)
            return -1;
        int row;
        while (count < 64 && (row = query_step(query, err)) > 0)
            if (!is_wanted(completion, sqlite3_column_int64(query, 0)))
                unwanted[count++] = sqlite3_column_int64(query, 0);
        query_close(&query);
        for (size_t i = 0; i < count; i++)
            if (drop_piece(store, completion->object->id, unwanted[i], garbage, err) < 0)
                return -1;
    } while (count);
    return 0;
}

static int complete(struct s3_store *store, void *context, struct garbage *garbage, struct error *err)
{
    const struct completion *completion = context;
    const struct s3_object *object = completion->object;
    if (check_upload(store, object->id, err) < 0 || drop_unwanted(store, completion, garbage, err) < 0 ||
        drop_object(store, object->bucket, object->key, garbage, err) < 0 ||
        insert_object(store, object, err) < 0)
        return -1;
    return query_run(store, err, "DELETE FROM uploads WHERE id = ?", "s", object->id);
}

int s3_store_upload_complete(struct s3_store *store, const struct s3_object *object, const int64_t *numbers,
                             size_t count, struct error *err)
{
    return store_transaction(store, complete, &(struct completion){object, numbers, count}, err);
}

static int abort_upload(struct s3_store *store, void *context, struct garbage *garbage, struct error *err)
{
    const char *id = context;
    if (check_upload(store, id, err) < 0 || drop_pieces(store, id, garbage, err) < 0)
        return -1;
    return query_run(store, err, "DELETE FROM uploads WHERE id = ?", "s", id);
}

int s3_store_upload_abort(struct s3_store *store, const char *id, struct error *err)
{
    return store_transaction(store, abort_upload, (void *)id, err);
}
