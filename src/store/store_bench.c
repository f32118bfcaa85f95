/* How many records the embedded store commits a second, from one caller and from several whose commits it groups. One
 * JSON object a measure. Usage: store_bench [DIRECTORY] */
#include "base/clock.h"
#include "base/file.h"
#include "store/store.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RECORD_BYTES = 1024, RUN_MS = 2000, THREADS_MOST = 32 };

struct writer {
    struct store *store;
    int index;
    int64_t until_ms;
    long written;
};

static void *write_records(void *argument)
{
    struct writer *writer = argument;
    char path[32], value[RECORD_BYTES];
    memset(value, 'x', sizeof value);
    snprintf(path, sizeof path, "/writer-%d", writer->index);
    if (store_make_path(writer->store, path, NULL) < 0)
        return NULL;
    while (clock_monotonic_ms() < writer->until_ms &&
           store_set(writer->store, path, value, sizeof value, STORE_ANY_VERSION, NULL) == STORE_OK)
        writer->written++;
    return NULL;
}

static double writes_per_second(struct store *store, int threads)
{
    struct writer writers[THREADS_MOST];
    pthread_t ids[THREADS_MOST];
    int64_t start_ms = clock_monotonic_ms();
    long written = 0;
    for (int i = 0; i < threads; i++) {
        writers[i] = (struct writer){.store = store, .index = i, .until_ms = start_ms + RUN_MS};
        if (pthread_create(&ids[i], NULL, write_records, &writers[i]) != 0)
            abort();
    }
    for (int i = 0; i < threads; i++) {
        pthread_join(ids[i], NULL);
        written += writers[i].written;
    }
    return (double)written * 1000 / (double)(clock_monotonic_ms() - start_ms);
}

int main(int argc, char **argv)
{
    struct error err = {0};
    char directory[256];
    snprintf(directory, sizeof directory, "%s/store_bench.XXXXXX", argc > 1 ? argv[1] : "/tmp");
    if (!mkdtemp(directory))
        return 1;
    cleanup(memory_free) char *path = memory_format("%s/store.db", directory);
    struct store *store = NULL;
    if (store_open_sqlite(path, &store, &err) < 0) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    double alone = writes_per_second(store, 1), grouped = writes_per_second(store, THREADS_MOST);
    printf("{\"name\": \"store.writes_per_s\", \"value\": %.0f, \"unit\": \"1/s\"}\n", alone);
    printf("{\"name\": \"store.grouped_writes_per_s\", \"value\": %.0f, \"unit\": \"1/s\", \"against\": "
           "\"store.writes_per_s\", \"ratio\": %.1f}\n",
           grouped, grouped / alone);
    store_close(&store);
    tree_remove(directory, NULL);
    return 0;
}
