/* What became of a launch, written into its hosts and told to their application. */
#include "base/text.h"
#include "configserver/maintain/hosts.h"

static int64_t clamp(int64_t value, int64_t low, int64_t high)
{
    return value < low ? low : value > high ? high : value;
}

/* The batch's host as it is now, if it still waits for this launch. */
static const struct host *waiting(struct transaction *transaction, const struct batch *batch, size_t index)
{
    const struct host *host =
        batch->hostnames[index] ? transaction_find(transaction, RECORD_HOST, batch->hostnames[index]) : NULL;
    bool waits = host && !host->instance_id && text_equal(host->launch_token, batch->token) &&
                 (host->state == HOST_WANTED || host->state == HOST_TERMINATING);
    return waits ? host : NULL;
}

static void forget_launch(struct host *host)
{
    host->launch_token = NULL;
    host->launch_index = 0;
}

int batch_launched(struct account_pass *pass, const struct batch *batch, const struct instance *instances,
                   struct error *err)
{
    cleanup(transaction_end) struct transaction *transaction = transaction_begin(pass->zone->repository);
    size_t launched = 0, last = 0;
    for (size_t i = 0; i < batch->count; i++) {
        const struct host *host = waiting(transaction, batch, i);
        if (!host) /* released and gone meanwhile: the instance is an orphan, and will be found */
            continue;
        struct host next = *host;
        if (!instances[i].id)
            forget_launch(&next);
        else if (host_take_instance(pass, transaction, &next, &instances[i]))
            launched++, last = i;
        transaction_put(transaction, RECORD_HOST, &next);
    }
    if (launched == 1)
        application_tell(pass->zone, transaction, batch->application, "info",
                         "Host %s launched as %s (%s in %s)", batch->hostnames[last], instances[last].id,
                         batch->type, batch->availability_zone);
    else if (launched > 1)
        application_tell(pass->zone, transaction, batch->application, "info",
                         "%zu hosts of cluster %s launched (%s in %s), the last %s as %s", launched,
                         batch->cluster, batch->type, batch->availability_zone, batch->hostnames[last],
                         instances[last].id);
    return transaction_commit(&transaction, err);
}

/* Where the next try goes: every zone with one type, then every zone with the next. */
struct choice {
    const char *type, *availability_zone;
    bool all_tried;
};

static struct choice choose_next(const struct place *place, const struct cluster *cluster,
                                 const struct batch *batch)
{
    int64_t zones = (int64_t)place->host_subnet_count, zone = zones - 1,
            types = 1 + (int64_t)cluster->other_type_count, type = 0, tries = batch->refusals + 1;
    for (int64_t i = 0; i < zones; i++)
        if (text_equal(place->host_subnets[i].availability_zone, batch->availability_zone))
            zone = i;
    for (int64_t i = 1; i < types; i++)
        if (text_equal(cluster->other_types[i - 1], batch->type))
            type = i;
    if (tries % zones == 0)
        type = (type + 1) % types;
    return (struct choice){type == 0 ? cluster->instance_type : cluster->other_types[type - 1],
                           place->host_subnets[(zone + 1) % zones].availability_zone,
                           tries % (zones * types) == 0};
}

static char *explain(struct account_pass *pass, const struct batch *batch, const struct choice *next,
                     const struct error *refusal, int64_t wait_ms)
{
    if (cloud_quota_is_used(refusal))
        return arena_format(
            pass->arena,
            "AWS account %s may not run more instances (%s): ask AWS (Service Quotas, Amazon EC2, "
            "\"Running On-Demand Standard instances\", %s) for more vCPUs in that account; trying "
            "again in %lld s",
            pass->account->id, refusal->code, pass->zone->config->aws_region, (long long)(wait_ms / 1000));
    const char *what = arena_format(pass->arena, "AWS has no capacity for %zu %s in %s (%s)", batch->count,
                                    batch->type, batch->availability_zone, refusal->code);
    if (wait_ms > 0)
        return arena_format(pass->arena, "%s, nor of any other fitting type and zone; trying again in %lld s",
                            what, (long long)(wait_ms / 1000));
    return arena_format(pass->arena, "%s; trying %s in %s next", what, next->type, next->availability_zone);
}

