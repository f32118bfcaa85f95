/* How an application's nodes stand, counted group by group: what decides whether one more may be missed. Used
 * by those who let nodes leave, be replaced as broken, or be down for maintenance, so that all of them mean
 * the same by "serves". A cluster that is not divided is one group. */
#ifndef CONFIGSERVER_STANDING_H
#define CONFIGSERVER_STANDING_H

#include "configserver/records/life.h"
#include "configserver/records/repository.h"

struct group_standing {
    const char *cluster;
    int64_t group;
    int64_t target;    /* nodes it shall have; 0: nobody wants it any more */
    int64_t members;   /* active, wanted or not */
    int64_t placed;    /* wanted ones whose host came, though they may never have served */
    int64_t proven;    /* wanted ones whose service was up at least once: they hold their places */
    int64_t up;        /* wanted ones whose service answers their hosts */
    int64_t serving;   /* wanted ones that serve now: up, and reached where somebody is */
    int64_t leaving;   /* others that serve now, but those that part */
    int64_t suspended; /* may be down for maintenance */
    bool announced;    /* the cluster has an endpoint that clients were told */
    bool measured;     /* the cluster's load balancer finds some of its nodes healthy: who is not among these
                          serves nobody yet */
};
struct standing {
    struct group_standing *groups;
    size_t count;
};

/* Of all groups that the application has, shall have or has nodes of; in the arena, with names of the view.
 */
void standing_of(const struct view *view, const struct application *application, struct arena *arena,
                 struct standing *standing);
/* The node's; never NULL for a node of the application. */
struct group_standing *standing_group(const struct standing *standing, const struct node *node);
/* Of all its groups together. */
struct group_standing standing_cluster(const struct standing *standing, const char *cluster);

/* The node is one of those that its standing counts as serving, wanted or leaving. */
bool standing_counts(const struct standing *standing, const struct node *node, const struct host *host);

/* Is active, was found up and is heard; one that may be down for maintenance is not counted on. */
bool node_can_be_counted_on(const struct node *node, const struct host *host);

#endif
