/* The zone's config servers, as one of them sees them all. */
#ifndef CLI_ZONE_SERVERS_H
#define CLI_ZONE_SERVERS_H

#include "cli/cli.h"

int zone_servers_ask(struct cli *cli, json_t **status, struct error *err); /* the answer lives as long as the arena */
void zone_servers_print(struct cli *cli, const json_t *status);
int zone_servers(struct cli *cli, struct error *err); /* the command */

#endif
