/* hosts, nodes, loadbalancers, events: what there is, what is wanted, and why it waits; of one's own
 * deployment, or of the whole zone for operators. */
#include "base/clock.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/controller.h"
#include "zone/names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *application, *instance, *zone_given, *last_text;
static bool all;

static int64_t number_of(json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

static bool is_set(json_t *object, const char *name)
{
    return json_is_true(json_object_get(object, name));
}

/* --- where it is asked
 * ------------------------------------------------------------------------------------------- */

static void apply_flags(struct cli *cli)
{
    if (application)
        cli->settings.application = application;
    if (instance)
        cli->settings.instance = instance;
    if (zone_given)
        cli->settings.zone = zone_given;
}

/* The whole zone's, which its config servers show to operators. */
static int ask_zone(struct cli *cli, const char *path, json_t **answer, struct error *err)
{
    const char *name = settings_need(cli->settings.zone, "zone", err);
    struct zone_id zone;
    if (!name || zone_parse(name, &zone, err) < 0)
        return -1;
    const struct controller_call call = {
        .as = AS_OPERATOR,
        .method = HTTP_GET,
        .path = arena_format(cli->arena, "/zone/v2/%s/%s%s", zone.environment, zone.region, path)};
    return controller_call(cli, &call, answer, err);
}

static int ask(struct cli *cli, const char *in_zone, const char *in_deployment, json_t **answer,
               struct error *err)
{
    apply_flags(cli);
    if (all)
        return ask_zone(cli, in_zone, answer, err);
    char *path = deployment_path(cli, err);
    return path ? controller_get(cli, answer, err, "%s%s", path, in_deployment) : -1;
}

static int ask_nodes(struct cli *cli, json_t **list, struct error *err)
{
    json_t *answer;
    if (ask(cli, "/nodes/v2/node/?recursive=true", "/nodes", &answer, err) < 0)
        return -1;
    *list = json_object_get(answer, "nodes");
    return 0;
}

static int ask_load_balancers(struct cli *cli, json_t **list, struct error *err)
{
    json_t *answer;
    if (ask(cli, "/loadbalancers/v1/", "/load-balancers", &answer, err) < 0)
        return -1;
    *list = json_object_get(answer, "loadBalancers");
    return 0;
}

/* --- tables
 * ------------------------------------------------------------------------------------------------------ */

struct column {
    const char *heading; /* NULL ends the table */
    const char *(*cell)(struct cli *cli, json_t *item);
    bool of_zone; /* says whose it is: only when it is everybody's */
};

enum { COLUMNS_MOST = 16 };

static void print_items(struct cli *cli, const struct column *columns, json_t *items)
{
    const struct column *shown[COLUMNS_MOST];
    size_t width = 0, row = 1, index;
    for (; columns->heading; columns++)
        if (all || !columns->of_zone)
            shown[width++] = columns;
    const char **cells = arena_alloc(cli->arena, (json_array_size(items) + 1) * width * sizeof *cells);
    for (size_t i = 0; i < width; i++)
        cells[i] = shown[i]->heading;
    json_t *item;
    json_array_foreach(items, index, item) {
        for (size_t i = 0; i < width; i++)
            cells[row * width + i] = or_dash(shown[i]->cell(cli, item));
        row++;
    }
    print_table(cells, width, row);
}

/* What is not as it shall be, and why: said one after the other. */
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

static const char *member(json_t *item, const char *name)
{
    return json_member_text(item, name);
}

static const char *hostname_cell(struct cli *cli, json_t *item)
{
    (void)cli;
    return member(item, "hostname");
}
static const char *state_cell(struct cli *cli, json_t *item)
{
    (void)cli;
    return member(item, "state");
}
static const char *since_cell(struct cli *cli, json_t *item)
{
    int64_t since = number_of(item, "stateSince");
    return ago(cli, since ? since : number_of(item, "changedAt"));
}
static const char *account_cell(struct cli *cli, json_t *item)
{
    (void)cli;
    return member(item, "cloudAccount");
}
static const char *address_cell(struct cli *cli, json_t *item)
{
    (void)cli;
    return json_string_value(json_array_get(json_object_get(item, "ipAddresses"), 0));
}

/* --- hosts
 * ------------------------------------------------------------------------------------------------------- */

static const char *of_host_cell(struct cli *cli, json_t *item)
{
    (void)cli;
    return member(item, "exclusiveTo");
}
static const char *host_cluster_cell(struct cli *cli, json_t *item)
{
    (void)cli;
    return member(item, "clusterId");
}
static const char *flavor_cell(struct cli *cli, json_t *item)
{
    (void)cli;
    return member(item, "flavor");
}
static const char *zone_cell(struct cli *cli, json_t *item)
{
    (void)cli;
    return member(item, "availabilityZone");
}
static const char *instance_cell(struct cli *cli, json_t *item)
{
    (void)cli;
    return member(item, "id");
}
static const char *heard_cell(struct cli *cli, json_t *item)
{
    return ago(cli, number_of(item, "lastHeardAt"));
}

static const char *host_waits_cell(struct cli *cli, json_t *host)
{
    struct reasons reasons = {cli, NULL};
    const char *why = member(host, "wishReason"), *trouble = member(host, "trouble");
    if (is_set(host, "wantToFail"))
        say(&reasons, "to be replaced as broken");
    else if (is_set(host, "wantToRetire"))
        say(&reasons, "to be replaced, then to leave");
    if (why)
        say(&reasons, "%s", why);
    if (trouble)
        say(&reasons, "%s", trouble);
    if (number_of(host, "capacityRefusals"))
        say(&reasons, "AWS had no capacity %lld times", (long long)number_of(host, "capacityRefusals"));
    if (number_of(host, "failCount"))
        say(&reasons, "%lld launches in vain", (long long)number_of(host, "failCount"));
    say_down(&reasons, host, "silent");
    say_reports(&reasons, host);
    if (number_of(host, "rebootGeneration") > number_of(host, "currentRebootGeneration"))
        say(&reasons, "is to reboot");
    return reasons.text;
}

static const struct column host_columns[] = {
    {"HOSTNAME", hostname_cell, false},
    {"STATE", state_cell, false},
    {"SINCE", since_cell, false},
    {"APPLICATION", of_host_cell, true},
    {"ACCOUNT", account_cell, true},
    {"CLUSTER", host_cluster_cell, false},
    {"TYPE", flavor_cell, false},
    {"ZONE", zone_cell, false},
    {"INSTANCE", instance_cell, false},
    {"ADDRESS", address_cell, false},
    {"HEARD", heard_cell, false},
    {"WAITS FOR", host_waits_cell, false},
    {NULL},
};

/* --- nodes
 * ------------------------------------------------------------------------------------------------------- */

static const char *of_node_cell(struct cli *cli, json_t *item)
{
    json_t *owner = json_object_get(item, "owner");
    return arena_format(cli->arena, "%s:%s:%s", or_dash(member(owner, "tenant")),
                        or_dash(member(owner, "application")), or_dash(member(owner, "instance")));
}
static const char *parent_cell(struct cli *cli, json_t *item)
{
    (void)cli;
    return member(item, "parentHostname");
}
static const char *service_cell(struct cli *cli, json_t *item)
{
    (void)cli;
    return member(item, "serviceStatus");
}
static const char *place_cell(struct cli *cli, json_t *item)
{
    json_t *membership = json_object_get(item, "membership");
    return arena_format(cli->arena, "%s/%s/%lld", or_dash(member(membership, "clusterid")),
                        or_dash(member(membership, "group")), (long long)number_of(membership, "index"));
}
static const char *image_cell(struct cli *cli, json_t *item)
{
    (void)cli;
    const char *current = member(item, "currentDockerImage");
    return current ? current : member(item, "wantedDockerImage");
}

static const char *node_waits_cell(struct cli *cli, json_t *node)
{
    struct reasons reasons = {cli, NULL};
    const char *wanted = member(node, "wantedDockerImage"), *current = member(node, "currentDockerImage"),
               *message = member(node, "statusMessage");
    if (is_set(json_object_get(node, "membership"), "retired"))
        say(&reasons, "retired: leaves when the others %s",
            is_set(node, "dataMoved") ? "serve" : "have its documents and serve");
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

static const struct column node_columns[] = {
    {"HOSTNAME", hostname_cell, false},    {"STATE", state_cell, false},
    {"SINCE", since_cell, false},          {"APPLICATION", of_node_cell, true},
    {"ACCOUNT", account_cell, true},       {"CLUSTER/GROUP/INDEX", place_cell, false},
    {"SERVICE", service_cell, false},      {"HOST", parent_cell, false},
    {"ADDRESS", address_cell, false},      {"IMAGE", image_cell, false},
    {"WAITS FOR", node_waits_cell, false}, {NULL},
};

static int show_of_type(struct cli *cli, const char *type, const struct column *columns, struct error *err)
{
    json_t *list, *item, *chosen = json_array();
    size_t index;
    int result = ask_nodes(cli, &list, err);
    if (result == 0) {
        json_array_foreach(list, index, item)
            if (text_equal(member(item, "type"), type))
                json_array_append(chosen, item);
        json_t *answer = json_pack("{s:O}", "nodes", chosen);
        if (cli->json)
            print_json(cli, answer);
        else
            print_items(cli, columns, chosen);
        json_decref(answer);
    }
    json_decref(chosen);
    return result;
}

static int show_hosts(struct cli *cli, struct error *err)
{
    return show_of_type(cli, "host", host_columns, err);
}

static int show_nodes(struct cli *cli, struct error *err)
{
    return show_of_type(cli, "tenant", node_columns, err);
}

/* --- load balancers
 * ---------------------------------------------------------------------------------------------- */

static const char *id_cell(struct cli *cli, json_t *item)
{
    (void)cli;
    return member(item, all ? "id" : "cluster");
}
static const char *reach_cell(struct cli *cli, json_t *item)
{
    (void)cli;
    bool open = is_set(item, "public"), private = is_set(item, "private");
    return open ? (private ? "public, private" : "public") : (private ? "private" : "nobody");
}
static const char *endpoint_service_cell(struct cli *cli, json_t *item)
{
    (void)cli;
    return member(item, "serviceName");
}
static const char *healthy_cell(struct cli *cli, json_t *item)
{
    return arena_format(cli->arena, "%lld of %zu", (long long)number_of(item, "healthyTargets"),
                        json_array_size(json_object_get(item, "reals")));
}

static const char *balancer_waits_cell(struct cli *cli, json_t *balancer)
{
    struct reasons reasons = {cli, NULL};
    size_t reals = json_array_size(json_object_get(balancer, "reals"));
    bool active = text_equal(member(balancer, "state"), "active");
    if (member(balancer, "trouble"))
        say(&reasons, "%s", member(balancer, "trouble"));
    if (active && reals == 0)
        say(&reasons, "no node is active behind it");
    else if (active && (size_t)number_of(balancer, "healthyTargets") < reals)
        say(&reasons, "%zu nodes do not answer it yet",
            reals - (size_t)number_of(balancer, "healthyTargets"));
    if (active && !is_set(balancer, "announced"))
        say(&reasons, "not announced yet");
    return reasons.text;
}

static const struct column balancer_columns[] = {
    {"CLUSTER", id_cell, false},
    {"STATE", state_cell, false},
    {"SINCE", since_cell, false},
    {"ACCOUNT", account_cell, true},
    {"ENDPOINT", hostname_cell, false},
    {"FOR", reach_cell, false},
    {"HEALTHY", healthy_cell, false},
    {"ENDPOINT SERVICE", endpoint_service_cell, false},
    {"WAITS FOR", balancer_waits_cell, false},
    {NULL},
};

static int show_balancers(struct cli *cli, struct error *err)
{
    json_t *list;
    if (ask_load_balancers(cli, &list, err) < 0)
        return -1;
    if (!cli->json) {
        print_items(cli, balancer_columns, list);
        return 0;
    }
    json_t *answer = json_pack("{s:O}", "loadBalancers", list);
    print_json(cli, answer);
    json_decref(answer);
    return 0;
}

/* --- events
 * ------------------------------------------------------------------------------------------------------ */

static const char *at_cell(struct cli *cli, json_t *event)
{
    return clock_rfc3339(cli->arena, number_of(event, "at"));
}
static const char *of_cell(struct cli *cli, json_t *event)
{
    (void)cli;
    return member(event, "of");
}
static const char *event_cell(struct cli *cli, json_t *event)
{
    (void)cli;
    return member(event, "event");
}
static const char *agent_cell(struct cli *cli, json_t *event)
{
    (void)cli;
    return member(event, "agent");
}
static const char *reason_cell(struct cli *cli, json_t *event)
{
    (void)cli;
    return member(event, "reason");
}

static const struct column event_columns[] = {
    {"AT", at_cell, false},    {"OF", of_cell, false},         {"EVENT", event_cell, false},
    {"BY", agent_cell, false}, {"REASON", reason_cell, false}, {NULL},
};

static bool has_event(json_t *events, json_t *event)
{
    size_t index;
    json_t *other;
    json_array_foreach(events, index, other)
        if (json_equal(event, other))
            return true;
    return false;
}

static void add_event(json_t *events, json_t *event, json_t *of)
{
    json_t *named = json_copy(event);
    json_object_set(named, "of", of);
    json_array_append_new(events, named);
}

/* The history has the last event of each kind, the log the last of any: most are in both. */
static void add_histories(json_t *events, json_t *items, const char *name)
{
    size_t index, at;
    json_t *item, *event;
    json_array_foreach(items, index, item) {
        json_t *log = json_object_get(item, "log"), *of = json_object_get(item, name);
        json_array_foreach(json_object_get(item, "history"), at, event)
            if (!has_event(log, event))
                add_event(events, event, of);
        json_array_foreach(log, at, event)
            add_event(events, event, of);
    }
}

/* The deployment's own story stands among them. */
static int add_story(struct cli *cli, json_t *events, struct error *err)
{
    json_t *deployment, *line;
    size_t index;
    char *path = deployment_path(cli, err);
    if (!path || controller_get(cli, &deployment, err, "%s", path) < 0)
        return -1;
    json_array_foreach(json_object_get(deployment, "log"), index, line)
        json_array_append_new(events,
                              json_pack("{s:I,s:s,s:s?,s:s?}", "at", (json_int_t)number_of(line, "at"), "of",
                                        "the deployment", "event", member(line, "level"), "reason",
                                        member(line, "message")));
    return 0;
}

static int by_time(const void *a, const void *b)
{
    int64_t left = number_of(*(json_t *const *)a, "at"), right = number_of(*(json_t *const *)b, "at");
    return left < right ? -1 : left > right;
}

/* The last `most` of them, oldest first; a new reference. */
static json_t *last_of(struct cli *cli, json_t *events, size_t most)
{
    size_t count = json_array_size(events);
    json_t **sorted = arena_alloc(cli->arena, (count + 1) * sizeof *sorted), *chosen = json_array();
    for (size_t i = 0; i < count; i++)
        sorted[i] = json_array_get(events, i);
    qsort(sorted, count, sizeof *sorted, by_time);
    for (size_t i = count > most ? count - most : 0; i < count; i++)
        json_array_append(chosen, sorted[i]);
    return chosen;
}

static int gather_events(struct cli *cli, json_t *events, struct error *err)
{
    json_t *nodes, *balancers;
    if (ask_nodes(cli, &nodes, err) < 0 || ask_load_balancers(cli, &balancers, err) < 0)
        return -1;
    add_histories(events, nodes, "hostname");
    add_histories(events, balancers, "id");
    return all ? 0 : add_story(cli, events, err);
}

static int show_events(struct cli *cli, struct error *err)
{
    int64_t most = 50;
    if (last_text && text_number(last_text, 1, 1000000, "--last", &most, err) < 0)
        return -1;
    json_t *events = json_array();
    int result = gather_events(cli, events, err);
    if (result == 0) {
        json_t *answer = json_pack("{s:o}", "events", last_of(cli, events, (size_t)most));
        if (cli->json)
            print_json(cli, answer);
        else
            print_items(cli, event_columns, json_object_get(answer, "events"));
        json_decref(answer);
    }
    json_decref(events);
    return result;
}

#define WHICH                                                                            \
    {"application", "NAME", "application (default of config.json)", &application, NULL}, \
        {"instance", "NAME", "instance (default: default)", &instance, NULL},            \
        {"zone", "ZONE", "zone, e.g. dev.aws-us-east-1c", &zone_given, NULL},            \
    {                                                                                    \
        "all", NULL, "everybody's in the zone (operators)", NULL, &all                   \
    }

static const struct flag which_flags[] = {WHICH, {NULL}};
static const struct flag event_flags[] = {
    WHICH, {"last", "NUMBER", "how many (default 50)", &last_text, NULL}, {NULL}};

const struct command node_commands[] = {
    {"hosts", "", "the deployment's hosts: what each is, and why it waits", show_hosts, which_flags, 0, 0},
    {"nodes", "", "the deployment's nodes: what each runs, and why it waits", show_nodes, which_flags, 0, 0},
    {"loadbalancers", "", "the deployment's load balancers and who is healthy behind them", show_balancers,
     which_flags, 0, 0},
    {"events", "", "what happened last to hosts, nodes and load balancers, by whom and why", show_events,
     event_flags, 0, 0},
    {NULL},
};
