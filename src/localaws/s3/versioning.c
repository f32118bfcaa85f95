#include "localaws/s3/versioning.h"

#include "base/clock.h"
#include "base/xml.h"

#include <string.h>

enum s3_versioning s3_versioning_of(struct arena *arena, const struct s3_bucket *bucket)
{
    const char *text = bucket->documents[S3_VERSIONING];
    xmlNode *root;
    if (!text || xml_parse(arena, "the versioning", text, strlen(text), &root, NULL) < 0)
        return S3_UNVERSIONED;
    return text_equal(xml_child_content(arena, root, "Status"), "Enabled") ? S3_VERSIONED : S3_SUSPENDED;
}

const char *s3_new_version(struct s3_call *s3)
{
    return s3_versioning_of(s3->arena, &s3->bucket) == S3_VERSIONED ? s3_store_new_id(s3->arena) : "null";
}

void s3_answer_version(struct s3_call *s3, const char *version)
{
    if (s3->bucket.documents[S3_VERSIONING])
        s3_answer_header(s3, "x-amz-version-id", version);
}

static int delete_version(struct s3_call *s3, const char *key, const char *version,
                          struct s3_deleted *deleted, struct error *err)
{
    struct s3_object object;
    struct error why = {0};
    deleted->version = version;
    if (s3_store_get(s3->s3->store, s3->arena, s3->bucket.id, key, version, &object, &why) < 0)
        return why.kind == ERROR_NOT_FOUND ? 0 : error_set(err, why.kind, "%s", why.message);
    if (object.marker)
        deleted->marker = object.version;
    return s3_store_delete(s3->s3->store, s3->bucket.id, key, version, err);
}

int s3_delete_key(struct s3_call *s3, const char *key, const char *version, struct s3_deleted *deleted,
                  struct error *err)
{
    *deleted = (struct s3_deleted){0};
    if (version)
        return delete_version(s3, key, version, deleted, err);
    if (s3_versioning_of(s3->arena, &s3->bucket) == S3_UNVERSIONED)
        return s3_store_delete(s3->s3->store, s3->bucket.id, key, "null", err);
    const struct s3_object marker = {
        .bucket = s3->bucket.id,
        .key = key,
        .version = s3_new_version(s3),
        .marker = true,
        .id = s3_store_new_id(s3->arena),
        .etag = "",
        .headers = "{}",
        .tags = "",
        .modified_ms = clock_now_ms(),
    };
    deleted->marker = marker.version;
    return s3_store_put(s3->s3->store, &marker, NULL, 0, NULL, err);
}
