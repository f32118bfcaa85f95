/* What only the leader may answer, when it was asked of a follower: the follower knows who asks and that the
 * route is theirs, and passes the request on over the mesh as config server; the leader believes it whom it
 * speaks for, on that side only, and asks once more whether they may. Without a leader the answer is 503,
 * quickly, except for reads, which are then answered from our own copy. */
#ifndef CONFIGSERVER_FORWARD_H
#define CONFIGSERVER_FORWARD_H

#include "net/http_server.h"

struct zone;

/* For struct http_server_options: every route's handler runs through it. */
http_handler forward_or_handle;

/* Whom the caller speaks for: on the mesh a config server's request becomes that of the principal it names;
 * anywhere else naming one is refused. For the authorizer, before it looks at the peer. */
int forward_accept(struct zone *zone, struct http_request *request, struct error *err);
/* Shall the leader decide whether this caller may? Our copy may be older than the caller. */
bool forward_leaves_to_leader(const struct zone *zone, struct http_request *request);

#endif
