#include "configserver/hosts/commands.h"

#include "base/text.h"
#include "configserver/maintain/standing.h"

/* A host and its node, whichever of the two was named. */
struct pair {
    const struct host *host;
    const struct node *node; /* may be NULL */
};

static int find_pair(struct transaction *transaction, const char *hostname, struct pair *pair,
                     struct error *err)
{
    const struct view *view = transaction_view(transaction);
    pair->node = view_find(view, RECORD_NODE, hostname);
    pair->host = view_find(view, RECORD_HOST, pair->node ? pair->node->parent : hostname);
    if (pair->host && !pair->node)
        pair->node = view_of(view, NODE_OF_HOST, pair->host->hostname, 0);
    return pair->host ? 0 : error_set(err, ERROR_NOT_FOUND, "no host or node %.80s", hostname);
}

static int change_host(struct zone *zone, struct transaction *transaction, const struct host *host,
                       enum host_event event, const char *who, struct error *err)
{
    struct host next = *host;
    const struct cause cause = zone_cause(zone, transaction, AGENT_OPERATOR, "%s asked for it", who);
    if (host_apply(&next, event, &cause, err) < 0)
        return -1;
    transaction_put(transaction, RECORD_HOST, &next);
    return 0;
}

static void change_node(struct zone *zone, struct transaction *transaction, const struct node *node,
                        enum node_event event, const char *who)
{
    struct node next = *node;
    const struct cause cause = zone_cause(zone, transaction, AGENT_OPERATOR, "%s asked for it", who);
    if (node_apply(&next, event, &cause, NULL) == 0)
        transaction_put(transaction, RECORD_NODE, &next);
}

int host_retire(struct zone *zone, const char *hostname, bool retire, const char *who, struct error *err)
{
    cleanup(transaction_end) struct transaction *transaction = transaction_begin(zone->repository);
    struct pair pair;
    if (find_pair(transaction, hostname, &pair, err) < 0)
        return -1;
    if (!retire && pair.host->state > HOST_ACTIVE)
        return error_set(err, ERROR_CONFLICT, "host %s is %s: it is out already", pair.host->hostname,
                         host_state_names[pair.host->state]);
    bool wished = pair.host->want_to_retire || (!retire && pair.host->want_to_fail);
    if (wished == retire)
        return 0;
    if (change_host(zone, transaction, pair.host, retire ? HOST_WISH_RETIRE : HOST_UNWISH, who, err) < 0)
        return -1;
    application_tell(zone, transaction, pair.host->application, "info", "Host %s %s: %s asked for it",
                     pair.host->hostname, retire ? "is to be retired" : "is to stay", who);
    return transaction_commit(&transaction, err);
}

int host_give_up(struct zone *zone, const char *hostname, const char *who, struct error *err)
{
    cleanup(transaction_end) struct transaction *transaction = transaction_begin(zone->repository);
    struct pair pair;
    if (find_pair(transaction, hostname, &pair, err) < 0)
        return -1;
    if (pair.host->want_to_fail || pair.host->state == HOST_FAILED)
        return 0;
    if (change_host(zone, transaction, pair.host, HOST_WISH_FAIL, who, err) < 0)
        return -1;
    application_tell(zone, transaction, pair.host->application, "warning",
                     "Host %s is given up and replaced: %s asked for it", pair.host->hostname, who);
    return transaction_commit(&transaction, err);
}

int host_park(struct zone *zone, const char *hostname, const char *who, struct error *err)
{
    cleanup(transaction_end) struct transaction *transaction = transaction_begin(zone->repository);
    struct pair pair;
    if (find_pair(transaction, hostname, &pair, err) < 0)
        return -1;
    if (pair.host->state == HOST_PARKED)
        return 0;
    if (pair.host->state != HOST_FAILED)
        return error_set(
            err, ERROR_CONFLICT,
            "host %s is %s: only one that is replaced is parked; PUT state/failed first, and park it once "
            "it is failed",
            pair.host->hostname, host_state_names[pair.host->state]);
    if (change_host(zone, transaction, pair.host, HOST_PARK, who, err) < 0)
        return -1;
    if (pair.node)
        change_node(zone, transaction, pair.node, NODE_PARK, who);
    application_tell(zone, transaction, pair.host->application, "info",
                     "Host %s is kept for a look: %s asked for it", pair.host->hostname, who);
    return transaction_commit(&transaction, err);
}

