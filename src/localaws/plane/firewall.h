/* What the files that write a VPC's firewall share. firewall.c puts the whole together and says who may send
 * as whom; firewall_rules.c writes network ACLs and security groups; firewall_cut.c what is cut on demand. */
#ifndef LOCALAWS_PLANE_FIREWALL_H
#define LOCALAWS_PLANE_FIREWALL_H

#include "base/buffer.h"
#include "localaws/plane/parts.h"
#include "localaws/plane/prefix.h"

struct firewall {
    const struct plane_vpc *vpc;
    struct buffer text;
};

#define for_each_interface(vpc_, interface)                            \
    for (const struct plane_interface *interface = (vpc_)->interfaces; \
         interface < (vpc_)->interfaces + (vpc_)->interface_count; interface++)

/* A set's or map's elements, with commas between; nothing at all when there are none (nftables refuses "{
 * }"). */
struct elements {
    struct buffer *text;
    bool any;
};
void elements_next(struct elements *elements);
void elements_end(struct elements *elements);

/* The subnet's place in the VPC, or -1. */
int firewall_subnet(const struct firewall *firewall, const struct plane_interface *interface);
/* The interface's link in the router. */
void firewall_link(const struct plane_interface *interface, char name[16]);

/* firewall_rules.c: chains acl_in_N, acl_out_N (by subnet), in_N, out_N (by interface) and what they use. */
void firewall_rules(struct firewall *firewall);

#endif
