/* Where load balancers are: see balancer_place.c. Used by what makes, changes and ends them. */
#ifndef LOCALAWS_ELB_BALANCER_PLACE_H
#define LOCALAWS_ELB_BALANCER_PLACE_H

#include "localaws/elb/elb.h"

enum { MOST_PLACES = 16 };

struct place { /* a subnet, and what is asked for in it; NULL: anything */
    struct subnet *subnet;
    const char *allocation_id, *address, *ipv6_address;
};
struct places {
    struct place *items;
    size_t count;
};

/* Subnets or SubnetMappings of the call: of one VPC (the load balancer's, when it has one), each of another
 * zone. */
int places_take(struct call *call, const struct balancer *balancer, struct places *places, struct error *err);
/* The load balancer has an interface in each of these, and in no other. */
int places_settle(struct call *call, struct balancer *balancer, const struct places *places,
                  struct error *err);
void places_leave(struct region *region, struct balancer *balancer);
/* SecurityGroups of the call, all of the VPC. */
int balancer_groups_take(struct call *call, const char *vpc_id, char ***groups, size_t *group_count,
                         struct error *err);
int balancer_links_take(struct call *call, struct balancer *balancer, struct error *err);

#endif