int host_let_go(struct zone *zone, const char *hostname, const char *who, struct error *err)
{
    cleanup(transaction_end) struct transaction *transaction = transaction_begin(zone->repository);
    struct pair pair;
    if (find_pair(transaction, hostname, &pair, err) < 0)
        return -1;
    if (host_is_leaving(pair.host))
        return 0;
    bool out = pair.host->state == HOST_FAILED || pair.host->state == HOST_PARKED ||
               (pair.node && pair.node->state == NODE_INACTIVE);
    if (!out)
        return error_set(err, ERROR_CONFLICT,
                         "host %s is %s and its node %s: retire it, which replaces it first",
                         pair.host->hostname, host_state_names[pair.host->state],
                         pair.node ? node_state_names[pair.node->state] : "gone");
    if (pair.node)
        change_node(zone, transaction, pair.node, NODE_RELEASE, who);
    if (change_host(zone, transaction, pair.host, HOST_RELEASE, who, err) < 0)
        return -1;
    application_tell(zone, transaction, pair.host->application, "info", "Host %s leaves: %s asked for it",
                     pair.host->hostname, who);
    return transaction_commit(&transaction, err);
}

/* Only what runs can be started again; and who nobody stands in for would not be let down: it asks before. */
static bool can_be_commanded(struct transaction *transaction, const struct pair *pair, const char **why)
{
    const struct view *view = transaction_view(transaction);
    *why = "nothing of that is active";
    if (!pair->host || pair->host->state != HOST_ACTIVE || !pair->node || pair->node->state != NODE_ACTIVE)
        return false;
    int64_t members = 0;
    view_each_of(view, NODES_OF_APPLICATION, pair->node->application, struct node, other)
        members += other->state == NODE_ACTIVE && text_equal(other->cluster, pair->node->cluster);
    *why = "it is the only node of its cluster and serves: retire it instead, which replaces it first";
    return members > 1 || !node_can_be_counted_on(pair->node, pair->host);
}

/* One command at work. */
struct raising {
    struct zone *zone;
    struct transaction *transaction;
    enum command command;
    const char *who;
    const char *why; /* the last could not be commanded */
};

static bool raise_generation(struct raising *raising, const struct pair *pair)
{
    if (!can_be_commanded(raising->transaction, pair, &raising->why))
        return false;
    if (raising->command == COMMAND_RESTART) {
        change_node(raising->zone, raising->transaction, pair->node, NODE_WANT_RESTART, raising->who);
        return true;
    }
    return change_host(raising->zone, raising->transaction, pair->host, HOST_WANT_REBOOT, raising->who,
                       NULL) == 0;
}

static size_t command_application(struct raising *raising, const struct command_filter *filter)
{
    size_t count = 0;
    const struct view *view = transaction_view(raising->transaction);
    view_each_of(view, NODES_OF_APPLICATION, filter->application, struct node, node) {
        if (filter->cluster && !text_equal(node->cluster, filter->cluster))
            continue;
        const struct pair pair = {view_find(view, RECORD_HOST, node->parent), node};
        count += raise_generation(raising, &pair);
    }
    return count;
}

int command_hosts(struct zone *zone, enum command command, const struct command_filter *filter,
                  const char *who, size_t *count, struct error *err)
{
    cleanup(transaction_end) struct transaction *transaction = transaction_begin(zone->repository);
    struct pair pair;
    struct raising raising = {zone, transaction, command, who, "it has no nodes"};
    if (!filter->hostname && !filter->application)
        return error_set(err, ERROR_INVALID,
                         "say which: ?hostname=… or ?application=tenant.application.instance");
    if (filter->hostname && find_pair(transaction, filter->hostname, &pair, err) < 0)
        return -1;
    if (filter->hostname && filter->application && !text_equal(pair.host->application, filter->application))
        return error_set(err, ERROR_NOT_FOUND, "%.80s is none of %.80s's", filter->hostname,
                         filter->application);
    if (filter->hostname && filter->cluster && !text_equal(pair.host->cluster, filter->cluster))
        return error_set(err, ERROR_NOT_FOUND, "%.80s is not of cluster %.80s", filter->hostname,
                         filter->cluster);
    if (!filter->hostname && !transaction_find(transaction, RECORD_APPLICATION, filter->application))
        return error_set(err, ERROR_NOT_FOUND, "%.80s is not deployed here", filter->application);
    *count = filter->hostname ? raise_generation(&raising, &pair) : command_application(&raising, filter);
    if (*count == 0)
        return error_set(err, ERROR_CONFLICT, "%s", raising.why);
    return transaction_commit(&transaction, err);
}
