/* The members of what is shown, once each. */
#include "configserver/api/shown.h"

enum { MANY = 1000 };

#define TEXT(owner, member, json, help)    FIELD_TEXT(owner, member, json, OPTIONAL, 4096, NULL, help)
#define INTEGER(owner, member, json, help) FIELD_INTEGER(owner, member, json, OPTIONAL, 0, 9e15, help)
#define BOOL(owner, member, json, help)    FIELD_BOOL(owner, member, json, OPTIONAL, help)
#define LIST(owner, member, count, json, record, help) \
    FIELD_LIST(owner, member, count, json, OPTIONAL, MANY, record, help)
#define RECORD(owner, member, json, record, help) FIELD_RECORD(owner, member, json, OPTIONAL, record, help)

static const struct field resource_fields[] = {
    FIELD_NUMBER(struct shown_resources, vcpu, "vcpu", OPTIONAL, 0, 1e6, "virtual processors"),
    FIELD_NUMBER(struct shown_resources, memory_gb, "memoryGb", OPTIONAL, 0, 1e6, "memory"),
    FIELD_NUMBER(struct shown_resources, disk_gb, "diskGb", OPTIONAL, 0, 1e6, "disk"),
    TEXT(struct shown_resources, disk_speed, "diskSpeed", "fast, slow"),
    TEXT(struct shown_resources, storage_type, "storageType", "remote: volumes; local: the host's own disks"),
    TEXT(struct shown_resources, architecture, "architecture", "x86_64, arm64"),
    FIELD_END,
};
static const struct record resources_record = {"resources", sizeof(struct shown_resources), resource_fields};

static const struct field owner_fields[] = {
    TEXT(struct shown_owner, tenant, "tenant", "tenant"),
    TEXT(struct shown_owner, application, "application", "application"),
    TEXT(struct shown_owner, instance, "instance", "instance"),
    FIELD_END,
};
static const struct record owner_record = {"owner", sizeof(struct shown_owner), owner_fields};

static const struct field membership_fields[] = {
    TEXT(struct shown_membership, cluster_type, "clustertype", "container, content"),
    TEXT(struct shown_membership, cluster_id, "clusterid", "id in services.xml"),
    TEXT(struct shown_membership, group, "group", "of a content cluster"),
    INTEGER(struct shown_membership, index, "index", "its place in the cluster"),
    BOOL(struct shown_membership, retired, "retired", "to leave when that costs nothing"),
    FIELD_END,
};
static const struct record membership_record = {"membership", sizeof(struct shown_membership),
                                                membership_fields};

static const struct field tunnel_fields[] = {
    TEXT(struct shown_tunnel, key, "key", "WireGuard's public key"),
    INTEGER(struct shown_tunnel, key_at, "timestamp", "since when it has this key, ms since the epoch"),
    TEXT(struct shown_tunnel, address, "address", "inside the tunnel"),
    FIELD_END,
};
static const struct record tunnel_record = {"wireguard", sizeof(struct shown_tunnel), tunnel_fields};

static const struct field event_fields[] = {
    TEXT(struct event, event, "event", "what happened"),
    INTEGER(struct event, at, "at", "when, ms since the epoch"),
    TEXT(struct event, agent, "agent", "who made it happen"),
    TEXT(struct event, reason, "reason", "why"),
    FIELD_END,
};
static const struct record event_record = {"event", sizeof(struct event), event_fields};

