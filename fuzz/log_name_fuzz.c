/* Names in a container's log directory, which become parts of object keys. */
#include "host/rotation.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    const char *name = arena_strndup(arena, (const char *)bytes, length);
    if (!log_name_is_valid(name))
        return 0;
    const char *rotated = log_rotated_name(arena, name, 1767322986000);
    if (strchr(rotated, '/') || rotated[0] == '.' || rotated[0] == '-' || log_name_is_live(rotated))
        abort();
    return 0;
}
