/* GetObjectAttributes: what is asked for of entity tag, checksum, parts, class and size. */
#include "localaws/s3/conditions.h"
#include "localaws/s3/object_calls.h"
#include "localaws/s3/versioning.h"

#include "base/clock.h"

#include <string.h>

enum { MOST_PARTS = 1000 };

static bool wants(struct s3_call *s3, const char *name)
{
    char **names;
    size_t count = text_split(s3->arena, s3_header(s3, "x-amz-object-attributes"), ',', &names);
    for (size_t i = 0; i < count; i++)
        if (strcmp(text_trim(s3->arena, names[i]), name) == 0)
            return true;
    return false;
}

static int check_wanted(struct s3_call *s3, struct error *err)
{
    static const char *const known[] = {"ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"};
    const char *header = s3_header(s3, "x-amz-object-attributes");
    for (size_t i = 0; header && i < COUNT_OF(known); i++)
        if (wants(s3, known[i]))
            return 0;
    return s3_fail(s3, err, 400, "InvalidArgument", "x-amz-object-attributes names no attribute");
}

static int64_t number_header(struct s3_call *s3, const char *name, int64_t otherwise)
{
    const char *text = s3_header(s3, name);
    int64_t number;
    return text && text_number(text, 0, INT32_MAX, name, &number, NULL) == 0 ? number : otherwise;
}

/* Parts of a multipart upload; listed one by one where they have checksums, as AWS does. */
static int write_parts(struct s3_call *s3, const struct s3_object *object, struct buffer *xml,
                       struct error *err)
{
    const char *checksum = s3_object_checksum(s3, object);
    int64_t after = number_header(s3, "x-amz-part-number-marker", 0);
    int64_t most = number_header(s3, "x-amz-max-parts", MOST_PARTS), listed = 0, last = after;
    struct s3_piece *pieces;
    size_t count;
    if (!strchr(object->etag, '-'))
        return 0;
    if (s3_store_pieces(s3->s3->store, s3->arena, object->id, &pieces, &count, err) < 0)
        return -1;
    bool truncated = false;
    buffer_format(xml, "<ObjectParts><PartsCount>%zu</PartsCount>", count);
    for (size_t i = 0; checksum && i < count; i++) {
        if (pieces[i].number <= after)
            continue;
        truncated = listed == most;
        if (truncated)
            break;
        listed++;
        last = pieces[i].number;
        buffer_format(xml, "<Part><PartNumber>%lld</PartNumber><Size>%lld</Size>",
                      (long long)pieces[i].number, (long long)pieces[i].size);
        s3_write_checksum(xml, checksum, pieces[i].checksum);
        buffer_text(xml, "</Part>");
    }
    buffer_format(xml,
                  "<PartNumberMarker>%lld</PartNumberMarker><NextPartNumberMarker>%lld</NextPartNumberMarker>"
                  "<MaxParts>%lld</MaxParts><IsTruncated>%s</IsTruncated></ObjectParts>",
                  (long long)after, (long long)last, (long long)most, truncated ? "true" : "false");
    return 0;
}

static void write_checksum(struct s3_call *s3, const struct s3_object *object, struct buffer *xml)
{
    const char *name = s3_object_checksum(s3, object);
    if (!name)
        return;
    buffer_text(xml, "<Checksum>");
    s3_write_checksum(xml, name, s3_object_header(s3, object, name));
    buffer_format(xml, "<ChecksumType>%s</ChecksumType></Checksum>",
                  s3_object_header(s3, object, "x-amz-checksum-type"));
}

int s3_get_attributes(struct s3_call *s3, struct error *err)
{
    cleanup(buffer_free) struct buffer xml = buffer_new(S3_LARGEST_ANSWER);
    struct s3_object object;
    if (check_wanted(s3, err) < 0 || s3_find_object(s3, &object, err) < 0 ||
        s3_check_customer_key(s3, &object.sealing, err) < 0)
        return -1;
    const char *class = s3_object_header(s3, &object, "x-amz-storage-class");
    buffer_text(&xml, S3_XML_HEAD "<GetObjectAttributesResponse " S3_NAMESPACE ">");
    if (wants(s3, "ETag"))
        buffer_format(&xml, "<ETag>%s</ETag>", object.etag);
    if (wants(s3, "Checksum"))
        write_checksum(s3, &object, &xml);
    if (wants(s3, "ObjectParts") && write_parts(s3, &object, &xml, err) < 0)
        return -1;
    if (wants(s3, "StorageClass"))
        buffer_format(&xml, "<StorageClass>%s</StorageClass>", class ? class : "STANDARD");
    if (wants(s3, "ObjectSize"))
        buffer_format(&xml, "<ObjectSize>%lld</ObjectSize>", (long long)object.size);
    buffer_text(&xml, "</GetObjectAttributesResponse>");
    s3_answer_header(s3, "Last-Modified", clock_http(s3->arena, object.modified_ms));
    s3_answer_version(s3, object.version);
    return s3_answer_xml(s3, &xml, err);
}
