#include "configserver/simulator/chance.h"

#include <math.h>

struct chance chance_of(uint64_t seed, const char *name)
{
    uint64_t hash = 14695981039346656037u ^ seed * 0x9E3779B97F4A7C15u;
    for (const char *at = name; *at; at++)
        hash = (hash ^ (unsigned char)*at) * 1099511628211u;
    return (struct chance){hash};
}

/* SplitMix64: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014. */
uint64_t chance_next(struct chance *chance)
{
    uint64_t z = chance->state += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

int64_t chance_below(struct chance *chance, int64_t bound)
{
    return (int64_t)(chance_next(chance) % (uint64_t)bound);
}

int64_t chance_between(struct chance *chance, int64_t low, int64_t high)
{
    return low + chance_below(chance, high - low + 1);
}

static double unit(struct chance *chance)
{
    return (double)(chance_next(chance) >> 11) * 0x1p-53;
}

int64_t chance_around(struct chance *chance, int64_t mean)
{
    double much = -log(1 - unit(chance)) * (double)mean;
    return (int64_t)(much < 10.0 * (double)mean ? much : 10.0 * (double)mean);
}

bool chance_is(struct chance *chance, double probability)
{
    return unit(chance) < probability;
}
