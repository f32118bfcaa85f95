/* The inside of load balancing. One thread, the balancers', knows what is wanted, listens, accepts, chooses a
 * target, begins the connection to it and checks health; all of that belongs to it alone. A connection under
 * way belongs to one of a few carriers, which shake hands where TLS is spoken and pass bytes. What both sides
 * need of each other's is counted and atomic: tethers, by which a connection is cut, and TLS terms.
 *
 * Sockets are made in the namespace of the load balancer (or link); the balancers' thread goes from one to
 * another, carriers never need to. */
#ifndef LOCALAWS_PLANE_BALANCE_H
#define LOCALAWS_PLANE_BALANCE_H

#include "localaws/plane/parts.h"

#include <gnutls/gnutls.h>
#include <netinet/in.h>
#include <stdatomic.h>

struct balancing;
struct carrier;

/* Something with a descriptor that an epoll watches. */
struct watcher {
    int descriptor;    /* -1: none */
    uint32_t interest; /* 0: not watched */
    void (*ready)(struct watcher *watcher, uint32_t events);
};
void watch_for(int events, struct watcher *watcher, uint32_t interest);
void watcher_close(int events, struct watcher *watcher);

/* What connections hang on: a target, a load balancer or a private link. Cutting it ends them soon. */
struct tether {
    atomic_int holders;
    atomic_bool cut;
};
struct tether *tether_new(void);
struct tether *tether_hold(struct tether *tether);
void tether_release(struct tether **tether);
void tether_cut(struct balancing *balancing, struct tether **tether); /* and releases it */

/* plane/terms.c: how a listener speaks TLS. */
struct terms;
int terms_new(const struct plane_listener *wanted, struct terms **terms, struct error *err);
struct terms *terms_hold(struct terms *terms);
void terms_release(struct terms **terms);
/* Sessions over a connected, non-blocking socket; towards targets nothing is verified, as at AWS, and
 * `application` (NULL: none) is asked for. */
int terms_accept(struct terms *terms, int socket, gnutls_session_t *session);
int terms_connect(int socket, const gnutls_datum_t *application, gnutls_session_t *session);

enum target_health { TARGET_INITIAL, TARGET_HEALTHY, TARGET_UNHEALTHY };

struct target {
    struct watcher watcher; /* of the check under way */
    struct group *group;
    char address[INET6_ADDRSTRLEN], zone[32]; /* "": every zone's */
    int port;
    int64_t draining_until_ms;
    bool drained; /* and its connections were ended, if they are to be */
    enum target_health health;
    int streak; /* checks in a row that spoke against `health` */
    int64_t registered_ms, next_check_ms, check_ends_ms;
    struct check *check; /* the rest of the one under way */
    struct tether *tether;
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
    struct link_end *link; /* NULL: the load balancer's own address */
    const struct plane_listener *wanted;
    char address[INET6_ADDRSTRLEN], zone[32];
    struct terms *terms;         /* of TLS */
    struct datagrams *datagrams; /* of UDP */
    struct listener *next;
};

struct balancer {
    struct balancing *balancing;
    struct arena *arena; /* holds wanted */
    const struct plane_balancer *wanted;
    int namespace;              /* a descriptor of our own */
    unsigned *front_interfaces; /* by front: the kernel's number, 0 until looked for */
    struct group *groups;
    size_t group_count;
    struct listener *listeners;
    struct tether *tether;
    struct balancer *next;
};

/* The consumer's end of a private link. */
struct link_end {
    struct arena *arena;
    const struct plane_link *wanted;
    int namespace;
    struct listener *listeners;
    struct tether *tether;
    struct link_end *next;
};

/* What the plane's thread asks of the balancers'. */
struct order {
    struct arena *arena; /* holds what is wanted */
    const struct plane_balancer *wanted;
    const struct plane_link *link;
    char *remove; /* or a load balancer's or link's name */
    int namespace;
    struct order *next;
};

enum { CARRIERS_MOST = 4 };

struct balancing {
    pthread_t thread;
    int events, wake;
    /* Protects orders, and load balancers against plane_target_health while they are changed. */
    pthread_mutex_t lock;
    pthread_cond_t settled;
    struct order *orders, **last_order;
    bool busy; /* carrying out orders it has taken */
    bool ending;
    struct balancer *balancers; /* changed by the thread only, as links are */
    struct link_end *links;
    struct carrier *carriers[CARRIERS_MOST];
    size_t carrier_count, next_carrier;
    int home;    /* the namespace to be in when no other is needed: a thread keeps alive the one it is in */
    int entered; /* the one it is in */
};

