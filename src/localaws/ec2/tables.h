/* The address table's upkeep, by interfaces alone: when one comes, goes, or gets or loses an address (taken
 * after, given back before). */
#ifndef LOCALAWS_EC2_TABLES_H
#define LOCALAWS_EC2_TABLES_H

#include "localaws/ec2/ec2.h"

void addresses_taken(struct region *region, struct interface *interface);
void addresses_given_back(struct region *region, struct interface *interface);

#endif
