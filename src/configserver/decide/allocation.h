/* One application's allocation at work, and what its steps share. Private to the files allocat*.c. */
#ifndef CONFIGSERVER_ALLOCATION_H
#define CONFIGSERVER_ALLOCATION_H

#include "configserver/decide/allocate.h"

/* A node of the cluster at hand; `host` is NULL when its record is gone. Both as the transaction has them. */
struct member {
    const struct node *node;
    const struct host *host;
};

struct allocation {
    struct zone *zone;
    struct transaction *transaction;
    const struct application *application;
    struct arena *arena;
    /* The cluster at hand */
    const struct cluster *cluster;
    struct member *members;
    size_t member_count;
    bool *used; /* indices that a node has, in whatever state it is */
    /* What was done to it, for its story */
    int made, retired, released, kept;
    const char *reason;
};

/* allocation.c */
bool allocation_change_node(struct allocation *allocation, struct member *member, enum node_event event,
                            const char *reason);
bool allocation_change_host(struct allocation *allocation, struct member *member, enum host_event event,
                            const char *reason);
/* Never to run (again): its node and its host. */
void allocation_release(struct allocation *allocation, struct member *member, const char *reason);
/* A new host and its node, as a new member. */
void allocation_make_member(struct allocation *allocation, int64_t group);
/* An instance type the cluster's nodes may have, a large enough disk. */
bool host_fits(const struct cluster *cluster, const struct host *host);
/* Answers, with the image it shall have. */
bool node_serves(const struct node *node);

/* allocate_cluster.c: the members become as many as the cluster asks for. */
void allocate_cluster(struct allocation *allocation);
/* allocate_image.c: a new image reaches the members a few at a time. */
void allocate_image(struct allocation *allocation);

#endif