/* plane/balancer.c */
struct balancer *balancer_find(struct balancing *balancing, const char *name);
int enter(struct balancing *balancing, int namespace); /* the balancers' thread */
void balancing_give(struct balancing *balancing, struct order *order);

/* plane/listener.c: opening and closing. */
void listeners_settle(struct balancer *balancer); /* all that are wanted, no others */
void link_listeners_settle(struct balancing *balancing, struct link_end *link);
void listeners_close(struct balancing *balancing, struct listener **listeners);
void listener_accept(struct watcher *watcher, uint32_t events);
struct group *listener_group(const struct listener *listener);
/* plane/reach.c: may this client of a private link come? */
bool link_admits(const struct balancer *balancer, const struct sockaddr_storage *client, int port);

/* plane/reach.c: a non-blocking connection (or datagram socket) towards a target from a load balancer's own
 * address in the zone, or from the client's. -1 when it failed at once. */
int reach_target(const struct balancer *balancer, const struct target *target, int port, int type,
                 const char *zone, const struct sockaddr_storage *client);

/* plane/target.c */
struct target *target_new(struct group *group, const struct plane_lb_target *wanted);
void target_free(struct target **target);
void target_follow(struct target *target, const struct plane_lb_target *wanted);
/* Starts checks that are due, ends those that take too long; gives when to look again. */
int64_t targets_check(struct balancing *balancing, int64_t now_ms);
/* Who gets this client; NULL when there is nobody to send to. */
struct target *group_choose(struct group *group, const char *zone, const struct sockaddr_storage *client);
void target_concludes(struct target *target, bool passed); /* a check's result */

/* plane/health_check.c */
void check_begin(struct target *target); /* may conclude at once */
void check_end(struct target *target);   /* whatever it is at */
/* What an HTTP answer's first bytes say: its status, 0 when more is needed, -1 when it is none. */
int check_status(const char *bytes, size_t length);
bool check_matches(const char *matcher, int status);

/* plane/datagram.c */
struct datagrams *datagrams_new(struct listener *listener); /* takes over what its watcher hears */
void datagrams_free(struct balancing *balancing, struct datagrams **datagrams);
void datagrams_sweep(struct balancing *balancing, int64_t now_ms); /* outside of event handling */

/* plane/proxy_protocol.c: the header of version 2 for a connection; `link` is a private link's id or NULL.
 * Without addresses (NULL) it says LOCAL, as health checks do. */
enum { PROXY_HEADER_LONGEST = 128 };
size_t proxy_header(unsigned char header[PROXY_HEADER_LONGEST], const struct sockaddr_storage *client,
                    const struct sockaddr_storage *front, const char *link);

/* plane/connection.c: what a carrier is given. */
struct passage {
    int client, target; /* sockets, the second still connecting */
    struct terms *terms;
    bool target_tls;
    int64_t idle_ms;
    struct tether *target_tether, *front_tether; /* held */
    size_t greeting_length;                      /* a proxy protocol header, the first bytes to the target */
    unsigned char greeting[PROXY_HEADER_LONGEST];
};
struct connection *connection_new(struct carrier *carrier, const struct passage *passage);
struct connection **connection_next(struct connection *connection); /* in a list of arrivals */
void connections_begin(struct carrier *carrier, struct connection *arrivals);
/* Ends those that are cut, idle or late, all when `all`; outside of event handling. */
void connections_sweep(struct carrier *carrier, int64_t now_ms, bool all);
void connections_free_ended(struct carrier *carrier);

/* plane/carrier.c */
struct carrier {
    pthread_t thread;
    int events, wake;
    pthread_mutex_t lock; /* protects arrivals and ending */
    struct connection *arrivals, **last_arrival;
    bool ending;
    atomic_bool look;               /* a tether was cut */
    bool given;                     /* the balancers' thread's: not woken since something was given */
    struct connection *connections; /* the rest is the carrier's own */
    struct connection *ended;
    char *scratch; /* BALANCE_READ bytes: what was read and not yet written, within one step */
};
enum { BALANCE_READ = 64 << 10 };
int carriers_start(struct balancing *balancing, struct error *err);
void carriers_stop(struct balancing *balancing);
void carriers_look(struct balancing *balancing);
/* Hands a connection to the carrier whose turn it is; carriers_wake tells them, once for many. */
void carriers_give(struct balancing *balancing, const struct passage *passage);
void carriers_wake(struct balancing *balancing);

#endif
