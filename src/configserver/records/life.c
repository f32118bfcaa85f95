#include "configserver/records/life.h"

#include "base/text.h"
#include "configserver/records/history.h"

/* A transition that has a guard is skipped when the guard does not hold, so one event may lead to several
 * states. ANY stands for every state of the life; what comes first in the table wins. */
enum { ANY = -1, SAME = -2 };

struct transition {
    int from, event, to;
    bool (*guard)(const void *record);
    void (*effect)(void *record, const struct cause *cause);
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
static void forget_instance(void *record, const struct cause *cause)
{
    (void)cause;
    struct host *host = record;
    host->launches++;
    host->instance_id = host->address = host->node_address = host->wireguard_key = host->key_hash = NULL;
    host->launch_token = NULL;
    host->launch_index = host->launch_after = 0;
    host->registered_at = host->wireguard_key_at = host->down_since = host->suspended_since = 0;
    host->current_reboot_generation = host->reboot_generation;
    host->want_to_retire = host->want_to_fail = false;
    host->wish_reason = NULL;
    host->reports = NULL;
}

static void forget_failed_instance(void *record, const struct cause *cause)
{
    ((struct host *)record)->failures++;
    forget_instance(record, cause);
}

/* After instances that ended at once the reason stays until one does not. */
static void note_launch(void *record, const struct cause *cause)
{
    (void)cause;
    struct host *host = record;
    host->refusals = 0;
    if (host->failures == 0)
        host->trouble = NULL;
}

static void forget_failures(void *record, const struct cause *cause)
{
    struct host *host = record;
    host->failures = 0;
    note_launch(record, cause);
}

static void wish_retire(void *record, const struct cause *cause)
{
    struct host *host = record;
    host->want_to_retire = true;
    host->wish_reason = cause->reason;
}

static void wish_fail(void *record, const struct cause *cause)
{
    struct host *host = record;
    host->want_to_fail = true;
    host->wish_reason = cause->reason;
}

static void forget_wishes(void *record, const struct cause *cause)
{
    (void)cause;
    struct host *host = record;
    host->want_to_retire = host->want_to_fail = false;
    host->wish_reason = NULL;
}

static void host_down(void *record, const struct cause *cause)
{
    ((struct host *)record)->down_since = cause->at;
}

static void host_up(void *record, const struct cause *cause)
{
    (void)cause;
    ((struct host *)record)->down_since = 0;
}

static void host_suspend(void *record, const struct cause *cause)
{
    ((struct host *)record)->suspended_since = cause->at;
}

static void host_resume(void *record, const struct cause *cause)
{
    (void)cause;
    ((struct host *)record)->suspended_since = 0;
}

/* What is to be terminated need not be heard. */
static void stop_listening(void *record, const struct cause *cause)
{
    (void)cause;
    ((struct host *)record)->down_since = 0;
}

static void forget_ways(void *record, const struct cause *cause)
{
    (void)cause;
    struct host *host = record;
    host->address = host->node_address = host->wireguard_key = host->key_hash = NULL;
    host->wireguard_key_at = host->down_since = host->suspended_since = 0;
}

static void want_reboot(void *record, const struct cause *cause)
{
    (void)cause;
    ((struct host *)record)->reboot_generation++;
}

static void want_restart(void *record, const struct cause *cause)
{
    (void)cause;
    ((struct node *)record)->restart_generation++;
}

/* Which generation was carried out stands in the record already: only a line for its history. */
static void note(void *record, const struct cause *cause)
{
    (void)record;
    (void)cause;
}

static void forget_service(void *record, const struct cause *cause)
{
    (void)cause;
    struct node *node = record;
    node->service_status = node->status_message = NULL;
    node->current_image = NULL;
    node->certificate_names = NULL;
    node->certificate_name_count = 0;
    node->first_up_at = node->down_since = node->suspended_since = 0;
    node->data_moved = node->reached = false;
    node->parting_since = 0;
}

static void node_retire(void *record, const struct cause *cause)
{
    struct node *node = record;
    node->retired = true;
    node->retired_since = cause->at;
}

static void node_unretire(void *record, const struct cause *cause)
{
    (void)cause;
    struct node *node = record;
    node->retired = node->data_moved = false;
    node->retired_since = node->parting_since = 0;
}

static void node_down(void *record, const struct cause *cause)
{
    ((struct node *)record)->down_since = cause->at;
}

static void node_up(void *record, const struct cause *cause)
{
    struct node *node = record;
    node->down_since = 0;
    if (!node->first_up_at)
        node->first_up_at = cause->at;
}

static void node_suspend(void *record, const struct cause *cause)
{
    ((struct node *)record)->suspended_since = cause->at;
}

static void node_resume(void *record, const struct cause *cause)
{
    (void)cause;
    ((struct node *)record)->suspended_since = 0;
}

static void node_part(void *record, const struct cause *cause)
{
    ((struct node *)record)->parting_since = cause->at;
}

static void node_stay(void *record, const struct cause *cause)
{
    (void)cause;
    ((struct node *)record)->parting_since = 0;
}

static void node_unroute(void *record, const struct cause *cause)
{
    node_stay(record, cause);
    ((struct node *)record)->reached = false;
}

static void node_leave(void *record, const struct cause *cause)
{
    (void)cause;
    struct node *node = record;
    node->first_up_at = node->down_since = node->suspended_since = node->parting_since = 0;
    node->service_status = node->status_message = NULL;
    node->reached = false;
}

static bool is_retired(const void *record)
{
    return ((const struct node *)record)->retired;
}

static bool has_names(const void *record)
{
    const struct load_balancer *balancer = record;
    return balancer->arn && balancer->group_arn && balancer->dns_name;
}

static void forget_targets(void *record, const struct cause *cause)
{
    (void)cause;
    struct load_balancer *balancer = record;
    balancer->healthy = 0;
    balancer->trouble = NULL;
}

static void forget_balancer(void *record, const struct cause *cause)
{
    struct load_balancer *balancer = record;
    forget_targets(record, cause);
    balancer->arn = balancer->group_arn = balancer->dns_name = balancer->hosted_zone = NULL;
    balancer->service_id = balancer->service_name = balancer->applied = NULL;
    balancer->announced = false;
}

static void unannounce(void *record, const struct cause *cause)
{
    forget_targets(record, cause);
    ((struct load_balancer *)record)->announced = false;
}

/* clang-format off */
static const struct transition host_life[] = {
    /* from                 event               to                    if                     then            */
    { HOST_WANTED,          HOST_LAUNCHED,      HOST_PROVISIONED,     has_instance,          note_launch     },
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
    { HOST_ACTIVE,          HOST_SUSPEND,       HOST_ACTIVE,          NULL,                  host_suspend    },
    { HOST_ACTIVE,          HOST_FAIL,          HOST_FAILED,          NULL,                  NULL            },
    { HOST_ACTIVE,          HOST_RELEASE,       HOST_DEPROVISIONING,  NULL,                  NULL            },

    { HOST_FAILED,          HOST_REACHED_US,    HOST_FAILED,          NULL,                  NULL            },
    { HOST_FAILED,          HOST_PARK,          HOST_PARKED,          NULL,                  NULL            },
    { HOST_FAILED,          HOST_RELEASE,       HOST_DEPROVISIONING,  NULL,                  NULL            },
    { HOST_FAILED,          HOST_LOST,          HOST_TERMINATING,     NULL,                  stop_listening },
    { HOST_PARKED,          HOST_REACHED_US,    HOST_PARKED,          NULL,                  NULL            },
    { HOST_PARKED,          HOST_RELEASE,       HOST_DEPROVISIONING,  NULL,                  NULL            },
    { HOST_PARKED,          HOST_LOST,          HOST_TERMINATING,     NULL,                  stop_listening },

    { HOST_DEPROVISIONING,  HOST_REACHED_US,    HOST_DEPROVISIONING,  NULL,                  NULL            },
    { HOST_DEPROVISIONING,  HOST_DRAINED,       HOST_TERMINATING,     NULL,                  stop_listening },
    { HOST_DEPROVISIONING,  HOST_DRAIN_EXPIRED, HOST_TERMINATING,     NULL,                  stop_listening },
    { HOST_DEPROVISIONING,  HOST_LOST,          HOST_TERMINATING,     NULL,                  stop_listening },

    { HOST_TERMINATING,     HOST_LAUNCHED,      HOST_TERMINATING,     has_instance,          NULL            },
    { HOST_TERMINATING,     HOST_TERMINATED,    HOST_DEPROVISIONED,   NULL,                  forget_ways     },
    { HOST_DEPROVISIONED,   HOST_FORGET,        HOST_GONE,            NULL,                  NULL            },

    { HOST_PROVISIONED,     HOST_WISH_RETIRE,   SAME,                 NULL,                  wish_retire     },
    { HOST_READY,           HOST_WISH_RETIRE,   SAME,                 NULL,                  wish_retire     },
    { HOST_ACTIVE,          HOST_WISH_RETIRE,   SAME,                 NULL,                  wish_retire     },
    { HOST_READY,           HOST_WISH_FAIL,     SAME,                 NULL,                  wish_fail       },
    { HOST_ACTIVE,          HOST_WISH_FAIL,     SAME,                 NULL,                  wish_fail       },
    { HOST_PROVISIONED,     HOST_UNWISH,        SAME,                 NULL,                  forget_wishes   },
    { HOST_READY,           HOST_UNWISH,        SAME,                 NULL,                  forget_wishes   },
    { HOST_ACTIVE,          HOST_UNWISH,        SAME,                 NULL,                  forget_wishes   },
    { HOST_READY,           HOST_WENT_DOWN,     SAME,                 NULL,                  host_down       },
    { HOST_ACTIVE,          HOST_WENT_DOWN,     SAME,                 NULL,                  host_down       },
    { HOST_FAILED,          HOST_WENT_DOWN,     SAME,                 NULL,                  host_down       },
    { HOST_PARKED,          HOST_WENT_DOWN,     SAME,                 NULL,                  host_down       },
    { HOST_DEPROVISIONING,  HOST_WENT_DOWN,     SAME,                 NULL,                  host_down       },
    { ANY,                  HOST_CAME_UP,       SAME,                 NULL,                  host_up         },
    { ANY,                  HOST_RESUME,        SAME,                 NULL,                  host_resume     },
    { HOST_ACTIVE,          HOST_WANT_REBOOT,   SAME,                 NULL,                  want_reboot     },
    { ANY,                  HOST_REBOOTED,      SAME,                 NULL,                  note            },
};

static const struct transition node_life[] = {
    { NODE_RESERVED,        NODE_ACTIVATE,      NODE_ACTIVE,          NULL,                  NULL            },
    { NODE_RESERVED,        NODE_HOST_LOST,     NODE_RESERVED,        NULL,                  forget_service  },
    { NODE_RESERVED,        NODE_RELEASE,       NODE_DIRTY,           NULL,                  node_leave      },

    { NODE_ACTIVE,          NODE_HOST_LOST,     NODE_DIRTY,           is_retired,            forget_service  },
    { NODE_ACTIVE,          NODE_HOST_LOST,     NODE_RESERVED,        NULL,                  forget_service  },
    { NODE_ACTIVE,          NODE_RETIRE,        NODE_ACTIVE,          NULL,                  node_retire     },
    { NODE_ACTIVE,          NODE_UNRETIRE,      NODE_ACTIVE,          is_retired,            node_unretire   },
    { NODE_ACTIVE,          NODE_WENT_DOWN,     NODE_ACTIVE,          NULL,                  node_down       },
    { NODE_ACTIVE,          NODE_CAME_UP,       NODE_ACTIVE,          NULL,                  node_up         },
    { NODE_ACTIVE,          NODE_SUSPEND,       NODE_ACTIVE,          NULL,                  node_suspend    },
    { NODE_ACTIVE,          NODE_RESUME,        NODE_ACTIVE,          NULL,                  node_resume     },
    { NODE_ACTIVE,          NODE_PART,          NODE_ACTIVE,          NULL,                  node_part       },
    { NODE_ACTIVE,          NODE_STAY,          NODE_ACTIVE,          NULL,                  node_stay       },
    { NODE_ACTIVE,          NODE_DEACTIVATE,    NODE_INACTIVE,        NULL,                  node_leave      },
    { NODE_ACTIVE,          NODE_FAIL,          NODE_FAILED,          NULL,                  node_unroute    },
    { NODE_ACTIVE,          NODE_RELEASE,       NODE_DIRTY,           NULL,                  node_leave      },

    { NODE_INACTIVE,        NODE_REACTIVATE,    NODE_RESERVED,        NULL,                  node_unretire   },
    { NODE_INACTIVE,        NODE_HOST_LOST,     NODE_DIRTY,           NULL,                  forget_service  },
    { NODE_INACTIVE,        NODE_RELEASE,       NODE_DIRTY,           NULL,                  NULL            },
    { NODE_FAILED,          NODE_PARK,          NODE_PARKED,          NULL,                  NULL            },
    { NODE_FAILED,          NODE_HOST_LOST,     NODE_DIRTY,           NULL,                  forget_service  },
    { NODE_FAILED,          NODE_RELEASE,       NODE_DIRTY,           NULL,                  node_leave      },
    { NODE_PARKED,          NODE_HOST_LOST,     NODE_DIRTY,           NULL,                  forget_service  },
    { NODE_PARKED,          NODE_RELEASE,       NODE_DIRTY,           NULL,                  node_leave      },

    { NODE_DIRTY,           NODE_HOST_LOST,     NODE_DIRTY,           NULL,                  forget_service  },
    { NODE_DIRTY,           NODE_REMOVED,       NODE_GONE,            NULL,                  NULL            },

    { NODE_ACTIVE,          NODE_WANT_RESTART,  SAME,                 NULL,                  want_restart    },
    { ANY,                  NODE_RESTARTED,     SAME,                 NULL,                  note            },
};

static const struct transition load_balancer_life[] = {
    { LOAD_BALANCER_WANTED,   LOAD_BALANCER_PROVISIONED, LOAD_BALANCER_ACTIVE,   has_names,  forget_targets  },
    { LOAD_BALANCER_WANTED,   LOAD_BALANCER_REMOVE,      LOAD_BALANCER_REMOVING, NULL,       unannounce      },
    { LOAD_BALANCER_ACTIVE,   LOAD_BALANCER_LOST,        LOAD_BALANCER_WANTED,   NULL,       forget_balancer },
    { LOAD_BALANCER_ACTIVE,   LOAD_BALANCER_DEACTIVATE,  LOAD_BALANCER_INACTIVE, NULL,       NULL            },
    { LOAD_BALANCER_ACTIVE,   LOAD_BALANCER_REMOVE,      LOAD_BALANCER_REMOVING, NULL,       unannounce      },
    { LOAD_BALANCER_INACTIVE, LOAD_BALANCER_REACTIVATE,  LOAD_BALANCER_ACTIVE,   NULL,       NULL            },
    { LOAD_BALANCER_INACTIVE, LOAD_BALANCER_LOST,        LOAD_BALANCER_REMOVING, NULL,       unannounce      },
    { LOAD_BALANCER_INACTIVE, LOAD_BALANCER_REMOVE,      LOAD_BALANCER_REMOVING, NULL,       unannounce      },
    { LOAD_BALANCER_REMOVING, LOAD_BALANCER_REMOVED,     LOAD_BALANCER_GONE,     NULL,       NULL            },
};
/* clang-format on */

static const char *const host_events[] = {"launched",     "reached us", "activate",     "lost",
                                          "wantToRetire", "wantToFail", "unwanted",     "down",
                                          "up",           "suspended",  "resumed",      "failed",
                                          "parked",       "release",    "drained",      "drain expired",
                                          "terminated",   "forget",     "wantToReboot", "rebooted"};
static const char *const node_events[] = {"activate",   "host lost",     "retire",   "unretire", "down",
                                          "up",         "suspended",     "resumed",  "parting",  "staying",
                                          "deactivate", "reactivate",    "fail",     "park",     "release",
                                          "removed",    "wantToRestart", "restarted"};
static const char *const load_balancer_events[] = {"provisioned", "lost",   "deactivate",
                                                   "reactivate",  "remove", "removed"};

/* What the three kinds of records have in common, and where. */
struct life {
    const struct transition *transitions;
    size_t count;
    const char *const *events;
};

struct living {
    void *record;
    int *state;
    int64_t *state_since;
    struct event **history;
    size_t *history_count;
};

static void remember(const struct living *living, const char *event, const struct cause *cause)
{
    const struct history old = {*living->history, *living->history_count};
    const struct event now = {event, cause->at, agent_names[cause->agent], cause->reason};
    const struct history next = history_add(cause->arena, &old, &now);
    *living->history = next.events;
    *living->history_count = next.count;
}

/* Nothing is before the first state, so that it takes no event; but its history begins there. */
static void begin(const struct living *living, int state, const char *name, const struct cause *cause)
{
    *living->state = state;
    *living->state_since = cause->at;
    remember(living, name, cause);
}

/* A transition that changes nothing leaves no line. */
static int apply(const struct life *life, const struct living *living, int event, const struct cause *cause)
{
    for (size_t i = 0; i < life->count; i++) {
        const struct transition *transition = &life->transitions[i];
        if ((transition->from != ANY && transition->from != *living->state) || transition->event != event ||
            (transition->guard && !transition->guard(living->record)))
            continue;
        int to = transition->to == SAME ? *living->state : transition->to;
        if (to != *living->state)
            *living->state_since = cause->at;
        if (to != *living->state || transition->effect)
            remember(living, life->events[event], cause);
        *living->state = to;
        if (transition->effect)
            transition->effect(living->record, cause);
        return 0;
    }
    return -1;
}

static struct living living_host(struct host *host)
{
    return (struct living){host, &host->state, &host->state_since, &host->history, &host->history_count};
}

void host_begin(struct host *host, const struct cause *cause)
{
    const struct living living = living_host(host);
    begin(&living, HOST_WANTED, host_state_names[HOST_WANTED], cause);
}

int host_apply(struct host *host, enum host_event event, const struct cause *cause, struct error *err)
{
    static const struct life life = {host_life, COUNT_OF(host_life), host_events};
    const struct living living = living_host(host);
    if (apply(&life, &living, (int)event, cause) < 0)
        return error_set(err, ERROR_CONFLICT, "host %s is %s: '%s' does not apply", host->hostname,
                         host_state_names[host->state], host_events[event]);
    return 0;
}

const struct event *host_last_event(const struct host *host, enum host_event event)
{
    for (size_t i = host->history_count; i > 0; i--)
        if (text_equal(host->history[i - 1].event, host_events[event]))
            return &host->history[i - 1];
    return NULL;
}

static struct living living_node(struct node *node)
{
    return (struct living){node, &node->state, &node->state_since, &node->history, &node->history_count};
}

void node_begin(struct node *node, const struct cause *cause)
{
    const struct living living = living_node(node);
    begin(&living, NODE_RESERVED, node_state_names[NODE_RESERVED], cause);
}

int node_apply(struct node *node, enum node_event event, const struct cause *cause, struct error *err)
{
    static const struct life life = {node_life, COUNT_OF(node_life), node_events};
    const struct living living = living_node(node);
    if (apply(&life, &living, (int)event, cause) < 0)
        return error_set(err, ERROR_CONFLICT, "node %s is %s: '%s' does not apply", node->hostname,
                         node_state_names[node->state], node_events[event]);
    return 0;
}

static struct living living_load_balancer(struct load_balancer *balancer)
{
    return (struct living){balancer, &balancer->state, &balancer->state_since, &balancer->history,
                           &balancer->history_count};
}

void load_balancer_begin(struct load_balancer *balancer, const struct cause *cause)
{
    const struct living living = living_load_balancer(balancer);
    begin(&living, LOAD_BALANCER_WANTED, load_balancer_state_names[LOAD_BALANCER_WANTED], cause);
}

int load_balancer_apply(struct load_balancer *balancer, enum load_balancer_event event,
                        const struct cause *cause, struct error *err)
{
    static const struct life life = {load_balancer_life, COUNT_OF(load_balancer_life), load_balancer_events};
    const struct living living = living_load_balancer(balancer);
    if (apply(&life, &living, (int)event, cause) < 0)
        return error_set(err, ERROR_CONFLICT, "load balancer %s is %s: '%s' does not apply", balancer->id,
                         load_balancer_state_names[balancer->state], load_balancer_events[event]);
    return 0;
}

bool host_is_up(const struct host *host)
{
    return host->state >= HOST_PROVISIONED && host->state <= HOST_PARKED;
}

bool host_is_leaving(const struct host *host)
{
    return host->state >= HOST_DEPROVISIONING;
}

bool node_is_wanted(const struct node *node, const struct host *host)
{
    return (node->state == NODE_RESERVED || node->state == NODE_ACTIVE) && !node->retired && host &&
           host->state <= HOST_ACTIVE && !host->want_to_retire && !host->want_to_fail;
}
