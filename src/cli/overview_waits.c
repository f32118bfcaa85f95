/* Why a host, node or load balancer is not as it shall be, in words: what its state waits for, what is wished
 * of it, and what stands in the way. */
#include "base/clock.h"
#include "cli/overview.h"

/* What each state on the way waits for; who is active waits for nothing. */
struct wait {
    const char *state, *text;
};
static const struct wait host_states[] = {
    {"wanted", "to be launched"},
    {"provisioned", "its machine to come up and call"},
    {"ready", "its node to be let in"},
    {"failed", "its replacement serves: kept for a look, then drained"},
    {"parked", "an operator to release it"},
    {"deprovisioning", "its last logs to be archived"},
    {"terminating", "AWS to end its instance"},
    {NULL},
};
static const struct wait node_states[] = {
    {"reserved", "its host"},
    {"inactive", "stopped: kept with its data for a while"},
    {"failed", "its host to leave"},
    {"parked", "an operator to release its host"},
    {"dirty", "stopped: its host to archive its logs and leave"},
    {NULL},
};
static const struct wait balancer_states[] = {
    {"wanted", "AWS to make it"},
    {"inactive", "the nodes behind it to leave"},
    {"removing", "AWS to remove it"},
    {NULL},
};

json_t *overview_everybody;

int64_t number_of(json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

bool is_set(json_t *object, const char *name)
{
    return json_is_true(json_object_get(object, name));
}

const char *member(json_t *item, const char *name)
{
    return json_member_text(item, name);
}

/* What was said so far; NULL when nothing was. */
struct reasons {
    struct cli *cli;
    const char *text;
};

static void say(struct reasons *reasons, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(struct reasons *reasons, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const char *more = arena_vformat(reasons->cli->arena, format, args);
    va_end(args);
    reasons->text = reasons->text ? arena_format(reasons->cli->arena, "%s; %s", reasons->text, more) : more;
}

static void say_state(struct reasons *reasons, json_t *item, const struct wait *waits)
{
    for (; waits->state; waits++)
        if (text_equal(member(item, "state"), waits->state))
            say(reasons, "%s", waits->text);
}

static void say_down(struct reasons *reasons, json_t *item, const char *how)
{
    if (is_set(item, "down"))
        say(reasons, "%s, since %s", how, ago(reasons->cli, number_of(item, "downSinceMillis")));
    if (number_of(item, "suspendedSinceMillis"))
        say(reasons, "may be down for maintenance, since %s",
            ago(reasons->cli, number_of(item, "suspendedSinceMillis")));
}

static void say_reports(struct reasons *reasons, json_t *item)
{
    const char *name;
    json_t *report;
    json_object_foreach(json_object_get(item, "reports"), name, report) {
        const char *description = json_member_text(report, "description");
        say(reasons, "it reports %s%s%s", name, description ? ": " : "", description ? description : "");
    }
}

/* Of the launch: what the cloud said, and when it is asked again. */
static void say_trouble(struct reasons *reasons, json_t *host)
{
    int64_t seconds = (number_of(host, "launchAfter") - clock_now_ms() + 999) / 1000;
    if (member(host, "trouble"))
        say(reasons, "%s", member(host, "trouble"));
    if (number_of(host, "capacityRefusals"))
        say(reasons, "AWS had no capacity %lld times", (long long)number_of(host, "capacityRefusals"));
    if (number_of(host, "failCount"))
        say(reasons, "%lld launches in vain", (long long)number_of(host, "failCount"));
    if (seconds > 0)
        say(reasons, "tried again in %lld s", (long long)seconds);
}

const char *host_waits_cell(struct cli *cli, json_t *host)
{
    struct reasons reasons = {cli, NULL};
    say_state(&reasons, host, host_states);
    if (is_set(host, "wantToFail"))
        say(&reasons, "to be replaced as broken");
    else if (is_set(host, "wantToRetire"))
        say(&reasons, "to be replaced, then to leave");
    if (member(host, "wishReason"))
        say(&reasons, "%s", member(host, "wishReason"));
    say_trouble(&reasons, host);
    say_down(&reasons, host, "silent");
    say_reports(&reasons, host);
    if (number_of(host, "rebootGeneration") > number_of(host, "currentRebootGeneration"))
        say(&reasons, "is to reboot");
    return reasons.text;
}

/* A node begins when its host is active, and the host knows what that waits for. */
static void say_host(struct reasons *reasons, json_t *node)
{
    const char *parent = member(node, "parentHostname");
    json_t *host;
    size_t index;
    json_array_foreach(overview_everybody, index, host)
        if (text_equal(member(host, "hostname"), parent) && !text_equal(member(host, "state"), "active"))
            say(reasons, "its host is %s%s%s", member(host, "state"), member(host, "trouble") ? ": " : "",
                member(host, "trouble") ? member(host, "trouble") : "");
}

const char *node_waits_cell(struct cli *cli, json_t *node)
{
    struct reasons reasons = {cli, NULL};
    const char *wanted = member(node, "wantedDockerImage"), *current = member(node, "currentDockerImage"),
               *message = member(node, "statusMessage");
    say_host(&reasons, node);
    if (!reasons.text)
        say_state(&reasons, node, node_states);
    if (is_set(json_object_get(node, "membership"), "retired"))
        say(&reasons, "retired: leaves when the others %s",
            is_set(node, "dataMoved") ? "serve" : "have its documents and serve");
    else if (is_set(node, "wantToRetire") || is_set(node, "wantToFail"))
        say(&reasons, "its host is to be replaced");
    if (wanted && current && !text_equal(wanted, current))
        say(&reasons, "is to run %s", wanted);
    if (number_of(node, "restartGeneration") > number_of(node, "currentRestartGeneration"))
        say(&reasons, "is to restart");
    say_down(&reasons, node, "does not answer");
    if (!text_empty(message))
        say(&reasons, "%s", message);
    say_reports(&reasons, node);
    return reasons.text;
}

const char *balancer_waits_cell(struct cli *cli, json_t *balancer)
{
    struct reasons reasons = {cli, NULL};
    size_t reals = json_array_size(json_object_get(balancer, "reals"));
    size_t healthy = (size_t)number_of(balancer, "healthyTargets");
    bool active = text_equal(member(balancer, "state"), "active");
    say_state(&reasons, balancer, balancer_states);
    if (member(balancer, "trouble"))
        say(&reasons, "%s", member(balancer, "trouble"));
    if (active && reals == 0)
        say(&reasons, "no node is active behind it");
    else if (active && healthy < reals)
        say(&reasons, "%zu of %zu nodes do not answer it yet", reals - healthy, reals);
    if (active && !is_set(balancer, "announced"))
        say(&reasons, "not announced yet");
    return reasons.text;
}
