/* Datagrams through a load balancer, on the balancers' own thread. A client's address and port is a flow: it
 * keeps its target until nothing has come from either for two minutes. The target always sees the client's
 * address, as at AWS. */
#include "localaws/plane/balance.h"

#include "base/clock.h"
#include "base/memory.h"

#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum { BUCKETS = 256, FLOWS_MOST = 8192, AT_ONCE = 64, IDLE_MS = 120 * 1000, DATAGRAM_LONGEST = 65535 };

struct datagram_flow {
    struct watcher watcher; /* the socket towards the target */
    struct datagrams *datagrams;
    struct sockaddr_storage client;
    socklen_t client_length;
    struct tether *tether; /* the target's */
    int64_t active_ms;
    struct datagram_flow *next;
};

struct datagrams {
    struct listener *listener;
    struct datagram_flow *buckets[BUCKETS];
    size_t count;
    char bytes[DATAGRAM_LONGEST];
};

static struct balancing *balancing_of(const struct datagrams *datagrams)
{
    return datagrams->listener->balancer->balancing;
}

static size_t bucket_of(const struct sockaddr_storage *client, socklen_t length)
{
    uint32_t hash = 2166136261u;
    for (socklen_t i = 0; i < length; i++)
        hash = (hash ^ ((const unsigned char *)client)[i]) * 16777619u;
    return hash % BUCKETS;
}

static void free_flow(struct balancing *balancing, struct datagram_flow *flow)
{
    watcher_close(balancing->events, &flow->watcher);
    tether_release(&flow->tether);
    free(flow);
}

static void from_target(struct watcher *watcher, uint32_t events)
{
    struct datagram_flow *flow = (struct datagram_flow *)watcher; /* its first member */
    struct datagrams *datagrams = flow->datagrams;
    (void)events;
    for (int i = 0; i < AT_ONCE; i++) {
        ssize_t got = recv(watcher->descriptor, datagrams->bytes, sizeof datagrams->bytes, 0);
        if (got < 0)
            return;
        flow->active_ms = clock_monotonic_ms();
        sendto(datagrams->listener->watcher.descriptor, datagrams->bytes, (size_t)got, 0,
               (struct sockaddr *)&flow->client, flow->client_length);
    }
}

static struct datagram_flow *begin_flow(struct datagrams *datagrams, const struct sockaddr_storage *client,
                                        socklen_t length)
{
    const struct listener *listener = datagrams->listener;
    struct group *group = listener_group(listener);
    struct target *target =
        group && datagrams->count < FLOWS_MOST ? group_choose(group, listener->zone, client) : NULL;
    int reached =
        target ? reach_target(listener->balancer, target, target->port, SOCK_DGRAM, listener->zone, client)
               : -1;
    if (reached < 0)
        return NULL;
    struct datagram_flow *flow = memory_alloc(sizeof *flow);
    size_t bucket = bucket_of(client, length);
    *flow = (struct datagram_flow){
        .watcher = {.descriptor = reached, .ready = from_target},
        .datagrams = datagrams,
        .client = *client,
        .client_length = length,
        .tether = tether_hold(target->tether),
        .next = datagrams->buckets[bucket],
    };
    datagrams->buckets[bucket] = flow;
    datagrams->count++;
    watch_for(balancing_of(datagrams)->events, &flow->watcher, EPOLLIN);
    return flow;
}

static struct datagram_flow *find_flow(struct datagrams *datagrams, const struct sockaddr_storage *client,
                                       socklen_t length)
{
    struct datagram_flow *flow = datagrams->buckets[bucket_of(client, length)];
    while (flow && (flow->client_length != length || memcmp(&flow->client, client, length) != 0))
        flow = flow->next;
    return flow;
}

static void from_client(struct watcher *watcher, uint32_t events)
{
    struct datagrams *datagrams = ((struct listener *)watcher)->datagrams;
    (void)events;
    for (int i = 0; i < AT_ONCE; i++) {
        struct sockaddr_storage client = {0};
        socklen_t length = sizeof client;
        ssize_t got = recvfrom(watcher->descriptor, datagrams->bytes, sizeof datagrams->bytes, 0,
                               (struct sockaddr *)&client, &length);
        if (got < 0)
            return;
        struct datagram_flow *flow = find_flow(datagrams, &client, length);
        if (!flow)
            flow = begin_flow(datagrams, &client, length);
        if (!flow)
            continue;
        flow->active_ms = clock_monotonic_ms();
        send(flow->watcher.descriptor, datagrams->bytes, (size_t)got, MSG_NOSIGNAL);
    }
}

struct datagrams *datagrams_new(struct listener *listener)
{
    struct datagrams *datagrams = memory_alloc(sizeof *datagrams);
    datagrams->listener = listener;
    listener->watcher.ready = from_client;
    return datagrams;
}

/* Ends those that are idle or whose target is cut off; all when `all`. */
static void sweep(struct balancing *balancing, struct datagrams *datagrams, int64_t now_ms, bool all)
{
    for (size_t i = 0; i < BUCKETS; i++)
        for (struct datagram_flow **place = &datagrams->buckets[i]; *place;) {
            struct datagram_flow *flow = *place;
            if (!all && now_ms - flow->active_ms < IDLE_MS && !atomic_load(&flow->tether->cut)) {
                place = &flow->next;
                continue;
            }
            *place = flow->next;
            datagrams->count--;
            free_flow(balancing, flow);
        }
}

void datagrams_sweep(struct balancing *balancing, int64_t now_ms)
{
    for (struct balancer *balancer = balancing->balancers; balancer; balancer = balancer->next)
        for (struct listener *listener = balancer->listeners; listener; listener = listener->next)
            if (listener->datagrams)
                sweep(balancing, listener->datagrams, now_ms, false);
}

void datagrams_free(struct balancing *balancing, struct datagrams **datagrams)
{
    sweep(balancing, *datagrams, 0, true);
    memory_free(datagrams);
}
