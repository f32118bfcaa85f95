/* A sorted tree of records that costs nothing to keep as it was: sharing one is O(1), and a change copies
 * only the few nodes on its way that somebody else holds too. Sorted by what the records are found by (`of`)
 * and, among those with the same, by key. One thread changes a tree; any number read shares of it. Used
 * inside records/ only. */
#ifndef CONFIGSERVER_SORTED_H
#define CONFIGSERVER_SORTED_H

#include "configserver/records/entry.h"

struct sorted_node;
typedef const char *sorted_of(const void *record);
struct sorted {
    struct sorted_node *root; /* NULL: empty */
    sorted_of *of;            /* NULL: by key alone; then the functions' `of` is not looked at */
};

struct sorted sorted_share(const struct sorted *tree); /* another holder of what is in it now */
void sorted_drop(struct sorted *tree);                 /* leaves it empty */

size_t sorted_count(const struct sorted *tree);
struct entry *sorted_find(const struct sorted *tree, const char *of, const char *key); /* NULL: not in it */
/* How many come before it, whether or not it is in it. */
size_t sorted_rank(const struct sorted *tree, const char *of, const char *key);
/* `*leaf` and `*slot` say where it is, for sorted_next. */
struct entry *sorted_at(const struct sorted *tree, size_t rank, const struct sorted_node **leaf,
                        size_t *slot);
/* The one after `*slot` in the same leaf, which it then is; NULL at the leaf's end. */
struct entry *sorted_next(const struct sorted_node *leaf, size_t *slot);

/* Instead of the one with the same place. Holds the entry for itself. */
void sorted_put(struct sorted *tree, struct entry *entry);
void sorted_remove(struct sorted *tree, const char *of, const char *key);

/* What must hold of it, for tests: NULL, or what does not. */
const char *sorted_broken_rule(const struct sorted *tree);

#endif
