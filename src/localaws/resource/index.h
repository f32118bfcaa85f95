/* Indexes: which resources of an account have a value a filter can ask for, so that a Describe call costs
 * what it finds and not what there is. An index is made when a filter is first asked about many resources,
 * and kept up from then on by filing (filing.h); of tags there is one, by "key=value". */
#ifndef LOCALAWS_RESOURCE_INDEX_H
#define LOCALAWS_RESOURCE_INDEX_H

#include "localaws/resource/resource.h"

/* The values of a resource, while they are listed. */
struct values {
    struct arena *arena;
    const char **items;
    size_t count, room;
};
void values_of_filter(const struct resource *resource, const struct filter *filter, struct values *values);

/* Gives the resource its places by its values of now, and takes them away. */
void index_refresh(struct resource *resource);
void index_forget(struct resource *resource);
/* Memory of all indexes of a list goes; for tests that end a region. */
void indexes_free(struct resource_list *list);

/* Those with one of the exact values (NULL-terminated), oldest first, each once; `filter` NULL asks for tags
 * "key=value". In the arena, or the index's own until something changes. */
struct candidates {
    struct resource *const *items;
    size_t count;
};
struct candidates index_find(struct resource_list *list, const struct filter *filter,
                             const char *const *values, struct arena *arena);
/* Not more than this many are found: for choosing among filters. */
size_t index_count(struct resource_list *list, const struct filter *filter, const char *const *values);

#endif
