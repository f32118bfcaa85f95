#include "store/memory_records.h"

#include "base/clock.h"
#include "base/text.h"

#include <string.h>

enum { FIRST_BUCKETS = 64 };

static size_t bucket_of(const struct memory_records *records, const char *path)
{
    uint64_t hash = 14695981039346656037u; /* FNV-1a */
    for (const char *at = path; *at; at++)
        hash = (hash ^ (unsigned char)*at) * 1099511628211u;
    return (size_t)(hash ^ hash >> 32) & (records->bucket_count - 1);
}

static struct memory_record *record_new(const char *path)
{
    struct memory_record *record = memory_alloc(sizeof *record);
    record->path = memory_strdup(path);
    record->created_ms = clock_now_ms();
    return record;
}

static void record_free(struct memory_record *record)
{
    free(record->path);
    free(record->value);
    free(record->children);
    free(record);
}

void memory_records_init(struct memory_records *records)
{
    *records = (struct memory_records){.bucket_count = FIRST_BUCKETS};
    records->buckets = memory_array(FIRST_BUCKETS, sizeof *records->buckets);
    records->root = record_new("/");
}

void memory_records_destroy(struct memory_records *records)
{
    for (size_t i = 0; i < records->bucket_count; i++)
        while (records->buckets[i]) {
            struct memory_record *record = records->buckets[i];
            records->buckets[i] = record->next;
            record_free(record);
        }
    free(records->buckets);
    record_free(records->root);
}

struct memory_record *memory_records_find(const struct memory_records *records, const char *path)
{
    if (text_equal(path, "/"))
        return records->root;
    struct memory_record *at = records->buckets[bucket_of(records, path)];
    while (at && !text_equal(at->path, path))
        at = at->next;
    return at;
}

static void grow_buckets(struct memory_records *records)
{
    struct memory_record **old = records->buckets;
    size_t old_count = records->bucket_count;
    records->bucket_count *= 2;
    records->buckets = memory_array(records->bucket_count, sizeof *records->buckets);
    for (size_t i = 0; i < old_count; i++)
        while (old[i]) {
            struct memory_record *record = old[i], **bucket;
            old[i] = record->next;
            bucket = &records->buckets[bucket_of(records, record->path)];
            record->next = *bucket;
            *bucket = record;
        }
    free(old);
}

/* Where among its parent's children the path is or would be: all have the same parent, so whole paths compare
 * as names do. */
