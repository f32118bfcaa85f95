#include "configserver/hosts/suspension.h"

#include "base/text.h"
#include "configserver/hosts/hearing.h"
#include "configserver/maintain/standing.h"

/* What is asked of one node, and how the others stand. */
struct question {
    const struct node *node;
    const struct cluster *cluster;
    struct group_standing own, all; /* of its group, of its cluster, without itself */
    int64_t most_away;              /* nodes of a container cluster that may be missed at once */
};

static int64_t serving(const struct group_standing *standing)
{
    return standing->serving + standing->leaving;
}

static int64_t away(const struct group_standing *standing)
{
    return standing->members - serving(standing);
}

/* It runs another image than it is to run: that it restarts is what its deployment asks for. */
static bool is_to_change(const struct question *question)
{
    const struct node *node = question->node;
    return node->current_image && !text_equal(node->current_image, node->image);
}

/* Whoever deploys a cluster of one has chosen that a new image interrupts it; maintenance does not. */
static int check_only_one(const struct question *question, struct error *err)
{
    if (is_to_change(question))
        return 0;
    return error_code(err, ERROR_CONFLICT, "last-healthy",
                      "%s is the only node of cluster %s: retire it instead, which replaces it first",
                      question->node->hostname, question->node->cluster);
}

static int check_container(const struct question *question, struct error *err)
{
    const struct node *node = question->node;
    if (serving(&question->all) < 1)
        return error_code(err, ERROR_CONFLICT, "last-healthy",
                          "%s is the last node of cluster %s that serves", node->hostname, node->cluster);
    if (away(&question->all) + 1 > question->most_away)
        return error_code(err, ERROR_CONFLICT, "too-many-away",
                          "%lld of cluster %s are down or may be down already, and %lld may be at once",
                          (long long)away(&question->all), node->cluster, (long long)question->most_away);
    return 0;
}

/* Another group has all documents, too: so one group at a time; without groups one node at a time. */
static int check_content(const struct question *question, struct error *err)
{
    const struct node *node = question->node;
    bool grouped = question->cluster->groups > 1;
    bool whole_group = grouped && question->own.members == 0;
    int64_t elsewhere = away(&question->all) - away(&question->own);
    if (elsewhere > 0)
        return error_code(err, ERROR_CONFLICT, "another-group",
                          "another group of cluster %s has nodes that are down or may be down",
                          node->cluster);
    if (!grouped && away(&question->own) > 0)
        return error_code(err, ERROR_CONFLICT, "too-many-away",
                          "another node of cluster %s is down or may be down: one at a time", node->cluster);
    if (whole_group ? serving(&question->all) < 1 : serving(&question->own) < 1)
        return error_code(err, ERROR_CONFLICT, "last-healthy",
                          "%s is the last node of group %lld of cluster %s "
                          "that serves",
                          node->hostname, (long long)node->group, node->cluster);
    return 0;
}

static int64_t most_away(const struct zone *zone, const struct cluster *cluster)
{
    int64_t most = cluster->count * zone->limits->container_suspended_percent / 100;
    return most > 1 ? most : 1;
}

static void leave_out(struct group_standing *standing, bool wanted)
{
    standing->serving -= wanted;
    standing->leaving -= !wanted;
}

/* The asked one is not one of those that serve while it is away; and who leads since a moment ago counts on
 * nobody whom it has not heard itself: hosts that died with the last leader look as well as they did. */
static void leave_out_unsure(struct zone *zone, const struct view *view, const struct standing *standing,
                             struct question *question)
{
    int64_t at;
    const struct node *asked = question->node;
    question->own.members--;
    question->all.members--;
    view_each_of(view, NODES_OF_APPLICATION, asked->application, struct node, node) {
        const struct host *host = view_find(view, RECORD_HOST, node->parent);
        bool is_asked = text_equal(node->hostname, asked->hostname);
        if (!text_equal(node->cluster, asked->cluster) || !standing_counts(standing, node, host) ||
            (!is_asked && hearing_last(zone->hearing, host->hostname, &at)))
            continue;
        bool wanted = node_is_wanted(node, host);
        leave_out(&question->all, wanted);
        if (node->group == asked->group)
            leave_out(&question->own, wanted);
    }
}

/* Its own host says so. That we have not heard that for a while means nothing any more: it is asking now. */
static bool may_serve(const struct node *node, const struct host *host)
{
    return node->state == NODE_ACTIVE && text_equal(node->service_status, "up") && !node->suspended_since &&
           host && host->state == HOST_ACTIVE && !host->suspended_since;
}

