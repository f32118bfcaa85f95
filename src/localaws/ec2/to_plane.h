/* From records to the plane: what EC2's and ELB's records say a VPC, an instance or a load balancer should be
 * is handed to the plane as a whole, once per call that changed it. Without a plane (--no-plane) these do
 * nothing, and instances advance through their states by themselves; so do instances of the image `sim`,
 * which have no processes. */
#ifndef LOCALAWS_EC2_PLANE_H
#define LOCALAWS_EC2_PLANE_H

#include "localaws/ec2/ec2.h"

void vpc_changed(struct region *region, struct account *account, const char *vpc_id);
void vpc_gone(struct region *region, const char *vpc_id);

/* Brings a pending instance up, its volumes opened with the data keys as KMS unwraps them; -1 when KMS
 * refuses one. */
int instance_up(struct instance *instance, struct error *err);
bool instance_has_machine(const struct instance *instance); /* processes, that is */
/* A volume that is attached to a running machine (`live`), or is to be: only whether KMS gives its key. */
int disk_open(const struct instance *instance, const struct volume *volume, bool live, struct error *err);
void disk_close(const struct instance *instance, const struct volume *volume);
/* Takes it down, towards what its state is on the way to (stopped or terminated); `hard`: its processes get
 * no time to end. */
void instance_down(struct instance *instance, bool hard);
/* Down and up again, while it stays running: the volumes stay open, so nobody asks for a key. */
void instance_again(struct instance *instance);

char *volume_path(struct arena *arena, const struct volume *volume); /* the file the plane keeps it in */

/* After a restart: networks and machines as the records want them. */
void plane_restore(struct region *region);

#endif
