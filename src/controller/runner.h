/* Drives unfinished deployments with a few threads: what the store says is unfinished is driven until it is done, by one
 * thread at a time each; a wake only makes it sooner. */
#ifndef CONTROLLER_RUNNER_H
#define CONTROLLER_RUNNER_H

#include "controller/controller.h"

int runner_start(struct controller *controller, struct error *err); /* sets controller->runner */
void runner_stop(struct controller *controller);
void runner_wake(struct runner *runner, const char *deployment); /* a NULL runner is no runner yet */

#endif
