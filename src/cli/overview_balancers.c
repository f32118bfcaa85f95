/* loadbalancers */
#include "cli/overview.h"

static const char *id_cell(struct cli *cli, json_t *item)
{
    (void)cli;
    return member(item, overview_of_zone ? "id" : "cluster");
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

int show_balancers(struct cli *cli, struct error *err)
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
