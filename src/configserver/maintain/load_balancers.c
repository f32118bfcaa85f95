/* Load balancers in a tenant's account: made when wanted, put right when somebody changed them, removed when
 * done. What they point at is load_balancer_targets.c's. */
#include "configserver/maintain/load_balancers.h"

#include "base/log.h"
#include "base/text.h"
#include "configserver/cloud/paced.h"
#include "configserver/cloud/places.h"
#include "configserver/decide/endpoint.h"

#include <string.h>

bool balancer_is_there(const struct load_balancer *balancer)
{
    return balancer->state == LOAD_BALANCER_ACTIVE || balancer->state == LOAD_BALANCER_INACTIVE;
}

static char *wanted_hash(struct arena *arena, const struct view *view, const struct load_balancer *balancer)
{
    const struct endpoint_settings open = {.is_public = true};
    return endpoint_settings_hash(arena, balancer->settings ? balancer->settings : &open,
                                  view_find(view, RECORD_APPLICATION, balancer->application),
                                  balancer->cluster);
}

/* It is not there, or not as it shall be. */
static bool is_to_make(const struct view *view, const struct load_balancer *balancer)
{
    if (balancer->state == LOAD_BALANCER_WANTED)
        return true;
    cleanup(arena_free) struct arena *arena = arena_new();
    return balancer->state == LOAD_BALANCER_ACTIVE &&
           !text_equal(balancer->applied, wanted_hash(arena, view, balancer));
}

bool load_balancers_to_make(const struct view *view, const char *account, int64_t now_ms)
{
    (void)now_ms;
    view_each_of(view, LOAD_BALANCERS_OF_ACCOUNT, account, struct load_balancer, balancer)
        if (is_to_make(view, balancer))
            return true;
    return false;
}

bool load_balancers_to_remove(const struct view *view, const char *account, int64_t now_ms)
{
    (void)now_ms;
    view_each_of(view, LOAD_BALANCERS_OF_ACCOUNT, account, struct load_balancer, balancer)
        if (balancer->state == LOAD_BALANCER_REMOVING)
            return true;
    return false;
}

int balancer_write(struct account_pass *pass, const char *id, balancer_change *change, const void *context,
                   struct error *err)
{
    cleanup(transaction_end) struct transaction *transaction = transaction_begin(pass->zone->repository);
    const struct load_balancer *old = transaction_find(transaction, RECORD_LOAD_BALANCER, id);
    if (!old)
        return 0;
    struct load_balancer next = *old;
    const struct cause cause = zone_cause(pass->zone, transaction, AGENT_PROVISIONER, NULL);
    if (change(&next, context, &cause, err) < 0)
        return -1;
    if (next.state == LOAD_BALANCER_GONE)
        transaction_remove(transaction, RECORD_LOAD_BALANCER, id);
    else
        transaction_put(transaction, RECORD_LOAD_BALANCER, &next);
    if (next.state != old->state)
        application_tell(pass->zone, transaction, old->application, "info",
                         "Load balancer of cluster %s is %s", old->cluster,
                         load_balancer_state_names[next.state]);
    else if (next.announced && !old->announced)
        application_tell(pass->zone, transaction, old->application, "info",
                         "Endpoint of cluster %s is ready: https://%s/", old->cluster, next.dns_name);
    else if (next.trouble && !text_equal(next.trouble, old->trouble))
        application_tell(pass->zone, transaction, old->application, "warning",
                         "Load balancer of cluster %s: %s", old->cluster, next.trouble);
    return transaction_commit(&transaction, err);
}

static int set_trouble(struct load_balancer *balancer, const void *message, const struct cause *cause,
                       struct error *err)
{
    (void)cause;
    (void)err;
    balancer->trouble = message;
    return 0;
}

/* The next look at what Terraform made is at what is there by then. */
int balancer_fail(struct account_pass *pass, const struct load_balancer *balancer, const struct error *cause)
{
    struct error err = {0};
    if (cloud_held_back(cause)) /* the others in a moment; that is no trouble */
        return -1;
    places_forget(pass->zone, pass->account->id);
    if (!text_equal(balancer->trouble, cause->message) &&
        balancer_write(pass, balancer->id, set_trouble, cause->message, &err) < 0)
        log_error("trouble not written", "balancer", balancer->id, "error", err.message, NULL);
    return -1;
}

