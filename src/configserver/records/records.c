#include "configserver/records/records.h"

#include "base/text.h"
#include "tunnel/tunnel.h"

enum { LONGEST_ID = 128, LONGEST_TEXT = 1024, LONGEST_PEM = 64 << 10, MOST_CLUSTERS = 64 };

#define LARGEST 9e15

const char *const host_state_names[] = {"wanted", "provisioned",    "ready",       "active",        "failed",
                                        "parked", "deprovisioning", "terminating", "deprovisioned", "gone",
                                        NULL};
const char *const node_state_names[] = {"reserved", "active", "inactive", "failed",
                                        "parked",   "dirty",  "gone",     NULL};
const char *const agent_names[] = {"deployer",  "operator", "host",    "cloud", "provisioner",
                                   "allocator", "health",   "expirer", NULL};
const char *const load_balancer_state_names[] = {"wanted", "active", "inactive", "removing", "gone", NULL};
static const char *const cluster_types[] = {"container", "content", NULL};

static const struct field counters_fields[] = {
    FIELD_TEXT(struct counters, name, "name", REQUIRED, 16, NULL, "always '" COUNTERS_KEY "'"),
    FIELD_TEXT(struct counters, repository_id, "repositoryId", REQUIRED, 64, NULL,
               "tag 'owner' of all we launch"),
    FIELD_INTEGER(struct counters, next_host_index, "nextHostIndex", REQUIRED, 0, LARGEST,
                  "never used again"),
    FIELD_INTEGER(struct counters, next_generation, "nextGeneration", REQUIRED, 0, LARGEST, "of deployments"),
    FIELD_INTEGER(struct counters, orphans, "orphans", OPTIONAL, 0, LARGEST, "removed that nobody meant"),
    FIELD_END,
};
static const struct record counters_record = {"counters", sizeof(struct counters), counters_fields};

static const struct field account_fields[] = {
    FIELD_TEXT(struct account, id, "id", REQUIRED, 12, account_is_valid, "AWS account"),
    FIELD_TEXT(struct account, tenant, "tenant", REQUIRED, NAME_LONGEST, name_is_valid, "whose it is"),
    FIELD_TEXT(struct account, external_id, "externalId", REQUIRED, 256, NULL,
               "shown when assuming its role"),
    FIELD_END,
};
static const struct record account_record = {"account", sizeof(struct account), account_fields};

static const struct field event_fields[] = {
    FIELD_TEXT(struct event, event, "event", REQUIRED, 32, NULL, "what happened"),
    FIELD_INTEGER(struct event, at, "at", REQUIRED, 0, LARGEST, "when, ms since the epoch"),
    FIELD_TEXT(struct event, agent, "agent", REQUIRED, 16, NULL, "who made it happen"),
    FIELD_TEXT(struct event, reason, "reason", OPTIONAL, LONGEST_TEXT, NULL, "why"),
    FIELD_END,
};
static const struct record event_record = {"event", sizeof(struct event), event_fields};

static const struct field endpoint_fields[] = {
    FIELD_BOOL(struct endpoint_settings, is_public, "public", OPTIONAL, "reachable from the internet"),
    FIELD_BOOL(struct endpoint_settings, is_private, "private", OPTIONAL, "through PrivateLink"),
    FIELD_LIST(struct endpoint_settings, allowed_arns, allowed_arn_count, "allowedArns", OPTIONAL, 100,
               &text_record, "who may connect through PrivateLink"),
    FIELD_END,
};
static const struct record endpoint_record = {"endpoint", sizeof(struct endpoint_settings), endpoint_fields};

static const struct field tag_fields[] = {
    FIELD_TEXT(struct resource_tag, key, "key", REQUIRED, 128, NULL, "the tenant's tag"),
    FIELD_TEXT(struct resource_tag, value, "value", REQUIRED, 256, NULL, "and its value"),
    FIELD_END,
};
static const struct record tag_record = {"tag", sizeof(struct resource_tag), tag_fields};

