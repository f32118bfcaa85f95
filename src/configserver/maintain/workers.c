#include "configserver/maintain/workers.h"

#include "base/log.h"
#include "base/text.h"
#include "configserver/cloud/paced.h"

#include <string.h>

enum {
    LONGEST_BACKOFF_MS = 60 * 1000,
    FIRST_BACKOFF_MS = 1000,
    HUNG_MS = 3000, /* a call that failed after so long: the account, or the way there, does not answer */
    MAINTAINERS_MOST = 16
};

static bool never(const struct view *view, const char *account, int64_t now_ms)
{
    (void)view;
    (void)account;
    (void)now_ms;
    return false;
}

/* So many milliseconds, or what the limits say. */
struct interval {
    int64_t ms;
    size_t limit;
};
/* clang-format off */
#define EVERY(milliseconds) {milliseconds, 0}
#define LIMITED(member)     {0, offsetof(struct limits, member)}
#define NEVER               {-1, 0}

/* An account's maintainers, in the order in which they run. */
static const struct {
    const char *name;
    account_maintainer *pass;
    account_unfinished *unfinished;
    struct interval eager; /* between passes while something is unfinished */
    struct interval idle;  /* otherwise */
} maintainers[] = {
    { "launch hosts",          launch_hosts,          hosts_to_launch,          EVERY(50),                      NEVER },
    { "make load balancers",   make_load_balancers,   load_balancers_to_make,   EVERY(50),                      NEVER },
    { "watch instances",       watch_instances,       instances_to_watch,       LIMITED(watch_instances_eager), LIMITED(watch_instances) },
    { "watch events",          watch_events,          events_to_watch,          LIMITED(watch_events_eager),    LIMITED(watch_events) },
    { "wire load balancers",   wire_load_balancers,   load_balancers_to_wire,   LIMITED(watch_balancers_eager), LIMITED(watch_balancers) },
    { "watch load balancers",  watch_load_balancers,  never,                    EVERY(1000),                    LIMITED(list_balancers) },
    { "mend load balancers",   mend_load_balancers,   never,                    EVERY(1000),                    LIMITED(mend_balancers) },
    { "remove load balancers", remove_load_balancers, load_balancers_to_remove, EVERY(1000),                    NEVER },
    { "terminate hosts",       terminate_hosts,       hosts_to_terminate,       EVERY(1000),                    NEVER },
    { "remove disks",          remove_left_disks,     never,                    EVERY(1000),                    LIMITED(look_for_disks) },
};
/* clang-format on */
_Static_assert(COUNT_OF(maintainers) <= MAINTAINERS_MOST, "room for every maintainer's times");

struct account_worker {
    struct zone *zone;
    char *account;
    struct {
        int64_t last_ms, failures;
        int64_t backoff_ms; /* after a failure */
        bool ran;
        int64_t idle_ms; /* until the next look when nothing is unfinished: not all accounts at once */
    } duties[MAINTAINERS_MOST];
};

static int64_t interval_ms(const struct zone *zone, struct interval interval)
{
    return interval.limit == 0
               ? interval.ms
               : *(const int64_t *)(const void *)((const char *)zone->limits + interval.limit);
}

/* From three quarters of it to all of it. */
static int64_t spread(const struct zone *zone, int64_t milliseconds)
{
    return milliseconds < 4 ? milliseconds : milliseconds * 3 / 4 + zone_random(zone, milliseconds / 4 + 1);
}

struct account_worker *account_worker_new(struct zone *zone, const char *account)
{
    struct account_worker *worker = memory_alloc(sizeof *worker);
    worker->zone = zone;
    worker->account = memory_strdup(account);
    for (size_t i = 0; i < COUNT_OF(maintainers); i++)
        worker->duties[i].idle_ms = interval_ms(zone, maintainers[i].idle);
    return worker;
}

void account_worker_spread(struct account_worker *worker)
{
    int64_t now = zone_now_ms(worker->zone);
    for (size_t i = 0; i < COUNT_OF(maintainers); i++) {
        int64_t idle = worker->duties[i].idle_ms;
        if (idle > 0 && worker->duties[i].last_ms == 0)
            worker->duties[i].last_ms = now - idle + zone_random(worker->zone, idle);
    }
}

