/* Public IPv4 addresses: see public_address.c. The region's lock is held. */
#ifndef LOCALAWS_EC2_PUBLIC_ADDRESS_H
#define LOCALAWS_EC2_PUBLIC_ADDRESS_H

#include "localaws/ec2/ec2.h"

/* A free one, in the arena; NULL when all are taken. Whoever uses it says so, and when no more. */
char *public_address_pick(struct region *region, struct arena *arena);
void public_address_taken(struct region *region, const char *address, void *holder);
void public_address_given_back(struct region *region, const char *address, const void *holder);

/* The elastic address or the interface that has it; NULL: it is free. */
const struct resource *public_address_holder(struct region *region, const char *address);

/* What stands for a private address of the interface; NULL when nothing does. */
const struct elastic_address *elastic_address_of(const struct interface *interface,
                                                 const char *private_address);
const char *private_address_outside(const struct interface *interface, const char *private_address);

/* Gives the interface the address of its own that it should have now, or takes it back; true when that
 * changed something: then the VPC has changed. */
bool interface_public_refresh(struct interface *interface);
bool instance_public_refresh(const struct instance *instance); /* all of the instance's */

/* Its name, in an element; nothing where the VPC gives no host names. */
void put_public_name(struct buffer *out, const struct interface *interface, const char *element,
                     const char *address);
/* "ec2-198-18-0-7.compute-1.amazonaws.com" */
char *public_address_name(const struct region *region, struct arena *arena, const char *address);

#endif
