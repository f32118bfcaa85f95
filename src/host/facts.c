/* How the agent's threads meet: facts that became true, counters that went up, and sleeping until one does.
 */
#include "host/agent.h"

#include "base/clock.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

void agent_state_fact(struct agent *agent, enum fact fact)
{
    pthread_mutex_lock(&agent->lock);
    agent->facts |= fact;
    pthread_cond_broadcast(&agent->changed);
    pthread_mutex_unlock(&agent->lock);
}

bool agent_has(struct agent *agent, enum fact fact)
{
    pthread_mutex_lock(&agent->lock);
    bool has = agent->facts & (unsigned)fact;
    pthread_mutex_unlock(&agent->lock);
    return has;
}

void agent_wait_for(struct agent *agent, unsigned facts)
{
    pthread_mutex_lock(&agent->lock);
    while ((agent->facts & facts) != facts)
        pthread_cond_wait(&agent->changed, &agent->lock);
    pthread_mutex_unlock(&agent->lock);
}

void agent_wait_change(struct agent *agent, const uint64_t *counter, uint64_t seen, int64_t milliseconds)
{
    int64_t until = clock_monotonic_ms() + milliseconds;
    struct timespec deadline = {.tv_sec = until / 1000, .tv_nsec = until % 1000 * 1000000};
    pthread_mutex_lock(&agent->lock);
    int waited = 0;
    while (waited != ETIMEDOUT && *counter == seen)
        waited = pthread_cond_clockwait(&agent->changed, &agent->lock, CLOCK_MONOTONIC, &deadline);
    pthread_mutex_unlock(&agent->lock);
}

void agent_count(struct agent *agent, uint64_t *counter)
{
    pthread_mutex_lock(&agent->lock);
    (*counter)++;
    pthread_cond_broadcast(&agent->changed);
    pthread_mutex_unlock(&agent->lock);
}

uint64_t agent_counter(struct agent *agent, const uint64_t *counter)
{
    pthread_mutex_lock(&agent->lock);
    uint64_t value = *counter;
    pthread_mutex_unlock(&agent->lock);
    return value;
}

size_t agent_views(struct agent *agent, struct arena *arena, struct node_view **views, bool *drained)
{
    pthread_mutex_lock(&agent->lock);
    size_t count = agent->view_count;
    *views = arena_alloc(arena, (count + 1) * sizeof **views);
    if (count)
        memcpy(*views, agent->views, count * sizeof **views);
    *drained = agent->drained;
    pthread_mutex_unlock(&agent->lock);
    return count;
}

char *agent_path(const struct agent *agent, struct arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const char *rest = arena_vformat(arena, format, args);
    va_end(args);
    return arena_format(arena, "%s/%s", agent->settings.state, rest);
}

int64_t backoff_next(struct backoff *backoff, const char *hostname)
{
    backoff->now_ms = backoff->now_ms ? backoff->now_ms * 2 : backoff->first_ms;
    if (backoff->now_ms > backoff->most_ms)
        backoff->now_ms = backoff->most_ms;
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (; hostname && *hostname; hostname++)
        hash = (hash ^ (unsigned char)*hostname) * 16777619u;
    return backoff->now_ms + backoff->now_ms * (int64_t)(hash % 256) / 1024;
}

void backoff_reset(struct backoff *backoff)
{
    backoff->now_ms = 0;
}
