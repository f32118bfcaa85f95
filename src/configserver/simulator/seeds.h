/* Many worlds: seeds are run in processes of their own, several at once, and counted. */
#ifndef SIMULATOR_SEEDS_H
#define SIMULATOR_SEEDS_H

#include "configserver/simulator/world.h"

/* Kinds of faults that the core is known not to withstand yet: left out unless they are asked for. */
#define SIMULATED_WITHOUT "none"

/* Runs one; prints what broke and the story's end when something did. */
bool seed_run(const struct world_options *options, bool summary);

struct seeds {
    uint64_t from, to;
    int jobs;
    struct world_options options; /* of each, but for the seed */
};
/* The number that failed, after a summary. */
int seeds_run(const struct seeds *seeds);

#endif
