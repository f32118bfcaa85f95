/* Names inside a VPC: see names.c. The region's lock is held; what is returned is in the arena. */
#ifndef LOCALAWS_EC2_NAMES_H
#define LOCALAWS_EC2_NAMES_H

#include "localaws/ec2/ec2.h"

#define API_IPV4 "198.19.0.1" /* where instances reach the API by IPv4 */

/* Addresses of both families, NULL-terminated; NULL: there is no such name. `vpc_id` NULL: in the internet.
 */
const char *const *names_resolve(struct region *region, struct arena *arena, const char *vpc_id,
                                 const char *name);
/* What an address is called inside the VPC; NULL: nothing. */
const char *names_reverse(struct region *region, struct arena *arena, const char *vpc_id,
                          const char *address);

#endif
