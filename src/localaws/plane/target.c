/* Targets, how they are, and whose turn it is. A target that is not healthy is looked at more often than its
 * group asks for, so that a service that comes up is used within the second; its first success makes a new
 * target healthy, as at AWS. */
#include "localaws/plane/balance.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

enum { INITIAL_INTERVAL_MS = 200, UNHEALTHY_INTERVAL_MS = 1000, LONGEST_SLEEP_MS = 5000 };

struct target *target_new(struct group *group, const struct plane_lb_target *wanted)
{
    struct target *target = memory_alloc(sizeof *target);
    target->watcher.descriptor = -1;
    target->group = group;
    target->port = wanted->port;
    target->registered_ms = target->next_check_ms = clock_monotonic_ms();
    target->tether = tether_new();
    snprintf(target->address, sizeof target->address, "%s", wanted->address);
    target_follow(target, wanted);
    return target;
}

/* A target that comes back while it drains has to show its health anew. */
void target_follow(struct target *target, const struct plane_lb_target *wanted)
{
    if (target->draining_until_ms && !wanted->draining_until_ms) {
        target->health = TARGET_INITIAL;
        target->streak = 0;
        target->registered_ms = target->next_check_ms = clock_monotonic_ms();
    }
    target->drained = target->drained && wanted->draining_until_ms;
    target->draining_until_ms = wanted->draining_until_ms;
    snprintf(target->zone, sizeof target->zone, "%s", wanted->zone ? wanted->zone : "");
}

void target_free(struct target **place)
{
    struct target *target = take(place);
    if (!target)
        return;
    check_end(target);
    tether_release(&target->tether);
    free(target);
}

/* Connections end by a tether that is cut; those to come hang on another. */
static void end_connections(struct target *target)
{
    tether_cut(target->group->balancer->balancing, &target->tether);
    target->tether = tether_new();
}

static void become(struct target *target, enum target_health health)
{
    struct balancing *balancing = target->group->balancer->balancing;
    if (target->health == health)
        return;
    pthread_mutex_lock(&balancing->lock);
    target->health = health;
    target->streak = 0;
    pthread_mutex_unlock(&balancing->lock);
    if (health == TARGET_UNHEALTHY && target->group->wanted->ends_unhealthy)
        end_connections(target);
    log_info("target health", "balancer", target->group->balancer->wanted->name, "target", target->address,
             "health", health == TARGET_HEALTHY ? "healthy" : "unhealthy", NULL);
}

static int64_t interval_of(const struct target *target)
{
    int64_t asked = target->group->wanted->check.interval_ms;
    int64_t most = target->health == TARGET_INITIAL     ? INITIAL_INTERVAL_MS
                   : target->health == TARGET_UNHEALTHY ? UNHEALTHY_INTERVAL_MS
                                                        : asked;
    return asked > 0 && asked < most ? asked : most > 0 ? most : UNHEALTHY_INTERVAL_MS;
}

void target_concludes(struct target *target, bool passed)
{
    const struct plane_health_check *wanted = &target->group->wanted->check;
    int64_t now = clock_monotonic_ms();
    check_end(target);
    target->streak = passed == (target->health == TARGET_HEALTHY) ? 0 : target->streak + 1;
    if (target->health == TARGET_INITIAL) {
        int64_t patience = (int64_t)wanted->interval_ms * wanted->unhealthy_threshold;
        if (passed)
            become(target, TARGET_HEALTHY);
        else if (now - target->registered_ms >= patience)
            become(target, TARGET_UNHEALTHY);
    } else if (target->health == TARGET_HEALTHY && target->streak >= wanted->unhealthy_threshold) {
        become(target, TARGET_UNHEALTHY);
    } else if (target->health == TARGET_UNHEALTHY && target->streak >= wanted->healthy_threshold) {
        become(target, TARGET_HEALTHY);
    }
    target->next_check_ms = now + interval_of(target);
}

/* When to look at it again. */
static int64_t look_at(struct target *target, int64_t now_ms)
{
    const struct plane_health_check *wanted = &target->group->wanted->check;
    if (target->check && target->check_ends_ms <= now_ms)
        target_concludes(target, false);
    if (!target->check && target->next_check_ms <= now_ms) {
        target->check_ends_ms = now_ms + (wanted->timeout_ms > 0 ? wanted->timeout_ms : LONGEST_SLEEP_MS);
        check_begin(target);
    }
    return target->check ? target->check_ends_ms : target->next_check_ms;
}

