/* On which content node a document lives. Each node and document have a weight together, and the heaviest
 * node that is not retired has the document: when one comes or goes, only what is its own changes place. */
#ifndef ALBUM_SEARCH_PLACE_H
#define ALBUM_SEARCH_PLACE_H

#include "zone/node_config.h"

/* Index into config->content; at least one must be there. Retired ones only when there are no others. */
size_t place_of(const struct node_config *config, const char *document);
/* Whether anybody else could have the documents of this node. */
bool place_has_others(const struct node_config *config);

#endif
