/* What container nodes are told of their application beside what they run: where its documents live, and
 * whom they serve. They say back what of it they follow (`configChecksum` in their health, passed on by their
 * hosts), so that a deployment is not called done while one of them would still ask nodes that are gone, or
 * turn a new client away. */
#ifndef CONFIGSERVER_TOLD_H
#define CONFIGSERVER_TOLD_H

#include "configserver/records/repository.h"
#include "zone/host_spec.h"

struct told {
    struct content_node *content; /* the nodes that have documents of the application, by their names */
    size_t content_count;
    const char *clients_pem; /* whom they serve; NULL: nobody (content) */
    const char
        *checksum; /* names all of it in a few characters; NULL: nobody says what it follows (content) */
};
/* What nodes of a cluster are told, though the cluster may be gone. In the arena, and of the view. */
struct told told_make(const struct view *view, const struct application *application, const char *cluster,
                      int cluster_type, struct arena *arena);

/* Does it follow what this names? One that does not say what it follows is believed to. */
bool told_is_followed(const struct node *node, const char *checksum);

#endif
