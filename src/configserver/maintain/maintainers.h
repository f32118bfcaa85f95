/* Maintainers make the actual like the wanted. Each looks at everything it cares for, every time
 * (level-triggered), so that a missed event or a crash costs seconds and nothing else. Those that talk to a
 * cloud account run on that account's own thread: its trouble stays its own. */
#ifndef CONFIGSERVER_MAINTAINERS_H
#define CONFIGSERVER_MAINTAINERS_H

#include "configserver/decide/verdict.h"
#include "configserver/zone.h"

/* What needs no cloud: each step moves records of one application along in the caller's transaction, and sees
 * what the steps before it did. In the order of the table in applications.c. */
typedef void application_step(struct zone *zone, struct transaction *transaction,
                              const struct application *application);
application_step judge_health;           /* health.c: who is down, who shall be replaced, within the limits */
application_step allocate_application;   /* decide/allocate.h */
application_step move_hosts, move_nodes; /* nodes.c: activation, leaving, expiry */
int forget_hosts(struct zone *zone, struct error *err); /* that are deprovisioned for long enough; nodes.c */
application_step
    settle_load_balancers; /* load_balancer_wishes.c: which there shall be, which may be announced */
application_step settle_application; /* applications.c: converged, gone */

/* All of them, for one application or for every one, in a transaction an application. */
int application_pass(struct zone *zone, const char *application, struct error *err);
int zone_pass(struct zone *zone, struct error *err);

/* A cloud account's maintainers. */
struct account_pass {
    struct zone *zone;
    const struct account *account;
    struct arena *arena; /* for this pass */
};
typedef int account_maintainer(struct account_pass *pass, struct error *err);

account_maintainer launch_hosts, watch_instances, watch_events, terminate_hosts,
    remove_left_disks; /* hosts_*.c */
account_maintainer make_load_balancers, wire_load_balancers, remove_load_balancers, watch_load_balancers,
    mend_load_balancers; /* load_balancer*.c */

/* Whether an account has something that waits for the maintainer; decides how soon it runs again. */
typedef bool account_unfinished(const struct view *view, const char *account, int64_t now_ms);
account_unfinished hosts_to_launch, instances_to_watch, events_to_watch, hosts_to_terminate;
account_unfinished load_balancers_to_make, load_balancers_to_wire, load_balancers_to_remove;

#endif
