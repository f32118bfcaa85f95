#include "configserver/cluster/leader.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "base/text.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#define LEADING "/enclave/v1/leading"

enum { LOOK_EVERY_MS = 1000, RETRY_MS = 200, NONCE_DIGITS = 16 };

struct leader {
    struct zone *zone;
    struct store *store;
    struct config_servers *servers;
    char *mark; /* "2 93f1…": our index and what tells this run of ours from others; the record's value */
    bool holds; /* the record is ours; the thread's alone */
    bool begun; /* and the repository's epoch is; the thread's alone */
    pthread_t thread;
    bool started;
    pthread_mutex_t lock; /* what follows */
    pthread_cond_t changed;
    uint64_t wakes; /* counts what should be looked at */
    bool lost, expired, stopping;
};

struct leader *leader_new(struct zone *zone, struct store *store, struct config_servers *servers)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct leader *leader = memory_alloc(sizeof *leader);
    leader->zone = zone;
    leader->store = store;
    leader->servers = servers;
    leader->mark = memory_format("%lld %s", (long long)servers->index, random_hex(arena, NONCE_DIGITS));
    pthread_mutex_init(&leader->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&leader->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    return leader;
}

void leader_free(struct leader **leader)
{
    struct leader *old = *leader;
    *leader = NULL;
    if (!old)
        return;
    leader_stop(old);
    pthread_cond_destroy(&old->changed);
    pthread_mutex_destroy(&old->lock);
    free(old->mark);
    free(old);
}

static void wake(struct leader *leader)
{
    pthread_mutex_lock(&leader->lock);
    leader->wakes++;
    pthread_cond_broadcast(&leader->changed);
    pthread_mutex_unlock(&leader->lock);
}

static void record_changed(void *context, const char *path)
{
    (void)path;
    wake(context);
}

/* Decisions stop before the callback returns; the rest is the thread's. */
void leader_session(void *context, enum store_session session)
{
    struct leader *leader = context;
    pthread_mutex_lock(&leader->lock);
    leader->lost = session != STORE_CONNECTED;
    leader->expired |= session == STORE_EXPIRED;
    atomic_store(&leader->servers->connected, !leader->lost);
    if (leader->lost)
        atomic_store(&leader->servers->leads, false);
    pthread_mutex_unlock(&leader->lock);
    wake(leader);
}

/* True when the store may be asked. */
static bool take_session(struct leader *leader, bool *expired)
{
    pthread_mutex_lock(&leader->lock);
    bool lost = leader->lost;
    *expired = leader->expired;
    leader->expired = false;
    pthread_mutex_unlock(&leader->lock);
    return !lost;
}

static void step_down(struct leader *leader, const char *why)
{
    if (leader->begun)
        log_warning("leads no more", "index", leader->mark, "reason", why, NULL);
    atomic_store(&leader->servers->leads, false);
    atomic_store(&leader->servers->leader, 0);
    leader->begun = leader->holds = false;
    repository_follow(leader->zone->repository);
}

/* Who holds the record, as far as we can see; false when it could not be seen. */
static bool see_holder(struct leader *leader, struct arena *arena, char **mark)
{
    size_t length;
    struct error err = {0};
    *mark = NULL;
    enum store_result result = store_watch(leader->store, LEADING, false, record_changed, leader, &err);
    if (result == STORE_OK)
        result = store_get(leader->store, arena, LEADING, mark, &length, NULL, &err);
    if (result == STORE_OK || result == STORE_NONODE)
        return true;
    log_warning("cannot see who leads", "error", err.message, NULL);
    return false;
}

static int64_t index_of(const char *mark)
{
    return mark ? strtoll(mark, NULL, 10) : 0;
}

/* Of unknown outcome or not: the record itself says at the next look whose it is. */
static bool run_for_it(struct leader *leader)
{
    struct error err = {0};
    enum store_result result =
        store_create(leader->store, LEADING, leader->mark, strlen(leader->mark), STORE_EPHEMERAL, NULL, &err);
    if (result == STORE_NONODE)
        store_make_path(leader->store, "/enclave/v1", &err);
    if (result == STORE_OK || result == STORE_EXISTS)
        return true;
    log_warning("cannot run for the lead", "error", err.message, NULL);
    return false;
}

static void give_away(struct leader *leader)
{
    if (leader->holds)
        store_delete(leader->store, LEADING, STORE_ANY_VERSION, NULL);
    leader->holds = false;
}

