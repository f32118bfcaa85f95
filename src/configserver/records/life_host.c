#include "configserver/records/life_parts.h"

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
    { ANY,                  HOST_REBOOTED,      SAME,                 NULL,                  life_note            },
};
/* clang-format on */

static const char *const host_events[] = {"launched",     "reached us", "activate",     "lost",
                                          "wantToRetire", "wantToFail", "unwanted",     "down",
                                          "up",           "suspended",  "resumed",      "failed",
                                          "parked",       "release",    "drained",      "drain expired",
                                          "terminated",   "forget",     "wantToReboot", "rebooted"};
static struct living living_host(struct host *host)
{
    return (struct living){host, &host->state, &host->state_since, &host->history, &host->history_count};
}

void host_begin(struct host *host, const struct cause *cause)
{
    const struct living living = living_host(host);
    life_begin(&living, HOST_WANTED, host_state_names[HOST_WANTED], cause);
}

int host_apply(struct host *host, enum host_event event, const struct cause *cause, struct error *err)
{
    static const struct life life = {host_life, COUNT_OF(host_life), host_events};
    const struct living living = living_host(host);
    if (life_apply(&life, &living, (int)event, cause) < 0)
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

bool host_is_up(const struct host *host)
{
    return host->state >= HOST_PROVISIONED && host->state <= HOST_PARKED;
}

bool host_is_leaving(const struct host *host)
{
    return host->state >= HOST_DEPROVISIONING;
}
