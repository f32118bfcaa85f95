/* The tree that a store in memory keeps: records in a hash table by path, each with its children in order,
 * and writes of several operations that happen all or not at all. Its user has the lock. */
#ifndef STORE_MEMORY_RECORDS_H
#define STORE_MEMORY_RECORDS_H

#include "store/store.h"

struct memory_record {
    struct memory_record *next; /* in its bucket */
    struct memory_record *parent;
    char *path;
    char *value;
    size_t length;
    int32_t version;
    int64_t created_ms;
    const void *session;             /* whose ephemeral record it is; NULL: nobody's */
    struct memory_record **children; /* in the order of their paths */
    size_t child_count, child_capacity;
    int64_t next_sequence;
};

struct memory_records {
    struct memory_record **buckets;
    size_t bucket_count, count;
    struct memory_record *root;
};

void memory_records_init(struct memory_records *records);
void memory_records_destroy(struct memory_records *records);
struct memory_record *memory_records_find(const struct memory_records *records, const char *path);

/* All or none; `*failed` is the index of the one that failed, `paths[i]` (the caller frees) what the ith path
 * came to be when it is not the operation's. */
enum store_result memory_records_apply(struct memory_records *records, const void *session,
                                       const struct store_operation *operations, size_t count, size_t *failed,
                                       char **paths);
/* One ephemeral record of the session, a leaf; NULL when there is none left. */
struct memory_record *memory_records_of(const struct memory_records *records, const void *session);
void memory_records_remove(struct memory_records *records, struct memory_record *record);

#endif
