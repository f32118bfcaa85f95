/* Volumes: what an instance's disk is. An encrypted one has a data key, wrapped by KMS under the account's
 * key. */
#ifndef LOCALAWS_EC2_VOLUME_H
#define LOCALAWS_EC2_VOLUME_H

#include "localaws/ec2/ec2.h"

struct volume_order {
    const char *zone, *type, *key, *device, *client_token;
    int64_t gigabytes, iops, throughput;
    bool encrypted, delete_on_termination;
    const struct tag *tags;
    size_t tag_count;
};
/* Ebs members below `prefix` ("BlockDeviceMapping.1.Ebs"; "" for CreateVolume) over what the order has
 * already. */
int volume_take_order(struct call *call, const char *prefix, struct volume_order *order, struct error *err);
/* Has KMS make its data key when encrypted. */
int volume_create_for(struct call *call, const struct volume_order *order, struct volume **volume,
                      struct error *err);
/* The data key again, as KMS gives it to EC2: fails when the key is disabled. */
int volume_unwrap(struct region *region, const struct volume *volume, unsigned char plaintext[32],
                  struct error *err);

/* EC2's word for why KMS gave no key: InvalidKMSKey.InvalidState, or InternalError. */
const char *volume_key_trouble(const struct error *err);

/* ec2/volume_attachment.c: an attachment is recorded on both sides. */
void volume_attach_to(struct instance *instance, struct volume *volume, const char *device,
                      bool delete_on_termination, const char *state);
void volume_detach_from(struct instance *instance, struct volume *volume);
void volume_put_attachment(struct buffer *out, const struct volume *volume, const char *status);
/* "/dev/sdf", "/dev/xvdba", "/dev/nvme1n1": InvalidParameterValue for other names. */
int device_name_check(struct call *call, const char *device, struct error *err);
/* What the plane says of a disk that came or went while its instance ran. */
void volume_became_attached(struct region *region, const char *instance_id, const char *volume_id,
                            const char *why);
void volume_became_detached(struct region *region, const char *instance_id, const char *volume_id, bool done);
/* After a restart of the region nothing is on its way any more. */
void volumes_settle(struct instance *instance);

#endif
