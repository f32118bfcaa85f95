/* A view: an immutable state of all records, had without waiting for anything and kept as long as one likes.
 * Records are found by key, and by what they belong to; finding and counting cost the logarithm of how many
 * there are, a loop only what it yields. */
#ifndef CONFIGSERVER_VIEW_H
#define CONFIGSERVER_VIEW_H

#include "configserver/records/records.h"

struct view;
void view_release(const struct view **view); /* for cleanup() too */
/* Records live as long as the view. By key; NULL when there is none. */
const void *view_find(const struct view *view, enum record_kind kind, const char *key);
size_t view_count(const struct view *view, enum record_kind kind);
const void *view_at(const struct view *view, enum record_kind kind, size_t index); /* sorted by key */

/* What else records are found by. A host that is deprovisioned is in none of these: its record only tells
 * what became of it. */
enum view_index {
    APPLICATIONS_OF_ACCOUNT,
    HOSTS_OF_APPLICATION,
    HOSTS_OF_ACCOUNT,
    HOST_OF_INSTANCE, /* by instance id */
    HOST_OF_KEY,      /* by tunnel key */
    NODES_OF_APPLICATION,
    NODE_OF_HOST,
    LOAD_BALANCERS_OF_APPLICATION,
    LOAD_BALANCERS_OF_ACCOUNT,
    VIEW_INDEXES,
};
/* The `nth` record, in the order of keys, that the index has under `of`; NULL when there are not so many. */
const void *view_of(const struct view *view, enum view_index index, const char *of, size_t nth);
size_t view_count_of(const struct view *view, enum view_index index, const char *of);

/* view_each(view, RECORD_HOST, struct host, host) { ... } with `break` and `continue` as in any loop: the
 * inner loop runs once for each record and leaves `_more` false when it was left early. The view is taken
 * once, so that changing records of the transaction whose view it is changes nothing of the loop. */
#define view_each(view, kind, type, name)                                          \
    for (struct view_cursor name##_at = view_all((view), (kind)); name##_at.more;) \
        for (type const *name = view_next(&name##_at); name; name = NULL, name##_at.more = true)

/* The same for those that an index has under `of`: view_each_of(view, HOSTS_OF_ACCOUNT, id, struct host,
 * host). */
#define view_each_of(view, index, of, type, name)                                          \
    for (struct view_cursor name##_at = view_some((view), (index), (of)); name##_at.more;) \
        for (type const *name = view_next(&name##_at); name; name = NULL, name##_at.more = true)

/* Where such a loop is. */
struct sorted;
struct sorted_node;
struct view_cursor {
    const struct sorted *tree;
    const struct sorted_node *leaf; /* NULL: at none yet */
    size_t rank, end, slot;
    bool more;
};
struct view_cursor view_all(const struct view *view, enum record_kind kind);
struct view_cursor view_some(const struct view *view, enum view_index index, const char *of);
/* NULL at the end; sets `more` false, which the loop sets again when its body came to its end. */
const void *view_next(struct view_cursor *cursor);

#endif
