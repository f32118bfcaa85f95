/* What must hold of each record by itself, whatever led to it: checked whenever one is written. What must
 * hold between records is invariants.c's. */
#include "configserver/records/life.h"

/* What it must have by then. */
static const char *host_lacks(const struct host *host)
{
    bool reached_us = host->state >= HOST_READY && host->state <= HOST_PARKED;
    if (host->state == HOST_WANTED && host->instance_id)
        return "a wanted host has no instance";
    if (host_is_up(host) && !host->instance_id)
        return "a host that was launched has an instance";
    if (reached_us && !(host->address && host->node_address && host->wireguard_key))
        return "a host that reached us has addresses and a tunnel key";
    return NULL;
}

static const char *host_broken_rule(const struct host *host)
{
    if (host->down_since && (host->state < HOST_READY || host->state > HOST_DEPROVISIONING))
        return "only a host that reached us can be down";
    if (host->suspended_since && host->state < HOST_ACTIVE)
        return "only a host that was active is suspended";
    if (host->want_to_fail && host->state < HOST_READY)
        return "what never ran does not fail: it is lost";
    return host->state < HOST_WANTED || host->state > HOST_GONE ? "no such state" : host_lacks(host);
}

static const char *node_broken_rule(const struct node *node)
{
    if (node->retired && node->state == NODE_RESERVED)
        return "a node that never ran is released, not retired";
    if (node->service_status && node->state == NODE_RESERVED && node->down_since)
        return "a node that waits for its host is not down";
    if (node->parting_since && node->state == NODE_RESERVED)
        return "only a node that was active parts";
    return node->state < NODE_RESERVED || node->state > NODE_GONE ? "no such state" : NULL;
}

static const char *load_balancer_broken_rule(const struct load_balancer *balancer)
{
    bool made = balancer->state == LOAD_BALANCER_ACTIVE || balancer->state == LOAD_BALANCER_INACTIVE;
    if (made && !(balancer->arn && balancer->group_arn && balancer->dns_name))
        return "a load balancer that was made has its names in the cloud";
    if (balancer->announced && !made)
        return "only a load balancer that is there is announced";
    return NULL;
}

const char *record_broken_rule(enum record_kind kind, const void *record)
{
    switch (kind) {
    case RECORD_HOST:
        return host_broken_rule(record);
    case RECORD_NODE:
        return node_broken_rule(record);
    case RECORD_LOAD_BALANCER:
        return load_balancer_broken_rule(record);
    default:
        return NULL;
    }
}