static const struct field cluster_fields[] = {
    FIELD_TEXT(struct cluster, id, "id", REQUIRED, 40, cluster_is_valid, "id in services.xml"),
    FIELD_ENUM(struct cluster, type, "type", REQUIRED, cluster_types, "what its nodes do"),
    FIELD_INTEGER(struct cluster, count, "count", REQUIRED, 1, 1000, "nodes wanted"),
    FIELD_NUMBER(struct cluster, vcpu, "vcpu", REQUIRED, 0, LARGEST, "of each node"),
    FIELD_NUMBER(struct cluster, memory_gb, "memoryGb", REQUIRED, 0, LARGEST, "of each node"),
    FIELD_NUMBER(struct cluster, disk_gb, "diskGb", REQUIRED, 0, LARGEST, "of each node"),
    FIELD_INTEGER(struct cluster, groups, "groups", OPTIONAL, 0, 1000, "its nodes are divided into"),
    FIELD_TEXT(struct cluster, disk_speed, "diskSpeed", OPTIONAL, 8, NULL, "fast or slow"),
    FIELD_TEXT(struct cluster, storage_type, "storageType", OPTIONAL, 8, NULL, "local, remote or any"),
    FIELD_TEXT(struct cluster, architecture, "architecture", OPTIONAL, 8, NULL, "x86_64, arm64 or any"),
    FIELD_NUMBER(struct cluster, max_cost_factor, "maxCostFactor", OPTIONAL, 0, LARGEST,
                 "of a type beside the cheapest"),
    FIELD_TEXT(struct cluster, instance_type, "instanceType", REQUIRED, 32, NULL, "of its hosts"),
    FIELD_LIST(struct cluster, other_types, other_type_count, "otherTypes", OPTIONAL, 16, &text_record,
               "when there is no capacity of that one"),
    FIELD_RECORD(struct cluster, endpoint, "endpoint", OPTIONAL, &endpoint_record, "how clients reach it"),
    FIELD_TEXT(struct cluster, image, "image", REQUIRED, 255, NULL, "what its nodes run"),
    FIELD_TEXT(struct cluster, clients_pem, "clientsPem", OPTIONAL, LONGEST_PEM, NULL,
               "whom its nodes serve"),
    FIELD_LIST(struct cluster, tags, tag_count, "tags", OPTIONAL, 20, &tag_record, "the tenant's"),
    FIELD_END,
};
static const struct record cluster_record = {"cluster", sizeof(struct cluster), cluster_fields};

static const struct field log_line_fields[] = {
    FIELD_INTEGER(struct log_line, at, "at", REQUIRED, 0, LARGEST, "when, ms since the epoch"),
    FIELD_TEXT(struct log_line, level, "level", REQUIRED, 8, NULL, "info, warning or error"),
    FIELD_TEXT(struct log_line, message, "message", REQUIRED, LONGEST_TEXT, NULL, "for a person"),
    FIELD_END,
};
static const struct record log_line_record = {"line", sizeof(struct log_line), log_line_fields};

