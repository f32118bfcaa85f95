#include "localaws/s3/object_calls.h"

#include <gnutls/gnutls.h>

struct s3_reading {
    struct arena *arena; /* pieces and paths: the reading may outlive the request's handler */
    struct s3_store *store;
    const char *id; /* NULL until it is held */
    struct s3_piece *pieces;
    size_t count, open; /* which piece `reader` has; `count` for none */
    unsigned char data_key[SEGMENT_KEY];
    struct segment_reader *reader;
};

/* 1 when the object was replaced between finding it and holding on to it. */
static int hold(struct s3_call *s3, const struct s3_object *object, struct s3_reading *reading,
                struct error *err)
{
    struct error why = {0};
    if (s3_store_pin(s3->s3->store, reading->arena, object->id, &reading->pieces, &reading->count, &why) < 0)
        return why.kind == ERROR_NOT_FOUND ? 1 : error_set(err, why.kind, "%s", why.message);
    reading->store = s3->s3->store;
    reading->id = arena_strdup(reading->arena, object->id);
    reading->open = reading->count;
    return 0;
}

int s3_reading_open(struct s3_call *s3, struct s3_object *object, struct s3_reading **made, struct error *err)
{
    struct s3_reading *reading = memory_alloc(sizeof(*reading));
    reading->arena = arena_new();
    *made = reading;
    int result = 1;
    while (result > 0) {
        result = s3_find_object(s3, object, err);
        if (result == 0)
            result = hold(s3, object, reading, err);
    }
    return result;
}

int s3_reading_unseal(struct s3_call *s3, struct s3_reading *reading, const struct s3_object *object,
                      struct error *err)
{
    return s3_unseal(s3, &object->sealing, reading->data_key, err);
}

static int open_piece(struct s3_reading *reading, size_t index, struct error *err)
{
    const struct s3_piece *piece = &reading->pieces[index];
    unsigned char key[SEGMENT_KEY];
    segment_reader_free(&reading->reader);
    reading->open = reading->count;
    s3_file_key(reading->data_key, piece->file, key);
    int result = 0;
    if (piece->content)
        segment_reader_open_small(piece->content, piece->content_length, key, (uint64_t)piece->size,
                                  &reading->reader);
    else
        result = segment_reader_open(s3_store_path(reading->store, reading->arena, piece->file), key,
                                     (uint64_t)piece->size, &reading->reader, err);
    gnutls_memset(key, 0, sizeof(key));
    if (result == 0)
        reading->open = index;
    return result;
}

int s3_reading_read(struct s3_reading *reading, uint64_t position, void *bytes, size_t room, size_t *length,
                    struct error *err)
{
    *length = 0;
    for (size_t i = 0; i < reading->count; i++) {
        uint64_t size = (uint64_t)reading->pieces[i].size;
        if (position >= size) {
            position -= size;
            continue;
        }
        if (reading->open != i && open_piece(reading, i, err) < 0)
            return -1;
        return segment_read(reading->reader, position, bytes, room, length, err);
    }
    return 0;
}

void s3_reading_free(struct s3_reading **reading)
{
    if (!*reading)
        return;
    segment_reader_free(&(*reading)->reader);
    if ((*reading)->id)
        s3_store_unpin((*reading)->store, (*reading)->id);
    gnutls_memset((*reading)->data_key, 0, SEGMENT_KEY);
    arena_free(&(*reading)->arena);
    memory_free(reading);
}

static int no_version(struct s3_call *s3, struct error *err)
{
    return s3_fail(s3, err, 404, "NoSuchVersion", "The specified version does not exist.");
}

/* A marker is no object: as if there were none, but that it says so. */
static int is_marker(struct s3_call *s3, const struct s3_object *marker, struct error *err)
{
    s3_answer_header(s3, "x-amz-delete-marker", "true");
    s3_answer_header(s3, "x-amz-version-id", marker->version);
    if (!s3->version)
        return s3_fail(s3, err, 404, "NoSuchKey", "The specified key does not exist.");
    s3_answer_header(s3, "Allow", "DELETE");
    return s3_fail(s3, err, 405, "MethodNotAllowed",
                   "The specified method is not allowed against this resource.");
}

int s3_find_object(struct s3_call *s3, struct s3_object *object, struct error *err)
{
    struct error why = {0};
    bool found =
        s3_store_get(s3->s3->store, s3->arena, s3->bucket.id, s3->key, s3->version, object, &why) == 0;
    if (found && !object->marker)
        return 0;
    if (!found && why.kind != ERROR_NOT_FOUND)
        return error_set(err, why.kind, "%s", why.message);
    if (s3_authorize(s3, "s3:ListBucket", NULL, err) < 0)
        return -1;
    if (found)
        return is_marker(s3, object, err);
    return s3->version ? no_version(s3, err)
                       : s3_fail(s3, err, 404, "NoSuchKey", "The specified key does not exist.");
}
