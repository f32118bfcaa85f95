/* Chance from a seed: the same seed gives the same numbers, on every machine. Each part of the world has its
 * own stream, so that one that draws more often does not change what the others meet. */
#ifndef SIMULATOR_CHANCE_H
#define SIMULATOR_CHANCE_H

#include <stdbool.h>
#include <stdint.h>

struct chance {
    uint64_t state;
};
struct chance chance_of(uint64_t seed, const char *name); /* the stream of this name */
uint64_t chance_next(struct chance *chance);
int64_t chance_below(struct chance *chance, int64_t bound);               /* 0 to below `bound` */
int64_t chance_between(struct chance *chance, int64_t low, int64_t high); /* both included */
/* Mostly near `mean`, sometimes ten times as much: how long things take. */
int64_t chance_around(struct chance *chance, int64_t mean);
bool chance_is(struct chance *chance, double probability);

#endif
