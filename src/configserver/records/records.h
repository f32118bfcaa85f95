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
/* The account it is or belongs to; NULL for what belongs to none. */
const char *record_account(enum record_kind kind, const void *record);

#define COUNTERS_KEY "zone"

/* The one record of its kind. */
struct counters {
    const char *name;
    const char *repository_id; /* tells our instances from another zone's with the same tags */
    int64_t next_host_index, next_generation;
    int64_t orphans; /* instances and load balancers removed so far because no record meant them */
};

/* A tenant's AWS account that was deployed to once; it never changes hands. */
struct account {
    const char *id; /* "210987654321" */
    const char *tenant, *external_id;
};

/* What happened to a host, node or load balancer, oldest first; which of it is kept is history.h's. */
struct event {
    const char *event;  /* "launched": the event's name in the transition table */
    int64_t at;         /* ms */
    const char *agent;  /* agent_names[]: who made it happen */
    const char *reason; /* may be NULL */
};
enum {
    HISTORY_RECENT = 10,
    EVENTS_KEPT = 32, /* the recent ones and one of each kind: a life has 21 kinds at most */
};

/* A load balancer as it shall be. */
struct endpoint_settings {
    bool is_public;            /* reachable from the internet (by IPv6) */
    bool is_private;           /* an endpoint service stands behind it */
    const char **allowed_arns; /* who may connect to the endpoint service */
    size_t allowed_arn_count;
};

/* A tag of the tenant's own, on what is made for it in the cloud. */
struct resource_tag {
    const char *key, *value;
};

struct cluster {
    const char *id;
    int type;              /* enum cluster_type */
    int64_t count, groups; /* nodes wanted, all groups together; groups of a content cluster, else 1 */
    double vcpu, memory_gb, disk_gb;
    const char *disk_speed;    /* "fast", "slow", "any" */
    const char *storage_type;  /* "local", "remote", "any" */
    const char *architecture;  /* "x86_64", "arm64", "any": as asked */
    double max_cost_factor;    /* 0: not said */
    const char *instance_type; /* the cheapest that fits */
    const char **other_types;  /* that fit too, cheapest first: tried when there is no capacity */
    size_t other_type_count;
    const char *image;
    struct endpoint_settings *endpoint; /* of a container cluster */
    const char *clients_pem;            /* whom its nodes serve; NULL: as its application says */
    struct resource_tag *tags;          /* on everything made for it, variables replaced */
    size_t tag_count;
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
    const char *clients_pem; /* of clusters that say nothing else */
    const char *archive_bucket;
    const char **networks; /* of its load balancers */
    size_t network_count;
    const char **availability_zones; /* that its account has subnets for hosts in */
    size_t availability_zone_count;
    struct resource_tag *tags; /* on what is made for it but for no cluster */
    size_t tag_count;
    int64_t empty_host_ttl_ms; /* how long a host that lost its node is kept for a next one; 0: not */
    struct log_line *log;      /* what happened to it, the last LOG_LINES_KEPT */
    size_t log_count;
};

enum host_state {
    HOST_WANTED,         /* to be launched */
    HOST_PROVISIONED,    /* launched; proving who it is */
    HOST_READY,          /* spoke to us through the tunnel */
    HOST_ACTIVE,         /* runs its node */
    HOST_FAILED,         /* found broken; its node is replaced elsewhere */
    HOST_PARKED,         /* kept as it is by an operator, for a look */
    HOST_DEPROVISIONING, /* archiving its last logs */
    HOST_TERMINATING,    /* to be terminated */
    HOST_DEPROVISIONED,  /* its instance is gone; remembered for a while */
    HOST_GONE,           /* its record is to be removed */
};
extern const char *const host_state_names[];