static const struct field application_fields[] = {
    FIELD_TEXT(struct application, id, "id", REQUIRED, LONGEST_ID, NULL, "tenant:application:instance"),
    FIELD_TEXT(struct application, tenant, "tenant", REQUIRED, NAME_LONGEST, name_is_valid, "owner"),
    FIELD_TEXT(struct application, application, "application", REQUIRED, NAME_LONGEST, name_is_valid,
               "its name"),
    FIELD_TEXT(struct application, instance, "instance", REQUIRED, NAME_LONGEST, name_is_valid,
               "its instance"),
    FIELD_TEXT(struct application, account, "account", REQUIRED, 12, account_is_valid, "where its hosts run"),
    FIELD_INTEGER(struct application, generation, "generation", REQUIRED, 0, LARGEST,
                  "of the deployed package"),
    FIELD_INTEGER(struct application, deployed_at, "deployedAt", REQUIRED, 0, LARGEST, "ms since the epoch"),
    FIELD_INTEGER(struct application, converged_generation, "convergedGeneration", OPTIONAL, 0, LARGEST,
                  "the last that ran everywhere"),
    FIELD_TEXT(struct application, package_hash, "packageHash", REQUIRED, 64, NULL, "SHA-256 of the package"),
    FIELD_BOOL(struct application, deleting, "deleting", OPTIONAL, "everything of it is going"),
    FIELD_LIST(struct application, clusters, cluster_count, "clusters", REQUIRED, MOST_CLUSTERS,
               &cluster_record, "as services.xml asks"),
    FIELD_TEXT(struct application, clients_pem, "clientsPem", OPTIONAL, LONGEST_PEM, NULL,
               "whom its nodes serve"),
    FIELD_TEXT(struct application, archive_bucket, "archiveBucket", REQUIRED, 63, NULL, "where its logs go"),
    FIELD_LIST(struct application, networks, network_count, "networks", OPTIONAL, 64, &text_record,
               "of its load balancers"),
    FIELD_LIST(struct application, availability_zones, availability_zone_count, "availabilityZones", OPTIONAL,
               64, &text_record, "that its hosts can be in"),
    FIELD_LIST(struct application, tags, tag_count, "tags", OPTIONAL, 20, &tag_record, "the tenant's"),
    FIELD_INTEGER(struct application, empty_host_ttl_ms, "emptyHostTtlMs", OPTIONAL, 0, LARGEST,
                  "how long hosts without a node are kept"),
    FIELD_LIST(struct application, log, log_count, "log", OPTIONAL, LOG_LINES_KEPT, &log_line_record,
               "its story"),
    FIELD_END,
};
static const struct record application_record = {"application", sizeof(struct application),
                                                 application_fields};

