#include "localaws/ssm/channel.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { LOOK_AGAIN_MS = 500, RUNNING_MOST = 64, STOP_LOOK_MS = 10 };

/* --- what is pending ----------------------------------------------------------------------------- */

/* "7" or "30%" of `of`, at least `least`. */
static size_t share(const char *text, size_t of, size_t least)
{
    size_t number = (size_t)strtoul(text, NULL, 10);
    if (text_ends(text, "%"))
        number = of * number / 100;
    return number < least ? least : number;
}

struct progress {
    size_t under_way, errors, at_once, tolerated;
};

static struct progress progress_of(const struct command *command)
{
    struct progress progress = {.at_once = share(command->max_concurrency, command->invocation_count, 1),
                                .tolerated = share(command->max_errors, command->invocation_count, 0)};
    for (size_t i = 0; i < command->invocation_count; i++) {
        int64_t state = command->invocations[i].state;
        progress.under_way += state == COMMAND_IN_PROGRESS || state == COMMAND_CANCELLING;
        progress.errors += command_ended(state) && state != COMMAND_SUCCESS && state != COMMAND_CANCELLED;
    }
    return progress;
}

/* True when it has to be looked at again. */
static bool consider(struct agent *agent, struct account *account, struct command *command,
                     struct invocation *invocation)
{
    struct progress progress = progress_of(command);
    struct instance *instance =
        resource_find(agent->region, account, &instance_kind, invocation->instance_id);
    bool late = clock_now_ms() > command->requested_ms + command->timeout_s * 1000;
    if (progress.errors > progress.tolerated)
        invocation->state = COMMAND_TERMINATED;
    else if (!instance || instance->state == INSTANCE_TERMINATED)
        invocation->state = COMMAND_UNDELIVERABLE;
    else if (late)
        invocation->state = COMMAND_DELIVERY_TIMED_OUT;
    else if (progress.under_way >= progress.at_once || agent->running >= RUNNING_MOST ||
             managed_state(instance) != MANAGED_ONLINE)
        return true;
    else
        run_begin(agent, account, command, invocation);
    region_changed(agent->region);
    return false;
}

static bool consider_all(struct agent *agent)
{
    bool again = false;
    for (struct account *account = agent->region->accounts; account; account = account->next) {
        struct command *command;
        for (size_t at = 0; (command = table_next(&ssm_of(account)->commands, &at));)
            for (size_t i = 0; i < command->invocation_count; i++)
                if (command->invocations[i].state == COMMAND_PENDING)
                    again |= consider(agent, account, command, &command->invocations[i]);
    }
    return again;
}

/* --- the thread ---------------------------------------------------------------------------------- */

static void *look_after(void *context)
{
    struct agent *agent = context;
    for (bool stopping = false; !stopping;) {
        region_lock(agent->region);
        bool again = consider_all(agent);
        again |= sessions_look_after(agent->region, false);
        stopping = atomic_load(&agent->stopping);
        struct channel *dead = take(&agent->dead);
        struct region *locked = agent->region;
        region_unlock(&locked);
        channels_bury(dead);
        struct pollfd woken = {.fd = agent->wake, .events = POLLIN};
        eventfd_t value;
        if (!stopping && poll(&woken, 1, again ? LOOK_AGAIN_MS : -1) > 0)
            eventfd_read(agent->wake, &value);
    }
    return NULL;
}

struct agent *agent_of(struct region *region)
{
    struct agent *agent = region->modules[MODULE_SSM];
    if (agent)
        return agent;
    agent = memory_alloc(sizeof *agent);
    agent->region = region;
    agent->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    region->modules[MODULE_SSM] = agent;
    if (pthread_create(&agent->thread, NULL, look_after, agent) != 0)
        abort(); /* a process that cannot have one more thread cannot go on */
    pthread_setname_np(agent->thread, "ssm-agent");
    return agent;
}

void agent_wake(struct region *region)
{
    eventfd_write(agent_of(region)->wake, 1);
}

/* Everything that runs is told to end, and waited for: it holds machines. Nothing begins any more afterwards.
 */
void ssm_stop(struct region *region)
{
    struct agent *agent = region->modules[MODULE_SSM];
    if (!agent)
        return;
    region_lock(region);
    atomic_store(&agent->stopping, true);
    for (struct account *account = region->accounts; account; account = account->next) {
        struct command *command;
        for (size_t at = 0; (command = table_next(&ssm_of(account)->commands, &at));)
            for (size_t i = 0; i < command->invocation_count; i++)
                if (command->invocations[i].state == COMMAND_IN_PROGRESS)
                    command_cancel(&command->invocations[i]);
    }
    sessions_look_after(region, true);
    struct region *locked = region;
    region_unlock(&locked);
    eventfd_write(agent->wake, 1);
    pthread_join(agent->thread, NULL);
    for (size_t left = 1; left;) {
        region_lock(region);
        left = agent->running + agent->connections;
        struct channel *dead = take(&agent->dead);
        locked = region;
        region_unlock(&locked);
        channels_bury(dead);
        if (left)
            clock_sleep_ms(STOP_LOOK_MS);
    }
}
