/* Who is down, and who is replaced for it: every limit a row. */
#include "configserver/maintain/health.h"

#include "base/text.h"
#include "configserver/hosts/hearing.h"
#include "configserver/hosts/host_calls.h"
#include "configserver/maintain/test_situation.h"

#include <string.h>

enum { SECOND = 1000, MINUTE = 60 * SECOND };

/* clang-format off */
static const struct {
    const char *nodes;
    int64_t ago_ms;
    int64_t account_least, account_percent, cluster_percent;
    const char *then, *because;
} rows[] = {
    /* nodes          down for       account's   cluster's */
    { "uuu",          MINUTE,        2, 10,      20, "...",        "nothing is wrong" },
    { "udu",          4 * MINUTE,    2, 10,      20, "...",        "it may come back" },
    { "udu",          5 * MINUTE,    2, 10,      20, ".F.",        "it had its time" },
    { "udd",          5 * MINUTE,    2, 10,      20, ".F.",        "one of a cluster at a time" },
    { "udd",          5 * MINUTE,    2, 10,      99, ".FF",        "or as many as a percentage allows" },
    { "uddd",         5 * MINUTE,    2, 10,      99, ".FF.",       "but two of a small account at a time" },
    { "uddd",         5 * MINUTE,    3, 10,      99, ".FFF",       "or as many as is said" },
    { "dddddddddd",   5 * MINUTE,    2, 50,      99, "FFFFF.....", "or a percentage of the account's hosts" },
    { "uddu",         5 * MINUTE,    2, 10,      50, ".FF.",       "half of four" },
    { "ufdd",         5 * MINUTE,    2, 10,      50, ".FF.",       "those under way count" },
    { "ufd",          5 * MINUTE,    2, 10,      20, ".F.",        "and so in their cluster" },
    { "uxu",          5 * MINUTE,    2, 10,      20, "...",        "who may be down and serves is no trouble" },
    { "ubu",          0,             2, 10,      20, ".R.",        "who says that it is broken is retired" },
    { "ubb",          0,             2, 10,      20, ".R.",        "within the same limits" },
    { "ubd",          5 * MINUTE,    2, 10,      20, ".R.",        "that are common to both" },
    { "udn",          5 * MINUTE,    2, 10,      20, ".F.",        "what waits for its host is not judged" },
    { "uri",          5 * MINUTE,    2, 10,      20, "...",        "nor what is stopped" },
    { "uR",           5 * MINUTE,    2, 10,      20, ".F",         "a retired one may break, too" },
    { "uuSS",         5 * MINUTE,    2, 10,      20, "..FF",       "of who never served there is nothing to wait for" },
    { "uSSS",         5 * MINUTE,    2, 10,      20, ".FF.",       "but in an account they count as any" },
    { "uudS",         5 * MINUTE,    2, 10,      20, "..FF",       "beside those that did" },
};
/* clang-format on */

static const char *wishes(struct test_zone *test)
{
    VIEW(view, test->zone->repository);
    char *shown = arena_alloc(test->arena, view_count(view, RECORD_HOST) + 1);
    size_t at = 0;
    view_each(view, RECORD_HOST, struct host, host)
        shown[at++] = host->want_to_fail ? 'F' : host->want_to_retire ? 'R' : '.';
    return shown;
}

static void so_many_are_replaced_at_once_and_no_more(void **state)
{
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        void *begun;
        assert_int_equal(test_zone_begin(&begun), 0);
        struct test_zone *test = begun;
        test->config.limits.account_failures = rows[i].account_least;
        test->config.limits.account_failures_percent = rows[i].account_percent;
        test->config.limits.cluster_failures_percent = rows[i].cluster_percent;
        situation_make(test, &(struct situation){.nodes = rows[i].nodes,
                                                 .target = (int64_t)strlen(rows[i].nodes),
                                                 .ago_ms = rows[i].ago_ms});
        situation_step(test, judge_health);
        if (!text_equal(wishes(test), rows[i].then))
            fail_msg("%s: %s, not %s (%s)", rows[i].nodes, wishes(test), rows[i].then, rows[i].because);
        test_zone_end(&begun);
    }
    (void)state;
}

