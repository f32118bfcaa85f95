/* The first bytes of what a load balancer's target answers to a health check, and the statuses asked for. */
#include "localaws/plane/balance.h"

#include "base/memory.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    cleanup(memory_free) char *text = memory_alloc(length + 1);
    if (length)
        memcpy(text, bytes, length);
    check_matches(text, check_status((const char *)bytes, length));
    return 0;
}