/* What serves nobody now costs nobody anything. */
static int check_node(struct zone *zone, struct transaction *transaction, const struct node *node,
                      struct error *err)
{
    const struct view *view = transaction_view(transaction);
    const struct application *application = view_find(view, RECORD_APPLICATION, node->application);
    const struct cluster *cluster = application ? application_cluster(application, node->cluster) : NULL;
    if (!cluster || !may_serve(node, view_find(view, RECORD_HOST, node->parent)))
        return 0;
    struct standing standing;
    standing_of(view, application, transaction_arena(transaction), &standing);
    struct question question = {.node = node,
                                .cluster = cluster,
                                .own = *standing_group(&standing, node),
                                .all = standing_cluster(&standing, node->cluster),
                                .most_away = most_away(zone, cluster)};
    leave_out_unsure(zone, view, &standing, &question);
    if (question.all.members == 0)
        return check_only_one(&question, err);
    return node->cluster_type == CLUSTER_CONTENT ? check_content(&question, err)
                                                 : check_container(&question, err);
}

static int suspend_node(struct zone *zone, struct transaction *transaction, const struct node *node,
                        enum agent agent, struct error *err)
{
    if (check_node(zone, transaction, node, err) < 0)
        return -1;
    struct node next = *node;
    const struct cause cause = zone_cause(zone, transaction, agent, NULL);
    if (node->state == NODE_ACTIVE && !node->suspended_since &&
        node_apply(&next, NODE_SUSPEND, &cause, NULL) == 0)
        transaction_put(transaction, RECORD_NODE, &next);
    return 0;
}

static int suspend_host(struct zone *zone, struct transaction *transaction, const struct host *host,
                        enum agent agent, struct error *err)
{
    const struct node *node = view_of(transaction_view(transaction), NODE_OF_HOST, host->hostname, 0);
    if (node && suspend_node(zone, transaction, node, agent, err) < 0)
        return -1;
    struct host next = *host;
    const struct cause cause = zone_cause(zone, transaction, agent, NULL);
    if (host->state == HOST_ACTIVE && !host->suspended_since &&
        host_apply(&next, HOST_SUSPEND, &cause, NULL) == 0)
        transaction_put(transaction, RECORD_HOST, &next);
    return 0;
}

int suspend(struct zone *zone, const char *const *hostnames, size_t count, enum agent agent,
            struct error *err)
{
    cleanup(transaction_end) struct transaction *transaction = transaction_begin(zone->repository);
    for (size_t i = 0; i < count; i++) {
        const struct host *host = transaction_find(transaction, RECORD_HOST, hostnames[i]);
        const struct node *node = transaction_find(transaction, RECORD_NODE, hostnames[i]);
        int result = host   ? suspend_host(zone, transaction, host, agent, err)
                     : node ? suspend_node(zone, transaction, node, agent, err)
                            : error_set(err, ERROR_NOT_FOUND, "no host or node %s", hostnames[i]);
        if (result < 0)
            return -1;
    }
    return transaction_commit(&transaction, err);
}

static void resume_node(struct zone *zone, struct transaction *transaction, const struct node *node,
                        enum agent agent)
{
    struct node next = *node;
    const struct cause cause = zone_cause(zone, transaction, agent, NULL);
    if (node->suspended_since && node_apply(&next, NODE_RESUME, &cause, NULL) == 0)
        transaction_put(transaction, RECORD_NODE, &next);
}

int resume(struct zone *zone, const char *hostname, enum agent agent, struct error *err)
{
    cleanup(transaction_end) struct transaction *transaction = transaction_begin(zone->repository);
    const struct host *host = transaction_find(transaction, RECORD_HOST, hostname);
    const struct node *node = host ? view_of(transaction_view(transaction), NODE_OF_HOST, hostname, 0)
                                   : transaction_find(transaction, RECORD_NODE, hostname);
    if (!host && !node)
        return error_set(err, ERROR_NOT_FOUND, "no host or node %s", hostname);
    if (node)
        resume_node(zone, transaction, node, agent);
    if (host && host->suspended_since) {
        struct host next = *host;
        const struct cause cause = zone_cause(zone, transaction, agent, NULL);
        if (host_apply(&next, HOST_RESUME, &cause, NULL) == 0)
            transaction_put(transaction, RECORD_HOST, &next);
    }
    return transaction_commit(&transaction, err);
}

int suspended_since(const struct view *view, const char *hostname, int64_t *since, struct error *err)
{
    const struct host *host = view_find(view, RECORD_HOST, hostname);
    const struct node *node = view_find(view, RECORD_NODE, hostname);
    if (!host && !node)
        return error_set(err, ERROR_NOT_FOUND, "no host or node %s", hostname);
    *since = host ? host->suspended_since : node->suspended_since;
    return 0;
}
