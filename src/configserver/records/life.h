/* The lives of hosts, nodes and load balancers. Every change of a state goes through one of the three
 * functions here, and each is one table of what may become of what, on which event, if what holds. Each
 * leaves a line in the record's history, with who made it happen and why. Nothing here does I/O: an effect
 * only changes the record it is given. */
#ifndef CONFIGSERVER_LIFE_H
#define CONFIGSERVER_LIFE_H

#include "configserver/records/records.h"

enum host_event {
    HOST_LAUNCHED,      /* the cloud has an instance for it */
    HOST_REACHED_US,    /* it called through the tunnel */
    HOST_ACTIVATE,      /* its node may run */
    HOST_LOST,          /* its instance is gone, or never came to us: it starts over with another */
    HOST_WISH_RETIRE,   /* it shall be replaced, then leave */
    HOST_WISH_FAIL,     /* it is broken: replaced, then it leaves */
    HOST_UNWISH,        /* neither any more */
    HOST_WENT_DOWN,     /* it is silent */
    HOST_CAME_UP,       /* it is heard again */
    HOST_SUSPEND,       /* it may be down for maintenance */
    HOST_RESUME,        /* it is back from maintenance */
    HOST_FAIL,          /* its replacement serves: it is out */
    HOST_PARK,          /* an operator keeps it */
    HOST_RELEASE,       /* its node has left, or its application leaves */
    HOST_DRAINED,       /* it says that all its logs are archived */
    HOST_DRAIN_EXPIRED, /* it had long enough */
    HOST_TERMINATED,    /* the cloud has no instance of it any more */
    HOST_FORGET,        /* remembered long enough */
    HOST_WANT_REBOOT,   /* when it can be missed */
    HOST_REBOOTED,      /* it says so */
};

enum node_event {
    NODE_ACTIVATE,
    NODE_HOST_LOST, /* its host starts over, or is gone: what it had is lost */
    NODE_RETIRE,    /* to be replaced or not wanted: leaves when that costs nothing */
    NODE_UNRETIRE,  /* wanted after all */
    NODE_WENT_DOWN, /* its service does not answer */
    NODE_CAME_UP,
    NODE_SUSPEND, /* it may be down for maintenance */
    NODE_RESUME,
    NODE_PART,       /* about to leave: no load balancer sends it new connections */
    NODE_STAY,       /* needed after all */
    NODE_DEACTIVATE, /* retired and replaced, or its cluster is gone */
    NODE_REACTIVATE, /* wanted again while it still has its data */
    NODE_FAIL,       /* broken and replaced */
    NODE_PARK,
    NODE_RELEASE,      /* not to come back: archive the logs and go */
    NODE_REMOVED,      /* its host is gone */
    NODE_WANT_RESTART, /* when it can be missed */
    NODE_RESTARTED,    /* its host says so */
};

enum load_balancer_event {
    LOAD_BALANCER_PROVISIONED,
    LOAD_BALANCER_LOST,       /* somebody deleted it behind our back: made again */
    LOAD_BALANCER_DEACTIVATE, /* its cluster is gone */
    LOAD_BALANCER_REACTIVATE, /* its cluster is back */
    LOAD_BALANCER_REMOVE,     /* nothing serves behind it any more, or its application leaves */
    LOAD_BALANCER_REMOVED,
};

/* Who, when, why; the arena is of the transaction, for the longer history. */
struct cause {
    struct arena *arena;
    int64_t at;
    enum agent agent;
    const char *reason; /* may be NULL */
};

/* The first state of a new record: wanted, reserved, wanted. */
void host_begin(struct host *host, const struct cause *cause);
void node_begin(struct node *node, const struct cause *cause);
void load_balancer_begin(struct load_balancer *balancer, const struct cause *cause);

/* The record changed, or ERROR_CONFLICT when its state does not allow the event. */
int host_apply(struct host *host, enum host_event event, const struct cause *cause, struct error *err);
int node_apply(struct node *node, enum node_event event, const struct cause *cause, struct error *err);
int load_balancer_apply(struct load_balancer *balancer, enum load_balancer_event event,
                        const struct cause *cause, struct error *err);

/* When it happened to it last, by whom and why; NULL when its history does not say (any more). */
const struct event *host_last_event(const struct host *host, enum host_event event);

/* What must hold of a record by itself in whatever state it is; NULL, or what does not hold. Checked for each
 * record a transaction writes. */
const char *record_broken_rule(enum record_kind kind, const void *record);

/* Has an instance that runs or may run. */
bool host_is_up(const struct host *host);      /* provisioned to parked */
bool host_is_leaving(const struct host *host); /* deprovisioning or later */
/* Counts as one of its cluster's nodes: it is or shall be active, and nothing wants it away. */
bool node_is_wanted(const struct node *node, const struct host *host);

#endif