static const struct field host_fields[] = {
    FIELD_TEXT(struct host, hostname, "hostname", REQUIRED, HOSTNAME_LONGEST, hostname_is_valid, "its key"),
    FIELD_INTEGER(struct host, index, "index", REQUIRED, 0, LARGEST, "in its name and tunnel address"),
    FIELD_ENUM(struct host, state, "state", REQUIRED, host_state_names, "where in its life it is"),
    FIELD_INTEGER(struct host, state_since, "stateSince", REQUIRED, 0, LARGEST, "ms since the epoch"),
    FIELD_TEXT(struct host, application, "application", REQUIRED, LONGEST_ID, NULL, "whose alone it is"),
    FIELD_TEXT(struct host, tenant, "tenant", REQUIRED, NAME_LONGEST, name_is_valid, "owner"),
    FIELD_TEXT(struct host, cluster, "cluster", REQUIRED, 40, cluster_is_valid, "of its node"),
    FIELD_TEXT(struct host, account, "account", REQUIRED, 12, account_is_valid, "where it runs"),
    FIELD_INTEGER(struct host, launches, "launches", OPTIONAL, 0, LARGEST, "instances lost before this one"),
    FIELD_INTEGER(struct host, failures, "failures", OPTIONAL, 0, LARGEST,
                  "launches in vain since the last good one"),
    FIELD_TEXT(struct host, instance_id, "instanceId", OPTIONAL, 32, NULL, "EC2's name of it"),
    FIELD_TEXT(struct host, instance_type, "instanceType", REQUIRED, 32, NULL, "EC2's type"),
    FIELD_NUMBER(struct host, disk_gb, "diskGb", OPTIONAL, 0, LARGEST, "for its node"),
    FIELD_TEXT(struct host, address, "address", OPTIONAL, 64, NULL, "its IPv6 address"),
    FIELD_TEXT(struct host, node_address, "nodeAddress", OPTIONAL, 64, NULL, "its node's IPv6 address"),
    FIELD_TEXT(struct host, wireguard_key, "wireguardKey", OPTIONAL, 44, tunnel_is_key,
               "its tunnel's public key"),
    FIELD_INTEGER(struct host, wireguard_key_at, "wireguardKeyAt", OPTIONAL, 0, LARGEST,
                  "since when it has this one, ms"),
    FIELD_INTEGER(struct host, registered_at, "registeredAt", OPTIONAL, 0, LARGEST,
                  "identity confirmed last"),
    FIELD_TEXT(struct host, key_hash, "keyHash", OPTIONAL, 64, NULL, "of that identity"),
    FIELD_TEXT(struct host, trouble, "trouble", OPTIONAL, LONGEST_TEXT, NULL,
               "why the cloud refused it last"),
    FIELD_TEXT(struct host, launch_token, "launchToken", OPTIONAL, 64, NULL,
               "of its launch: the same is the same"),
    FIELD_INTEGER(struct host, launch_index, "launchIndex", OPTIONAL, 0, 1000, "in that launch"),
    FIELD_INTEGER(struct host, refusals, "refusals", OPTIONAL, 0, LARGEST, "answers 'no capacity' since"),
    FIELD_INTEGER(struct host, launch_after, "launchAfter", OPTIONAL, 0, LARGEST, "not launched before, ms"),
    FIELD_TEXT(struct host, availability_zone, "availabilityZone", OPTIONAL, 32, NULL, "where it is"),
    FIELD_BOOL(struct host, want_to_retire, "wantToRetire", OPTIONAL, "to be replaced, then to leave"),
    FIELD_BOOL(struct host, want_to_fail, "wantToFail", OPTIONAL, "to be replaced as broken"),
    FIELD_TEXT(struct host, wish_reason, "wishReason", OPTIONAL, LONGEST_TEXT, NULL, "why"),
    FIELD_INTEGER(struct host, down_since, "downSince", OPTIONAL, 0, LARGEST, "silent since, ms"),
    FIELD_INTEGER(struct host, suspended_since, "suspendedSince", OPTIONAL, 0, LARGEST,
                  "may be down since, ms"),
    FIELD_INTEGER(struct host, reboot_generation, "rebootGeneration", OPTIONAL, 0, LARGEST, "wanted"),
    FIELD_INTEGER(struct host, current_reboot_generation, "currentRebootGeneration", OPTIONAL, 0, LARGEST,
                  "carried out"),
    FIELD_JSON(struct host, reports, "reports", OPTIONAL, "what is wrong with it, by name"),
    FIELD_LIST(struct host, history, history_count, "history", OPTIONAL, EVENTS_KEPT, &event_record,
               "what happened to it"),
    FIELD_END,
};
static const struct record host_record = {"host", sizeof(struct host), host_fields};