static const struct field host_fields[] = {
    TEXT(struct shown_host, url, "url", "where it is shown"),
    TEXT(struct shown_host, id, "id", "instance id at the cloud"),
    TEXT(struct shown_host, state, "state", "where in its life it is"),
    TEXT(struct shown_host, type, "type", "host"),
    TEXT(struct shown_host, hostname, "hostname", "its name everywhere"),
    TEXT(struct shown_host, flavor, "flavor", "instance type"),
    TEXT(struct shown_host, exclusive_to, "exclusiveTo", "the application whose node it is for"),
    TEXT(struct shown_host, cluster_id, "clusterId", "that node's cluster"),
    FIELD_NUMBER(struct shown_host, cpu_cores, "cpuCores", OPTIONAL, 0, 1e6, "the machine's"),
    RECORD(struct shown_host, resources, "resources", &resources_record, "what its node gets"),
    RECORD(struct shown_host, real_resources, "realResources", &resources_record, "what the machine has"),
    INTEGER(struct shown_host, cost, "cost", "its price by the hour, in cents, as the type table has it"),
    TEXT(struct shown_host, environment, "environment", "VIRTUAL_MACHINE"),
    INTEGER(struct shown_host, state_since, "stateSince", "ms since the epoch"),
    INTEGER(struct shown_host, reboot_generation, "rebootGeneration", "wanted"),
    INTEGER(struct shown_host, current_reboot_generation, "currentRebootGeneration", "done"),
    INTEGER(struct shown_host, fail_count, "failCount", "launches in vain since the last good one"),
    INTEGER(struct shown_host, capacity_refusals, "capacityRefusals",
            "answers 'no capacity' since the last launch"),
    INTEGER(struct shown_host, launch_after, "launchAfter", "not launched before, ms since the epoch"),
    BOOL(struct shown_host, want_to_retire, "wantToRetire", "to be replaced, then to leave"),
    BOOL(struct shown_host, want_to_fail, "wantToFail", "to be replaced as broken"),
    BOOL(struct shown_host, want_to_deprovision, "wantToDeprovision", "on its way out"),
    TEXT(struct shown_host, wish_reason, "wishReason", "why it shall leave"),
    TEXT(struct shown_host, trouble, "trouble", "what the cloud refused last"),
    BOOL(struct shown_host, down, "down", "silent"),
    INTEGER(struct shown_host, down_since, "downSinceMillis", "since when"),
    TEXT(struct shown_host, orchestrator_status, "orchestratorStatus", "NO_REMARKS, ALLOWED_TO_BE_DOWN"),
    INTEGER(struct shown_host, suspended_since, "suspendedSinceMillis", "since when it may be down"),
    INTEGER(struct shown_host, last_heard_at, "lastHeardAt",
            "its last call through the tunnel, ms since the epoch"),
    TEXT(struct shown_host, availability_zone, "availabilityZone", "where it is, or is to be"),
    LIST(struct shown_host, addresses, address_count, "ipAddresses", &text_record, "its own"),
    LIST(struct shown_host, node_addresses, node_address_count, "additionalIpAddresses", &text_record,
         "its node's"),
    LIST(struct shown_host, node_hostnames, node_hostname_count, "additionalHostnames", &text_record,
         "its node's"),
    RECORD(struct shown_host, wireguard, "wireguard", &tunnel_record, "its end of the tunnel"),
    FIELD_JSON(struct shown_host, reports, "reports", OPTIONAL, "what it says is wrong with it"),
    TEXT(struct shown_host, cloud_account, "cloudAccount", "the tenant's"),
    LIST(struct shown_host, history, history_count, "history", &event_record,
         "the last event of each kind, oldest first"),
    LIST(struct shown_host, log, log_count, "log", &event_record, "the last events of any kind"),
    FIELD_END,
};
const struct record shown_host_record = {"host", sizeof(struct shown_host), host_fields};

static const struct field node_fields[] = {
    TEXT(struct shown_node, url, "url", "where it is shown"),
    TEXT(struct shown_node, id, "id", "instance id in its certificate"),
    TEXT(struct shown_node, state, "state", "where in its life it is"),
    TEXT(struct shown_node, type, "type", "tenant"),
    TEXT(struct shown_node, hostname, "hostname", "its name everywhere"),
    TEXT(struct shown_node, parent_hostname, "parentHostname", "its host's"),
    TEXT(struct shown_node, environment, "environment", "DOCKER_CONTAINER"),
    RECORD(struct shown_node, owner, "owner", &owner_record, "whose it is"),
    RECORD(struct shown_node, membership, "membership", &membership_record, "its place there"),
    RECORD(struct shown_node, requested_resources, "requestedResources", &resources_record,
           "as services.xml asks"),
    INTEGER(struct shown_node, state_since, "stateSince", "ms since the epoch"),
    INTEGER(struct shown_node, restart_generation, "restartGeneration", "wanted"),
    INTEGER(struct shown_node, current_restart_generation, "currentRestartGeneration", "done"),
    TEXT(struct shown_node, wanted_image, "wantedDockerImage", "to run"),
    TEXT(struct shown_node, current_image, "currentDockerImage", "runs"),
    TEXT(struct shown_node, vespa_version, "vespaVersion", "runs"),
    TEXT(struct shown_node, service_status, "serviceStatus", "up, down, starting, stopped"),
    TEXT(struct shown_node, status_message, "statusMessage", "why it is not up"),
    BOOL(struct shown_node, want_to_retire, "wantToRetire", "its host is to be replaced, then to leave"),
    BOOL(struct shown_node, want_to_fail, "wantToFail", "its host is to be replaced as broken"),
    BOOL(struct shown_node, down, "down", "its service does not answer"),
    INTEGER(struct shown_node, down_since, "downSinceMillis", "since when"),
    TEXT(struct shown_node, orchestrator_status, "orchestratorStatus", "NO_REMARKS, ALLOWED_TO_BE_DOWN"),
    INTEGER(struct shown_node, suspended_since, "suspendedSinceMillis", "since when it may be down"),
    BOOL(struct shown_node, data_moved, "dataMoved", "retired, and the others have its documents"),
    FIELD_JSON(struct shown_node, reports, "reports", OPTIONAL, "what its host says is wrong with it"),
    TEXT(struct shown_node, archive_uri, "archiveUri", "its logs"),
    LIST(struct shown_node, addresses, address_count, "ipAddresses", &text_record, "its own"),
    TEXT(struct shown_node, cloud_account, "cloudAccount", "the tenant's"),
    LIST(struct shown_node, history, history_count, "history", &event_record,
         "the last event of each kind, oldest first"),
    LIST(struct shown_node, log, log_count, "log", &event_record, "the last events of any kind"),
    FIELD_END,
};
const struct record shown_node_record = {"node", sizeof(struct shown_node), node_fields};

