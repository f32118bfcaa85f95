#include "configserver/records/life.h"

#include "base/text.h"

/* A transition that has a guard is skipped when the guard does not hold, so one event may lead to several
 * states. */
struct transition {
    int from, event, to;
    bool (*guard)(const void *record);
    void (*effect)(void *record);
};

static bool has_instance(const void *record)
{
    return ((const struct host *)record)->instance_id;
}

static bool has_addresses_and_key(const void *record)
{
    const struct host *host = record;
    return host->address && host->node_address && host->wireguard_key;
}

/* The next instance is another machine: it proves itself anew and gets nothing from this one. */
static void forget_instance(void *record)
{
    struct host *host = record;
    host->launches++;
    host->instance_id = host->address = host->node_address = host->wireguard_key = host->key_hash = NULL;
    host->registered_at = 0;
}

static void forget_failed_instance(void *record)
{
    ((struct host *)record)->failures++;
    forget_instance(record);
}

/* After instances that ended at once the reason stays until one does not. */
static void forget_trouble(void *record)
{
    struct host *host = record;
    if (host->failures == 0)
        host->trouble = NULL;
}

static void forget_failures(void *record)
{
    ((struct host *)record)->failures = 0;
    forget_trouble(record);
}

static void forget_service(void *record)
{
    struct node *node = record;
    node->service_status = node->status_message = NULL;
}

static void forget_targets(void *record)
{
    struct load_balancer *balancer = record;
    balancer->healthy = 0;
    balancer->trouble = NULL;
}

/* clang-format off */
static const struct transition host_life[] = {
    /* from                 event               to                    if                     then            */
    { HOST_WANTED,          HOST_LAUNCHED,      HOST_PROVISIONED,     has_instance,          forget_trouble  },
    { HOST_WANTED,          HOST_RELEASE,       HOST_TERMINATING,     NULL,                  NULL            },
    { HOST_PROVISIONED,     HOST_REACHED_US,    HOST_READY,           has_addresses_and_key, forget_failures },
    { HOST_PROVISIONED,     HOST_LOST,          HOST_WANTED,          NULL,                  forget_failed_instance },
    { HOST_PROVISIONED,     HOST_RELEASE,       HOST_TERMINATING,     NULL,                  NULL            },
    { HOST_READY,           HOST_REACHED_US,    HOST_READY,           NULL,                  NULL            },
    { HOST_READY,           HOST_ACTIVATE,      HOST_ACTIVE,          NULL,                  NULL            },
    { HOST_READY,           HOST_LOST,          HOST_WANTED,          NULL,                  forget_instance },
    { HOST_READY,           HOST_RELEASE,       HOST_DEPROVISIONING,  NULL,                  NULL            },
    { HOST_ACTIVE,          HOST_REACHED_US,    HOST_ACTIVE,          NULL,                  NULL            },
    { HOST_ACTIVE,          HOST_LOST,          HOST_WANTED,          NULL,                  forget_instance },
    { HOST_ACTIVE,          HOST_RELEASE,       HOST_DEPROVISIONING,  NULL,                  NULL            },
    { HOST_DEPROVISIONING,  HOST_REACHED_US,    HOST_DEPROVISIONING,  NULL,                  NULL            },
    { HOST_DEPROVISIONING,  HOST_DRAINED,       HOST_TERMINATING,     NULL,                  NULL            },
    { HOST_DEPROVISIONING,  HOST_DRAIN_EXPIRED, HOST_TERMINATING,     NULL,                  NULL            },
    { HOST_DEPROVISIONING,  HOST_LOST,          HOST_TERMINATING,     NULL,                  NULL            },
    { HOST_TERMINATING,     HOST_LAUNCHED,      HOST_TERMINATING,     has_instance,          NULL            },
    { HOST_TERMINATING,     HOST_TERMINATED,    HOST_GONE,            NULL,                  NULL            },
};

