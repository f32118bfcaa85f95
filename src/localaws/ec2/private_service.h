/* PrivateLink: services that an account offers behind its Network Load Balancers, and the interface endpoints
 * by which other VPCs, of whatever account, reach them. An endpoint is a resource of the consumer's
 * (endpoint.h); whether it works is its `state`, which the service's owner decides. Its addresses are served
 * by the load balancers of the service (plane/balancer.h). */
#ifndef LOCALAWS_EC2_PRIVATE_SERVICE_H
#define LOCALAWS_EC2_PRIVATE_SERVICE_H

#include "localaws/ec2/endpoint.h"
#include "localaws/elb/elb.h"

struct allowed_principal {
    char *id, *principal; /* "vpce-svc-perm-..", an ARN or "*" */
};

struct private_service {
    struct resource resource; /* vpce-svc-.. */
    bool acceptance_required;
    char *dns_name, *dns_state, *dns_record, *dns_value; /* private DNS name, and how it is proved */
    char **balancers, **ip_address_types;                /* ARNs; "ipv4", "ipv6" */
    struct allowed_principal *principals;
    size_t balancer_count, ip_address_type_count, principal_count;
};

extern const struct kind private_service_kind;
extern const struct record allowed_principal_record;

#define ENDPOINT_AVAILABLE "available"
#define ENDPOINT_PENDING   "pendingAcceptance"
#define ENDPOINT_REJECTED  "rejected"

/* "com.amazonaws.vpce.us-east-1.vpce-svc-.." */
char *private_service_name(struct arena *arena, const struct private_service *service);
struct private_service *private_service_named(struct region *region, const char *name); /* NULL: none */
/* That the caller may know of: its own, or one that lets its principal in. */
struct private_service *private_service_visible(struct call *call, const char *name);
/* Its load balancer with an address in the zone; NULL when it has none there. */
struct balancer *private_service_balancer(const struct private_service *service, const char *zone);
/* The zones it is in, one by one; NULL after the last. */
const char *private_service_zone(const struct private_service *service, struct arena *arena, size_t at);
/* Items of DescribeVpcEndpointServices: those visible and asked for (NULL-terminated; empty: all). */
void private_services_put(struct call *call, const char **names, bool details);
char *private_service_base_name(struct arena *arena, const struct private_service *service);

/* private_link.c: what endpoints are to private services. */
bool endpoint_is_private(const struct endpoint *endpoint);
const char *endpoint_state(const struct endpoint *endpoint);
/* Service, type and state of a draft, and whether its subnets' zones are the service's. */
int private_link_take(struct call *call, struct endpoint *draft, struct error *err);
int private_link_check(struct call *call, const struct endpoint *draft, struct error *err);
/* Its names, one by one: its own, its zones', and the private one; NULL after the last. */
char *private_link_name(struct arena *arena, const struct endpoint *endpoint, size_t at);
void private_link_changed(struct endpoint *endpoint); /* to the plane */
void private_link_gone(struct endpoint *endpoint);
void private_links_changed(struct region *region, const struct private_service *service); /* NULL: all */
const char *const *private_link_resolve(struct region *region, struct arena *arena, const char *vpc_id,
                                        const char *name);
/* An item of "unsuccessful": what was not done, and why not. */
void put_refusal(struct call *call, const char *id, const char *code, const char *message);

#endif
