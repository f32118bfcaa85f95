/* The maintainers that need no cloud: they only move records along. */
#include "configserver/maintain/maintainers.h"
#include "configserver/records/life.h"

#include "base/text.h"

static bool anything_left(const struct view *view, const char *application)
{
    return view_of(view, HOSTS_OF_APPLICATION, application, 0) ||
           view_of(view, NODES_OF_APPLICATION, application, 0) ||
           view_of(view, LOAD_BALANCERS_OF_APPLICATION, application, 0);
}

void settle_application(struct zone *zone, struct transaction *transaction,
                        const struct application *application)
{
    const struct view *view = transaction_view(transaction);
    if (application->deleting && !anything_left(view, application->id)) {
        transaction_remove(transaction, RECORD_APPLICATION, application->id);
        return;
    }
    if (application->converged_generation == application->generation ||
        !application_converged(view, application))
        return;
    struct application next = *application;
    next.converged_generation = next.generation;
    transaction_put(transaction, RECORD_APPLICATION, &next);
    application_tell(zone, transaction, application->id, "info", "Generation %lld is running everywhere",
                     (long long)application->generation);
}

static application_step *const steps[] = {judge_health, allocate_application,  move_hosts,
                                          move_nodes,   settle_load_balancers, settle_application};

int application_pass(struct zone *zone, const char *application, struct error *err)
{
    cleanup(transaction_end) struct transaction *transaction = transaction_begin(zone->repository);
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        const struct application *now = transaction_find(transaction, RECORD_APPLICATION, application);
        if (now)
            steps[i](zone, transaction, now);
    }
    return transaction_commit(&transaction, err);
}

int zone_pass(struct zone *zone, struct error *err)
{
    VIEW(view, zone->repository);
    int result = 0;
    view_each(view, RECORD_APPLICATION, struct application, application)
        if (application_pass(zone, application->id, err) < 0)
            result = -1;
    return result;
}
