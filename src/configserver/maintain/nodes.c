/* Hosts and nodes move along their lives: activated when they are ready, out when nobody misses them, kept
 * for as long as somebody may want them back or look at them, removed when they are gone. Which nodes there
 * shall be is allocation's; when one may go is leaving.c's. */
#include "base/text.h"
#include "configserver/maintain/leaving.h"
#include "configserver/maintain/maintainers.h"

/* One application's moving. */
struct moving {
    struct zone *zone;
    struct transaction *transaction;
    const struct application *application;
    int64_t now;
    int64_t next; /* when something is due though nothing changes */
};

static bool due(struct moving *moving, int64_t at)
{
    if (at <= moving->now)
        return true;
    if (at < moving->next)
        moving->next = at;
    return false;
}

/* `what` is for people and may be NULL: then it is not worth a line. */
static bool move_host(struct moving *moving, const struct host *host, enum host_event event,
                      const char *level, const char *what)
{
    struct host next = *host;
    const struct cause cause =
        zone_cause(moving->zone, moving->transaction, AGENT_EXPIRER, what ? "%s" : NULL, what);
    if (host_apply(&next, event, &cause, NULL) < 0)
        return false;
    transaction_put(moving->transaction, RECORD_HOST, &next);
    if (what)
        application_tell(moving->zone, moving->transaction, host->application, level, "Host %s %s",
                         host->hostname, what);
    return true;
}

/* In each state: what happens to a host that nothing else happens to, and after how long; `told`: it has to
 * do something meanwhile, and a record that was written when the store or the leader went away reached it
 * later. */
static const struct {
    int state;
    size_t longest; /* member of struct limits; 0: at once */
    bool told;
    enum host_event event;
    const char *level, *what;
} host_moves[] = {
    /* clang-format off */
    { HOST_PROVISIONED,    offsetof(struct limits, boot_longest),  false, HOST_LOST,          "warning", "never came up; launching another instance" },
    { HOST_READY,          SIZE_MAX,                               false, HOST_ACTIVATE,      "info",    "is active" },
    { HOST_FAILED,         offsetof(struct limits, failed_kept),   false, HOST_RELEASE,       "info",    "was kept long enough; it leaves" },
    { HOST_DEPROVISIONING, offsetof(struct limits, drain_longest), true,  HOST_DRAIN_EXPIRED, "warning", "did not report its logs archived in time; terminating it" },
    /* clang-format on */
};

static int64_t limit_at(const struct limits *limits, size_t offset)
{
    return offset == SIZE_MAX ? 0 : *(const int64_t *)(const void *)((const char *)limits + offset);
}

static int64_t begun(const struct zone *zone, const struct host *host, bool told)
{
    int64_t told_ms = told ? atomic_load(&zone->told_ms) : 0;
    return host->state_since > told_ms ? host->state_since : told_ms;
}

void move_hosts(struct zone *zone, struct transaction *transaction, const struct application *application)
{
    struct moving moving = {zone, transaction, application, zone_now_ms(zone), INT64_MAX};
    const struct view *view = transaction_view(transaction);
    view_each_of(view, HOSTS_OF_APPLICATION, application->id, struct host, at) {
        const struct host *host = transaction_find(transaction, RECORD_HOST, at->hostname);
        if (application->deleting && !host_is_leaving(host)) {
            move_host(&moving, host, HOST_RELEASE, NULL, NULL);
            continue;
        }
        for (size_t i = 0; i < COUNT_OF(host_moves); i++)
            if (host->state == host_moves[i].state &&
                due(&moving,
                    begun(zone, host, host_moves[i].told) + limit_at(zone->limits, host_moves[i].longest))) {
                move_host(&moving, host, host_moves[i].event, host_moves[i].level, host_moves[i].what);
                break;
            }
    }
    if (moving.next < INT64_MAX)
        zone_look_again(zone, application->id, moving.next);
}

static bool move_node(struct moving *moving, const struct node *node, enum node_event event, enum agent agent,
                      const char *why)
{
    struct node next = *node;
    const struct cause cause = zone_cause(moving->zone, moving->transaction, agent, why ? "%s" : NULL, why);
    if (node_apply(&next, event, &cause, NULL) < 0)
        return false;
    if (next.state == NODE_GONE)
        transaction_remove(moving->transaction, RECORD_NODE, node->hostname);
    else
        transaction_put(moving->transaction, RECORD_NODE, &next);
    return true;
}

static void tell(struct moving *moving, const struct node *node, const char *level, const char *what)
{
    application_tell(moving->zone, moving->transaction, node->application, level, "Node %s (%s) %s",
                     node->hostname, node->cluster, what);
}

