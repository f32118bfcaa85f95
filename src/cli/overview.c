#include "cli/overview.h"

#include "cli/controller.h"
#include "zone/names.h"

#include <stdarg.h>

static const char *application, *instance, *zone_given;
const char *overview_last;
bool overview_of_zone;

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
    if (overview_of_zone)
        return ask_zone(cli, in_zone, answer, err);
    char *path = deployment_path(cli, err);
    return path ? controller_get(cli, answer, err, "%s%s", path, in_deployment) : -1;
}

int ask_nodes(struct cli *cli, json_t **list, struct error *err)
{
    json_t *answer;
    if (ask(cli, "/nodes/v2/node/?recursive=true", "/nodes", &answer, err) < 0)
        return -1;
    *list = json_object_get(answer, "nodes");
    return 0;
}

int ask_load_balancers(struct cli *cli, json_t **list, struct error *err)
{
    json_t *answer;
    if (ask(cli, "/loadbalancers/v1/", "/load-balancers", &answer, err) < 0)
        return -1;
    *list = json_object_get(answer, "loadBalancers");
    return 0;
}

enum { COLUMNS_MOST = 16 };

void print_items(struct cli *cli, const struct column *columns, json_t *items)
{
    const struct column *shown[COLUMNS_MOST];
    size_t width = 0, row = 1, index;
    for (; columns->heading; columns++)
        if (overview_of_zone || !columns->of_zone)
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

const char *hostname_cell(struct cli *cli, json_t *item)
{
    (void)cli;
    return member(item, "hostname");
}
const char *state_cell(struct cli *cli, json_t *item)
{
    (void)cli;
    return member(item, "state");
}
const char *since_cell(struct cli *cli, json_t *item)
{
    int64_t since = number_of(item, "stateSince");
    return ago(cli, since ? since : number_of(item, "changedAt"));
}
const char *account_cell(struct cli *cli, json_t *item)
{
    (void)cli;
    return member(item, "cloudAccount");
}
const char *address_cell(struct cli *cli, json_t *item)
{
    (void)cli;
    return json_string_value(json_array_get(json_object_get(item, "ipAddresses"), 0));
}

#define WHICH                                                                            \
    {"application", "NAME", "application (default of config.json)", &application, NULL}, \
        {"instance", "NAME", "instance (default: default)", &instance, NULL},            \
        {"zone", "ZONE", "zone, e.g. dev.aws-us-east-1c", &zone_given, NULL},            \
    {                                                                                    \
        "all", NULL, "everybody's in the zone (operators)", NULL, &overview_of_zone      \
    }

static const struct flag which_flags[] = {WHICH, {NULL}};
static const struct flag event_flags[] = {
    WHICH, {"last", "NUMBER", "how many (default 50)", &overview_last, NULL}, {NULL}};

const struct command node_commands[] = {
    {"hosts", "", "the deployment's hosts: what each is, and why it waits", show_hosts, which_flags, 0, 0},
    {"nodes", "", "the deployment's nodes: what each runs, and why it waits", show_nodes, which_flags, 0, 0},
    {"loadbalancers", "", "the deployment's load balancers and who is healthy behind them", show_balancers,
     which_flags, 0, 0},
    {"events", "", "what happened last to hosts, nodes and load balancers, by whom and why", show_events,
     event_flags, 0, 0},
    {NULL},
};
