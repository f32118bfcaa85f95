/* The simulator itself: the same seed is the same story, and what it runs holds. */
#include "configserver/simulator/seeds.h"

#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

static uint64_t story_of(uint64_t seed, uint64_t *lines)
{
    const struct world_options options = {.seed = seed, .days = 2};
    struct world *world = world_new(&options);
    world_run(world);
    uint64_t hash = world->trace.hash;
    *lines = world->trace.count;
    world_free(&world);
    return hash;
}

static void a_seed_is_one_story(void **state)
{
    (void)state;
    uint64_t lines, lines_again, lines_of_other;
    uint64_t story = story_of(7, &lines), again = story_of(7, &lines_again),
             other = story_of(8, &lines_of_other);
    assert_true(lines > 100);
    assert_int_equal(lines, lines_again);
    assert_true(story == again);
    assert_true(story != other);
}

/* As many as fit in about a minute of a processor; `make sim` runs many more. */
static void a_zone_survives_some_weeks(void **state)
{
    (void)state;
    const struct seeds seeds = {.from = 1,
                                .to = 12,
                                .jobs = (int)sysconf(_SC_NPROCESSORS_ONLN),
                                .options = {.days = 3, .without = SIMULATED_WITHOUT}};
    assert_int_equal(seeds_run(&seeds), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_seed_is_one_story),
        cmocka_unit_test(a_zone_survives_some_weeks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