static const struct field node_fields[] = {
    FIELD_TEXT(struct node, hostname, "hostname", REQUIRED, HOSTNAME_LONGEST, hostname_is_valid, "its key"),
    FIELD_TEXT(struct node, parent, "parent", REQUIRED, HOSTNAME_LONGEST, hostname_is_valid, "its host"),
    FIELD_TEXT(struct node, application, "application", REQUIRED, LONGEST_ID, NULL, "owner"),
    FIELD_TEXT(struct node, cluster, "cluster", REQUIRED, 40, cluster_is_valid, "its cluster"),
    FIELD_ENUM(struct node, cluster_type, "clusterType", REQUIRED, cluster_types, "what it does"),
    FIELD_INTEGER(struct node, index, "index", REQUIRED, 0, LARGEST, "in its cluster"),
    FIELD_INTEGER(struct node, group, "group", OPTIONAL, 0, LARGEST, "of its cluster"),
    FIELD_BOOL(struct node, retired, "retired", OPTIONAL, "to leave when it costs nothing"),
    FIELD_INTEGER(struct node, retired_since, "retiredSince", OPTIONAL, 0, LARGEST, "ms"),
    FIELD_ENUM(struct node, state, "state", REQUIRED, node_state_names, "where in its life it is"),
    FIELD_INTEGER(struct node, state_since, "stateSince", REQUIRED, 0, LARGEST, "ms since the epoch"),
    FIELD_TEXT(struct node, image, "image", REQUIRED, 255, NULL, "what it shall run"),
    FIELD_INTEGER(struct node, restart_generation, "restartGeneration", OPTIONAL, 0, LARGEST, "wanted"),
    FIELD_TEXT(struct node, current_image, "currentImage", OPTIONAL, 512, NULL, "what it runs"),
    FIELD_TEXT(struct node, vespa_version, "vespaVersion", OPTIONAL, 64, NULL, "what it runs"),
    FIELD_TEXT(struct node, service_status, "serviceStatus", OPTIONAL, 16, NULL,
               "up, down, starting, stopped"),
    FIELD_TEXT(struct node, status_message, "statusMessage", OPTIONAL, 512, NULL, "why, when not up"),
    FIELD_INTEGER(struct node, current_restart_generation, "currentRestartGeneration", OPTIONAL, -1, LARGEST,
                  "carried out"),
    FIELD_BOOL(struct node, data_moved, "dataMoved", OPTIONAL, "retired, and the others have its documents"),
    FIELD_TEXT(struct node, config_checksum, "configChecksum", OPTIONAL, 64, NULL,
               "what its service follows"),
    FIELD_LIST(struct node, certificate_names, certificate_name_count, "certificateNames", OPTIONAL, 16,
               &text_record, "DNS names in its certificate"),
    FIELD_INTEGER(struct node, first_up_at, "firstUpAt", OPTIONAL, 0, LARGEST, "ms"),
    FIELD_INTEGER(struct node, down_since, "downSince", OPTIONAL, 0, LARGEST, "ms"),
    FIELD_INTEGER(struct node, suspended_since, "suspendedSince", OPTIONAL, 0, LARGEST,
                  "may be down since, ms"),
    FIELD_BOOL(struct node, reached, "reached", OPTIONAL, "its load balancer finds it healthy"),
    FIELD_INTEGER(struct node, parting_since, "partingSince", OPTIONAL, 0, LARGEST,
                  "gets no new connections since, ms"),
    FIELD_JSON(struct node, reports, "reports", OPTIONAL, "what is wrong with it, by name"),
    FIELD_LIST(struct node, history, history_count, "history", OPTIONAL, EVENTS_KEPT, &event_record,
               "what happened to it"),
    FIELD_END,
};
static const struct record node_record = {"node", sizeof(struct node), node_fields};

static const struct field load_balancer_fields[] = {
    FIELD_TEXT(struct load_balancer, id, "id", REQUIRED, LONGEST_ID, NULL, "application and cluster"),
    FIELD_TEXT(struct load_balancer, application, "application", REQUIRED, LONGEST_ID, NULL, "owner"),
    FIELD_TEXT(struct load_balancer, cluster, "cluster", REQUIRED, 40, cluster_is_valid,
               "whose nodes it reaches"),
    FIELD_TEXT(struct load_balancer, account, "account", REQUIRED, 12, account_is_valid, "where it is"),
    FIELD_TEXT(struct load_balancer, name, "name", REQUIRED, 32, NULL, "in AWS"),
    FIELD_ENUM(struct load_balancer, state, "state", REQUIRED, load_balancer_state_names,
               "where in its life it is"),
    FIELD_INTEGER(struct load_balancer, state_since, "stateSince", REQUIRED, 0, LARGEST,
                  "ms since the epoch"),
    FIELD_TEXT(struct load_balancer, arn, "arn", OPTIONAL, 256, NULL, "the balancer"),
    FIELD_TEXT(struct load_balancer, group_arn, "groupArn", OPTIONAL, 256, NULL, "its target group"),
    FIELD_TEXT(struct load_balancer, dns_name, "dnsName", OPTIONAL, 255, NULL, "how clients find it"),
    FIELD_TEXT(struct load_balancer, hosted_zone, "hostedZone", OPTIONAL, 64, NULL, "of that name"),
    FIELD_INTEGER(struct load_balancer, healthy, "healthy", OPTIONAL, 0, LARGEST, "targets that answer"),
    FIELD_TEXT(struct load_balancer, service_id, "serviceId", OPTIONAL, 64, NULL, "endpoint service"),
    FIELD_TEXT(struct load_balancer, service_name, "serviceName", OPTIONAL, 255, NULL,
               "that consumers connect to"),
    FIELD_RECORD(struct load_balancer, settings, "settings", OPTIONAL, &endpoint_record, "as it shall be"),
    FIELD_TEXT(struct load_balancer, applied, "applied", OPTIONAL, 64, NULL, "hash of the settings it has"),
    FIELD_BOOL(struct load_balancer, announced, "announced", OPTIONAL, "clients may be told"),
    FIELD_TEXT(struct load_balancer, trouble, "trouble", OPTIONAL, LONGEST_TEXT, NULL,
               "why the cloud refused it last"),
    FIELD_LIST(struct load_balancer, history, history_count, "history", OPTIONAL, EVENTS_KEPT, &event_record,
               "what happened to it"),
    FIELD_END,
};
static const struct record load_balancer_record = {"load_balancer", sizeof(struct load_balancer),
                                                   load_balancer_fields};

