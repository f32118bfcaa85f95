#include "configserver/hosts/hearing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static void a_host_is_heard_when_it_calls_and_not_before(void **state)
{
    (void)state;
    int64_t at;
    struct hearing *hearing = hearing_new(100);
    assert_false(hearing_last(hearing, "h1", &at));
    assert_int_equal(at, 100);
    assert_false(hearing_note(hearing, "h1", 200, &at));
    assert_int_equal(at, 100);
    assert_true(hearing_note(hearing, "h1", 300, &at));
    assert_int_equal(at, 200);
    assert_true(hearing_note(hearing, "h1", 250, &at)); /* a clock that was set back takes nothing away */
    assert_true(hearing_last(hearing, "h1", &at));
    assert_int_equal(at, 300);
    assert_false(hearing_last(hearing, "h2", &at));
    hearing_free(&hearing);
}

static void who_begins_to_listen_anew_has_heard_nobody(void **state)
{
    (void)state;
    int64_t at;
    struct hearing *hearing = hearing_new(100);
    hearing_note(hearing, "h1", 200, &at);
    hearing_begin(hearing, 500);
    assert_false(hearing_last(hearing, "h1", &at));
    assert_int_equal(at, 500);
    hearing_free(&hearing);
}

static void who_was_held_up_for_long_has_heard_nobody_meanwhile(void **state)
{
    (void)state;
    int64_t at;
    struct hearing *hearing = hearing_new(100);
    hearing_note(hearing, "h1", 200, &at);
    assert_false(hearing_go_on(hearing, 1100, 1000));
    assert_false(hearing_go_on(hearing, 2100, 1000));
    assert_true(hearing_last(hearing, "h1", &at));
    assert_true(hearing_go_on(hearing, 3101, 1000));
    assert_false(hearing_last(hearing, "h1", &at));
    assert_int_equal(at, 3101);
    assert_false(hearing_go_on(hearing, 4000, 1000));
    hearing_free(&hearing);
}

static void of_many_each_has_its_own_time_and_the_long_gone_are_forgotten(void **state)
{
    (void)state;
    enum { HOSTS = 20000, LATER = 3 * 60 * 60 * 1000 };
    int64_t at;
    char name[32];
    struct hearing *hearing = hearing_new(0);
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < HOSTS; i++) {
            snprintf(name, sizeof name, "h%d", round * HOSTS + i);
            assert_false(hearing_note(hearing, name, round * LATER + i, &at));
        }
    for (int i = 0; i < HOSTS; i++) {
        snprintf(name, sizeof name, "h%d", HOSTS + i);
        assert_true(hearing_last(hearing, name, &at));
        assert_int_equal(at, LATER + i);
    }
    assert_false(hearing_last(hearing, "h7", &at));
    assert_int_equal(at, 0); /* as silent as it was */
    hearing_free(&hearing);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_host_is_heard_when_it_calls_and_not_before),
        cmocka_unit_test(who_begins_to_listen_anew_has_heard_nobody),
        cmocka_unit_test(who_was_held_up_for_long_has_heard_nobody_meanwhile),
        cmocka_unit_test(of_many_each_has_its_own_time_and_the_long_gone_are_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
