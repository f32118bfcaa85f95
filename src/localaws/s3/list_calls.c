/* Listings of objects, in the two forms S3 has. Both walk the same page: the keys from a prefix on, those
 * with a delimiter behind the prefix rolled up into one common prefix. */
#include "localaws/s3/object_calls.h"

#include <string.h>

enum { MOST_KEYS = 1000 };

struct listing {
    const char *prefix, *delimiter, *after; /* of the request; what is listed comes after `after` */
    size_t most;
    struct s3_object objects[MOST_KEYS];
    const char *common[MOST_KEYS];
    size_t object_count, common_count;
    const char *last; /* key or common prefix; where the next page begins */
    bool truncated;
};

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

/* "a/b/" for key "a/b/c" under prefix "a/" with "/"; NULL when nothing is to be rolled up. */
static const char *common_prefix(struct s3_call *s3, const struct listing *list, const char *key)
{
    if (text_empty(list->delimiter))
        return NULL;
    const char *at = strstr(key + strlen(list->prefix), list->delimiter);
    return at ? arena_strndup(s3->arena, key, (size_t)(at - key) + strlen(list->delimiter)) : NULL;
}

/* The smallest text after everything that begins with `prefix`. No byte of UTF-8 is 0xFF. */
static const char *successor(struct s3_call *s3, const char *prefix)
{
    char *next = arena_strdup(s3->arena, prefix);
    next[strlen(next) - 1]++;
    return next;
}

static void begin(struct s3_call *s3, const struct listing *list, const char **from, bool *inclusive)
{
    *inclusive = strcmp(list->after, list->prefix) < 0;
    *from = *inclusive ? list->prefix : list->after;
    const char *common = text_starts(list->after, list->prefix) ? common_prefix(s3, list, list->after) : NULL;
    if (common && strcmp(common, list->after) == 0) {
        *from = successor(s3, common);
        *inclusive = true;
    }
}

static int read_page(struct s3_call *s3, struct listing *list, struct error *err)
{
    const char *from;
    bool inclusive;
    begin(s3, list, &from, &inclusive);
    while (list->most > 0) {
        struct s3_object object;
        struct error why = {0};
        if (s3_store_next(s3->s3->store, s3->arena, s3->bucket.id, from, inclusive, &object, &why) < 0)
            return why.kind == ERROR_NOT_FOUND ? 0 : error_set(err, why.kind, "%s", why.message);
        if (!text_starts(object.key, list->prefix))
            return 0;
        list->truncated = list->object_count + list->common_count == list->most;
        if (list->truncated)
            return 0;
        const char *common = common_prefix(s3, list, object.key);
        if (common)
            list->common[list->common_count++] = common;
        else
            list->objects[list->object_count++] = object;
        list->last = common ? common : object.key;
        from = common ? successor(s3, common) : object.key;
        inclusive = common;
    }
    return 0;
}

static int read_request(struct s3_call *s3, struct listing *list, const char *after, struct error *err)
{
    const char *most = s3_query(s3, "max-keys");
    int64_t number = MOST_KEYS;
    if (most && text_number(most, 0, INT32_MAX, "max-keys", &number, NULL) < 0)
        return s3_fail(s3, err, 400, "InvalidArgument", "max-keys is not valid");
    *list = (struct listing){
        .prefix = or_empty(s3_query(s3, "prefix")),
        .delimiter = s3_query(s3, "delimiter"),
        .after = or_empty(after),
        .most = number < MOST_KEYS ? (size_t)number : MOST_KEYS,
    };
    return read_page(s3, list, err);
}

static void write_object(struct s3_call *s3, struct buffer *xml, const struct s3_object *object, bool owner)
{
    s3_write_key(s3, xml, "Key", object->key);
    s3_write_object(s3, xml, object);
    if (owner)
        s3_write_owner(xml, "Owner", "", s3->bucket.owner);
}