/* What was made, and of which settings. */
struct made {
    struct balancer balancer;
    const char *applied;
};

static int set_made(struct load_balancer *balancer, const void *context, const struct cause *cause,
                    struct error *err)
{
    const struct made *made = context;
    balancer->arn = made->balancer.arn;
    balancer->group_arn = made->balancer.group_arn;
    balancer->dns_name = made->balancer.dns_name;
    balancer->hosted_zone = made->balancer.hosted_zone;
    balancer->service_id = made->balancer.service_id;
    balancer->service_name = made->balancer.service_name;
    balancer->applied = made->applied;
    balancer->trouble = NULL;
    if (balancer->state !=
        LOAD_BALANCER_WANTED) /* configured anew, or removed meanwhile and found by its name */
        return 0;
    return load_balancer_apply(balancer, LOAD_BALANCER_PROVISIONED, cause, err);
}

/* AWS has answered with nothing but what is known. */
static bool is_as_made(const struct load_balancer *balancer, const struct made *made)
{
    const struct balancer *actual = &made->balancer;
    return balancer->state != LOAD_BALANCER_WANTED && !balancer->trouble &&
           text_equal(balancer->applied, made->applied) && text_equal(balancer->arn, actual->arn) &&
           text_equal(balancer->group_arn, actual->group_arn) &&
           text_equal(balancer->dns_name, actual->dns_name) &&
           text_equal(balancer->service_id, actual->service_id) &&
           text_equal(balancer->service_name, actual->service_name);
}

static int make_load_balancer(struct account_pass *pass, const struct view *view,
                              const struct load_balancer *balancer, const struct place *place,
                              struct error *err)
{
    struct application_id names;
    const struct application *application = view_find(view, RECORD_APPLICATION, balancer->application);
    application_names(pass->arena, balancer->application, &names);
    struct balancer_plan plan = {
        .name = balancer->name,
        .owner = zone_counters(view)->repository_id,
        .application = names.application,
        .cluster = balancer->cluster,
        .settings = balancer->settings ? *balancer->settings : (struct endpoint_settings){.is_public = true}};
    plan.tags = application_tags(application, balancer->cluster, &plan.tag_count);
    const struct cloud *cloud = pass->zone->cloud;
    struct made made = {.applied = wanted_hash(pass->arena, view, balancer)};
    if (cloud->make_balancer(cloud->context, pass->account, place, &plan, pass->arena, &made.balancer, err) <
        0)
        return -1;
    return is_as_made(balancer, &made) ? 0 : balancer_write(pass, balancer->id, set_made, &made, err);
}

int make_load_balancers(struct account_pass *pass, struct error *err)
{
    VIEW(view, pass->zone->repository);
    struct place place;
    if (places_find(pass->zone, pass->account, pass->arena, &place, err) < 0)
        return -1;
    int result = 0;
    view_each_of(view, LOAD_BALANCERS_OF_ACCOUNT, pass->account->id, struct load_balancer, balancer)
        if (is_to_make(view, balancer) && make_load_balancer(pass, view, balancer, &place, err) < 0) {
            result = balancer_fail(pass, balancer, err);
            if (cloud_held_back(err))
                break;
        }
    return result;
}

/* Somebody may have changed what they are like behind our back. An account with more than AWS's rate lets us
 * look at gets the others another time: each begins anywhere. */
int mend_load_balancers(struct account_pass *pass, struct error *err)
{
    VIEW(view, pass->zone->repository);
    struct place place;
    size_t count = view_count_of(view, LOAD_BALANCERS_OF_ACCOUNT, pass->account->id), at = 0;
    int result = 0;
    if (count == 0)
        return 0;
    if (places_find(pass->zone, pass->account, pass->arena, &place, err) < 0)
        return -1;
    size_t first = (size_t)zone_random(pass->zone, (int64_t)count);
    for (size_t round = 0; round < 2; round++, at = 0)
        view_each_of(view, LOAD_BALANCERS_OF_ACCOUNT, pass->account->id, struct load_balancer, balancer) {
            bool now = (at++ >= first) == (round == 0);
            if (!now || balancer->state != LOAD_BALANCER_ACTIVE ||
                make_load_balancer(pass, view, balancer, &place, err) == 0)
                continue;
            if (cloud_held_back(err))
                return result;
            result = balancer_fail(pass, balancer, err);
        }
    return result;
}

