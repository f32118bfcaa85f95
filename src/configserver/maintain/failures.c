/* Who shall be replaced for being down or saying that it is broken. What is down for longer than its grace is
 * replaced first and given up then (nodes.c); more at once than the limits allow is no hosts' failure but a
 * network's, or ours, and replacing all of them would make it worse: those wait, and we say so. */
#include "base/text.h"
#include "configserver/hosts/reports.h"
#include "configserver/maintain/health.h"
#include "configserver/maintain/standing.h"

#include <stdio.h>
#include <string.h>

/* It runs, or did, and its node is one of its cluster's. */
static bool is_judged(const struct host *host, const struct node *node)
{
    return (host->state == HOST_READY || host->state == HOST_ACTIVE) && node &&
           (node->state == NODE_RESERVED || node->state == NODE_ACTIVE);
}

static bool is_wish_of(const struct host *host, enum host_event wish, enum agent agent)
{
    const struct event *last = host_last_event(host, wish);
    return last && text_equal(last->agent, agent_names[agent]);
}

/* To be replaced for its health, and not yet out. */
static bool is_given_up(const struct host *host)
{
    bool broken = host->want_to_retire && is_wish_of(host, HOST_WISH_RETIRE, AGENT_HOST);
    return host->state <= HOST_ACTIVE && (host->want_to_fail || broken);
}

/* A group's places that nobody holds who ever served, and its hosts that are given up: all, and those before
 * this one. */
struct losses {
    int64_t missing, given_up, before;
};

/* False when it is of no group any more. */
static bool losses_of(struct judging *judging, const struct host *host, struct losses *losses)
{
    struct standing standing;
    const struct view *now = transaction_view(judging->transaction);
    const struct node *node = view_of(now, NODE_OF_HOST, host->hostname, 0);
    const struct application *application = view_find(now, RECORD_APPLICATION, host->application);
    if (!node || !application)
        return false;
    standing_of(now, application, transaction_arena(judging->transaction), &standing);
    const struct group_standing *group = standing_group(&standing, node);
    *losses = (struct losses){.missing = group->target - group->proven};
    view_each_of(now, NODES_OF_APPLICATION, application->id, struct node, other) {
        const struct host *its = view_find(now, RECORD_HOST, other->parent);
        if (other->group != node->group || !text_equal(other->cluster, node->cluster) || !its ||
            !is_given_up(its))
            continue;
        losses->given_up++;
        losses->before += strcmp(other->hostname, node->hostname) < 0;
    }
    return true;
}

/* This is what the limits count: no more of a group than it misses. One whose replacement has come up waits
 * only until it is missed by nobody, and that may be until another is replaced, too; and a replacement that
 * is itself replaced before it ever served is still the same one. */
static bool is_replacement_under_way(struct judging *judging, const struct host *host)
{
    struct losses losses;
    return is_given_up(host) && (!losses_of(judging, host, &losses) || losses.before < losses.missing);
}

/* Giving it up is one replacement more, not one that is under way already. */
static bool is_one_more(struct judging *judging, const struct host *host, const struct node *node)
{
    struct losses losses;
    bool holds_place = node->state == NODE_ACTIVE && node->first_up_at && node_is_wanted(node, host);
    if (is_given_up(host))
        return false;
    return holds_place || !losses_of(judging, host, &losses) || losses.given_up < losses.missing;
}

/* When it has been down for too long, and why; INT64_MAX when nothing is wrong. */
static int64_t fails_at(const struct zone *zone, const struct host *host, const struct node *node,
                        bool others_serve, const char **why)
{
    const struct limits *limits = zone->limits;
    int64_t factor = host->suspended_since || node->suspended_since ? limits->suspended_factor : 1;
    int64_t at = INT64_MAX;
    *why = NULL;
    /* A service that never came up is the package's fault, unless it does on another host. */
    if (node->down_since && (node->first_up_at || others_serve)) {
        at = node->down_since + limits->node_down_grace * factor;
        *why = "its service does not answer";
    }
    if (host->down_since && host->down_since + limits->host_down_grace * factor < at) {
        at = host->down_since + limits->host_down_grace * factor;
        *why = "it is silent";
    }
    return at;
}