static bool follow(struct leader *leader)
{
    struct error err = {0};
    if (store_watch(leader->store, REPOSITORY_HEAD, false, record_changed, leader, &err) != STORE_OK ||
        repository_catch_up(leader->zone->repository, &err) < 0) {
        log_warning("our copy is not fresh", "error", err.message, NULL);
        return false;
    }
    atomic_store(&leader->servers->current_ms, clock_monotonic_ms());
    pthread_mutex_lock(&leader->lock);
    pthread_cond_broadcast(&leader->changed); /* whoever waits for a commit looks again */
    pthread_mutex_unlock(&leader->lock);
    return true;
}

static bool begin(struct leader *leader)
{
    struct error err = {0};
    int64_t start = clock_monotonic_ms();
    if (zone_lead(leader->zone, &err) < 0) {
        log_warning("cannot take the lead", "error", err.message, NULL);
        give_away(leader);
        step_down(leader, err.message);
        return false;
    }
    leader->begun = true;
    cleanup(memory_free) char *took = memory_format("%lld", (long long)(clock_monotonic_ms() - start));
    log_info("leads", "index", leader->mark, "took_ms", took, NULL);
    return true;
}

/* The record is ours: lead, or lead again after a pause that nobody used. */
static int64_t lead(struct leader *leader)
{
    struct repository *repository = leader->zone->repository;
    leader->holds = true;
    if (leader->begun && !repository_leads(repository)) {
        give_away(leader);
        step_down(leader, "another began an epoch");
        return RETRY_MS;
    }
    if (!leader->begun && !begin(leader))
        return RETRY_MS;
    atomic_store(&leader->servers->current_ms, clock_monotonic_ms());
    if (atomic_load(&leader->servers->leads))
        return LOOK_EVERY_MS;
    atomic_store(&leader->servers->leader, leader->servers->index);
    pthread_mutex_lock(&leader->lock);
    bool may = !leader->lost && !leader->stopping; /* not lost again meanwhile */
    if (may)
        atomic_store(&leader->servers->leads, true);
    pthread_mutex_unlock(&leader->lock);
    if (may)
        zone_ring(leader->zone);
    return LOOK_EVERY_MS;
}

int64_t leader_step(struct leader *leader)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    char *mark;
    bool expired, connected = take_session(leader, &expired);
    if (expired)
        step_down(leader, "our session with the store ended");
    if (!connected)
        return LOOK_EVERY_MS;
    if (!see_holder(leader, arena, &mark))
        return RETRY_MS;
    if (text_equal(mark, leader->mark))
        return lead(leader);
    if (leader->begun)
        step_down(leader, "another has the lead");
    if (atomic_exchange(&leader->servers->leader, index_of(mark)) != index_of(mark))
        atomic_store(&leader->servers->unreachable_until, 0);
    if (!follow(leader))
        return RETRY_MS;
    if (mark)
        return LOOK_EVERY_MS;
    return run_for_it(leader) ? 0 : RETRY_MS;
}

static struct timespec after(int64_t milliseconds)
{
    int64_t until = clock_monotonic_ms() + milliseconds;
    return (struct timespec){until / 1000, until % 1000 * 1000000};
}

static void *run(void *context)
{
    struct leader *leader = context;
    pthread_setname_np(pthread_self(), "leader");
    pthread_mutex_lock(&leader->lock);
    while (!leader->stopping) {
        uint64_t seen = leader->wakes;
        pthread_mutex_unlock(&leader->lock);
        struct timespec until = after(leader_step(leader));
        pthread_mutex_lock(&leader->lock);
        while (!leader->stopping && leader->wakes == seen &&
               pthread_cond_timedwait(&leader->changed, &leader->lock, &until) != ETIMEDOUT)
            continue;
    }
    pthread_mutex_unlock(&leader->lock);
    return NULL;
}

int leader_start(struct leader *leader, struct error *err)
{
    int result = pthread_create(&leader->thread, NULL, run, leader);
    if (result != 0)
        return error_set(err, ERROR_INTERNAL, "start a thread: %s", strerror(result));
    leader->started = true;
    return 0;
}

void leader_stop(struct leader *leader)
{
    pthread_mutex_lock(&leader->lock);
    leader->stopping = true;
    atomic_store(&leader->servers->leads, false);
    pthread_cond_broadcast(&leader->changed);
    pthread_mutex_unlock(&leader->lock);
    if (leader->started)
        pthread_join(leader->thread, NULL);
    leader->started = false;
    give_away(leader);
}

void leader_wait_for(struct leader *leader, int64_t sequence, int64_t timeout_ms)
{
    struct timespec until = after(timeout_ms);
    int result = 0;
    pthread_mutex_lock(&leader->lock);
    while (!leader->stopping && result != ETIMEDOUT &&
           repository_sequence(leader->zone->repository) < sequence)
        result = pthread_cond_timedwait(&leader->changed, &leader->lock, &until);
    pthread_mutex_unlock(&leader->lock);
}
