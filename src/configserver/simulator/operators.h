/* The vendor's operators of a simulated world, who give commands for hosts now and then: retire and take it
 * back, give up, park and let go, restart and reboot. What must come of each is the judge's. */
#ifndef SIMULATOR_OPERATORS_H
#define SIMULATOR_OPERATORS_H

#include "configserver/simulator/faults.h"

/* One command, for some host of an account that may have troubles. */
void operators_command(struct world *world, struct chance *chance);
/* Nobody keeps a host for a look any more. */
void operators_go_home(struct world *world);

#endif
