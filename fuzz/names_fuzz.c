/* DNS queries that instances send (localaws/plane/names_message.h). */
#include "localaws/plane/names_message.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static const char *const *resolve(void *context, struct arena *arena, const char *vpc_id, const char *name)
{
    static const char *const addresses[] = {"10.0.0.4", "2001:db8::4", "nonsense", NULL};
    (void)context, (void)arena, (void)vpc_id;
    return *name == 'x' ? NULL : addresses;
}

static const char *name_of(void *context, struct arena *arena, const char *vpc_id, const char *address)
{
    (void)context, (void)arena, (void)vpc_id, (void)address;
    return "ip-10-0-0-4.ec2.internal";
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    const struct plane_callbacks callbacks = {.resolve = resolve, .name_of = name_of};
    unsigned char answer[NAMES_UDP_LARGEST];
    if (length <= NAMES_TCP_LARGEST &&
        names_answer(&callbacks, "vpc-1", bytes, length, answer, sizeof answer) > sizeof answer)
        abort();
    return 0;
}
