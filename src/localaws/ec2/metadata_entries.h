/* What the files of the metadata tree share: the entries of the tree (ec2/metadata_values.c) and one request
 * on its way through it (ec2/metadata.c). */
#ifndef LOCALAWS_EC2_METADATA_ENTRIES_H
#define LOCALAWS_EC2_METADATA_ENTRIES_H

#include "localaws/ec2/metadata.h"

/* One request, with what the path's {parts} stood for. */
struct lookup {
    struct instance *instance;
    struct arena *arena;
    const char *part; /* {mac}, {role}, {key} or {tag} of the path */
    struct interface *interface;
    const char *content_type;
    struct error *err;
};

typedef char *metadata_value(struct lookup *lookup); /* NULL: not there */

/* In the order in which they are listed: the entries of a directory follow one another. */
struct metadata_entry {
    const char *path; /* below /latest/, with {parts} */
    enum { OF_FUNCTION, OF_INSTANCE, OF_INTERFACE } of;
    size_t offset;
    metadata_value *value;
};
extern const struct metadata_entry metadata_entries[];
extern const size_t metadata_entry_count;

#endif
