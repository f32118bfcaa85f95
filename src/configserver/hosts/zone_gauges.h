/* What the zone counts of itself: hosts, nodes and load balancers by state, what waits, who leads. */
#ifndef CONFIGSERVER_ZONE_GAUGES_H
#define CONFIGSERVER_ZONE_GAUGES_H

#include "configserver/hosts/families.h"
#include "configserver/zone.h"

void zone_gauges_add(const struct zone *zone, const struct view *view, struct arena *arena,
                     struct exposition *exposition);

#endif
