#include "host/converge.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "host/configserver.h"
#include "host/firewall.h"
#include "host/maintenance.h"
#include "host/spec.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

enum {
    PASS_EVERY_MS = 2000,
    PASS_EVERY_UNSETTLED_MS = 300, /* while something is not as wanted yet */
    UNSETTLED_QUICKLY = 40,        /* passes; then it is not news any more */
    FIREWALL_EVERY_MS = 60 * 1000, /* again though nothing changed: someone may have touched it */
};

/* clang-format off */
static const struct plan plans[] = {
    {"active",
     {node_directories_make, node_network_make, node_identity_ensure, node_files_write, node_image_ensure,
      node_container_run, node_health_check, node_resume},
     NODE_HEALTHY, false},
    {"inactive", {node_container_stop}, NODE_HALT, false},
    {"drain", {node_container_stop, node_logs_drain}, NODE_HALT, true},
    {"dirty",
     {node_container_remove, node_logs_drain, node_network_remove, node_directories_remove}, NODE_HALT, true},
};
/* clang-format on */

const struct plan *plan_for(const char *state, bool drain)
{
    const char *wanted = !state ? "dirty" : drain && !text_equal(state, "dirty") ? "drain" : state;
    for (size_t i = 0; i < COUNT_OF(plans); i++)
        if (text_equal(plans[i].state, wanted))
            return &plans[i];
    return NULL; /* spec_parse lets no other state through */
}

static struct node *node_find(struct agent *agent, const char *hostname)
{
    for (struct node *node = agent->nodes; node; node = node->next)
        if (text_equal(node->hostname, hostname))
            return node;
    struct node *node = memory_alloc(sizeof *node);
    node->hostname = memory_strdup(hostname);
    node->container = -1;
    node->restart_generation = -1;
    node->next = agent->nodes;
    agent->nodes = node;
    return node;
}

static void node_forget(struct agent *agent, struct node *gone)
{
    struct node **link = &agent->nodes;
    while (*link != gone)
        link = &(*link)->next;
    *link = gone->next;
    free(gone->hostname);
    free(gone->image);
    free(gone->running);
    free(gone->version);
    free(gone);
}

/* What its files say by now; a service that does not tell is not waited for. */
static bool follows_its_files(const struct node_pass *pass)
{
    const char *told = pass->spec ? pass->spec->config_checksum : NULL;
    return !told || !pass->node->config[0] || text_equal(told, pass->node->config);
}

/* True when everything is as wanted. */
static bool node_converge(struct node_pass *pass, bool drain)
{
    const struct plan *plan = plan_for(pass->spec ? pass->spec->state : NULL, drain);
    struct node *node = pass->node;
    struct error err = {0};
    node->seen = true;
    node->wanted = pass->spec != NULL;
    if (node->status == NODE_STOPPED && plan->done == NODE_HEALTHY)
        node_happen(node, NODE_BEGIN, "it is wanted again");
    size_t step = 0;
    while (plan->steps[step] && plan->steps[step](pass, &err) == 0)
        step++;
    bool settled = plan->steps[step] == NULL;
    if (!settled && !text_equal(node->message, err.message))
        log_info("node is not as wanted yet", "node", node->hostname, "wanted", plan->state, "why",
                 err.message, NULL);
    node_happen(node, settled ? plan->done : NODE_TROUBLE, settled ? NULL : err.message);
    node->drained = settled && plan->drained;
    if (!settled || plan->done != NODE_HEALTHY)
        return settled;
    node->starts = 0;
    return follows_its_files(pass);
}

/* Nodes that have left the spec: known to us, or found on disk after a restart. */
static bool converge_leftovers(struct agent *agent, struct arena *arena, const struct host_spec *spec)
{
    DIR *stream = opendir(agent_path(agent, arena, "nodes"));
    bool settled = true;
    for (struct dirent *entry; stream && (entry = readdir(stream));) {
        bool known = entry->d_name[0] == '.';
        for (size_t i = 0; i < spec->node_count; i++)
            known |= strcspn(spec->nodes[i].hostname, ".") == strlen(entry->d_name) &&
                     strncmp(spec->nodes[i].hostname, entry->d_name, strlen(entry->d_name)) == 0;
        if (known)
            continue;
        struct node_pass pass = {.agent = agent, .arena = arena, .host = spec};
        pass.node = node_find(agent, arena_format(arena, "%s%s", entry->d_name, strchr(spec->hostname, '.')));
        node_paths_of(agent, arena, pass.node->hostname, &pass.paths);
        settled &= node_converge(&pass, false);
    }
    if (stream)
        closedir(stream);
    return settled;
}

static void forget_unseen(struct agent *agent)
{
    for (struct node *node = agent->nodes, *next; node; node = next) {
        next = node->next;
        if (!node->seen)
            node_forget(agent, node);
        else
            node->seen = false;
    }
}

