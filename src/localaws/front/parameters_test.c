#include "localaws/front/parameters.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static int setup(void **state)
{
    *state = arena_new();
    return 0;
}

static int teardown(void **state)
{
    arena_free((struct arena **)state);
    return 0;
}

static void names_and_values_are_decoded(void **state)
{
    struct parameters *parameters;
    const char *text = "Action=RunInstances&Tag.1.Value=a+b%26c%3D%C3%A9&Empty=&Bare&&Version=2016-11-15";
    assert_int_equal(parameters_parse(*state, text, &parameters, NULL), 0);
    assert_string_equal(parameters_get(parameters, "Action"), "RunInstances");
    assert_string_equal(parameters_get(parameters, "Tag.1.Value"), "a b&c=\xc3\xa9");
    assert_string_equal(parameters_get(parameters, "Empty"), "");
    assert_string_equal(parameters_get(parameters, "Bare"), "");
    assert_null(parameters_get(parameters, "action"));
    assert_null(parameters_get(parameters, ""));
}

static void what_two_readers_could_read_differently_is_refused(void **state)
{
    static const char *const texts[] = {"a=1&a=1", "a=1&%61=2", "a=%zz", "a=%", "a=b%00c"};
    struct parameters *parameters;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (parameters_parse(*state, texts[i], &parameters, NULL) == 0)
            fail_msg("accepted: %s", texts[i]);
}

static void there_may_be_many_but_not_any_number(void **state)
{
    static char text[PARAMETERS_MOST * 16];
    struct parameters *parameters;
    size_t length = 0;
    for (int i = 0; i < PARAMETERS_MOST; i++)
        length += (size_t)snprintf(text + length, sizeof text - length, "%sp%d=%d", i ? "&" : "", i, i);
    assert_int_equal(parameters_parse(*state, text, &parameters, NULL), 0);
    assert_string_equal(parameters_get(parameters, "p4095"), "4095");
    snprintf(text + length, sizeof text - length, "&q=1");
    assert_int_equal(parameters_parse(*state, text, &parameters, NULL), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(names_and_values_are_decoded, setup, teardown),
        cmocka_unit_test_setup_teardown(what_two_readers_could_read_differently_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(there_may_be_many_but_not_any_number, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
