/* Listeners: a socket for each port at each address of a load balancer, and at each address of the private
 * links that lead to it; and who gets the connections that come. */
#include "localaws/plane/balance.h"
#include "localaws/plane/namespace.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    ACCEPTS_AT_ONCE = 64,
    FULL_PAUSE_MS = 10, /* out of descriptors: nothing goes on until somebody closes one */
};

struct group *listener_group(const struct listener *listener)
{
    for (size_t i = 0; i < listener->balancer->group_count; i++)
        if (text_equal(listener->balancer->groups[i].wanted->arn, listener->wanted->group_arn))
            return &listener->balancer->groups[i];
    return NULL;
}

static void refuse(int client)
{
    struct linger reset = {1, 0};
    setsockopt(client, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(client);
}

/* Through a private link a target never sees the client's own address: the networks may overlap. */
static void pass_on(const struct listener *listener, int client, const struct sockaddr_storage *from)
{
    struct balancer *balancer = listener->balancer;
    struct group *group = listener_group(listener);
    bool admitted = !listener->link || link_admits(balancer, from, listener->wanted->port);
    struct target *target = group && admitted ? group_choose(group, listener->zone, from) : NULL;
    bool keep = group && group->wanted->keep_client_address && !listener->link;
    int reached =
        target ? reach_target(balancer, target, target->port, SOCK_STREAM, listener->zone, keep ? from : NULL)
               : -1;
    if (reached < 0) {
        refuse(client);
        return;
    }
    struct passage passage = {
        .client = client,
        .target = reached,
        .terms = terms_hold(listener->terms),
        .target_tls = group->wanted->protocol == PLANE_TLS,
        .idle_ms = listener->wanted->idle_ms,
        .target_tether = tether_hold(target->tether),
        .front_tether = tether_hold(listener->link ? listener->link->tether : balancer->tether),
    };
    struct sockaddr_storage front = {0};
    socklen_t length = sizeof front;
    if (group->wanted->proxy_protocol && getsockname(client, (struct sockaddr *)&front, &length) == 0)
        passage.greeting_length =
            proxy_header(passage.greeting, from, &front, listener->link ? listener->link->wanted->id : NULL);
    carriers_give(balancer->balancing, &passage);
}

void listener_accept(struct watcher *watcher, uint32_t events)
{
    struct listener *listener = (struct listener *)watcher; /* its first member */
    (void)events;
    for (int i = 0; i < ACCEPTS_AT_ONCE; i++) {
        struct sockaddr_storage from;
        socklen_t length = sizeof from;
        int client =
            accept4(watcher->descriptor, (struct sockaddr *)&from, &length, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (client < 0 && (errno == EMFILE || errno == ENFILE))
            clock_sleep_ms(FULL_PAUSE_MS);
        if (client < 0)
            break;
        pass_on(listener, client, &from);
    }
    carriers_wake(listener->balancer->balancing);
}

static const char *const *texts_end(const char *const *texts)
{
    while (texts && *texts)
        texts++;
    return texts;
}

static bool same_texts(const char *const *a, const char *const *b)
{
    if (texts_end(a) - a != texts_end(b) - b)
        return false;
    for (; a && *a; a++, b++)
        if (!text_equal(*a, *b))
            return false;
    return true;
}

static bool same_terms(const struct plane_listener *a, const struct plane_listener *b)
{
    bool same = text_equal(a->priorities, b->priorities) && same_texts(a->application, b->application) &&
                a->certificate_count == b->certificate_count;
    for (size_t i = 0; same && i < a->certificate_count; i++)
        same = text_equal(a->certificates[i].chain_pem, b->certificates[i].chain_pem) &&
               text_equal(a->certificates[i].key_pem, b->certificates[i].key_pem);
    return same;
}

/* The wanted listener of a port and kind of socket. */
static const struct plane_listener *wanted_listener(const struct plane_balancer *wanted, int port,
                                                    bool datagrams)
{
    for (size_t i = 0; wanted && i < wanted->listener_count; i++) {
        enum plane_protocol protocol = wanted->listeners[i].protocol;
        bool fits = datagrams ? protocol == PLANE_UDP || protocol == PLANE_TCP_UDP : protocol != PLANE_UDP;
        if (wanted->listeners[i].port == port && fits)
            return &wanted->listeners[i];
    }
    return NULL;
}

static void listener_free(struct balancing *balancing, struct listener *listener)
{
    if (listener->datagrams)
        datagrams_free(balancing, &listener->datagrams);
    watcher_close(balancing->events, &listener->watcher);
    terms_release(&listener->terms);
    free(listener);
}

void listeners_close(struct balancing *balancing, struct listener **listeners)
{
    while (*listeners) {
        struct listener *listener = *listeners;
        *listeners = listener->next;
        listener_free(balancing, listener);
    }
}

/* Gives an open listener what is wanted now; a TLS session keeps the terms it began with. */
static int follow(struct listener *listener, struct balancer *balancer, const struct plane_listener *wanted)
{
    struct error err = {0};
    bool kept = listener->terms && wanted->protocol == PLANE_TLS && same_terms(listener->wanted, wanted);
    listener->balancer = balancer;
    listener->wanted = wanted;
    if (kept)
        return 0;
    terms_release(&listener->terms);
    if (wanted->protocol != PLANE_TLS || terms_new(wanted, &listener->terms, &err) == 0)
        return 0;
    log_error("load balancer cannot speak TLS", "balancer", balancer->wanted->name, "reason", err.message,
              NULL);
    return -1;
}

struct opening {
    struct balancer *balancer;
    struct link_end *link;
    int namespace;
    const char *address, *zone;
    bool datagrams;
};

static void open_one(struct listener **list, const struct opening *opening,
                     const struct plane_listener *wanted)
{
    struct balancing *balancing = opening->balancer->balancing;
    struct error err = {0};
    struct listener *listener = memory_alloc(sizeof *listener);
    listener->watcher = (struct watcher){.descriptor = -1, .ready = listener_accept};
    listener->link = opening->link;
    snprintf(listener->address, sizeof listener->address, "%s", opening->address);
    snprintf(listener->zone, sizeof listener->zone, "%s", opening->zone ? opening->zone : "");
    if (follow(listener, opening->balancer, wanted) < 0 ||
        namespace_listen(opening->namespace, opening->datagrams ? SOCK_DGRAM : SOCK_STREAM, opening->address,
                         (uint16_t)wanted->port, &listener->watcher.descriptor, &err) < 0) {
        log_error("load balancer cannot listen", "balancer", opening->balancer->wanted->name, "reason",
                  err.message, NULL);
        listener_free(balancing, listener);
        return;
    }
    fcntl(listener->watcher.descriptor, F_SETFL, O_NONBLOCK);
    if (opening->datagrams)
        listener->datagrams = datagrams_new(listener);
    listener->next = *list;
    *list = listener;
    watch_for(balancing->events, &listener->watcher, EPOLLIN);
}

static bool is_open(const struct listener *listener, const char *address, int port, bool datagrams)
{
    for (; listener; listener = listener->next)
        if (listener->wanted->port == port && text_equal(listener->address, address) &&
            datagrams == (listener->datagrams != NULL))
            return true;
    return false;
}

static void open_missing(struct listener **list, struct opening opening)
{
    const struct plane_balancer *wanted = opening.balancer->wanted;
    for (size_t i = 0; i < wanted->listener_count; i++)
        for (int datagrams = 0; datagrams <= (opening.link ? 0 : 1); datagrams++) {
            const struct plane_listener *one = &wanted->listeners[i];
            opening.datagrams = datagrams;
            if (wanted_listener(wanted, one->port, datagrams) == one &&
                !is_open(*list, opening.address, one->port, datagrams))
                open_one(list, &opening, one);
        }
}

/* Those whose port or address is no longer wanted go; the others follow what is. */
static void close_unwanted(struct balancing *balancing, struct listener **place,
                           struct balancer *(*balancer_at)(const struct listener *listener, void *context),
                           void *context)
{
    while (*place) {
        struct listener *listener = *place;
        struct balancer *balancer = balancer_at(listener, context);
        const struct plane_listener *wanted =
            balancer ? wanted_listener(balancer->wanted, listener->wanted->port, listener->datagrams) : NULL;
        if (wanted && follow(listener, balancer, wanted) == 0) {
            place = &listener->next;
            continue;
        }
        *place = listener->next;
        listener_free(balancing, listener);
    }
}

static struct balancer *at_own_front(const struct listener *listener, void *context)
{
    struct balancer *balancer = context;
    for (size_t i = 0; i < balancer->wanted->front_count; i++)
        if (text_equal(balancer->wanted->fronts[i].address, listener->address))
            return balancer;
    return NULL;
}

void listeners_settle(struct balancer *balancer)
{
    close_unwanted(balancer->balancing, &balancer->listeners, at_own_front, balancer);
    for (size_t i = 0; i < balancer->wanted->front_count; i++)
        open_missing(&balancer->listeners, (struct opening){
                                               .balancer = balancer,
                                               .namespace = balancer->namespace,
                                               .address = balancer->wanted->fronts[i].address,
                                               .zone = balancer->wanted->fronts[i].zone,
                                           });
}

struct link_place {
    struct balancing *balancing;
    struct link_end *link;
};

static struct balancer *at_link_front(const struct listener *listener, void *context)
{
    const struct link_place *place = context;
    for (size_t i = 0; i < place->link->wanted->front_count; i++)
        if (text_equal(place->link->wanted->fronts[i].address, listener->address))
            return balancer_find(place->balancing, place->link->wanted->fronts[i].balancer);
    return NULL;
}

void link_listeners_settle(struct balancing *balancing, struct link_end *link)
{
    struct link_place place = {balancing, link};
    close_unwanted(balancing, &link->listeners, at_link_front, &place);
    for (size_t i = 0; i < link->wanted->front_count; i++) {
        const struct plane_link_front *front = &link->wanted->fronts[i];
        struct balancer *balancer = balancer_find(balancing, front->balancer);
        if (balancer)
            open_missing(&link->listeners, (struct opening){
                                               .balancer = balancer,
                                               .link = link,
                                               .namespace = link->namespace,
                                               .address = front->address,
                                               .zone = front->zone,
                                           });
    }
}
