/* A store in memory, for simulations and tests: no thread, no clock of its own to be surprised by, and hooks
 * that let a write fail before it happened or its answer get lost. The tree outlives the stores opened on it,
 * so a program can "crash" and open it anew; several may be open at once, each its own session, as several
 * config servers on one ZooKeeper. */
#ifndef STORE_MEMORY_H
#define STORE_MEMORY_H

#include "store/store.h"

struct memory_tree;

struct memory_tree *memory_tree_new(void);
void memory_tree_free(struct memory_tree **tree); /* after every store on it was closed */

/* A session on the tree; its ephemeral records go when it is closed. Safe to call from several threads. */
int store_open_memory(struct memory_tree *tree, struct store **store, struct error *err);

/* Watchers are called on the thread of the write that concerned them, before it returns to its caller; after
 * this they wait for memory_tree_deliver. */
void memory_tree_hold_watches(struct memory_tree *tree);
/* Calls every watcher that is due, in the order of the changes; how many. */
size_t memory_tree_deliver(struct memory_tree *tree);

enum memory_moment { MEMORY_READ, MEMORY_BEFORE_WRITE, MEMORY_AFTER_WRITE };
/* What this session's calls answer in place of what they would: STORE_OK lets a call through; before a write
 * anything else keeps it from happening; after one it happened and its caller is told this. */
typedef enum store_result memory_hook(void *context, enum memory_moment moment,
                                      const struct store_operation *operations, size_t count);
void store_memory_hook(struct store *store, memory_hook *hook, void *context);

#endif
