/* By which way a call came to the API: an endpoint of a VPC, or addresses that are one service's. Either
 * takes calls to its service only, and an endpoint also has a say in them. */
#ifndef LOCALAWS_FRONT_ARRIVAL_H
#define LOCALAWS_FRONT_ARRIVAL_H

#include "localaws/region.h"

/* Notes the endpoint (call->endpoint_id). -1 when the call is to another service than its way leads to. */
int call_arrived(struct call *call, struct error *err);

#endif
