/* The rows of the store's tables, there and back. */
#include "localaws/s3/database.h"

#include <string.h>

enum object_text { OBJECT_ETAG, OBJECT_HEADERS, OBJECT_TAGS, OBJECT_ACL, OBJECT_TEXTS };
enum piece_text { PIECE_ETAG, PIECE_CHECKSUM, PIECE_TEXTS };

static struct blob seal_object(struct access *access, struct arena *arena, const struct s3_object *object)
{
    const char *const texts[OBJECT_TEXTS] = {object->etag, object->headers, object->tags, object->acl};
    return about_seal(access->cipher, arena, object->id, texts, OBJECT_TEXTS);
}

int insert_version(struct s3_store *store, const struct s3_object *object, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    const struct blob about = seal_object(&store->write, arena, object);
    return query_run(&store->write.connection, err,
                     "INSERT INTO versions (" VERSION_COLUMNS
                     ") VALUES (?1, ?2, ?3, 1 + coalesce((SELECT max(sequence) FROM versions"
                     " WHERE bucket = ?1 AND key = ?2), 0), 1, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
                     "sssisiisssb", object->bucket, object->key, object->version, (int64_t)object->marker,
                     object->id, object->size, object->modified_ms, object->sealing.key_arn,
                     object->sealing.context, object->sealing.wrapped, &about);
}

int update_about(struct s3_store *store, const struct s3_object *object, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    const struct blob about = seal_object(&store->write, arena, object);
    return query_run(&store->write.connection, err,
                     "UPDATE versions SET about = ? WHERE bucket = ? AND key = ? AND sequence = ?", "bssi",
                     &about, object->bucket, object->key, object->sequence);
}

int insert_upload(struct s3_store *store, const struct s3_object *upload, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    const struct blob about = seal_object(&store->write, arena, upload);
    return query_run(&store->write.connection, err,
                     "INSERT INTO multiparts (bucket, key, id, modified, key_arn, context, wrapped, about)"
                     " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                     "sssisssb", upload->bucket, upload->key, upload->id, upload->modified_ms,
                     upload->sealing.key_arn, upload->sealing.context, upload->sealing.wrapped, &about);
}

int insert_piece(struct s3_store *store, const char *id, const struct s3_piece *piece, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    const char *const texts[PIECE_TEXTS] = {piece->etag, piece->checksum};
    const struct blob about = about_seal(store->write.cipher, arena, piece->file, texts, PIECE_TEXTS);
    const struct blob content = {piece->content, piece->content_length};
    return query_run(&store->write.connection, err,
                     "INSERT INTO stored_pieces (file, object, number, size, modified, about, content)"
                     " VALUES (?, ?, ?, ?, ?, ?, ?)",
                     "ssiiibb", piece->file, id, piece->number, piece->size, piece->modified_ms, &about,
                     piece->content ? &content : NULL);
}

int read_version(struct access *access, struct query *query, struct arena *arena, struct s3_object *object,
                 struct error *err)
{
    const char *texts[OBJECT_TEXTS];
    size_t length;
    *object = (struct s3_object){
        .bucket = query_text(query, 0, arena),
        .key = query_text(query, 1, arena),
        .version = query_text(query, 2, arena),
        .sequence = query_integer(query, 3),
        .latest = query_integer(query, 4),
        .marker = query_integer(query, 5),
        .id = query_text(query, 6, arena),
        .size = query_integer(query, 7),
        .modified_ms = query_integer(query, 8),
        .sealing = {query_text(query, 9, arena), query_text(query, 10, arena), query_text(query, 11, arena)},
    };
    const unsigned char *about = query_blob(query, 12, arena, &length);
    if (about_open(access->cipher, arena, object->id, (struct blob){about, length}, texts, OBJECT_TEXTS,
                   err) < 0)
        return -1;
    object->etag = texts[OBJECT_ETAG];
    object->headers = texts[OBJECT_HEADERS];
    object->tags = texts[OBJECT_TAGS];
    object->acl = texts[OBJECT_ACL];
    return 0;
}

static int read_piece(struct access *access, struct query *query, struct arena *arena, bool contents,
                      struct s3_piece *piece, struct error *err)
{
    const char *texts[PIECE_TEXTS];
    size_t length;
    *piece = (struct s3_piece){
        .file = query_text(query, 0, arena),
        .number = query_integer(query, 1),
        .size = query_integer(query, 2),
        .modified_ms = query_integer(query, 3),
    };
    if (contents)
        piece->content = query_blob(query, 6, arena, &piece->content_length);
    const unsigned char *about = query_blob(query, 4, arena, &length);
    if (about_open(access->cipher, arena, piece->file, (struct blob){about, length}, texts, PIECE_TEXTS,
                   err) < 0)
        return -1;
    piece->etag = texts[PIECE_ETAG];
    piece->checksum = texts[PIECE_CHECKSUM];
    return 0;
}

int read_pieces(struct access *access, struct query *query, struct arena *arena, bool contents,
                struct s3_piece **pieces, size_t *count, struct error *err)
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
        if (read_piece(access, query, arena, contents, &(*pieces)[(*count)++], err) < 0)
            return -1;
    }
    return row;
}

int find_version(struct access *access, struct arena *arena, const char *bucket, const char *key,
                 const char *version, struct s3_object *object, struct error *err)
{
    static const char current[] =
        "SELECT " VERSION_COLUMNS " FROM versions WHERE bucket = ? AND key = ? AND latest = 1";
    static const char named[] =
        "SELECT " VERSION_COLUMNS " FROM versions WHERE bucket = ? AND key = ? AND version = ?";
    cleanup(query_close) struct query query = {0};
    if (query_open(&access->connection, &query, err, version ? named : current, version ? "sss" : "ss",
                   bucket, key, version) < 0)
        return -1;
    int row = query_step(&query, err);
    if (row > 0 && read_version(access, &query, arena, object, err) < 0)
        return -1;
    return row;
}

/* Dropping */

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

int drop_files(struct query *query, struct garbage *garbage, struct error *err)
{
    int row;
    while ((row = query_step(query, err)) > 0)
        if (query_integer(query, 2))
            add_garbage(garbage, (struct garbage_file){.file = query_text(query, 0, garbage->arena),
                                                       .object = query_text(query, 1, garbage->arena)});
    return row;
}

int drop_pieces(struct s3_store *store, const char *id, struct garbage *garbage, struct error *err)
{
    cleanup(query_close) struct query query = {0};
    if (query_open(&store->write.connection, &query, err,
                   "DELETE FROM stored_pieces WHERE object = ? RETURNING " DROPPED_COLUMNS, "s", id) < 0)
        return -1;
    return drop_files(&query, garbage, err);
}

int drop_version(struct s3_store *store, const struct s3_object *object, struct garbage *garbage,
                 struct error *err)
{
    if (query_run(&store->write.connection, err,
                  "DELETE FROM versions WHERE bucket = ? AND key = ? AND sequence = ?", "ssi", object->bucket,
                  object->key, object->sequence) < 0)
        return -1;
    return object->marker ? 0 : drop_pieces(store, object->id, garbage, err);
}
