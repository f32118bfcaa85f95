/* Load balancers in a tenant's account: made when wanted, kept pointing at the nodes that serve, removed when
 * done. */
#include "base/log.h"
#include "base/text.h"
#include "configserver/cloud/places.h"
#include "configserver/decide/endpoint.h"
#include "configserver/maintain/maintainers.h"
#include "configserver/records/life.h"

#include <string.h>

static bool is_there(const struct load_balancer *balancer)
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

static size_t count_serving(const struct view *view, const struct load_balancer *balancer)
{
    size_t count = 0;
    view_each_of(view, NODES_OF_APPLICATION, balancer->application, struct node, node)
        count += endpoint_may_have(view, balancer, node);
    return count;
}

bool load_balancers_to_wire(const struct view *view, const char *account, int64_t now_ms)
{
    (void)now_ms;
    view_each_of(view, LOAD_BALANCERS_OF_ACCOUNT, account, struct load_balancer, balancer) {
        size_t serving = is_there(balancer) ? count_serving(view, balancer) : 0;
        if (is_there(balancer) &&
            ((size_t)balancer->healthy != serving || (serving > 0 && !balancer->announced)))
            return true;
    }
    return false;
}

/* Changes the record as it is now by `change`, unless it is gone. */
static int write_balancer(struct account_pass *pass, const char *id,
                          int (*change)(struct load_balancer *balancer, const void *context,
                                        const struct cause *cause, struct error *err),
                          const void *context, struct error *err)
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
static int fail_balancer(struct account_pass *pass, const struct load_balancer *balancer,
                         const struct error *cause)
{
    struct error err = {0};
    places_forget(pass->zone, pass->account->id);
    if (!text_equal(balancer->trouble, cause->message) &&
        write_balancer(pass, balancer->id, set_trouble, cause->message, &err) < 0)
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
    return write_balancer(pass, balancer->id, set_made, &made, err);
}

int make_load_balancers(struct account_pass *pass, struct error *err)
{
    VIEW(view, pass->zone->repository);
    struct place place;
    if (places_find(pass->zone, pass->account, pass->arena, &place, err) < 0)
        return -1;
    int result = 0;
    view_each_of(view, LOAD_BALANCERS_OF_ACCOUNT, pass->account->id, struct load_balancer, balancer)
        if (is_to_make(view, balancer) && make_load_balancer(pass, view, balancer, &place, err) < 0)
            result = fail_balancer(pass, balancer, err);
    return result;
}

static bool contains(const char *const *texts, size_t count, const char *text)
{
    for (size_t i = 0; i < count; i++)
        if (text_equal(texts[i], text))
            return true;
    return false;
}

/* The addresses of the nodes that may stand behind it. */
static size_t wanted_targets(const struct view *view, const struct load_balancer *balancer,
                             struct arena *arena, const char ***addresses)
{
    size_t count = 0;
    *addresses = arena_alloc(arena, view_count_of(view, NODES_OF_APPLICATION, balancer->application) *
                                        sizeof **addresses);
    view_each_of(view, NODES_OF_APPLICATION, balancer->application, struct node, node)
        if (endpoint_may_have(view, balancer, node)) {
            const struct host *host = view_find(view, RECORD_HOST, node->parent);
            (*addresses)[count++] = host->node_address;
        }
    return count;
}

/* What its targets are like. */
struct wired {
    int64_t healthy;
    bool resolves; /* its name, for clients */
};

static int set_wired(struct load_balancer *balancer, const void *context, const struct cause *cause,
                     struct error *err)
{
    const struct wired *wired = context;
    (void)cause;
    (void)err;
    if (!is_there(balancer))
        return 0;
    balancer->healthy = wired->healthy;
    balancer->announced = balancer->announced || (wired->healthy > 0 && wired->resolves);
    balancer->trouble = NULL;
    return 0;
}

static int set_lost(struct load_balancer *balancer, const void *context, const struct cause *cause,
                    struct error *err)
{
    (void)context;
    return is_there(balancer) ? load_balancer_apply(balancer, LOAD_BALANCER_LOST, cause, err) : 0;
}

static int wire_load_balancer(struct account_pass *pass, const struct view *view,
                              const struct load_balancer *balancer, struct error *err)
{
    const struct cloud *cloud = pass->zone->cloud;
    struct balancer_target *actual;
    size_t actual_count, added_count = 0, removed_count = 0;
    if (cloud->targets(cloud->context, pass->account, balancer->group_arn, pass->arena, &actual,
                       &actual_count, err) < 0)
        return err->kind == ERROR_NOT_FOUND ? write_balancer(pass, balancer->id, set_lost, NULL, err) : -1;
    const char **wanted;
    size_t wanted_count = wanted_targets(view, balancer, pass->arena, &wanted);
    const char **have = arena_alloc(pass->arena, actual_count * sizeof *have);
    const char **removed = arena_alloc(pass->arena, actual_count * sizeof *removed);
    const char **added = arena_alloc(pass->arena, wanted_count * sizeof *added);
    int64_t healthy = 0;
    for (size_t i = 0; i < actual_count; i++) {
        have[i] = actual[i].address;
        bool keep = contains(wanted, wanted_count, have[i]);
        healthy += keep && actual[i].healthy;
        if (!keep)
            removed[removed_count++] = have[i];
    }
    for (size_t i = 0; i < wanted_count; i++)
        if (!contains(have, actual_count, wanted[i]))
            added[added_count++] = wanted[i];
    if (added_count + removed_count > 0 &&
        cloud->change_targets(cloud->context, pass->account, balancer->group_arn, added, added_count, removed,
                              removed_count, err) < 0)
        return -1;
    struct wired wired = {healthy, false};
    if (healthy > 0 && !balancer->announced &&
        cloud->name_resolves(cloud->context, balancer->dns_name, &wired.resolves, err) < 0)
        return -1;
    if (healthy == balancer->healthy && !balancer->trouble && !wired.resolves)
        return 0;
    return write_balancer(pass, balancer->id, set_wired, &wired, err);
}

int wire_load_balancers(struct account_pass *pass, struct error *err)
{
    VIEW(view, pass->zone->repository);
    int result = 0;
    view_each_of(view, LOAD_BALANCERS_OF_ACCOUNT, pass->account->id, struct load_balancer, balancer)
        if (is_there(balancer) && wire_load_balancer(pass, view, balancer, err) < 0)
            result = fail_balancer(pass, balancer, err);
    return result;
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
            result = fail_balancer(pass, balancer, err);
        else if (gone && write_balancer(pass, balancer->id, set_removed, NULL, err) < 0)
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
        if (is_there(balancer) && settled && !whole &&
            write_balancer(pass, balancer->id, set_lost, NULL, err) < 0)
            result = -1;
    }
    return remove_orphans(pass, balancers, count, err) < 0 ? -1 : result;
}
