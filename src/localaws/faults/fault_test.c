/* When faults fire: by their seed, their counts and their buckets, and what they may say. */
#include "base/text.h"
#include "localaws/faults/fault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { CALLS = 200 };

static void decide(struct fault fault, char decisions[CALLS + 1])
{
    for (int i = 0; i < CALLS; i++)
        decisions[i] = fault_fires(&fault, NULL) ? 'x' : '.';
    decisions[CALLS] = '\0';
}

static void the_same_seed_and_calls_give_the_same_decisions(void **state)
{
    (void)state;
    char first[CALLS + 1], again[CALLS + 1], other[CALLS + 1];
    decide((struct fault){.probability = 0.5, .seed = 7}, first);
    decide((struct fault){.probability = 0.5, .seed = 7}, again);
    decide((struct fault){.probability = 0.5, .seed = 8}, other);
    assert_string_equal(first, again);
    assert_string_not_equal(first, other);
}

static void a_decision_does_not_depend_on_those_of_another_run(void **state)
{
    (void)state;
    char whole[CALLS + 1];
    decide((struct fault){.probability = 0.3, .seed = 7}, whole);
    struct fault later = {.probability = 0.3, .seed = 7, .matched = 150};
    for (int i = 150; i < CALLS; i++)
        assert_int_equal(fault_fires(&later, NULL) ? 'x' : '.', whole[i]);
}

static void a_probability_is_met(void **state)
{
    (void)state;
    static const double chances[] = {0, 0.1, 0.5, 0.9, 1};
    for (size_t i = 0; i < COUNT_OF(chances); i++) {
        struct fault fault = {.probability = chances[i], .seed = 1};
        for (int call = 0; call < 20000; call++)
            fault_fires(&fault, NULL);
        assert_true(fault.matched == 20000);
        assert_true((double)fault.fired >= 20000 * chances[i] - 300 &&
                    (double)fault.fired <= 20000 * chances[i] + 300);
    }
}

static void the_first_pass_and_only_so_many_are_hit(void **state)
{
    (void)state;
    char decisions[CALLS + 1];
    decide((struct fault){.probability = 1, .after = 3, .count = 2}, decisions);
    assert_int_equal(strncmp(decisions, "...xx...", 8), 0);
    assert_null(strchr(decisions + 5, 'x'));
}

static void a_delay_is_within_its_range_and_drawn_by_the_seed(void **state)
{
    (void)state;
    struct fault fault = {.probability = 1, .seed = 3, .ms = 100, .most_ms = 200}, again = fault;
    int64_t least = INT64_MAX, most = 0;
    for (int i = 0; i < 1000; i++) {
        double drawn, drawn_again;
        fault_fires(&fault, &drawn);
        fault_fires(&again, &drawn_again);
        int64_t ms = fault_ms(&fault, drawn);
        assert_int_equal(ms, fault_ms(&again, drawn_again));
        least = ms < least ? ms : least;
        most = ms > most ? ms : most;
    }
    assert_true(least == 100 && most == 200);
    assert_int_equal(fault_ms(&(struct fault){.ms = 50}, 0.9), 50);
}

static void a_bucket_gives_what_it_has_and_what_comes_in(void **state)
{
    (void)state;
    struct buckets *buckets = buckets_new(5, 2);
    int64_t now_ms = 1000;
    for (int i = 0; i < 5; i++)
        assert_true(buckets_take(buckets, "1 RunInstances", now_ms));
    assert_false(buckets_take(buckets, "1 RunInstances", now_ms));
    assert_true(buckets_take(buckets, "2 RunInstances", now_ms)); /* another has their own */
    assert_false(buckets_take(buckets, "1 RunInstances", now_ms + 499));
    assert_true(buckets_take(buckets, "1 RunInstances", now_ms + 500));
    for (int i = 0; i < 5; i++) /* and never holds more than it has room for */
        assert_true(buckets_take(buckets, "1 RunInstances", now_ms + 1000000));
    assert_false(buckets_take(buckets, "1 RunInstances", now_ms + 1000000));
    buckets_free(&buckets);
}

static int check(const char *text, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct fault fault = {.probability = 1, .seed = 1};
    return record_parse(&fault_record, arena, text, strlen(text), &fault, err) < 0 ? -1
                                                                                   : fault_check(&fault, err);
}

static void what_makes_no_sense_is_refused_with_a_reason(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"{}", "kind"},
        {"{\"kind\":\"flood\"}", "kind"},
        {"{\"kind\":\"throttle\",\"probability\":2}", "probability"},
        {"{\"kind\":\"throttle\",\"ms\":5}", "ms"},
        {"{\"kind\":\"latency\"}", "ms"},
        {"{\"kind\":\"latency\",\"ms\":5,\"mostMs\":4}", "mostMs"},
        {"{\"kind\":\"token-bucket\",\"refill\":5}", "bucket"},
        {"{\"kind\":\"error\",\"code\":\"a b\"}", "code"},
        {"{\"kind\":\"error\",\"status\":200}", "status"},
        {"{\"kind\":\"insufficient-capacity\",\"action\":\"RunInstances\"}", "action"},
        {"{\"kind\":\"latency\",\"ms\":5,\"zone\":\"us-east-1a\"}", "zone"},
        {"{\"kind\":\"network-cut\",\"from\":\"internet\"}", "to"},
        {"{\"kind\":\"network-cut\",\"from\":\"a\",\"to\":\"b\",\"account\":\"1\"}", "account"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct error err = {0};
        assert_int_equal(check(cases[i].text, &err), -1);
        assert_int_equal(err.kind, ERROR_INVALID);
        assert_non_null(strstr(err.message, cases[i].says));
    }
    assert_int_equal(check("{\"kind\":\"error\",\"code\":\"Internal.Error\",\"status\":503}", NULL), 0);
    assert_int_equal(check("{\"kind\":\"latency\",\"ms\":5,\"mostMs\":9}", NULL), 0);
}

static void patterns_match_as_a_person_expects(void **state)
{
    (void)state;
    assert_true(fault_pattern(NULL, "x") && fault_pattern(NULL, NULL));
    assert_true(fault_pattern("Run*", "RunInstances") && fault_pattern("m7g.*", "m7g.large"));
    assert_false(fault_pattern("Run*", "StopInstances"));
    assert_false(fault_pattern("x", NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_seed_and_calls_give_the_same_decisions),
        cmocka_unit_test(a_decision_does_not_depend_on_those_of_another_run),
        cmocka_unit_test(a_probability_is_met),
        cmocka_unit_test(the_first_pass_and_only_so_many_are_hit),
        cmocka_unit_test(a_delay_is_within_its_range_and_drawn_by_the_seed),
        cmocka_unit_test(a_bucket_gives_what_it_has_and_what_comes_in),
        cmocka_unit_test(what_makes_no_sense_is_refused_with_a_reason),
        cmocka_unit_test(patterns_match_as_a_person_expects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
