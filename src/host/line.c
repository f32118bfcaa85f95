#include "host/line.h"

#include "base/clock.h"

#include <errno.h>
#include <time.h>

void line_take(struct agent *agent)
{
    pthread_mutex_lock(&agent->lock);
    while (agent->line_taken || agent->line_wanted)
        pthread_cond_wait(&agent->changed, &agent->lock);
    agent->line_taken = true;
    pthread_mutex_unlock(&agent->lock);
}

bool line_take_before_poll(struct agent *agent, const uint64_t *counter, uint64_t seen, int64_t milliseconds)
{
    int64_t until = clock_monotonic_ms() + milliseconds;
    struct timespec deadline = {.tv_sec = until / 1000, .tv_nsec = until % 1000 * 1000000};
    pthread_mutex_lock(&agent->lock);
    agent->line_wanted = true;
    int waited = 0;
    while (agent->line_taken && *counter == seen && waited != ETIMEDOUT)
        waited = pthread_cond_clockwait(&agent->changed, &agent->lock, CLOCK_MONOTONIC, &deadline);
    bool taken = !agent->line_taken && *counter == seen;
    agent->line_wanted = false;
    agent->line_taken |= taken;
    pthread_cond_broadcast(&agent->changed);
    pthread_mutex_unlock(&agent->lock);
    return taken;
}

void line_give(struct agent *agent)
{
    pthread_mutex_lock(&agent->lock);
    agent->line_taken = false;
    pthread_cond_broadcast(&agent->changed);
    pthread_mutex_unlock(&agent->lock);
}
