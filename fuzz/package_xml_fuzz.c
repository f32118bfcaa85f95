/* services.xml and deployment.xml themselves, without the zip around them that a fuzzer would have to guess: the first
 * byte says which. */
#include "zone/package_parts.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    if (length == 0)
        return 0;
    cleanup(arena_free) struct arena *arena = arena_new();
    bool services = bytes[0] & 1;
    struct package_file file = {.path = services ? "services.xml" : "deployment.xml",
                                .bytes = arena_strndup(arena, (const char *)bytes + 1, length - 1),
                                .length = length - 1};
    struct application_package package = {.files = &file, .file_count = 1};
    const struct zone_id dev = {"dev", "aws-us-east-1c"}, prod = {"prod", "aws-us-east-1c"};
    const char *account;
    if (services) {
        package_read_services(arena, &package, NULL);
    } else if (package_read_deployment(arena, &package, NULL) == 0) {
        application_package_account(arena, &package, &dev, "default", &account, NULL);
        application_package_account(arena, &package, &prod, "main", &account, NULL);
    }
    return 0;
}
