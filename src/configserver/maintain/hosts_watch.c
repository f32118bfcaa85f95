/* What is in the account against what the records say: instances that ended are lost, those nobody means are
 * ended, those whose launch we did not see answered are taken. Reads first and writes only what differs, so
 * that a look at an account where all is well costs one call and no transaction. */
#include "base/log.h"
#include "base/text.h"
#include "configserver/maintain/hosts.h"

#include <stdlib.h>
#include <string.h>

/* Its addresses are not known, or it was launched after others had ended at once. */
bool instances_to_watch(const struct view *view, const char *account, int64_t now_ms)
{
    (void)now_ms;
    view_each_of(view, HOSTS_OF_ACCOUNT, account, struct host, host)
        if (host->state == HOST_PROVISIONED && (!host->address || !host->node_address || host->failures > 0))
            return true;
    return false;
}

int list_instances(struct account_pass *pass, struct instance **instances, size_t *count, struct error *err)
{
    VIEW(view, pass->zone->repository);
    const struct cloud *cloud = pass->zone->cloud;
    const char *owner = arena_strdup(pass->arena, zone_counters(view)->repository_id);
    return cloud->list(cloud->context, pass->account, owner, pass->arena, instances, count, err);
}

bool is_instance_of(const struct host *host, const struct instance *instance)
{
    if (host->instance_id)
        return text_equal(host->instance_id, instance->id);
    return host->launch_token && text_equal(host->launch_token, instance->token) &&
           host->launch_index == instance->launch_index;
}

static void take_addresses(struct host *host, const struct instance *instance)
{
    if (instance->addresses[0] && instance->addresses[1]) {
        host->address = instance->addresses[0];
        host->node_address = instance->addresses[1];
    }
}

bool host_take_instance(struct account_pass *pass, struct transaction *transaction, struct host *host,
                        const struct instance *instance)
{
    struct host next = *host;
    next.instance_id = instance->id;
    next.launch_after = 0;
    take_addresses(&next, instance);
    const struct cause cause = zone_cause(pass->zone, transaction, AGENT_PROVISIONER, "%s", instance->id);
    if (host_apply(&next, HOST_LAUNCHED, &cause, NULL) < 0)
        return false;
    *host = next;
    return true;
}

/* A look at an account; instances are sorted by id. */
struct look {
    struct account_pass *pass;
    const struct instance *instances;
    size_t count;
    struct transaction *transaction; /* begun with the first difference */
    size_t changed;
};

static int by_id(const void *a, const void *b)
{
    return strcmp(((const struct instance *)a)->id, ((const struct instance *)b)->id);
}

static const struct instance *find_instance(const struct look *look, const struct host *host)
{
    if (host->instance_id) {
        const struct instance wanted = {.id = host->instance_id};
        return bsearch(&wanted, look->instances, look->count, sizeof wanted, by_id);
    }
    for (size_t i = 0; host->launch_token && i < look->count; i++)
        if (is_instance_of(host, &look->instances[i]))
            return &look->instances[i];
    return NULL;
}

static bool is_lost(const struct look *look, const struct host *host, const struct instance *instance)
{
    const struct zone *zone = look->pass->zone;
    bool may_be_late = host->state == HOST_PROVISIONED &&
                       zone_now_ms(zone) - host->state_since < zone->limits->appear_longest;
    if (!host->instance_id || host->state == HOST_TERMINATING)
        return false;
    return instance ? instance->state >= INSTANCE_STOPPED : !may_be_late;
}

static bool is_news(const struct look *look, const struct host *host)
{
    const struct instance *instance = find_instance(look, host);
    if (host->state == HOST_WANTED)
        return instance && instance->state < INSTANCE_STOPPED;
    return is_lost(look, host, instance) ||
           (host->instance_id && instance && instance->addresses[1] && !host->node_address);
}

static bool lose(struct look *look, struct host *host, const struct instance *instance)
{
    struct zone *zone = look->pass->zone;
    const char *id = host->instance_id, *reason = instance ? instance->reason : NULL;
    const struct cause cause =
        zone_cause(zone, look->transaction, AGENT_CLOUD, "%s", reason ? reason : "its instance is gone");
    if (host_apply(host, HOST_LOST, &cause, NULL) < 0)
        return false;
    host->trouble = reason ? cause.reason : NULL;
    application_tell(zone, look->transaction, host->application, "warning",
                     "Host %s lost its instance %s%s%s", host->hostname, id, reason ? ": " : "",
                     reason ? reason : "");
    return true;
}

static bool take_launched(struct look *look, struct host *host, const struct instance *instance)
{
    if (!host_take_instance(look->pass, look->transaction, host, instance))
        return false;
    application_tell(look->pass->zone, look->transaction, host->application, "info",
                     "Host %s was launched as %s", host->hostname, instance->id);
    return true;
}

/* The same with the record as it is now. */
static void write_news(struct look *look, const char *hostname)
{
    const struct host *host = transaction_find(look->transaction, RECORD_HOST, hostname);
    if (!host || !is_news(look, host))
        return;
    const struct instance *instance = find_instance(look, host);
    struct host next = *host;
    bool changed = true;
    if (is_lost(look, host, instance))
        changed = lose(look, &next, instance);
    else if (host->state == HOST_WANTED)
        changed = take_launched(look, &next, instance);
    else
        take_addresses(&next, instance);
    if (!changed)
        return;
    transaction_put(look->transaction, RECORD_HOST, &next);
    look->changed++;
}

