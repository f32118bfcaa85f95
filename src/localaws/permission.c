/* May the caller do this? Identity policies of the user or role, and the resource's own policy where it has one. */
#include "localaws/region.h"

int call_authorize(struct call *call, const char *action, const char *resource, const char *const *context,
                   struct error *err)
{
    (void)context;
    if (call->caller->kind == CALLER_ROOT)
        return 0;
    return call_fail(call, err, 403, "AccessDenied", "User: %s is not authorized to perform: %s on resource: %s",
                     call->caller->arn, action, resource);
}
