/* For tests: a cluster in any situation, written as a row of letters, one a node:
 *
 *   u  serves                     d  was up, is down              n  reserved: waits for its host
 *   s  was never up yet           x  up, may be down (suspended)  i  inactive
 *   r  retired, serves            m  and its documents have moved   R  retired, down
 *   f  to be failed, down         F  to be failed, but serves       b  up, reports HARD_FAIL
 *   l  serves, and its load balancer finds it healthy              L  that, and retired
 *   M  that, but its service went down since
 *   S  was never up yet, and its host is silent                    g  that, and to be failed
 *   p  parted, retired, not reached any more                        P  parted, retired, still reached
 *
 * '|' begins the next group. Afterwards: u active, p active and parting, n reserved, D dirty, I inactive, F
 * failed, P parked. */
#ifndef CONFIGSERVER_TEST_SITUATION_H
#define CONFIGSERVER_TEST_SITUATION_H

#include "configserver/maintain/maintainers.h"
#include "configserver/test_zone.h"
#include "zone/names.h"

struct situation {
    const char *nodes;
    int64_t target, groups; /* of the cluster; target 0: it was removed */
    bool content;
    bool announced;                    /* behind a load balancer */
    int64_t ago_ms;                    /* since when they are down, retired, suspended or inactive */
    const char *account, *application; /* NULL: the usual ones */
    int64_t first_host;                /* index of the first host; 0: 100 */
};
void situation_make(struct test_zone *test, const struct situation *situation);
/* One step of its maintainer. */
void situation_step(struct test_zone *test, application_step *step);
/* The nodes' states as letters, in the order of their hosts. */
const char *situation_states(struct test_zone *test);
const struct host *situation_host(struct test_zone *test, const struct view *view, int nth);
const struct node *situation_node(struct test_zone *test, const struct view *view, int nth);
void situation_change_host(struct test_zone *test, int nth, void (*change)(struct host *host));

#endif
