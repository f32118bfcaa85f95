/* The spec: what the config servers want of this host. The last good one lies in the state directory and is
 * what the agent works from, whether it came a second or a week ago. */
#ifndef HOST_SPEC_H
#define HOST_SPEC_H

#include "host/agent.h"

/* Beyond the record's own limits: that it is ours, and that names and addresses are what they must be before
 * they become paths, arguments and firewall rules. */
int spec_parse(const char *hostname, struct arena *arena, const char *text, size_t length,
               struct host_spec *spec, struct error *err);
/* The last good one. ERROR_NOT_FOUND before the first. */
int spec_load(struct agent *agent, struct arena *arena, struct host_spec *spec, struct error *err);
int spec_store(struct agent *agent, const char *text, size_t length, struct error *err);

#endif
