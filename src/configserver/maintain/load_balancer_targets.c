/* Load balancers point at the nodes that may stand behind them, and each node knows whether its balancer
 * finds it healthy: who leaves, or may be down, is counted by that (standing.h). */
#include "base/text.h"
#include "configserver/cloud/paced.h"
#include "configserver/decide/endpoint.h"
#include "configserver/maintain/hosts.h"
#include "configserver/maintain/load_balancers.h"
#include "configserver/maintain/standing.h"

/* Somebody serves and is not reached yet, or is reached and shall not be. One that is down is its balancer's
 * to find, in its own time. */
static bool is_unfinished(const struct view *view, const struct load_balancer *balancer)
{
    bool reached = false;
    view_each_of(view, NODES_OF_APPLICATION, balancer->application, struct node, node) {
        if (!text_equal(node->cluster, balancer->cluster))
            continue;
        bool may = endpoint_may_have(view, balancer, node);
        bool serves = may && node_can_be_counted_on(node, view_find(view, RECORD_HOST, node->parent));
        if ((serves && !node->reached) || (node->reached && !may))
            return true;
        reached |= node->reached;
    }
    return reached && !balancer->announced;
}

bool load_balancers_to_wire(const struct view *view, const char *account, int64_t now_ms)
{
    (void)now_ms;
    view_each_of(view, LOAD_BALANCERS_OF_ACCOUNT, account, struct load_balancer, balancer)
        if (balancer_is_there(balancer) && is_unfinished(view, balancer))
            return true;
    return false;
}

static bool contains(const char *const *texts, size_t count, const char *text)
{
    for (size_t i = 0; i < count; i++)
        if (text_equal(texts[i], text))
            return true;
    return false;
}

