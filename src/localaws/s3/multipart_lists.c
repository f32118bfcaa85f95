/* ListParts and ListMultipartUploads, page by page. */
#include "localaws/s3/object_calls.h"

#include <string.h>

enum { MOST_LISTED = 1000 };

/* "max-parts", "max-uploads": at most a thousand. */
static int read_most(struct s3_call *s3, const char *name, size_t *most, struct error *err)
{
    const char *text = s3_query(s3, name);
    int64_t number = MOST_LISTED;
    if (text && text_number(text, 0, INT32_MAX, name, &number, NULL) < 0)
        return s3_fail(s3, err, 400, "InvalidArgument", "Provided %s not an integer or within integer range",
                       name);
    *most = number < MOST_LISTED ? (size_t)number : MOST_LISTED;
    return 0;
}

static const char *storage_class(struct s3_call *s3, const struct s3_object *upload)
{
    const char *class = s3_object_header(s3, upload, "x-amz-storage-class");
    return class ? class : "STANDARD";
}

static void write_part(struct s3_call *s3, struct buffer *xml, const struct s3_piece *piece,
                       const char *checksum)
{
    buffer_format(xml,
                  "<Part><PartNumber>%lld</PartNumber><LastModified>%s</LastModified>"
                  "<ETag>&quot;%s&quot;</ETag><Size>%lld</Size>",
                  (long long)piece->number, s3_time(s3->arena, piece->modified_ms), piece->etag,
                  (long long)piece->size);
    s3_write_checksum(xml, checksum, piece->checksum);
    buffer_text(xml, "</Part>");
}

static void write_parts_head(struct s3_call *s3, struct buffer *xml, const struct s3_object *upload)
{
    const char *checksum = s3_upload_checksum(s3, upload);
    buffer_format(xml, S3_XML_HEAD "<ListPartsResult " S3_NAMESPACE "><Bucket>%s</Bucket>", s3->bucket_name);
    s3_write_key(s3, xml, "Key", upload->key);
    buffer_format(xml, "<UploadId>%s</UploadId>", upload->id);
    s3_write_owner(xml, "Initiator", "", s3->bucket.owner);
    s3_write_owner(xml, "Owner", "", s3->bucket.owner);
    buffer_format(xml, "<StorageClass>%s</StorageClass>", storage_class(s3, upload));
    if (checksum)
        buffer_format(xml, "<ChecksumAlgorithm>%s</ChecksumAlgorithm><ChecksumType>%s</ChecksumType>",
                      s3_checksum_algorithm(checksum), s3_object_header(s3, upload, "x-amz-checksum-type"));
}

int s3_list_parts(struct s3_call *s3, struct error *err)
{
    cleanup(buffer_free) struct buffer xml = buffer_new(S3_LARGEST_ANSWER);
    const char *marker = s3_query(s3, "part-number-marker");
    struct s3_object upload;
    struct s3_piece *pieces;
    int64_t after = 0;
    size_t count, most, first = 0;
    if (marker && text_number(marker, 0, INT32_MAX, "part-number-marker", &after, NULL) < 0)
        return s3_fail(s3, err, 400, "InvalidArgument",
                       "Provided part-number-marker not an integer or within integer range");
    if (read_most(s3, "max-parts", &most, err) < 0 || s3_find_upload(s3, &upload, err) < 0 ||
        s3_store_pieces(s3->s3->store, s3->arena, upload.id, &pieces, &count, err) < 0)
        return -1;
    while (first < count && pieces[first].number <= after)
        first++;
    size_t end = count - first > most ? first + most : count;
    write_parts_head(s3, &xml, &upload);
    buffer_format(&xml,
                  "<PartNumberMarker>%lld</PartNumberMarker><NextPartNumberMarker>%lld</NextPartNumberMarker>"
                  "<MaxParts>%zu</MaxParts><IsTruncated>%s</IsTruncated>",
                  (long long)after, end > first ? (long long)pieces[end - 1].number : 0, most,
                  end < count ? "true" : "false");
    for (size_t i = first; i < end; i++)
        write_part(s3, &xml, &pieces[i], s3_upload_checksum(s3, &upload));
    buffer_text(&xml, "</ListPartsResult>");
    return s3_answer_xml(s3, &xml, err);
}

/* A page of uploads: like a listing of objects, rolled up behind a delimiter. */
struct page {
    const char *prefix, *delimiter, *key_marker, *id_marker;
    size_t most, listed;
    bool truncated;
    const char *last_common, *next_key, *next_id;
    struct buffer uploads, commons;
};

/* Uploads of the marker's key come up to the marker's id; without an id all of the key's have been. */
static bool is_after(const struct page *page, const struct s3_object *upload, bool *seen_id)
{
    int order = strcmp(upload->key, page->key_marker);
    if (order != 0 || !*page->id_marker)
        return order > 0;
    bool after = *seen_id;
    *seen_id |= text_equal(upload->id, page->id_marker);
    return after;
}

