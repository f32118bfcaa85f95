/* An Authorization header and a presigned query. */
#include "aws/sigv4.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    char *text = arena_strndup(arena, (const char *)bytes, length);
    struct sigv4_claim claim;
    sigv4_claim_parse(arena, text, "", "20260102T030405Z", &claim, NULL);
    sigv4_claim_parse(arena, NULL, text, NULL, &claim, NULL);
    return 0;
}
