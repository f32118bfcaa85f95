/* What the store does to a bucket as a whole. */
#include "localaws/s3/database.h"

#include <string.h>

static int drop_bucket(struct s3_store *store, void *context, struct garbage *garbage, struct error *err)
{
    const char *bucket = context;
    struct connection *write = &store->write.connection;
    cleanup(query_close) struct query query = {0};
    if (query_open(write, &query, err,
                   "DELETE FROM stored_pieces WHERE object IN (SELECT id FROM versions WHERE bucket = ?1"
                   " UNION ALL SELECT id FROM multiparts WHERE bucket = ?1) RETURNING " DROPPED_COLUMNS,
                   "s", bucket) < 0 ||
        drop_files(&query, garbage, err) < 0)
        return -1;
    if (query_run(write, err, "DELETE FROM versions WHERE bucket = ?", "s", bucket) < 0)
        return -1;
    return query_run(write, err, "DELETE FROM multiparts WHERE bucket = ?", "s", bucket);
}

int s3_store_drop(struct s3_store *store, const char *bucket, struct error *err)
{
    return store_commit(store, drop_bucket, (void *)bucket, err);
}

static int read_names(struct query *query, struct arena *arena, char ***names, size_t *count,
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
    struct query query;
    pthread_mutex_lock(&store->read.connection.lock);
    int result = query_open(&store->read.connection, &query, err,
                            "SELECT bucket FROM versions UNION SELECT bucket FROM multiparts", "");
    if (result == 0) {
        result = read_names(&query, arena, buckets, count, err);
        query_close(&query);
    }
    pthread_mutex_unlock(&store->read.connection.lock);
    return result;
}
