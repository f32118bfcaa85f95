/* Elastic Load Balancing v2, for Network Load Balancers: load balancers, target groups and listeners, their
 * records kept as EC2's are (resource.h; the id is the ARN). Each change hands the plane the load balancer as
 * it should be. */
#ifndef LOCALAWS_ELB_H
#define LOCALAWS_ELB_H

#include "localaws/ec2/ec2.h"
#include "localaws/plane/plane.h"

struct balancer {
    struct resource resource; /* created_ms */
    char *name, *plane_name;  /* the second is unique in the region, and the owner of its interfaces */
    char *dns_name, *scheme, *vpc_id, *ip_address_type;
    char **subnets, **interfaces, **groups; /* the interfaces in the order of their subnets */
    char **asked_addresses;                 /* of the interfaces, those that were chosen by name */
    size_t subnet_count, interface_count, group_count, asked_count;
    bool links_unruled;     /* private links do not obey its security groups */
    struct tag *attributes; /* those that were set */
    size_t attribute_count;
    bool seen; /* it is "provisioning" until its making has been answered */
};

struct target {
    char *id; /* address or instance */
    int64_t port;
    int64_t draining_until_ms; /* deregistered, and gone after that; 0: registered */
};
enum { MOST_TARGETS = 1000 };
struct target_group {
    struct resource resource;
    char *name, *vpc_id, *protocol, *target_type, *ip_address_type, *health_protocol, *health_port,
        *health_path, *matcher;
    int64_t port, interval_s, timeout_s, healthy_threshold, unhealthy_threshold;
    struct target *targets;
    size_t target_count;
    struct tag *attributes;
    size_t attribute_count;
};

struct listener {
    struct resource resource;
    char *balancer_arn, *protocol, *group_arn;
    char *ssl_policy, *alpn_policy; /* of TLS */
    char **certificates;            /* the default first */
    size_t certificate_count;
    int64_t port;
    struct tag *attributes;
    size_t attribute_count;
};

extern const struct kind balancer_kind, target_group_kind, listener_kind;
extern const struct kind *const elb_kinds[]; /* NULL-terminated */
extern const struct record target_record;

/* elb/attributes.c: attributes have defaults by a table; what was set lies over them. */
struct attribute_default {
    const char *key, *value;  /* a NULL value is worked out from the rest */
    const char *words;        /* what else it may be, with spaces between */
    int64_t minimum, maximum; /* or a number */
};
extern const struct attribute_default balancer_attributes[], target_group_attributes[], listener_attributes[];
const char *attribute_value(const struct attribute_default *defaults, const struct tag *set, size_t count,
                            const char *key);
void put_attributes(struct buffer *out, const struct attribute_default *defaults, const struct tag *set,
                    size_t count);
/* Attributes.member.N of the call; unknown keys are refused. */
int attributes_take(struct call *call, const struct attribute_default *defaults, struct tag **set,
                    size_t *count, struct error *err);
const char *group_attribute(const struct target_group *group, const char *key);
bool group_flag(const struct target_group *group, const char *key); /* "true" */
bool crosses_zones(const struct balancer *balancer, const struct target_group *group);

/* elb/balancer.c */
void balancer_write(struct buffer *out, const struct resource *resource);
void put_balancer_zones(struct buffer *out, const struct balancer *balancer);
struct interface *balancer_interface(const struct balancer *balancer, size_t at); /* NULL: none */
bool balancer_has_ipv6_targets(const struct balancer *balancer);
/* Is it behind an endpoint service? ec2/private_service.c. */
bool balancer_serves_links(struct region *region, const char *arn);

/* elb/listener_tls.c: what a TLS listener needs, from the call into the draft; and its certificates in use.
 */
int listener_take_tls(struct call *call, struct listener *draft, struct error *err);
void put_listener_tls(struct buffer *out, const struct listener *listener);
/* The load balancers whose listeners use a certificate, one by one; NULL after the last. */
const char *certificate_user(struct account *account, const char *arn, size_t at);
void listeners_recertified(struct region *region, struct account *account, const char *arn);
void listener_tls_to_plane(struct arena *arena, const struct listener *listener,
                           struct plane_listener *wanted);
