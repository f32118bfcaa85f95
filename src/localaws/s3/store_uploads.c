#include "base/text.h"
#include "localaws/s3/database.h"

#include <stdlib.h>
#include <string.h>

static int begin(struct s3_store *store, void *context, struct garbage *garbage, struct error *err)
{
    (void)garbage;
    return insert_upload(store, context, err);
}

int s3_store_upload_begin(struct s3_store *store, const struct s3_object *upload, struct error *err)
{
    return store_commit(store, begin, (void *)upload, err);
}

static int read_uploads(struct s3_store *store, struct query *query, struct arena *arena,
                        struct s3_object **uploads, size_t *count, struct error *err)
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
        if (read_version(&store->read, query, arena, &(*uploads)[(*count)++], err) < 0)
            return -1;
    }
    return row;
}

int s3_store_uploads(struct s3_store *store, struct arena *arena, const char *bucket,
                     struct s3_object **uploads, size_t *count, struct error *err)
{
    struct query query;
    pthread_mutex_lock(&store->read.connection.lock);
    int result = query_open(
        &store->read.connection, &query, err,
        "SELECT " UPLOAD_COLUMNS " FROM multiparts WHERE bucket = ? ORDER BY key, modified, id", "s", bucket);
    if (result == 0) {
        result = read_uploads(store, &query, arena, uploads, count, err);
        query_close(&query);
    }
    pthread_mutex_unlock(&store->read.connection.lock);
    return result;
}

int s3_store_upload_get(struct s3_store *store, struct arena *arena, const char *id, struct s3_object *upload,
                        struct error *err)
{
    struct query query;
    pthread_mutex_lock(&store->read.connection.lock);
    int row = query_open(&store->read.connection, &query, err,
                         "SELECT " UPLOAD_COLUMNS " FROM multiparts WHERE id = ?", "s", id);
    if (row == 0) {
        row = query_step(&query, err);
        if (row > 0 && read_version(&store->read, &query, arena, upload, err) < 0)
            row = -1;
        query_close(&query);
    }
    pthread_mutex_unlock(&store->read.connection.lock);
    return row > 0 ? 0 : row < 0 ? -1 : error_set(err, ERROR_NOT_FOUND, "there is no such upload");
}

struct piece_of {
    const char *id;
    const struct s3_piece *piece;
};

/* ERROR_NOT_FOUND when there is no such upload (any more). */
static int check_upload(struct s3_store *store, const char *id, struct error *err)
{
    cleanup(query_close) struct query query = {0};
    if (query_open(&store->write.connection, &query, err, "SELECT 1 FROM multiparts WHERE id = ?", "s", id) <
        0)
        return -1;
    int row = query_step(&query, err);
    return row > 0 ? 0 : row < 0 ? -1 : error_set(err, ERROR_NOT_FOUND, "there is no such upload");
}

static int drop_piece(struct s3_store *store, const char *id, int64_t number, struct garbage *garbage,
                      struct error *err)
{
    cleanup(query_close) struct query query = {0};
    if (query_open(&store->write.connection, &query, err,
                   "DELETE FROM stored_pieces WHERE object = ? AND number = ? RETURNING " DROPPED_COLUMNS,
                   "si", id, number) < 0)
        return -1;
    return drop_files(&query, garbage, err);
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
    return store_commit(store, add_piece, &(struct piece_of){id, piece}, err);
}

struct completion {
    const struct s3_object *object;
    const struct s3_piece *pieces;
    size_t count;
    const struct s3_expectation *expected;
};

static int number_order(const void *number, const void *piece)
{
    int64_t a = *(const int64_t *)number, b = ((const struct s3_piece *)piece)->number;
    return (a > b) - (a < b);
}

static bool is_wanted(const struct completion *completion, int64_t number, const char *file)
{
    const struct s3_piece *piece =
        bsearch(&number, completion->pieces, completion->count, sizeof(*piece), number_order);
    return piece && text_equal(piece->file, file);
}

/* The numbers of up to `room` pieces that are not to be the object's; `*kept` counts those that are. */
static int find_unwanted(struct s3_store *store, const struct completion *completion, struct arena *arena,
                         int64_t *unwanted, size_t room, size_t *count, size_t *kept, struct error *err)
{
    cleanup(query_close) struct query query = {0};
    int row;
    *count = *kept = 0;
    if (query_open(&store->write.connection, &query, err,
                   "SELECT number, file FROM stored_pieces WHERE object = ?", "s",
                   completion->object->id) < 0)
        return -1;
    while (*count < room && (row = query_step(&query, err)) > 0)
        if (is_wanted(completion, query_integer(&query, 0), query_text(&query, 1, arena)))
            ++*kept;
        else
            unwanted[(*count)++] = query_integer(&query, 0);
    return *count < room ? row : 0;
}

static int drop_unwanted(struct s3_store *store, const struct completion *completion, struct garbage *garbage,
                         struct error *err)
{
    int64_t unwanted[64];
    size_t count, kept;
    do {
        if (find_unwanted(store, completion, garbage->arena, unwanted, COUNT_OF(unwanted), &count, &kept,
                          err) < 0)
            return -1;
        for (size_t i = 0; i < count; i++)
            if (drop_piece(store, completion->object->id, unwanted[i], garbage, err) < 0)
                return -1;
    } while (count);
    return kept == completion->count ? 0 : error_set(err, ERROR_INVALID, "a part was replaced meanwhile");
}

static int complete(struct s3_store *store, void *context, struct garbage *garbage, struct error *err)
{
    const struct completion *completion = context;
    const struct s3_object *object = completion->object;
    if (check_upload(store, object->id, err) < 0 || drop_unwanted(store, completion, garbage, err) < 0 ||
        place_version(store, object, completion->expected, garbage, err) < 0)
        return -1;
    return query_run(&store->write.connection, err, "DELETE FROM multiparts WHERE id = ?", "s", object->id);
}

int s3_store_upload_complete(struct s3_store *store, const struct s3_object *object,
                             const struct s3_piece *pieces, size_t count,
                             const struct s3_expectation *expected, struct error *err)
{
    return store_commit(store, complete, &(struct completion){object, pieces, count, expected}, err);
}

static int abort_upload(struct s3_store *store, void *context, struct garbage *garbage, struct error *err)
{
    const char *id = context;
    if (check_upload(store, id, err) < 0 || drop_pieces(store, id, garbage, err) < 0)
        return -1;
    return query_run(&store->write.connection, err, "DELETE FROM multiparts WHERE id = ?", "s", id);
}

int s3_store_upload_abort(struct s3_store *store, const char *id, struct error *err)
{
    return store_commit(store, abort_upload, (void *)id, err);
}
