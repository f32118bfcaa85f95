/* The lives of hosts, nodes and load balancers. Every change of a state goes through one of the three
 * functions here, and each is one table of what may become of what, on which event, if what holds. Nothing
 * here does I/O: an effect only changes the record it is given. */
#ifndef CONFIGSERVER_LIFE_H
#define CONFIGSERVER_LIFE_H

#include "configserver/records/records.h"

enum host_event {
    HOST_LAUNCHED,      /* the cloud has an instance for it */
    HOST_REACHED_US,    /* it called through the tunnel */
    HOST_ACTIVATE,      /* its nodes may run */
    HOST_LOST,          /* its instance is gone or never came to us */
    HOST_RELEASE,       /* its application leaves */
    HOST_DRAINED,       /* it says that all its logs are archived */
    HOST_DRAIN_EXPIRED, /* it had long enough */
    HOST_TERMINATED,    /* the cloud has no instance of it any more */
};

enum node_event {
    NODE_ACTIVATE,
    NODE_HOST_LOST, /* its host starts over */
    NODE_RETIRE,
};

enum load_balancer_event {
    LOAD_BALANCER_PROVISIONED,
    LOAD_BALANCER_REMOVE,
    LOAD_BALANCER_REMOVED,
};

/* Launching again waits longer after each instance that ended before it came to us. */
int64_t host_launch_due(const struct host *host);

/* The record changed, or ERROR_CONFLICT when its state does not allow the event. */
int host_apply(struct host *host, enum host_event event, int64_t now_ms, struct error *err);
int node_apply(struct node *node, enum node_event event, int64_t now_ms, struct error *err);
int load_balancer_apply(struct load_balancer *balancer, enum load_balancer_event event, int64_t now_ms,
                        struct error *err);

#endif
