/* A peer's certificate: refused, or a principal or none. */
#include "identity/athenz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    gnutls_datum_t der = {(unsigned char *)(uintptr_t)bytes, (unsigned)length};
    struct certificate certificate;
    struct principal principal;
    if (certificate_parse_der(arena, &der, &certificate, NULL) == 0)
        principal_of(arena, &certificate, &principal, NULL);
    return 0;
}
