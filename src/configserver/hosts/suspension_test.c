/* Who may be down for maintenance: every situation a row. */
#include "configserver/hosts/suspension.h"

#include "base/text.h"
#include "configserver/hosts/hearing.h"
#include "configserver/maintain/test_situation.h"

#include <string.h>

/* clang-format off */
static const struct {
    const char *nodes;
    int64_t target, groups;
    bool content;
    int64_t percent;
    const char *then; /* of each that asks alone: y may, n may not */
    const char *because;
} rows[] = {
    { "uuu",        3,  1, false, 10, "yyy",        "one may be missed" },
    { "uux",        3,  1, false, 10, "nny",        "one at a time; and who may, may ask again" },
    { "uud",        3,  1, false, 10, "nny",        "who is down is missed already, and costs nothing more" },
    { "us",         2,  1, false, 10, "ny",         "the last that serves may not" },
    { "ud",         2,  1, false, 10, "ny",         "never" },
    { "u",          1,  1, false, 10, "n",          "not when it is the only one either" },
    { "d",          1,  1, false, 10, "y",          "but who is down may be mended" },
    { "ur",         1,  1, false, 10, "yy",         "a retired one stands in" },
    { "un",         2,  1, false, 10, "ny",         "one that is not there yet does not" },
    { "uuuuuuuuuu", 10, 1, false, 20, "yyyyyyyyyy", "a percentage may be missed" },
    { "uuuuuuuuux", 10, 1, false, 20, "yyyyyyyyyy", "two of ten" },
    { "uuuuuuuuxx", 10, 1, false, 20, "nnnnnnnnyy", "not three" },
    { "uuuuuuuuxd", 10, 1, false, 20, "nnnnnnnnyy", "those that are down count" },

    { "uuu",        3,  1, true,  10, "yyy",        "of content without groups one" },
    { "uux",        3,  1, true,  50, "nny",        "and never two, since both may have the copies" },
    { "uu|uu",      4,  2, true,  10, "yyyy",       "of any group" },
    { "ux|uu",      4,  2, true,  10, "nynn",       "one group at a time, never its last that serves" },
    { "uux|uu",     5,  2, true,  10, "yyynn",      "several of that group" },
    { "ud|uu",      4,  2, true,  10, "nynn",       "a group with one that is down has its turn already" },
    { "ud|ux",      4,  2, true,  10, "nyny",       "also when two have" },
    { "u|u",        2,  2, true,  10, "yy",         "a whole group when another has everything" },
    { "u|x",        2,  2, true,  10, "ny",         "but not then" },
    { "u|d|u",      3,  3, true,  10, "nyn",        "nor then" },
    { "u",          1,  1, true,  10, "n",          "nor when nobody has" },

    { "lu",         2,  1, false, 10, "ny",         "whom the load balancer does not find healthy yet stands in for nobody" },
    { "ll",         2,  1, false, 10, "yy",         "and whom it does" },
    { "luu",        3,  1, false, 40, "nnn",        "those that are not reached are missed already" },
    { "lP",         1,  1, false, 10, "ny",         "who parts stands in for nobody" },
};
/* clang-format on */

static int ask(struct test_zone *test, int nth, struct error *err)
{
    const char *node = zone_node_hostname(test->arena, &test->zone->id, 100 + nth);
    return suspend(test->zone, &node, 1, AGENT_HOST, err);
}

static void a_node_may_be_down_when_it_can_be_missed(void **state)
{
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        for (size_t who = 0; who < strlen(rows[i].then); who++) {
            void *begun;
            struct error err = {0};
            assert_int_equal(test_zone_begin(&begun), 0);
            struct test_zone *test = begun;
            test->config.limits.container_suspended_percent = rows[i].percent;
            situation_make(test, &(struct situation){.nodes = rows[i].nodes,
                                                     .target = rows[i].target,
                                                     .groups = rows[i].groups,
                                                     .content = rows[i].content,
                                                     .ago_ms = 60000});
            test_hosts_heard(test);
            bool may = ask(test, (int)who, &err) == 0;
            if (may != (rows[i].then[who] == 'y'))
                fail_msg("%s%s: node %zu %s (%s) %s", rows[i].nodes, rows[i].content ? " content" : "", who,
                         may ? "may" : "may not", rows[i].because, err.message);
            if (!may)
                assert_int_equal(err.kind, ERROR_CONFLICT);
            test_zone_end(&begun);
        }
    (void)state;
}

