#include "configserver/limits.h"

#include "base/text.h"
#include "zone/host_config.h"

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
    .connections_drain = 15 * SECOND,
    .retired_longest = 4 * DAY,
    .inactive_kept = 4 * HOUR,
    .failed_kept = 10 * MINUTE,
    .deprovisioned_kept = 7 * DAY,
    .account_failures = 2,
    .account_failures_percent = 10,
    .cluster_failures_percent = 20,
    .container_suspended_percent = 10,
    .application_hosts = 1000,
    .deploy_trouble = 5 * MINUTE,
    .deploy_longest = HOUR,
    .account_launches = 1000,
    .launch_batch = 50,
    .wishes_for_impaired = 2,
    .relaunch_first = 4 * SECOND,
    .relaunch_longest = 5 * MINUTE,
    .capacity_retry = 15 * SECOND,
    .appear_longest = 60 * SECOND,
    .place_kept = 60 * SECOND,
    .account_threads = 16,
    .aws_call_longest = 15 * SECOND,
    .watch_instances = 15 * SECOND,
    .watch_instances_eager = 500,
    .watch_balancers = 10 * SECOND,
    .watch_balancers_eager = 300,
    .watch_events = 60 * SECOND,
    .watch_events_eager = 10 * SECOND,
    .event_near = 90 * SECOND,
    .list_balancers = 60 * SECOND,
    .mend_balancers = 15 * MINUTE,
    .look_for_disks = HOUR,
    .watch_empty = 5 * MINUTE,
    .account_look = 5 * SECOND,
    .sweep = 60 * SECOND,
    .store_session = 2500,
    .orphan_age = 2 * MINUTE,
    .disk_orphan_age = HOUR,
};

