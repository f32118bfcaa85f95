/* Whether the records move along: no host, node or application stays where it shall not. */
#include "base/text.h"
#include "configserver/decide/verdict.h"
#include "configserver/maintain/maintainers.h"
#include "configserver/simulator/deployer.h"
#include "configserver/simulator/judge.h"
#include "configserver/simulator/machine.h"

/* How long a host may be in a state; 0: as long as it likes. */
static int64_t longest(const struct limits *limits, enum host_state state)
{
    static const int64_t slack = 10 * MINUTE_MS;
    switch (state) {
    case HOST_WANTED:
        return 3 * slack;
    case HOST_PROVISIONED:
        return limits->boot_longest + slack;
    case HOST_READY:
        return slack;
    case HOST_FAILED:
        return limits->failed_kept + 2 * slack;
    case HOST_DEPROVISIONING:
        return limits->drain_longest + slack;
    case HOST_TERMINATING:
        return slack;
    case HOST_DEPROVISIONED:
        return limits->deprovisioned_kept + 2 * slack;
    default:
        return 0;
    }
}

/* What is broken or announced to end is replaced, as fast as the limits allow, and goes. */
static void judge_broken(const struct round *round, const struct host *host,
                         const struct sim_instance *instance)
{
    bool wanted_away = host->want_to_retire || host->want_to_fail || host->state > HOST_ACTIVE;
    if (!instance || instance->state > INSTANCE_RUNNING || !machine_is_broken(instance->machine) ||
        host->state == HOST_PARKED)
        return;
    if (!wanted_away)
        judge_suffers(round->world, instance->account, "what is broken is to be replaced", 90 * MINUTE_MS,
                      "host %s is broken, and nobody wants it away", host->hostname);
    judge_suffers(round->world, instance->account, "what is broken goes",
                  round->limits->retired_longest + round->limits->drain_longest + 3 * HOUR_MS,
                  "host %s is broken, and still there", host->hostname);
}

/* Since when it has been on its way. It has its time to drain from when it can know that it is to: what was
 * written when the store or the leader went away is shown later. The core has to say so, and be right. */
static int64_t begun(const struct round *round, const struct host *host)
{
    int64_t told_ms = atomic_load(&round->leader->zone->told_ms);
    if (told_ms > round->leader->told_ms)
        told_ms = round->leader->told_ms;
    return host->state == HOST_DEPROVISIONING && told_ms > host->state_since ? told_ms : host->state_since;
}

static void judge_host(const struct round *round, const struct host *host)
{
    struct world *world = round->world;
    const struct sim_account *account = region_account(world->region, host->account);
    int64_t most = longest(round->limits, host->state);
    if (most)
        judge_suffers(world, account, "no record stays on its way", most, "host %s is %s since %lld",
                      host->hostname, host_state_names[host->state], (long long)begun(round, host));
    const struct sim_instance *instance =
        host->instance_id ? region_instance(world->region, host->instance_id) : NULL;
    bool runs = instance && instance->state <= INSTANCE_RUNNING;
    if ((host->want_to_retire || host->want_to_fail) && host->state <= HOST_ACTIVE)
        judge_suffers(world, account, "who is wanted away goes", round->limits->retired_longest + 3 * HOUR_MS,
                      "host %s is wanted away", host->hostname);
    judge_broken(round, host, instance);
    if (host_is_up(host) && !runs)
        judge_suffers(world, account, "a record whose instance is gone is put right", 10 * MINUTE_MS,
                      "host %s is %s, its instance %s is gone", host->hostname, host_state_names[host->state],
                      host->instance_id);
}

static void judge_node(const struct round *round, const struct node *node)
{
    const struct host *host = view_find(round->view, RECORD_HOST, node->parent);
    if (!host)
        return;
    const struct sim_account *account = region_account(round->world->region, host->account);
    bool late = (node->state == NODE_RESERVED && host->state == HOST_ACTIVE) ||
                (node->state == NODE_ACTIVE && host_is_leaving(host));
    int64_t most =
        node->state == NODE_INACTIVE ? round->limits->inactive_kept + 30 * MINUTE_MS : 15 * MINUTE_MS;
    if (late || node->state == NODE_INACTIVE)
        judge_suffers(round->world, account, "no record stays on its way", most,
                      "node %s is %s since %lld, its host %s", node->hostname, node_state_names[node->state],
                      (long long)node->state_since, host_state_names[host->state]);
}

