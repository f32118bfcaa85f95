/* Instance types, as RunInstances checks them. */
#ifndef LOCALAWS_EC2_TYPE_H
#define LOCALAWS_EC2_TYPE_H

#include "base/memory.h"

#include <stdbool.h>

struct instance_type {
    const char *name, *architecture;
    int vcpus, memory_mib;
    bool burstable;
};

/* false when there is no such type. */
bool instance_type_find(struct arena *arena, const char *name, struct instance_type *type);

#endif
