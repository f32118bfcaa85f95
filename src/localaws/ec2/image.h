/* Machine images: what instances boot. The list is a JSON file beside the region (--images), read when it is
 * asked for, so that a change is seen; `sim` (SIM_IMAGE), whose instances have no processes and cost the
 * plane nothing, is always there. The first account owns them; everyone may use them. */
#ifndef LOCALAWS_EC2_IMAGE_H
#define LOCALAWS_EC2_IMAGE_H

#include "localaws/region.h"

#define IMAGE_ROOT_DEVICE "/dev/xvda" /* of every image */
#define SIM_IMAGE         "ami-sim00000000000000"

struct image {
    char *name, *description, *architecture;
    int64_t root_gigabytes;
    char **argv, **environment, **binds; /* none: simulated */
    size_t argv_count, environment_count, bind_count;
    char *id; /* made from the name, so that it stays */
};

/* NULL when there is no such image. Stays as long as the arena. */
const struct image *image_find(struct region *region, struct arena *arena, const char *id);
bool image_is_simulated(const struct image *image);

#endif
