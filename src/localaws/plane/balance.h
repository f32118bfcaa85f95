/* The inside of load balancing: what its thread knows. One thread serves all balancers: it accepts, connects
 * to targets, passes bytes and checks health, with sockets it makes in each balancer's namespace. The plane's
 * thread only hands it what is wanted. */
#ifndef LOCALAWS_PLANE_BALANCE_H
#define LOCALAWS_PLANE_BALANCE_H

#include "localaws/plane/parts.h"

#include <netinet/in.h>

struct balancing;

/* Something with a descriptor that epoll watches. */
struct watcher {
    int descriptor;
    uint32_t interest; /* 0: not watched */
    void (*ready)(struct balancing *balancing, struct watcher *watcher, uint32_t events);
};

enum target_health { TARGET_INITIAL, TARGET_HEALTHY, TARGET_UNHEALTHY };

struct target {
    struct watcher check; /* descriptor -1: none under way */
    struct group *group;
    char address[INET6_ADDRSTRLEN];
    int port;
    enum target_health health;
    int streak; /* checks in a row that spoke against `health` */
    int64_t registered_ms, next_check_ms, check_ends_ms;
};

struct group {
    struct balancer *balancer;
    const struct plane_target_group *wanted;
    struct target **targets;
    size_t target_count, next; /* whose turn it is */
};

struct listener {
    struct watcher watcher;
    struct balancer *balancer;
    char address[INET6_ADDRSTRLEN];
    int port;
    struct listener *next;
};

struct balancer {
    struct arena *arena; /* holds wanted */
    const struct plane_balancer *wanted;
    int namespace; /* a descriptor of our own */
    struct group *groups;
    size_t group_count;
    struct listener *listeners;
    struct balancer *next;
};

/* What the plane's thread asks of this one. */
struct order {
    struct arena *arena; /* holds wanted */
    const struct plane_balancer *wanted;
    char *remove; /* or a balancer's name */
    int namespace;
    struct order *next;
};

struct balancing {
    pthread_t thread;
    int events, wake;
    pthread_mutex_t
        lock; /* protects orders, and balancers against plane_target_health while they are changed */
    struct order *orders, **last_order;
    bool ending;
    struct balancer *balancers; /* changed by the thread only */
    struct connection *connections;
    bool any_closed;
    int64_t next_sweep_ms;
    char *scratch; /* BALANCE_READ bytes: what was read and not yet written, within one step */
    int home; /* the namespace to be in when no balancer's is needed: a thread keeps alive the one it is in */
};
enum { BALANCE_READ = 64 << 10 };

/* plane/balancer.c */
void watch_for(struct balancing *balancing, struct watcher *watcher, uint32_t interest);
void watcher_close(struct balancing *balancing, struct watcher *watcher);
/* A non-blocking connect from within the balancer's namespace; -1 when it failed at once. */
int connect_from(const struct balancer *balancer, const char *address, int port);

/* plane/target.c */
struct target *target_new(struct group *group, const struct plane_lb_target *wanted);
void target_free(struct balancing *balancing, struct target *target);
/* Starts checks that are due, ends those that take too long; gives when to look again. */
int64_t targets_check(struct balancing *balancing, int64_t now_ms);
/* Whose turn it is; NULL when there is nobody to send to. */
struct target *group_next_target(struct group *group);

/* plane/connection.c */
void connection_accept(struct balancing *balancing, struct watcher *watcher, uint32_t events);
/* Frees the ended ones and, now and then, ends those that were idle for too long; to be called outside of
 * event handling. */
void connections_sweep(struct balancing *balancing, int64_t now_ms, bool all);

#endif