static const struct {
    const char *folder;
    const struct record *record;
} kinds[RECORD_KINDS] = {
    [RECORD_COUNTERS] = {"counters", &counters_record},
    [RECORD_ACCOUNT] = {"accounts", &account_record},
    [RECORD_APPLICATION] = {"applications", &application_record},
    [RECORD_HOST] = {"hosts", &host_record},
    [RECORD_NODE] = {"nodes", &node_record},
    [RECORD_LOAD_BALANCER] = {"loadbalancers", &load_balancer_record},
};

const char *record_kind_folder(enum record_kind kind)
{
    return kinds[kind].folder;
}

const struct record *record_kind_record(enum record_kind kind)
{
    return kinds[kind].record;
}

const char *record_application(enum record_kind kind, const void *record)
{
    switch (kind) {
    case RECORD_APPLICATION:
        return ((const struct application *)record)->id;
    case RECORD_HOST:
        return ((const struct host *)record)->application;
    case RECORD_NODE:
        return ((const struct node *)record)->application;
    case RECORD_LOAD_BALANCER:
        return ((const struct load_balancer *)record)->application;
    default:
        return NULL;
    }
}

const char *record_account(enum record_kind kind, const void *record)
{
    switch (kind) {
    case RECORD_ACCOUNT:
        return ((const struct account *)record)->id;
    case RECORD_APPLICATION:
        return ((const struct application *)record)->account;
    case RECORD_HOST:
        return ((const struct host *)record)->account;
    case RECORD_LOAD_BALANCER:
        return ((const struct load_balancer *)record)->account;
    default:
        return NULL;
    }
}

const char *application_clients(const struct application *application, const struct cluster *cluster)
{
    return cluster && cluster->clients_pem ? cluster->clients_pem : application->clients_pem;
}

const struct resource_tag *application_tags(const struct application *application, const char *cluster,
                                            size_t *count)
{
    const struct cluster *found = application ? application_cluster(application, cluster) : NULL;
    *count = found ? found->tag_count : application ? application->tag_count : 0;
    return found ? found->tags : application ? application->tags : NULL;
}

const struct cluster *application_cluster(const struct application *application, const char *id)
{
    for (size_t i = 0; i < application->cluster_count; i++)
        if (text_equal(application->clusters[i].id, id))
            return &application->clusters[i];
    return NULL;
}

void application_names(struct arena *arena, const char *id, struct application_id *names)
{
    char **parts;
    size_t count = text_split(arena, id, ':', &parts);
    *names = (struct application_id){parts[0], count > 1 ? parts[1] : "", count > 2 ? parts[2] : ""};
}

char *node_instance_id(struct arena *arena, const struct zone_id *zone, const struct node *node)
{
    struct application_id names;
    application_names(arena, node->application, &names);
    return arena_format(arena, "%lld.%s.%s.%s.%s.%s.%s.node", (long long)node->index, node->cluster,
                        names.instance, names.application, names.tenant, zone->region, zone->environment);
}
