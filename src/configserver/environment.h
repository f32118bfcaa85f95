/* Time and chance: the machine's in the program, a seed's in tests and simulations. */
#ifndef CONFIGSERVER_ENVIRONMENT_H
#define CONFIGSERVER_ENVIRONMENT_H

#include <stdint.h>

struct environment {
    void *context;
    int64_t (*now_ms)(void *context); /* since the epoch */
    uint64_t (*random)(void *context);
};
extern const struct environment environment_real;

static inline int64_t environment_now_ms(const struct environment *environment)
{
    return environment->now_ms(environment->context);
}

#endif
