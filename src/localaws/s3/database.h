/* SQLite for the files of the S3 store: statements bound and stepped with our errors, transactions that end
 * in every case, and the files that a transaction leaves behind, removed once it is committed. */
#ifndef LOCALAWS_S3_DATABASE_H
#define LOCALAWS_S3_DATABASE_H

#include "localaws/s3/store.h"
#include "localaws/table.h"

#include <pthread.h>
#include <sqlite3.h>

struct s3_store {
    pthread_mutex_t lock; /* the connection, and so every statement */
    sqlite3 *database;
    struct table pins; /* s3/store_pins.c: objects being read, by id */
    char *directory;
};

/* A statement with its values: 's' text (NULL is NULL), 'i' int64_t. The values live until it is finalized.
 */
int query_open(struct s3_store *store, sqlite3_stmt **query, struct error *err, const char *sql,
               const char *types, ...);
void query_close(sqlite3_stmt **query); /* for cleanup() */
/* 1: there is a row; 0: there is none (any more). */
int query_step(sqlite3_stmt *query, struct error *err);
char *query_text(sqlite3_stmt *query, int column, struct arena *arena);
/* Runs a statement that has no rows. */
int query_run(struct s3_store *store, struct error *err, const char *sql, const char *types, ...);

/* `change` runs in a transaction, which commits when it returns 0. `garbage` gets the files that nothing
 * refers to any more; they are removed after the commit, or when the last reader of their object is done. */
struct garbage {
    struct arena *arena;
    struct garbage_file {
        const char *object, *file; /* a NULL file is somebody else's to remove */
    } * items;
    size_t count, room;
};
typedef int store_change(struct s3_store *store, void *context, struct garbage *garbage, struct error *err);
int store_transaction(struct s3_store *store, store_change *change, void *context, struct error *err);
/* Drops the pieces of `id` (object or upload): their files become garbage. */
int drop_pieces(struct s3_store *store, const char *id, struct garbage *garbage, struct error *err);
int drop_object(struct s3_store *store, const char *bucket, const char *key, struct garbage *garbage,
                struct error *err);
/* `query` deletes pieces and returns DROPPED_COLUMNS of them. */
#define DROPPED_COLUMNS "file, object"
int drop_files(sqlite3_stmt *query, struct garbage *garbage, struct error *err);
/* Takes the files of objects that are being read out of the garbage. With the lock held. */
void pins_keep(struct s3_store *store, struct garbage *garbage);
void pins_free(struct s3_store *store);
int insert_piece(struct s3_store *store, const char *id, const struct s3_piece *piece, struct error *err);
int insert_object(struct s3_store *store, const struct s3_object *object, struct error *err);

/* The columns of objects and of uploads, in the order read_object takes them. */
#define OBJECT_COLUMNS "bucket, key, id, etag, headers, tags, size, modified, key_arn, context, wrapped"
void read_object(sqlite3_stmt *query, struct arena *arena, struct s3_object *object);
int read_pieces(sqlite3_stmt *query, struct arena *arena, struct s3_piece **pieces, size_t *count,
                struct error *err);
#define PIECES_OF "SELECT file, number, size, etag, modified FROM pieces WHERE object = ? ORDER BY number"
/* The first row of a query for them, as read_object has it; ERROR_NOT_FOUND. Takes the lock. */
int query_object(struct s3_store *store, struct arena *arena, struct s3_object *object, struct error *err,
                 const char *sql, const char *types, ...);

#endif
