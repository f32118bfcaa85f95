#include "configserver/hosts/zone_gauges.h"

#include "base/clock.h"
#include "base/text.h"
#include "configserver/cloud/paced.h"
#include "configserver/cluster/servers.h"
#include "configserver/maintain/health.h"

/* One scrape of the zone. */
struct counting {
    struct arena *arena;
    struct exposition *exposition;
};

static void add(const struct counting *counting, const char *family, double value)
{
    exposition_add(counting->exposition, family, "", value);
}

static void add_by_state(const struct counting *counting, const char *family, const char *const *names,
                         const size_t *counts)
{
    for (size_t i = 0; names[i]; i++)
        exposition_add(counting->exposition, family, arena_format(counting->arena, "state=\"%s\"", names[i]),
                       (double)counts[i]);
}

static void add_hosts(const struct counting *counting, const struct zone *zone, const struct view *view)
{
    size_t states[HOST_GONE + 1] = {0}, down = 0, suspended = 0, refused = 0, leaving = 0;
    view_each(view, RECORD_HOST, struct host, host) {
        states[host->state]++;
        if (!host_is_up(host) && host->state != HOST_WANTED)
            continue; /* nobody waits for what is on its way out */
        down += host->down_since != 0;
        suspended += host->suspended_since != 0;
        refused += host->trouble != NULL;
        leaving += host->want_to_retire || host->want_to_fail;
    }
    add_by_state(counting, "enclave_hosts", host_state_names, states);
    add(counting, "enclave_hosts_down", (double)down);
    add(counting, "enclave_hosts_held_back", (double)hosts_held_back(zone, view));
    add(counting, "enclave_hosts_suspended", (double)suspended);
    add(counting, "enclave_hosts_refused", (double)refused);
    add(counting, "enclave_hosts_leaving_wanted", (double)leaving);
}

static void add_nodes(const struct counting *counting, const struct view *view)
{
    size_t states[NODE_GONE + 1] = {0}, down = 0, retired = 0;
    view_each(view, RECORD_NODE, struct node, node) {
        states[node->state]++;
        down += node->state == NODE_ACTIVE && node->down_since != 0;
        retired += node->state == NODE_ACTIVE && node->retired;
    }
    add_by_state(counting, "enclave_nodes", node_state_names, states);
    add(counting, "enclave_nodes_down", (double)down);
    add(counting, "enclave_nodes_retired", (double)retired);
}

static void add_load_balancers(const struct counting *counting, const struct view *view)
{
    size_t states[LOAD_BALANCER_GONE + 1] = {0}, refused = 0;
    view_each(view, RECORD_LOAD_BALANCER, struct load_balancer, balancer) {
        states[balancer->state]++;
        refused += balancer->trouble != NULL;
    }
    add_by_state(counting, "enclave_load_balancers", load_balancer_state_names, states);
    add(counting, "enclave_load_balancers_refused", (double)refused);
}

static void add_applications(const struct counting *counting, const struct view *view)
{
    static const char *const names[] = {"converged", "converging", "deleting", NULL};
    size_t states[3] = {0};
    view_each(view, RECORD_APPLICATION, struct application, application)
        states[application->deleting                                          ? 2
               : application->converged_generation == application->generation ? 0
                                                                              : 1]++;
    add_by_state(counting, "enclave_applications", names, states);
    add(counting, "enclave_accounts", (double)view_count(view, RECORD_ACCOUNT));
}

static void add_calls(const struct counting *counting, enum cloud_family family, const char *outcome,
                      int64_t count)
{
    const char *labels =
        arena_format(counting->arena, "family=\"%s\",outcome=\"%s\"", cloud_family_names[family], outcome);
    exposition_add(counting->exposition, "enclave_cloud_calls_total", labels, (double)count);
}

/* Throttled is what AWS found too fast, held back what we did not even send. */
static void add_cloud(const struct counting *counting, const struct zone *zone)
{
    for (enum cloud_family family = 0; family < CLOUD_FAMILIES; family++) {
        const struct cloud_calls calls = paced_cloud_calls(zone->paced, family);
        add_calls(counting, family, "answered", calls.made - calls.failed - calls.throttled);
        add_calls(counting, family, "failed", calls.failed);
        add_calls(counting, family, "throttled", calls.throttled);
        add_calls(counting, family, "held_back", calls.held_back);
    }
}

static void add_server(const struct counting *counting, const struct zone *zone)
{
    const struct config_servers *servers = zone->servers;
    bool leads = zone_leads(zone); /* a leader whose store is away decides nothing */
    int64_t lag_ms = leads || !servers ? 0 : clock_monotonic_ms() - atomic_load(&servers->current_ms);
    add(counting, "enclave_config_server_leads", leads ? 1 : 0);
    add(counting, "enclave_config_server_epoch", (double)repository_epoch(zone->repository));
    add(counting, "enclave_config_server_lag_seconds", (double)lag_ms / 1000);
    add(counting, "enclave_commits_total", (double)repository_sequence(zone->repository));
}

void zone_gauges_add(const struct zone *zone, const struct view *view, struct arena *arena,
                     struct exposition *exposition)
{
    const struct counting counting = {arena, exposition};
    add_hosts(&counting, zone, view);
    add_nodes(&counting, view);
    add_load_balancers(&counting, view);
    add_applications(&counting, view);
    add_cloud(&counting, zone);
    add_server(&counting, zone);
}
