/* <resource-tags> of deployment.xml. Private to this folder. */
#ifndef ZONE_PACKAGE_TAGS_H
#define ZONE_PACKAGE_TAGS_H

#include "zone/package_grammar.h"

extern const struct element_rule resource_tags_rule;

#endif
