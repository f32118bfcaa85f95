#include "localaws/s3/buckets.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/random.h"
#include "base/text.h"

#include <string.h>

/* The tables' own, under the region's lock. */
struct bucket {
    char *name, *id, *documents[S3_DOCUMENTS];
    struct account *owner;
    int64_t created_ms;
};

/* Names have no room for tricks: they become neither path nor argument, but they stand in policies and
 * answers. */
bool s3_bucket_name_is_valid(const char *name)
{
    size_t length = strlen(name);
    return length >= 3 && length <= 63 && text_only(name, "a-z0-9.-") && !strchr(".-", name[0]) &&
           !strchr(".-", name[length - 1]) && !strstr(name, "..");
}

static int load_key(const char *directory, struct s3_region *s3, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    const char *path = arena_format(arena, "%s/region.key", directory);
    char *key;
    size_t length;
    struct error why = {0};
    if (file_read(arena, path, REGION_KEY, &key, &length, &why) == 0 && length == REGION_KEY) {
        memcpy(s3->key, key, REGION_KEY);
        return 0;
    }
    if (why.kind != ERROR_NOT_FOUND)
        return error_set(err, ERROR_INTERNAL, "%s is not S3's key: %s", path, why.message);
    random_bytes(s3->key, REGION_KEY);
    return file_write(path, s3->key, REGION_KEY, 0600, err);
}

/* With the lock held. */
static struct table *buckets_of(struct region *region)
{
    if (!region->modules[MODULE_S3])
        region->modules[MODULE_S3] = memory_alloc(sizeof(struct s3_region));
    return &((struct s3_region *)region->modules[MODULE_S3])->buckets;
}

int s3_region(struct region *region, struct s3_region **s3, struct error *err)
{
    region_lock(region);
    cleanup(region_unlock) struct region *locked = region;
    buckets_of(region);
    *s3 = region->modules[MODULE_S3];
    if ((*s3)->store)
        return 0;
    cleanup(memory_free) char *directory = memory_format("%s/s3", region->directory);
    if (directory_make(directory, 0700, err) < 0 || load_key(directory, *s3, err) < 0)
        return -1;
    return s3_store_open(directory, (*s3)->key, &(*s3)->store, err);
}

static void copy(struct arena *arena, const struct bucket *from, struct s3_bucket *to)
{
    *to = (struct s3_bucket){arena_strdup(arena, from->name),
                             arena_strdup(arena, from->id),
                             from->owner->id,
                             from->created_ms,
                             {0}};
    for (size_t i = 0; i < S3_DOCUMENTS; i++)
        to->documents[i] = arena_strdup(arena, from->documents[i]);
}

bool s3_bucket_find(struct region *region, struct arena *arena, const char *name, struct s3_bucket *bucket)
{
    region_lock(region);
    cleanup(region_unlock) struct region *locked = region;
    const struct bucket *found = table_get(buckets_of(region), name);
    if (found)
        copy(arena, found, bucket);
    return found;
}

static int name_order(const void *a, const void *b)
{
    return strcmp(((const struct s3_bucket *)a)->name, ((const struct s3_bucket *)b)->name);
}

size_t s3_bucket_list(struct region *region, struct arena *arena, const struct account *owner,
                      struct s3_bucket **buckets)
{
    region_lock(region);
    cleanup(region_unlock) struct region *locked = region;
    struct table *all = buckets_of(region);
    size_t count = 0, at = 0;
    *buckets = arena_alloc(arena, sizeof(**buckets) * (all->count + 1));
    for (struct bucket *bucket; (bucket = table_next(all, &at));)
        if (!owner || bucket->owner == owner)
            copy(arena, bucket, &(*buckets)[count++]);
    qsort(*buckets, count, sizeof(**buckets), name_order);
    return count;
}

static struct bucket *add_bucket(struct region *region, struct account *owner, const char *name,
                                 const char *id, int64_t created_ms)
{
    struct bucket *bucket = memory_alloc(sizeof(*bucket));
    bucket->name = memory_strdup(name);
    bucket->id = memory_strdup(id);
    bucket->owner = owner;
    bucket->created_ms = created_ms;
    table_put(buckets_of(region), name, bucket);
    return bucket;
}

int s3_bucket_create(struct region *region, struct account *owner, const char *name, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    region_lock(region);
    cleanup(region_unlock) struct region *locked = region;
    const struct bucket *taken = table_get(buckets_of(region), name);
    if (taken)
        return error_code(err, ERROR_CONFLICT,
                          taken->owner == owner ? "BucketAlreadyOwnedByYou" : "BucketAlreadyExists",
                          "The requested bucket name is not available");
    add_bucket(region, owner, name, random_hex(arena, 16), clock_now_ms());
    region_changed(region);
    return 0;
}

/* The bucket as it is now; NULL when it has gone, or another has taken its name. */
static struct bucket *same(struct region *region, const struct s3_bucket *bucket, struct error *err)
{
    struct bucket *found = table_get(buckets_of(region), bucket->name);
    if (found && text_equal(found->id, bucket->id))
        return found;
    error_code(err, ERROR_NOT_FOUND, "NoSuchBucket", "The specified bucket does not exist");
    return NULL;
}

int s3_bucket_delete(struct region *region, const struct s3_bucket *bucket, struct error *err)
{
    region_lock(region);
    cleanup(region_unlock) struct region *locked = region;
    struct bucket *found = same(region, bucket, err);
    if (!found)
        return -1;
    table_remove(buckets_of(region), bucket->name);
    for (size_t i = 0; i < S3_DOCUMENTS; i++)
        memory_free(&found->documents[i]);
    memory_free(&found->name);
    memory_free(&found->id);
    memory_free(&found);
    region_changed(region);
    return 0;
}

