#include "configserver/maintain/health.h"

#include "base/buffer.h"
#include "base/text.h"
#include "configserver/hosts/hearing.h"

enum { NAMES_SHOWN = 3 };

bool judging_due(struct judging *judging, int64_t at)
{
    if (at <= judging->now)
        return true;
    if (at < judging->next)
        judging->next = at;
    return false;
}

const struct host *judged_host(const struct judging *judging, const char *hostname)
{
    return transaction_find(judging->transaction, RECORD_HOST, hostname);
}

const struct node *judged_node_of(const struct judging *judging, const char *hostname)
{
    const struct node *node = view_of(judging->view, NODE_OF_HOST, hostname, 0);
    return node ? transaction_find(judging->transaction, RECORD_NODE, node->hostname) : NULL;
}

/* Many that fall silent at once are one line. */
struct names {
    const char *shown[NAMES_SHOWN];
    size_t count;
};

static void tell_names(struct judging *judging, const struct names *names, const char *level,
                       const char *what)
{
    cleanup(buffer_free) struct buffer text = buffer_new(2000);
    for (size_t i = 0; i < names->count && i < NAMES_SHOWN; i++)
        buffer_format(&text, "%s%s", i ? ", " : "", names->shown[i]);
    if (names->count > NAMES_SHOWN)
        buffer_format(&text, " and %zu more", names->count - NAMES_SHOWN);
    if (names->count > 0)
        application_tell(judging->zone, judging->transaction, judging->application->id, level, "Host%s %s %s",
                         names->count > 1 ? "s" : "", buffer_string(&text), what);
}

static bool host_happens(struct judging *judging, const struct host *host, enum host_event event,
                         enum agent agent, const char *why, struct names *names)
{
    struct host next = *host;
    const struct cause cause = zone_cause(judging->zone, judging->transaction, agent, "%s", why);
    if (host_apply(&next, event, &cause, NULL) < 0)
        return false;
    transaction_put(judging->transaction, RECORD_HOST, &next);
    if (names && names->count++ < NAMES_SHOWN)
        names->shown[names->count - 1] = host->hostname;
    return true;
}

static bool can_be_down(const struct host *host)
{
    return host->state >= HOST_READY && host->state <= HOST_DEPROVISIONING;
}

static void judge_hosts(struct judging *judging)
{
    struct names down = {0}, up = {0}, lapsed = {0};
    const struct limits *limits = judging->zone->limits;
    view_each_of(judging->view, HOSTS_OF_APPLICATION, judging->application->id, struct host, host) {
        int64_t at;
        if (!can_be_down(host))
            continue;
        bool heard = hearing_last(judging->zone->hearing, host->hostname, &at);
        bool silent = judging_due(judging, at + limits->host_silent);
        if (!host->down_since && silent)
            host_happens(judging, host, HOST_WENT_DOWN, AGENT_HEALTH, "it is silent", &down);
        if (host->down_since && heard && !silent)
            host_happens(judging, host, HOST_CAME_UP, AGENT_HEALTH, "it is heard again", &up);
        if (host->suspended_since && judging_due(judging, host->suspended_since + limits->suspended_longest))
            host_happens(judging, judged_host(judging, host->hostname), HOST_RESUME, AGENT_EXPIRER,
                         "suspended for too long", &lapsed);
    }
    tell_names(judging, &down, "warning", "fell silent");
    tell_names(judging, &up, "info", "can be heard again");
    tell_names(judging, &lapsed, "warning", "did not come back from maintenance in time");
    if (down.count > 0) /* perhaps its instance is gone */
        zone_look_at_account(judging->zone, judging->application->account);
}

static void node_happens(struct judging *judging, const struct node *node, enum node_event event,
                         enum agent agent, const char *why)
{
    struct node next = *node;
    const struct cause cause = zone_cause(judging->zone, judging->transaction, agent, "%s", why);
    if (node_apply(&next, event, &cause, NULL) == 0)
        transaction_put(judging->transaction, RECORD_NODE, &next);
}

/* A node that has just been started is not down: it is given as long as one that went down would be. */
static const char *why_down(struct judging *judging, const struct node *node, const struct host *host)
{
    if (!host || host->down_since)
        return "its host is silent";
    if (text_equal(node->service_status, "up"))
        return NULL;
    if (node->first_up_at || text_equal(node->service_status, "down"))
        return text_empty(node->status_message) ? "its service does not answer" : node->status_message;
    bool late = judging_due(judging, node->state_since + judging->zone->limits->node_down_grace);
    return late ? "its service never came up" : NULL;
}

static void judge_node(struct judging *judging, const struct node *node)
{
    const struct limits *limits = judging->zone->limits;
    if (node->state != NODE_ACTIVE)
        return;
    const struct host *host = judged_host(judging, node->parent);
    const char *down = why_down(judging, node, host);
    bool up = !down && text_equal(node->service_status, "up");
    if (down && !node->down_since)
        node_happens(judging, node, NODE_WENT_DOWN, AGENT_HEALTH, down);
    if (up && (node->down_since || !node->first_up_at))
        node_happens(judging, node, NODE_CAME_UP, AGENT_HEALTH, "its service answers");
    if (node->suspended_since && judging_due(judging, node->suspended_since + limits->suspended_longest))
        node_happens(judging, transaction_find(judging->transaction, RECORD_NODE, node->hostname),
                     NODE_RESUME, AGENT_EXPIRER, "suspended for too long");
}

void judge_health(struct zone *zone, struct transaction *transaction, const struct application *application)
{
    struct judging judging = {
        zone, transaction, application, transaction_view(transaction), zone_now_ms(zone), INT64_MAX};
    judge_hosts(&judging);
    view_each_of(judging.view, NODES_OF_APPLICATION, application->id, struct node, node)
        judge_node(&judging, node);
    if (!application->deleting)
        judge_failures(&judging);
    if (judging.next < INT64_MAX)
        zone_look_again(zone, application->id, judging.next);
}