/* How much is being given up already, and how much may be. Reckoned when first needed. */
struct allowance {
    bool reckoned;
    int64_t given_up, most;
};

static int64_t share(int64_t of, int64_t percent)
{
    return of * percent / 100;
}

static void reckon_account(struct judging *judging, struct allowance *account)
{
    const struct limits *limits = judging->zone->limits;
    int64_t hosts = 0;
    view_each_of(judging->view, HOSTS_OF_ACCOUNT, judging->application->account, struct host, host) {
        hosts += host->state == HOST_READY || host->state == HOST_ACTIVE;
        account->given_up += is_replacement_under_way(judging, judged_host(judging, host->hostname));
    }
    account->most = share(hosts, limits->account_failures_percent);
    if (account->most < limits->account_failures)
        account->most = limits->account_failures;
    account->reckoned = true;
}

static bool cluster_allows(struct judging *judging, const char *cluster)
{
    const struct cluster *wanted = application_cluster(judging->application, cluster);
    int64_t given_up = 0, members = 0;
    view_each_of(judging->view, NODES_OF_APPLICATION, judging->application->id, struct node, node) {
        const struct host *host =
            text_equal(node->cluster, cluster) ? judged_host(judging, node->parent) : NULL;
        members += host != NULL;
        given_up += host && is_replacement_under_way(judging, host);
    }
    int64_t most = share(wanted ? wanted->count : members, judging->zone->limits->cluster_failures_percent);
    return given_up < (most > 1 ? most : 1);
}

/* Once for an outage: not again while a line of it is in the story. */
static void tell_held_back(struct judging *judging, int64_t since, const char *message)
{
    const struct application *now =
        transaction_find(judging->transaction, RECORD_APPLICATION, judging->application->id);
    for (size_t i = 0; i < now->log_count; i++)
        if (now->log[i].at >= since && text_equal(now->log[i].message, message))
            return;
    application_tell(judging->zone, judging->transaction, now->id, "error", "%s", message);
}

/* A cluster that loses many needs them back, but of one that never served there is nothing to come back. */
static bool has_nothing(const struct host *host, const struct node *node)
{
    return host->down_since && !node->first_up_at;
}

static bool limits_allow(struct judging *judging, struct allowance *account, const struct host *host,
                         const struct node *node, int64_t since)
{
    char message[300];
    if (!is_one_more(judging, host, node))
        return true;
    if (!account->reckoned)
        reckon_account(judging, account);
    if (account->given_up >= account->most)
        snprintf(
            message, sizeof message,
            "Hosts are broken but not replaced: account %s has as many replacements under way as are allowed "
            "at once (limits accountFailures, accountFailuresPercent)",
            host->account);
    else if (!has_nothing(host, node) && !cluster_allows(judging, host->cluster))
        snprintf(
            message, sizeof message,
            "Hosts are broken but not replaced: cluster %s has as many replacements under way as are allowed "
            "at once (limit clusterFailuresPercent)",
            host->cluster);
    else {
        account->given_up++;
        return true;
    }
    tell_held_back(judging, since, message);
    return false;
}

static void wish(struct judging *judging, const struct host *host, enum host_event event, enum agent agent,
                 const char *why)
{
    struct host next = *host;
    const struct cause cause = zone_cause(judging->zone, judging->transaction, agent, "%s", why);
    if (host_apply(&next, event, &cause, NULL) < 0)
        return;
    transaction_put(judging->transaction, RECORD_HOST, &next);
    application_tell(judging->zone, judging->transaction, host->application, "warning",
                     "Host %s is replaced: %s", host->hostname, why);
}

