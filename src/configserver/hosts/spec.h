/* What a host is to do, derived from the zone's records alone: the same view gives the same spec. */
#ifndef CONFIGSERVER_SPEC_H
#define CONFIGSERVER_SPEC_H

#include "configserver/zone.h"
#include "zone/host_spec.h"

/* Everything but the generation; lives as long as view and arena. */
void spec_make(const struct zone *zone, const struct view *view, const struct host *host, struct arena *arena,
               struct host_spec *spec);

/* The node that runs on the host; NULL when it has none. */
const struct node *view_node_of(const struct view *view, const char *hostname);
/* The host whose EC2 instance this is. */
const struct host *view_host_of_instance(const struct view *view, const char *instance_id);

#endif
