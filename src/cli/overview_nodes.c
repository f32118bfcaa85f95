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
        overview_everybody = list;
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
