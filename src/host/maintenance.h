/* Being away on purpose: a container that another version is wanted of, or the whole machine, goes down only
 * when the config servers say that it can be missed, and they are told when it is back. Who cannot ask does
 * not go. */
#ifndef HOST_MAINTENANCE_H
#define HOST_MAINTENANCE_H

#include "host/node.h"

/* `down`: may it be? -1: not now, or nobody answers. Else: it is back. What agent->ask is, but in tests. */
int maintenance_ask(struct agent *agent, const char *hostname, bool down, struct error *err);

/* Asks for the node, and leaves a mark on disk by which whoever runs then says that it is back (node_resume).
 */
int maintenance_begin(struct node_pass *pass, struct error *err);

/* Reboots when the spec's generation is one we have not carried out yet and we may; afterwards says that we
 * are back. The converge thread's alone. */
void maintenance_reboot(struct agent *agent, struct arena *arena, const struct host_spec *spec, bool settled);
/* The last reboot carried out; -1: not known. */
int64_t maintenance_reboot_generation(struct agent *agent, struct arena *arena);

#endif
