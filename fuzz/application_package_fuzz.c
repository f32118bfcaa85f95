/* An application package as a deployer sends it: refused with a reason, or read. */
#include "zone/application_package.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct application_package package;
    const struct zone_id zone = {"dev", "aws-us-east-1c"};
    const char *account;
    if (application_package_read(arena, bytes, length, &package, NULL) == 0)
        application_package_account(arena, &package, &zone, "default", &account, NULL);
    return 0;
}
