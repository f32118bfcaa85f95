/* What judging health is made of. judge_health (maintainers.h) first says who is down: a host that is silent,
 * a node whose service does not answer; then, in failures.c, who shall be replaced for it, within the limits.
 */
#ifndef CONFIGSERVER_HEALTH_H
#define CONFIGSERVER_HEALTH_H

#include "configserver/maintain/maintainers.h"

/* One application's judging. */
struct judging {
    struct zone *zone;
    struct transaction *transaction;
    const struct application *application;
    const struct view *view; /* as it was at the beginning: whose names there are */
    int64_t now;
    int64_t next; /* when something is due though nothing changes */
};
/* Whether `at` has come; otherwise it is something that is due then. */
bool judging_due(struct judging *judging, int64_t at);
/* The record as it is now. */
const struct host *judged_host(const struct judging *judging, const char *hostname);
const struct node *judged_node_of(const struct judging *judging, const char *hostname);

void judge_failures(struct judging *judging);

/* Hosts that are to be replaced but for the limits. */
size_t hosts_held_back(const struct zone *zone, const struct view *view);

#endif
