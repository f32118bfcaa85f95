/* Load balancers and private links: what is wanted, and the thread that listens for them. Connections that
 * are under way when a target is taken out, or a listener, go on until they end. */
#include "localaws/plane/balance.h"
#include "localaws/plane/namespace.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS = 64 };

int enter(struct balancing *balancing, int namespace)
{
    if (balancing->entered == namespace)
        return 0;
    if (setns(namespace, CLONE_NEWNET) < 0)
        return -1;
    balancing->entered = namespace;
    return 0;
}

/* Closes it and is no longer in it. */
static void leave(struct balancing *balancing, int *namespace)
{
    enter(balancing, balancing->home);
    file_close(namespace);
}

struct balancer *balancer_find(struct balancing *balancing, const char *name)
{
    for (struct balancer *balancer = balancing->balancers; balancer; balancer = balancer->next)
        if (text_equal(balancer->wanted->name, name))
            return balancer;
    return NULL;
}

static void free_groups(struct group *groups, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < groups[i].target_count; j++)
            target_free(&groups[i].targets[j]);
        free(groups[i].targets);
    }
    free(groups);
}

/* A target that stays keeps its health; takes it out of the old groups. */
static struct target *keep_target(const struct balancer *balancer, const char *arn,
                                  const struct plane_lb_target *wanted)
{
    for (size_t i = 0; i < balancer->group_count; i++) {
        struct group *group = &balancer->groups[i];
        for (size_t j = 0; j < group->target_count && text_equal(group->wanted->arn, arn); j++)
            if (group->targets[j] && text_equal(group->targets[j]->address, wanted->address) &&
                group->targets[j]->port == wanted->port)
                return take(&group->targets[j]);
    }
    return NULL;
}

static void replace_groups(struct balancer *balancer, const struct plane_balancer *wanted)
{
    struct group *groups = memory_array(wanted->group_count, sizeof *groups);
    for (size_t i = 0; i < wanted->group_count; i++) {
        struct group *group = &groups[i];
        *group = (struct group){.balancer = balancer, .wanted = &wanted->groups[i]};
        group->targets = memory_array(group->wanted->target_count, sizeof *group->targets);
        for (size_t j = 0; j < group->wanted->target_count; j++) {
            const struct plane_lb_target *one = &group->wanted->targets[j];
            struct target *kept = keep_target(balancer, group->wanted->arn, one);
            if (kept)
                target_follow(kept, one);
            group->targets[group->target_count++] = kept ? kept : target_new(group, one);
            group->targets[j]->group = group;
        }
    }
    free_groups(balancer->groups, balancer->group_count);
    balancer->groups = groups;
    balancer->group_count = wanted->group_count;
}

static struct balancer *add_balancer(struct balancing *balancing)
{
    struct balancer *balancer = memory_alloc(sizeof *balancer);
    balancer->balancing = balancing;
    balancer->namespace = -1;
    balancer->tether = tether_new();
    balancer->next = balancing->balancers;
    balancing->balancers = balancer;
    return balancer;
}

/* What was wanted before lives until every listener has been compared with it. */
static void apply_balancer(struct balancing *balancing, struct order *order)
{
    pthread_mutex_lock(&balancing->lock);
    struct balancer *balancer = balancer_find(balancing, order->wanted->name);
    if (!balancer)
        balancer = add_balancer(balancing);
    replace_groups(balancer, order->wanted);
    cleanup(arena_free) struct arena *old = balancer->arena;
    balancer->arena = take(&order->arena);
    balancer->wanted = order->wanted;
    pthread_mutex_unlock(&balancing->lock);
    free(balancer->front_interfaces);
    balancer->front_interfaces =
        memory_array(balancer->wanted->front_count + 1, sizeof *balancer->front_interfaces);
    leave(balancing, &balancer->namespace);
    balancer->namespace = order->namespace;
    order->namespace = -1;
    listeners_settle(balancer);
    for (struct link_end *link = balancing->links; link; link = link->next)
        link_listeners_settle(balancing, link);
}

static void remove_balancer(struct balancing *balancing, const char *name)
{
    pthread_mutex_lock(&balancing->lock);
    struct balancer **place = &balancing->balancers;
    while (*place && !text_equal((*place)->wanted->name, name))
        place = &(*place)->next;
    struct balancer *balancer = *place;
    if (balancer)
        *place = balancer->next;
    pthread_mutex_unlock(&balancing->lock);
    if (!balancer)
        return;
    for (struct link_end *link = balancing->links; link; link = link->next)
        link_listeners_settle(balancing, link);
    listeners_close(balancing, &balancer->listeners);
    free_groups(balancer->groups, balancer->group_count);
    tether_cut(balancing, &balancer->tether);
    leave(balancing, &balancer->namespace);
    arena_free(&balancer->arena);
    free(balancer->front_interfaces);
    free(balancer);
}

static struct link_end **link_place(struct balancing *balancing, const char *id)
{
    struct link_end **place = &balancing->links;
    while (*place && !text_equal((*place)->wanted->id, id))
        place = &(*place)->next;
    return place;
}

