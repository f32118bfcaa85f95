#include "localaws/plane/world_fixture_test.h"

#include "base/log.h"
#include "base/text.h"

#include <stdio.h>

struct plane_world world;

int world_raise(void **state)
{
    static const char *const machines[] = {MACHINE_A, MACHINE_B, MACHINE_C, MACHINE_D};
    struct error err = {0};
    (void)state;
    log_open("plane-test", LOG_LEVEL_WARNING, false);
    int result = world_make(&world, &err) < 0 ? -1 : world_populate(&world, &err);
    for (size_t i = 0; result == 0 && i < COUNT_OF(machines); i++)
        result = world_console_has(&world, machines[i], "serving", 5000) ? 0 : -1;
    if (result < 0)
        fprintf(stderr, "no world: %s\n", err.message);
    return result;
}

int world_raise_empty(void **state)
{
    struct error err = {0};
    (void)state;
    world = (struct plane_world){0};
    if (world_make(&world, &err) < 0) {
        fprintf(stderr, "no world: %s\n", err.message);
        return -1;
    }
    plane_apply_vpc(world.plane, &home_vpc);
    return 0;
}

int world_lower(void **state)
{
    (void)state;
    world_end(&world);
    return 0;
}
