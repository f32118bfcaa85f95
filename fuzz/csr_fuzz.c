/* A certificate signing request as zts gets it. */
#include "identity/certificate.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct csr csr;
    csr_parse(arena, arena_strndup(arena, (const char *)bytes, length), &csr, NULL);
    return 0;
}