/* The others of the cluster would fare alike: one of them asks at a time. */
static void postpone_others(struct transaction *transaction, const struct batch *batch, int64_t until)
{
    const struct view *view = transaction_view(transaction);
    size_t changed = 0;
    view_each_of(view, HOSTS_OF_APPLICATION, batch->application, struct host, host) {
        if (host->state != HOST_WANTED || host->launch_token || host->launch_after >= until ||
            !text_equal(host->cluster, batch->cluster) || changed == WRITES_MOST)
            continue;
        struct host next = *host;
        next.launch_after = until;
        transaction_put(transaction, RECORD_HOST, &next);
        changed++;
    }
}

int batch_refused(struct account_pass *pass, const struct place *place, const struct batch *batch,
                  const struct error *refusal, struct error *err)
{
    struct zone *zone = pass->zone;
    cleanup(transaction_end) struct transaction *transaction = transaction_begin(zone->repository);
    const struct application *application =
        transaction_find(transaction, RECORD_APPLICATION, batch->application);
    const struct cluster *cluster = application ? application_cluster(application, batch->cluster) : NULL;
    const struct cluster alone = {.instance_type = batch->type};
    const struct choice next_choice = choose_next(place, cluster ? cluster : &alone, batch);
    bool quota = cloud_quota_is_used(refusal);
    int64_t now = zone_now_ms(zone), wait = 0;
    char *message = NULL;
    for (size_t i = 0; i < batch->count; i++) {
        const struct host *host = waiting(transaction, batch, i);
        if (!host)
            continue;
        struct host next = *host;
        if (quota || (next_choice.all_tried && batch->count == 1)) /* several are tried by fewer at once */
            wait =
                clamp(now - host->state_since, zone->limits->capacity_retry, zone->limits->relaunch_longest);
        if (!message)
            message = explain(pass, batch, &next_choice, refusal, wait);
        forget_launch(&next);
        next.refusals += !quota;
        next.instance_type = quota ? batch->type : next_choice.type;
        next.availability_zone = quota ? batch->availability_zone : next_choice.availability_zone;
        next.launch_after = wait ? now + wait + zone_random(zone, wait / 4 + 1) : 0;
        next.trouble = message;
        transaction_put(transaction, RECORD_HOST, &next);
    }
    if (wait)
        postpone_others(transaction, batch, now + wait);
    if (message)
        application_tell(zone, transaction, batch->application, "warning", "%s", message);
    return transaction_commit(&transaction, err);
}

int batch_troubled(struct account_pass *pass, const struct batch *batch, const struct error *trouble,
                   bool over, struct error *err)
{
    struct zone *zone = pass->zone;
    int64_t now = zone_now_ms(zone);
    const struct host *first = NULL;
    cleanup(transaction_end) struct transaction *transaction = transaction_begin(zone->repository);
    for (size_t i = 0; i < batch->count; i++) {
        const struct host *host = waiting(transaction, batch, i);
        if (!host || (!over && text_equal(host->trouble, trouble->message)))
            continue;
        struct host next = *host;
        next.trouble = trouble->message;
        if (over) {
            forget_launch(&next);
            next.launch_after = now + clamp(now - host->state_since, zone->limits->relaunch_first,
                                            zone->limits->relaunch_longest);
        }
        first = first ? first : host;
        transaction_put(transaction, RECORD_HOST, &next);
    }
    if (first)
        application_tell(zone, transaction, batch->application, "warning",
                         "Host %s cannot be launched yet: %s", first->hostname, trouble->message);
    return transaction_commit(&transaction, err);
}
