/* A node (container) on this host and the steps of its life. Each step makes one thing be as the spec wants
 * it, does nothing when it already is, and can be cut off at any instruction: names and directories follow
 * from the node's hostname, so whoever comes next finds what is there. */
#ifndef HOST_NODE_H
#define HOST_NODE_H

#include "host/agent.h"

/* Ids inside a container are these of the machine, and nobody's here. */
enum { CONTAINER_FIRST_ID = 100000, CONTAINER_IDS = 65536 };

enum node_status { NODE_STARTING, NODE_UP, NODE_DOWN, NODE_STOPPED, NODE_STATUSES };
enum node_event { NODE_HEALTHY, NODE_TROUBLE, NODE_BEGIN, NODE_HALT, NODE_EVENTS };

/* What the agent remembers of a node between passes. All of it can be lost: it is found again. */
struct node {
    struct node *next;
    char *hostname;
    enum node_status status;
    int failures;               /* in a row */
    char message[512];          /* why, when not up */
    char *image;                /* known to be here */
    char *running;              /* the image its container was started from */
    char *version;              /* of what its container was started with */
    int64_t restart_generation; /* carried out; -1: none */
    bool drained;
    int container; /* descriptor of the container's first process; -1: not known to run */
    int64_t container_pid;
    int64_t next_ask_ms;   /* monotonic: whether it may be down */
    char config[64];       /* checksum of the configuration that it says it follows; "": it says nothing */
    bool data_moved;       /* it says that the others have its documents */
    int starts;            /* since it was last up, for the pause between them */
    int64_t next_start_ms; /* monotonic */
    bool wired;            /* its network was made or checked by this process */
    bool seen, wanted;     /* in this pass; in its spec */
};

/* The one place where a node's status changes. */
void node_happen(struct node *node, enum node_event event, const char *message);
const char *node_status_name(enum node_status status);

struct node_paths {
    const char *base, *sia, *identity, *etc, *data, *logs, *archive_prefix, *network_namespace, *suspended;
    const char *label; /* the hostname's first label: the container's name */
};

struct node_pass {
    struct agent *agent;
    struct arena *arena;
    const struct host_spec *host;
    const struct node_spec *spec; /* NULL: no longer in the spec */
    struct node *node;
    struct node_paths paths;
};

void node_paths_of(struct agent *agent, struct arena *arena, const char *hostname, struct node_paths *paths);

/* 0: as wanted. -1: not (yet), and the steps after it wait. */
typedef int node_step(struct node_pass *pass, struct error *err);

node_step node_directories_make, node_directories_remove; /* node_files.c */
node_step node_files_write;
node_step node_network_make, node_network_remove;                         /* node_network.c */
node_step node_identity_ensure;                                           /* node_identity.c */
node_step node_image_ensure;                                              /* node_image.c */
node_step node_container_run, node_container_stop, node_container_remove; /* node_container.c */
node_step node_health_check;                                              /* node_health.c */
node_step node_resume;                                                    /* maintenance.c */
node_step node_logs_drain;                                                /* archive.c */

/* podman(1) with this host's storage. */
int podman(struct agent *agent, struct arena *arena, const char *const *arguments, int timeout_ms,
           char **output, struct error *err);
#define PODMAN_ARGUMENTS(...) ((const char *const[]){__VA_ARGS__, NULL})

#endif
