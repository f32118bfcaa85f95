#include "configserver/records/invariants.h"

#include "base/text.h"
#include "configserver/records/life.h"

#include <string.h>

/* Something that only one record may have, and whose it is. */
struct claim {
    const char *what, *owner;
};

static int compare_claims(const void *a, const void *b)
{
    return strcmp(((const struct claim *)a)->what, ((const struct claim *)b)->what);
}

static const char *find_double(struct claim *claims, size_t count, const char *rule, struct arena *arena)
{
    qsort(claims, count, sizeof *claims, compare_claims);
    for (size_t i = 1; i < count; i++)
        if (text_equal(claims[i - 1].what, claims[i].what))
            return arena_format(arena, "%s: %s is of %s and of %s", rule, claims[i].what, claims[i - 1].owner,
                                claims[i].owner);
    return NULL;
}

static const char *host_instance(const struct host *host)
{
    return host->instance_id;
}

static const char *host_node_address(const struct host *host)
{
    return host->node_address;
}

static const char *host_key(const struct host *host)
{
    return host->wireguard_key;
}

static const struct {
    const char *rule;
    const char *(*of)(const struct host *host);
} host_claims[] = {
    {"an instance is one host's", host_instance},
    {"an address is one node's", host_node_address},
    {"a tunnel key is one host's", host_key},
};

static const char *check_host_claims(const struct view *view, struct arena *arena)
{
    struct claim *claims = arena_alloc(arena, (view_count(view, RECORD_HOST) + 1) * sizeof *claims);
    for (size_t i = 0; i < COUNT_OF(host_claims); i++) {
        size_t count = 0;
        view_each(view, RECORD_HOST, struct host, host) {
            const char *what = host->state < HOST_DEPROVISIONED ? host_claims[i].of(host) : NULL;
            if (what)
                claims[count++] = (struct claim){what, host->hostname};
        }
        const char *broken = find_double(claims, count, host_claims[i].rule, arena);
        if (broken)
            return broken;
    }
    return NULL;
}

static const char *check_node_claims(const struct view *view, struct arena *arena)
{
    size_t most = view_count(view, RECORD_NODE) + 1, places = 0, parents = 0;
    struct claim *place = arena_alloc(arena, most * sizeof *place),
                 *parent = arena_alloc(arena, most * sizeof *parent);
    view_each(view, RECORD_NODE, struct node, node) {
        parent[parents++] = (struct claim){node->parent, node->hostname};
        place[places++] = (struct claim){
            arena_format(arena, "%s %s %lld", node->application, node->cluster, (long long)node->index),
            node->hostname};
    }
    const char *broken = find_double(place, places, "an index is one node's, in whatever state", arena);
    return broken ? broken : find_double(parent, parents, "a host has one node", arena);
}

static const char *check_nodes(const struct view *view, struct arena *arena)
{
    view_each(view, RECORD_NODE, struct node, node) {
        const struct host *host = view_find(view, RECORD_HOST, node->parent);
        if (!view_find(view, RECORD_APPLICATION, node->application))
            return arena_format(arena, "a node is an application's: %s of %s", node->hostname,
                                node->application);
        if (!host || host->state >= HOST_DEPROVISIONED)
            return arena_format(arena, "a node is on a host: %s on %s", node->hostname, node->parent);
        if (!text_equal(host->application, node->application) || !text_equal(host->cluster, node->cluster))
            return arena_format(arena, "a host is its node's alone: %s", host->hostname);
    }
    return NULL;
}

static const char *check_owners(const struct view *view, struct arena *arena)
{
    view_each(view, RECORD_HOST, struct host, host) {
        const struct application *application = view_find(view, RECORD_APPLICATION, host->application);
        if (!application && host->state < HOST_DEPROVISIONED)
            return arena_format(arena, "a host is an application's: %s of %s", host->hostname,
                                host->application);
        if (application && host->state < HOST_DEPROVISIONED &&
            !text_equal(application->account, host->account))
            return arena_format(arena, "a host is in its application's account: %s", host->hostname);
    }
    view_each(view, RECORD_APPLICATION, struct application, application) {
        const struct account *account = view_find(view, RECORD_ACCOUNT, application->account);
        if (!account || !text_equal(account->tenant, application->tenant))
            return arena_format(arena, "an application is in its tenant's account: %s", application->id);
    }
    return NULL;
}

/* What a deployment writes, it writes together: its clusters and their load balancers. */
static const char *check_load_balancers(const struct view *view, struct arena *arena)
{
    view_each(view, RECORD_LOAD_BALANCER, struct load_balancer, balancer) {
        const struct application *application = view_find(view, RECORD_APPLICATION, balancer->application);
        if (!application || !text_equal(application->account, balancer->account))
            return arena_format(arena, "a load balancer is an application's: %s", balancer->id);
        const struct cluster *cluster = application_cluster(application, balancer->cluster);
        bool wanted = balancer->state <= LOAD_BALANCER_ACTIVE && !application->deleting;
        if (wanted && (!cluster || cluster->type != CLUSTER_CONTAINER))
            return arena_format(arena, "a load balancer is for a container cluster: %s", balancer->id);
    }
    return NULL;
}

const char *records_broken_rule(const struct view *view, struct arena *arena)
{
    static const char *(*const checks[])(const struct view *view, struct arena *arena) = {
        check_nodes, check_owners, check_host_claims, check_node_claims, check_load_balancers};
    for (size_t i = 0; i < COUNT_OF(checks); i++) {
        const char *broken = checks[i](view, arena);
        if (broken)
            return broken;
    }
    return NULL;
}
