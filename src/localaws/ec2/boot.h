/* How an instance comes up: as faults (faults/faults.h) would have it. EC2 may have no room for it, it may
 * take long, or run without anything running in it. */
#ifndef LOCALAWS_EC2_BOOT_H
#define LOCALAWS_EC2_BOOT_H

#include "localaws/ec2/ec2.h"

/* InsufficientInstanceCapacity, when a fault says so of instances like the draft. */
int boot_capacity(struct call *call, const struct instance *draft, struct error *err);
/* As instance_up, for an instance that is launched: at once, later or never. */
int boot_instance(struct call *call, struct instance *instance, struct error *err);

#endif
