/* Limits: each has a default within its bounds and a reason, and what makes no sense is refused at the start.
 */
#include "configserver/limits.h"

#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static int64_t value_of(const struct limits *limits, const struct field *field)
{
    return *(const int64_t *)(const void *)((const char *)limits + field->offset);
}

static void each_limit_has_a_default_within_its_bounds_and_a_reason(void **state)
{
    (void)state;
    size_t count = 0;
    uint64_t seen[sizeof(struct limits) / sizeof(int64_t)] = {0};
    for (const struct field *field = limits_record.fields; field->name; field++, count++) {
        int64_t value = value_of(&limits_default, field);
        if (value < field->minimum || value > field->maximum)
            fail_msg("%s is %lld", field->name, (long long)value);
        if (strlen(field->help) < 20)
            fail_msg("%s has no reason", field->name);
        if (seen[field->offset / sizeof(int64_t)]++)
            fail_msg("%s is another's, too", field->name);
    }
    assert_int_equal(count, sizeof(struct limits) / sizeof(int64_t)); /* none without */
}

static int read_text(const char *text, struct limits *limits, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    json_t *json;
    assert_int_equal(json_parse(arena, text, strlen(text), &json, NULL), 0);
    *limits = limits_default;
    return limits_read(arena, json, limits, err);
}

static void one_that_is_given_takes_its_defaults_place_and_the_others_stay(void **state)
{
    (void)state;
    struct limits limits;
    assert_int_equal(read_text("{\"hostDownGrace\": 5000}", &limits, NULL), 0);
    assert_int_equal(limits.host_down_grace, 5000);
    limits.host_down_grace = limits_default.host_down_grace;
    assert_memory_equal(&limits, &limits_default, sizeof limits);
}

static void what_makes_no_sense_is_refused_and_changes_nothing(void **state)
{
    static const struct {
        const char *text, *words;
    } rows[] = {
        {"{\"hostDowngrace\": 5000}", "no limit 'hostDowngrace'"},
        {"{\"hostSilent\": 1000}", "hostSilent"}, /* less than a heartbeat */
        {"{\"hostDownGrace\": -1}", "hostDownGrace"},
        {"{\"accountThreads\": 1}", "accountThreads"},
        {"{\"hostDownGrace\": \"5 s\"}", "hostDownGrace"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct limits limits;
        struct error err = {0};
        if (read_text(rows[i].text, &limits, &err) == 0)
            fail_msg("%s was taken", rows[i].text);
        assert_int_equal(err.kind, ERROR_INVALID);
        assert_non_null(strstr(err.message, rows[i].words));
        assert_memory_equal(&limits, &limits_default, sizeof limits);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_limit_has_a_default_within_its_bounds_and_a_reason),
        cmocka_unit_test(one_that_is_given_takes_its_defaults_place_and_the_others_stay),
        cmocka_unit_test(what_makes_no_sense_is_refused_and_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
