/* The instance metadata tree, below /latest/: what a host reads about itself, its user data, its role's keys
 * and its identity document. */
#ifndef LOCALAWS_EC2_METADATA_H
#define LOCALAWS_EC2_METADATA_H

#include "localaws/ec2/ec2.h"

/* ERROR_NOT_FOUND for what is not there. A directory ("meta-data/placement/") gives its entries, one a line.
 */
int metadata_get(struct instance *instance, struct arena *arena, const char *path, char **text,
                 const char **content_type, struct error *err);

/* ec2/role_keys.c. The keys of its role, or with `own` those of the instance itself; in the arena. -1 when
 * the instance has no profile, or IAM refuses. */
struct instance_keys {
    const char *role;
    struct role_keys keys;
    int64_t made_ms;
};
int instance_keys(struct instance *instance, struct arena *arena, bool own, struct instance_keys *keys,
                  struct error *err);
void instance_forget_role_keys(struct instance *instance);

#endif