static size_t held_back(struct test_zone *test)
{
    VIEW(view, test->zone->repository);
    return hosts_held_back(test->zone, view);
}

/* Who is given up in a cluster that shall have so many. */
static const char *wishes_in(struct test_zone *test, const char *nodes, int64_t target)
{
    situation_make(test, &(struct situation){.nodes = nodes, .target = target, .ago_ms = 5 * MINUTE});
    situation_step(test, judge_health);
    return wishes(test);
}

/* Two that wait for each other would wait for ever: the first may not leave while the second does not serve.
 */
static void one_whose_replacement_is_up_keeps_nobody_from_being_replaced(void **state)
{
    assert_string_equal(wishes_in(*state, "ufdu", 3), ".FF.");
}

static void of_two_one_has_been_replaced_so_one_more_may_be(void **state)
{
    struct test_zone *test = *state;
    test->config.limits.cluster_failures_percent = 50;
    assert_string_equal(wishes_in(test, "uuffdd", 5), "..FFF.");
}

/* The first counts until its replacement serves, so it must not keep the replacement from being replaced. */
static void a_replacement_that_never_served_is_replaced_itself(void **state)
{
    struct test_zone *test = *state;
    test->config.limits.account_failures = 1;
    assert_string_equal(wishes_in(test, "uuuufS", 5), "....FF");
    assert_int_equal(held_back(test), 0);
}

static void and_so_is_the_replacement_of_that(void **state)
{
    struct test_zone *test = *state;
    test->config.limits.account_failures = 1;
    assert_string_equal(wishes_in(test, "uuuufgggSd", 6), "....FFFFF.");
    assert_int_equal(held_back(test), 1); /* who served is one more */
}

static size_t lines_with(struct test_zone *test, const char *words)
{
    VIEW(view, test->zone->repository);
    const struct application *application = test_application(test, view);
    size_t count = 0;
    for (size_t i = 0; i < application->log_count; i++)
        count += strstr(application->log[i].message, words) != NULL;
    return count;
}

static void what_is_held_back_is_said_once_and_counted(void **state)
{
    struct test_zone *test = *state;
    situation_make(test, &(struct situation){.nodes = "udddd", .target = 5, .ago_ms = 5 * MINUTE});
    for (int i = 0; i < 5; i++) {
        situation_step(test, judge_health);
        test_zone_advance(test, SECOND);
    }
    assert_string_equal(wishes(test), ".F...");
    assert_int_equal(held_back(test), 3);
    assert_int_equal(lines_with(test, "limit clusterFailuresPercent"), 1);
}

static void another_account_is_not_held_back(void **state)
{
    struct test_zone *test = *state;
    situation_make(test, &(struct situation){.nodes = "ffff",
                                             .target = 4,
                                             .ago_ms = MINUTE,
                                             .account = OTHER_ACCOUNT,
                                             .application = "globex:a:default",
                                             .first_host = 200});
    situation_make(test, &(struct situation){.nodes = "du", .target = 2, .ago_ms = 5 * MINUTE});
    situation_step(test, judge_health);
    assert_string_equal(wishes(test), "F.FFFF");
}

/* Both hosts are heard, then the second falls silent. */
static void fall_silent(struct test_zone *test, int64_t for_ms)
{
    test_hosts_heard(test);
    test->silent[0] = zone_hostname(test->arena, &test->zone->id, 101);
    while (for_ms > 0) {
        test_zone_advance(test, 10 * SECOND);
        for_ms -= 10 * SECOND;
        test_hosts_heard(test);
        situation_step(test, judge_health);
    }
}

