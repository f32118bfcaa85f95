/* Whether the records move along: no host, node or application stays where it shall not. */
#include "base/text.h"
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
    if (!instance || instance->state > INSTANCE_RUNNING || !machine_is_broken(instance->machine))
        return;
    if (!wanted_away)
        judge_suffers(round->world, instance->account, "what is broken is to be replaced", 90 * MINUTE_MS,
                      "host %s is broken, and nobody wants it away", host->hostname);
    judge_suffers(round->world, instance->account, "what is broken goes",
                  round->limits->retired_longest + round->limits->drain_longest + 3 * HOUR_MS,
                  "host %s is broken, and still there", host->hostname);
}

static void judge_host(const struct round *round, const struct host *host)
{
    struct world *world = round->world;
    const struct sim_account *account = region_account(world->region, host->account);
    int64_t most = longest(round->limits, host->state);
    if (most)
        judge_suffers(world, account, "no record stays on its way", most, "host %s is %s since %lld",
                      host->hostname, host_state_names[host->state], (long long)host->state_since);
    const struct sim_instance *instance =
        host->instance_id ? region_instance(world->region, host->instance_id) : NULL;
    bool runs = instance && instance->state <= INSTANCE_RUNNING;
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

void judge_hosts(const struct round *round)
{
    view_each(round->view, RECORD_HOST, struct host, host)
        judge_host(round, host);
    view_each(round->view, RECORD_NODE, struct node, node)
        judge_node(round, node);
}

static bool has_retired(const struct round *round, const char *application)
{
    view_each_of(round->view, NODES_OF_APPLICATION, application, struct node, node) {
        if (node->retired)
            return true;
    }
    return false;
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
