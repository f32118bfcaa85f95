/* One-shot watches: who waits for which path, and the thread that calls them. Used by every implementation,
 * so that watchers may call the store. */
#ifndef STORE_WATCHES_H
#define STORE_WATCHES_H

#include "store/store.h"

struct watches;

struct watches *watches_start(void);
void watches_stop(struct watches **watches); /* waits for a running watcher; drops the rest */

/* The same watcher and context on the same path is kept once. */
void watches_add(struct watches *watches, const char *path, bool children, store_watcher *watcher,
                 void *context);
void watches_remove(struct watches *watches, const char *path, bool children, store_watcher *watcher,
                    void *context);

/* The watches of that kind on that path, or all there are: for storage that knows itself what concerns which.
 */
void watches_fire(struct watches *watches, const char *path, bool children);
void watches_fire_all(struct watches *watches);
/* Calls `watcher`, with an empty path, on the thread, after everything that is already due. */
void watches_post(struct watches *watches, store_watcher *watcher, void *context);

/* `path` was created, written or deleted. Watchers are called on the thread, in the order of the changes. */
void watches_changed(struct watches *watches, const char *path, enum store_operation_kind change);

#endif
