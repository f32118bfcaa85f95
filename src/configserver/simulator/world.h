/* A simulated world: one zone's config servers with their store, the cloud they work in, the hosts that boot
 * there and the people who deploy, all in one thread, in simulated time and from one seed. Nothing in it
 * reads a real clock, so that the same seed is the same story to the last line. */
#ifndef SIMULATOR_WORLD_H
#define SIMULATOR_WORLD_H

#include "configserver/config.h"
#include "configserver/environment.h"
#include "configserver/simulator/chance.h"
#include "configserver/simulator/clockwork.h"
#include "configserver/simulator/trace.h"
#include "store/memory.h"

enum { SECOND_MS = 1000, MINUTE_MS = 60 * SECOND_MS, HOUR_MS = 60 * MINUTE_MS, DAY_MS = 24 * HOUR_MS };

struct world {
    uint64_t seed;
    struct clockwork *clockwork;
    struct trace trace;
    int64_t started_ms;
    int64_t calm_ms; /* from then on nothing goes wrong of itself, and nobody deploys */
    int64_t end_ms;
    struct config config;
    struct environment environment; /* of the config servers */
    struct chance chance;           /* theirs */
    struct memory_tree *tree;       /* what the store keeps */
    struct region *region;
    struct servers *servers;
    struct deployers *deployers;
    struct faults *faults;
    struct judge *judge;
    char broken[512]; /* the first invariant that did not hold; "" while all do */
    uint64_t steps;
};

struct world_options {
    uint64_t seed;
    int64_t days;
    int64_t stop_ms;     /* after the start; 0: at the end */
    int64_t breaks_ms;   /* after the start: an invariant is said to be broken then, to see how that looks; 0:
                            not */
    bool prints;         /* every line of the story */
    const char *without; /* kinds of faults that never come, comma-separated; may be NULL */
};
struct world *world_new(const struct world_options *options);
void world_free(struct world **world);
/* Until the end or the first invariant that does not hold; whether all held. */
bool world_run(struct world *world);

static inline int64_t world_now(const struct world *world)
{
    return clockwork_now_ms(world->clockwork);
}

/* A line of the story. */
#define world_say(world, ...) trace_say(&(world)->trace, world_now(world), __VA_ARGS__)

/* An invariant does not hold: the world stops. Only the first counts. */
void world_breaks(struct world *world, const char *invariant, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
