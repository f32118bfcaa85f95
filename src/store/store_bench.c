/* How many records a second the embedded store commits, from one caller and from several whose commits it
 * groups, and how many one ZooKeeper server and three of them do; and how long three are without a leader
 * when theirs is killed. Servers and clients share the machine. One JSON object a measure. Usage: store_bench
 * [DIRECTORY] */
#include "base/clock.h"
#include "base/file.h"
#include "store/store.h"
#include "store/zookeeper_fixture.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { RECORD_BYTES = 1024, RUN_MS = 2000, THREADS_MOST = 32, SESSION_MS = 4000, OPEN_MS = 20000 };

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

static void say(const char *name, double value, const char *unit, const char *against, double ratio)
{
    printf("{\"name\": \"%s\", \"value\": %.0f, \"unit\": \"%s\"", name, value, unit);
    if (against)
        printf(", \"against\": \"%s\", \"ratio\": %.2f", against, ratio);
    printf("}\n");
    fflush(stdout);
}

static int measure_sqlite(const char *in, double *alone, double *grouped, struct error *err)
{
    char directory[256];
    snprintf(directory, sizeof directory, "%s/store_bench.XXXXXX", in);
    if (!mkdtemp(directory))
        return error_errno(err, ERROR_UNAVAILABLE, "make a directory in %s", in);
    cleanup(memory_free) char *path = memory_format("%s/store.db", directory);
    struct store *store = NULL;
    if (store_open_sqlite(path, &store, err) < 0)
        return -1;
    *alone = writes_per_second(store, 1);
    *grouped = writes_per_second(store, THREADS_MOST);
    store_close(&store);
    tree_remove(directory, NULL);
    return 0;
}

static double resident_mb(pid_t pid)
{
    char path[64];
    unsigned long size = 0, resident = 0;
    snprintf(path, sizeof path, "/proc/%d/statm", pid);
    FILE *file = fopen(path, "re");
    if (!file || fscanf(file, "%lu %lu", &size, &resident) != 2)
        resident = 0;
    if (file)
        fclose(file);
    return (double)resident * (double)sysconf(_SC_PAGESIZE) / (1 << 20);
}

/* From the kill of the leading server to the next write that is answered. */
static double failover_ms(struct fixture *servers, struct store *store)
{
    int leader = fixture_leader(servers, OPEN_MS);
    if (leader < 0)
        return -1;
    int64_t killed_ms = clock_monotonic_ms();
    fixture_kill(servers, (size_t)leader);
    while (store_set(store, "/writer-0", "", 0, STORE_ANY_VERSION, NULL) != STORE_OK)
        ;
    return (double)(clock_monotonic_ms() - killed_ms);
}

static int measure_zookeeper(size_t count, double *alone, double *grouped, double *resident, double *failover,
                             struct error *err)
{
    struct fixture servers;
    if (fixture_start(&servers, count, "::1", err) < 0)
        return -1;
    struct store *store = fixture_open(&servers, 0, SESSION_MS, NULL, NULL);
    *alone = writes_per_second(store, 1);
    *grouped = writes_per_second(store, THREADS_MOST);
    *resident = resident_mb(servers.pids[0]);
    *failover = count > 1 ? failover_ms(&servers, store) : 0;
    store_close(&store);
    fixture_stop(&servers);
    return 0;
}

int main(int argc, char **argv)
{
    struct error err = {0};
    double alone = 0, grouped = 0, one, one_grouped, three, three_grouped, resident, failover;
    if (measure_sqlite(argc > 1 ? argv[1] : "/tmp", &alone, &grouped, &err) < 0 ||
        measure_zookeeper(1, &one, &one_grouped, &resident, &failover, &err) < 0 ||
        measure_zookeeper(3, &three, &three_grouped, &resident, &failover, &err) < 0) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    say("store.writes_per_s", alone, "1/s", NULL, 0);
    say("store.grouped_writes_per_s", grouped, "1/s", "store.writes_per_s", grouped / alone);
    say("zookeeper.one_writes_per_s", one, "1/s", "store.writes_per_s", one / alone);
    say("zookeeper.one_grouped_writes_per_s", one_grouped, "1/s", "store.grouped_writes_per_s",
        one_grouped / grouped);
    say("zookeeper.three_writes_per_s", three, "1/s", "zookeeper.one_writes_per_s", three / one);
    say("zookeeper.three_grouped_writes_per_s", three_grouped, "1/s", "zookeeper.one_grouped_writes_per_s",
        three_grouped / one_grouped);
    say("zookeeper.rss_mb", resident, "MB", NULL, 0);
    say("zookeeper.failover_ms", failover, "ms", NULL, 0);
    return 0;
}
