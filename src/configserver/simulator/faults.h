/* What goes wrong in a simulated world, and when: kinds of faults, each of which strikes now and then until
 * the world becomes calm. A seed has some of them and not others, so that each is also met alone. */
#ifndef SIMULATOR_FAULTS_H
#define SIMULATOR_FAULTS_H

#include "configserver/simulator/region.h"

struct faults;
struct faults *faults_new(struct world *world, const char *without);
void faults_free(struct faults **faults);

/* What will be wrong with a machine that boots now. */
struct machine_fate {
    bool never_comes; /* it never calls home */
    int64_t boots_late_ms;
    int64_t ends_after_ms; /* its instance ends while it boots; 0: not */
    int64_t drains_late_ms;
    int64_t moves_late_ms;
    bool never_moves; /* a retired node never says that its data has moved */
};
struct machine_fate faults_fate(struct world *world, const struct sim_instance *instance);

/* The account has a trouble for so long; a launch more may come of it. */
void faults_trouble(struct world *world, struct sim_account *account, int64_t for_ms);

#endif
