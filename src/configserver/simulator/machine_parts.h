/* A machine's parts, for the files that make it up. */
#ifndef SIMULATOR_MACHINE_PARTS_H
#define SIMULATOR_MACHINE_PARTS_H

#include "configserver/simulator/faults.h"
#include "configserver/simulator/machine.h"
#include "configserver/simulator/server.h"
#include "zone/host_spec.h"

enum service { SERVICE_NONE, SERVICE_STARTING, SERVICE_UP, SERVICE_STOPPED };

struct machine {
    struct world *world;
    struct sim_instance *instance;
    struct chance chance;
    char key[48];
    struct machine_fate fate;
    int64_t addresses_ms, boots_ms;
    int64_t looks_ms; /* when it looks next; 0: not */
    int occurrences;  /* that will come */
    bool published, ready;
    bool asks;        /* for its spec, when it looks next: something may be new */
    int64_t sequence; /* of the zone's last change that the spec it follows was made of */
    bool said_broken; /* that it fails hard */
    int64_t cut_until_ms, broken_until_ms;
    bool hangs, fails_hard;
    /* its node */
    char node[128], image[128];
    enum service service;
    int64_t service_changes_ms; /* it is up then */
    int64_t serves_since_ms;
    int64_t lost_ms;       /* it ceased to serve then, by itself; 0: never */
    int64_t data_moved_ms; /* retired: the others have its documents then; 0: it is not */
    int64_t drained_ms;    /* asked to drain: it has then; 0: it is not */
    uint64_t reported;     /* hash of what its node's last report that arrived said */
    bool reported_drained;
    /* what it is down for with permission */
    bool wants_hands;            /* somebody is to work on it */
    bool was_maintained;         /* and did; it says that it is back */
    bool hosts_own;              /* the whole host is away, not only its node */
    int64_t away_until_ms;       /* 0: it is not away */
    int64_t restarted, rebooted; /* generations carried out; -1: none asked for yet */
    int64_t restarts_to, reboots_to;
};

void machine_look_in(struct machine *machine, int64_t wait_ms);

/* machine_maintenance.c: it asks before it is down for a restart, a reboot or somebody's hands, is, and says
 * when it is back. */
void maintenance_follow(struct machine *machine, struct process *process, const struct host_spec *spec);
/* Whether its node may be stopped for another image now. */
bool maintenance_may_change(struct machine *machine, struct process *process);
bool maintenance_is_on(const struct machine *machine);

#endif
