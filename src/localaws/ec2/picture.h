/* One VPC's wanted state, while it is put together. */
#ifndef LOCALAWS_EC2_PICTURE_H
#define LOCALAWS_EC2_PICTURE_H

#include "localaws/ec2/ec2.h"
#include "localaws/plane/plane.h"

struct picture {
    struct region *region;
    struct account *account;
    struct arena *arena;
    const char *vpc_id;
};

void picture_add_routes(const struct picture *picture, const struct subnet *subnet,
                        struct plane_subnet *wanted);

#endif
