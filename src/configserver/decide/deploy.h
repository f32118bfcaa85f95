/* Deploying an application to the zone, and taking it away. Both only decide: they check everything that can
 * be checked, write what is wanted as one transaction and answer; maintainers carry it out. */
#ifndef CONFIGSERVER_DEPLOY_H
#define CONFIGSERVER_DEPLOY_H

#include "configserver/zone.h"

struct deployment {
    struct application_id id;
    const char *account, *external_id; /* as the controller says; checked against deployment.xml */
    const void *zip;
    size_t length;
    bool dry_run; /* everything but the writing */
};

struct deployed {
    int64_t generation;
    bool changed; /* false: exactly this was deployed already, or it was a dry run */
    const char *message;
};

/* ERROR_INVALID names the file, element or missing resource, or the validation override that the change
 * needs; ERROR_CONFLICT when the application is being deleted. On -1 nothing was written. */
int deploy(struct zone *zone, struct arena *arena, const struct deployment *deployment,
           struct deployed *deployed, struct error *err);

/* Begins the removal; again is fine. ERROR_NOT_FOUND once it is gone. */
int undeploy(struct zone *zone, const char *application, struct error *err);

/* Is the account set up for this zone? Also what `deploy` asks first. */
int account_check(struct zone *zone, const struct account *account, struct arena *arena, struct place *place,
                  struct error *err);

#endif
