/* Load balancers in a tenant's account: made when wanted, kept pointing at the nodes that serve, removed when
 * done. */
#include "base/log.h"
#include "base/text.h"
#include "configserver/maintain/maintainers.h"
#include "configserver/records/life.h"

#include <string.h>

static bool any_in_state(const struct view *view, const char *account, enum load_balancer_state state)
{
    view_each(view, RECORD_LOAD_BALANCER, struct load_balancer, balancer)
        if (text_equal(balancer->account, account) && balancer->state == (int)state)
            return true;
    return false;
}

bool load_balancers_to_make(const struct view *view, const char *account, int64_t now_ms)
{
    (void)now_ms;
    return any_in_state(view, account, LOAD_BALANCER_WANTED);
}

bool load_balancers_to_remove(const struct view *view, const char *account, int64_t now_ms)
{
    (void)now_ms;
    return any_in_state(view, account, LOAD_BALANCER_REMOVING);
}

static bool serves(const struct node *node, const struct load_balancer *balancer)
{
    return node->state == NODE_ACTIVE && text_equal(node->application, balancer->application) &&
           text_equal(node->cluster, balancer->cluster);
}

static size_t count_serving(const struct view *view, const struct load_balancer *balancer)
{
    size_t count = 0;
    view_each(view, RECORD_NODE, struct node, node)
        count += serves(node, balancer);
    return count;
}

bool load_balancers_to_wire(const struct view *view, const char *account, int64_t now_ms)
{
    (void)now_ms;
    view_each(view, RECORD_LOAD_BALANCER, struct load_balancer, balancer)
        if (text_equal(balancer->account, account) && balancer->state == LOAD_BALANCER_ACTIVE &&
            (size_t)balancer->healthy != count_serving(view, balancer))
            return true;
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

static int fail_balancer(struct account_pass *pass, const struct load_balancer *balancer,
                         const struct error *cause)
{
    struct error err = {0};
    if (!text_equal(balancer->trouble, cause->message) &&
        write_balancer(pass, balancer->id, set_trouble, cause->message, &err) < 0)
        log_error("trouble not written", "balancer", balancer->id, "error", err.message, NULL);
    return -1;
}

static int set_made(struct load_balancer *balancer, const void *made, const struct cause *cause,
                    struct error *err)
{
    const struct balancer *actual = made;
    balancer->arn = actual->arn;
    balancer->group_arn = actual->group_arn;
    balancer->dns_name = actual->dns_name;
    balancer->hosted_zone = actual->hosted_zone;
    if (balancer->state != LOAD_BALANCER_WANTED) /* removed meanwhile: what we made is found by its name */
        return 0;
    return load_balancer_apply(balancer, LOAD_BALANCER_PROVISIONED, cause, err);
}

static int make_load_balancer(struct account_pass *pass, const struct view *view,
                              const struct load_balancer *balancer, const struct place *place,
                              struct error *err)
{
    struct application_id names;
    application_names(pass->arena, balancer->application, &names);
    const struct balancer_plan plan = {.name = balancer->name,
                                       .owner = zone_counters(view)->repository_id,
                                       .application = names.application,
                                       .cluster = balancer->cluster,
                                       .settings = {.is_public = true}};
    const struct cloud *cloud = pass->zone->cloud;
    struct balancer made = {0};
    if (cloud->make_balancer(cloud->context, pass->account, place, &plan, pass->arena, &made, err) < 0)
        return -1;
    return write_balancer(pass, balancer->id, set_made, &made, err);
}

int make_load_balancers(struct account_pass *pass, struct error *err)
{
    VIEW(view, pass->zone->repository);
    struct place place;
    const struct cloud *cloud = pass->zone->cloud;
    if (cloud->find_place(cloud->context, pass->account, pass->arena, &place, err) < 0)
        return -1;
    int result = 0;
    view_each(view, RECORD_LOAD_BALANCER, struct load_balancer, balancer)
        if (text_equal(balancer->account, pass->account->id) && balancer->state == LOAD_BALANCER_WANTED &&
            make_load_balancer(pass, view, balancer, &place, err) < 0)
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

/* The addresses of the nodes that serve the balancer's cluster. */
static size_t wanted_targets(const struct view *view, const struct load_balancer *balancer,
                             struct arena *arena, const char ***addresses)
{
    size_t count = 0;
    *addresses = arena_alloc(arena, view_count(view, RECORD_NODE) * sizeof **addresses);
    view_each(view, RECORD_NODE, struct node, node) {
        const struct host *host = view_find(view, RECORD_HOST, node->parent);
        if (serves(node, balancer) && host && host->node_address)
            (*addresses)[count++] = host->node_address;
    }
    return count;
}

static int set_healthy(struct load_balancer *balancer, const void *healthy, const struct cause *cause,
                       struct error *err)
{
    (void)cause;
    (void)err;
    balancer->healthy = *(const int64_t *)healthy;
    balancer->trouble = NULL;
    return 0;
}

static int wire_load_balancer(struct account_pass *pass, const struct view *view,
                              const struct load_balancer *balancer, struct error *err)
{
    const struct cloud *cloud = pass->zone->cloud;
    struct balancer_target *actual;
    size_t actual_count, added_count = 0, removed_count = 0;
    if (cloud->targets(cloud->context, pass->account, balancer->group_arn, pass->arena, &actual,
                       &actual_count, err) < 0)
        return -1;
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
    if (healthy == balancer->healthy && !balancer->trouble)
        return 0;
    return write_balancer(pass, balancer->id, set_healthy, &healthy, err);
}

int wire_load_balancers(struct account_pass *pass, struct error *err)
{
    VIEW(view, pass->zone->repository);
    int result = 0;
    view_each(view, RECORD_LOAD_BALANCER, struct load_balancer, balancer)
        if (text_equal(balancer->account, pass->account->id) && balancer->state == LOAD_BALANCER_ACTIVE &&
            wire_load_balancer(pass, view, balancer, err) < 0)
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
    view_each(view, RECORD_LOAD_BALANCER, struct load_balancer, balancer) {
        if (!text_equal(balancer->account, pass->account->id) || balancer->state != LOAD_BALANCER_REMOVING)
            continue;
        bool gone = false;
        if (cloud->remove_balancer(cloud->context, pass->account, balancer->name, &gone, err) < 0)
            result = fail_balancer(pass, balancer, err);
        else if (gone && write_balancer(pass, balancer->id, set_removed, NULL, err) < 0)
            result = -1;
    }
    return result;
}