static const char *common_prefix(struct s3_call *s3, const struct page *page, const char *key)
{
    const char *at = text_empty(page->delimiter) ? NULL : strstr(key + strlen(page->prefix), page->delimiter);
    return at ? arena_strndup(s3->arena, key, (size_t)(at - key) + strlen(page->delimiter)) : NULL;
}

static void write_upload(struct s3_call *s3, struct buffer *xml, const struct s3_object *upload)
{
    const char *checksum = s3_upload_checksum(s3, upload);
    buffer_text(xml, "<Upload>");
    s3_write_key(s3, xml, "Key", upload->key);
    buffer_format(xml, "<UploadId>%s</UploadId>", upload->id);
    s3_write_owner(xml, "Initiator", "", s3->bucket.owner);
    s3_write_owner(xml, "Owner", "", s3->bucket.owner);
    buffer_format(xml, "<StorageClass>%s</StorageClass><Initiated>%s</Initiated>", storage_class(s3, upload),
                  s3_time(s3->arena, upload->modified_ms));
    if (checksum)
        buffer_format(xml, "<ChecksumAlgorithm>%s</ChecksumAlgorithm><ChecksumType>%s</ChecksumType>",
                      s3_checksum_algorithm(checksum), s3_object_header(s3, upload, "x-amz-checksum-type"));
    buffer_text(xml, "</Upload>");
}

/* false: the page is full. */
static bool list_upload(struct s3_call *s3, struct page *page, const struct s3_object *upload)
{
    const char *common = common_prefix(s3, page, upload->key);
    if (common && (text_equal(common, page->last_common) || strcmp(common, page->key_marker) <= 0))
        return true;
    if (page->listed == page->most) {
        page->truncated = true;
        return false;
    }
    page->listed++;
    page->next_key = common ? common : upload->key;
    page->next_id = common ? "" : upload->id;
    if (!common) {
        write_upload(s3, &page->uploads, upload);
        return true;
    }
    page->last_common = common;
    buffer_text(&page->commons, "<CommonPrefixes>");
    s3_write_key(s3, &page->commons, "Prefix", common);
    buffer_text(&page->commons, "</CommonPrefixes>");
    return true;
}

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

static void write_page(struct s3_call *s3, const struct page *page, struct buffer *xml)
{
    buffer_format(xml, S3_XML_HEAD "<ListMultipartUploadsResult " S3_NAMESPACE "><Bucket>%s</Bucket>",
                  s3->bucket_name);
    s3_write_key(s3, xml, "KeyMarker", page->key_marker);
    s3_write_key(s3, xml, "UploadIdMarker", page->id_marker);
    if (page->truncated) {
        s3_write_key(s3, xml, "NextKeyMarker", page->next_key);
        s3_write_key(s3, xml, "NextUploadIdMarker", page->next_id);
    }
    s3_write_key(s3, xml, "Prefix", page->prefix);
    if (!text_empty(page->delimiter))
        s3_write_key(s3, xml, "Delimiter", page->delimiter);
    if (s3_query(s3, "encoding-type"))
        buffer_text(xml, "<EncodingType>url</EncodingType>");
    buffer_format(xml, "<MaxUploads>%zu</MaxUploads><IsTruncated>%s</IsTruncated>", page->most,
                  page->truncated ? "true" : "false");
    buffer_append(xml, buffer_string(&page->uploads), page->uploads.length);
    buffer_append(xml, buffer_string(&page->commons), page->commons.length);
    buffer_text(xml, "</ListMultipartUploadsResult>");
}

static void free_page(void *object)
{
    struct page *page = object;
    buffer_free(&page->uploads);
    buffer_free(&page->commons);
}

int s3_list_uploads(struct s3_call *s3, struct error *err)
{
    cleanup(buffer_free) struct buffer xml = buffer_new(S3_LARGEST_ANSWER);
    struct page *page = arena_alloc(s3->arena, sizeof(*page));
    struct s3_object *uploads;
    size_t count;
    bool seen_id = false;
    arena_defer(s3->arena, free_page, page);
    *page = (struct page){
        .prefix = or_empty(s3_query(s3, "prefix")),
        .delimiter = s3_query(s3, "delimiter"),
        .key_marker = or_empty(s3_query(s3, "key-marker")),
        .id_marker = or_empty(s3_query(s3, "upload-id-marker")),
        .uploads = buffer_new(S3_LARGEST_ANSWER),
        .commons = buffer_new(S3_LARGEST_ANSWER),
    };
    if (read_most(s3, "max-uploads", &page->most, err) < 0 ||
        s3_store_uploads(s3->s3->store, s3->arena, s3->bucket.id, &uploads, &count, err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++)
        if (is_after(page, &uploads[i], &seen_id) && text_starts(uploads[i].key, page->prefix) &&
            !list_upload(s3, page, &uploads[i]))
            break;
    write_page(s3, page, &xml);
    return s3_answer_xml(s3, &xml, err);
}
