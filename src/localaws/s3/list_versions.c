/* ListObjectVersions: every version of every key, the newest first, and the markers that say one was deleted.
 */
#include "localaws/s3/object_calls.h"

#include <string.h>

enum { MOST_LISTED = 1000 };

struct listing {
    const char *prefix, *delimiter, *key_marker, *version_marker;
    size_t most, listed;
    bool truncated;
    const char *last_key, *last_version; /* where the next page begins; of a common prefix no version */
    const char *last_common;
    struct buffer versions, commons;
};

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

static const char *common_prefix(struct s3_call *s3, const struct listing *list, const char *key)
{
    const char *at = text_empty(list->delimiter) || !text_starts(key, list->prefix)
                         ? NULL
                         : strstr(key + strlen(list->prefix), list->delimiter);
    return at ? arena_strndup(s3->arena, key, (size_t)(at - key) + strlen(list->delimiter)) : NULL;
}

/* The smallest text after everything that begins with `prefix`. No byte of UTF-8 is 0xFF. */
static const char *successor(struct s3_call *s3, const char *prefix)
{
    char *next = arena_strdup(s3->arena, prefix);
    next[strlen(next) - 1]++;
    return next;
}

/* The place after which the page begins: a key, and the sequence below which its versions are listed. */
static void begin(struct s3_call *s3, const struct listing *list, const char **key, int64_t *sequence)
{
    struct s3_object marker;
    const char *common = common_prefix(s3, list, list->key_marker);
    *sequence = INT64_MAX;
    if (common && text_equal(common, list->key_marker))
        *key = successor(s3, common);
    else if (strcmp(list->key_marker, list->prefix) < 0)
        *key = list->prefix;
    else {
        *key = list->key_marker;
        *sequence = text_empty(list->key_marker) ? INT64_MAX : 0;
        if (*list->version_marker && s3_store_get(s3->s3->store, s3->arena, s3->bucket.id, *key,
                                                  list->version_marker, &marker, NULL) == 0)
            *sequence = marker.sequence;
    }
}

static void write_version(struct s3_call *s3, struct buffer *xml, const struct s3_object *object)
{
    const char *element = object->marker ? "DeleteMarker" : "Version";
    buffer_format(xml, "<%s>", element);
    s3_write_key(s3, xml, "Key", object->key);
    buffer_format(xml, "<VersionId>%s</VersionId><IsLatest>%s</IsLatest>", object->version,
                  object->latest ? "true" : "false");
    if (object->marker)
        buffer_format(xml, "<LastModified>%s</LastModified>", s3_time(s3->arena, object->modified_ms));
    else
        s3_write_object(s3, xml, object);
    s3_write_owner(xml, "Owner", "", s3->bucket.owner);
    buffer_format(xml, "</%s>", element);
}

/* false: the page is full. */
static bool list_one(struct s3_call *s3, struct listing *list, const struct s3_object *object,
                     const char *common)
{
    list->truncated = list->listed == list->most;
    if (list->truncated)
        return false;
    list->listed++;
    list->last_key = common ? common : object->key;
    list->last_version = common ? "" : object->version;
    if (!common) {
        write_version(s3, &list->versions, object);
        return true;
    }
    buffer_text(&list->commons, "<CommonPrefixes>");
    s3_write_key(s3, &list->commons, "Prefix", common);
    buffer_text(&list->commons, "</CommonPrefixes>");
    return true;
}

static int read_page(struct s3_call *s3, struct listing *list, struct error *err)
{
    const char *key;
    int64_t sequence;
    begin(s3, list, &key, &sequence);
    while (list->most > 0) {
        struct s3_object object;
        struct error why = {0};
        if (s3_store_next_version(s3->s3->store, s3->arena, s3->bucket.id, key, sequence, &object, &why) < 0)
            return why.kind == ERROR_NOT_FOUND ? 0 : error_set(err, why.kind, "%s", why.message);
        if (!text_starts(object.key, list->prefix))
            return 0;
        const char *common = common_prefix(s3, list, object.key);
        if (!list_one(s3, list, &object, common))
            return 0;
        key = common ? successor(s3, common) : object.key;
        sequence = common ? INT64_MAX : object.sequence;
    }
    return 0;
}

static int read_request(struct s3_call *s3, struct listing *list, struct error *err)
{
    const char *most = s3_query(s3, "max-keys");
    int64_t number = MOST_LISTED;
    if (most && text_number(most, 0, INT32_MAX, "max-keys", &number, NULL) < 0)
        return s3_fail(s3, err, 400, "InvalidArgument", "max-keys is not valid");
    *list = (struct listing){
        .prefix = or_empty(s3_query(s3, "prefix")),
        .delimiter = s3_query(s3, "delimiter"),
        .key_marker = or_empty(s3_query(s3, "key-marker")),
        .version_marker = or_empty(s3_query(s3, "version-id-marker")),
        .most = number < MOST_LISTED ? (size_t)number : MOST_LISTED,
        .versions = buffer_new(S3_LARGEST_ANSWER),
        .commons = buffer_new(S3_LARGEST_ANSWER),
    };
    if (*list->version_marker && !*list->key_marker)
        return s3_fail(s3, err, 400, "InvalidArgument",
                       "A version-id marker cannot be specified without a key marker.");
    return read_page(s3, list, err);
}

static void free_listing(void *object)
{
    struct listing *list = object;
    buffer_free(&list->versions);
    buffer_free(&list->commons);
}

int s3_list_versions(struct s3_call *s3, struct error *err)
{
    cleanup(buffer_free) struct buffer xml = buffer_new(S3_LARGEST_ANSWER);
    struct listing *list = arena_alloc(s3->arena, sizeof(*list));
    arena_defer(s3->arena, free_listing, list);
    if (read_request(s3, list, err) < 0)
        return -1;
    buffer_format(&xml, S3_XML_HEAD "<ListVersionsResult " S3_NAMESPACE "><Name>%s</Name>", s3->bucket_name);
    s3_write_key(s3, &xml, "Prefix", list->prefix);
    s3_write_key(s3, &xml, "KeyMarker", list->key_marker);
    s3_write_key(s3, &xml, "VersionIdMarker", list->version_marker);
    if (list->truncated) {
        s3_write_key(s3, &xml, "NextKeyMarker", list->last_key);
        s3_write_key(s3, &xml, "NextVersionIdMarker", list->last_version);
    }
    if (!text_empty(list->delimiter))
        s3_write_key(s3, &xml, "Delimiter", list->delimiter);
    if (s3_query(s3, "encoding-type"))
        buffer_text(&xml, "<EncodingType>url</EncodingType>");
    buffer_format(&xml, "<MaxKeys>%zu</MaxKeys><IsTruncated>%s</IsTruncated>", list->most,
                  list->truncated ? "true" : "false");
    buffer_append(&xml, buffer_string(&list->versions), list->versions.length);
    buffer_append(&xml, buffer_string(&list->commons), list->commons.length);
    buffer_text(&xml, "</ListVersionsResult>");
    return s3_answer_xml(s3, &xml, err);
}
