/* The life of a deployment run: deployReal hands the package over to the zone, installReal waits until the zone says
 * that it serves. A run is a record; each drive looks at it and at the zone and takes the next step, so that a restart
 * at any moment continues where the record stands. Starting a run aborts the one before it. */
#ifndef CONTROLLER_RUNS_H
#define CONTROLLER_RUNS_H

#include "controller/controller.h"
#include "controller/records.h"

enum { DRIVE_DONE = -1 };

/* Takes the next step of the deployment's last run, or of its deletion; milliseconds until it should be driven again,
 * or DRIVE_DONE. */
int run_drive(struct controller *controller, const char *deployment);

/* Begins a run with this package; `*number` is its number. */
int run_start(struct controller *controller, struct arena *arena, struct deployment *deployment, const char *zip,
              size_t length, int64_t *number, struct error *err);
/* Begins the deletion: aborts a run that is under way. */
int run_delete(struct controller *controller, struct arena *arena, const char *deployment, struct error *err);

/* Removes packages that no unfinished run needs: a crash left them. For the start. */
void run_sweep_packages(struct controller *controller);

#endif
