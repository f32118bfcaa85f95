/* The carriers, who carry the connections under way, and the tethers by which those are cut. */
#include "localaws/plane/balance.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"

#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { EVENTS = 128, SWEEP_MS = 1000 };

void watch_for(int events, struct watcher *watcher, uint32_t interest)
{
    if (watcher->interest == interest)
        return;
    struct epoll_event event = {.events = interest, .data.ptr = watcher};
    int operation = !watcher->interest ? EPOLL_CTL_ADD : interest ? EPOLL_CTL_MOD : EPOLL_CTL_DEL;
    epoll_ctl(events, operation, watcher->descriptor, &event);
    watcher->interest = interest;
}

void watcher_close(int events, struct watcher *watcher)
{
    if (watcher->descriptor < 0)
        return;
    watch_for(events, watcher, 0);
    file_close(&watcher->descriptor);
}

struct tether *tether_new(void)
{
    struct tether *tether = memory_alloc(sizeof *tether);
    atomic_init(&tether->holders, 1);
    return tether;
}

struct tether *tether_hold(struct tether *tether)
{
    atomic_fetch_add(&tether->holders, 1);
    return tether;
}

void tether_release(struct tether **tether)
{
    struct tether *held = take(tether);
    if (held && atomic_fetch_sub(&held->holders, 1) == 1)
        free(held);
}

void tether_cut(struct balancing *balancing, struct tether **tether)
{
    if (!*tether)
        return;
    atomic_store(&(*tether)->cut, true);
    tether_release(tether);
    carriers_look(balancing);
}

/* True when told to end. */
static bool take_arrivals(struct carrier *carrier)
{
    pthread_mutex_lock(&carrier->lock);
    struct connection *arrivals = take(&carrier->arrivals);
    carrier->last_arrival = &carrier->arrivals;
    bool ending = carrier->ending;
    pthread_mutex_unlock(&carrier->lock);
    connections_begin(carrier, arrivals);
    return ending;
}

static void woken(struct watcher *watcher, uint32_t events)
{
    eventfd_t count;
    (void)events;
    eventfd_read(watcher->descriptor, &count);
}

static void *work(void *argument)
{
    struct carrier *carrier = argument;
    struct watcher wake = {.descriptor = carrier->wake, .ready = woken};
    int64_t next_sweep_ms = 0;
    pthread_setname_np(pthread_self(), "balanced");
    watch_for(carrier->events, &wake, EPOLLIN);
    while (!take_arrivals(carrier)) {
        struct epoll_event events[EVENTS];
        int count = epoll_wait(carrier->events, events, EVENTS, carrier->connections ? SWEEP_MS : -1);
        for (int i = 0; i < count; i++) {
            struct watcher *watcher = events[i].data.ptr;
            if (watcher->descriptor >= 0)
                watcher->ready(watcher, events[i].events);
        }
        int64_t now = clock_monotonic_ms();
        if (atomic_exchange(&carrier->look, false) || now >= next_sweep_ms) {
            connections_sweep(carrier, now, false);
            next_sweep_ms = now + SWEEP_MS;
        }
        connections_free_ended(carrier);
    }
    connections_sweep(carrier, 0, true);
    connections_free_ended(carrier);
    return NULL;
}

static void free_carrier(struct carrier **place)
{
    struct carrier *carrier = take(place);
    close(carrier->events);
    close(carrier->wake);
    free(carrier->scratch);
    pthread_mutex_destroy(&carrier->lock);
    free(carrier);
}

int carriers_start(struct balancing *balancing, struct error *err)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    size_t wanted = cores < 1 ? 1 : cores > CARRIERS_MOST ? CARRIERS_MOST : (size_t)cores;
    while (balancing->carrier_count < wanted) {
        struct carrier *carrier = memory_alloc(sizeof *carrier);
        carrier->events = epoll_create1(EPOLL_CLOEXEC);
        carrier->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        carrier->last_arrival = &carrier->arrivals;
        carrier->scratch = memory_alloc(BALANCE_READ);
        pthread_mutex_init(&carrier->lock, NULL);
        if (pthread_create(&carrier->thread, NULL, work, carrier) != 0) {
            free_carrier(&carrier);
            carriers_stop(balancing);
            return error_set(err, ERROR_UNAVAILABLE, "the threads for connections cannot be started");
        }
        balancing->carriers[balancing->carrier_count++] = carrier;
    }
    return 0;
}

void carriers_stop(struct balancing *balancing)
{
    for (size_t i = 0; i < balancing->carrier_count; i++) {
        struct carrier *carrier = balancing->carriers[i];
        pthread_mutex_lock(&carrier->lock);
        carrier->ending = true;
        pthread_mutex_unlock(&carrier->lock);
        eventfd_write(carrier->wake, 1);
        pthread_join(carrier->thread, NULL);
        free_carrier(&balancing->carriers[i]);
    }
    balancing->carrier_count = 0;
}

void carriers_look(struct balancing *balancing)
{
    for (size_t i = 0; i < balancing->carrier_count; i++) {
        atomic_store(&balancing->carriers[i]->look, true);
        eventfd_write(balancing->carriers[i]->wake, 1);
    }
}

void carriers_give(struct balancing *balancing, const struct passage *passage)
{
    struct carrier *carrier = balancing->carriers[balancing->next_carrier++ % balancing->carrier_count];
    struct connection *connection = connection_new(carrier, passage);
    pthread_mutex_lock(&carrier->lock);
    *carrier->last_arrival = connection;
    carrier->last_arrival = connection_next(connection);
    pthread_mutex_unlock(&carrier->lock);
    carrier->given = true;
}

void carriers_wake(struct balancing *balancing)
{
    for (size_t i = 0; i < balancing->carrier_count; i++) {
        if (balancing->carriers[i]->given)
            eventfd_write(balancing->carriers[i]->wake, 1);
        balancing->carriers[i]->given = false;
    }
}
