/* What EC2 offers around instances and this region does not have: said so, instead of being an unknown
 * action, and nothing of it is there to be described. */
#include "localaws/ec2/ec2.h"

int unsupported(struct call *call, struct error *err)
{
    return call_fail(call, err, 400, "UnsupportedOperation",
                     "%s is not supported here: images are the region's own and volumes have no "
                     "snapshots",
                     call->action);
}

static int put_nothing(struct call *call, const char *set)
{
    put_open(&call->answer, set);
    put_close(&call->answer, set);
    return 0;
}

int snapshots_describe(struct call *call, struct error *err)
{
    const char *id = call_parameter(call, "SnapshotId.1");
    if (id)
        return call_fail(call, err, 400, "InvalidSnapshot.NotFound", "The snapshot '%s' does not exist.", id);
    return put_nothing(call, "snapshotSet");
}
