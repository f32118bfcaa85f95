/* Hosts and their nodes as they are shown. */
#include "base/text.h"
#include "configserver/api/shown.h"
#include "configserver/decide/instance_types.h"
#include "configserver/hosts/hearing.h"
#include "configserver/records/history.h"

#include <string.h>

/* Members that are said only when there is something to say. */
static const char *const silent_zeros[] = {"cpuCores",    "capacityRefusals", "launchAfter",
                                           "lastHeardAt", "downSinceMillis",  "suspendedSinceMillis"};

static json_t *without_zeros(json_t *json)
{
    for (size_t i = 0; i < COUNT_OF(silent_zeros); i++) {
        json_t *member = json_object_get(json, silent_zeros[i]);
        if (member && json_number_value(member) == 0)
            json_object_del(json, silent_zeros[i]);
    }
    return json;
}

const char *shown_cluster_type(int type)
{
    return type == CLUSTER_CONTAINER ? "container" : "content";
}

const char *shown_application_id(struct arena *arena, const char *text)
{
    char *id = arena_strdup(arena, text);
    for (char *at = id; at && *at; at++)
        if (*at == '.')
            *at = ':';
    return id;
}

static const char **one_text(struct arena *arena, const char *text, size_t *count)
{
    const char **list = arena_alloc(arena, 2 * sizeof *list);
    list[0] = text;
    *count = text != NULL;
    return list;
}

static const char *account_text(struct arena *arena, const char *account)
{
    return account ? arena_format(arena, "aws:%s", account) : NULL;
}

static const char *orchestrator_status(int64_t suspended_since)
{
    return suspended_since ? "ALLOWED_TO_BE_DOWN" : "NO_REMARKS";
}

/* As the cluster is now; NULL when the application does not have it any more. */
static struct shown_resources *resources_of(const struct view *view, const char *application,
                                            const char *cluster_id, double disk_gb, struct arena *arena)
{
    const struct application *owner = view_find(view, RECORD_APPLICATION, application);
    const struct cluster *cluster = owner ? application_cluster(owner, cluster_id) : NULL;
    if (!cluster)
        return NULL;
    struct shown_resources *resources = arena_alloc(arena, sizeof *resources);
    const struct instance_type *type =
        cluster->instance_type ? instance_type_find(cluster->instance_type) : NULL;
    *resources =
        (struct shown_resources){.vcpu = cluster->vcpu,
                                 .memory_gb = cluster->memory_gb,
                                 .disk_gb = disk_gb > 0 ? disk_gb : cluster->disk_gb,
                                 .disk_speed = cluster->disk_speed,
                                 .storage_type = "remote", /* on volumes, whatever disks a type has */
                                 .architecture = type ? type->architecture : NULL};
    return resources;
}

static struct shown_tunnel *tunnel_of(struct zone *zone, const struct host *host, struct arena *arena)
{
    if (!host->wireguard_key)
        return NULL;
    struct shown_tunnel *tunnel = arena_alloc(arena, sizeof *tunnel);
    *tunnel = (struct shown_tunnel){host->wireguard_key, zone_host_address(arena, zone, host->index),
                                    host->wireguard_key_at};
    return tunnel;
}

static int64_t heard_at(struct zone *zone, const struct host *host)
{
    int64_t at;
    return hearing_last(zone->hearing, host->hostname, &at) ? at : 0;
}

static const struct instance_type *type_of(const struct host *host)
{
    return host->instance_type ? instance_type_find(host->instance_type) : NULL;
}

static int64_t cents_an_hour(const struct host *host)
{
    const struct instance_type *type = type_of(host);
    return type && host->instance_id ? (int64_t)(type->price * 100 + 0.5) : 0;
}

/* NULL when the table does not know the type. */
static struct shown_resources *machine_of(const struct host *host, struct arena *arena)
{
    const struct instance_type *type = type_of(host);
    if (!type)
        return NULL;
    struct shown_resources *machine = arena_alloc(arena, sizeof *machine);
    *machine = (struct shown_resources){.vcpu = type->vcpu,
                                        .memory_gb = type->memory_gb,
                                        .disk_gb = host->disk_gb,
                                        .disk_speed = "fast",
                                        .storage_type = "remote",
                                        .architecture = type->architecture};
    return machine;
}