/* What else was wished stays wished. */
static void unwish(struct judging *judging, const struct host *host, bool keep_retiring, const char *why)
{
    struct host next = *host;
    struct cause cause = zone_cause(judging->zone, judging->transaction, AGENT_HEALTH, "%s", why);
    const struct event *retired = keep_retiring ? host_last_event(host, HOST_WISH_RETIRE) : NULL;
    if (host_apply(&next, HOST_UNWISH, &cause, NULL) < 0)
        return;
    if (keep_retiring) {
        for (int agent = 0; retired && agent_names[agent]; agent++)
            if (text_equal(agent_names[agent], retired->agent))
                cause.agent = (enum agent)agent;
        cause.reason = retired ? retired->reason : "it was to be retired before";
        host_apply(&next, HOST_WISH_RETIRE, &cause, NULL);
    }
    transaction_put(judging->transaction, RECORD_HOST, &next);
    application_tell(judging->zone, judging->transaction, host->application, "info", "Host %s %s",
                     host->hostname,
                     keep_retiring ? "is heard again but leaves all the same" : "is well again and stays");
}

static const char *hard_failure(struct judging *judging, const struct host *host, const struct node *node)
{
    const char *said = NULL, *name = reports_hard_fail(host->reports, &said);
    if (!name)
        name = reports_hard_fail(node->reports, &said);
    return name ? arena_format(transaction_arena(judging->transaction), "it reports %s: %s", name, said)
                : NULL;
}

static void judge_report(struct judging *judging, struct allowance *account, const struct host *host,
                         const struct node *node)
{
    const char *broken = hard_failure(judging, host, node);
    if (broken && !host->want_to_retire && !host->want_to_fail &&
        limits_allow(judging, account, host, node, host->state_since))
        wish(judging, host, HOST_WISH_RETIRE, AGENT_HOST, broken);
    if (!broken && host->want_to_retire && !host->want_to_fail &&
        is_wish_of(host, HOST_WISH_RETIRE, AGENT_HOST))
        unwish(judging, host, false, "it reports nothing any more");
}

static void judge_silence(struct judging *judging, struct allowance *account, const struct host *host,
                          const struct node *node, bool others_serve)
{
    const char *why;
    int64_t at = fails_at(judging->zone, host, node, others_serve, &why);
    if (host->want_to_fail) {
        if (!host->down_since && !node->down_since && is_wish_of(host, HOST_WISH_FAIL, AGENT_HEALTH))
            unwish(judging, host, host->want_to_retire, "it is well again");
        return;
    }
    int64_t since = host->down_since ? host->down_since : node->down_since;
    if (at < INT64_MAX && judging_due(judging, at) && limits_allow(judging, account, host, node, since))
        wish(judging, host, HOST_WISH_FAIL, AGENT_HEALTH, why);
}

static bool has_trouble(const struct host *host, const struct node *node)
{
    return host->down_since || node->down_since || host->want_to_fail || host->want_to_retire ||
           host->reports || node->reports;
}

void judge_failures(struct judging *judging)
{
    struct allowance account = {0};
    struct standing standing = {0};
    view_each_of(judging->view, HOSTS_OF_APPLICATION, judging->application->id, struct host, at) {
        const struct host *host = judged_host(judging, at->hostname);
        const struct node *node = judged_node_of(judging, at->hostname);
        if (!host || !is_judged(host, node) || !has_trouble(host, node))
            continue;
        if (standing.count == 0)
            standing_of(judging->view, judging->application, transaction_arena(judging->transaction),
                        &standing);
        bool others_serve = standing_cluster(&standing, node->cluster).up > 0;
        judge_report(judging, &account, host, node);
        judge_silence(judging, &account, judged_host(judging, host->hostname), node, others_serve);
    }
}

size_t hosts_held_back(const struct zone *zone, const struct view *view)
{
    int64_t now = zone_now_ms(zone);
    size_t count = 0;
    view_each(view, RECORD_HOST, struct host, host) {
        const char *why;
        const struct node *node = view_of(view, NODE_OF_HOST, host->hostname, 0);
        count +=
            is_judged(host, node) && !host->want_to_fail && fails_at(zone, host, node, false, &why) <= now;
    }
    return count;
}
