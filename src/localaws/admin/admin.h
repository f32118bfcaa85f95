/* The operator's side of a region: HTTP on `directory`/admin.sock, which only who owns the directory may
 * open. Faults are given and taken back here, and things happen to instances that nobody asked for by AWS's
 * API.
 *
 *   GET    /faults                          every rule, with how often it matched and fired
 *   POST   /faults                          a new one (fault.h's record): {"kind": "throttle", "service":
 * "ec2"} DELETE /faults, /faults/{id} POST   /instances/{id}/events           {"code", "inSeconds",
 * "description"}: a scheduled event POST   /instances/{id}/events/cancel    {"event"}, or {} for all POST
 * /instances/{id}/events/complete POST   /instances/{id}/break            {"how": "terminate" or "stop"}: the
 * computer under it fails
 */
#ifndef LOCALAWS_ADMIN_H
#define LOCALAWS_ADMIN_H

#include "localaws/region.h"

int admin_start(struct region *region, struct http_server **server, struct error *err);

#endif
