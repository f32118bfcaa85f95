#include "localaws/s3/store.h"

#include "base/file.h"
#include "base/random.h"
#include "base/text.h"
#include "localaws/s3/database.h"

#include <dirent.h>
#include <string.h>
#include <unistd.h>

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
        cleanup(query_close) struct query query = {0};
        row = query_open(&store->write.connection, &query, err, "SELECT 1 FROM stored_pieces WHERE file = ?",
                         "s", entry->d_name);
        if (row == 0)
            row = query_step(&query, err);
        if (row == 0)
            unlink(s3_store_path(store, arena, entry->d_name));
    }
    closedir(directory);
    return row < 0 ? -1 : 0;
}

static int open_access(struct access *access, const char *path, const unsigned char key[S3_STORE_KEY],
                       struct error *err)
{
    if (gnutls_aead_cipher_init(&access->cipher, GNUTLS_CIPHER_AES_256_GCM,
                                &(gnutls_datum_t){(unsigned char *)key, S3_STORE_KEY}) < 0)
        abort(); /* only without memory */
    return connection_open(&access->connection, path, err);
}

static int open_all(struct s3_store *store, const unsigned char key[S3_STORE_KEY], struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    const char *path = arena_format(arena, "%s/index.sqlite", store->directory);
    if (directory_make(s3_store_path(store, arena, ""), 0700, err) < 0 ||
        open_access(&store->write, path, key, err) < 0 || store_schema(store, err) < 0 ||
        open_access(&store->read, path, key, err) < 0)
        return -1;
    return remove_orphans(store, arena, err);
}

int s3_store_open(const char *directory, const unsigned char key[S3_STORE_KEY], struct s3_store **made,
                  struct error *err)
{
    struct s3_store *store = memory_alloc(sizeof(*store));
    store->directory = memory_strdup(directory);
    store->last_waiting = &store->waiting;
    pthread_mutex_init(&store->queue_lock, NULL);
    pthread_mutex_init(&store->pins_lock, NULL);
    pthread_cond_init(&store->committed, NULL);
    *made = store;
    if (open_all(store, key, err) == 0)
        return 0;
    s3_store_close(made);
    return -1;
}

static void close_access(struct access *access)
{
    if (!access->cipher)
        return;
    connection_close(&access->connection);
    gnutls_aead_cipher_deinit(access->cipher);
}

void s3_store_close(struct s3_store **made)
{
    struct s3_store *store = *made;
    if (!store)
        return;
    pins_free(store);
    close_access(&store->read);
    close_access(&store->write);
    pthread_mutex_destroy(&store->queue_lock);
    pthread_mutex_destroy(&store->pins_lock);
    pthread_cond_destroy(&store->committed);
    memory_free(&store->directory);
    memory_free(made);
}

/* Reading: under the reading connection's lock, so that no writer is waited for. */

static int not_found(struct error *err)
{
    return error_set(err, ERROR_NOT_FOUND, "S3's index has no such entry");
}

int s3_store_get(struct s3_store *store, struct arena *arena, const char *bucket, const char *key,
                 const char *version, struct s3_object *object, struct error *err)
{
    pthread_mutex_lock(&store->read.connection.lock);
    int row = find_version(&store->read, arena, bucket, key, version, object, err);
    pthread_mutex_unlock(&store->read.connection.lock);
    return row > 0 ? 0 : row < 0 ? -1 : not_found(err);
}

/* The first row of a query; 1, 0 without, -1. With the lock. */
static int first_row(struct s3_store *store, struct query *query, struct arena *arena,
                     struct s3_object *object, struct error *err)
{
    int row = query_step(query, err);
    if (row > 0 && read_version(&store->read, query, arena, object, err) < 0)
        row = -1;
    query_close(query);
    return row;
}

int s3_store_next(struct s3_store *store, struct arena *arena, const char *bucket, const char *from,
                  bool inclusive, struct s3_object *object, struct error *err)
{
    static const char from_on[] = "SELECT " VERSION_COLUMNS " FROM versions WHERE bucket = ? AND key >= ?"
                                  " AND latest = 1 AND marker = 0 ORDER BY key LIMIT 1";
    static const char after[] = "SELECT " VERSION_COLUMNS " FROM versions WHERE bucket = ? AND key > ?"
                                " AND latest = 1 AND marker = 0 ORDER BY key LIMIT 1";
    struct query query;
    pthread_mutex_lock(&store->read.connection.lock);
    int row =
        query_open(&store->read.connection, &query, err, inclusive ? from_on : after, "ss", bucket, from);
    if (row == 0)
        row = first_row(store, &query, arena, object, err);
    pthread_mutex_unlock(&store->read.connection.lock);
    return row > 0 ? 0 : row < 0 ? -1 : not_found(err);
}

int s3_store_next_version(struct s3_store *store, struct arena *arena, const char *bucket, const char *key,
                          int64_t sequence, struct s3_object *object, struct error *err)
{
    static const char older[] = "SELECT " VERSION_COLUMNS " FROM versions WHERE bucket = ? AND key = ?"
                                " AND sequence < ? ORDER BY sequence DESC LIMIT 1";
    static const char next_key[] =
        "SELECT " VERSION_COLUMNS " FROM versions WHERE bucket = ?1 AND key = (SELECT min(key) FROM versions"
        " WHERE bucket = ?1 AND key > ?2) ORDER BY sequence DESC LIMIT 1";
    struct query query;
    pthread_mutex_lock(&store->read.connection.lock);
    int row = query_open(&store->read.connection, &query, err, older, "ssi", bucket, key, sequence);
    if (row == 0)
        row = first_row(store, &query, arena, object, err);
    if (row == 0)
        row = query_open(&store->read.connection, &query, err, next_key, "ss", bucket, key) < 0
                  ? -1
                  : first_row(store, &query, arena, object, err);
    pthread_mutex_unlock(&store->read.connection.lock);
    return row > 0 ? 0 : row < 0 ? -1 : not_found(err);
}

int s3_store_pieces(struct s3_store *store, struct arena *arena, const char *id, struct s3_piece **pieces,
                    size_t *count, struct error *err)
{
    struct query query;
    pthread_mutex_lock(&store->read.connection.lock);
    int result =
        query_open(&store->read.connection, &query, err,
                   "SELECT " PIECE_COLUMNS " FROM stored_pieces WHERE object = ? ORDER BY number", "s", id);
    if (result == 0) {
        result = read_pieces(&store->read, &query, arena, false, pieces, count, err);
        query_close(&query);
    }
    pthread_mutex_unlock(&store->read.connection.lock);
    return result;
}
