/* Inside the S3 store: its two connections, the changes that are committed together, the rows of its tables,
 * and the files that a change leaves behind. Nothing but store*.c includes this. */
#ifndef LOCALAWS_S3_DATABASE_H
#define LOCALAWS_S3_DATABASE_H

#include "localaws/s3/about.h"
#include "localaws/s3/connection.h"
#include "localaws/s3/store.h"
#include "localaws/table.h"

/* Readers never wait for a writer's disk: they see what was committed. */
struct access {
    struct connection connection;
    gnutls_aead_cipher_hd_t cipher; /* opens and seals what rows hold; under the connection's lock */
};

struct s3_store {
    struct access write, read;
    char *directory;
    pthread_mutex_t queue_lock; /* the three below */
    pthread_cond_t committed;
    struct change *waiting, **last_waiting; /* in the order they came */
    bool committing;
    pthread_mutex_t pins_lock;
    struct table pins; /* store_pins.c: objects being read, by id */
};

/* The files that nothing refers to any more after a change; they are removed once it is durable, or when the
 * last reader of their object is done. */
struct garbage {
    struct arena *arena;
    struct garbage_file {
        const char *object, *file; /* a NULL file is somebody else's to remove */
    } * items;
    size_t count, room;
};

/* store_commit.c: runs `apply` in a transaction, which it leaves unchanged unless it returns 0. Those of
 * several threads share a commit, and so the wait for the disk. */
typedef int store_change(struct s3_store *store, void *context, struct garbage *garbage, struct error *err);
int store_commit(struct s3_store *store, store_change *apply, void *context, struct error *err);

/* store_rows.c, on the writing connection: */
int insert_version(struct s3_store *store, const struct s3_object *object, struct error *err);
int insert_upload(struct s3_store *store, const struct s3_object *upload, struct error *err);
int insert_piece(struct s3_store *store, const char *id, const struct s3_piece *piece, struct error *err);
/* Drops the pieces of `id` (object or upload): their files become garbage. */
int drop_pieces(struct s3_store *store, const char *id, struct garbage *garbage, struct error *err);
/* `query` deletes pieces and returns DROPPED_COLUMNS of them. */
#define DROPPED_COLUMNS \
    "file, object, typeof(content) = 'null'" /* "content IS NULL" is always 0 there (SQLite 3.40) */
int drop_files(struct query *query, struct garbage *garbage, struct error *err);
/* The version named, or the current one (NULL). 1: found, 0: there is none. */
int find_version(struct access *access, struct arena *arena, const char *bucket, const char *key,
                 const char *version, struct s3_object *object, struct error *err);
int drop_version(struct s3_store *store, const struct s3_object *object, struct garbage *garbage,
                 struct error *err);
/* Seals the texts of `object` anew. */
int update_about(struct s3_store *store, const struct s3_object *object, struct error *err);
/* store_changes.c: makes `object` its key's current version. */
int place_version(struct s3_store *store, const struct s3_object *object,
                  const struct s3_expectation *expected, struct garbage *garbage, struct error *err);

/* The columns in the order read_version takes them. */
#define VERSION_COLUMNS \
    "bucket, key, version, sequence, latest, marker, id, size, modified, key_arn, context, wrapped, about"
#define UPLOAD_COLUMNS "bucket, key, 'null', 0, 0, 0, id, 0, modified, key_arn, context, wrapped, about"
int read_version(struct access *access, struct query *query, struct arena *arena, struct s3_object *object,
                 struct error *err);
#define PIECE_COLUMNS "file, number, size, modified, about, object"
int read_pieces(struct access *access, struct query *query, struct arena *arena, bool contents,
                struct s3_piece **pieces, size_t *count, struct error *err);

/* Makes the tables, out of those of an earlier form where there are such. */
int store_schema(struct s3_store *store, struct error *err);

/* Takes the files of objects that are being read out of the garbage. */
void pins_keep(struct s3_store *store, struct garbage *garbage);
void pins_free(struct s3_store *store);

#endif
