/* hosts and nodes */
#include "cli/overview.h"

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

static json_t *everybody; /* hosts and nodes, as they were asked for */

/* A node begins when its host is active, and the host knows what that waits for. */
static void say_host(struct reasons *reasons, json_t *node)
{
    const char *parent = member(node, "parentHostname");
    json_t *host;
    size_t index;
    json_array_foreach(everybody, index, host)
        if (text_equal(member(host, "hostname"), parent) && !text_equal(member(host, "state"), "active"))
            say(reasons, "its host is %s%s%s", member(host, "state"), member(host, "trouble") ? ": " : "",
                member(host, "trouble") ? member(host, "trouble") : "");
}

static const char *node_waits_cell(struct cli *cli, json_t *node)
{
    struct reasons reasons = {cli, NULL};
    say_host(&reasons, node);
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
        everybody = list;
        if (cli->json)
            print_json(cli, answer);
        else
            print_items(cli, columns, chosen);
        json_decref(answer);
    }
    json_decref(chosen);
    return result;
}

int show_hosts(struct cli *cli, struct error *err)
{
    return show_of_type(cli, "host", host_columns, err);
}

int show_nodes(struct cli *cli, struct error *err)
{
    return show_of_type(cli, "tenant", node_columns, err);
}