int s3_bucket_set(struct region *region, const struct s3_bucket *bucket, enum s3_document document,
                  const char *text, struct error *err)
{
    region_lock(region);
    cleanup(region_unlock) struct region *locked = region;
    struct bucket *found = same(region, bucket, err);
    if (!found)
        return -1;
    memory_free(&found->documents[document]);
    found->documents[document] = memory_strdup(text);
    region_changed(region);
    return 0;
}

/* Saved state */

struct saved_document {
    char *name, *text;
};
static const struct field saved_document_fields[] = {
    FIELD_TEXT(struct saved_document, name, "name", REQUIRED, 64, NULL, "which document"),
    FIELD_TEXT(struct saved_document, text, "text", REQUIRED, 1 << 20, NULL, "as it was sent"),
    FIELD_END,
};
static const struct record saved_document_record = {"document", sizeof(struct saved_document),
                                                    saved_document_fields};

struct saved_bucket {
    char *name, *id;
    int64_t created_ms;
    struct saved_document *documents;
    size_t document_count;
};
static const struct field saved_bucket_fields[] = {
    FIELD_TEXT(struct saved_bucket, name, "name", REQUIRED, 63, s3_bucket_name_is_valid, "its name"),
    FIELD_TEXT(struct saved_bucket, id, "id", REQUIRED, 64, NULL, "what its objects are kept under"),
    FIELD_INTEGER(struct saved_bucket, created_ms, "createdMs", REQUIRED, 0, 1e15, "when it was made"),
    FIELD_LIST(struct saved_bucket, documents, document_count, "documents", OPTIONAL, S3_DOCUMENTS,
               &saved_document_record, "how it is configured"),
    FIELD_END,
};
static const struct record saved_bucket_record = {"bucket", sizeof(struct saved_bucket), saved_bucket_fields};

struct saved_buckets {
    struct saved_bucket *buckets;
    size_t count;
};
static const struct field saved_buckets_fields[] = {
    FIELD_LIST(struct saved_buckets, buckets, count, "buckets", REQUIRED, 100000, &saved_bucket_record,
               "all of them"),
    FIELD_END,
};
static const struct record saved_buckets_record = {"S3 of an account", sizeof(struct saved_buckets),
                                                   saved_buckets_fields};

static void save_bucket(struct arena *arena, const struct bucket *bucket, struct saved_bucket *saved)
{
    *saved = (struct saved_bucket){bucket->name, bucket->id, bucket->created_ms,
                                   arena_alloc(arena, sizeof(struct saved_document) * S3_DOCUMENTS), 0};
    for (size_t i = 0; i < S3_DOCUMENTS; i++)
        if (bucket->documents[i])
            saved->documents[saved->document_count++] =
                (struct saved_document){(char *)s3_document_kinds[i].name, bucket->documents[i]};
}

static json_t *save(struct region *region, struct account *account)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct table *all = buckets_of(region);
    struct saved_buckets saved = {arena_alloc(arena, sizeof(struct saved_bucket) * (all->count + 1)), 0};
    size_t at = 0;
    for (struct bucket *bucket; (bucket = table_next(all, &at));)
        if (bucket->owner == account)
            save_bucket(arena, bucket, &saved.buckets[saved.count++]);
    return record_write(&saved_buckets_record, &saved);
}

static int restore_bucket(struct region *region, struct account *account, const struct saved_bucket *saved,
                          struct error *err)
{
    if (table_get(buckets_of(region), saved->name))
        return error_set(err, ERROR_INVALID, "bucket %s is there twice", saved->name);
    struct bucket *bucket = add_bucket(region, account, saved->name, saved->id, saved->created_ms);
    for (size_t i = 0; i < saved->document_count; i++)
        for (size_t kind = 0; kind < S3_DOCUMENTS; kind++)
            if (text_equal(s3_document_kinds[kind].name, saved->documents[i].name))
                bucket->documents[kind] = memory_strdup(saved->documents[i].text);
    return 0;
}

static int restore(struct region *region, struct account *account, json_t *state, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct saved_buckets saved = {0};
    if (record_read(&saved_buckets_record, arena, state, &saved, err) < 0)
        return -1;
    for (size_t i = 0; i < saved.count; i++)
        if (restore_bucket(region, account, &saved.buckets[i], err) < 0)
            return -1;
    return 0;
}

static void account_created(struct region *region, struct account *account)
{
    (void)account;
    buckets_of(region);
}

static bool is_known(struct table *buckets, const char *id)
{
    size_t at = 0;
    for (struct bucket *bucket; (bucket = table_next(buckets, &at));)
        if (text_equal(bucket->id, id))
            return true;
    return false;
}

/* Objects are on disk before the state that has their bucket: a crash in between leaves objects of no bucket.
 */
static void restored(struct region *region)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct s3_region *s3;
    struct error err = {0};
    char **ids;
    size_t count;
    if (s3_region(region, &s3, &err) < 0 || s3_store_buckets(s3->store, arena, &ids, &count, &err) < 0) {
        log_error("S3's objects cannot be read", "reason", err.message, NULL);
        return;
    }
    for (size_t i = 0; i < count; i++)
        if (!is_known(&s3->buckets, ids[i]))
            s3_store_drop(s3->store, ids[i], NULL);
}

const struct module s3_module = {"s3", MODULE_S3, account_created, save, restore, restored};
