/* How the zone's config servers are, for operators: each asks the others over the mesh. */
#ifndef CONFIGSERVER_STATUS_H
#define CONFIGSERVER_STATUS_H

#include "net/http_server.h"

/* {"leader", "epoch", "servers": [{"index", "address", "state", "lagMs"?, "sequence"?}]}; state is leader,
 * follower, paused (its store does not answer) or unreachable; leader is null when none is known. */
http_handler get_cluster_status;
/* One's own line of it, for the others. */
http_handler get_cluster_state;

#endif