/* A target on its way out is not looked at any more. When it has drained its connections may end, once. */
static int64_t drain(struct target *target, int64_t now_ms)
{
    int64_t left = target->draining_until_ms - clock_now_ms();
    check_end(target);
    if (left > 0 || target->drained)
        return now_ms + (left > 0 ? left : LONGEST_SLEEP_MS);
    target->drained = true;
    if (target->group->wanted->ends_drained)
        end_connections(target);
    return now_ms + LONGEST_SLEEP_MS;
}

int64_t targets_check(struct balancing *balancing, int64_t now_ms)
{
    int64_t look_again = now_ms + LONGEST_SLEEP_MS;
    for (struct balancer *balancer = balancing->balancers; balancer; balancer = balancer->next)
        for (size_t i = 0; i < balancer->group_count; i++)
            for (size_t j = 0; j < balancer->groups[i].target_count; j++) {
                struct target *target = balancer->groups[i].targets[j];
                int64_t due = target->draining_until_ms ? drain(target, now_ms) : look_at(target, now_ms);
                look_again = due < look_again ? due : look_again;
            }
    return look_again;
}

/* Which of a group's targets a client that came to a zone's address can get. */
static bool eligible(const struct group *group, const struct target *target, const char *zone)
{
    if (target->draining_until_ms)
        return false;
    return group->wanted->cross_zone || text_empty(target->zone) || text_empty(zone) ||
           text_equal(target->zone, zone);
}

/* The same client and target give the same weight: what changes elsewhere moves nobody (rendezvous hashing).
 */
static uint64_t weight(const struct sockaddr_storage *client, const struct target *target)
{
    char text[INET6_ADDRSTRLEN + 64];
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)client;
    const struct sockaddr_in *four = (const struct sockaddr_in *)client;
    bool is_six = client->ss_family == AF_INET6;
    const unsigned char *bytes = is_six ? six->sin6_addr.s6_addr : (const unsigned char *)&four->sin_addr;
    uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a, and a last mixing so that near inputs are far apart */
    for (size_t i = 0; i < (is_six ? 16 : 4); i++)
        hash = (hash ^ bytes[i]) * 0x100000001b3u;
    snprintf(text, sizeof text, "%s %d", target->address, target->port);
    for (const char *c = text; *c; c++)
        hash = (hash ^ (unsigned char)*c) * 0x100000001b3u;
    hash ^= hash >> 33;
    hash *= 0xff51afd7ed558ccdu;
    return hash ^ hash >> 33;
}

static bool serves(const struct group *group, const struct target *target, const char *zone, bool healthy)
{
    return eligible(group, target, zone) && (!healthy || target->health == TARGET_HEALTHY);
}

static struct target *by_client(struct group *group, const char *zone, bool healthy,
                                const struct sockaddr_storage *client)
{
    struct target *best = NULL;
    for (size_t i = 0; i < group->target_count; i++) {
        struct target *target = group->targets[i];
        if (serves(group, target, zone, healthy) && (!best || weight(client, target) > weight(client, best)))
            best = target;
    }
    return best;
}

static struct target *by_turn(struct group *group, const char *zone, bool healthy)
{
    for (size_t i = 0; i < group->target_count; i++) {
        struct target *target = group->targets[group->next++ % group->target_count];
        if (serves(group, target, zone, healthy))
            return target;
    }
    return NULL;
}

/* Healthy ones. When fewer are than the group asks for, and nothing is still to be found out, all are tried:
 * AWS calls it failing open. */
struct target *group_choose(struct group *group, const char *zone, const struct sockaddr_storage *client)
{
    const struct plane_target_group *wanted = group->wanted;
    int known = 0, healthy = 0, all = 0;
    for (size_t i = 0; i < group->target_count; i++) {
        const struct target *target = group->targets[i];
        bool counts = eligible(group, target, zone);
        all += counts;
        known += counts && target->health != TARGET_INITIAL;
        healthy += counts && target->health == TARGET_HEALTHY;
    }
    bool enough = healthy >= wanted->healthy_least && healthy * 100 >= wanted->healthy_least_percent * all;
    if (!healthy && known < all)
        return NULL;
    bool only_healthy = healthy && (enough || known < all);
    return wanted->sticky ? by_client(group, zone, only_healthy, client) : by_turn(group, zone, only_healthy);
}