static const struct transition node_life[] = {
    { NODE_RESERVED,        NODE_ACTIVATE,      NODE_ACTIVE,          NULL,                  NULL            },
    { NODE_RESERVED,        NODE_HOST_LOST,     NODE_RESERVED,        NULL,                  forget_service  },
    { NODE_RESERVED,        NODE_RETIRE,        NODE_INACTIVE,        NULL,                  NULL            },
    { NODE_ACTIVE,          NODE_HOST_LOST,     NODE_RESERVED,        NULL,                  forget_service  },
    { NODE_ACTIVE,          NODE_RETIRE,        NODE_INACTIVE,        NULL,                  NULL            },
    { NODE_INACTIVE,        NODE_HOST_LOST,     NODE_INACTIVE,        NULL,                  forget_service  },
};

static const struct transition load_balancer_life[] = {
    { LOAD_BALANCER_WANTED,   LOAD_BALANCER_PROVISIONED, LOAD_BALANCER_ACTIVE,   NULL,       forget_targets  },
    { LOAD_BALANCER_WANTED,   LOAD_BALANCER_REMOVE,      LOAD_BALANCER_REMOVING, NULL,       forget_targets  },
    { LOAD_BALANCER_ACTIVE,   LOAD_BALANCER_REMOVE,      LOAD_BALANCER_REMOVING, NULL,       forget_targets  },
    { LOAD_BALANCER_REMOVING, LOAD_BALANCER_REMOVED,     LOAD_BALANCER_GONE,     NULL,       NULL            },
};
/* clang-format on */

static const char *const host_events[] = {"launched", "reached us", "activate",      "lost",
                                          "release",  "drained",    "drain expired", "terminated"};
static const char *const node_events[] = {"activate", "host lost", "retire"};
static const char *const load_balancer_events[] = {"provisioned", "remove", "removed"};

static int apply(const struct transition *life, size_t count, void *record, int event, int *state,
                 int64_t *state_since, int64_t now_ms)
{
    for (size_t i = 0; i < count; i++) {
        const struct transition *transition = &life[i];
        if (transition->from != *state || transition->event != event ||
            (transition->guard && !transition->guard(record)))
            continue;
        if (transition->to != *state)
            *state_since = now_ms;
        *state = transition->to;
        if (transition->effect)
            transition->effect(record);
        return 0;
    }
    return -1;
}

int64_t host_launch_due(const struct host *host)
{
    enum { LONGEST_WAIT_MS = 5 * 60 * 1000, FIRST_WAIT_MS = 4000 };
    if (host->failures == 0)
        return host->state_since;
    int64_t wait = (int64_t)FIRST_WAIT_MS << (host->failures < 8 ? host->failures - 1 : 7);
    return host->state_since + (wait < LONGEST_WAIT_MS ? wait : LONGEST_WAIT_MS);
}

int host_apply(struct host *host, enum host_event event, int64_t now_ms, struct error *err)
{
    if (apply(host_life, COUNT_OF(host_life), host, (int)event, &host->state, &host->state_since, now_ms) < 0)
        return error_set(err, ERROR_CONFLICT, "host %s is %s: '%s' does not apply", host->hostname,
                         host_state_names[host->state], host_events[event]);
    return 0;
}

int node_apply(struct node *node, enum node_event event, int64_t now_ms, struct error *err)
{
    if (apply(node_life, COUNT_OF(node_life), node, (int)event, &node->state, &node->state_since, now_ms) < 0)
        return error_set(err, ERROR_CONFLICT, "node %s is %s: '%s' does not apply", node->hostname,
                         node_state_names[node->state], node_events[event]);
    return 0;
}

int load_balancer_apply(struct load_balancer *balancer, enum load_balancer_event event, int64_t now_ms,
                        struct error *err)
{
    if (apply(load_balancer_life, COUNT_OF(load_balancer_life), balancer, (int)event, &balancer->state,
              &balancer->state_since, now_ms) < 0)
        return error_set(err, ERROR_CONFLICT, "load balancer %s is %s: '%s' does not apply", balancer->id,
                         load_balancer_state_names[balancer->state], load_balancer_events[event]);
    return 0;
}