struct host {
    const char *hostname;
    int64_t index;
    int state; /* enum host_state */
    int64_t state_since;
    const char *application, *tenant, *cluster, *account;
    int64_t launches;         /* makes each launch's client token its own */
    int64_t failures;         /* launches in vain since the last good one: waits longer each time */
    const char *launch_token; /* of the launch under way or done; hosts launched by one call share it */
    int64_t launch_index;     /* which of that launch's instances is its */
    int64_t refusals;     /* answers "no capacity" since the last launch: which type and zone is tried next */
    int64_t launch_after; /* ms: not launched before */
    const char *instance_id, *instance_type;
    double disk_gb;                     /* for its node; 0: as its cluster asks */
    const char *availability_zone;      /* "use1-az6": where it is, or is to be */
    const char *address, *node_address; /* IPv6: its own and its node's; NULL until known */
    const char *wireguard_key;
    int64_t wireguard_key_at; /* ms: since when it has this one */
    int64_t registered_at;
    const char *key_hash; /* of the identity confirmed last */
    const char *trouble;  /* why the cloud refused it last */
    /* Wishes, which allocation fulfils: a replacement first, then this one leaves. */
    bool want_to_retire;     /* drained, replaced, terminated */
    bool want_to_fail;       /* replaced as broken */
    const char *wish_reason; /* of either: for people, and kept until the wish is taken back */
    int64_t down_since;      /* ms, 0: it is heard */
    int64_t suspended_since; /* ms, 0: not allowed to be down */
    int64_t reboot_generation, current_reboot_generation;
    json_t *reports; /* what it says is wrong with it, by name: {"type","createdMillis","description"} */
    struct event *history;
    size_t history_count;
};

enum node_state {
    NODE_RESERVED, /* waits for its host */
    NODE_ACTIVE,
    NODE_INACTIVE, /* its cluster or place is gone; stopped, kept for a while with its data */
    NODE_FAILED,   /* found broken and replaced */
    NODE_PARKED,   /* its host is kept for a look */
    NODE_DIRTY,    /* stopped for good: its logs are archived, then it goes with its host */
    NODE_GONE,     /* its record is to be removed */
};
extern const char *const node_state_names[];

struct node {
    const char *hostname, *parent;
    const char *application, *cluster;
    int cluster_type;
    int64_t index, group;
    int state; /* enum node_state */
    int64_t state_since;
    bool retired;          /* active, but to leave when its replacement serves and its data has moved */
    int64_t retired_since; /* ms, 0: it is not */
    const char *image;
    int64_t restart_generation;
    /* what its host reports */
    const char *current_image, *vespa_version, *service_status, *status_message;
    int64_t current_restart_generation;
    bool data_moved;                /* retired: the others have its documents */
    const char *config_checksum;    /* of what its service follows (decide/told.h) */
    const char **certificate_names; /* DNS names in the certificate it serves with */
    size_t certificate_name_count;
    int64_t first_up_at;     /* ms, 0: its service was never up yet */
    int64_t down_since;      /* ms, 0: up, or still on its way to it */
    int64_t suspended_since; /* ms, 0: not allowed to be down */
    bool reached;            /* its load balancer finds it healthy */
    int64_t parting_since;   /* ms, 0: not leaving yet; else it gets no new connections any more */
    json_t *reports;
    struct event *history;
    size_t history_count;
};

enum load_balancer_state {
    LOAD_BALANCER_WANTED, /* to be created */
    LOAD_BALANCER_ACTIVE,
    LOAD_BALANCER_INACTIVE, /* its cluster is gone; kept while a node of it still serves */
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
    const char *service_id, *service_name; /* of its endpoint service, when it has one */
    struct endpoint_settings *settings;    /* as it shall be; NULL is public only */
    const char *applied;                   /* hash of the settings it has */
    int64_t healthy;                       /* targets that answer */
    bool announced; /* its name resolves and its nodes' certificates have it: clients may be told */
    const char *trouble;
    struct event *history;
    size_t history_count;
};

/* Who makes a thing happen, as history shows it. */
enum agent {
    AGENT_DEPLOYER,
    AGENT_OPERATOR,
    AGENT_HOST,
    AGENT_CLOUD,       /* the cloud said so: an event, an instance that ended */
    AGENT_PROVISIONER, /* what makes and removes instances and load balancers */
    AGENT_ALLOCATOR,   /* what decides which nodes there shall be */
    AGENT_HEALTH,      /* what watches hosts and nodes */
    AGENT_EXPIRER,     /* what waits no longer */
};
extern const char *const agent_names[];

/* "0.web.default.albums.acme.aws-us-east-1c.dev.node": the instance id in a node's certificate. */
char *node_instance_id(struct arena *arena, const struct zone_id *zone, const struct node *node);
/* The application's three names from its id. */
void application_names(struct arena *arena, const char *id, struct application_id *names);
/* Whom a cluster's nodes serve; NULL when nobody is said. */
const char *application_clients(const struct application *application, const struct cluster *cluster);
/* The tags on what is made for a cluster of it, or for none (`cluster` NULL or unknown). */
const struct resource_tag *application_tags(const struct application *application, const char *cluster,
                                            size_t *count);
/* NULL when it has none of this id (any more). */
const struct cluster *application_cluster(const struct application *application, const char *id);

#endif
