/* What operators and tenants see of hosts, nodes and load balancers: structs and field tables shaped as
 * Vespa's node repository and load balancer API have them, with what is wanted and why it waits beside what
 * is. Nothing here is stored; records are in records.h. */
#ifndef CONFIGSERVER_SHOWN_H
#define CONFIGSERVER_SHOWN_H

#include "configserver/zone.h"

struct shown_resources {
    double vcpu, memory_gb, disk_gb;
    const char *disk_speed, *storage_type, *architecture;
};
struct shown_owner {
    const char *tenant, *application, *instance;
};
struct shown_membership {
    const char *cluster_type, *cluster_id;
    const char *group; /* a number as text, as in the original */
    int64_t index;
    bool retired;
};
struct shown_tunnel {
    const char *key, *address;
    int64_t key_at;
};

struct shown_host {
    const char *url, *id, *state, *type, *environment, *hostname, *flavor, *exclusive_to, *cluster_id,
        *cloud_account, *availability_zone;
    double cpu_cores;
    struct shown_resources *resources, *real_resources; /* what its node gets; what the machine has */
    int64_t state_since, cost, reboot_generation, current_reboot_generation, fail_count, capacity_refusals,
        launch_after;
    bool want_to_retire, want_to_fail, want_to_deprovision, down;
    const char *wish_reason, *trouble, *orchestrator_status;
    int64_t down_since, suspended_since, last_heard_at;
    const char **addresses, **node_addresses, **node_hostnames;
    size_t address_count, node_address_count, node_hostname_count;
    struct shown_tunnel *wireguard;
    json_t *reports;
    const struct event *history, *log; /* the last of each kind; the last of any */
    size_t history_count, log_count;
};

struct shown_node {
    const char *url, *id, *state, *type, *environment, *hostname, *parent_hostname, *cloud_account;
    struct shown_owner *owner;
    struct shown_membership *membership;
    struct shown_resources *requested_resources;
    int64_t state_since, restart_generation, current_restart_generation;
    const char *wanted_image, *current_image, *vespa_version, *service_status, *status_message;
    bool want_to_retire, want_to_fail; /* its host's wishes: it leaves with it */
    bool down, data_moved;
    const char *orchestrator_status;
    int64_t down_since, suspended_since;
    const char **addresses;
    size_t address_count;
    const char *archive_uri;
    json_t *reports;
    const struct event *history, *log; /* as of a host */
    size_t history_count, log_count;
};

struct shown_real {
    const char *hostname, *address;
    int64_t port;
};
struct shown_urn {
    const char *type, *urn;
};
struct shown_settings {
    struct shown_urn *allowed;
    size_t allowed_count;
    const char **methods;
    size_t method_count;
};
struct shown_load_balancer {
    const char *id, *seed, *state, *tenant, *application, *instance, *cluster;
    int64_t changed_at, healthy;
    const char *name, *hostname, *dns_zone, *service_id, *service_name, *cloud_account, *trouble;
    const char **networks;
    size_t network_count;
    json_t *ports;
    struct shown_real *reals;
    size_t real_count;
    struct shown_settings *settings;
    bool is_public, is_private, announced;
    const struct event *history;
    size_t history_count;
};

/* New references. */
json_t *show_host(struct zone *zone, const struct view *view, const struct host *host, struct arena *arena);
json_t *show_node(struct zone *zone, const struct view *view, const struct node *node, struct arena *arena);
json_t *show_load_balancer(const struct view *view, const struct load_balancer *balancer,
                           struct arena *arena);

/* "t.a.i" and "t:a:i" both name an application; its record's key, NULL for NULL. */
const char *shown_application_id(struct arena *arena, const char *text);
/* "container" or "content". */
const char *shown_cluster_type(int type);

extern const struct record shown_host_record, shown_node_record, shown_load_balancer_record;

#endif
