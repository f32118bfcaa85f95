/* nodes retire, unretire, fail, park, release, restart, reboot: what operators do to a host when it must be. Each is a wish
 * that the zone fulfils when it costs nothing: replaced first, one after another, never the last that serves. */
#include "base/text.h"
#include "cli/controller.h"
#include "zone/names.h"

#include <stdio.h>
#include <string.h>

static const char *application, *cluster;

static int ask(struct cli *cli, enum http_method method, const char *path, const char *body, struct error *err)
{
    const char *text = settings_need(cli->settings.zone, "zone", err);
    struct zone_id zone;
    if (!text || zone_parse(text, &zone, err) < 0)
        return -1;
    const struct controller_call call = {.as = AS_OPERATOR,
                                         .method = method,
                                         .path = arena_format(cli->arena, "/zone/v2/%s/%s%s", zone.environment,
                                                              zone.region, path),
                                         .content_type = body ? "application/json" : NULL,
                                         .body = body,
                                         .length = body ? strlen(body) : 0};
    json_t *answer = NULL;
    if (controller_call(cli, &call, &answer, err) < 0)
        return -1;
    if (cli->json)
        print_json(cli, answer);
    else
        printf("%s\n", or_dash(json_member_text(answer, "message")));
    return 0;
}

static const char *named(struct cli *cli)
{
    return percent_encode(cli->arena, cli->words[0], false);
}

static int wish(struct cli *cli, bool retire, struct error *err)
{
    return ask(cli, HTTP_PATCH, arena_format(cli->arena, "/nodes/v2/node/%s", named(cli)),
               retire ? "{\"wantToRetire\": true}" : "{\"wantToRetire\": false}", err);
}

static int retire(struct cli *cli, struct error *err)
{
    return wish(cli, true, err);
}

static int unretire(struct cli *cli, struct error *err)
{
    return wish(cli, false, err);
}

static int move(struct cli *cli, const char *state, struct error *err)
{
    return ask(cli, HTTP_PUT, arena_format(cli->arena, "/nodes/v2/state/%s/%s", state, named(cli)), NULL, err);
}

static int fail(struct cli *cli, struct error *err)
{
    return move(cli, "failed", err);
}

static int park(struct cli *cli, struct error *err)
{
    return move(cli, "parked", err);
}

static int release(struct cli *cli, struct error *err)
{
    return move(cli, "dirty", err);
}

static int command(struct cli *cli, const char *name, struct error *err)
{
    if ((cli->word_count > 0) == (application != NULL))
        return error_set(err, ERROR_INVALID, "say which: a HOST, or --of tenant.application.instance for all of its");
    const char *which = application ? arena_format(cli->arena, "application=%s",
                                                   percent_encode(cli->arena, application, false))
                                    : arena_format(cli->arena, "hostname=%s", named(cli));
    if (cluster)
        which = arena_format(cli->arena, "%s&clusterId=%s", which, percent_encode(cli->arena, cluster, false));
    return ask(cli, HTTP_POST, arena_format(cli->arena, "/nodes/v2/command/%s?%s", name, which), NULL, err);
}

static int restart(struct cli *cli, struct error *err)
{
    return command(cli, "restart", err);
}

static int reboot(struct cli *cli, struct error *err)
{
    return command(cli, "reboot", err);
}

static const struct flag command_flags[] = {
    {"of", "APPLICATION", "all nodes of tenant.application.instance, one after another", &application, NULL},
    {"cluster", "ID", "of these only the cluster's", &cluster, NULL},
    {NULL}};

const struct command maintenance_commands[] = {
    {"nodes retire", "HOST", "replace a host, then let it go (operators)", retire, NULL, 1, 1},
    {"nodes unretire", "HOST", "let a host stay after all (operators)", unretire, NULL, 1, 1},
    {"nodes fail", "HOST", "give a host up as broken and replace it (operators)", fail, NULL, 1, 1},
    {"nodes park", "HOST", "keep a failed host as it is, for a look (operators)", park, NULL, 1, 1},
    {"nodes release", "HOST", "let a failed or parked host go (operators)", release, NULL, 1, 1},
    {"nodes restart", "[HOST]", "restart nodes, when they can be missed (operators)", restart, command_flags, 0, 1},
    {"nodes reboot", "[HOST]", "reboot hosts, when they can be missed (operators)", reboot, command_flags, 0, 1},
    {NULL},
};
