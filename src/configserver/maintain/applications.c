/* The maintainers that need no cloud: they only move records along. */
#include "configserver/maintain/maintainers.h"
#include "configserver/records/life.h"

#include "base/text.h"

static void move_host(struct zone *zone, struct transaction *transaction, const struct host *host,
                      enum host_event event, const char *level, const char *what)
{
    struct host next = *host;
    const struct cause cause = zone_cause(zone, transaction, AGENT_EXPIRER, "%s", what);
    if (host_apply(&next, event, &cause, NULL) < 0)
        return;
    transaction_put(transaction, RECORD_HOST, &next);
    application_tell(zone, transaction, host->application, level, "Host %s %s", host->hostname, what);
}

static void move_hosts(struct zone *zone, struct transaction *transaction)
{
    int64_t now = zone_now_ms(zone);
    view_each(transaction_view(transaction), RECORD_HOST, struct host, host) {
        int64_t age = now - host->state_since;
        if (host->state == HOST_READY)
            move_host(zone, transaction, host, HOST_ACTIVATE, "info", "is active");
        else if (host->state == HOST_PROVISIONED && age > BOOT_LONGEST_MS)
            move_host(zone, transaction, host, HOST_LOST, "warning",
                      "never came up; launching another instance");
        else if (host->state == HOST_DEPROVISIONING && age > DRAIN_LONGEST_MS)
            move_host(zone, transaction, host, HOST_DRAIN_EXPIRED, "warning",
                      "did not report its logs archived in time; terminating it");
    }
}

static void move_nodes(struct zone *zone, struct transaction *transaction)
{
    view_each(transaction_view(transaction), RECORD_NODE, struct node, node) {
        const struct host *host = transaction_find(transaction, RECORD_HOST, node->parent);
        if (!host) {
            transaction_remove(transaction, RECORD_NODE, node->hostname);
            continue;
        }
        struct node next = *node;
        enum node_event event = host->state == HOST_ACTIVE ? NODE_ACTIVATE : NODE_HOST_LOST;
        bool due = (node->state == NODE_RESERVED && host->state == HOST_ACTIVE) ||
                   (node->state == NODE_ACTIVE && host->state < HOST_ACTIVE);
        const struct cause cause = zone_cause(zone, transaction, AGENT_ALLOCATOR, NULL);
        if (due && node_apply(&next, event, &cause, NULL) == 0)
            transaction_put(transaction, RECORD_NODE, &next);
    }
}

static bool anything_left(const struct view *view, const char *application)
{
    view_each(view, RECORD_HOST, struct host, host)
        if (text_equal(host->application, application))
            return true;
    view_each(view, RECORD_LOAD_BALANCER, struct load_balancer, balancer)
        if (text_equal(balancer->application, application))
            return true;
    return false;
}

static bool nodes_converged(const struct view *view, const struct application *application)
{
    int64_t serving = 0, wanted = 0;
    for (size_t i = 0; i < application->cluster_count; i++)
        wanted += application->clusters[i].count;
    view_each(view, RECORD_NODE, struct node, node)
        serving += text_equal(node->application, application->id) && node->state == NODE_ACTIVE &&
                   text_equal(node->service_status, "up") &&
                   (!node->current_image || text_equal(node->current_image, node->image));
    return serving >= wanted;
}

static bool load_balancers_converged(const struct view *view, const struct application *application)
{
    view_each(view, RECORD_LOAD_BALANCER, struct load_balancer, balancer) {
        if (!text_equal(balancer->application, application->id))
            continue;
        for (size_t i = 0; i < application->cluster_count; i++)
            if (text_equal(application->clusters[i].id, balancer->cluster) &&
                (balancer->state != LOAD_BALANCER_ACTIVE ||
                 balancer->healthy < application->clusters[i].count))
                return false;
    }
    return true;
}

bool application_converged(const struct view *view, const struct application *application)
{
    return !application->deleting && nodes_converged(view, application) &&
           load_balancers_converged(view, application);
}

static void settle_applications(struct zone *zone, struct transaction *transaction)
{
    const struct view *view = transaction_view(transaction);
    view_each(view, RECORD_APPLICATION, struct application, application) {
        if (application->deleting && !anything_left(view, application->id)) {
            transaction_remove(transaction, RECORD_APPLICATION, application->id);
            continue;
        }
        if (application->converged_generation == application->generation ||
            !application_converged(view, application))
            continue;
        struct application next = *application;
        next.converged_generation = next.generation;
        transaction_put(transaction, RECORD_APPLICATION, &next);
        application_tell(zone, transaction, application->id, "info", "Generation %lld is running everywhere",
                         (long long)application->generation);
    }
}

int zone_pass(struct zone *zone, struct error *err)
{
    cleanup(transaction_end) struct transaction *transaction = transaction_begin(zone->repository);
    settle_applications(zone, transaction);
    move_hosts(zone, transaction);
    move_nodes(zone, transaction);
    return transaction_commit(&transaction, err);
}