/* What all three begin with. */
static void write_head(struct s3_call *s3, struct buffer *xml, const struct listing *list, const char *root)
{
    buffer_format(xml, S3_XML_HEAD "<%s " S3_NAMESPACE "><Name>%s</Name>", root, s3->bucket_name);
    s3_write_key(s3, xml, "Prefix", list->prefix);
    if (!text_empty(list->delimiter))
        s3_write_key(s3, xml, "Delimiter", list->delimiter);
    if (s3_query(s3, "encoding-type"))
        buffer_text(xml, "<EncodingType>url</EncodingType>");
    buffer_format(xml, "<MaxKeys>%zu</MaxKeys><IsTruncated>%s</IsTruncated>", list->most,
                  list->truncated ? "true" : "false");
}

static void write_common(struct s3_call *s3, struct buffer *xml, const struct listing *list)
{
    for (size_t i = 0; i < list->common_count; i++) {
        buffer_text(xml, "<CommonPrefixes>");
        s3_write_key(s3, xml, "Prefix", list->common[i]);
        buffer_text(xml, "</CommonPrefixes>");
    }
}

static void write_contents(struct s3_call *s3, struct buffer *xml, const struct listing *list, bool owner)
{
    for (size_t i = 0; i < list->object_count; i++) {
        buffer_text(xml, "<Contents>");
        write_object(s3, xml, &list->objects[i], owner);
        buffer_text(xml, "</Contents>");
    }
    write_common(s3, xml, list);
}

int s3_list_objects(struct s3_call *s3, struct error *err)
{
    cleanup(buffer_free) struct buffer xml = buffer_new(S3_LARGEST_ANSWER);
    struct listing *list = arena_alloc(s3->arena, sizeof(*list));
    if (read_request(s3, list, s3_query(s3, "marker"), err) < 0)
        return -1;
    write_head(s3, &xml, list, "ListBucketResult");
    s3_write_key(s3, &xml, "Marker", list->after);
    if (list->truncated)
        s3_write_key(s3, &xml, "NextMarker", list->last);
    write_contents(s3, &xml, list, true);
    buffer_text(&xml, "</ListBucketResult>");
    return s3_answer_xml(s3, &xml, err);
}

/* A continuation token is the last entry of the page before, in base64: it says nothing its holder has not
 * seen. */
static int read_token(struct s3_call *s3, const char *token, const char **after, struct error *err)
{
    unsigned char *bytes;
    size_t length;
    *after = s3_query(s3, "start-after");
    if (!token)
        return 0;
    if (base64_decode(s3->arena, token, &bytes, &length, NULL) < 0 || !text_utf8((char *)bytes, length))
        return s3_fail(s3, err, 400, "InvalidArgument", "The continuation token provided is incorrect");
    *after = (char *)bytes;
    return 0;
}

int s3_list_objects_v2(struct s3_call *s3, struct error *err)
{
    cleanup(buffer_free) struct buffer xml = buffer_new(S3_LARGEST_ANSWER);
    struct listing *list = arena_alloc(s3->arena, sizeof(*list));
    const char *token = s3_query(s3, "continuation-token"), *after, *start = s3_query(s3, "start-after");
    if (read_token(s3, token, &after, err) < 0 || read_request(s3, list, after, err) < 0)
        return -1;
    write_head(s3, &xml, list, "ListBucketResult");
    buffer_format(&xml, "<KeyCount>%zu</KeyCount>", list->object_count + list->common_count);
    if (token)
        buffer_format(&xml, "<ContinuationToken>%s</ContinuationToken>",
                      base64_encode(s3->arena, after, strlen(after)));
    if (start)
        s3_write_key(s3, &xml, "StartAfter", start);
    if (list->truncated)
        buffer_format(&xml, "<NextContinuationToken>%s</NextContinuationToken>",
                      base64_encode(s3->arena, list->last, strlen(list->last)));
    write_contents(s3, &xml, list, text_equal(s3_query(s3, "fetch-owner"), "true"));
    buffer_text(&xml, "</ListBucketResult>");
    return s3_answer_xml(s3, &xml, err);
}
