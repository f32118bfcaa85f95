/* A region without root: a user namespace in which the caller is root, with mounts, networks and process ids
 * of its own. Whatever the region makes there is gone with its last process, however that ends. */
#ifndef LOCALAWS_ROOTLESS_H
#define LOCALAWS_ROOTLESS_H

#include "base/error.h"

/* Returns in a child that is process 1 of the namespaces; the process that called stays outside, passes
 * SIGTERM and SIGINT on and ends with the child's status. Open descriptors stay as they are, so sockets that
 * listen on the computer do so after it. /run is new and empty: `paths` (NULL-terminated, entries may not be
 * NULL) are what the region needs of the computer and must not be below it. Before any thread is started.
 * Fails saying what forbids it. */
int rootless_enter(const char *const *paths, struct error *err);

#endif
