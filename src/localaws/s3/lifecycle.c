#include "localaws/s3/lifecycle.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "localaws/s3/buckets.h"
#include "localaws/s3/lifecycle_rules.h"

#include <string.h>

enum { HOUR_MS = 3600 * 1000 };

struct sweep {
    struct s3_store *store;
    const char *bucket_id;
    enum s3_versioning versioning;
    int64_t now_ms;
    const struct s3_lifecycle_rule *rules;
    size_t rule_count;
};

/* A walk over a bucket's versions, newest first in each key. */
struct walk {
    char *key; /* of the version before; "" at the beginning */
    int64_t sequence, newer_ms;
    int64_t newer; /* versions of this key that are newer and not current */
};

static int expire_current(const struct sweep *sweep, const struct s3_object *object, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    if (sweep->versioning == S3_UNVERSIONED)
        return s3_store_delete(sweep->store, sweep->bucket_id, object->key, object->version, err);
    const struct s3_object marker = {
        .bucket = sweep->bucket_id,
        .key = object->key,
        .version = sweep->versioning == S3_VERSIONED ? s3_store_new_id(arena) : "null",
        .marker = true,
        .id = s3_store_new_id(arena),
        .etag = "",
        .headers = "{}",
        .tags = "",
        .modified_ms = sweep->now_ms,
    };
    return s3_store_put(sweep->store, &marker, NULL, 0, NULL, err);
}

/* Is there no other version behind this marker? */
static bool is_alone(const struct sweep *sweep, const struct s3_object *marker)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct s3_object next;
    return s3_store_next_version(sweep->store, arena, sweep->bucket_id, marker->key, marker->sequence, &next,
                                 NULL) < 0 ||
           !text_equal(next.key, marker->key);
}

static bool is_over(const struct sweep *sweep, const struct s3_lifecycle_rule *rule,
                    const struct s3_object *object, const struct walk *walk)
{
    if (object->latest && object->marker)
        return rule->markers && rule->enabled && text_starts(object->key, rule->prefix) &&
               is_alone(sweep, object);
    if (object->latest) {
        int64_t end = s3_lifecycle_expiry(rule, object);
        return end && end <= sweep->now_ms;
    }
    return rule->noncurrent_days && s3_lifecycle_matches(rule, object) &&
           walk->newer >= rule->newer_versions &&
           s3_lifecycle_end(walk->newer_ms, rule->noncurrent_days) <= sweep->now_ms;
}

static int visit(const struct sweep *sweep, const struct s3_object *object, const struct walk *walk,
                 struct error *err)
{
    for (size_t i = 0; i < sweep->rule_count; i++)
        if (is_over(sweep, &sweep->rules[i], object, walk))
            return object->latest && !object->marker
                       ? expire_current(sweep, object, err)
                       : s3_store_delete(sweep->store, sweep->bucket_id, object->key, object->version, err);
    return 0;
}

static int walk_versions(const struct sweep *sweep, struct walk *walk, struct error *err)
{
    for (;;) {
        cleanup(arena_free) struct arena *arena = arena_new();
        struct s3_object object;
        struct error why = {0};
        if (s3_store_next_version(sweep->store, arena, sweep->bucket_id, walk->key, walk->sequence, &object,
                                  &why) < 0)
            return why.kind == ERROR_NOT_FOUND ? 0 : error_set(err, why.kind, "%s", why.message);
        if (!text_equal(object.key, walk->key))
            walk->newer = 0;
        if (visit(sweep, &object, walk, err) < 0)
            return -1;
        walk->newer += !object.latest;
        walk->newer_ms = object.modified_ms;
        walk->sequence = object.sequence;
        memory_free(&walk->key);
        walk->key = memory_strdup(object.key);
    }
}

static int abort_uploads(const struct sweep *sweep, const struct s3_lifecycle_rule *rule, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct s3_object *uploads;
    size_t count;
    if (s3_store_uploads(sweep->store, arena, sweep->bucket_id, &uploads, &count, err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++)
        if (s3_lifecycle_end(uploads[i].modified_ms, rule->abort_days) <= sweep->now_ms &&
            text_starts(uploads[i].key, rule->prefix) &&
            s3_store_upload_abort(sweep->store, uploads[i].id, err) < 0)
            return -1;
    return 0;
}

int s3_lifecycle_apply(struct s3_store *store, const char *bucket_id, const char *document,
                       enum s3_versioning versioning, int64_t now_ms, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct s3_lifecycle_rule *rules;
    size_t count;
    if (s3_lifecycle_read(arena, document, strlen(document), &rules, &count, err) < 0)
        return -1;
    const struct sweep sweep = {store, bucket_id, versioning, now_ms, rules, count};
    struct walk walk = {.key = memory_strdup(""), .sequence = INT64_MAX};
    int result = walk_versions(&sweep, &walk, err);
    memory_free(&walk.key);
    for (size_t i = 0; i < count && result == 0; i++)
        if (rules[i].enabled && rules[i].abort_days)
            result = abort_uploads(&sweep, &rules[i], err);
    return result;
}

/* Claims the hour's sweep: of several threads that find it due, one does it. */
static bool is_due(struct region *region, struct s3_region *s3, int64_t now_ms)
{
    region_lock(region);
    cleanup(region_unlock) struct region *locked = region;
    if (now_ms - s3->swept_ms < HOUR_MS)
        return false;
    s3->swept_ms = now_ms;
    return true;
}

/* All buckets, when the last time is an hour ago or more. */
void s3_carry_out(struct region *region)
{
    struct s3_region *s3;
    struct error err = {0};
    int64_t now_ms = clock_now_ms();
    if (s3_region(region, &s3, &err) < 0 || !is_due(region, s3, now_ms))
        return;
    cleanup(arena_free) struct arena *arena = arena_new();
    struct s3_bucket *buckets;
    size_t count = s3_bucket_list(region, arena, NULL, &buckets);
    for (size_t i = 0; i < count; i++) {
        const char *document = buckets[i].documents[S3_LIFECYCLE];
        if (document && s3_lifecycle_apply(s3->store, buckets[i].id, document,
                                           s3_versioning_of(arena, &buckets[i]), now_ms, &err) < 0)
            log_warning("lifecycle not carried out", "bucket", buckets[i].name, "reason", err.message, NULL);
    }
}

void s3_answer_expiration(struct s3_call *s3, const struct s3_object *object)
{
    const char *document = s3->bucket.documents[S3_LIFECYCLE];
    struct s3_lifecycle_rule *rules, *first = NULL;
    size_t count;
    int64_t when = 0;
    if (!document || s3_lifecycle_read(s3->arena, document, strlen(document), &rules, &count, NULL) < 0)
        return;
    for (size_t i = 0; i < count; i++) {
        int64_t end = s3_lifecycle_expiry(&rules[i], object);
        if (end && (!first || end < when)) {
            first = &rules[i];
            when = end;
        }
    }
    if (first)
        s3_answer_header(s3, "x-amz-expiration",
                         arena_format(s3->arena, "expiry-date=\"%s\", rule-id=\"%s\"",
                                      clock_http(s3->arena, when),
                                      percent_encode(s3->arena, first->id, true)));
}