static bool is_down(struct test_zone *test, int nth)
{
    VIEW(view, test->zone->repository);
    bool host = situation_host(test, view, nth)->down_since,
         node = situation_node(test, view, nth)->down_since;
    assert_int_equal(host, node);
    return host;
}

static void a_host_that_is_silent_is_down_and_so_is_its_node(void **state)
{
    struct test_zone *test = *state;
    situation_make(test, &(struct situation){.nodes = "uu", .target = 2});
    fall_silent(test, 20 * SECOND);
    assert_false(is_down(test, 1));
    fall_silent(test, 10 * SECOND);
    assert_true(is_down(test, 1));
    assert_false(is_down(test, 0));
    test->silent[0] = NULL;
    test_hosts_heard(test);
    situation_step(test, judge_health);
    assert_false(is_down(test, 1));
    assert_int_equal(lines_with(test, "fell silent"), 1);
    assert_int_equal(lines_with(test, "can be heard again"), 1);
}

static void who_is_heard_again_before_it_is_replaced_stays(void **state)
{
    struct test_zone *test = *state;
    situation_make(test, &(struct situation){.nodes = "uu", .target = 2});
    fall_silent(test, 6 * MINUTE);
    assert_string_equal(wishes(test), ".F");
    test->silent[0] = NULL;
    test_hosts_heard(test);
    situation_step(test, judge_health);
    assert_string_equal(wishes(test), "..");
}

static void retire(struct host *host)
{
    static struct arena *arena;
    const struct cause cause = {arena ? arena : (arena = arena_new()), 5, AGENT_OPERATOR, "old disk"};
    assert_int_equal(host_apply(host, HOST_WISH_RETIRE, &cause, NULL), 0);
}

static void who_is_heard_again_but_was_to_leave_still_leaves_for_its_old_reason(void **state)
{
    struct test_zone *test = *state;
    situation_make(test, &(struct situation){.nodes = "uu", .target = 2});
    situation_change_host(test, 1, retire);
    fall_silent(test, 6 * MINUTE);
    assert_string_equal(wishes(test), ".F");
    test->silent[0] = NULL;
    test_hosts_heard(test);
    situation_step(test, judge_health);
    assert_string_equal(wishes(test), ".R");
    VIEW(view, test->zone->repository);
    assert_string_equal(situation_host(test, view, 1)->wish_reason, "old disk");
}

static void give_up(struct host *host)
{
    static struct arena *arena;
    const struct cause cause = {arena ? arena : (arena = arena_new()), 5, AGENT_OPERATOR, "it smells"};
    assert_int_equal(host_apply(host, HOST_WISH_FAIL, &cause, NULL), 0);
}

static void what_an_operator_gives_up_stays_given_up(void **state)
{
    struct test_zone *test = *state;
    situation_make(test, &(struct situation){.nodes = "uu", .target = 2});
    situation_change_host(test, 1, give_up);
    test_hosts_heard(test);
    situation_step(test, judge_health);
    assert_string_equal(wishes(test), ".F");
}

static void who_may_be_down_has_more_time_but_not_forever(void **state)
{
    struct test_zone *test = *state;
    situation_make(test, &(struct situation){.nodes = "ux", .target = 2});
    fall_silent(test, 6 * MINUTE);
    assert_true(is_down(test, 1));
    assert_string_equal(wishes(test), "..");
    fall_silent(test, 15 * MINUTE);
    assert_string_equal(wishes(test), ".F");
}

static void a_suspension_lapses(void **state)
{
    struct test_zone *test = *state;
    situation_make(test, &(struct situation){.nodes = "ux", .target = 2});
    test_zone_advance(test, test->config.limits.suspended_longest - 1);
    test_hosts_heard(test);
    situation_step(test, judge_health);
    VIEW(before, test->zone->repository);
    assert_true(situation_node(test, before, 1)->suspended_since);
    test_zone_advance(test, 1);
    situation_step(test, judge_health);
    VIEW(after, test->zone->repository);
    assert_false(situation_node(test, after, 1)->suspended_since);
}

