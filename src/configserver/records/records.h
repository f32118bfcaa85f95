/* What a zone remembers: accounts, applications, hosts, nodes and load balancers, each described once by a
 * field table from which it is stored, read back and checked. The first member of every struct is its key. A
 * record whose state says that something is wanted (a host wanted, a load balancer removing) is an intent: it
 * is written before the cloud is touched, and a maintainer carries it out however often we die in between. */
#ifndef CONFIGSERVER_RECORDS_H
#define CONFIGSERVER_RECORDS_H

#include "base/record.h"
#include "zone/application_package.h"

enum record_kind {
    RECORD_COUNTERS,
    RECORD_ACCOUNT,
    RECORD_APPLICATION,
    RECORD_HOST,
    RECORD_NODE,
    RECORD_LOAD_BALANCER,
    RECORD_KINDS,
};
const char *record_kind_folder(enum record_kind kind); /* "hosts": a folder in the store */
const struct record *record_kind_record(enum record_kind kind);
/* The application the record is or belongs to; NULL for what belongs to none. */
const char *record_application(enum record_kind kind, const void *record);

#define COUNTERS_KEY "zone"

/* The one record of its kind. */
struct counters {
    const char *name;
    const char *repository_id; /* tells our instances from another zone's with the same tags */
    int64_t next_host_index, next_generation;
};

/* A tenant's AWS account that was deployed to once; it never changes hands. */
struct account {
    const char *id; /* "210987654321" */
    const char *tenant, *external_id;
};

struct cluster {
    const char *id;
    int type; /* enum cluster_type */
    int64_t count;
    double vcpu, memory_gb, disk_gb;
    const char *instance_type; /* chosen for the resources */
    const char *image;
};

struct log_line {
    int64_t at; /* ms */
    const char *level, *message;
};

enum { LOG_LINES_KEPT = 80 };

struct application {
    const char *id; /* "acme:albums:default" */
    const char *tenant, *application, *instance;
    const char *account;
    int64_t generation; /* of the deployed package: its session id */
    int64_t deployed_at, converged_generation;
    const char *package_hash;
    bool deleting;
    struct cluster *clusters;
    size_t cluster_count;
    const char *clients_pem;
    const char *archive_bucket;
    const char **networks; /* of its load balancers */
    size_t network_count;
    struct log_line *log; /* what happened to it, the last LOG_LINES_KEPT */
    size_t log_count;
};

enum host_state {
    HOST_WANTED,         /* to be launched */
    HOST_PROVISIONED,    /* launched; proving who it is */
    HOST_READY,          /* spoke to us through the tunnel */
    HOST_ACTIVE,         /* runs its nodes */
    HOST_DEPROVISIONING, /* archiving its last logs */
    HOST_TERMINATING,    /* to be terminated */
    HOST_GONE,           /* its record is to be removed */
};
extern const char *const host_state_names[];

struct host {
    const char *hostname;
    int64_t index;
    int state; /* enum host_state */
    int64_t state_since;
    const char *application, *tenant, *cluster, *account;
    int64_t launches; /* makes each launch's client token its own */
    int64_t failures; /* instances that ended before they came to us, since one did */
    const char *instance_id, *instance_type;
    const char *address, *node_address; /* IPv6: its own and its node's; NULL until known */
    const char *wireguard_key;
    int64_t registered_at;
    const char *key_hash; /* of the identity confirmed last */
    const char *trouble;  /* why the cloud refused it last */
};

enum node_state {
    NODE_RESERVED, /* waits for its host */
    NODE_ACTIVE,
    NODE_INACTIVE, /* stopped, its host drains */
};
extern const char *const node_state_names[];

struct node {
    const char *hostname, *parent;
    const char *application, *cluster;
    int cluster_type;
    int64_t index;
    int state; /* enum node_state */
    int64_t state_since;
    const char *image;
    int64_t restart_generation;
    /* what its host reports */
    const char *current_image, *vespa_version, *service_status, *status_message;
    int64_t current_restart_generation;
    json_t *reports;
};

enum load_balancer_state {
    LOAD_BALANCER_WANTED, /* to be created */
    LOAD_BALANCER_ACTIVE,
    LOAD_BALANCER_REMOVING, /* to be deleted */
    LOAD_BALANCER_GONE,     /* its record is to be removed */
};
extern const char *const load_balancer_state_names[];

struct load_balancer {
    const char *id; /* "acme:albums:default:web" */
    const char *application, *cluster, *account;
    const char *name; /* in AWS, of the balancer and its target group */
    int state;        /* enum load_balancer_state */
    int64_t state_since;
    const char *arn, *group_arn, *dns_name, *hosted_zone;
    int64_t healthy; /* targets that answer */
    const char *trouble;
};

/* "0.web.default.albums.acme.aws-us-east-1c.dev.node": the instance id in a node's certificate. */
char *node_instance_id(struct arena *arena, const struct zone_id *zone, const struct node *node);
/* The application's three names from its id. */
void application_names(struct arena *arena, const char *id, struct application_id *names);

#endif
