/* What S3's clients send beside plain bytes: aws-chunked bodies, signed and not, in portions; tag sets;
 * ranges; configurations. */
#include "localaws/s3/chunked.h"
#include "localaws/s3/documents.h"
#include "localaws/s3/lifecycle_rules.h"
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

/* With `signature` each chunk needs its own: none of them can be guessed, so no body ends well. */
static void feed(struct arena *arena, const uint8_t *bytes, size_t length,
                 const struct call_signature *signature)
{
    struct chunked chunked = {.arena = arena,
                              .signing = signature ? chunk_signing_new(arena, signature) : NULL};
    size_t decoded = 0, portion = length ? bytes[0] % 64 + 1u : 1;
    int result = 0;
    for (size_t at = 0; at < length && result == 0; at += portion)
        result = chunked_feed(&chunked, (const char *)bytes + at,
                              length - at < portion ? length - at : portion, ignore, &decoded, NULL);
    if (decoded > length || (signature && result == 0 && chunked_whole(&chunked)))
        __builtin_trap();
}

static void read_lifecycle(struct arena *arena, const char *text, size_t length)
{
    const struct s3_object object = {.key = "logs/a", .tags = "k=v&l=w", .size = 7, .modified_ms = 1};
    struct s3_lifecycle_rule *rules;
    size_t count;
    if (s3_lifecycle_read(arena, text, length, &rules, &count, NULL) < 0)
        return;
    for (size_t i = 0; i < count; i++)
        if (s3_lifecycle_expiry(&rules[i], &object) < 0)
            __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    const char *text = arena_strndup(arena, (const char *)bytes, length);
    const struct call_signature signature = {
        .amz_date = "20130524T000000Z", .scope = "20130524/us-east-1/s3/aws4_request", .signature = "00"};
    feed(arena, bytes, length, NULL);
    feed(arena, bytes, length, &signature);
    struct byte_range range = byte_range_parse(text, 1000);
    if (range.kind == RANGE_PART && (range.length == 0 || range.first + range.length > 1000))
        __builtin_trap();
    char *tags;
    s3_tags_parse(arena, text, &tags, NULL);
    s3_tags_read(arena, text, length, S3_TAGS_OF_OBJECT, &tags, NULL);
    for (int kind = 0; kind < S3_DOCUMENTS; kind++)
        s3_document_check((enum s3_document)kind, text, length, NULL);
    read_lifecycle(arena, text, length);
    return 0;
}