static void nobody_is_silent_to_one_who_has_just_begun_to_listen(void **state)
{
    struct test_zone *test = *state;
    situation_make(test, &(struct situation){.nodes = "ud", .target = 2, .ago_ms = MINUTE});
    test_zone_advance(test, 10 * MINUTE);
    hearing_begin(test->zone->hearing, zone_now_ms(test->zone));
    situation_step(test, judge_health);
    assert_false(is_down(test, 0));
    assert_true(is_down(test, 1)); /* it was, and still says nothing */
}

static void a_report_that_is_taken_back_keeps_its_host(void **state)
{
    struct test_zone *test = *state;
    situation_make(test, &(struct situation){.nodes = "uu", .target = 2});
    test_hosts_heard(test);
    struct node_report said = node_report_nothing;
    const char *host = zone_hostname(test->arena, &test->zone->id, 100);
    json_t *broken = json_pack("{s:{s:s,s:s}}", "disk", "type", "HARD_FAIL", "description", "read-only");
    json_t *well = json_object();
    said.reports = broken;
    assert_int_equal(host_report(test->zone, host, &said, NULL), 0);
    situation_step(test, judge_health);
    assert_string_equal(wishes(test), "R.");
    VIEW(view, test->zone->repository);
    assert_string_equal(situation_host(test, view, 0)->wish_reason, "it reports disk: read-only");
    said.reports = well;
    assert_int_equal(host_report(test->zone, host, &said, NULL), 0);
    situation_step(test, judge_health);
    assert_string_equal(wishes(test), "..");
    json_decref(broken);
    json_decref(well);
}

static void a_service_that_never_came_up_anywhere_is_not_its_hosts_fault(void **state)
{
    struct test_zone *test = *state;
    situation_make(test, &(struct situation){.nodes = "ss", .target = 2});
    for (int i = 0; i < 200; i++) {
        test_zone_advance(test, 10 * SECOND);
        test_hosts_heard(test);
        situation_step(test, judge_health);
    }
    assert_string_equal(wishes(test), "..");
}

static void a_service_that_comes_up_elsewhere_is(void **state)
{
    struct test_zone *test = *state;
    situation_make(test, &(struct situation){.nodes = "us", .target = 2});
    for (int i = 0; i < 200; i++) {
        test_zone_advance(test, 10 * SECOND);
        test_hosts_heard(test);
        situation_step(test, judge_health);
    }
    assert_string_equal(wishes(test), ".F");
}

#define ZONE_TEST(name) cmocka_unit_test_setup_teardown(name, test_zone_begin, test_zone_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(so_many_are_replaced_at_once_and_no_more),
        ZONE_TEST(one_whose_replacement_is_up_keeps_nobody_from_being_replaced),
        ZONE_TEST(of_two_one_has_been_replaced_so_one_more_may_be),
        ZONE_TEST(a_replacement_that_never_served_is_replaced_itself),
        ZONE_TEST(and_so_is_the_replacement_of_that),
        ZONE_TEST(what_is_held_back_is_said_once_and_counted),
        ZONE_TEST(another_account_is_not_held_back),
        ZONE_TEST(a_host_that_is_silent_is_down_and_so_is_its_node),
        ZONE_TEST(who_is_heard_again_before_it_is_replaced_stays),
        ZONE_TEST(who_is_heard_again_but_was_to_leave_still_leaves_for_its_old_reason),
        ZONE_TEST(what_an_operator_gives_up_stays_given_up),
        ZONE_TEST(who_may_be_down_has_more_time_but_not_forever),
        ZONE_TEST(a_suspension_lapses),
        ZONE_TEST(nobody_is_silent_to_one_who_has_just_begun_to_listen),
        ZONE_TEST(a_report_that_is_taken_back_keeps_its_host),
        ZONE_TEST(a_service_that_never_came_up_anywhere_is_not_its_hosts_fault),
        ZONE_TEST(a_service_that_comes_up_elsewhere_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
