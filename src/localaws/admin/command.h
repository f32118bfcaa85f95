/* localaws fault ... and localaws event ...: the admin API (admin.h) of a region that runs, from a shell. */
#ifndef LOCALAWS_COMMAND_H
#define LOCALAWS_COMMAND_H

#include <stdbool.h>

/* Is this command line one of them, and not a region to be started? */
bool command_given(int argc, char **argv);
/* The exit status: 0, 1, or 2 for a wrong command line. */
int command_run(int argc, char **argv);

#endif
