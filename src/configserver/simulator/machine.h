/* What runs on a simulated instance: a host's agent, which boots, proves itself, follows its spec and
 * reports, as enclave-host does; or one that does none of it, or stops, as faults.c tells it to. */
#ifndef SIMULATOR_MACHINE_H
#define SIMULATOR_MACHINE_H

#include "configserver/simulator/region.h"

struct machine;
struct machine *machine_new(struct world *world, struct sim_instance *instance); /* begins to boot */
void machine_free(struct machine **machine);
void machine_stop(struct machine *machine);           /* its instance is to be there no more */
void machine_terminate(struct machine *machine);      /* its instance is to end: it does in a while */
bool machine_is_still(const struct machine *machine); /* nothing will happen on it any more */

bool machine_has_addresses(const struct machine *machine);
bool machine_serves(const struct machine *machine); /* its node answers clients */
int64_t machine_serves_since(const struct machine *machine);
/* When it ceased to serve last, without anybody's leave; 0: never. */
int64_t machine_lost_ms(const struct machine *machine);
bool machine_has_served(const struct machine *machine);  /* ever */
bool machine_has_drained(const struct machine *machine); /* its logs are archived */
bool machine_can_drain(const struct machine *machine);   /* it could be asked to */
bool machine_has_moved(const struct machine *machine);   /* the others have its documents */
bool machine_is_broken(const struct machine *machine);   /* for good, or soon to be */

/* Something of its application changed: it may look at its spec. */
void machine_notice(struct machine *machine);

/* Faults. */
void machine_cut_off(struct machine *machine, int64_t for_ms); /* from the config servers; it serves on */
void machine_break_service(struct machine *machine, int64_t for_ms); /* its node answers no more */
void machine_fail_hard(struct machine *machine);                     /* it reports that it is broken */
void machine_hang(struct machine *machine);                          /* nothing works on it, for ever */
void machine_maintain(struct machine *machine); /* somebody is to work on it, when it may be down */
bool machine_never_comes(const struct machine *machine);

#endif