json_t *show_host(struct zone *zone, const struct view *view, const struct host *host, struct arena *arena)
{
    const struct node *node = view_of(view, NODE_OF_HOST, host->hostname, 0);
    struct shown_host shown = {
        .url = arena_format(arena, "/nodes/v2/node/%s", host->hostname),
        .id = host->instance_id,
        .state = host_state_names[host->state],
        .type = "host",
        .environment = "VIRTUAL_MACHINE",
        .hostname = host->hostname,
        .flavor = host->instance_type,
        .exclusive_to = host->application,
        .cluster_id = host->cluster,
        .cloud_account = account_text(arena, host->account),
        .availability_zone = host->availability_zone,
        .resources = resources_of(view, host->application, host->cluster, host->disk_gb, arena),
        .real_resources = machine_of(host, arena),
        .state_since = host->state_since,
        .cost = cents_an_hour(host),
        .reboot_generation = host->reboot_generation,
        .current_reboot_generation = host->current_reboot_generation,
        .fail_count = host->failures,
        .capacity_refusals = host->refusals,
        .launch_after = host->launch_after > zone_now_ms(zone) ? host->launch_after : 0,
        .want_to_retire = host->want_to_retire,
        .want_to_fail = host->want_to_fail,
        .want_to_deprovision = host_is_leaving(host),
        .down = host->down_since != 0,
        .wish_reason = host->wish_reason,
        .trouble = host->trouble,
        .orchestrator_status = orchestrator_status(host->suspended_since),
        .down_since = host->down_since,
        .suspended_since = host->suspended_since,
        .last_heard_at = heard_at(zone, host),
        .wireguard = tunnel_of(zone, host, arena),
        .reports = host->reports,
    };
    if (shown.real_resources)
        shown.cpu_cores = shown.real_resources->vcpu;
    const struct history newest = history_newest(arena, host->history, host->history_count),
                         recent = history_recent(host->history, host->history_count);
    shown.history = newest.events;
    shown.history_count = newest.count;
    shown.log = recent.events;
    shown.log_count = recent.count;
    shown.addresses = one_text(arena, host->address, &shown.address_count);
    shown.node_addresses = one_text(arena, host->node_address, &shown.node_address_count);
    shown.node_hostnames = one_text(arena, node ? node->hostname : NULL, &shown.node_hostname_count);
    return without_zeros(record_write(&shown_host_record, &shown));
}

/* "s3://bucket/tenant/application/instance/cluster/h100/": hosts archive, each under its own name. */
static const char *archive_uri(const struct view *view, const struct node *node,
                               const struct application_id *names, struct arena *arena)
{
    const struct application *application = view_find(view, RECORD_APPLICATION, node->application);
    if (!application || !application->archive_bucket)
        return NULL;
    return arena_format(arena, "s3://%s/%s/%s/%s/%s/%.*s/", application->archive_bucket, names->tenant,
                        names->application, names->instance, node->cluster, (int)strcspn(node->parent, "."),
                        node->parent);
}

json_t *show_node(struct zone *zone, const struct view *view, const struct node *node, struct arena *arena)
{
    const struct host *host = view_find(view, RECORD_HOST, node->parent);
    struct application_id names;
    application_names(arena, node->application, &names);
    struct shown_owner owner = {names.tenant, names.application, names.instance};
    struct shown_membership membership = {shown_cluster_type(node->cluster_type), node->cluster,
                                          arena_format(arena, "%lld", (long long)node->group), node->index,
                                          node->retired};
    struct shown_node shown = {
        .url = arena_format(arena, "/nodes/v2/node/%s", node->hostname),
        .id = node_instance_id(arena, &zone->id, node),
        .state = node_state_names[node->state],
        .type = "tenant",
        .environment = "DOCKER_CONTAINER",
        .hostname = node->hostname,
        .parent_hostname = node->parent,
        .cloud_account = account_text(arena, host ? host->account : NULL),
        .owner = &owner,
        .membership = &membership,
        .requested_resources = resources_of(view, node->application, node->cluster, 0, arena),
        .state_since = node->state_since,
        .restart_generation = node->restart_generation,
        .current_restart_generation = node->current_restart_generation,
        .wanted_image = node->image,
        .current_image = node->current_image,
        .vespa_version = node->vespa_version,
        .service_status = node->service_status,
        .status_message = node->status_message,
        .want_to_retire = host && host->want_to_retire,
        .want_to_fail = host && host->want_to_fail,
        .down = node->down_since != 0,
        .data_moved = node->data_moved,
        .orchestrator_status = orchestrator_status(node->suspended_since),
        .down_since = node->down_since,
        .suspended_since = node->suspended_since,
        .archive_uri = archive_uri(view, node, &names, arena),
        .reports = node->reports,
    };
    const struct history newest = history_newest(arena, node->history, node->history_count),
                         recent = history_recent(node->history, node->history_count);
    shown.history = newest.events;
    shown.history_count = newest.count;
    shown.log = recent.events;
    shown.log_count = recent.count;
    shown.addresses = one_text(arena, host ? host->node_address : NULL, &shown.address_count);
    return without_zeros(record_write(&shown_node_record, &shown));
}
