/* Calls to the zones' config servers, over mTLS as vespa.controller, to nobody but the zone's own config servers. */
#ifndef CONTROLLER_ZONES_H
#define CONTROLLER_ZONES_H

#include "controller/records.h"
#include "controller/controller.h"

/* Any call: `call->url` is made from `path` (with its query) for each server in turn until one answers; when none of
 * several does, for ten seconds again. Calls that change something may be made twice and bear it. */
int zone_call(struct controller *controller, const struct controller_zone *zone, struct http_call *call,
              const char *path, struct arena *arena, struct http_reply *reply, struct error *err);

/* Is the deployment's account set up for its zone? ERROR_INVALID with what is missing and the command that makes it. */
int zone_check_account(struct controller *controller, const struct deployment *deployment, const char *external_id,
                       struct arena *arena, struct error *err);

/* Hands a package over; repeating it is harmless. `*log` is the zone's ([{time, level, message}]) or NULL, `*generation`
 * what the zone calls this state of the application (0 when it does not say). The error's code is the zone's. */
int zone_deploy(struct controller *controller, const struct deployment *deployment, const char *external_id,
                const char *zip, size_t length, struct arena *arena, json_t **log, int64_t *generation,
                struct error *err);
/* The deployment as the zone sees it; ERROR_NOT_FOUND when it does not. */
int zone_deployment(struct controller *controller, const struct deployment *deployment, struct arena *arena,
                    json_t **state, struct error *err);
/* Its hosts and nodes, shaped as Vespa's node repository shows them. */
int zone_nodes(struct controller *controller, const struct deployment *deployment, struct arena *arena, json_t **nodes,
               struct error *err);
int zone_load_balancers(struct controller *controller, const struct deployment *deployment, struct arena *arena,
                        json_t **balancers, struct error *err);
int zone_delete(struct controller *controller, const struct deployment *deployment, struct arena *arena,
                struct error *err);

#endif
