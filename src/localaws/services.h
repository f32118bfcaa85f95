/* What this region offers: its services and the modules that keep their records. The whole list is in
 * services.c. */
#ifndef LOCALAWS_SERVICES_H
#define LOCALAWS_SERVICES_H

#include "localaws/region.h"

extern const struct module *const region_modules[];
extern const size_t region_module_count;

const struct service *service_by_name(const char *name);     /* SigV4's; NULL when there is none */
const struct service *service_by_target(const char *target); /* by X-Amz-Target's prefix */
const struct action *service_action(const struct service *service, const char *name);

#endif
