#include "configserver/maintain/schedule.h"

#include "base/heap.h"
#include "base/log.h"
#include "base/table.h"
#include "base/text.h"
#include "configserver/hosts/admitted.h"
#include "configserver/hosts/hearing.h"
#include "configserver/maintain/workers.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define NEVER INT64_MAX

enum {
    FIRST_BACKOFF_MS = 1000,
    LONGEST_BACKOFF_MS = 60 * 1000,
    SLOW_MS = 3000,          /* a look that takes longer waits, from then on, with the slow ones */
    LONGEST_SLEEP_MS = 1000, /* clocks jump */
    RUNS_MOST = 30 /* of one task in one schedule_run_due: what never comes to rest goes on the next time */
};

enum task_kind { TASK_TUNNEL, TASK_ZONE, TASK_APPLICATION, TASK_ACCOUNT, TASK_KINDS };

struct task {
    struct heap_item due; /* first: in its lane's heap, unless it runs */
    enum task_kind kind;
    char *key;
    bool running, slow, hurried;
    int64_t again; /* asked for while it runs; NEVER */
    int64_t failures;
    struct account_worker *worker; /* of an account */
    uint64_t round;                /* of schedule_run_due, and how often it ran in it */
    int runs;
};

/* One for each kind of task: its own threads, so that no kind waits for another. */
struct lane {
    struct schedule *schedule;
    enum task_kind kind;
    struct heap waiting, slow; /* slow ones get half of the threads at most */
    int running, slow_running;
    bool timing; /* one thread sleeps until `sleeps_until`, the others until they are called */
    int64_t sleeps_until;
    pthread_cond_t call;
};

struct schedule {
    struct zone *zone;
    pthread_mutex_t lock; /* everything here but what a running task is alone with */
    struct table tasks[TASK_KINDS];
    struct lane lanes[TASK_KINDS];
    int64_t epoch; /* in which all was looked at first */
    uint64_t round;
    bool stopping;
    pthread_t *crew;
    size_t crew_size;
};

static struct task *task_of(struct schedule *schedule, enum task_kind kind, const char *key)
{
    struct task *task = table_get(&schedule->tasks[kind], key);
    if (task)
        return task;
    task = memory_alloc(sizeof *task);
    task->kind = kind;
    task->key = memory_strdup(key);
    task->again = NEVER;
    if (kind == TASK_ACCOUNT)
        task->worker = account_worker_new(schedule->zone, key);
    table_set(&schedule->tasks[kind], task->key, task);
    return task;
}

static void free_task(struct task *task)
{
    account_worker_free(&task->worker);
    free(task->key);
    free(task);
}

static void place(struct schedule *schedule, struct task *task, int64_t at)
{
    struct lane *lane = &schedule->lanes[task->kind];
    if (at == NEVER)
        return;
    heap_set(task->slow ? &lane->slow : &lane->waiting, &task->due, at);
    if (!lane->timing || at <= zone_now_ms(schedule->zone))
        pthread_cond_signal(&lane->call);
    else if (at < lane->sleeps_until) /* whichever it is that sleeps has to wake sooner */
        pthread_cond_broadcast(&lane->call);
}

/* Not later than that. */
static void want(struct schedule *schedule, struct task *task, int64_t at)
{
    if (task->running)
        task->again = at < task->again ? at : task->again;
    else if (task->due.place == 0 || at < task->due.at)
        place(schedule, task, at);
}