/* Restarts and reboots that operators asked for, unless nobody stands in for it. */
static void judge_commands(const struct round *round, const struct node *node)
{
    const struct host *host = view_find(round->view, RECORD_HOST, node->parent);
    size_t members = 0;
    view_each_of(round->view, NODES_OF_APPLICATION, node->application, struct node, other)
        members += other->state == NODE_ACTIVE && text_equal(other->cluster, node->cluster);
    bool asked = node->restart_generation > node->current_restart_generation ||
                 (host && host->reboot_generation > host->current_reboot_generation);
    if (asked && host && host->state == HOST_ACTIVE && node->state == NODE_ACTIVE && members > 1 &&
        !host->want_to_retire && !host->want_to_fail && !node->retired)
        judge_suffers(round->world, region_account(round->world->region, host->account),
                      "what operators ask for is carried out", 4 * HOUR_MS, "node %s is to start again",
                      node->hostname);
}

void judge_hosts(const struct round *round)
{
    view_each(round->view, RECORD_HOST, struct host, host)
        judge_host(round, host);
    view_each(round->view, RECORD_NODE, struct node, node)
        judge_node(round, node);
    view_each(round->view, RECORD_NODE, struct node, node)
        judge_commands(round, node);
}

static bool has_retired(const struct round *round, const char *application)
{
    view_each_of(round->view, NODES_OF_APPLICATION, application, struct node, node) {
        if (node->retired)
            return true;
    }
    return false;
}

/* Whoever asks how a deployment stands is not told "pending" for ever, and why when it failed. */
static void judge_verdict(const struct round *round, const struct application *record)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct verdict verdict = application_judge(round->leader->zone, round->view, record, arena);
    int64_t most = round->limits->deploy_longest + 5 * MINUTE_MS;
    bool came = record->converged_generation == record->generation; /* what waits since then is repaired */
    if (!came && text_equal(verdict.status, "pending") &&
        world_now(round->world) - record->deployed_at > most)
        world_breaks(round->world, "a deployment's end is said", "%s is pending after %lld s: %s", record->id,
                     (long long)(world_now(round->world) - record->deployed_at) / SECOND_MS, verdict.message);
    if (text_equal(verdict.status, "failed") && (text_empty(verdict.message) || text_empty(verdict.code)))
        world_breaks(round->world, "a failure is said why", "%s failed", record->id);
}

static void judge_application(const struct round *round, const struct sim_application *application)
{
    struct world *world = round->world;
    const struct application *record = view_find(round->view, RECORD_APPLICATION, application->id);
    if (application->exists && !application->uncertain && !application->busy &&
        (!record || record->deleting || record->generation < application->generation))
        world_breaks(world, "what was accepted is not lost",
                     "%s: generation %lld was accepted, %lld is there", application->id,
                     (long long)application->generation, record ? (long long)record->generation : -1);
    if (!record)
        return;
    judge_verdict(round, record);
    int64_t most = round->limits->boot_longest + 25 * MINUTE_MS;
    if (has_retired(round, application->id))
        most += round->limits->retired_longest;
    if (record->deleting)
        judge_suffers(world, application->account, "what is deleted goes",
                      most + round->limits->drain_longest, "%s is being deleted", application->id);
    else if (!application_converged(round->view, record) ||
             record->converged_generation != record->generation)
        judge_suffers(world, application->account, "every deployment ends", most, "%s has not converged",
                      application->id);
}

void judge_applications(const struct round *round)
{
    for (size_t i = 0; i < round->world->deployers->count; i++)
        judge_application(round, &round->world->deployers->applications[i]);
}