int balancer_set_lost(struct load_balancer *balancer, const void *context, const struct cause *cause,
                      struct error *err)
{
    (void)context;
    return balancer_is_there(balancer) ? load_balancer_apply(balancer, LOAD_BALANCER_LOST, cause, err) : 0;
}

static int set_removed(struct load_balancer *balancer, const void *context, const struct cause *cause,
                       struct error *err)
{
    (void)context;
    return load_balancer_apply(balancer, LOAD_BALANCER_REMOVED, cause, err);
}

int remove_load_balancers(struct account_pass *pass, struct error *err)
{
    VIEW(view, pass->zone->repository);
    const struct cloud *cloud = pass->zone->cloud;
    int result = 0;
    view_each_of(view, LOAD_BALANCERS_OF_ACCOUNT, pass->account->id, struct load_balancer, balancer) {
        if (balancer->state != LOAD_BALANCER_REMOVING)
            continue;
        bool gone = false;
        if (cloud->remove_balancer(cloud->context, pass->account, balancer->name, &gone, err) < 0)
            result = balancer_fail(pass, balancer, err);
        else if (gone && balancer_write(pass, balancer->id, set_removed, NULL, err) < 0)
            result = -1;
    }
    return result;
}

static const struct balancer *find_balancer(const struct balancer *balancers, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (text_equal(balancers[i].name, name))
            return &balancers[i];
    return NULL;
}

static bool is_named(const struct view *view, const char *account, const char *name)
{
    view_each_of(view, LOAD_BALANCERS_OF_ACCOUNT, account, struct load_balancer, balancer)
        if (text_equal(balancer->name, name))
            return true;
    return false;
}

/* What is ours and no record names: made just before we died, and no longer wanted when we came back. As with
 * instances (hosts_watch.c) it is written down first, which only the leader can: to the next one it may be
 * wanted. */
static int remove_orphan(struct account_pass *pass, const struct balancer *balancer, struct error *err)
{
    struct zone *zone = pass->zone;
    bool gone;
    cleanup(transaction_end) struct transaction *transaction = transaction_begin(zone->repository);
    const struct view *view = transaction_view(transaction);
    if (is_named(view, pass->account->id, balancer->name))
        return 0;
    struct counters counters = *zone_counters(view);
    counters.orphans++;
    transaction_put(transaction, RECORD_COUNTERS, &counters);
    if (transaction_commit(&transaction, err) < 0)
        return -1;
    log_warning("orphaned load balancer removed", "account", pass->account->id, "name", balancer->name, NULL);
    return zone->cloud->remove_balancer(zone->cloud->context, pass->account, balancer->name, &gone, err);
}

static int remove_orphans(struct account_pass *pass, const struct balancer *balancers, size_t count,
                          struct error *err)
{
    VIEW(view, pass->zone->repository);
    int result = 0;
    for (size_t i = 0; i < count; i++)
        if (!is_named(view, pass->account->id, balancers[i].name) &&
            remove_orphan(pass, &balancers[i], err) < 0)
            result = -1;
    return result;
}

int watch_load_balancers(struct account_pass *pass, struct error *err)
{
    struct balancer *balancers;
    size_t count;
    const struct cloud *cloud = pass->zone->cloud;
    VIEW(before, pass->zone->repository); /* what it names was there before we asked */
    if (cloud->list_balancers(cloud->context, pass->account, zone_counters(before)->repository_id,
                              pass->arena, &balancers, &count, err) < 0)
        return -1;
    int result = 0;
    view_each_of(before, LOAD_BALANCERS_OF_ACCOUNT, pass->account->id, struct load_balancer, balancer) {
        const struct balancer *actual = find_balancer(balancers, count, balancer->name);
        bool whole =
            actual && actual->arn && actual->group_arn && (actual->service_id || !balancer->service_id);
        bool settled = zone_now_ms(pass->zone) - balancer->state_since > pass->zone->limits->orphan_age;
        if (balancer_is_there(balancer) && settled && !whole &&
            balancer_write(pass, balancer->id, balancer_set_lost, NULL, err) < 0)
            result = -1;
    }
    return remove_orphans(pass, balancers, count, err) < 0 ? -1 : result;
}
