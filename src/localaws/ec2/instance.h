/* What the files about instances share: their parts, and the steps of their lives (ec2/instance_life.c). */
#ifndef LOCALAWS_EC2_INSTANCE_H
#define LOCALAWS_EC2_INSTANCE_H

#include "localaws/ec2/ec2.h"

/* ec2/instance_profile.c: what IamInstanceProfile names (all NULL when it is not given), in the arena; and
 * may the caller pass its role (which may be NULL) to EC2? */
struct instance_profile_choice {
    char *arn, *id, *role;
};
int profile_take(struct call *call, struct instance_profile_choice *choice, struct error *err);
int profile_pass(struct call *call, const char *role, struct error *err);

void put_volumes(struct buffer *out, const struct instance *instance); /* <blockDeviceMapping> */
bool user_data_valid(struct arena *arena, const char *base64);
struct volume *instance_volume(const struct instance *instance, size_t at); /* NULL after the last */

/* States change here only. Each is followed by what it means: addresses and volumes are given back when it is
 * terminated. */
void instance_became(struct instance *instance, enum instance_state state);
bool instance_is_up(const struct instance *instance); /* pending or running */
/* On its way to being stopped or terminated (through STOPPING or SHUTTING_DOWN), for a reason of EC2's:
 * instance_leave(i, INSTANCE_STOPPING, "Server.ScheduledStop", "Stopped due to a scheduled retirement",
 * false). `hard` gives its processes no time to end. */
void instance_leave(struct instance *instance, enum instance_state through, const char *code, const char *why,
                    bool hard);
void instance_set_reason(struct instance *instance, const char *code, const char *message);
/* Terminated ones are forgotten after an hour, as EC2 does. */
void instances_forget_old(struct region *region, struct account *account);

#endif