static void apply_link(struct balancing *balancing, struct order *order)
{
    struct link_end **place = link_place(balancing, order->link->id);
    if (!*place) {
        *place = memory_alloc(sizeof **place);
        (*place)->namespace = -1;
        (*place)->tether = tether_new();
    }
    struct link_end *link = *place;
    arena_free(&link->arena);
    link->arena = take(&order->arena);
    link->wanted = order->link;
    leave(balancing, &link->namespace);
    link->namespace = order->namespace;
    order->namespace = -1;
    link_listeners_settle(balancing, link);
}

static void remove_link(struct balancing *balancing, const char *id)
{
    struct link_end **place = link_place(balancing, id);
    struct link_end *link = *place;
    if (!link)
        return;
    *place = link->next;
    listeners_close(balancing, &link->listeners);
    tether_cut(balancing, &link->tether);
    leave(balancing, &link->namespace);
    arena_free(&link->arena);
    free(link);
}

static void carry_out(struct balancing *balancing, struct order *order)
{
    if (order->wanted)
        apply_balancer(balancing, order);
    else if (order->link)
        apply_link(balancing, order);
    if (order->remove) {
        remove_balancer(balancing, order->remove);
        remove_link(balancing, order->remove);
    }
    free(order->remove);
    arena_free(&order->arena);
    free(order);
}

/* True when told to end. */
static bool take_orders(struct balancing *balancing)
{
    pthread_mutex_lock(&balancing->lock);
    struct order *orders = take(&balancing->orders);
    balancing->last_order = &balancing->orders;
    balancing->busy = true;
    bool ending = balancing->ending;
    pthread_mutex_unlock(&balancing->lock);
    while (orders) {
        struct order *order = orders;
        orders = order->next;
        carry_out(balancing, order);
    }
    pthread_mutex_lock(&balancing->lock);
    balancing->busy = false;
    pthread_cond_broadcast(&balancing->settled);
    pthread_mutex_unlock(&balancing->lock);
    return ending;
}

static void woken(struct watcher *watcher, uint32_t events)
{
    eventfd_t count;
    (void)events;
    eventfd_read(watcher->descriptor, &count);
}

static void *serve(void *argument)
{
    struct balancing *balancing = argument;
    pthread_setname_np(pthread_self(), "balancers");
    struct watcher wake = {.descriptor = balancing->wake, .ready = woken};
    watch_for(balancing->events, &wake, EPOLLIN);
    while (!take_orders(balancing)) {
        struct epoll_event events[EVENTS];
        int64_t now = clock_monotonic_ms(), look_again = targets_check(balancing, now);
        int count =
            epoll_wait(balancing->events, events, EVENTS, (int)(look_again > now ? look_again - now : 0));
        for (int i = 0; i < count; i++) {
            struct watcher *watcher = events[i].data.ptr;
            if (watcher->descriptor >= 0)
                watcher->ready(watcher, events[i].events);
        }
        datagrams_sweep(balancing, clock_monotonic_ms());
    }
    while (balancing->links)
        remove_link(balancing, balancing->links->wanted->id);
    while (balancing->balancers)
        remove_balancer(balancing, balancing->balancers->wanted->name);
    return NULL;
}

int balancing_start(struct plane *plane, struct error *err)
{
    struct balancing *balancing = memory_alloc(sizeof *balancing);
    balancing->events = epoll_create1(EPOLL_CLOEXEC);
    balancing->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    balancing->last_order = &balancing->orders;
    balancing->home = balancing->entered = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    pthread_mutex_init(&balancing->lock, NULL);
    pthread_cond_init(&balancing->settled, NULL);
    if (carriers_start(balancing, err) < 0)
        return -1;
    if (pthread_create(&balancing->thread, NULL, serve, balancing) != 0)
        return error_set(err, ERROR_UNAVAILABLE, "the balancers' thread cannot be started");
    plane->balancing = balancing;
    return 0;
}

void balancing_give(struct balancing *balancing, struct order *order)
{
    pthread_mutex_lock(&balancing->lock);
    *balancing->last_order = order;
    balancing->last_order = &order->next;
    pthread_mutex_unlock(&balancing->lock);
    eventfd_write(balancing->wake, 1);
}

void balancing_settle(struct plane *plane)
{
    struct balancing *balancing = plane->balancing;
    pthread_mutex_lock(&balancing->lock);
    while (balancing->orders || balancing->busy)
        pthread_cond_wait(&balancing->settled, &balancing->lock);
    pthread_mutex_unlock(&balancing->lock);
}

void balancing_stop(struct plane *plane)
{
    struct balancing *balancing = plane->balancing;
    if (!balancing)
        return;
    pthread_mutex_lock(&balancing->lock);
    balancing->ending = true;
    pthread_mutex_unlock(&balancing->lock);
    eventfd_write(balancing->wake, 1);
    pthread_join(balancing->thread, NULL);
    carriers_stop(balancing);
    close(balancing->events);
    close(balancing->wake);
    close(balancing->home);
    pthread_mutex_destroy(&balancing->lock);
    pthread_cond_destroy(&balancing->settled);
    free(balancing);
    plane->balancing = NULL;
}
