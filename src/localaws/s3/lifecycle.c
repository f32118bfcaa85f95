#include "localaws/s3/lifecycle.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "base/xml.h"
#include "localaws/s3/buckets.h"

#include <string.h>

enum { DAY_MS = 24 * 3600 * 1000, HOUR_MS = 3600 * 1000 };

struct rule {
    const char *prefix;
    int64_t expire_before_ms, abort_before_ms; /* 0: never */
    bool by_tag_or_size;                       /* chooses by what is not looked at here: touches nothing */
};

/* "31" days before now; 0 when there is no such element. */
static int64_t days_ago(struct arena *arena, xmlNode *rule, const char *element, const char *days,
                        int64_t now_ms)
{
    const char *text = xml_child_content(arena, xml_first(rule, element), days);
    int64_t number;
    if (!text || text_number(text, 1, 100000, "days", &number, NULL) < 0)
        return 0;
    return now_ms - number * DAY_MS;
}

/* The prefix stands in the rule (as it once did), in its Filter, or in the Filter's And. */
static void read_rule(struct arena *arena, xmlNode *node, int64_t now_ms, struct rule *rule)
{
    xmlNode *filter = xml_first(node, "Filter"), *both = xml_first(filter, "And");
    xmlNode *where = both ? both : filter ? filter : node;
    const char *prefix = xml_child_content(arena, where, "Prefix");
    *rule = (struct rule){
        .prefix = prefix ? prefix : "",
        .expire_before_ms = days_ago(arena, node, "Expiration", "Days", now_ms),
        .abort_before_ms =
            days_ago(arena, node, "AbortIncompleteMultipartUpload", "DaysAfterInitiation", now_ms),
        .by_tag_or_size = xml_first(where, "Tag") || xml_first(where, "ObjectSizeGreaterThan") ||
                          xml_first(where, "ObjectSizeLessThan"),
    };
}

static int expire_objects(struct s3_store *store, const char *bucket_id, const struct rule *rule,
                          struct error *err)
{
    cleanup(memory_free) char *from = memory_strdup(rule->prefix);
    for (bool inclusive = true;; inclusive = false) {
        cleanup(arena_free) struct arena *arena = arena_new();
        struct s3_object object;
        struct error why = {0};
        if (s3_store_next(store, arena, bucket_id, from, inclusive, &object, &why) < 0)
            return why.kind == ERROR_NOT_FOUND ? 0 : error_set(err, why.kind, "%s", why.message);
        if (!text_starts(object.key, rule->prefix))
            return 0;
        if (object.modified_ms < rule->expire_before_ms &&
            s3_store_delete(store, bucket_id, object.key, err) < 0)
            return -1;
        memory_free(&from);
        from = memory_strdup(object.key);
    }
}

static int abort_uploads(struct s3_store *store, const char *bucket_id, const struct rule *rule,
                         struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct s3_object *uploads;
    size_t count;
    if (s3_store_uploads(store, arena, bucket_id, &uploads, &count, err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++)
        if (uploads[i].modified_ms < rule->abort_before_ms && text_starts(uploads[i].key, rule->prefix) &&
            s3_store_upload_abort(store, uploads[i].id, err) < 0)
            return -1;
    return 0;
}

int s3_lifecycle_apply(struct s3_store *store, const char *bucket_id, const char *document, int64_t now_ms,
                       struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    xmlNode *root;
    if (xml_parse(arena, "the lifecycle", document, strlen(document), &root, err) < 0)
        return -1;
    for (xmlNode *node = xml_first(root, "Rule"); node; node = xml_next(node, "Rule")) {
        struct rule rule;
        read_rule(arena, node, now_ms, &rule);
        if (!text_equal(xml_child_content(arena, node, "Status"), "Enabled") || rule.by_tag_or_size)
            continue;
        if ((rule.expire_before_ms && expire_objects(store, bucket_id, &rule, err) < 0) ||
            (rule.abort_before_ms && abort_uploads(store, bucket_id, &rule, err) < 0))
            return -1;
    }
    return 0;
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

void s3_lifecycle_sweep(struct region *region)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct s3_region *s3;
    struct s3_bucket *buckets;
    struct error err = {0};
    int64_t now_ms = clock_now_ms();
    if (s3_region(region, &s3, &err) < 0 || !is_due(region, s3, now_ms))
        return;
    size_t count = s3_bucket_list(region, arena, NULL, &buckets);
    for (size_t i = 0; i < count; i++) {
        const char *document = buckets[i].documents[S3_LIFECYCLE];
        if (document && s3_lifecycle_apply(s3->store, buckets[i].id, document, now_ms, &err) < 0)
            log_warning("lifecycle not carried out", "bucket", buckets[i].name, "reason", err.message, NULL);
    }
}
