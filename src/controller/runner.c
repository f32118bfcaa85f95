#include "controller/runner.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "controller/runs.h"
#include "controller/state.h"

enum { THREADS = 4, LOOK_EVERY_MS = 10000 };

/* A deployment that is to be driven. */
struct task {
    struct task *next;
    char *deployment;
    int64_t due_ms;
    bool busy, woken;
};

struct runner {
    struct controller *controller;
    pthread_t threads[THREADS];
    unsigned thread_count;
    pthread_mutex_t lock; /* all below */
    pthread_cond_t changed;
    struct task *tasks;
    int64_t look_ms; /* when the store is looked at again for what we missed */
    bool stopping;
};

static void add_task(struct runner *runner, const char *deployment, bool now)
{
    struct task *task = runner->tasks;
    while (task && !text_equal(task->deployment, deployment))
        task = task->next;
    if (!task) {
        task = memory_alloc(sizeof *task);
        *task = (struct task){.next = runner->tasks, .deployment = memory_strdup(deployment)};
        runner->tasks = task;
    } else if (now) {
        task->woken = true;
        task->due_ms = 0;
    }
}

void runner_wake(struct runner *runner, const char *deployment)
{
    if (!runner)
        return;
    pthread_mutex_lock(&runner->lock);
    add_task(runner, deployment, true);
    pthread_cond_broadcast(&runner->changed);
    pthread_mutex_unlock(&runner->lock);
}

/* With the lock held; the store answers from its own file. */
static void look(struct runner *runner, int64_t now_ms)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    char **names;
    size_t count;
    struct error err = {0};
    runner->look_ms = now_ms + LOOK_EVERY_MS;
    if (unfinished_names(runner->controller, arena, &names, &count, &err) < 0) {
        log_error("cannot see what is unfinished", "reason", err.message, NULL);
        return;
    }
    for (size_t i = 0; i < count; i++)
        add_task(runner, names[i], false);
}

/* With the lock held: a task that is due, or NULL and when one may be. */
static struct task *due_task(struct runner *runner, int64_t now_ms, int64_t *next_ms)
{
    *next_ms = runner->look_ms;
    for (struct task *task = runner->tasks; task; task = task->next) {
        if (task->busy)
            continue;
        if (task->due_ms <= now_ms)
            return task;
        if (task->due_ms < *next_ms)
            *next_ms = task->due_ms;
    }
    return NULL;
}

static void remove_task(struct runner *runner, struct task *task)
{
    struct task **at = &runner->tasks;
    while (*at != task)
        at = &(*at)->next;
    *at = task->next;
    free(task->deployment);
    free(task);
}

/* With the lock held, which is let go meanwhile. */
static void drive(struct runner *runner, struct task *task)
{
    task->busy = true;
    task->woken = false;
    pthread_mutex_unlock(&runner->lock);
    int again_ms = run_drive(runner->controller, task->deployment);
    pthread_mutex_lock(&runner->lock);
    task->busy = false;
    if (again_ms == DRIVE_DONE && !task->woken)
        remove_task(runner, task);
    else
        task->due_ms = task->woken || again_ms < 0 ? 0 : clock_monotonic_ms() + again_ms;
}

static void *work(void *context)
{
    struct runner *runner = context;
    pthread_mutex_lock(&runner->lock);
    while (!runner->stopping) {
        int64_t now_ms = clock_monotonic_ms(), next_ms;
        if (runner->look_ms <= now_ms)
            look(runner, now_ms);
        struct task *task = due_task(runner, now_ms, &next_ms);
        if (task) {
            drive(runner, task);
            continue;
        }
        struct timespec until = {.tv_sec = next_ms / 1000, .tv_nsec = next_ms % 1000 * 1000000};
        pthread_cond_timedwait(&runner->changed, &runner->lock, &until);
    }
    pthread_mutex_unlock(&runner->lock);
    return NULL;
}

int runner_start(struct controller *controller, struct error *err)
{
    struct runner *runner = memory_alloc(sizeof *runner);
    pthread_condattr_t monotonic;
    runner->controller = controller;
    pthread_mutex_init(&runner->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&runner->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    controller->runner = runner;
    run_sweep_packages(controller);
    for (; runner->thread_count < THREADS; runner->thread_count++)
        if (pthread_create(&runner->threads[runner->thread_count], NULL, work, runner) != 0)
            return error_set(err, ERROR_INTERNAL, "cannot start a runner thread");
    return 0;
}

void runner_stop(struct controller *controller)
{
    struct runner *runner = controller->runner;
    if (!runner)
        return;
    pthread_mutex_lock(&runner->lock);
    runner->stopping = true;
    pthread_cond_broadcast(&runner->changed);
    pthread_mutex_unlock(&runner->lock);
    for (unsigned i = 0; i < runner->thread_count; i++)
        pthread_join(runner->threads[i], NULL);
    while (runner->tasks)
        remove_task(runner, runner->tasks);
    pthread_mutex_destroy(&runner->lock);
    pthread_cond_destroy(&runner->changed);
    free(runner);
    controller->runner = NULL;
}