void account_worker_free(struct account_worker **worker)
{
    struct account_worker *old = *worker;
    *worker = NULL;
    if (!old)
        return;
    free(old->account);
    free(old);
}

void account_worker_hurry(struct account_worker *worker)
{
    for (size_t i = 0; i < COUNT_OF(maintainers); i++)
        if (maintainers[i].pass == watch_instances || maintainers[i].pass == watch_events)
            worker->duties[i].idle_ms = 1;
}

int64_t account_worker_failures(const struct account_worker *worker)
{
    int64_t failures = 0;
    for (size_t i = 0; i < COUNT_OF(maintainers); i++)
        failures += worker->duties[i].failures;
    return failures;
}

/* An account that nothing is left in is still looked at, for orphans, but seldom. */
static bool is_empty(const struct view *view, const char *account)
{
    return !view_of(view, HOSTS_OF_ACCOUNT, account, 0) &&
           !view_of(view, LOAD_BALANCERS_OF_ACCOUNT, account, 0);
}

/* How long after its last pass a maintainer is due; -1: not until something changes. */
static int64_t wait_of(const struct account_worker *worker, const struct view *view, size_t index)
{
    const struct zone *zone = worker->zone;
    bool unfinished = maintainers[index].unfinished(view, worker->account, zone_now_ms(zone));
    int64_t idle = worker->duties[index].idle_ms, backoff = worker->duties[index].backoff_ms;
    if (!unfinished && idle < 0)
        return -1;
    if (!unfinished && worker->duties[index].ran && is_empty(view, worker->account))
        idle = idle > zone->limits->watch_empty ? idle : zone->limits->watch_empty;
    int64_t base = unfinished ? interval_ms(zone, maintainers[index].eager) : idle;
    return base > backoff ? base : backoff;
}

static int64_t backoff(const struct zone *zone, int64_t failures)
{
    int64_t wait = (int64_t)FIRST_BACKOFF_MS << (failures < 7 ? failures - 1 : 6);
    return spread(zone, wait < LONGEST_BACKOFF_MS ? wait : LONGEST_BACKOFF_MS);
}

static bool run_maintainer(struct account_worker *worker, const struct account *account, size_t index)
{
    struct error err = {0};
    cleanup(arena_free) struct arena *arena = arena_new();
    struct account_pass pass = {worker->zone, account, arena};
    bool failed = maintainers[index].pass(&pass, &err) < 0, held_back = failed && cloud_held_back(&err);
    worker->duties[index].ran = true;
    worker->duties[index].failures = failed && !held_back ? worker->duties[index].failures + 1 : 0;
    worker->duties[index].backoff_ms = held_back ? spread(worker->zone, FIRST_BACKOFF_MS)
                                       : failed  ? backoff(worker->zone, worker->duties[index].failures)
                                                 : 0;
    worker->duties[index].idle_ms = spread(worker->zone, interval_ms(worker->zone, maintainers[index].idle));
    worker->duties[index].last_ms = zone_now_ms(worker->zone);
    if (failed && !held_back)
        log_warning("maintainer failed", "maintainer", maintainers[index].name, "account", worker->account,
                    "error", err.message, NULL);
    return failed && !held_back;
}

int64_t account_worker_pass(struct account_worker *worker)
{
    int64_t next = worker->zone->limits->account_look;
    for (size_t i = 0; i < COUNT_OF(maintainers); i++) {
        VIEW(view, worker->zone->repository);
        const struct account *account = view_find(view, RECORD_ACCOUNT, worker->account);
        int64_t wait = account ? wait_of(worker, view, i) : -1;
        if (wait < 0)
            continue;
        int64_t now = zone_now_ms(worker->zone), due = worker->duties[i].last_ms + wait;
        if (due <= now) {
            bool hung = run_maintainer(worker, account, i) && zone_now_ms(worker->zone) - now > HUNG_MS;
            if (hung) /* the others would wait as long: they begin the next pass */
                return FIRST_BACKOFF_MS;
            due = now + interval_ms(worker->zone, maintainers[i].eager);
        }
        next = due - now < next ? due - now : next;
    }
    return next > 0 ? next : 1;
}
