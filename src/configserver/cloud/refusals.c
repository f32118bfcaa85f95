/* What EC2 means by refusing a launch.
 * Source: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html */
#include "base/text.h"
#include "configserver/cloud/cloud.h"

static bool is_any(const struct error *err, const char *const *codes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (text_equal(err->code, codes[i]))
            return true;
    return false;
}

bool cloud_lacks_capacity(const struct error *err)
{
    static const char *const codes[] = {"InsufficientInstanceCapacity",
                                        "InsufficientHostCapacity",
                                        "InsufficientCapacity",
                                        "InsufficientFreeAddressesInSubnet",
                                        "Unsupported",
                                        "InstanceLimitExceeded",
                                        "VcpuLimitExceeded"};
    return is_any(err, codes, COUNT_OF(codes));
}

bool cloud_quota_is_used(const struct error *err)
{
    static const char *const codes[] = {"InstanceLimitExceeded", "VcpuLimitExceeded"};
    return is_any(err, codes, COUNT_OF(codes));
}

bool cloud_token_is_used(const struct error *err)
{
    static const char *const codes[] = {"IdempotentParameterMismatch", "IdempotentInstanceTerminated"};
    return is_any(err, codes, COUNT_OF(codes));
}
