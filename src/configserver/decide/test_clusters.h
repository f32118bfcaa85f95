/* For tests of allocation: an application of one container node and a content cluster of any shape, written
 * as a deployment would, and whatever may happen to its hosts and nodes. */
#ifndef CONFIGSERVER_TEST_CLUSTERS_H
#define CONFIGSERVER_TEST_CLUSTERS_H

#include "configserver/decide/allocate.h"
#include "configserver/test_zone.h"

/* Of cluster "albums". "m6g.large" takes an "m7g.large" as well. */
struct test_shape {
    int64_t count, groups;
    const char *type;
    double disk_gb;
    const char *image;
    bool removed, deleting; /* the cluster; the application */
};
/* Writes the application and allocates. */
void test_allocate(struct test_zone *test, const struct test_shape *shape);
/* Nothing, where the state does not allow the event. HOST_LAUNCHED brings an instance, NODE_ACTIVATE a
 * service that is up. */
void test_change_host(struct test_zone *test, const char *hostname, enum host_event event);
void test_change_node(struct test_zone *test, const char *hostname, enum node_event event);
/* Brings a node's host as far as it goes, and the node with it. */
void test_serve(struct test_zone *test, const struct node *node);

#endif
