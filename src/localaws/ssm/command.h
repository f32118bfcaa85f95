/* What commands and their invocations share: finding them, and how states are called. */
#ifndef LOCALAWS_SSM_COMMAND_H
#define LOCALAWS_SSM_COMMAND_H

#include "localaws/ssm/ssm.h"

enum { COMMANDS_LISTED = 50 }; /* on a page, at most */

/* By enum command_state. */
struct command_status {
    const char *status, *details;
};
extern const struct command_status command_statuses[];

int command_find(struct call *call, const char *id, struct command **command, struct error *err);
struct invocation *command_on(const struct command *command, const char *instance); /* NULL: not sent there */
/* Whether the call's CommandId and Filters keep the command or, by its state, one of its invocations. */
int command_wanted(struct call *call, const struct command *command, int64_t state, bool *kept,
                   struct error *err);
const struct command **commands_newest_first(struct call *call, size_t *count);

#endif