/* The addresses of the nodes that may stand behind it; there is room for `more`. */
static size_t wanted_targets(const struct view *view, const struct load_balancer *balancer,
                             struct arena *arena, size_t more, const char ***addresses)
{
    size_t count = 0;
    *addresses =
        arena_alloc(arena, (view_count_of(view, NODES_OF_APPLICATION, balancer->application) + more) *
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
    if (!balancer_is_there(balancer))
        return 0;
    balancer->healthy = wired->healthy;
    balancer->announced = balancer->announced || (wired->healthy > 0 && wired->resolves);
    balancer->trouble = NULL;
    return 0;
}

/* What is there, against what shall be. */
struct wiring {
    const struct balancer_target *actual;
    size_t actual_count;
    const char **wanted, **added, **removed;
    size_t wanted_count, added_count, removed_count;
    int64_t healthy; /* of the wanted */
};

/* While none of those that may stand there is healthy yet, who is stays: a host that we do not hear, and have
 * replaced for that, may serve its clients as well as ever. */
static void keep_the_last(struct wiring *wiring)
{
    size_t wanted = wiring->wanted_count;
    for (size_t i = 0; i < wiring->actual_count; i++)
        if (wiring->actual[i].healthy && contains(wiring->wanted, wanted, wiring->actual[i].address))
            return;
    for (size_t i = 0; wanted > 0 && i < wiring->actual_count; i++)
        if (wiring->actual[i].healthy)
            wiring->wanted[wiring->wanted_count++] = wiring->actual[i].address;
}

static void compare(struct arena *arena, struct wiring *wiring)
{
    const char **have = arena_alloc(arena, wiring->actual_count * sizeof *have);
    wiring->removed = arena_alloc(arena, wiring->actual_count * sizeof *wiring->removed);
    wiring->added = arena_alloc(arena, wiring->wanted_count * sizeof *wiring->added);
    for (size_t i = 0; i < wiring->actual_count; i++) {
        have[i] = wiring->actual[i].address;
        bool keep = contains(wiring->wanted, wiring->wanted_count, have[i]);
        wiring->healthy += keep && wiring->actual[i].healthy;
        if (!keep)
            wiring->removed[wiring->removed_count++] = have[i];
    }
    for (size_t i = 0; i < wiring->wanted_count; i++)
        if (!contains(have, wiring->actual_count, wiring->wanted[i]))
            wiring->added[wiring->added_count++] = wiring->wanted[i];
}

static bool is_healthy(const struct wiring *wiring, const char *address)
{
    for (size_t i = 0; i < wiring->actual_count; i++)
        if (text_equal(wiring->actual[i].address, address))
            return wiring->actual[i].healthy && contains(wiring->wanted, wiring->wanted_count, address);
    return false;
}

static bool is_reached(const struct view *view, const struct wiring *wiring, const struct node *node)
{
    const struct host *host = view_find(view, RECORD_HOST, node->parent);
    return node->state == NODE_ACTIVE && host && host->node_address && is_healthy(wiring, host->node_address);
}

/* A node that was reached is not any more, or the other way round. */
static int write_reached(struct account_pass *pass, const struct view *view,
                         const struct load_balancer *balancer, const struct wiring *wiring, struct error *err)
{
    cleanup(transaction_end) struct transaction *transaction = NULL;
    size_t written = 0;
    view_each_of(view, NODES_OF_APPLICATION, balancer->application, struct node, old) {
        if (!text_equal(old->cluster, balancer->cluster) || old->reached == is_reached(view, wiring, old) ||
            written == WRITES_MOST) /* the others at the next look */
            continue;
        if (!transaction)
            transaction = transaction_begin(pass->zone->repository);
        const struct node *now = transaction_find(transaction, RECORD_NODE, old->hostname);
        if (!now || now->state != NODE_ACTIVE)
            continue;
        struct node next = *now;
        next.reached = !old->reached;
        transaction_put(transaction, RECORD_NODE, &next);
        written++;
    }
    return transaction ? transaction_commit(&transaction, err) : 0;
}

/* To the next leader what we would take out may be wanted. */
static int change_targets(struct account_pass *pass, const struct load_balancer *balancer,
                          const struct wiring *wiring, struct error *err)
{
    const struct cloud *cloud = pass->zone->cloud;
    if (wiring->added_count + wiring->removed_count == 0)
        return 0;
    if (wiring->removed_count > 0 && repository_confirm(pass->zone->repository, err) < 0)
        return -1;
    return cloud->change_targets(cloud->context, pass->account, balancer->group_arn, wiring->added,
                                 wiring->added_count, wiring->removed, wiring->removed_count, err);
}

static int wire_load_balancer(struct account_pass *pass, const struct view *view,
                              const struct load_balancer *balancer, struct error *err)
{
    const struct cloud *cloud = pass->zone->cloud;
    struct balancer_target *actual;
    struct wiring wiring = {0};
    if (cloud->targets(cloud->context, pass->account, balancer->group_arn, pass->arena, &actual,
                       &wiring.actual_count, err) < 0)
        return err->kind == ERROR_NOT_FOUND ? balancer_write(pass, balancer->id, balancer_set_lost, NULL, err)
                                            : -1;
    wiring.actual = actual;
    wiring.wanted_count = wanted_targets(view, balancer, pass->arena, wiring.actual_count, &wiring.wanted);
    keep_the_last(&wiring);
    compare(pass->arena, &wiring);
    if (change_targets(pass, balancer, &wiring, err) < 0)
        return -1;
    struct wired wired = {wiring.healthy, false};
    if (wired.healthy > 0 && !balancer->announced &&
        cloud->name_resolves(cloud->context, balancer->dns_name, &wired.resolves, err) < 0)
        return -1;
    if (write_reached(pass, view, balancer, &wiring, err) < 0)
        return -1;
    if (wired.healthy == balancer->healthy && !balancer->trouble && !wired.resolves)
        return 0;
    return balancer_write(pass, balancer->id, set_wired, &wired, err);
}

int wire_load_balancers(struct account_pass *pass, struct error *err)
{
    VIEW(view, pass->zone->repository);
    int result = 0;
    view_each_of(view, LOAD_BALANCERS_OF_ACCOUNT, pass->account->id, struct load_balancer, balancer)
        if (balancer_is_there(balancer) && wire_load_balancer(pass, view, balancer, err) < 0) {
            result = balancer_fail(pass, balancer, err);
            if (cloud_held_back(err))
                break;
        }
    return result;
}
