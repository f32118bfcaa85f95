#include "localaws/faults/late.h"

#include "base/clock.h"
#include "base/memory.h"

#include <pthread.h>
#include <stdbool.h>
#include <time.h>

struct task {
    int64_t due_ms;
    void (*act)(void *context);
    void *context;
    struct task *next; /* the one due after it */
};

struct late {
    pthread_t thread;
    pthread_mutex_t lock; /* the two below */
    pthread_cond_t changed;
    struct task *first;
    bool stopping;
};

static void wait_until(struct late *late, int64_t due_ms)
{
    struct timespec until = {.tv_sec = due_ms / 1000, .tv_nsec = due_ms % 1000 * 1000000};
    pthread_cond_timedwait(&late->changed, &late->lock, &until);
}

/* The first task when it is due, or when there is no waiting any more. NULL: it is time to end. */
static struct task *next_task(struct late *late)
{
    for (;;) {
        struct task *first = late->first;
        if (first && (late->stopping || first->due_ms <= clock_monotonic_ms())) {
            late->first = first->next;
            return first;
        }
        if (late->stopping)
            return NULL;
        if (first)
            wait_until(late, first->due_ms);
        else
            pthread_cond_wait(&late->changed, &late->lock);
    }
}

static void *work(void *context)
{
    struct late *late = context;
    struct task *task;
    pthread_mutex_lock(&late->lock);
    while ((task = next_task(late))) {
        pthread_mutex_unlock(&late->lock);
        task->act(task->context);
        free(task);
        pthread_mutex_lock(&late->lock);
    }
    pthread_mutex_unlock(&late->lock);
    return NULL;
}

int late_open(struct late **opened, struct error *err)
{
    struct late *late = memory_alloc(sizeof *late);
    pthread_condattr_t monotonic;
    pthread_mutex_init(&late->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&late->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (pthread_create(&late->thread, NULL, work, late) != 0) {
        free(late);
        return error_set(err, ERROR_UNAVAILABLE, "no thread for what happens later");
    }
    pthread_setname_np(late->thread, "late");
    *opened = late;
    return 0;
}

void late_close(struct late **closed)
{
    struct late *late = *closed;
    if (!late)
        return;
    pthread_mutex_lock(&late->lock);
    late->stopping = true;
    pthread_cond_signal(&late->changed);
    pthread_mutex_unlock(&late->lock);
    pthread_join(late->thread, NULL);
    pthread_mutex_destroy(&late->lock);
    pthread_cond_destroy(&late->changed);
    free(late);
    *closed = NULL;
}

void late_do(struct late *late, int64_t ms, void (*act)(void *context), void *context)
{
    struct task *task = memory_alloc(sizeof *task);
    *task = (struct task){.due_ms = clock_monotonic_ms() + ms, .act = act, .context = context};
    pthread_mutex_lock(&late->lock);
    struct task **place = &late->first;
    while (*place && (*place)->due_ms <= task->due_ms)
        place = &(*place)->next;
    task->next = *place;
    *place = task;
    pthread_cond_signal(&late->changed);
    pthread_mutex_unlock(&late->lock);
}
