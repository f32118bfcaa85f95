#include "configserver/records/life_parts.h"

static void forget_service(void *record, const struct cause *cause)
{
    (void)cause;
    struct node *node = record;
    node->service_status = node->status_message = NULL;
    node->current_image = node->config_checksum = NULL;
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

static void want_restart(void *record, const struct cause *cause)
{
    (void)cause;
    ((struct node *)record)->restart_generation++;
}

/* clang-format off */
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
    { ANY,                  NODE_RESTARTED,     SAME,                 NULL,                  life_note            },
};
/* clang-format on */

static const char *const node_events[] = {"activate",   "host lost",     "retire",   "unretire", "down",
                                          "up",         "suspended",     "resumed",  "parting",  "staying",
                                          "deactivate", "reactivate",    "fail",     "park",     "release",
                                          "removed",    "wantToRestart", "restarted"};
static struct living living_node(struct node *node)
{
    return (struct living){node, &node->state, &node->state_since, &node->history, &node->history_count};
}

void node_begin(struct node *node, const struct cause *cause)
{
    const struct living living = living_node(node);
    life_begin(&living, NODE_RESERVED, node_state_names[NODE_RESERVED], cause);
}

int node_apply(struct node *node, enum node_event event, const struct cause *cause, struct error *err)
{
    static const struct life life = {node_life, COUNT_OF(node_life), node_events};
    const struct living living = living_node(node);
    if (life_apply(&life, &living, (int)event, cause) < 0)
        return error_set(err, ERROR_CONFLICT, "node %s is %s: '%s' does not apply", node->hostname,
                         node_state_names[node->state], node_events[event]);
    return 0;
}

bool node_is_wanted(const struct node *node, const struct host *host)
{
    return (node->state == NODE_RESERVED || node->state == NODE_ACTIVE) && !node->retired && host &&
           host->state <= HOST_ACTIVE && !host->want_to_retire && !host->want_to_fail;
}