static size_t child_place(const struct memory_record *parent, const char *path)
{
    size_t low = 0, high = parent->child_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (strcmp(parent->children[middle]->path, path) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void insert(struct memory_records *records, struct memory_record *parent, struct memory_record *record)
{
    if (records->count++ >= records->bucket_count)
        grow_buckets(records);
    struct memory_record **bucket = &records->buckets[bucket_of(records, record->path)];
    record->next = *bucket;
    *bucket = record;
    record->parent = parent;
    if (parent->child_count == parent->child_capacity) {
        parent->child_capacity = parent->child_capacity ? 2 * parent->child_capacity : 8;
        parent->children = memory_resize(parent->children, parent->child_capacity, sizeof *parent->children);
    }
    size_t place = child_place(parent, record->path);
    memmove(parent->children + place + 1, parent->children + place,
            (parent->child_count - place) * sizeof *parent->children);
    parent->children[place] = record;
    parent->child_count++;
}

/* Out of the tree, but not freed. */
static void detach(struct memory_records *records, struct memory_record *record)
{
    struct memory_record **at = &records->buckets[bucket_of(records, record->path)];
    while (*at != record)
        at = &(*at)->next;
    *at = record->next;
    records->count--;
    struct memory_record *parent = record->parent;
    size_t place = child_place(parent, record->path);
    parent->child_count--;
    memmove(parent->children + place, parent->children + place + 1,
            (parent->child_count - place) * sizeof *parent->children);
}

void memory_records_remove(struct memory_records *records, struct memory_record *record)
{
    detach(records, record);
    record_free(record);
}

/* What takes one applied operation back. */
struct undo {
    enum store_operation_kind kind; /* CHECK: nothing to do */
    struct memory_record *record;
    char *value; /* of before a set */
    size_t length;
};

static void take_back(struct memory_records *records, struct undo *undo)
{
    struct memory_record *record = undo->record;
    switch (undo->kind) {
    case STORE_CHECK:
        break;
    case STORE_CREATE:
        memory_records_remove(records, record);
        break;
    case STORE_SET:
        free(record->value);
        record->value = undo->value;
        record->length = undo->length;
        record->version--;
        break;
    case STORE_DELETE:
        insert(records, record->parent, record);
        break;
    }
}

static void keep(struct undo *undo)
{
    if (undo->kind == STORE_SET)
        free(undo->value);
    if (undo->kind == STORE_DELETE)
        record_free(undo->record);
}

static char *copy_value(const struct store_operation *operation)
{
    char *value = memory_alloc(operation->length + 1);
    if (operation->length)
        memcpy(value, operation->value, operation->length);
    return value;
}

static struct memory_record *parent_of(const struct memory_records *records, const char *path)
{
    cleanup(memory_free) char *parent = memory_strdup(path);
    char *slash = strrchr(parent, '/');
    slash[slash == parent] = '\0';
    return memory_records_find(records, parent);
}

static enum store_result apply_create(struct memory_records *records, const void *session,
                                      const struct store_operation *operation, char **made, struct undo *undo)
{
    if (text_equal(operation->path, "/"))
        return STORE_EXISTS;
    struct memory_record *parent = parent_of(records, operation->path);
    if (!parent)
        return STORE_NONODE;
    if (parent->session)
        return STORE_INVALID; /* as in ZooKeeper: what dies with a session has no children */
    const char *path = operation->path;
    if (operation->flags & STORE_SEQUENTIAL)
        path = *made = memory_format("%s%010lld", operation->path, (long long)parent->next_sequence++);
    if (memory_records_find(records, path))
        return STORE_EXISTS;
    struct memory_record *record = record_new(path);
    record->value = copy_value(operation);
    record->length = operation->length;
    record->session = operation->flags & STORE_EPHEMERAL ? session : NULL;
    insert(records, parent, record);
    *undo = (struct undo){STORE_CREATE, record, NULL, 0};
    return STORE_OK;
}

static void apply_set(struct memory_record *record, const struct store_operation *operation,
                      struct undo *undo)
{
    *undo = (struct undo){STORE_SET, record, record->value, record->length};
    record->value = copy_value(operation);
    record->length = operation->length;
    record->version++;
}

static enum store_result apply(struct memory_records *records, const void *session,
                               const struct store_operation *operation, char **made, struct undo *undo)
{
    *undo = (struct undo){.kind = STORE_CHECK};
    if (operation->kind == STORE_CREATE)
        return apply_create(records, session, operation, made, undo);
    struct memory_record *record = memory_records_find(records, operation->path);
    if (!record)
        return STORE_NONODE;
    if (operation->version != STORE_ANY_VERSION && operation->version != record->version)
        return STORE_BADVERSION;
    if (operation->kind == STORE_SET) {
        apply_set(record, operation, undo);
    } else if (operation->kind == STORE_DELETE) {
        if (record->child_count)
            return STORE_NOTEMPTY;
        detach(records, record);
        *undo = (struct undo){STORE_DELETE, record, NULL, 0};
    }
    return STORE_OK;
}

enum store_result memory_records_apply(struct memory_records *records, const void *session,
                                       const struct store_operation *operations, size_t count, size_t *failed,
                                       char **paths)
{
    cleanup(memory_free) struct undo *undos = memory_array(count, sizeof *undos);
    enum store_result result = STORE_OK;
    size_t done = 0;
    while (done < count) {
        result = apply(records, session, &operations[done], &paths[done], &undos[done]);
        if (result != STORE_OK)
            break;
        done++;
    }
    *failed = done;
    for (size_t i = done; result != STORE_OK && i-- > 0;)
        take_back(records, &undos[i]);
    for (size_t i = 0; result == STORE_OK && i < count; i++)
        keep(&undos[i]);
    return result;
}

struct memory_record *memory_records_of(const struct memory_records *records, const void *session)
{
    for (size_t i = 0; i < records->bucket_count; i++)
        for (struct memory_record *at = records->buckets[i]; at; at = at->next)
            if (at->session == session)
                return at;
    return NULL;
}
