/* What container nodes are told of their application beside what they run: where its documents live, and
 * whom they serve. They say back what of it they follow (`configChecksum` in their health, passed on by their
 * hosts), so that a deployment is not called done while one of them would still ask nodes that are gone, or
 * turn a new client away. */
#ifndef CONFIGSERVER_TOLD_H
#define CONFIGSERVER_TOLD_H

#include "configserver/records/repository.h"
#include "zone/host_spec.h"

/* The nodes that have documents of the application, in the order of their names. */
size_t told_content(const struct view *view, const char *application, struct arena *arena,
                    struct content_node **content);

/* Names all that the cluster's nodes are told, in a few characters; NULL: they are told nothing (content). */
const char *told_checksum(const struct view *view, const struct application *application,
                          const struct cluster *cluster, struct arena *arena);

/* Does it follow what this names? One that does not say what it follows is believed to. */
bool told_is_followed(const struct node *node, const char *checksum);

#endif
