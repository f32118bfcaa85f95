/* The checksums S3 keeps beside its objects: which one a request asks for, and what answers say of it. */
#include "localaws/s3/object_calls.h"

#include <string.h>
#include <strings.h>

static const struct {
    const char *algorithm, *header, *element;
} checksums[] = {
    {"CRC32", "x-amz-checksum-crc32", "ChecksumCRC32"},
    {"CRC32C", "x-amz-checksum-crc32c", "ChecksumCRC32C"},
    {"CRC64NVME", "x-amz-checksum-crc64nvme", "ChecksumCRC64NVME"},
    {"SHA1", "x-amz-checksum-sha1", "ChecksumSHA1"},
    {"SHA256", "x-amz-checksum-sha256", "ChecksumSHA256"},
};

int s3_checksum_wanted(struct s3_call *s3, const char **name, struct error *err)
{
    const char *algorithm = s3_header(s3, "x-amz-checksum-algorithm");
    *name = NULL;
    if (!algorithm)
        return 0;
    for (size_t i = 0; i < COUNT_OF(checksums); i++)
        if (strcasecmp(checksums[i].algorithm, algorithm) == 0)
            *name = checksums[i].header;
    return *name ? 0
                 : s3_fail(s3, err, 400, "InvalidRequest",
                           "Checksum algorithm provided is unsupported. Please try again with any of the "
                           "valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]");
}

const char *s3_object_checksum(struct s3_call *s3, const struct s3_object *object)
{
    for (size_t i = 0; i < COUNT_OF(checksums); i++)
        if (s3_object_header(s3, object, checksums[i].header))
            return checksums[i].header;
    return NULL;
}

const char *s3_upload_checksum(struct s3_call *s3, const struct s3_object *upload)
{
    const char *algorithm = s3_object_header(s3, upload, "x-amz-checksum-algorithm");
    for (size_t i = 0; i < COUNT_OF(checksums); i++)
        if (text_equal(checksums[i].algorithm, algorithm))
            return checksums[i].header;
    return NULL;
}

const char *s3_checksum_element(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(checksums); i++)
        if (text_equal(checksums[i].header, name))
            return checksums[i].element;
    return NULL;
}

const char *s3_checksum_algorithm(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(checksums); i++)
        if (text_equal(checksums[i].header, name))
            return checksums[i].algorithm;
    return NULL;
}

void s3_write_checksum(struct buffer *xml, const char *name, const char *value)
{
    const char *element = s3_checksum_element(name);
    if (!element || !value)
        return;
    buffer_format(xml, "<%s>", element);
    buffer_xml(xml, value);
    buffer_format(xml, "</%s>", element);
}
