/* Prefix lists: named lists of blocks for routes and security groups. An account makes its own; those of
 * services with gateway endpoints are AWS's and everybody's. */
#ifndef LOCALAWS_EC2_PREFIX_LIST_H
#define LOCALAWS_EC2_PREFIX_LIST_H

#include "localaws/ec2/ec2.h"

struct prefix_list_entry {
    char *cidr, *description;
};
struct prefix_list {
    struct resource resource;
    char *name, *family; /* "IPv4", "IPv6" */
    int64_t most, version;
    struct prefix_list_entry *entries;
    size_t entry_count;
};
extern const struct record prefix_list_entry_record;
enum { MOST_PREFIX_LIST_ENTRIES = 1000 };

/* AWS's lists, NULL-terminated, in the arena; they have no account. */
const struct prefix_list *const *prefix_lists_of_aws(struct region *region, struct arena *arena);
/* The account's or AWS's; NULL when there is none. */
const struct prefix_list *prefix_list_find(struct region *region, struct account *account,
                                           struct arena *arena, const char *id);
/* Its blocks, NULL-terminated, in the arena; none when there is no such list. */
const char *const *prefix_list_cidrs(struct region *region, struct account *account, struct arena *arena,
                                     const char *id);
void prefix_list_write(struct buffer *out, const struct prefix_list *list, struct region *region,
                       struct arena *arena);

#endif