/* elb/ssl_policy.c: GnuTLS's priorities of a policy; NULL when AWS has none of that name. */
char *ssl_policy_priorities(struct arena *arena, const char *name);

/* elb/common.c */
char *elb_hex(struct arena *arena);      /* 16 random hex digits, as ARNs end */
const char *elb_hex_of(const char *arn); /* and those of this one */
void put_elb_tags(struct buffer *out, const struct resource *resource);
int elb_check_name(struct call *call, const char *name, struct error *err);
/* Finds <parameter>'s ARN and authorizes the action on it. */
int elb_target(struct call *call, const struct kind *kind, const char *parameter, void *resource,
               struct error *err);
int elb_missing(struct call *call, const struct kind *kind, const char *name, struct error *err);
/* Describe by <arns>.member.N or <names>.member.N, in pages of PageSize with Marker. */
int elb_describe(struct call *call, const struct kind *kind, const char *element, const char *arns,
                 const char *names, const char *(*name_of)(const struct resource *resource),
                 bool (*asked)(struct call *call, const struct resource *resource), struct error *err);

/* elb/to_plane.c */
void balancer_changed(struct region *region, struct balancer *balancer);
/* A security group's rules changed: they judge private links, too. */
void balancers_regrouped(struct region *region, struct account *account, const char *group_id);
void balancer_gone(struct region *region, struct balancer *balancer);
void target_group_changed(struct region *region, struct target_group *group); /* those that use it */
void balancers_restore(struct region *region);
/* May packets from the internet come to it (by IPv6, or where it has public addresses)? */
bool balancer_open(const struct balancer *balancer);
struct balancer *balancer_by_plane_name(struct account *account, const char *plane_name);
enum plane_protocol plane_protocol_of(const char *protocol);
void listener_to_plane(struct arena *arena, const struct listener *listener, struct plane_listener *wanted);
/* The address a target has in the plane; NULL when it has none (yet). */
const char *target_address(struct region *region, struct account *account, const struct target_group *group,
                           const struct target *target);
const char *target_zone(struct region *region, struct account *account, const struct target_group *group,
                        const struct target *target);
bool target_group_used(struct account *account, const char *arn);

/* elb/target.c: why a registered target gets nothing, whatever its health; NULL: it may. */
struct target_reason {
    const char *state, *code, *description;
};
const struct target_reason *target_reason(const struct balancer *balancer, const struct target_group *group,
                                          const struct target *target);
const char *const *balancer_resolve(struct region *region, struct arena *arena, const char *vpc_id,
                                    const char *name);

/* clang-format off */
#define ELB_ACTION(name) int name(struct call *call, struct error *err)

ELB_ACTION(balancer_create); ELB_ACTION(balancer_delete); ELB_ACTION(balancer_describe);
ELB_ACTION(balancer_describe_attributes); ELB_ACTION(balancer_modify_attributes); ELB_ACTION(balancer_set_groups);
ELB_ACTION(balancer_capacity); ELB_ACTION(balancer_set_subnets); ELB_ACTION(balancer_set_family);
ELB_ACTION(listener_add_certificates); ELB_ACTION(listener_remove_certificates); ELB_ACTION(listener_describe_certificates);
ELB_ACTION(ssl_policy_describe); ELB_ACTION(elb_describe_limits);
ELB_ACTION(target_group_create); ELB_ACTION(target_group_modify); ELB_ACTION(target_group_delete);
ELB_ACTION(target_group_describe); ELB_ACTION(target_group_describe_attributes); ELB_ACTION(target_group_modify_attributes);
ELB_ACTION(target_register); ELB_ACTION(target_deregister); ELB_ACTION(target_describe_health);
ELB_ACTION(listener_create); ELB_ACTION(listener_modify); ELB_ACTION(listener_delete); ELB_ACTION(listener_describe);
ELB_ACTION(listener_describe_attributes); ELB_ACTION(listener_modify_attributes);
ELB_ACTION(elb_add_tags); ELB_ACTION(elb_remove_tags); ELB_ACTION(elb_describe_tags);

/* clang-format on */

#endif
