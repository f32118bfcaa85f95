/* Load balancers and private links, as whoever keeps the records wants them. A load balancer has a namespace
 * of its own, with the interfaces whose owner is its name; a private link has one in the consumer's VPC,
 * whose connections are served by a load balancer of another. Everything given is copied. Part of plane.h. */
#ifndef LOCALAWS_PLANE_BALANCER_H
#define LOCALAWS_PLANE_BALANCER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct plane;

enum plane_protocol { PLANE_TCP, PLANE_TLS, PLANE_UDP, PLANE_TCP_UDP };

struct plane_health_check {
    enum plane_check { PLANE_CHECK_TCP, PLANE_CHECK_HTTP, PLANE_CHECK_HTTPS } kind;
    const char *path, *matcher; /* of HTTP: "/", "200-399,404" */
    int port;                   /* 0: the target's own */
    int interval_ms, timeout_ms, healthy_threshold, unhealthy_threshold;
};

struct plane_lb_target {
    const char *address;
    int port;
    const char *zone;          /* NULL: every zone's */
    int64_t draining_until_ms; /* since the epoch; 0: it is not on its way out */
};

struct plane_target_group {
    const char *arn;
    enum plane_protocol protocol;
    struct plane_health_check check;
    bool keep_client_address; /* the target sees the client's address, not the load balancer's */
    bool proxy_protocol;      /* version 2 */
    bool cross_zone;          /* a zone's address serves every zone's targets */
    bool sticky;              /* a client's address leads to the same target */
    bool ends_unhealthy;      /* connections end when their target becomes unhealthy */
    bool ends_drained;        /* and when it has drained long enough */
    int healthy_least;        /* with fewer healthy targets all are used; also as a share, 0: no share */
    int healthy_least_percent;
    const struct plane_lb_target *targets;
    size_t target_count;
};

struct plane_certificate {
    const char *chain_pem, *key_pem; /* the copy is wiped when it is no longer needed */
};

struct plane_listener {
    int port;
    enum plane_protocol protocol;
    int idle_ms;
    const char *group_arn;
    /* Of TLS. The first certificate is shown to whom no other fits by name. */
    const char *priorities;         /* GnuTLS's */
    const char *const *application; /* ALPN, best first, NULL-terminated */
    const struct plane_certificate *certificates;
    size_t certificate_count;
};

struct plane_front { /* where it listens */
    const char *address, *zone;
};

/* Who may come by private links: clients' own addresses. */
struct plane_client_rule {
    const char *cidr;
    int from_port, to_port; /* of the listener */
};

struct plane_balancer {
    const char *name, *vpc_id;
    const struct plane_front *fronts;
    size_t front_count;
    const struct plane_listener *listeners;
    size_t listener_count;
    const struct plane_target_group *groups;
    size_t group_count;
    bool links_ruled; /* private links obey link_rules; otherwise all may come */
    const struct plane_client_rule *link_rules;
    size_t link_rule_count;
};

void plane_apply_balancer(struct plane *plane, const struct plane_balancer *balancer);
void plane_remove_balancer(struct plane *plane, const char *name);
/* "initial", "healthy", "unhealthy", "draining", "unused"; static text. */
const char *plane_target_health(struct plane *plane, const char *group_arn, const char *address, int port);

/* A private link listens at its own addresses on the ports of the load balancer that each of them leads to.
 * While `balancer` is NULL the address refuses. */
struct plane_link {
    const char *id, *vpc_id; /* "vpce-..", also the owner of its interfaces; the consumer's VPC */
    const struct plane_link_front {
        const char *address, *zone, *balancer;
    } * fronts;
    size_t front_count;
};
void plane_apply_link(struct plane *plane, const struct plane_link *link);
void plane_remove_link(struct plane *plane, const char *id);

#endif
