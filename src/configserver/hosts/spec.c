#include "configserver/hosts/spec.h"

#include "base/text.h"
#include "configserver/decide/endpoint.h"
#include "configserver/decide/told.h"

const struct node *view_node_of(const struct view *view, const char *hostname)
{
    return view_of(view, NODE_OF_HOST, hostname, 0);
}

const struct host *view_host_of_instance(const struct view *view, const char *instance_id)
{
    return view_of(view, HOST_OF_INSTANCE, instance_id, 0);
}

/* All nodes of the application, in the order of their names: who may talk to this one. What of another's
 * records a spec shows, `reshapes` in records/touched.c has to know. */
static void fill_neighbours(const struct view *view, const struct node *node, struct arena *arena,
                            struct node_spec *spec)
{
    size_t most = view_count_of(view, NODES_OF_APPLICATION, node->application);
    spec->application_addresses = arena_alloc(arena, most * sizeof *spec->application_addresses);
    view_each_of(view, NODES_OF_APPLICATION, node->application, struct node, other) {
        const struct host *host = view_find(view, RECORD_HOST, other->parent);
        if (host && host->node_address)
            spec->application_addresses[spec->application_address_count++] = host->node_address;
    }
}

/* Those by which clients reach it. */
static void fill_certificate_names(const struct view *view, const struct node *node, struct arena *arena,
                                   struct node_spec *spec)
{
    const struct load_balancer *balancer =
        view_find(view, RECORD_LOAD_BALANCER, endpoint_id(arena, node->application, node->cluster));
    if (!balancer)
        return;
    spec->certificate_names = arena_alloc(arena, ENDPOINT_NAMES * sizeof *spec->certificate_names);
    spec->certificate_name_count = endpoint_names(arena, balancer, spec->certificate_names);
}

/* What the host does with it: one that failed or is kept for a look goes on running. */
static const char *wanted_of(const struct node *node)
{
    switch (node->state) {
    case NODE_INACTIVE:
        return "inactive";
    case NODE_DIRTY:
        return "dirty";
    default:
        return "active";
    }
}

static void fill_node(const struct zone *zone, const struct view *view, const struct host *host,
                      const struct node *node, const struct application *application, struct arena *arena,
                      struct node_spec *spec)
{
    const struct cluster *cluster = application_cluster(application, node->cluster);
    struct node_resources_wire *resources = arena_alloc(arena, sizeof *resources);
    if (cluster)
        *resources = (struct node_resources_wire){cluster->vcpu, cluster->memory_gb, cluster->disk_gb};
    bool container = node->cluster_type == CLUSTER_CONTAINER;
    const struct told told = told_make(view, application, node->cluster, node->cluster_type, arena);
    *spec = (struct node_spec){
        .hostname = node->hostname,
        .state = wanted_of(node),
        .tenant = application->tenant,
        .application = application->application,
        .instance = application->instance,
        .cluster_type = container ? "container" : "content",
        .cluster_id = node->cluster,
        .index = node->index,
        .image = node->image,
        .address = host->node_address,
        .resources = resources,
        .athenz_domain =
            arena_format(arena, VESPA_DOMAIN ".tenant.%s.%s", application->tenant, application->application),
        .athenz_service = application->instance,
        .instance_id = node_instance_id(arena, &zone->id, node),
        .clients_pem = told.clients_pem,
        .networks = application->networks,
        .network_count = container ? application->network_count : 0,
        .content = told.content,
        .content_count = told.content_count,
        .config_checksum = told.checksum,
        .restart_generation = node->restart_generation,
        .retired = node->retired,
    };
    fill_neighbours(view, node, arena, spec);
    fill_certificate_names(view, node, arena, spec);
}

void spec_make(const struct zone *zone, const struct view *view, const struct host *host, struct arena *arena,
               struct host_spec *spec)
{
    const struct application *application = view_find(view, RECORD_APPLICATION, host->application);
    const struct node *node = view_node_of(view, host->hostname);
    *spec = (struct host_spec){
        .hostname = host->hostname,
        .state = host_state_names[host->state],
        .host_address = host->address ? host->address : "",
        .archive_bucket = application ? application->archive_bucket : "",
        .reboot_generation = host->reboot_generation,
        .drain = host->state >= HOST_DEPROVISIONING,
    };
    if (!node || !application || node->state == NODE_RESERVED || !host->node_address)
        return;
    spec->nodes = arena_alloc(arena, sizeof *spec->nodes);
    spec->node_count = 1;
    fill_node(zone, view, host, node, application, arena, spec->nodes);
}
