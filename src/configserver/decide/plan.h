/* One deployment in the making: what its package asks for here, and what becomes of that. Private to
 * deploy.c, plan_clusters.c and changes.c. */
#ifndef CONFIGSERVER_PLAN_H
#define CONFIGSERVER_PLAN_H

#include "configserver/decide/deploy.h"

struct plan {
    struct zone *zone;
    struct arena *arena;
    const struct deployment *deployment;
    const char *application_id;
    struct application_package package;
    struct wanted_deployment wanted;
    struct place place;
    struct cluster *clusters; /* as they are written; as many as wanted.cluster_count */
    struct resource_tag *tags;
    const char *package_hash;
};

/* plan_clusters.c: fills clusters and tags. A cluster that asks for the same as before keeps its instance
 * types, so that a new table or a new price moves nobody. `old` is NULL for a first deployment. */
int plan_clusters(struct plan *plan, const struct application *old, struct error *err);
/* No more hosts than an application may want. */
int plan_check_quota(const struct plan *plan, struct error *err);
/* "web ×2 (m6g.large), albums ×3 (r6g.xlarge)" */
const char *plan_summary(const struct plan *plan);

/* changes.c: may this become of what is deployed? What loses data, capacity or access needs the validation
 * override that Vespa has for it; another account or another kind of cluster is never possible. */
int plan_check_change(const struct plan *plan, const struct application *old, struct error *err);

#endif
