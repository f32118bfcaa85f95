#include "configserver/records/life_parts.h"

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

static const char *const load_balancer_events[] = {"provisioned", "lost",   "deactivate",
                                                   "reactivate",  "remove", "removed"};

static struct living living_load_balancer(struct load_balancer *balancer)
{
    return (struct living){balancer, &balancer->state, &balancer->state_since, &balancer->history,
                           &balancer->history_count};
}

void load_balancer_begin(struct load_balancer *balancer, const struct cause *cause)
{
    const struct living living = living_load_balancer(balancer);
    life_begin(&living, LOAD_BALANCER_WANTED, load_balancer_state_names[LOAD_BALANCER_WANTED], cause);
}

int load_balancer_apply(struct load_balancer *balancer, enum load_balancer_event event,
                        const struct cause *cause, struct error *err)
{
    static const struct life life = {load_balancer_life, COUNT_OF(load_balancer_life), load_balancer_events};
    const struct living living = living_load_balancer(balancer);
    if (life_apply(&life, &living, (int)event, cause) < 0)
        return error_set(err, ERROR_CONFLICT, "load balancer %s is %s: '%s' does not apply", balancer->id,
                         load_balancer_state_names[balancer->state], load_balancer_events[event]);
    return 0;
}
