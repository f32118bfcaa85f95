/* <endpoints> of deployment.xml. Private to this folder. */
#ifndef ZONE_PACKAGE_ENDPOINTS_H
#define ZONE_PACKAGE_ENDPOINTS_H

#include "zone/package_grammar.h"

/* Of an instance (or the root without instances), of <dev> and <perf>, of a root with instances. */
extern const struct element_rule instance_endpoints_rule, dev_endpoints_rule, application_endpoints_rule;

/* What no table says: which attributes go with which type. */
int endpoints_check(struct arena *arena, xmlNode *endpoints, struct error *err);

#endif
