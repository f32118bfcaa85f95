/* What the store does to a bucket as a whole. */
#include "localaws/s3/database.h"

#include <string.h>

static int drop_bucket(struct s3_store *store, void *context, struct garbage *garbage, struct error *err)
{
    const char *bucket = context;
    cleanup(query_close) sqlite3_stmt *query = NULL;
    if (query_open(store, &query, err,
                   "DELETE FROM pieces WHERE object IN (SELECT id FROM objects WHERE bucket = ?1"
                   " UNION ALL SELECT id FROM uploads WHERE bucket = ?1) RETURNING " DROPPED_COLUMNS,
                   "s", bucket) < 0 ||
        drop_files(query, garbage, err) < 0)
        return -1;
    query_close(&query);
    if (query_run(store, err, "DELETE FROM objects WHERE bucket = ?", "s", bucket) < 0)
        return -1;
    return query_run(store, err, "DELETE FROM uploads WHERE bucket = ?", "s", bucket);
}

int s3_store_drop(struct s3_store *store, const char *bucket, struct error *err)
{
    return store_transaction(store, drop_bucket, (void *)bucket, err);
}

static int read_names(sqlite3_stmt *query, struct arena *arena, char ***names, size_t *count,
                      struct error *err)
{
    size_t room = 0;
    int row;
    *names = NULL;
    *count = 0;
    while ((row = query_step(query, err)) > 0) {
        if (*count == room) {
            room = room ? room * 2 : 16;
            char **grown = arena_alloc(arena, room * sizeof(*grown));
            if (*count)
                memcpy(grown, *names, *count * sizeof(*grown));
            *names = grown;
        }
        (*names)[(*count)++] = query_text(query, 0, arena);
    }
    return row;
}

int s3_store_buckets(struct s3_store *store, struct arena *arena, char ***buckets, size_t *count,
                     struct error *err)
{
    sqlite3_stmt *query;
    pthread_mutex_lock(&store->lock);
    int result =
        query_open(store, &query, err, "SELECT bucket FROM objects UNION SELECT bucket FROM uploads", "");
    if (result == 0)
        result = read_names(query, arena, buckets, count, err);
    query_close(&query);
    pthread_mutex_unlock(&store->lock);
    return result;
}
