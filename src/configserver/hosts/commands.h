/* What operators want of hosts and nodes, without the HTTP they say it by. A command only writes down a wish
 * or a wanted generation: allocation replaces, maintainers let go, the host's agent restarts and reboots when
 * it may. */
#ifndef CONFIGSERVER_COMMANDS_H
#define CONFIGSERVER_COMMANDS_H

#include "configserver/zone.h"

/* Each names a host or a node on it. ERROR_NOT_FOUND; ERROR_CONFLICT says what would have to be done first.
 */
int host_retire(struct zone *zone, const char *hostname, bool retire, const char *who, struct error *err);
/* Replaced as broken; kept for a look once it is; let go. */
int host_give_up(struct zone *zone, const char *hostname, const char *who, struct error *err);
int host_park(struct zone *zone, const char *hostname, const char *who, struct error *err);
int host_let_go(struct zone *zone, const char *hostname, const char *who, struct error *err);

/* What `command` is to be carried out on: both NULL is refused, as everything is never meant. */
struct command_filter {
    const char *hostname;    /* of a host or a node */
    const char *application; /* "acme:albums:default" */
    const char *cluster;     /* of that application only; NULL: all */
};
enum command { COMMAND_RESTART, COMMAND_REBOOT };
int command_hosts(struct zone *zone, enum command command, const struct command_filter *filter,
                  const char *who, size_t *count, struct error *err);

#endif