static const struct field limits_fields[] = {
    LIMIT(boot_longest, "bootLongest", SECOND, DAY,
          "a host boots in a minute; an image that must be copied to the region's disks takes some more"),
    LIMIT(drain_longest, "drainLongest", 0, DAY,
          "a rotated log is megabytes; longer than this and the archive or its key is broken, which the host "
          "says"),
    LIMIT(host_silent, "hostSilent", 12 * SECOND, HOUR,
          "hosts send a heartbeat every 10 s: three lost in a row is no jitter"),
    LIMIT(
        host_down_grace, "hostDownGrace", 0, DAY,
        "a reboot is over by then; a replacement takes minutes and moves data, so not at the first silence"),
    LIMIT(node_down_grace, "nodeDownGrace", 0, DAY,
          "as the host's, but a service may also be loading its index"),
    LIMIT(suspended_factor, "suspendedFactor", 1, 100, "it told us that it would be down"),
    LIMIT(suspended_longest, "suspendedLongest", MINUTE, LONGEST,
          "a host that died while suspended must not hold its group's turn forever"),
    LIMIT(connections_drain, "connectionsDrain", 0, HOUR,
          "what a node answers takes less; a client that keeps a connection for longer has to open another"),
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
          "as many as EC2 starts at once; an image that does not boot costs no more than that"),
    LIMIT(application_hosts, "applicationHosts", 1, 100000,
          "a mistyped count is somebody's bill; whoever needs more asks the operator first"),
    LIMIT(deploy_trouble, "deployTrouble", 0, DAY,
          "trouble that a minute's patience does not cure needs a person, who waits for the answer"),
    LIMIT(deploy_longest, "deployLongest", MINUTE, LONGEST,
          "hosts boot in minutes; what is not there after an hour is not coming, whatever the reason"),
    LIMIT(
        launch_batch, "launchBatch", 1, HOSTS_LAUNCHED_MOST,
        "EC2 takes two calls a second but 1,000 instances at once; hosts of a call share zone and type, and "
        "either all or none is there"),
    LIMIT(wishes_for_impaired, "wishesForImpaired", 1, 10000,
          "more at once is AWS's trouble with a zone, which new hosts there would have, too"),
    LIMIT(relaunch_first, "relaunchFirst", 100, HOUR, "what failed at once may fail again"),
    LIMIT(relaunch_longest, "relaunchLongest", SECOND, DAY,
          "a key or image that is put right is noticed within this"),
    LIMIT(capacity_retry, "capacityRetry", SECOND, HOUR,
          "capacity comes back in minutes; each look costs a call a type and zone"),
    LIMIT(appear_longest, "appearLongest", 0, HOUR,
          "DescribeInstances may be behind RunInstances, by seconds"),
    LIMIT(place_kept, "placeKept", 0, HOUR,
          "Terraform seldom changes it; deployments and launches that fail look at once"),
    LIMIT(aws_call_longest, "awsCallLongest", SECOND, 10 * MINUTE,
          "the slowest, a launch of many, answers in a few; who does not answer keeps a thread so long"),
    LIMIT(account_threads, "accountThreads", 2, 256,
          "a thousand accounts asked every 15 s keep four busy; the others are for those that answer slowly"),
    LIMIT(watch_instances, "watchInstances", SECOND, DAY,
          "one DescribeInstances per account; silence and events make us look sooner"),
    LIMIT(watch_instances_eager, "watchInstancesEager", 50, HOUR,
          "while an instance has not told its addresses"),
    LIMIT(watch_balancers, "watchBalancers", SECOND, DAY,
          "somebody may have changed targets behind our back"),
    LIMIT(watch_balancers_eager, "watchBalancersEager", 50, HOUR, "while targets are not all healthy"),
    LIMIT(watch_events, "watchEvents", SECOND, DAY,
          "AWS announces retirements days, sometimes minutes, before"),
    LIMIT(watch_events_eager, "watchEventsEager", SECOND, DAY,
          "while a host takes longer to boot than most: AWS may say that it never will"),
    LIMIT(event_near, "eventNear", 0, DAY,
          "before AWS reboots a machine it may be down: a look at events is a minute off at most"),
    LIMIT(list_balancers, "listBalancers", SECOND, DAY,
          "one that somebody deleted serves nobody until it is made again; three calls an account"),
    LIMIT(mend_balancers, "mendBalancers", SECOND, DAY,
          "a dozen calls each, for what nobody is supposed to change"),
    LIMIT(look_for_disks, "lookForDisks", MINUTE, DAY, "a forgotten disk costs cents an hour"),
    LIMIT(watch_empty, "watchEmpty", SECOND, DAY,
          "what an account may have without a record is only what was launched as its last host left"),
    LIMIT(account_look, "accountLook", 100, HOUR,
          "what comes due by time alone, as a launch that waits, is noticed within this"),
    LIMIT(sweep, "sweep", SECOND, DAY, "a missed event costs this much and no more"),
    LIMIT(
        store_session, "storeSession", SECOND, MINUTE,
        "a leader that died is replaced after this; shorter, and a busy machine loses the lead for nothing"),
    LIMIT(disk_orphan_age, "diskOrphanAge", MINUTE, LONGEST,
          "a disk is made a moment before its instance, and freed with it"),
    LIMIT(orphan_age, "orphanAge", 0, DAY,
          "a launch whose answer was lost is asked again by its token first"),
    FIELD_END,
};
const struct record limits_record = {"limits", sizeof(struct limits), limits_fields};

static bool is_limit(const char *name)
{
    for (const struct field *field = limits_fields; field->name; field++)
        if (text_equal(field->name, name))
            return true;
    return false;
}

int limits_read(struct arena *arena, json_t *json, struct limits *limits, struct error *err)
{
    const char *name;
    json_t *value;
    struct limits next = *limits;
    json_object_foreach(json, name, value) {
        if (!is_limit(name))
            return error_set(err, ERROR_INVALID,
                             "\"limits\": there is no limit '%.64s'; see enclave-configserver --limits",
                             name);
    }
    if (record_read(&limits_record, arena, json, &next, err) < 0)
        return error_context(err, "\"limits\"");
    *limits = next;
    return 0;
}
