/* How much an account may have: AWS's standard quotas of network load balancers. */
#include "localaws/elb/elb.h"

#include "base/text.h"

static const struct {
    const char *name, *most;
} limits[] = {
    {"target-groups", "3000"},
    {"network-load-balancers", "50"},
    {"targets-per-network-load-balancer", "3000"},
    {"targets-per-availability-zone-per-network-load-balancer", "500"},
    {"listeners-per-network-load-balancer", "50"},
    {"certificates-per-network-load-balancer", "25"},
    {"target-groups-per-action-on-network-load-balancer", "1"},
    {"target-id-registrations-per-network-load-balancer", "1000"},
};

int elb_describe_limits(struct call *call, struct error *err)
{
    int64_t most, from;
    if (call_number(call, "PageSize", 1, 400, 400, &most, err) < 0 ||
        call_number(call, "Marker", 0, COUNT_OF(limits), 0, &from, err) < 0)
        return -1;
    size_t at = (size_t)from;
    put_open(&call->answer, "Limits");
    for (; at < COUNT_OF(limits) && at < (size_t)(from + most); at++) {
        put_open(&call->answer, "member");
        put_text(&call->answer, "Name", limits[at].name);
        put_text(&call->answer, "Max", limits[at].most);
        put_close(&call->answer, "member");
    }
    put_close(&call->answer, "Limits");
    if (at < COUNT_OF(limits))
        put_number(&call->answer, "NextMarker", (int64_t)at);
    return 0;
}
