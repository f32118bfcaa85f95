/* Which EC2 instance type gives a node what it asks for. An enclave's hosts are never shared, so a host is as
 * big as its one node. */
#ifndef CONFIGSERVER_INSTANCE_TYPES_H
#define CONFIGSERVER_INSTANCE_TYPES_H

#include "base/error.h"
#include "base/memory.h"

/* The smallest type of the architecture with at least this much, in the arena; ERROR_INVALID when there is
 * none. */
int instance_type_for(struct arena *arena, double vcpu, double memory_gb, const char *architecture,
                      const char **type, struct error *err);

#endif
