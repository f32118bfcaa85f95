/* Which nodes may leave now. Allocation says which are not wanted (retired, their host to be replaced, their
 * cluster gone) and sees to replacements; here is decided when one goes: when that costs nothing any more. */
#ifndef CONFIGSERVER_LEAVING_H
#define CONFIGSERVER_LEAVING_H

#include "configserver/maintain/standing.h"
#include "configserver/zone.h"

enum leaving {
    LEAVING_NOT,          /* stays, or waits */
    LEAVING_PARTS,        /* its load balancer is to send it nothing new; then it may */
    LEAVING_STAYS,        /* parted, but is needed after all */
    LEAVING_FAILED,       /* broken and replaced: kept for a while as it is */
    LEAVING_RELEASED,     /* what it had is elsewhere, or was nothing */
    LEAVING_KEPT,         /* stopped, but its data is kept: it may be wanted again */
    LEAVING_WITHOUT_DATA, /* would not let go of its data for too long: kept as well, and we warn */
};
/* Of an active node. When it may, the standing counts it no longer. `*look_at` is lowered to when the answer
 * changes by itself. */
enum leaving leaving_decide(const struct zone *zone, const struct application *application,
                            const struct standing *standing, const struct node *node, const struct host *host,
                            int64_t *look_at);
/* Whether anybody wants it to leave at all. */
bool leaving_is_wished(const struct application *application, const struct node *node,
                       const struct host *host);

#endif
