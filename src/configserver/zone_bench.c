/* What one event of a host costs the config server, with 100, 1,000 and 10,000 hosts in a tenth as many
 * applications and accounts: its report is committed to the embedded store, everybody concerned is told, its
 * application is looked at and its spec is made anew. Also a look at all applications, and the memory of it
 * all. One JSON object a measure. Usage: zone_bench [DIRECTORY] */
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "configserver/hosts/polls.h"
#include "configserver/maintain/maintainers.h"
#include "configserver/maintain/schedule.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HOSTS_OF_APPLICATION_COUNT = 10, EVENTS = 5000, PASSES = 20, HISTORY = 4 };

#define NOW_MS 1767323045000

static int64_t still(void *context)
{
    (void)context;
    return NOW_MS;
}

static uint64_t chance(void *context)
{
    uint64_t *state = context;
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

static int set_peer(void *context, const struct tunnel_peer *peer, struct error *err)
{
    (void)context, (void)peer, (void)err;
    return 0;
}

static int set_peers(void *context, const struct tunnel_peer *peers, size_t count, struct error *err)
{
    (void)context, (void)peers, (void)count, (void)err;
    return 0;
}

static int change_peers(void *context, const struct tunnel_peer *peers, size_t count,
                        const char *const *removed, size_t removed_count, struct error *err)
{
    (void)context, (void)peers, (void)count, (void)removed, (void)removed_count, (void)err;
    return 0;
}

static const char *public_key(void *context)
{
    (void)context;
    return "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=";
}

struct bench {
    char *directory;
    struct config config;
    struct cloud cloud; /* nothing is asked of it: no account's time comes */
    struct peers peers;
    struct attestor attestor;
    struct environment environment;
    uint64_t chance;
    struct store *store;
    struct zone *zone;
    size_t hosts;
};

static void stop(const struct error *err)
{
    fprintf(stderr, "%s\n", err->message);
    exit(1);
}

static void open_bench(struct bench *bench, const char *directory)
{
    struct error err = {0};
    bench->directory = memory_format("%s/zone_bench.XXXXXX", directory);
    if (!mkdtemp(bench->directory))
        exit(1);
    bench->config = (struct config){.zone = "dev.aws-us-east-1c", .index = 1, .limits = limits_default};
    bench->peers = (struct peers){NULL, set_peer, set_peers, public_key, change_peers};
    bench->environment = (struct environment){&bench->chance, still, chance};
    cleanup(memory_free) char *path = memory_format("%s/store", bench->directory);
    if (store_open_sqlite(path, &bench->store, &err) < 0)
        stop(&err);
    const struct zone_parts parts = {.config = &bench->config,
                                     .store = bench->store,
                                     .cloud = &bench->cloud,
                                     .peers = &bench->peers,
                                     .attestor = &bench->attestor,
                                     .environment = &bench->environment};
    if (zone_open(&parts, &bench->zone, &err) < 0)
        stop(&err);
}

static void close_bench(struct bench *bench)
{
    zone_close(&bench->zone);
    store_close(&bench->store);
    tree_remove(bench->directory, NULL);
    free(bench->directory);
    malloc_trim(0);
}

static struct event history[HISTORY] = {{"launched", NOW_MS, "provisioner", "i-0123456789abcdef0"},
                                        {"reachedUs", NOW_MS, "host", NULL},
                                        {"activate", NOW_MS, "allocator", NULL},
                                        {"cameUp", NOW_MS, "health", "its service answers"}};

static void put_host(struct transaction *transaction, const struct application *application, size_t number)
{
    struct arena *arena = transaction_arena(transaction);
    const struct host host = {
        .hostname = arena_format(arena, "h%zu.dev.aws-us-east-1c.host.vespa.enclave.internal", number),
        .index = (int64_t)number,
        .state = HOST_ACTIVE,
        .state_since = NOW_MS,
        .application = application->id,
        .tenant = application->tenant,
        .cluster = "docs",
        .account = application->account,
        .instance_id = arena_format(arena, "i-%017zx", number),
        .instance_type = application->clusters[0].instance_type,
        .availability_zone = "use1-az6",
        .address = arena_format(arena, "2001:db8::%zx:1", number),
        .node_address = arena_format(arena, "2001:db8::%zx:2", number),
        .wireguard_key = arena_format(arena, "%043zx=", number),
        .key_hash = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        .history = history,
        .history_count = HISTORY,
    };
    const struct node node = {
        .hostname = arena_format(arena, "h%zua.dev.aws-us-east-1c.host.vespa.enclave.internal", number),
        .parent = host.hostname,
        .application = application->id,
        .cluster = "docs",
        .cluster_type = application->clusters[0].type,
        .index = (int64_t)(number % HOSTS_OF_APPLICATION_COUNT),
        .state = NODE_ACTIVE,
        .state_since = NOW_MS,
        .first_up_at = NOW_MS,
        .image = application->clusters[0].image,
        .current_image = application->clusters[0].image,
        .vespa_version = "8.500.1",
        .service_status = "up",
        .history = history,
        .history_count = HISTORY,
    };
    transaction_put(transaction, RECORD_HOST, &host);
    transaction_put(transaction, RECORD_NODE, &node);
}

static void put_application(struct bench *bench, size_t number)
{
    struct error err = {0};
    cleanup(transaction_end) struct transaction *transaction = transaction_begin(bench->zone->repository);
    struct arena *arena = transaction_arena(transaction);
    struct cluster cluster = {.id = "docs",
                              .type = CLUSTER_CONTENT,
                              .count = HOSTS_OF_APPLICATION_COUNT,
                              .groups = 1,
                              .vcpu = 2,
                              .memory_gb = 8,
                              .disk_gb = 50,
                              .disk_speed = "fast",
                              .instance_type = "m7i.large",
                              .image = "registry.example/vespa:8"};
    const char *tenant = arena_format(arena, "t%zu", number);
    const struct application application = {.id = arena_format(arena, "%s:shop:default", tenant),
                                            .tenant = tenant,
                                            .application = "shop",
                                            .instance = "default",
                                            .account = arena_format(arena, "%012zu", number + 1),
                                            .generation = 1,
                                            .deployed_at = NOW_MS,
                                            .converged_generation = 1,
                                            .package_hash = "hash",
                                            .clusters = &cluster,
                                            .cluster_count = 1,
                                            .archive_bucket = "archive"};
    const struct account account = {application.account, tenant, "external"};
    transaction_put(transaction, RECORD_ACCOUNT, &account);
    transaction_put(transaction, RECORD_APPLICATION, &application);
    for (size_t i = 0; i < HOSTS_OF_APPLICATION_COUNT; i++)
        put_host(transaction, &application, FIRST_HOST_INDEX + number * HOSTS_OF_APPLICATION_COUNT + i);
    if (transaction_commit(&transaction, &err) < 0)
        stop(&err);
}

static double resident_mb(void)
{
    long pages = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (!file || fscanf(file, "%ld %ld", &pages, &resident) != 2)
        exit(1);
    fclose(file);
    return (double)resident * (double)sysconf(_SC_PAGESIZE) / (1 << 20);
}

/* One host's report, and all that follows. */
static void event(struct bench *bench, struct arena *arena, int number)
{
    struct error err = {0};
    size_t index = (size_t)chance(&bench->chance) % bench->hosts;
    const char *hostname = NULL;
    {
        cleanup(transaction_end) struct transaction *transaction = transaction_begin(bench->zone->repository);
        const struct node *node = view_at(transaction_view(transaction), RECORD_NODE, index);
        struct node next = *node;
        next.vespa_version = number % 2 ? "8.501.7" : "8.502.1";
        hostname = arena_strdup(arena, node->parent);
        transaction_put(transaction, RECORD_NODE, &next);
        if (transaction_commit(&transaction, &err) < 0)
            stop(&err);
    }
    schedule_run_due(bench->zone->schedule);
    char *text;
    int64_t generation;
    if (polls_spec(bench->zone->polls, hostname, arena, &text, &generation, &err) < 0)
        stop(&err);
}

static double event_us(struct bench *bench)
{
    int64_t began = clock_monotonic_ms();
    for (int i = 0; i < EVENTS; i++) {
        cleanup(arena_free) struct arena *arena = arena_new();
        event(bench, arena, i);
    }
    return (double)(clock_monotonic_ms() - began) * 1000 / EVENTS;
}

static double pass_ms(struct bench *bench)
{
    struct error err = {0};
    int64_t began = clock_monotonic_ms();
    for (int i = 0; i < PASSES; i++)
        if (zone_pass(bench->zone, &err) < 0)
            stop(&err);
    return (double)(clock_monotonic_ms() - began) / PASSES;
}

static void measure(const char *directory, size_t hosts)
{
    double before = resident_mb();
    struct bench bench = {.hosts = hosts, .chance = 1};
    open_bench(&bench, directory);
    for (size_t i = 0; i < hosts / HOSTS_OF_APPLICATION_COUNT; i++)
        put_application(&bench, i);
    schedule_run_due(bench.zone->schedule); /* the first look at everything */
    malloc_trim(0);
    double grown = resident_mb() - before;
    printf("{\"name\": \"configserver.event_cost_us_%zu\", \"value\": %.1f, \"unit\": \"us\"}\n", hosts,
           event_us(&bench));
    if (hosts == 10000) {
        printf("{\"name\": \"configserver.pass_ms_10000\", \"value\": %.1f, \"unit\": \"ms\"}\n",
               pass_ms(&bench));
        printf("{\"name\": \"configserver.records_mb_10000\", \"value\": %.1f, \"unit\": \"MB\"}\n", grown);
    }
    close_bench(&bench);
}

int main(int argc, char **argv)
{
    const char *directory = argc > 1 ? argv[1] : "/dev/shm";
    log_open("bench", LOG_LEVEL_ERROR, false);
    measure(directory, 100);
    measure(directory, 1000);
    measure(directory, 10000);
    return 0;
}
