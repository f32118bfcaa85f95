/* zone servers: the zone's config servers and which of them leads, for operators; zone status shows it, too. */
#include "cli/zone_servers.h"

#include "base/text.h"
#include "cli/controller.h"
#include "zone/names.h"

#include <stdio.h>

int zone_servers_ask(struct cli *cli, json_t **status, struct error *err)
{
    const char *text = settings_need(cli->settings.zone, "zone", err);
    struct zone_id zone;
    if (!text || zone_parse(text, &zone, err) < 0)
        return -1;
    const struct controller_call call = {.as = AS_OPERATOR,
                                         .method = HTTP_GET,
                                         .path = arena_format(cli->arena, "/zone/v2/%s/%s/cluster/v1/status",
                                                              zone.environment, zone.region)};
    if (controller_call(cli, &call, status, err) < 0)
        return -1;
    return *status ? 0 : error_set(err, ERROR_UNAVAILABLE, "the zone does not say how its config servers are");
}

static const char *number(struct cli *cli, const json_t *value)
{
    return value ? arena_format(cli->arena, "%lld", (long long)json_integer_value(value)) : "-";
}

void zone_servers_print(struct cli *cli, const json_t *status)
{
    enum { COLUMNS = 5 };
    const json_t *list = json_object_get(status, "servers"), *server;
    const char **cells = arena_alloc(cli->arena, (json_array_size(list) + 1) * COLUMNS * sizeof *cells);
    size_t index, at = 0;
    cells[at++] = "CONFIG SERVER", cells[at++] = "STATE", cells[at++] = "BEHIND MS", cells[at++] = "CHANGE";
    cells[at++] = "ADDRESS";
    json_array_foreach(list, index, server)
    {
        cells[at++] = number(cli, json_object_get(server, "index"));
        cells[at++] = or_dash(json_member_text(server, "state"));
        cells[at++] = number(cli, json_object_get(server, "lagMs"));
        cells[at++] = number(cli, json_object_get(server, "sequence"));
        cells[at++] = or_dash(json_member_text(server, "address"));
    }
    print_table(cells, COLUMNS, at / COLUMNS);
    if (!json_is_integer(json_object_get(status, "leader")))
        printf("no config server leads: nothing is decided until one does\n");
}

int zone_servers(struct cli *cli, struct error *err)
{
    json_t *status;
    if (zone_servers_ask(cli, &status, err) < 0)
        return -1;
    if (cli->json)
        print_json(cli, status);
    else
        zone_servers_print(cli, status);
    return 0;
}
