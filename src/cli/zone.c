/* zone up, down, status: the local zone's commands. */
#include "base/file.h"
#include "base/text.h"
#include "cli/zone_servers.h"
#include "cli/zone_story.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char *directory_given, *port, *proxy_port, *label, *configservers;

static int zone_up(struct cli *cli, struct error *err)
{
    if (geteuid() != 0)
        return error_set(err, ERROR_FORBIDDEN, "a local zone is made of network namespaces, which needs root: sudo enclave zone up");
    struct local_zone zone = {.port = port ? port : "4566",
                              .proxy_port = proxy_port ? proxy_port : "4567",
                              .label = label ? label : "enclave",
                              .configservers = configservers ? configservers : "1"};
    if (!text_equal(zone.configservers, "1") && !text_equal(zone.configservers, "3"))
        return error_set(err, ERROR_INVALID, "--configservers: a zone has 1 or 3 config servers, not %s", zone.configservers);
    cleanup(file_close) int lock = -1;
    if (local_zone_open(cli, directory_given, &zone, err) < 0 ||
        file_lock(zone_path(&zone, "lock"), &lock, err) < 0)
        return -1;
    if (zone_story_tell(&zone, err) < 0 || write_env_file(&zone, err) < 0)
        return error_context(err, "zone up (run it again to go on from here)");
    print_summary(&zone);
    return 0;
}

static int zone_down(struct cli *cli, struct error *err)
{
    struct local_zone zone = {0};
    if (local_zone_open(cli, directory_given, &zone, err) < 0)
        return -1;
    if (localaws_stop(&zone, err) < 0) {
        printf("the zone is down already\n");
        return 0;
    }
    printf("the zone is down; its state is kept in %s\n", zone.directory);
    return 0;
}

/* With the local zone's own settings, whatever ENCLAVE_HOME says; NULL when it cannot be seen, and why. */
static json_t *config_servers(struct cli *cli, struct local_zone *zone, struct error *err)
{
    json_t *servers = NULL;
    setenv("ENCLAVE_HOME", zone_path(zone, "home"), 1);
    if (settings_load(cli->arena, &cli->settings, err) < 0 || zone_servers_ask(cli, &servers, err) < 0)
        return NULL;
    return servers;
}

static int zone_status(struct cli *cli, struct error *err)
{
    struct local_zone zone = {0};
    pid_t pid = 0;
    char *text;
    if (local_zone_open(cli, directory_given, &zone, err) < 0)
        return -1;
    bool up = localaws_pid(&zone, &pid) == 0 && file_exists(zone_path(&zone, "localaws/ready"));
    struct error unseen = {0};
    json_t *servers = up ? config_servers(cli, &zone, &unseen) : NULL;
    if (cli->json) {
        json_t *status = json_pack("{s:b, s:i, s:s}", "up", up, "pid", (int)pid, "directory", zone.directory);
        if (servers)
            json_object_set(status, "configServers", servers);
        print_json(cli, status);
        json_decref(status);
        return 0;
    }
    printf("%s\n", up ? "up" : "down: enclave zone up raises it");
    if (up && file_read(cli->arena, zone_path(&zone, "timings.json"), 65536, &text, NULL, NULL) == 0)
        printf("%s\n", text);
    if (servers)
        zone_servers_print(cli, servers);
    else if (up)
        printf("its config servers are not seen: %s\n", unseen.message);
    return 0;
}

#define WHERE {"directory", "DIR", "where the zone lives (default ENCLAVE_HOME/zone)", &directory_given, NULL}

static const struct flag up_flags[] = {
    WHERE,
    {"port", "PORT", "of the region's API on 127.0.0.1 (default 4566)", &port, NULL},
    {"proxy-port", "PORT", "of the proxy into the region's internet (default 4567)", &proxy_port, NULL},
    {"configservers", "N", "how many config servers the zone has: 1 (default) or 3, of which one may be lost",
     &configservers, NULL},
    {"label", "WORD", "prefix of the namespaces' names (default enclave)", &label, NULL},
    {NULL},
};
static const struct flag where_flags[] = {WHERE, {NULL}};

const struct command zone_commands[] = {
    {"zone up", "", "raise the local zone with a served application", zone_up, up_flags, 0, 0},
    {"zone down", "", "take the local zone down", zone_down, where_flags, 0, 0},
    {"zone status", "", "whether the local zone is up, and how long its steps took", zone_status, where_flags, 0, 0},
    {"zone servers", "", "a zone's config servers and which of them leads (operators)", zone_servers, NULL, 0, 0},
    {NULL},
};
