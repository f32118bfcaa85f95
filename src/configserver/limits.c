#include "configserver/limits.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE };
#define DAY     (24LL * HOUR)
#define LONGEST (365 * DAY)

#define LIMIT(member, json, low, high, why) \
    FIELD_INTEGER(struct limits, member, json, OPTIONAL, low, high, why)

const struct limits limits_default = {
    .boot_longest = 20 * MINUTE,
    .drain_longest = 5 * MINUTE,
    .host_silent = 30 * SECOND,
    .host_down_grace = 5 * MINUTE,
    .node_down_grace = 10 * MINUTE,
    .suspended_factor = 4,
    .suspended_longest = 2 * HOUR,
    .retired_longest = 4 * DAY,
    .inactive_kept = 4 * HOUR,
    .failed_kept = 10 * MINUTE,
    .deprovisioned_kept = 7 * DAY,
    .account_failures = 2,
    .account_failures_percent = 10,
    .cluster_failures_percent = 20,
    .container_suspended_percent = 10,
    .account_launches = 100,
    .watch_instances = 15 * SECOND,
    .watch_instances_eager = 500,
    .watch_balancers = 10 * SECOND,
    .watch_balancers_eager = 300,
    .watch_events = 60 * SECOND,
    .sweep = 60 * SECOND,
    .orphan_age = 2 * MINUTE,
};

static const struct field limits_fields[] = {
    LIMIT(boot_longest, "bootLongest", SECOND, DAY,
          "a host boots in a minute; an image that must be copied to the region's disks takes some more"),
    LIMIT(drain_longest, "drainLongest", 0, DAY,
          "a rotated log is megabytes; longer than this and the archive or its key is broken, which the host "
          "says"),
    LIMIT(host_silent, "hostSilent", SECOND, HOUR,
          "hosts send a heartbeat every 10 s: three lost in a row is no jitter"),
    LIMIT(
        host_down_grace, "hostDownGrace", 0, DAY,
        "a reboot is over by then; a replacement takes minutes and moves data, so not at the first silence"),
    LIMIT(node_down_grace, "nodeDownGrace", 0, DAY,
          "as the host's, but a service may also be loading its index"),
    LIMIT(suspended_factor, "suspendedFactor", 1, 100, "it told us that it would be down"),
    LIMIT(suspended_longest, "suspendedLongest", MINUTE, LONGEST,
          "a host that died while suspended must not hold its group's turn forever"),
    LIMIT(retired_longest, "retiredLongest", MINUTE, LONGEST,
          "moving a full disk's documents takes hours, never days"),
    LIMIT(inactive_kept, "inactiveKept", 0, LONGEST,
          "a removed content cluster that was a mistake can be deployed again without losing its data"),
    LIMIT(failed_kept, "failedKept", 0, LONGEST,
          "long enough to park it for a look; it costs money meanwhile"),
    LIMIT(deprovisioned_kept, "deprovisionedKept", 0, LONGEST, "for whoever asks what became of a host"),
    LIMIT(account_failures, "accountFailures", 1, 10000,
          "small accounts too may lose a host or two without a person"),
    LIMIT(account_failures_percent, "accountFailuresPercent", 0, 100,
          "more at once is no hosts' failure but a network's or ours, and replacing all would make it worse"),
    LIMIT(cluster_failures_percent, "clusterFailuresPercent", 0, 100,
          "a cluster that loses more at once needs its nodes back, not new empty ones"),
    LIMIT(container_suspended_percent, "containerSuspendedPercent", 1, 100,
          "capacity a cluster can spare during maintenance"),
    LIMIT(account_launches, "accountLaunches", 1, 100000,
          "one account's growth must not fill our memory and threads with its boots"),
    LIMIT(watch_instances, "watchInstances", SECOND, DAY,
          "one DescribeInstances per account; silence and events make us look sooner"),
    LIMIT(watch_instances_eager, "watchInstancesEager", 50, HOUR,
          "while an instance has not told its addresses"),
    LIMIT(watch_balancers, "watchBalancers", SECOND, DAY,
          "somebody may have changed targets behind our back"),
    LIMIT(watch_balancers_eager, "watchBalancersEager", 50, HOUR, "while targets are not all healthy"),
    LIMIT(watch_events, "watchEvents", SECOND, DAY,
          "AWS announces retirements days, sometimes minutes, before"),
    LIMIT(sweep, "sweep", SECOND, DAY, "a missed event costs this much and no more"),
    LIMIT(orphan_age, "orphanAge", 0, DAY,
          "a launch whose answer was lost is asked again by its token first"),
    FIELD_END,
};
const struct record limits_record = {"limits", sizeof(struct limits), limits_fields};
