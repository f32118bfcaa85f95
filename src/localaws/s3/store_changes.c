/* What becomes of objects: put, deleted, described anew. */
#include "base/text.h"
#include "localaws/s3/database.h"

#include <string.h>

static int check_expected(const struct s3_expectation *expected, const struct s3_object *current,
                          struct error *err)
{
    if (!expected)
        return 0;
    if (expected->absent && current)
        return error_set(err, ERROR_CONFLICT, "the object exists");
    if (expected->etag && !current)
        return error_set(err, ERROR_NOT_FOUND, "there is no such object");
    if (expected->etag && !text_equal(expected->etag, current->etag))
        return error_set(err, ERROR_CONFLICT, "the object is another");
    return 0;
}

int place_version(struct s3_store *store, const struct s3_object *object,
                  const struct s3_expectation *expected, struct garbage *garbage, struct error *err)
{
    struct s3_object current, same;
    int there = find_version(&store->write, garbage->arena, object->bucket, object->key, NULL, &current, err);
    if (there < 0 || check_expected(expected, there && !current.marker ? &current : NULL, err) < 0)
        return -1;
    int replaces =
        find_version(&store->write, garbage->arena, object->bucket, object->key, object->version, &same, err);
    if (replaces < 0 || (replaces && drop_version(store, &same, garbage, err) < 0))
        return -1;
    if (there && query_run(&store->write.connection, err,
                           "UPDATE versions SET latest = 0 WHERE bucket = ? AND key = ? AND latest = 1", "ss",
                           object->bucket, object->key) < 0)
        return -1;
    return insert_version(store, object, err);
}

struct put {
    const struct s3_object *object;
    const struct s3_piece *pieces;
    size_t count;
    const struct s3_expectation *expected;
};

static int put(struct s3_store *store, void *context, struct garbage *garbage, struct error *err)
{
    const struct put *put = context;
    if (place_version(store, put->object, put->expected, garbage, err) < 0)
        return -1;
    for (size_t i = 0; i < put->count; i++)
        if (insert_piece(store, put->object->id, &put->pieces[i], err) < 0)
            return -1;
    return 0;
}

int s3_store_put(struct s3_store *store, const struct s3_object *object, const struct s3_piece *pieces,
                 size_t count, const struct s3_expectation *expected, struct error *err)
{
    return store_commit(store, put, &(struct put){object, pieces, count, expected}, err);
}

static int delete (struct s3_store *store, void *context, struct garbage *garbage, struct error *err)
{
    const struct s3_object *named = context;
    struct s3_object found;
    int there =
        find_version(&store->write, garbage->arena, named->bucket, named->key, named->version, &found, err);
    if (there <= 0)
        return there;
    if (drop_version(store, &found, garbage, err) < 0)
        return -1;
    return !found.latest
               ? 0
               : query_run(&store->write.connection, err,
                           "UPDATE versions SET latest = 1 WHERE bucket = ?1 AND key = ?2 AND sequence ="
                           " (SELECT max(sequence) FROM versions WHERE bucket = ?1 AND key = ?2)",
                           "ss", named->bucket, named->key);
}

int s3_store_delete(struct s3_store *store, const char *bucket, const char *key, const char *version,
                    struct error *err)
{
    struct s3_object named = {.bucket = bucket, .key = key, .version = version};
    return store_commit(store, delete, &named, err);
}

struct description {
    const struct s3_object *object;
    const char *tags, *acl;
};

static int describe(struct s3_store *store, void *context, struct garbage *garbage, struct error *err)
{
    const struct description *description = context;
    const struct s3_object *named = description->object;
    struct s3_object found;
    int there =
        find_version(&store->write, garbage->arena, named->bucket, named->key, named->version, &found, err);
    if (there < 0)
        return -1;
    if (!there || !text_equal(found.id, named->id))
        return error_set(err, ERROR_NOT_FOUND, "S3's index has no such entry");
    if (description->tags)
        found.tags = description->tags;
    if (description->acl)
        found.acl = description->acl;
    return update_about(store, &found, err);
}

int s3_store_describe(struct s3_store *store, const struct s3_object *object, const char *tags,
                      const char *acl, struct error *err)
{
    return store_commit(store, describe, &(struct description){object, tags, acl}, err);
}
