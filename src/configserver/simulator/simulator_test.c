/* The simulator itself: the same seed is the same story, and what it runs holds. */
#include "configserver/simulator/seeds.h"

#include "base/file.h"
#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
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

/* What a failing seed prints, in the arena. */
static char *output_of_failure(struct arena *arena)
{
    const struct world_options options = {.seed = 7, .days = 2, .breaks_ms = 30 * HOUR_MS};
    cleanup(file_close) int file = -1, before = dup(STDOUT_FILENO);
    char name[] = "/tmp/simulator-XXXXXX";
    assert_true((file = mkstemp(name)) >= 0);
    unlink(name);
    fflush(stdout);
    dup2(file, STDOUT_FILENO);
    bool held = seed_run(&options, true);
    fflush(stdout);
    dup2(before, STDOUT_FILENO);
    assert_false(held);
    char *text = arena_alloc(arena, 1 << 20);
    ssize_t length = pread(file, text, (1 << 20) - 1, 0);
    assert_true(length > 0);
    text[length] = '\0';
    return text;
}

static void a_seed_that_fails_says_how_it_is_run_again_and_fails_the_same_way(void **state)
{
    (void)state;
    cleanup(arena_free) struct arena *arena = arena_new();
    char *first = output_of_failure(arena), *again = output_of_failure(arena);
    assert_non_null(strstr(first, "FAILED seed 7 at 1d 06:00:00.000: nothing is asked to break: it was"));
    assert_non_null(strstr(first, "again: enclave-sim --seed 7 --days 2 --trace"));
    assert_non_null(strstr(first, "the last of its story"));
    assert_string_equal(first, again); /* with the hash of all its lines */
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
        cmocka_unit_test(a_seed_that_fails_says_how_it_is_run_again_and_fails_the_same_way),
        cmocka_unit_test(a_zone_survives_some_weeks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