/* What each way to leave is to a node and to its host. */
static const struct {
    int node_event, host_event; /* -1: nothing */
    const char *level, *what;
} ways[] = {
    [LEAVING_PARTS] = {NODE_PART, -1, "info", "gets no new connections any more and leaves in a moment"},
    [LEAVING_STAYS] = {NODE_STAY, -1, "info", "is needed for longer"},
    [LEAVING_FAILED] = {NODE_FAIL, HOST_FAIL, "info", "is replaced; it is kept for a while as it is"},
    [LEAVING_RELEASED] = {NODE_RELEASE, HOST_RELEASE, "info", "is not needed any more and leaves"},
    [LEAVING_KEPT] = {NODE_DEACTIVATE, -1, "info", "stops; its data is kept for a while"},
    [LEAVING_WITHOUT_DATA] =
        {NODE_DEACTIVATE, -1, "warning",
         "is retired for too long and stops, though its documents have not all been moved; its "
         "data is kept for a while"},
};

static void leave(struct moving *moving, const struct node *node, const struct host *host, enum leaving way)
{
    if (!move_node(moving, node, (enum node_event)ways[way].node_event, AGENT_ALLOCATOR, ways[way].what))
        return;
    tell(moving, node, ways[way].level, ways[way].what);
    if (ways[way].host_event >= 0)
        move_host(moving, host, (enum host_event)ways[way].host_event, NULL, NULL);
}

/* Counted only when somebody is to leave at all. */
static const struct standing *standing_now(struct moving *moving, const struct view *view,
                                           struct standing *standing)
{
    if (!standing->groups)
        standing_of(view, moving->application, transaction_arena(moving->transaction), standing);
    return standing;
}

static bool is_new_to_work(const struct node *node, const struct host *host)
{
    return node->state == NODE_RESERVED && host->state == HOST_ACTIVE;
}

/* Its host starts over with another instance. */
static bool has_lost_host(const struct node *node, const struct host *host)
{
    return node->state != NODE_RESERVED && node->state != NODE_DIRTY && host->state < HOST_READY;
}

static const char *why_dirty(struct moving *moving, const struct node *node, const struct host *host)
{
    if (node->state == NODE_DIRTY)
        return NULL;
    if (moving->application->deleting)
        return "the deployment was deleted";
    if (host_is_leaving(host))
        return "its host leaves";
    bool kept = node->state == NODE_INACTIVE;
    return kept && due(moving, node->state_since + moving->zone->limits->inactive_kept) ? "kept long enough"
                                                                                        : NULL;
}

/* One that is to go takes its host with it: a host has one node. */
static void move_one(struct moving *moving, const struct view *view, struct standing *standing,
                     const struct node *node, const struct host *host)
{
    const char *dirty = why_dirty(moving, node, host);
    if (dirty) {
        move_node(moving, node, NODE_RELEASE, AGENT_EXPIRER, dirty);
    } else if (is_new_to_work(node, host)) {
        move_node(moving, node, NODE_ACTIVATE, AGENT_ALLOCATOR, NULL);
    } else if (has_lost_host(node, host)) {
        move_node(moving, node, NODE_HOST_LOST, AGENT_CLOUD, "its host lost its instance");
    } else if (node->state == NODE_DIRTY && !host_is_leaving(host)) {
        move_host(moving, host, HOST_RELEASE, NULL, NULL);
    } else if (leaving_is_wished(moving->application, node, host)) {
        enum leaving way = leaving_decide(moving->zone, moving->application,
                                          standing_now(moving, view, standing), node, host, &moving->next);
        if (way != LEAVING_NOT)
            leave(moving, node, host, way);
    } else if (node->parting_since) {
        move_node(moving, node, NODE_STAY, AGENT_ALLOCATOR, "wanted after all");
    }
}

void move_nodes(struct zone *zone, struct transaction *transaction, const struct application *application)
{
    struct moving moving = {zone, transaction, application, zone_now_ms(zone), INT64_MAX};
    struct standing standing = {0};
    const struct view *view = transaction_view(transaction);
    view_each_of(view, NODES_OF_APPLICATION, application->id, struct node, at) {
        const struct node *node = transaction_find(transaction, RECORD_NODE, at->hostname);
        const struct host *host = transaction_find(transaction, RECORD_HOST, node->parent);
        if (!host || host->state >= HOST_DEPROVISIONED)
            transaction_remove(transaction, RECORD_NODE, node->hostname);
        else
            move_one(&moving, view, &standing, node, host);
    }
    if (moving.next < INT64_MAX)
        zone_look_again(zone, application->id, moving.next);
}

int forget_hosts(struct zone *zone, struct error *err)
{
    int64_t before = zone_now_ms(zone) - zone->limits->deprovisioned_kept;
    VIEW(view, zone->repository);
    cleanup(transaction_end) struct transaction *transaction = NULL;
    view_each(view, RECORD_HOST, struct host, host) {
        if (host->state != HOST_DEPROVISIONED || host->state_since > before)
            continue;
        if (!transaction)
            transaction = transaction_begin(zone->repository);
        struct host next = *host;
        const struct cause cause = zone_cause(zone, transaction, AGENT_EXPIRER, NULL);
        if (host_apply(&next, HOST_FORGET, &cause, NULL) == 0)
            transaction_remove(transaction, RECORD_HOST, host->hostname);
    }
    return transaction ? transaction_commit(&transaction, err) : 0;
}