static const struct field real_fields[] = {
    TEXT(struct shown_real, hostname, "hostname", "a node's"),
    TEXT(struct shown_real, address, "ipAddress", "its IPv6"),
    INTEGER(struct shown_real, port, "port", "where it serves"),
    FIELD_END,
};
static const struct record real_record = {"real", sizeof(struct shown_real), real_fields};

static const struct field urn_fields[] = {
    TEXT(struct shown_urn, type, "type", "aws-private-link"),
    TEXT(struct shown_urn, urn, "urn", "who may connect"),
    FIELD_END,
};
static const struct record urn_record = {"urn", sizeof(struct shown_urn), urn_fields};

static const struct field settings_fields[] = {
    LIST(struct shown_settings, allowed, allowed_count, "allowedUrns", &urn_record,
         "who may connect privately"),
    LIST(struct shown_settings, methods, method_count, "authMethods", &text_record, "mtls"),
    FIELD_END,
};
static const struct record settings_record = {"settings", sizeof(struct shown_settings), settings_fields};

static const struct field balancer_fields[] = {
    TEXT(struct shown_load_balancer, id, "id", "tenant:application:instance:cluster"),
    TEXT(struct shown_load_balancer, seed, "idSeed",
         "what its name in the cloud is a hash of, with the zone's"),
    TEXT(struct shown_load_balancer, state, "state", "where in its life it is"),
    INTEGER(struct shown_load_balancer, changed_at, "changedAt", "ms since the epoch"),
    TEXT(struct shown_load_balancer, tenant, "tenant", "whose it is"),
    TEXT(struct shown_load_balancer, application, "application", "whose it is"),
    TEXT(struct shown_load_balancer, instance, "instance", "whose it is"),
    TEXT(struct shown_load_balancer, cluster, "cluster", "the container cluster behind it"),
    TEXT(struct shown_load_balancer, name, "name", "in the cloud"),
    TEXT(struct shown_load_balancer, hostname, "hostname", "where clients connect"),
    TEXT(struct shown_load_balancer, dns_zone, "dnsZone", "hosted zone of that name"),
    LIST(struct shown_load_balancer, networks, network_count, "networks", &text_record,
         "from where it connects"),
    FIELD_JSON(struct shown_load_balancer, ports, "ports", OPTIONAL, "where it listens"),
    LIST(struct shown_load_balancer, reals, real_count, "reals", &real_record, "the nodes behind it"),
    INTEGER(struct shown_load_balancer, healthy, "healthyTargets", "of these, how many answer it"),
    RECORD(struct shown_load_balancer, settings, "settings", &settings_record, "as it shall be"),
    TEXT(struct shown_load_balancer, service_id, "serviceId", "of its endpoint service"),
    TEXT(struct shown_load_balancer, service_name, "serviceName", "what a private client connects to"),
    BOOL(struct shown_load_balancer, is_public, "public", "reachable from the internet"),
    BOOL(struct shown_load_balancer, is_private, "private", "with an endpoint service"),
    BOOL(struct shown_load_balancer, announced, "announced", "clients may be told"),
    TEXT(struct shown_load_balancer, trouble, "trouble", "what the cloud refused last"),
    TEXT(struct shown_load_balancer, cloud_account, "cloudAccount", "the tenant's"),
    LIST(struct shown_load_balancer, history, history_count, "history", &event_record, "what happened last"),
    FIELD_END,
};
const struct record shown_load_balancer_record = {"load balancer", sizeof(struct shown_load_balancer),
                                                  balancer_fields};