static void view_of(const struct node *node, struct node_view *view)
{
    snprintf(view->hostname, sizeof view->hostname, "%s", node->hostname);
    snprintf(view->image, sizeof view->image, "%s", node->running ? node->running : "");
    snprintf(view->message, sizeof view->message, "%s", node->message);
    snprintf(view->config, sizeof view->config, "%s", node->config);
    view->status = node_status_name(node->status);
    view->up = node->status == NODE_UP;
    view->restart_generation = node->restart_generation;
    view->pid = node->container_pid;
    view->drained = node->drained;
    view->data_moved = node->data_moved;
    view->wanted = node->wanted;
}

/* What others may see of the nodes, after each pass; counted as a change only when it is one. */
static void publish_views(struct agent *agent, bool drained)
{
    size_t count = 0, at = 0;
    for (struct node *node = agent->nodes; node; node = node->next)
        count++;
    struct node_view *views = memory_array(count, sizeof *views);
    for (struct node *node = agent->nodes; node; node = node->next)
        view_of(node, &views[at++]);

    pthread_mutex_lock(&agent->lock);
    struct node_view *old = agent->views;
    bool same = count == agent->view_count && drained == agent->drained && old &&
                memcmp(old, views, count * sizeof *views) == 0;
    agent->views = views;
    agent->view_count = count;
    agent->drained = drained;
    pthread_mutex_unlock(&agent->lock);
    free(old);
    if (!same)
        agent_count(agent, &agent->view_changes);
}

static bool converge_nodes(struct agent *agent, struct arena *arena, const struct host_spec *spec)
{
    bool settled = true;
    for (size_t i = 0; i < spec->node_count; i++) {
        struct node_pass pass = {.agent = agent, .arena = arena, .host = spec, .spec = &spec->nodes[i]};
        pass.node = node_find(agent, spec->nodes[i].hostname);
        node_paths_of(agent, arena, spec->nodes[i].hostname, &pass.paths);
        settled &= node_converge(&pass, spec->drain);
    }
    settled &= converge_leftovers(agent, arena, spec);
    forget_unseen(agent);
    publish_views(agent, spec->drain && settled);
    return settled;
}

struct firewall_state {
    char *loaded;
    int64_t loaded_ms;
};

static int converge_firewall(struct agent *agent, struct arena *arena, const struct host_spec *spec,
                             struct firewall_state *state, struct error *err)
{
    struct wireguard_peers peers;
    struct firewall firewall = {.spec = spec, .tunnel_interface = TUNNEL_INTERFACE};
    if (configserver_peers(agent, arena, &peers, NULL) == 0)
        firewall.peers = &peers;
    const char *text = firewall_text(arena, &firewall);
    int64_t now = clock_monotonic_ms();
    bool same = text_equal(text, state->loaded);
    if (same && now - state->loaded_ms < FIREWALL_EVERY_MS)
        return 0;
    if (firewall_load(text, err) < 0)
        return -1;
    if (!same)
        log_info("firewall loaded", "host", agent->config.hostname, NULL);
    free(state->loaded);
    state->loaded = memory_strdup(text);
    state->loaded_ms = now;
    agent_state_fact(agent, FACT_FIREWALL);
    return 0;
}

/* The firewall first: when it cannot be loaded, nothing that it should guard is started. */
static bool converge_pass(struct agent *agent, struct firewall_state *firewall)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct error err = {0};
    struct host_spec spec = {0};
    bool have_spec = spec_load(agent, arena, &spec, &err) == 0;
    if (!have_spec && err.kind != ERROR_NOT_FOUND)
        log_error("the kept spec cannot be used", "error", err.message, NULL);
    if (converge_firewall(agent, arena, have_spec ? &spec : NULL, firewall, &err) < 0) {
        log_error("firewall", "error", err.message, NULL);
        return false;
    }
    bool settled = !have_spec || converge_nodes(agent, arena, &spec);
    if (have_spec)
        maintenance_reboot(agent, arena, &spec, settled);
    return settled;
}

void *converge_thread(void *context)
{
    struct agent *agent = context;
    struct firewall_state firewall = {0};
    uint64_t done = agent_counter(agent, &agent->spec_changes);
    int unsettled = 0;
    for (;;) {
        uint64_t seen = agent_counter(agent, &agent->spec_changes);
        unsettled = converge_pass(agent, &firewall) ? 0 : seen != done ? 1 : unsettled + 1;
        done = seen;
        bool quickly = unsettled > 0 && unsettled < UNSETTLED_QUICKLY;
        agent_wait_change(agent, &agent->spec_changes, seen,
                          quickly ? PASS_EVERY_UNSETTLED_MS : PASS_EVERY_MS);
    }
}