static void of_two_that_ask_one_gets_it_until_it_is_back(void **state)
{
    struct test_zone *test = *state;
    struct error err = {0};
    situation_make(test, &(struct situation){.nodes = "uuu", .target = 3});
    test_hosts_heard(test);
    assert_int_equal(ask(test, 0, NULL), 0);
    assert_int_equal(ask(test, 1, &err), -1);
    assert_string_equal(err.code, "too-many-away");
    assert_int_equal(ask(test, 0, NULL), 0);
    const char *first = zone_node_hostname(test->arena, &test->zone->id, 100);
    assert_int_equal(resume(test->zone, first, AGENT_HOST, NULL), 0);
    assert_int_equal(ask(test, 1, NULL), 0);
    assert_int_equal(resume(test->zone, "h9.nowhere", AGENT_HOST, &err), -1);
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
}

/* Who has just begun to lead has heard nobody yet: the other may have died with the last leader. */
static void a_new_leader_counts_on_those_it_has_heard(void **state)
{
    struct test_zone *test = *state;
    struct error err = {0};
    situation_make(test, &(struct situation){.nodes = "uu", .target = 2});
    test_hosts_heard(test);
    hearing_begin(test->zone->hearing, zone_now_ms(test->zone));
    assert_int_equal(ask(test, 0, &err), -1);
    assert_string_equal(err.code, "last-healthy");
    test_hosts_heard(test);
    assert_int_equal(ask(test, 0, NULL), 0);
}

/* What we did not hear for a while may have served all the time; now it asks us. */
static void the_last_that_serves_may_not_though_it_was_silent(void **state)
{
    struct test_zone *test = *state;
    struct error err = {0};
    situation_make(test, &(struct situation){.nodes = "ud", .target = 2});
    test_hosts_heard(test);
    struct transaction *transaction = transaction_begin(test->zone->repository);
    struct host host = *situation_host(test, transaction_view(transaction), 0);
    struct node node = *situation_node(test, transaction_view(transaction), 0);
    host.down_since = node.down_since = zone_now_ms(test->zone);
    transaction_put(transaction, RECORD_HOST, &host);
    transaction_put(transaction, RECORD_NODE, &node);
    assert_int_equal(transaction_commit(&transaction, NULL), 0);
    assert_int_equal(ask(test, 0, &err), -1);
    assert_string_equal(err.code, "last-healthy");
}

static void many_may_all_or_none(void **state)
{
    struct test_zone *test = *state;
    situation_make(test, &(struct situation){.nodes = "uuuu", .target = 4});
    test_hosts_heard(test);
    const char *hosts[] = {zone_hostname(test->arena, &test->zone->id, 100),
                           zone_hostname(test->arena, &test->zone->id, 101)};
    assert_int_equal(suspend(test->zone, hosts, 2, AGENT_OPERATOR, NULL), -1);
    VIEW(none, test->zone->repository);
    assert_false(situation_host(test, none, 0)->suspended_since);
    assert_false(situation_node(test, none, 0)->suspended_since);
    test->config.limits.container_suspended_percent = 50;
    assert_int_equal(suspend(test->zone, hosts, 2, AGENT_OPERATOR, NULL), 0);
    VIEW(both, test->zone->repository);
    for (int i = 0; i < 2; i++) {
        assert_true(situation_host(test, both, i)->suspended_since);
        assert_true(situation_node(test, both, i)->suspended_since);
    }
    assert_int_equal(resume(test->zone, hosts[0], AGENT_OPERATOR, NULL), 0);
    VIEW(one, test->zone->repository);
    assert_false(situation_host(test, one, 0)->suspended_since);
    assert_false(situation_node(test, one, 0)->suspended_since);
    assert_true(situation_node(test, one, 1)->suspended_since);
}

static void a_new_image_may_interrupt_a_cluster_of_one(void **state)
{
    struct test_zone *test = *state;
    situation_make(test, &(struct situation){.nodes = "u", .target = 1});
    test_hosts_heard(test);
    assert_int_equal(ask(test, 0, NULL), -1);
    cleanup(transaction_end) struct transaction *transaction = transaction_begin(test->zone->repository);
    struct node node = *situation_node(test, transaction_view(transaction), 0);
    node.image = "v2";
    transaction_put(transaction, RECORD_NODE, &node);
    assert_int_equal(transaction_commit(&transaction, NULL), 0);
    assert_int_equal(ask(test, 0, NULL), 0);
}

#define ZONE_TEST(name) cmocka_unit_test_setup_teardown(name, test_zone_begin, test_zone_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_node_may_be_down_when_it_can_be_missed),
        ZONE_TEST(of_two_that_ask_one_gets_it_until_it_is_back),
        ZONE_TEST(a_new_leader_counts_on_those_it_has_heard),
        ZONE_TEST(the_last_that_serves_may_not_though_it_was_silent),
        ZONE_TEST(many_may_all_or_none),
        ZONE_TEST(a_new_image_may_interrupt_a_cluster_of_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
