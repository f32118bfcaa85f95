#include "configserver/maintain/workers.h"

#include "base/buffer.h"
#include "base/log.h"
#include "base/text.h"
#include "identity/key.h"

#include <stdio.h>
#include <string.h>

enum {
    LONGEST_BACKOFF_MS = 60 * 1000,
    FIRST_BACKOFF_MS = 1000,
    LOOK_EVERY_MS = 5000,
    EMPTY_MS = 5 * 60 * 1000,
    NEVER = 0
};

static bool never(const struct view *view, const char *account, int64_t now_ms)
{
    (void)view;
    (void)account;
    (void)now_ms;
    return false;
}

/* An account's maintainers, in the order in which they run. */
static const struct {
    const char *name;
    account_maintainer *pass;
    account_unfinished *unfinished;
    int64_t eager_ms; /* between passes while something is unfinished */
    int64_t idle_ms;  /* otherwise */
} maintainers[] = {
    /* clang-format off */
    { "launch hosts",          launch_hosts,          hosts_to_launch,          50,   NEVER },
    { "make load balancers",   make_load_balancers,   load_balancers_to_make,   50,   NEVER },
    { "watch instances",       watch_instances,       instances_to_watch,       500,  15000 },
    { "watch events",          watch_events,          events_to_watch,          10000, 60000 },
    { "wire load balancers",   wire_load_balancers,   load_balancers_to_wire,   300,  10000 },
    { "watch load balancers",  watch_load_balancers,  never,                    1000, 60000 },
    { "remove load balancers", remove_load_balancers, load_balancers_to_remove, 1000, NEVER },
    { "terminate hosts",       terminate_hosts,       hosts_to_terminate,       1000, NEVER },
    { "remove disks",          remove_left_disks,     never,                    0,    3600000 },
    /* clang-format on */
};
_Static_assert(COUNT_OF(maintainers) <= MAINTAINERS_MOST, "room for every maintainer's times");

/* An account that nothing is left in is still looked at, for orphans, but seldom. */
static bool is_empty(const struct view *view, const char *account)
{
    view_each(view, RECORD_HOST, struct host, host)
        if (text_equal(host->account, account))
            return false;
    view_each(view, RECORD_LOAD_BALANCER, struct load_balancer, balancer)
        if (text_equal(balancer->account, account))
            return false;
    return true;
}

/* How long after its last pass a maintainer is due; -1: not until something changes. */
static int64_t interval(const struct account_worker *worker, const struct view *view, size_t index)
{
    int64_t failures = worker->duties[index].failures;
    bool unfinished = maintainers[index].unfinished(view, worker->account, zone_now_ms(worker->zone));
    if (!unfinished && maintainers[index].idle_ms == NEVER)
        return -1;
    int64_t base = unfinished                        ? maintainers[index].eager_ms
                   : is_empty(view, worker->account) ? EMPTY_MS
                                                     : maintainers[index].idle_ms;
    int64_t backoff = failures ? FIRST_BACKOFF_MS << (failures < 7 ? failures - 1 : 6) : 0;
    backoff = backoff < LONGEST_BACKOFF_MS ? backoff : LONGEST_BACKOFF_MS;
    return base > backoff ? base : backoff;
}

static void run_maintainer(struct account_worker *worker, const struct account *account, size_t index)
{
    struct error err = {0};
    cleanup(arena_free) struct arena *arena = arena_new();
    struct account_pass pass = {worker->zone, account, arena};
    if (maintainers[index].pass(&pass, &err) == 0) {
        worker->duties[index].failures = 0;
        return;
    }
    worker->duties[index].failures++;
    log_warning("maintainer failed", "maintainer", maintainers[index].name, "account", worker->account,
                "error", err.message, NULL);
}

int64_t account_worker_pass(struct account_worker *worker)
{
    int64_t next = LOOK_EVERY_MS;
    for (size_t i = 0; i < COUNT_OF(maintainers); i++) {
        VIEW(view, worker->zone->repository);
        const struct account *account = view_find(view, RECORD_ACCOUNT, worker->account);
        int64_t wait = account ? interval(worker, view, i) : -1;
        if (wait < 0)
            continue;
        int64_t now = zone_now_ms(worker->zone), due = worker->duties[i].last_ms + wait;
        if (due <= now) {
            run_maintainer(worker, account, i);
            worker->duties[i].last_ms = zone_now_ms(worker->zone);
            due = now + maintainers[i].eager_ms;
        }
        next = due - now < next ? due - now : next;
    }
    return next > 0 ? next : 1;
}

