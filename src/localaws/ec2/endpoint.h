/* VPC endpoints and the services they lead to. A gateway endpoint is a way to a service's own addresses, in
 * the route tables it is associated with; an interface endpoint has addresses in subnets, and the service's
 * names lead there. Either takes calls to its one service only. */
#ifndef LOCALAWS_EC2_ENDPOINT_H
#define LOCALAWS_EC2_ENDPOINT_H

#include "localaws/ec2/ec2.h"

extern const struct record endpoint_record;

/* A service of AWS's that endpoints can be made for; com.amazonaws.<region>.<word>. */
struct endpoint_service {
    const char *word;
    const char *own;          /* the name its calls are signed for; NULL: nobody answers for it here */
    const char *host;         /* its name before .<region>.amazonaws.com; NULL: the word */
    const char *prefix_list;  /* of gateway endpoints; NULL: there are none for it */
    const char *cidr;         /* the service's own public addresses */
    const char *addresses[2]; /* the one in them that answers */
};
extern const struct endpoint_service endpoint_services[]; /* a NULL word ends the table */

const struct endpoint_service *endpoint_service_named(const struct region *region, const char *name);
const struct endpoint_service *endpoint_service_of(const struct endpoint *endpoint);
bool endpoint_is_gateway(const struct endpoint *endpoint);
/* Does this name of a service ("ssm.us-east-1.amazonaws.com") mean this one? */
bool endpoint_service_has_name(const struct region *region, const struct endpoint_service *service,
                               const char *name);
char *endpoint_service_host(const struct region *region, struct arena *arena,
                            const struct endpoint_service *service);
/* "vpce-1-local.ssm.us-east-1.vpce.amazonaws.com" */
char *endpoint_dns_name(const struct region *region, struct arena *arena, const struct endpoint *endpoint);
/* Where an interface endpoint is reached, NULL-terminated, in the arena. */
const char *const *endpoint_addresses(struct arena *arena, const struct endpoint *endpoint);
/* The endpoint of this VPC that a name leads to; NULL when none does. */
const struct endpoint *endpoint_by_name(struct region *region, const char *vpc_id, const char *name);

#endif
