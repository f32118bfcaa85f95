#include "host/node.h"

#include "base/log.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

enum { FAILURES_UNTIL_DOWN = 3 };

static bool failed_often(const struct node *node)
{
    return node->failures >= FAILURES_UNTIL_DOWN;
}

/* A status that no line names stays as it is. */
/* clang-format off */
static const struct {
    enum node_status from;
    enum node_event event;
    enum node_status to;
    bool (*when)(const struct node *node); /* NULL: always */
} node_life[] = {
    /* from          event         to             when */
    {NODE_STARTING, NODE_HEALTHY, NODE_UP,       NULL},
    {NODE_STARTING, NODE_HALT,    NODE_STOPPED,  NULL},
    {NODE_UP,       NODE_TROUBLE, NODE_DOWN,     failed_often},
    {NODE_UP,       NODE_BEGIN,   NODE_STARTING, NULL},
    {NODE_UP,       NODE_HALT,    NODE_STOPPED,  NULL},
    {NODE_DOWN,     NODE_HEALTHY, NODE_UP,       NULL},
    {NODE_DOWN,     NODE_BEGIN,   NODE_STARTING, NULL},
    {NODE_DOWN,     NODE_HALT,    NODE_STOPPED,  NULL},
    {NODE_STOPPED,  NODE_BEGIN,   NODE_STARTING, NULL},
};
/* clang-format on */

static const char *const status_names[NODE_STATUSES] = {"starting", "up", "down", "stopped"};

const char *node_status_name(enum node_status status)
{
    return status_names[status];
}

void node_happen(struct node *node, enum node_event event, const char *message)
{
    node->failures = event == NODE_TROUBLE ? node->failures + 1 : 0;
    snprintf(node->message, sizeof node->message, "%s", message ? message : "");
    for (size_t i = 0; i < COUNT_OF(node_life); i++) {
        if (node_life[i].from != node->status || node_life[i].event != event ||
            (node_life[i].when && !node_life[i].when(node)))
            continue;
        log_info("node changes", "node", node->hostname, "from", node_status_name(node->status), "to",
                 node_status_name(node_life[i].to), "why", text_empty(message) ? NULL : message, NULL);
        node->status = node_life[i].to;
        return;
    }
}

void node_paths_of(struct agent *agent, struct arena *arena, const char *hostname, struct node_paths *paths)
{
    const char *label = arena_strndup(arena, hostname, strcspn(hostname, "."));
    const char *base = agent_path(agent, arena, "nodes/%s", label);
    *paths = (struct node_paths){
        .base = base,
        .sia = arena_format(arena, "%s/sia", base),
        .identity = arena_format(arena, "%s/identity", base),
        .etc = arena_format(arena, "%s/etc", base),
        .data = arena_format(arena, "%s/data", base),
        .logs = arena_format(arena, "%s/logs", base),
        .archive_prefix = arena_format(arena, "%s/archive-prefix", base),
        .suspended = arena_format(arena, "%s/suspended", base),
        .network_namespace = arena_format(arena, "node-%s", label),
        .label = label,
    };
}
