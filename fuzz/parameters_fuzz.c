/* The body of a query-protocol call. */
#include "localaws/front/parameters.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct parameters *parameters;
    if (parameters_parse(arena, arena_strndup(arena, (const char *)bytes, length), &parameters, NULL) == 0) {
        parameters_get(parameters, "Action");
        parameters_get(parameters, "");
    }
    return 0;
}
