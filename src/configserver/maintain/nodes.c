/* Hosts and nodes move along their lives: activated when they are ready, given up when they took too long,
 * removed when they are gone. */
#include "base/text.h"
#include "configserver/maintain/maintainers.h"

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

void move_hosts(struct zone *zone, struct transaction *transaction, const struct application *application)
{
    int64_t now = zone_now_ms(zone);
    const struct view *view = transaction_view(transaction);
    view_each_of(view, HOSTS_OF_APPLICATION, application->id, struct host, host)
    {
        int64_t age = now - host->state_since;
        if (host->state == HOST_READY)
            move_host(zone, transaction, host, HOST_ACTIVATE, "info", "is active");
        else if (host->state == HOST_PROVISIONED && age > zone->limits->boot_longest)
            move_host(zone, transaction, host, HOST_LOST, "warning",
                      "never came up; launching another instance");
        else if (host->state == HOST_DEPROVISIONING && age > zone->limits->drain_longest)
            move_host(zone, transaction, host, HOST_DRAIN_EXPIRED, "warning",
                      "did not report its logs archived in time; terminating it");
    }
}

void move_nodes(struct zone *zone, struct transaction *transaction, const struct application *application)
{
    const struct view *view = transaction_view(transaction);
    view_each_of(view, NODES_OF_APPLICATION, application->id, struct node, node)
    {
        const struct host *host = transaction_find(transaction, RECORD_HOST, node->parent);
        if (!host) {
            transaction_remove(transaction, RECORD_NODE, node->hostname);
            continue;
        }
        struct node next = *node;
        const struct cause cause = zone_cause(zone, transaction, AGENT_ALLOCATOR, NULL);
        enum node_event event = host->state == HOST_ACTIVE ? NODE_ACTIVATE : NODE_HOST_LOST;
        bool due = (node->state == NODE_RESERVED && host->state == HOST_ACTIVE) ||
                   (node->state == NODE_ACTIVE && host->state < HOST_ACTIVE);
        if (due && node_apply(&next, event, &cause, NULL) == 0)
            transaction_put(transaction, RECORD_NODE, &next);
    }
}
