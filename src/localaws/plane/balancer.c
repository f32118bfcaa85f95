/* Load balancers: what is wanted, and the thread that serves them. Connections that are under way when a
 * target is taken out, or a listener, go on until they end. */
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

void watch_for(struct balancing *balancing, struct watcher *watcher, uint32_t interest)
{
    if (watcher->interest == interest)
        return;
    struct epoll_event event = {.events = interest, .data.ptr = watcher};
    int operation = !watcher->interest ? EPOLL_CTL_ADD : interest ? EPOLL_CTL_MOD : EPOLL_CTL_DEL;
    epoll_ctl(balancing->events, operation, watcher->descriptor, &event);
    watcher->interest = interest;
}

void watcher_close(struct balancing *balancing, struct watcher *watcher)
{
    if (watcher->descriptor < 0)
        return;
    watch_for(balancing, watcher, 0);
    file_close(&watcher->descriptor);
}

int connect_from(const struct balancer *balancer, const char *address, int port)
{
    struct sockaddr_storage where;
    socklen_t length;
    struct error ignored;
    if (socket_address(address, (uint16_t)port, &where, &length, &ignored) < 0 ||
        setns(balancer->namespace, CLONE_NEWNET) < 0)
        return -1;
    int made = socket(where.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (made >= 0 && connect(made, (struct sockaddr *)&where, length) < 0 && errno != EINPROGRESS)
        file_close(&made);
    return made;
}

static struct balancer *find_balancer(struct balancing *balancing, const char *name)
{
    for (struct balancer *balancer = balancing->balancers; balancer; balancer = balancer->next)
        if (text_equal(balancer->wanted->name, name))
            return balancer;
    return NULL;
}

static void free_groups(struct balancing *balancing, struct group *groups, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < groups[i].target_count; j++)
            if (groups[i].targets[j])
                target_free(balancing, groups[i].targets[j]);
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

static void replace_groups(struct balancing *balancing, struct balancer *balancer,
                           const struct plane_balancer *wanted)
{
    struct group *groups = memory_array(wanted->group_count, sizeof *groups);
    for (size_t i = 0; i < wanted->group_count; i++) {
        struct group *group = &groups[i];
        *group = (struct group){.balancer = balancer, .wanted = &wanted->groups[i]};
        group->targets = memory_array(group->wanted->target_count, sizeof *group->targets);
        for (size_t j = 0; j < group->wanted->target_count; j++) {
            const struct plane_lb_target *target = &group->wanted->targets[j];
            struct target *kept = keep_target(balancer, group->wanted->arn, target);
            group->targets[group->target_count++] = kept ? kept : target_new(group, target);
            group->targets[j]->group = group;
        }
    }
    free_groups(balancing, balancer->groups, balancer->group_count);
    balancer->groups = groups;
    balancer->group_count = wanted->group_count;
}

static bool wants_listener(const struct plane_balancer *wanted, const char *address, int port)
{
    for (const char *const *place = wanted->addresses; *place; place++)
        for (size_t i = 0; text_equal(*place, address) && i < wanted->listener_count; i++)
            if (wanted->listeners[i].port == port)
                return true;
    return false;
}

static void close_listeners(struct balancing *balancing, struct balancer *balancer,
                            const struct plane_balancer *wanted)
{
    for (struct listener **place = &balancer->listeners; *place;) {
        struct listener *listener = *place;
        if (wanted && wants_listener(wanted, listener->address, listener->port)) {
            place = &listener->next;
            continue;
        }
        *place = listener->next;
        watcher_close(balancing, &listener->watcher);
        free(listener);
    }
}

static void open_listener(struct balancing *balancing, struct balancer *balancer, const char *address,
                          int port)
{
    for (struct listener *listener = balancer->listeners; listener; listener = listener->next)
        if (listener->port == port && text_equal(listener->address, address))
            return;
    struct error err = {0};
    struct listener *listener = memory_alloc(sizeof *listener);
    listener->watcher.ready = connection_accept;
    listener->balancer = balancer;
    listener->port = port;
    snprintf(listener->address, sizeof listener->address, "%s", address);
    if (namespace_listen(balancer->namespace, SOCK_STREAM, address, (uint16_t)port,
                         &listener->watcher.descriptor, &err) < 0) {
        log_error("load balancer cannot listen", "balancer", balancer->wanted->name, "reason", err.message,
                  NULL);
        free(listener);
        return;
    }
    fcntl(listener->watcher.descriptor, F_SETFL, O_NONBLOCK);
    listener->next = balancer->listeners;
    balancer->listeners = listener;
    watch_for(balancing, &listener->watcher, EPOLLIN);
}

static void apply_order(struct balancing *balancing, struct order *order)
{
    struct balancer *balancer = find_balancer(balancing, order->wanted->name);
    pthread_mutex_lock(&balancing->lock);
    if (!balancer) {
        balancer = memory_alloc(sizeof *balancer);
        balancer->namespace = -1;
        balancer->next = balancing->balancers;
        balancing->balancers = balancer;
    }
    replace_groups(balancing, balancer, order->wanted);
    struct arena *old = balancer->arena;
    balancer->arena = take(&order->arena);
    balancer->wanted = order->wanted;
    pthread_mutex_unlock(&balancing->lock);
    arena_free(&old);
    file_close(&balancer->namespace);
    balancer->namespace = order->namespace;
    order->namespace = -1;
    close_listeners(balancing, balancer, balancer->wanted);
    for (const char *const *address = balancer->wanted->addresses; *address; address++)
        for (size_t i = 0; i < balancer->wanted->listener_count; i++)
            open_listener(balancing, balancer, *address, balancer->wanted->listeners[i].port);
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
    close_listeners(balancing, balancer, NULL);
    free_groups(balancing, balancer->groups, balancer->group_count);
    setns(balancing->home, CLONE_NEWNET);
    file_close(&balancer->namespace);
    arena_free(&balancer->arena);
    free(balancer);
}

/* True when told to end. */
static bool take_orders(struct balancing *balancing)
{
    pthread_mutex_lock(&balancing->lock);
    struct order *orders = take(&balancing->orders);
    balancing->last_order = &balancing->orders;
    bool ending = balancing->ending;
    pthread_mutex_unlock(&balancing->lock);
    while (orders) {
        struct order *order = orders;
        orders = order->next;
        if (order->remove)
            remove_balancer(balancing, order->remove);
        else
            apply_order(balancing, order);
        free(order->remove);
        arena_free(&order->arena);
        free(order);
    }
    return ending;
}

static void woken(struct balancing *balancing, struct watcher *watcher, uint32_t events)
{
    eventfd_t count;
    (void)events;
    (void)balancing;
    eventfd_read(watcher->descriptor, &count);
}

static void *serve(void *argument)
{
    struct balancing *balancing = argument;
    pthread_setname_np(pthread_self(), "balancers");
    struct watcher wake = {.descriptor = balancing->wake, .ready = woken};
    watch_for(balancing, &wake, EPOLLIN);
    while (!take_orders(balancing)) {
        struct epoll_event events[EVENTS];
        int64_t now = clock_monotonic_ms(), look_again = targets_check(balancing, now);
        int count =
            epoll_wait(balancing->events, events, EVENTS, (int)(look_again > now ? look_again - now : 0));
        for (int i = 0; i < count; i++) {
            struct watcher *watcher = events[i].data.ptr;
            if (watcher->descriptor >= 0)
                watcher->ready(balancing, watcher, events[i].events);
        }
        connections_sweep(balancing, clock_monotonic_ms(), false);
    }
    connections_sweep(balancing, 0, true);
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
    balancing->home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    balancing->scratch = memory_alloc(BALANCE_READ);
    pthread_mutex_init(&balancing->lock, NULL);
    if (pthread_create(&balancing->thread, NULL, serve, balancing) != 0)
        return error_set(err, ERROR_UNAVAILABLE, "the balancers' thread cannot be started");
    plane->balancing = balancing;
    return 0;
}

static void give_order(struct balancing *balancing, struct order *order)
{
    pthread_mutex_lock(&balancing->lock);
    *balancing->last_order = order;
    balancing->last_order = &order->next;
    pthread_mutex_unlock(&balancing->lock);
    eventfd_write(balancing->wake, 1);
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
    close(balancing->events);
    close(balancing->wake);
    close(balancing->home);
    free(balancing->scratch);
    pthread_mutex_destroy(&balancing->lock);
    free(balancing);
    plane->balancing = NULL;
}

/* The plane's side. A balancer's namespace comes before its network pass and its sockets after it, so what is
 * wanted waits here in between. */
void balancer_want(struct plane *plane, struct job *job)
{
    const struct plane_balancer *wanted = job->wanted;
    struct owner *owner = owner_find(plane, wanted->name);
    struct error err = {0};
    if (!owner) {
        char short_form[16];
        short_name("lb-", wanted->name, short_form);
        cleanup(memory_free) char *name = memory_format("%s-%s", plane->label, short_form);
        if (owner_add(plane, wanted->name, name, true, &owner, &err) < 0) {
            log_error("load balancer not made", "balancer", wanted->name, "reason", err.message, NULL);
            return;
        }
    }
    network_changed(plane, wanted->vpc_id);
    struct order *order = memory_alloc(sizeof *order);
    order->arena = take(&job->arena);
    order->wanted = wanted;
    order->namespace = fcntl(owner->namespace, F_DUPFD_CLOEXEC, 0);
    *plane->last_balancer_order = order;
    plane->last_balancer_order = &order->next;
}

void balancer_unwant(struct plane *plane, struct job *job)
{
    struct order *order = memory_alloc(sizeof *order);
    order->remove = memory_strdup(job->wanted);
    order->namespace = -1;
    *plane->last_balancer_order = order;
    plane->last_balancer_order = &order->next;
    owner_remove(plane, job->wanted);
    for (struct network *network = plane->networks; network; network = network->next)
        for (struct link *link = network->links; link; link = link->next)
            network->changed |= text_equal(link->owner, job->wanted);
}

void balancing_apply(struct plane *plane)
{
    while (plane->balancer_orders) {
        struct order *order = plane->balancer_orders;
        plane->balancer_orders = order->next;
        order->next = NULL;
        give_order(plane->balancing, order);
    }
    plane->last_balancer_order = &plane->balancer_orders;
}

static const struct target *find_target(const struct balancing *balancing, const char *arn,
                                        const char *address, int port)
{
    for (const struct balancer *balancer = balancing->balancers; balancer; balancer = balancer->next)
        for (size_t i = 0; i < balancer->group_count; i++)
            for (size_t j = 0; j < balancer->groups[i].target_count; j++) {
                const struct target *target = balancer->groups[i].targets[j];
                if (text_equal(balancer->groups[i].wanted->arn, arn) &&
                    text_equal(target->address, address) && target->port == port)
                    return target;
            }
    return NULL;
}

const char *plane_target_health(struct plane *plane, const char *group_arn, const char *address, int port)
{
    static const char *const names[] = {"initial", "healthy", "unhealthy"};
    struct balancing *balancing = plane->balancing;
    pthread_mutex_lock(&balancing->lock);
    const struct target *target = find_target(balancing, group_arn, address, port);
    const char *name = target ? names[target->health] : "unused";
    pthread_mutex_unlock(&balancing->lock);
    return name;
}
