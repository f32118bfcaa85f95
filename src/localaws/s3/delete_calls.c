/* DeleteObject, DeleteObjects, and the tags of objects. */
#include "base/xml.h"
#include "localaws/s3/object_calls.h"
#include "localaws/s3/tags.h"
#include "localaws/s3/versioning.h"

#include <string.h>

enum { MOST_DELETIONS = 1000 };

int s3_delete_object(struct s3_call *s3, struct error *err)
{
    struct s3_deleted deleted;
    if (s3_delete_key(s3, s3->key, s3->version, &deleted, err) < 0)
        return -1;
    if (deleted.marker)
        s3_answer_header(s3, "x-amz-delete-marker", "true");
    s3_answer_header(s3, "x-amz-version-id", deleted.version ? deleted.version : deleted.marker);
    return s3_answer_empty(s3, 204);
}

/* Each key is permitted or refused on its own; a refusal of one is part of the answer. */
static void delete_one(struct s3_call *s3, const char *key, const char *version, struct s3_deleted *deleted,
                       struct error *why)
{
    if (text_empty(key) || strlen(key) > S3_LONGEST_KEY)
        error_code(why, ERROR_INVALID, "KeyTooLongError", "A key has 1 to %d bytes", S3_LONGEST_KEY);
    else if (s3_authorize(s3, version ? "s3:DeleteObjectVersion" : "s3:DeleteObject", key, why) == 0)
        s3_delete_key(s3, key, version, deleted, why);
}

static void write_text(struct buffer *xml, const char *element, const char *text)
{
    if (!text)
        return;
    buffer_format(xml, "<%s>", element);
    buffer_xml(xml, text);
    buffer_format(xml, "</%s>", element);
}

/* Untrimmed: blanks are part of a key. */
static const char *read_key(struct arena *arena, xmlNode *node)
{
    xmlNode *key = xml_first(node, "Key");
    xmlChar *content = key ? xmlNodeGetContent(key) : NULL;
    const char *copy = arena_strdup(arena, (const char *)content);
    xmlFree(content);
    return copy;
}

static void answer_one(struct s3_call *s3, xmlNode *node, bool quiet, struct buffer *xml)
{
    const char *key = read_key(s3->arena, node);
    const char *version = xml_child_content(s3->arena, node, "VersionId");
    struct s3_deleted deleted = {0};
    struct error why = {0};
    delete_one(s3, key, text_empty(version) ? NULL : version, &deleted, &why);
    if (why.kind == ERROR_NONE && quiet)
        return;
    buffer_text(xml, why.kind == ERROR_NONE ? "<Deleted>" : "<Error>");
    write_text(xml, "Key", key ? key : "");
    write_text(xml, "VersionId", why.kind == ERROR_NONE ? deleted.version : version);
    if (why.kind != ERROR_NONE) {
        write_text(xml, "Code", *why.code ? why.code : "InternalError");
        write_text(xml, "Message", why.message);
    } else if (deleted.marker) {
        write_text(xml, "DeleteMarker", "true");
        write_text(xml, "DeleteMarkerVersionId", deleted.marker);
    }
    buffer_text(xml, why.kind == ERROR_NONE ? "</Deleted>" : "</Error>");
}

/* What deletes so much must be known to have come whole. */
static int check_digest_is_there(struct s3_call *s3, struct error *err)
{
    const char *value;
    if (s3_header(s3, "content-md5") || s3_body_checksum(s3->body, &value))
        return 0;
    return s3_fail(s3, err, 400, "InvalidRequest",
                   "Missing required header for this request: Content-MD5 OR x-amz-checksum-*");
}

int s3_delete_objects(struct s3_call *s3, struct error *err)
{
    cleanup(buffer_free) struct buffer xml = buffer_new(S3_LARGEST_ANSWER);
    const struct buffer *body = &s3->body->collected;
    struct error why = {0};
    size_t count = 0;
    xmlNode *root;
    if (check_digest_is_there(s3, err) < 0)
        return -1;
    if (xml_parse(s3->arena, "the body", buffer_string(body), body->length, &root, &why) < 0 ||
        strcmp(xml_name(root), "Delete") != 0)
        return s3_fail(s3, err, 400, "MalformedXML", "The XML you provided names nothing to delete");
    for (xmlNode *node = xml_first(root, "Object"); node; node = xml_next(node, "Object"))
        count++;
    if (count == 0 || count > MOST_DELETIONS)
        return s3_fail(s3, err, 400, "MalformedXML", "One to %d keys can be deleted at once", MOST_DELETIONS);
    bool quiet = text_equal(xml_child_content(s3->arena, root, "Quiet"), "true");
    buffer_text(&xml, S3_XML_HEAD "<DeleteResult " S3_NAMESPACE ">");
    for (xmlNode *node = xml_first(root, "Object"); node; node = xml_next(node, "Object"))
        answer_one(s3, node, quiet, &xml);
    buffer_text(&xml, "</DeleteResult>");
    return s3_answer_xml(s3, &xml, err);
}

int s3_get_tags(struct s3_call *s3, struct error *err)
{
    cleanup(buffer_free) struct buffer xml = buffer_new(S3_LARGEST_ANSWER);
    struct s3_object object;
    if (s3_find_object(s3, &object, err) < 0)
        return -1;
    s3_answer_version(s3, object.version);
    buffer_text(&xml, S3_XML_HEAD "<Tagging " S3_NAMESPACE ">");
    s3_tags_write(s3->arena, object.tags, &xml);
    buffer_text(&xml, "</Tagging>");
    return s3_answer_xml(s3, &xml, err);
}

static int set_tags(struct s3_call *s3, const char *tags, int status, struct error *err)
{
    struct s3_object object;
    if (s3_find_object(s3, &object, err) < 0 ||
        s3_store_describe(s3->s3->store, &object, tags, NULL, err) < 0)
        return -1;
    s3_answer_version(s3, object.version);
    return s3_answer_empty(s3, status);
}

int s3_put_tags(struct s3_call *s3, struct error *err)
{
    char *tags;
    if (s3_tags_read(s3->arena, buffer_string(&s3->body->collected), s3->body->collected.length,
                     S3_TAGS_OF_OBJECT, &tags, err) < 0)
        return -1;
    return set_tags(s3, tags, 200, err);
}

int s3_delete_tags(struct s3_call *s3, struct error *err)
{
    return set_tags(s3, "", 204, err);
}
