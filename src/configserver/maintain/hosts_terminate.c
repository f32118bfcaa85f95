/* Hosts that are done: their instances are ended, and when there are none any more the hosts are only
 * remembered. */
#include "base/text.h"
#include "configserver/maintain/hosts.h"

bool hosts_to_terminate(const struct view *view, const char *account, int64_t now_ms)
{
    (void)now_ms;
    view_each_of(view, HOSTS_OF_ACCOUNT, account, struct host, host)
        if (host->state == HOST_TERMINATING)
            return true;
    return false;
}

/* From wherever it is: its host is gone, and what it had with it. */
static void remove_node(struct account_pass *pass, struct transaction *transaction, const struct node *node)
{
    static const enum node_event ways[] = {NODE_HOST_LOST, NODE_RELEASE, NODE_REMOVED};
    const struct cause cause =
        zone_cause(pass->zone, transaction, AGENT_PROVISIONER, "its host is terminated");
    struct node next = *node;
    for (size_t i = 0; i < COUNT_OF(ways) && next.state != NODE_GONE; i++)
        node_apply(&next, ways[i], &cause, NULL);
    transaction_remove(transaction, RECORD_NODE, node->hostname);
}

static bool write_terminated(struct account_pass *pass, struct transaction *transaction, const char *hostname)
{
    const struct host *host = transaction_find(transaction, RECORD_HOST, hostname);
    struct host next = host ? *host : (struct host){0};
    const struct cause cause = zone_cause(pass->zone, transaction, AGENT_PROVISIONER, NULL);
    if (!host || host_apply(&next, HOST_TERMINATED, &cause, NULL) < 0)
        return false;
    view_each_of(transaction_view(transaction), NODE_OF_HOST, hostname, struct node, node)
        remove_node(pass, transaction, node);
    transaction_put(transaction, RECORD_HOST, &next);
    return true;
}

struct done {
    const char *hostname, *application;
};

/* One line for each application, however many of its hosts went together. */
static void tell_terminated(struct account_pass *pass, struct transaction *transaction,
                            const struct done *done, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t together = 0, earlier = 0;
        for (size_t j = 0; j < count; j++)
            if (text_equal(done[i].application, done[j].application)) {
                together++;
                earlier += j < i;
            }
        if (together == 1)
            application_tell(pass->zone, transaction, done[i].application, "info", "Host %s is terminated",
                             done[i].hostname);
        else if (earlier == 0)
            application_tell(pass->zone, transaction, done[i].application, "info",
                             "%zu hosts are terminated, among them %s", together, done[i].hostname);
    }
}

static int write_all_terminated(struct account_pass *pass, const struct done *done, size_t count,
                                struct error *err)
{
    if (count == 0)
        return 0;
    struct done *written = arena_alloc(pass->arena, count * sizeof *written);
    size_t written_count = 0;
    cleanup(transaction_end) struct transaction *transaction = transaction_begin(pass->zone->repository);
    for (size_t i = 0; i < count; i++)
        if (write_terminated(pass, transaction, done[i].hostname))
            written[written_count++] = done[i];
    tell_terminated(pass, transaction, written, written_count);
    return transaction_commit(&transaction, err);
}

/* Launched just now, it may not be in the list yet. */
static bool may_be_late(const struct zone *zone, const struct host *host)
{
    return (host->instance_id || host->launch_token) &&
           zone_now_ms(zone) - host->state_since < zone->limits->appear_longest;
}

static const struct instance *find(const struct instance *instances, size_t count, const struct host *host)
{
    for (size_t i = 0; i < count; i++)
        if (is_instance_of(host, &instances[i]))
            return &instances[i];
    return NULL;
}

int terminate_hosts(struct account_pass *pass, struct error *err)
{
    struct instance *instances;
    struct done done[WRITES_MOST / 2]; /* each with its node */
    const char *ids[WRITES_MOST];
    size_t count, done_count = 0, id_count = 0;
    if (list_instances(pass, &instances, &count, err) < 0)
        return -1;
    VIEW(view, pass->zone->repository);
    view_each_of(view, HOSTS_OF_ACCOUNT, pass->account->id, struct host, host) {
        if (host->state != HOST_TERMINATING)
            continue;
        const struct instance *instance = find(instances, count, host);
        bool ended = instance ? instance->state == INSTANCE_ENDED : !may_be_late(pass->zone, host);
        if (ended && done_count < COUNT_OF(done))
            done[done_count++] = (struct done){host->hostname, host->application};
        else if (instance && instance->state < INSTANCE_ENDING && id_count < COUNT_OF(ids))
            ids[id_count++] = instance->id;
        else if (!instance && !ended && host->instance_id && id_count < COUNT_OF(ids))
            ids[id_count++] = host->instance_id;
    }
    const struct cloud *cloud = pass->zone->cloud;
    if (id_count > 0 && cloud->terminate(cloud->context, pass->account, ids, id_count, err) < 0)
        return -1;
    return write_all_terminated(pass, done, done_count, err);
}
