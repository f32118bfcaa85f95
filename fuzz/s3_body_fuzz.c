/* What S3's clients send beside plain bytes: aws-chunked bodies, in portions; tag sets; ranges;
 * configuration. */
#include "localaws/s3/chunked.h"
#include "localaws/s3/documents.h"
#include "localaws/s3/range.h"
#include "localaws/s3/tags.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static int ignore(void *context, const void *bytes, size_t length, struct error *err)
{
    (void)bytes, (void)err;
    *(size_t *)context += length;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    const char *text = arena_strndup(arena, (const char *)bytes, length);
    struct chunked chunked = {.arena = arena};
    size_t decoded = 0, portion = length ? bytes[0] % 64 + 1u : 1;
    for (size_t at = 0; at < length; at += portion)
        if (chunked_feed(&chunked, (const char *)bytes + at, length - at < portion ? length - at : portion,
                         ignore, &decoded, NULL) < 0)
            break;
    if (decoded > length)
        __builtin_trap();
    struct byte_range range = byte_range_parse(text, 1000);
    if (range.kind == RANGE_PART && (range.length == 0 || range.first + range.length > 1000))
        __builtin_trap();
    char *tags;
    s3_tags_parse(arena, text, &tags, NULL);
    s3_tags_read(arena, text, length, S3_TAGS_OF_OBJECT, &tags, NULL);
    s3_document_check(S3_ENCRYPTION, text, length, NULL);
    s3_document_check(S3_LIFECYCLE, text, length, NULL);
    return 0;
}
