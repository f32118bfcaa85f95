/* The headers that are kept with an object: those of the request that made it, and its checksum. */
#include "base/record.h"
#include "localaws/s3/object_calls.h"

#include <string.h>

static json_t *parse(struct s3_call *s3, const struct s3_object *object)
{
    json_t *headers = NULL;
    if (json_parse(s3->arena, object->headers, strlen(object->headers), &headers, NULL) < 0)
        return NULL;
    return headers;
}

const char *s3_object_header(struct s3_call *s3, const struct s3_object *object, const char *name)
{
    return json_member_text(parse(s3, object), name);
}

void s3_object_set_header(struct s3_call *s3, struct s3_object *object, const char *name, const char *value)
{
    json_t *headers = parse(s3, object);
    if (value)
        json_object_set_new(headers, name, json_string(value));
    else
        json_object_del(headers, name);
    object->headers = json_text(s3->arena, headers);
}

void s3_write_object(struct s3_call *s3, struct buffer *xml, const struct s3_object *object)
{
    const char *checksum = s3_object_checksum(s3, object);
    const char *class = s3_object_header(s3, object, "x-amz-storage-class");
    buffer_format(xml, "<LastModified>%s</LastModified><ETag>&quot;%s&quot;</ETag>",
                  s3_time(s3->arena, object->modified_ms), object->etag);
    if (checksum)
        buffer_format(xml, "<ChecksumAlgorithm>%s</ChecksumAlgorithm><ChecksumType>%s</ChecksumType>",
                      s3_checksum_algorithm(checksum), s3_object_header(s3, object, "x-amz-checksum-type"));
    buffer_format(xml, "<Size>%lld</Size><StorageClass>%s</StorageClass>", (long long)object->size,
                  class ? class : "STANDARD");
}

/* But not how it was stored: a copy's class and checksum are its own. */
void s3_object_copy_headers(struct s3_call *s3, struct s3_object *to, const struct s3_object *from)
{
    const char *class = s3_object_header(s3, to, "x-amz-storage-class");
    json_t *headers = parse(s3, from);
    const char *name;
    json_t *value;
    void *next;
    json_object_foreach_safe(headers, next, name, value)
        if (text_starts(name, "x-amz-checksum-"))
            json_object_del(headers, name);
    to->headers = json_text(s3->arena, headers);
    s3_object_set_header(s3, to, "x-amz-storage-class", class);
}
