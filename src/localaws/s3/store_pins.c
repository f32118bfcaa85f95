/* Readers: while an object is read, its files stay, though it may be replaced or deleted meanwhile; who began
 * to read it gets the whole of it. */
#include "localaws/s3/database.h"

#include <unistd.h>

struct pin {
    unsigned readers;
    char **files; /* to be removed after the last reader */
    size_t count;
};

static void add_reader(struct s3_store *store, const char *id)
{
    pthread_mutex_lock(&store->pins_lock);
    struct pin *pin = table_get(&store->pins, id);
    if (!pin) {
        pin = memory_alloc(sizeof(*pin));
        table_put(&store->pins, id, pin);
    }
    pin->readers++;
    pthread_mutex_unlock(&store->pins_lock);
}

/* Pinned before it is looked at: a change that is committed later finds the pin, one committed before leaves
 * nothing to be found. */
int s3_store_pin(struct s3_store *store, struct arena *arena, const char *id, struct s3_piece **pieces,
                 size_t *count, struct error *err)
{
    struct query query;
    add_reader(store, id);
    pthread_mutex_lock(&store->read.connection.lock);
    int result = query_open(
        &store->read.connection, &query, err,
        "SELECT " PIECE_COLUMNS ", content FROM stored_pieces WHERE object = ? ORDER BY number", "s", id);
    if (result == 0) {
        result = read_pieces(&store->read, &query, arena, true, pieces, count, err);
        query_close(&query);
    }
    pthread_mutex_unlock(&store->read.connection.lock);
    if (result == 0 && *count == 0)
        result = error_set(err, ERROR_NOT_FOUND, "the object has gone");
    if (result < 0)
        s3_store_unpin(store, id);
    return result;
}

static void free_pin(struct pin *pin)
{
    for (size_t i = 0; i < pin->count; i++)
        free(pin->files[i]);
    free(pin->files);
    free(pin);
}

void s3_store_unpin(struct s3_store *store, const char *id)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    pthread_mutex_lock(&store->pins_lock);
    struct pin *pin = table_get(&store->pins, id);
    bool last = --pin->readers == 0;
    if (last)
        table_remove(&store->pins, id);
    pthread_mutex_unlock(&store->pins_lock);
    if (!last)
        return;
    for (size_t i = 0; i < pin->count; i++)
        unlink(s3_store_path(store, arena, pin->files[i]));
    free_pin(pin);
}

void pins_keep(struct s3_store *store, struct garbage *garbage)
{
    pthread_mutex_lock(&store->pins_lock);
    for (size_t i = 0; i < garbage->count; i++) {
        struct pin *pin = table_get(&store->pins, garbage->items[i].object);
        if (!pin)
            continue;
        pin->files = memory_resize(pin->files, pin->count + 1, sizeof(*pin->files));
        pin->files[pin->count++] = memory_strdup(garbage->items[i].file);
        garbage->items[i].file = NULL;
    }
    pthread_mutex_unlock(&store->pins_lock);
}

/* What is still to be removed then, the next start removes. */
void pins_free(struct s3_store *store)
{
    size_t at = 0;
    for (struct pin *pin; (pin = table_next(&store->pins, &at));)
        free_pin(pin);
    table_free(&store->pins);
}