static bool has_tunnel(const struct host *host)
{
    return host->wireguard_key && host->state > HOST_WANTED && host->state < HOST_TERMINATING;
}

int sync_peers(struct zone *zone, char **applied, struct error *err)
{
    VIEW(view, zone->repository);
    cleanup(arena_free) struct arena *arena = arena_new();
    struct tunnel_peer *peers = arena_alloc(arena, view_count(view, RECORD_HOST) * sizeof *peers);
    cleanup(buffer_free) struct buffer list = buffer_new(64 << 20);
    size_t count = 0;
    view_each(view, RECORD_HOST, struct host, host) {
        if (!has_tunnel(host))
            continue;
        peers[count] = (struct tunnel_peer){.public_key = host->wireguard_key,
                                            .address = zone_host_address(arena, zone, host->index)};
        buffer_format(&list, "%s %s\n", peers[count].public_key, peers[count].address);
        count++;
    }
    char *hash = sha256_hex(arena, buffer_string(&list), list.length);
    if (text_equal(hash, *applied))
        return 0;
    if (zone->peers->set_all(zone->peers->context, peers, count, err) < 0)
        return -1;
    free(*applied);
    *applied = memory_strdup(hash);
    return 0;
}

struct worker_thread {
    struct worker_thread *next;
    struct account_worker worker;
    pthread_t thread;
};

struct zone_workers {
    struct zone *zone;
    pthread_t thread;
    struct worker_thread *accounts; /* of the zone's thread alone until it ended */
};

static void *run_account(void *context)
{
    struct account_worker *worker = context;
    char name[16];
    snprintf(name, sizeof name, "aws-%.11s", worker->account);
    pthread_setname_np(pthread_self(), name);
    uint64_t seen = 0;
    while (zone_wait(worker->zone, &seen,
                     zone_leads(worker->zone) ? account_worker_pass(worker) : LOOK_EVERY_MS))
        continue;
    return NULL;
}

static bool has_worker(const struct zone_workers *workers, const char *account)
{
    for (const struct worker_thread *at = workers->accounts; at; at = at->next)
        if (text_equal(at->worker.account, account))
            return true;
    return false;
}

static void start_accounts(struct zone_workers *workers)
{
    VIEW(view, workers->zone->repository);
    view_each(view, RECORD_ACCOUNT, struct account, account) {
        if (has_worker(workers, account->id))
            continue;
        struct worker_thread *thread = memory_alloc(sizeof *thread);
        thread->worker.zone = workers->zone;
        thread->worker.account = memory_strdup(account->id);
        int result = pthread_create(&thread->thread, NULL, run_account, &thread->worker);
        if (result != 0) {
            log_error("no thread for account", "account", account->id, "error", strerror(result), NULL);
            free(thread->worker.account);
            free(thread);
            continue;
        }
        thread->next = workers->accounts;
        workers->accounts = thread;
    }
}

static void *run_zone(void *context)
{
    struct zone_workers *workers = context;
    pthread_setname_np(pthread_self(), "zone");
    cleanup(memory_free) char *applied = NULL;
    uint64_t seen = 0;
    do {
        struct error err = {0};
        if (zone_leads(workers->zone) && zone_pass(workers->zone, &err) < 0)
            log_warning("zone pass failed", "error", err.message, NULL);
        if (sync_peers(workers->zone, &applied, &err) < 0)
            log_warning("tunnel peers not set", "error", err.message, NULL);
        start_accounts(workers);
    } while (zone_wait(workers->zone, &seen, LOOK_EVERY_MS));
    return NULL;
}

int zone_workers_start(struct zone *zone, struct zone_workers **workers, struct error *err)
{
    struct zone_workers *started = memory_alloc(sizeof *started);
    started->zone = zone;
    int result = pthread_create(&started->thread, NULL, run_zone, started);
    if (result != 0) {
        free(started);
        return error_set(err, ERROR_INTERNAL, "start a thread: %s", strerror(result));
    }
    *workers = started;
    return 0;
}

void zone_workers_stop(struct zone_workers **workers)
{
    struct zone_workers *old = *workers;
    *workers = NULL;
    if (!old)
        return;
    pthread_join(old->thread, NULL);
    while (old->accounts) {
        struct worker_thread *thread = old->accounts;
        old->accounts = thread->next;
        pthread_join(thread->thread, NULL);
        free(thread->worker.account);
        free(thread);
    }
    free(old);
}
