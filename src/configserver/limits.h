/* How long we wait, how often we look and how much may go wrong at once: configuration (member "limits"),
 * each with a default and the reason for it in limits.c, and shown by `enclave-configserver --limits`. All
 * times in milliseconds. */
#ifndef CONFIGSERVER_LIMITS_H
#define CONFIGSERVER_LIMITS_H

#include "base/record.h"

struct limits {
    /* hosts */
    int64_t boot_longest;  /* from launch to the first call through the tunnel */
    int64_t drain_longest; /* for a host's last logs */
    int64_t host_silent;   /* without a word: down */
    int64_t host_down_grace;
    int64_t node_down_grace;
    int64_t suspended_factor;  /* graces are this many times longer while suspended */
    int64_t suspended_longest; /* then a suspension lapses */
    int64_t connections_drain; /* between its load balancer's last new connection to a node and its end */
    int64_t retired_longest;   /* a retired node that will not let go of its data leaves all the same */
    int64_t inactive_kept;
    int64_t failed_kept;
    int64_t deprovisioned_kept;
    /* how much at once */
    int64_t account_failures; /* hosts given up at once in one account, at least */
    int64_t account_failures_percent;
    int64_t cluster_failures_percent; /* of a cluster's nodes, at least one */
    int64_t container_suspended_percent;
    int64_t application_hosts; /* an application may want */
    /* a deployment that waits longer has failed, though we keep trying */
    int64_t deploy_trouble, deploy_longest;
    int64_t account_launches;    /* hosts that were launched and have not come yet, at once in one account */
    int64_t launch_batch;        /* hosts launched by one call */
    int64_t wishes_for_impaired; /* hosts wanted away at once in an account because of AWS's status checks */
    int64_t aws_call_longest;    /* all its tries together */
    int64_t account_threads;     /* accounts looked after at once */
    /* how often */
    int64_t relaunch_first, relaunch_longest; /* after instances that ended before they came */
    int64_t capacity_retry;                   /* when no type and zone had capacity; doubled each time */
    int64_t appear_longest;                   /* until an instance is in the cloud's list */
    int64_t place_kept;                       /* what Terraform made is looked for again */
    int64_t watch_instances, watch_instances_eager, watch_balancers, watch_balancers_eager, watch_events,
        watch_events_eager;
    int64_t event_near;     /* a reboot that AWS announces for within this may be now */
    int64_t list_balancers; /* those that are there, against those that shall be */
    int64_t mend_balancers; /* their settings */
    int64_t look_for_disks; /* that are nobody's */
    int64_t watch_empty;    /* an account in which we have nothing, at most so often */
    int64_t account_look;   /* an account's records are looked at for what came due, event or not */
    int64_t sweep;          /* every record is looked at, event or not */
    int64_t store_session; /* of several config servers: one that the store has not heard for so long leads no
                              more */
    int64_t disk_orphan_age; /* since it was made; a person may look at one for a while */
    int64_t orphan_age;      /* an instance younger than this may be one we are about to write down */
};
extern const struct record limits_record;
extern const struct limits limits_default;

/* As the configuration says, on top of what they are. ERROR_INVALID for one that is out of its bounds, or
 * that there is none of: a limit misspelt would be the default without anybody noticing. */
int limits_read(struct arena *arena, json_t *json, struct limits *limits, struct error *err);

#endif