struct schedule *schedule_new(struct zone *zone)
{
    struct schedule *schedule = memory_alloc(sizeof *schedule);
    schedule->zone = zone;
    pthread_mutex_init(&schedule->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    for (enum task_kind kind = 0; kind < TASK_KINDS; kind++) {
        struct lane *lane = &schedule->lanes[kind];
        *lane = (struct lane){.schedule = schedule, .kind = kind};
        pthread_cond_init(&lane->call, &attributes);
    }
    pthread_condattr_destroy(&attributes);
    want(schedule, task_of(schedule, TASK_TUNNEL, "tunnel"), 0);
    return schedule;
}

void schedule_free(struct schedule **schedule)
{
    struct schedule *old = *schedule;
    *schedule = NULL;
    if (!old)
        return;
    schedule_stop(old);
    for (enum task_kind kind = 0; kind < TASK_KINDS; kind++) {
        size_t at = 0;
        for (struct task *task; (task = table_each(&old->tasks[kind], &at));)
            free_task(task);
        table_free(&old->tasks[kind]);
        heap_free(&old->lanes[kind].waiting);
        heap_free(&old->lanes[kind].slow);
        pthread_cond_destroy(&old->lanes[kind].call);
    }
    pthread_mutex_destroy(&old->lock);
    free(old);
}

void schedule_touch(struct schedule *schedule, const struct touched *touched)
{
    int64_t now = zone_now_ms(schedule->zone);
    admitted_touch(schedule->zone->admitted, touched->hosts, touched->host_count);
    pthread_mutex_lock(&schedule->lock);
    for (size_t i = 0; i < touched->application_count; i++)
        want(schedule, task_of(schedule, TASK_APPLICATION, touched->applications[i]), now);
    for (size_t i = 0; i < touched->account_count; i++)
        want(schedule, task_of(schedule, TASK_ACCOUNT, touched->accounts[i]), now);
    if (touched->host_count > 0)
        want(schedule, task_of(schedule, TASK_TUNNEL, "tunnel"), now);
    pthread_mutex_unlock(&schedule->lock);
}

void schedule_look_again(struct schedule *schedule, const char *application, int64_t at_ms)
{
    pthread_mutex_lock(&schedule->lock);
    want(schedule, task_of(schedule, TASK_APPLICATION, application), at_ms);
    pthread_mutex_unlock(&schedule->lock);
}

void schedule_look_at_account(struct schedule *schedule, const char *account)
{
    pthread_mutex_lock(&schedule->lock);
    struct task *task = task_of(schedule, TASK_ACCOUNT, account);
    task->hurried = true;
    want(schedule, task, zone_now_ms(schedule->zone));
    pthread_mutex_unlock(&schedule->lock);
}

void schedule_ring(struct schedule *schedule)
{
    pthread_mutex_lock(&schedule->lock);
    want(schedule, task_of(schedule, TASK_TUNNEL, "tunnel"), zone_now_ms(schedule->zone));
    for (enum task_kind kind = 0; kind < TASK_KINDS; kind++)
        pthread_cond_broadcast(&schedule->lanes[kind].call);
    pthread_mutex_unlock(&schedule->lock);
}

int64_t schedule_failures(struct schedule *schedule, const char *account)
{
    pthread_mutex_lock(&schedule->lock);
    const struct task *task = table_get(&schedule->tasks[TASK_ACCOUNT], account);
    int64_t failures = task ? task->failures : 0;
    pthread_mutex_unlock(&schedule->lock);
    return failures;
}

/* A new leader looks at everything once. With the lock, and every second at least. */
static bool may_look(struct schedule *schedule)
{
    struct repository *repository = schedule->zone->repository;
    if (hearing_go_on(schedule->zone->hearing, zone_now_ms(schedule->zone),
                      schedule->zone->limits->host_silent / 2))
        log_warning("this server was held up, or its clock set: hosts that were not heard meanwhile are not "
                    "taken for silent",
                    NULL);
    if (!zone_leads(schedule->zone) || !repository_leads(repository))
        return false;
    int64_t epoch = repository_epoch(repository), now = zone_now_ms(schedule->zone);
    if (epoch == schedule->epoch)
        return true;
    schedule->epoch = epoch;
    want(schedule, task_of(schedule, TASK_ZONE, "zone"), now);
    VIEW(view, repository);
    view_each(view, RECORD_APPLICATION, struct application, application)
        want(schedule, task_of(schedule, TASK_APPLICATION, application->id), now);
    view_each(view, RECORD_ACCOUNT, struct account, account) {
        struct task *task = task_of(schedule, TASK_ACCOUNT, account->id);
        if (!task->running)
            account_worker_spread(task->worker);
        want(schedule, task, now);
    }
    return true;
}

static struct task *first_of(const struct heap *heap)
{
    return (struct task *)heap_first(heap); /* its first member */
}

static bool is_sooner(const struct task *a, const struct task *b)
{
    return b == NULL || (a && a->due.at < b->due.at);
}

/* How many of a kind may run at once: so many threads it has. */
static int threads_of(const struct schedule *schedule, enum task_kind kind)
{
    const int threads[TASK_KINDS] = {1, 1, 2, (int)schedule->zone->limits->account_threads};
    return threads[kind];
}

/* The next of the lane that may run, due or not; NULL when there is none. */
static struct task *next_of(const struct lane *lane)
{
    struct task *usual = first_of(&lane->waiting), *slow = first_of(&lane->slow);
    int threads = threads_of(lane->schedule, lane->kind);
    bool slow_may = slow && (threads < 2 || (lane->slow_running + 1) * 2 <= threads);
    return slow_may && is_sooner(slow, usual) ? slow : usual;
}

static void begin(struct lane *lane, struct task *task)
{
    if (task->hurried)
        account_worker_hurry(task->worker);
    task->hurried = false;
    heap_remove(task->slow ? &lane->slow : &lane->waiting, &task->due);
    lane->running++;
    lane->slow_running += task->slow;
    task->running = true;
}

/* Longer each time, and not all at once. */
static int64_t backoff(const struct zone *zone, int64_t failures)
{
    int64_t wait = FIRST_BACKOFF_MS << (failures < 7 ? failures - 1 : 6);
    wait = wait < LONGEST_BACKOFF_MS ? wait : LONGEST_BACKOFF_MS;
    return wait / 2 + zone_random(zone, wait);
}

static int64_t next_sweep(const struct zone *zone)
{
    int64_t sweep = zone->limits->sweep;
    return sweep * 3 / 4 + zone_random(zone, sweep / 4 + 1);
}

/* What each kind does; returns after how many milliseconds it wants to be done again, NEVER when it is no
 * more. */
static int64_t run_tunnel(struct zone *zone, struct task *task)
{
    struct error err = {0};
    if (admitted_apply(zone->admitted, &err) == 0) {
        task->failures = 0;
        return next_sweep(zone);
    }
    log_warning("tunnel peers not set", "error", err.message, NULL);
    return backoff(zone, ++task->failures);
}

/* The zone's own: there is one of it. */
static int64_t run_zone(struct zone *zone, struct task *task)
{
    struct error err = {0};
    if (forget_hosts(zone, &err) == 0) {
        task->failures = 0;
        return next_sweep(zone);
    }
    log_warning("zone pass failed", "error", err.message, NULL);
    return backoff(zone, ++task->failures);
}

static bool exists(struct zone *zone, enum record_kind kind, const char *key)
{
    VIEW(view, zone->repository);
    return view_find(view, kind, key) != NULL;
}

static int64_t run_application(struct zone *zone, struct task *task)
{
    struct error err = {0};
    if (application_pass(zone, task->key, &err) == 0) {
        task->failures = 0;
        return exists(zone, RECORD_APPLICATION, task->key) ? next_sweep(zone) : NEVER;
    }
    log_warning("application pass failed", "application", task->key, "error", err.message, NULL);
    return backoff(zone, ++task->failures);
}

static int64_t run_account(struct zone *zone, struct task *task)
{
    int64_t next = account_worker_pass(task->worker);
    task->failures = account_worker_failures(task->worker);
    return exists(zone, RECORD_ACCOUNT, task->key) ? next : NEVER;
}

static const struct {
    const char *name; /* of the threads */
    int64_t (*run)(struct zone *zone, struct task *task);
    bool everywhere; /* not only on the leader */
} kinds[TASK_KINDS] = {
    [TASK_TUNNEL] = {"peers", run_tunnel, true},
    [TASK_ZONE] = {"zone", run_zone, false},
    [TASK_APPLICATION] = {"apps", run_application, false},
    [TASK_ACCOUNT] = {"aws", run_account, false},
};

/* With the lock, which is let go meanwhile. */
static void run(struct lane *lane, struct task *task)
{
    struct schedule *schedule = lane->schedule;
    begin(lane, task);
    pthread_mutex_unlock(&schedule->lock);
    int64_t began = zone_now_ms(schedule->zone);
    int64_t wait = kinds[lane->kind].run(schedule->zone, task);
    int64_t now = zone_now_ms(schedule->zone);
    pthread_mutex_lock(&schedule->lock);
    lane->running--;
    lane->slow_running -= task->slow;
    task->running = false;
    task->slow = task->failures > 0 || now - began > SLOW_MS;
    int64_t at = wait == NEVER ? NEVER : now + wait, again = task->again;
    task->again = NEVER;
    if (again == NEVER && at == NEVER) {
        table_take(&schedule->tasks[lane->kind], task->key);
        free_task(task);
        return;
    }
    place(schedule, task, again < at ? again : at);
}

/* The first that is due of all lanes, for who runs them without threads: no more at once than threads would.
 */
static struct task *first_due(struct schedule *schedule, bool leads, int64_t now, int64_t *next_at)
{
    struct task *first = NULL;
    for (enum task_kind kind = 0; kind < TASK_KINDS; kind++) {
        if (!leads && !kinds[kind].everywhere)
            continue;
        const struct lane *lane = &schedule->lanes[kind];
        struct task *task = lane->running < threads_of(schedule, kind) ? next_of(lane) : NULL;
        if (task && is_sooner(task, first))
            first = task;
    }
    *next_at = first ? first->due.at : now + LONGEST_SLEEP_MS;
    return *next_at <= now ? first : NULL;
}

int64_t schedule_run_due(struct schedule *schedule)
{
    int64_t next = 0;
    pthread_mutex_lock(&schedule->lock);
    schedule->round++;
    for (struct task *task;
         (task = first_due(schedule, may_look(schedule), zone_now_ms(schedule->zone), &next));) {
        if (task->round != schedule->round)
            task->runs = 0;
        task->round = schedule->round;
        if (task->runs++ == RUNS_MOST)
            break;
        run(&schedule->lanes[task->kind], task);
    }
    pthread_mutex_unlock(&schedule->lock);
    int64_t wait = next - zone_now_ms(schedule->zone);
    return wait > 0 ? wait : 1;
}

static void sleep_until(struct lane *lane, int64_t wait_ms)
{
    struct timespec until;
    wait_ms = wait_ms < LONGEST_SLEEP_MS ? wait_ms : LONGEST_SLEEP_MS;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += wait_ms / 1000;
    until.tv_nsec += wait_ms % 1000 * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    lane->timing = true;
    lane->sleeps_until = zone_now_ms(lane->schedule->zone) + wait_ms;
    pthread_cond_timedwait(&lane->call, &lane->schedule->lock, &until);
    lane->timing = false;
}

static void *work(void *context)
{
    struct lane *lane = context;
    struct schedule *schedule = lane->schedule;
    pthread_setname_np(pthread_self(), kinds[lane->kind].name);
    pthread_mutex_lock(&schedule->lock);
    while (!schedule->stopping) {
        bool may = may_look(schedule) || kinds[lane->kind].everywhere;
        struct task *task = may ? next_of(lane) : NULL;
        int64_t wait = task ? task->due.at - zone_now_ms(schedule->zone) : LONGEST_SLEEP_MS;
        if (wait <= 0) {
            pthread_cond_signal(&lane->call); /* there may be another */
            run(lane, task);
        } else if (lane->timing) {
            pthread_cond_wait(&lane->call, &schedule->lock);
        } else {
            sleep_until(lane, wait);
        }
    }
    pthread_mutex_unlock(&schedule->lock);
    return NULL;
}

int schedule_start(struct schedule *schedule, struct error *err)
{
    size_t most = 0;
    int result = 0;
    for (enum task_kind kind = 0; kind < TASK_KINDS; kind++)
        most += (size_t)threads_of(schedule, kind);
    schedule->crew = memory_array(most, sizeof *schedule->crew);
    for (enum task_kind kind = 0; kind < TASK_KINDS; kind++) {
        for (int i = 0; i < threads_of(schedule, kind) && result == 0; i++) {
            result = pthread_create(&schedule->crew[schedule->crew_size], NULL, work, &schedule->lanes[kind]);
            schedule->crew_size += result == 0;
        }
    }
    if (result == 0)
        return 0;
    schedule_stop(schedule);
    return error_set(err, ERROR_INTERNAL, "start a thread: %s", strerror(result));
}

void schedule_stop(struct schedule *schedule)
{
    pthread_mutex_lock(&schedule->lock);
    schedule->stopping = true;
    for (enum task_kind kind = 0; kind < TASK_KINDS; kind++)
        pthread_cond_broadcast(&schedule->lanes[kind].call);
    pthread_mutex_unlock(&schedule->lock);
    for (size_t i = 0; i < schedule->crew_size; i++)
        pthread_join(schedule->crew[i], NULL);
    schedule->crew_size = 0;
    free(take(&schedule->crew));
}