static int write_differences(struct look *look, const struct view *view, struct error *err)
{
    view_each_of(view, HOSTS_OF_ACCOUNT, look->pass->account->id, struct host, host) {
        if (!is_news(look, host))
            continue;
        if (!look->transaction)
            look->transaction = transaction_begin(look->pass->zone->repository);
        write_news(look, host->hostname);
        if (look->changed < WRITES_MOST)
            continue;
        look->changed = 0;
        if (transaction_commit(&look->transaction, err) < 0)
            return -1;
    }
    return look->transaction ? transaction_commit(&look->transaction, err) : 0;
}

/* Launched by us for no host that is there: it was replaced, or its host left before its launch was answered.
 * A launch's token is written down before it is asked for, so one whose token nobody has is nobody's; without
 * a token it must be old enough. */
static bool is_orphan(const struct account_pass *pass, const struct view *view,
                      const struct instance *instance)
{
    const struct zone *zone = pass->zone;
    if (instance->state >= INSTANCE_ENDING || view_of(view, HOST_OF_INSTANCE, instance->id, 0) ||
        (!instance->token && zone_now_ms(zone) - instance->launched_ms < zone->limits->orphan_age))
        return false;
    view_each_of(view, HOSTS_OF_ACCOUNT, pass->account->id, struct host, host)
        if (is_instance_of(host, instance))
            return false;
    return true;
}

static bool is_any_orphan(const struct look *look)
{
    VIEW(view, look->pass->zone->repository);
    for (size_t i = 0; i < look->count; i++)
        if (is_orphan(look->pass, view, &look->instances[i]))
            return true;
    return false;
}

static void tell_orphan(const struct look *look, struct transaction *transaction,
                        const struct instance *orphan)
{
    log_warning("orphan terminated", "account", look->pass->account->id, "instance", orphan->id, "hostname",
                orphan->hostname, "application", orphan->application, NULL);
    if (orphan->application)
        application_tell(look->pass->zone, transaction, orphan->application, "warning",
                         "Instance %s was no host's any more and is terminated", orphan->id);
}

/* Ending a machine for what our records do not say asks that they are the newest: who led once and does not
 * know yet that another leads would take that one's hosts for orphans. So it is written down first, which
 * only the leader can. */
static int remove_orphans(const struct look *look, struct error *err)
{
    struct zone *zone = look->pass->zone;
    const struct cloud *cloud = zone->cloud;
    const char *ids[WRITES_MOST];
    size_t count = 0;
    if (!is_any_orphan(look))
        return 0;
    cleanup(transaction_end) struct transaction *transaction = transaction_begin(zone->repository);
    const struct view *view = transaction_view(transaction);
    struct counters counters = *zone_counters(view);
    for (size_t i = 0; i < look->count && count < WRITES_MOST; i++)
        if (is_orphan(look->pass, view, &look->instances[i])) {
            tell_orphan(look, transaction, &look->instances[i]);
            ids[count++] = look->instances[i].id;
        }
    counters.orphans += (int64_t)count;
    transaction_put(transaction, RECORD_COUNTERS, &counters);
    if (transaction_commit(&transaction, err) < 0)
        return -1;
    return count ? cloud->terminate(cloud->context, look->pass->account, ids, count, err) : 0;
}

/* Instances that were launched together have no names yet; for people only, so a few at a time, and where the
 * account's policy does not let us they stay without. */
static void name_instances(const struct look *look, const struct view *view)
{
    enum { A_FEW = 20 };
    struct error err = {0};
    const struct cloud *cloud = look->pass->zone->cloud;
    int named = 0;
    for (size_t i = 0; cloud->name_instance && i < look->count && named < A_FEW; i++) {
        const struct instance *instance = &look->instances[i];
        const struct host *host = view_of(view, HOST_OF_INSTANCE, instance->id, 0);
        if (!text_empty(instance->hostname) || instance->state != INSTANCE_RUNNING || !host ||
            host->state < HOST_READY)
            continue;
        if (cloud->name_instance(cloud->context, look->pass->account, instance->id, host->hostname, &err) < 0)
            return;
        named++;
    }
}

int watch_instances(struct account_pass *pass, struct error *err)
{
    struct instance *instances;
    struct look look = {.pass = pass};
    if (list_instances(pass, &instances, &look.count, err) < 0)
        return -1;
    qsort(instances, look.count, sizeof *instances, by_id);
    look.instances = instances;
    VIEW(before, pass->zone->repository);
    int result = write_differences(&look, before, err);
    transaction_end(&look.transaction);
    if (result < 0)
        return -1;
    VIEW(view, pass->zone->repository);
    name_instances(&look, view);
    return remove_orphans(&look, err);
}

int remove_left_disks(struct account_pass *pass, struct error *err)
{
    const struct zone *zone = pass->zone;
    const struct cloud *cloud = zone->cloud;
    const char **removed = NULL;
    size_t count = 0;
    VIEW(view, zone->repository);
    if (!cloud->remove_disks ||
        cloud->remove_disks(cloud->context, pass->account, zone_counters(view)->repository_id,
                            zone_now_ms(zone) - zone->limits->disk_orphan_age, pass->arena, &removed, &count,
                            err) == 0 ||
        err->kind == ERROR_FORBIDDEN) { /* the account's policy is not ours: the tenant sees its disks */
        for (size_t i = 0; i < count; i++)
            log_warning("disk that was nobody's removed", "account", pass->account->id, "volume", removed[i],
                        NULL);
        return 0;
    }
    return -1;
}
