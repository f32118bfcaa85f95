/* Which EC2 instance types give a node what it asks for. An enclave's hosts are never shared, so a host is as
 * big as its one node. The types are data (instance_types.csv, compiled in and installed beside the
 * programs); their prices only put them in an order. Used by deployments, and by allocation to see whether a
 * host that runs still fits. */
#ifndef CONFIGSERVER_INSTANCE_TYPES_H
#define CONFIGSERVER_INSTANCE_TYPES_H

#include "base/error.h"
#include "base/memory.h"
#include "zone/application_package.h"

struct instance_type {
    const char *name, *architecture;
    double vcpu, memory_gb, local_disk_gb; /* 0: none; its data is on volumes only */
    double price;                          /* dollars an hour, for comparing only */
};

enum {
    INSTANCE_TYPES_MOST = 9, /* one and eight others: more would only be tried after hours of no capacity */
};

/* Up to INSTANCE_TYPES_MOST that have at least this much, cheapest first, all of one architecture: of
 * `architectures` (those there are host images for, the preferred one first) the first that is asked for and
 * has one. A price of more than `max_cost_factor` times the cheapest's is too much. ERROR_INVALID with code
 * INVALID_APPLICATION_PACKAGE (asking again will not help), saying what the nearest type has, when there is
 * none. */
int instance_types_for(struct arena *arena, const struct wanted_resources *wanted,
                       const char *const *architectures, size_t architecture_count,
                       const struct instance_type ***types, size_t *count, struct error *err);

/* NULL when the table does not have it. */
const struct instance_type *instance_type_find(const char *name);

/* The whole table, cheapest first. */
const struct instance_type *instance_types_all(size_t *count);

#endif
