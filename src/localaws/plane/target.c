/* Targets and their health: a TCP connection that is accepted is a check passed. A target that is not healthy
 * is looked at more often than its group asks for, so that a service that comes up is used within the second;
 * its first success makes a new target healthy, as at AWS. */
#include "localaws/plane/balance.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum { INITIAL_INTERVAL_MS = 200, UNHEALTHY_INTERVAL_MS = 1000, LONGEST_SLEEP_MS = 5000 };

static void check_ended(struct balancing *balancing, struct watcher *watcher, uint32_t events);

struct target *target_new(struct group *group, const struct plane_lb_target *wanted)
{
    struct target *target = memory_alloc(sizeof *target);
    target->check = (struct watcher){.descriptor = -1, .ready = check_ended};
    target->group = group;
    target->port = wanted->port;
    target->registered_ms = target->next_check_ms = clock_monotonic_ms();
    snprintf(target->address, sizeof target->address, "%s", wanted->address);
    return target;
}

void target_free(struct balancing *balancing, struct target *target)
{
    watcher_close(balancing, &target->check);
    free(target);
}

static void become(struct balancing *balancing, struct target *target, enum target_health health)
{
    if (target->health == health)
        return;
    pthread_mutex_lock(&balancing->lock);
    target->health = health;
    target->streak = 0;
    pthread_mutex_unlock(&balancing->lock);
    log_info("target health", "balancer", target->group->balancer->wanted->name, "target", target->address,
             "health", health == TARGET_HEALTHY ? "healthy" : "unhealthy", NULL);
}

static int64_t interval_of(const struct target *target)
{
    int64_t asked = target->group->wanted->interval_ms;
    int64_t most = target->health == TARGET_INITIAL     ? INITIAL_INTERVAL_MS
                   : target->health == TARGET_UNHEALTHY ? UNHEALTHY_INTERVAL_MS
                                                        : asked;
    return asked > 0 && asked < most ? asked : most > 0 ? most : UNHEALTHY_INTERVAL_MS;
}

static void conclude(struct balancing *balancing, struct target *target, bool passed)
{
    const struct plane_target_group *wanted = target->group->wanted;
    int64_t now = clock_monotonic_ms();
    watcher_close(balancing, &target->check);
    target->streak = passed == (target->health == TARGET_HEALTHY) ? 0 : target->streak + 1;
    if (target->health == TARGET_INITIAL) {
        int64_t patience = (int64_t)wanted->interval_ms * wanted->unhealthy_threshold;
        if (passed)
            become(balancing, target, TARGET_HEALTHY);
        else if (now - target->registered_ms >= patience)
            become(balancing, target, TARGET_UNHEALTHY);
    } else if (target->health == TARGET_HEALTHY && target->streak >= wanted->unhealthy_threshold) {
        become(balancing, target, TARGET_UNHEALTHY);
    } else if (target->health == TARGET_UNHEALTHY && target->streak >= wanted->healthy_threshold) {
        become(balancing, target, TARGET_HEALTHY);
    }
    target->next_check_ms = now + interval_of(target);
}

static void check_ended(struct balancing *balancing, struct watcher *watcher, uint32_t events)
{
    struct target *target = (struct target *)watcher; /* its first member */
    int failure = 0;
    socklen_t length = sizeof failure;
    getsockopt(watcher->descriptor, SOL_SOCKET, SO_ERROR, &failure, &length);
    conclude(balancing, target, !failure && !(events & EPOLLERR));
}

static void begin_check(struct balancing *balancing, struct target *target, int64_t now_ms)
{
    const struct plane_target_group *wanted = target->group->wanted;
    int port = wanted->health_port > 0 ? wanted->health_port : target->port;
    target->check_ends_ms = now_ms + (wanted->timeout_ms > 0 ? wanted->timeout_ms : LONGEST_SLEEP_MS);
    target->check.descriptor = connect_from(target->group->balancer, target->address, port);
    if (target->check.descriptor < 0)
        conclude(balancing, target, false);
    else
        watch_for(balancing, &target->check, EPOLLOUT);
}

int64_t targets_check(struct balancing *balancing, int64_t now_ms)
{
    int64_t look_again = now_ms + LONGEST_SLEEP_MS;
    for (struct balancer *balancer = balancing->balancers; balancer; balancer = balancer->next)
        for (size_t i = 0; i < balancer->group_count; i++)
            for (size_t j = 0; j < balancer->groups[i].target_count; j++) {
                struct target *target = balancer->groups[i].targets[j];
                if (target->check.descriptor >= 0 && target->check_ends_ms <= now_ms)
                    conclude(balancing, target, false);
                if (target->check.descriptor < 0 && target->next_check_ms <= now_ms)
                    begin_check(balancing, target, now_ms);
                int64_t due = target->check.descriptor >= 0 ? target->check_ends_ms : target->next_check_ms;
                look_again = due < look_again ? due : look_again;
            }
    return look_again;
}

/* Healthy ones in turn. When every target is known to be unhealthy they all are tried: AWS calls it failing
 * open. */
struct target *group_next_target(struct group *group)
{
    bool any_healthy = false, all_unhealthy = true;
    for (size_t i = 0; i < group->target_count; i++) {
        any_healthy |= group->targets[i]->health == TARGET_HEALTHY;
        all_unhealthy &= group->targets[i]->health == TARGET_UNHEALTHY;
    }
    for (size_t i = 0; i < group->target_count && (any_healthy || all_unhealthy); i++) {
        struct target *target = group->targets[group->next++ % group->target_count];
        if (!any_healthy || target->health == TARGET_HEALTHY)
            return target;
    }
    return NULL;
}
