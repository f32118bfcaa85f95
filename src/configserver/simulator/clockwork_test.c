#include "configserver/simulator/clockwork.h"

#include "configserver/simulator/chance.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct clockwork *clockwork;
static char story[400];

static void note(void *context, int64_t number)
{
    size_t length = strlen(story);
    snprintf(story + length, sizeof story - length, "%lld:%s%lld ", (long long)clockwork_now_ms(clockwork),
             (const char *)context, (long long)number);
}

static int begin(void **state)
{
    (void)state;
    clockwork = clockwork_new(0);
    story[0] = '\0';
    return 0;
}

static int end(void **state)
{
    (void)state;
    clockwork_free(&clockwork);
    return 0;
}

static void what_is_due_happens_in_order_and_at_one_moment_as_it_was_asked_for(void **state)
{
    (void)state;
    clockwork_at(clockwork, 30, note, "c", 1);
    clockwork_at(clockwork, 10, note, "a", 1);
    clockwork_at(clockwork, 20, note, "b", 1);
    clockwork_at(clockwork, 10, note, "a", 2);
    while (clockwork_step(clockwork, 25))
        continue;
    assert_string_equal(story, "10:a1 10:a2 20:b1 ");
    assert_int_equal(clockwork_now_ms(clockwork), 25);
}

static void sleep_twice(void *context)
{
    note(context, 0);
    clockwork_sleep(clockwork, 10);
    note(context, 1);
    clockwork_sleep(clockwork, 10);
    note(context, 2);
}

static void bodies_that_sleep_let_others_run(void **state)
{
    (void)state;
    clockwork_run(clockwork, sleep_twice, "x");
    clockwork_sleep(clockwork, 1000); /* outside of a body time does not move */
    clockwork_at(clockwork, 5, note, "between", 0);
    clockwork_run(clockwork, sleep_twice, "y");
    while (clockwork_step(clockwork, 100))
        continue;
    assert_string_equal(story, "0:x0 0:y0 5:between0 10:x1 10:y1 20:x2 20:y2 ");
}

static void thousands_of_occurrences_stay_in_order(void **state)
{
    (void)state;
    struct chance chance = chance_of(1, "order");
    for (int i = 0; i < 5000; i++)
        clockwork_at(clockwork, chance_below(&chance, 1000), note, "", i);
    int64_t last = 0;
    while (clockwork_step(clockwork, 1000)) {
        assert_true(clockwork_now_ms(clockwork) >= last);
        last = clockwork_now_ms(clockwork);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_due_happens_in_order_and_at_one_moment_as_it_was_asked_for,
                                        begin, end),
        cmocka_unit_test_setup_teardown(bodies_that_sleep_let_others_run, begin, end),
        cmocka_unit_test_setup_teardown(thousands_of_occurrences_stay_in_order, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
