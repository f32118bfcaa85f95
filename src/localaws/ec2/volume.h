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
/* Has KMS make its data key when encrypted. `plaintext` (32 bytes) gets the key; it is the caller's to wipe.
 */
int volume_create_for(struct call *call, const struct volume_order *order, unsigned char plaintext[32],
                      struct volume **volume, struct error *err);
void volume_attach_to(struct volume *volume, const char *instance_id, const char *device,
                      bool delete_on_termination);
/* The data key again, as KMS gives it to EC2: fails when the key is disabled. */
int volume_unwrap(struct region *region, const struct volume *volume, unsigned char plaintext[32],
                  struct error *err);

#endif
