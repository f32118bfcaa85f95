/* When a node may leave: every situation a row. */
#include "configserver/maintain/leaving.h"

#include "base/text.h"
#include "configserver/hosts/hearing.h"
#include "configserver/maintain/test_situation.h"

#include <string.h>

enum { MINUTE = 60 * 1000, HOUR = 60 * MINUTE };
#define DAY (24LL * HOUR)

/* clang-format off */
static const struct {
    const char *nodes;
    int64_t target, groups;
    bool content;
    int64_t ago_ms;
    const char *then, *because;
    bool announced;
} rows[] = {
    { "uu",    2, 1, false, 0, "uu",    "nobody wants them to leave" },
    { "ur",    2, 1, false, 0, "uu",    "a retired one waits for its replacement" },
    { "urn",   2, 1, false, 0, "uun",   "which is not there while it is reserved" },
    { "urs",   2, 1, false, 0, "uuu",   "nor while it never served" },
    { "uru",   2, 1, false, 0, "uDu",   "and leaves when it serves" },
    { "urd",   2, 1, false, 0, "uuu",   "but not while that is down" },
    { "urx",   2, 1, false, 0, "uuu",   "nor while that may be down" },
    { "rruu",  2, 1, false, 0, "DDuu",  "all leave when all are replaced" },
    { "rrru",  3, 1, false, 0, "Duuu",  "as many leave as are replaced" },
    { "rrr",   1, 1, false, 0, "DDu",   "what is too many leaves, never the last that serves" },
    { "rr",    1, 1, false, 0, "Du",    "that is to be one of two" },
    { "r",     1, 1, false, 0, "u",     "the last one stays" },
    { "dr",    1, 1, false, 0, "uu",    "the last that serves stays" },
    { "dru",   2, 1, false, 0, "uuu",   "also when there are others that do not" },
    { "uRu",   2, 1, false, 0, "uDu",   "a retired one that is down is not missed once it is replaced" },
    { "uR",    2, 1, false, 0, "uu",    "and waits before" },
    { "uRd",   2, 1, false, 0, "uDu",   "though the replacement went down since" },

    { "uru",   2, 1, true,  0,           "uuu",  "documents must have moved" },
    { "umu",   2, 1, true,  0,           "uDu",  "and then it leaves" },
    { "um",    2, 1, true,  0,           "uu",   "when it is replaced" },
    { "uru",   2, 1, true,  4 * DAY,     "uIu",  "or after days: with its data kept" },
    { "ur",    2, 1, true,  4 * DAY,     "uu",   "but never without a replacement" },
    { "u|r",   2, 2, true,  4 * DAY,     "uu",   "in its own group" },
    { "uu|ru", 4, 2, true,  4 * DAY,     "uuuu", "as many as that group shall have" },
    { "uu|mu", 2, 2, true,  0,           "uuDu", "which may be fewer than it has" },
    { "uu|mm", 2, 1, true,  0,           "uuDD", "a group that nobody wants leaves when the cluster has all it shall" },
    { "ud|mm", 2, 1, true,  0,           "uuDu", "and not before" },
    { "ud|m",  2, 1, true,  0,           "uuu",  "not even its last member" },

    { "lLu",   2, 1, false, 0, "uuu",   "one behind a load balancer waits until that finds another healthy" },
    { "lLl",   2, 1, false, 0, "upu",   "and is taken out of it then" },
    { "lPl",   2, 1, false, 60000, "upu", "which may take its time" },
    { "lpl",   2, 1, false, 14000, "upu", "as do those whom it serves" },
    { "lpl",   2, 1, false, 15000, "uDu", "and leaves" },
    { "lpu",   2, 1, false, 15000, "uuu", "unless the other one is gone meanwhile" },
    { "lr",    1, 1, false, 0, "uD",    "one that is not found healthy is not missed" },
    { "LLl",   2, 1, false, 0, "puu",   "as many part as can be missed" },
    { "LL",    1, 1, false, 0, "pu",    "and the last that is reached stays" },
    { "dM",    1, 1, false, 0, "uD",    "one that went down parts from nobody" },
    { "Ln",    1, 1, false, 0, "un",    "until another one is" },

    { "uru",   2, 1, false, 0, "uuu",   "when the load balancer finds nobody healthy, nobody who may serve is taken away", true },
    { "upu",   2, 1, false, 15000, "uuu", "and who parted is called back", true },
    { "uRu",   2, 1, false, 0, "uDu",   "but who is down is", true },
    { "uru",   2, 1, false, 4 * DAY, "uDu", "and who waits for too long", true },
    { "lrl",   2, 1, false, 0, "uDu",   "when it finds others healthy, one that it does not leaves", true },

    { "uf",    2, 1, false, 0, "uu",    "a broken one waits for its replacement" },
    { "ufn",   2, 1, false, 0, "uun",   "until that has" },
    { "ufs",   2, 1, false, 0, "uuu",   "served" },
    { "ufu",   2, 1, false, 0, "uFu",   "and is out then" },
    { "ufd",   2, 1, false, 0, "uFu",   "though the replacement went down since: it is itself to be replaced" },
    { "uF",    2, 1, false, 0, "uu",    "one that an operator gives up serves until it is replaced" },
    { "uFu",   2, 1, false, 0, "uFu",   "and is out then" },
    { "uFd",   2, 1, false, 0, "uuu",   "but not while it is missed" },
    { "ufu",   2, 1, true,  0, "uFu",   "a broken one's documents are not waited for" },

    { "ufgn",  2, 1, false, 0, "uuun",  "who never served stays while its replacement has no host" },
    { "ufgs",  2, 1, false, 0, "uuFu",  "and is out when that has one, though it does not serve yet" },
    { "ufggS", 2, 1, true,  0, "uuFFu", "nor ever will" },

    { "uu",    0, 0, false, 0, "DD",    "a removed cluster's containers leave at once" },
    { "us",    0, 0, true,  0, "ID",    "its content is kept for a while, where there is any" },
    { "i",     1, 1, true,  3 * HOUR, "I", "what is kept is kept" },
    { "i",     1, 1, true,  4 * HOUR, "D", "for so long" },
};
/* clang-format on */

static void a_node_leaves_when_that_costs_nothing_any_more(void **state)
{
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        void *test;
        assert_int_equal(test_zone_begin(&test), 0);
        const struct situation situation = {.nodes = rows[i].nodes,
                                            .target = rows[i].target,
                                            .groups = rows[i].groups,
                                            .content = rows[i].content,
                                            .announced = rows[i].announced,
                                            .ago_ms = rows[i].ago_ms};
        situation_make(test, &situation);
        situation_step(test, move_nodes);
        if (!text_equal(situation_states(test), rows[i].then))
            fail_msg("%s of %lld%s: %s, not %s (%s)", rows[i].nodes, (long long)rows[i].target,
                     rows[i].content ? " content" : "", situation_states(test), rows[i].then,
                     rows[i].because);
        test_zone_end(&test);
    }
    (void)state;
}

static int state_of(struct test_zone *test, int nth)
{
    VIEW(view, test->zone->repository);
    const struct host *host = situation_host(test, view, nth);
    return host ? host->state : -1;
}

static void a_released_nodes_host_drains_and_a_failed_ones_is_kept_for_a_look(void **state)
{
    struct test_zone *test = *state;
    situation_make(test, &(struct situation){.nodes = "urfuu", .target = 3});
    situation_step(test, move_nodes);
    assert_int_equal(state_of(test, 0), HOST_ACTIVE);
    assert_int_equal(state_of(test, 1), HOST_DEPROVISIONING);
    assert_int_equal(state_of(test, 2), HOST_FAILED);
    test_zone_advance(test, test->config.limits.failed_kept - 1);
    situation_step(test, move_hosts);
    assert_int_equal(state_of(test, 2), HOST_FAILED);
    test_zone_advance(test, 1);
    situation_step(test, move_hosts);
    assert_int_equal(state_of(test, 2), HOST_DEPROVISIONING);
    situation_step(test, move_nodes);
    assert_string_equal(situation_states(test), "uDDuu");
}

static void a_parked_host_stays_until_somebody_lets_it_go(void **state)
{
    struct test_zone *test = *state;
    situation_make(test, &(struct situation){.nodes = "ufu", .target = 2});
    situation_step(test, move_nodes);
    cleanup(transaction_end) struct transaction *transaction = transaction_begin(test->zone->repository);
    struct host host = *situation_host(test, transaction_view(transaction), 1);
    struct node node = *situation_node(test, transaction_view(transaction), 1);
    const struct cause cause = zone_cause(test->zone, transaction, AGENT_OPERATOR, NULL);
    assert_int_equal(host_apply(&host, HOST_PARK, &cause, NULL), 0);
    assert_int_equal(node_apply(&node, NODE_PARK, &cause, NULL), 0);
    transaction_put(transaction, RECORD_HOST, &host);
    transaction_put(transaction, RECORD_NODE, &node);
    assert_int_equal(transaction_commit(&transaction, NULL), 0);
    test_zone_advance(test, 30 * DAY);
    situation_step(test, move_hosts);
    situation_step(test, move_nodes);
    assert_int_equal(state_of(test, 1), HOST_PARKED);
    assert_string_equal(situation_states(test), "uPu");
}

static void lose_instance(struct host *host)
{
    host->state = HOST_WANTED;
    host->instance_id = host->address = host->node_address = host->wireguard_key = NULL;
    host->down_since = 0;
}

static void what_an_instance_takes_with_it_waits_for_the_next_or_goes(void **state)
{
    struct test_zone *test = *state;
    situation_make(test, &(struct situation){.nodes = "urui", .target = 2, .content = true});
    for (int i = 0; i < 4; i++)
        situation_change_host(test, i, lose_instance);
    situation_step(test, move_nodes);
    assert_string_equal(situation_states(test), "nDnD");
    situation_step(test, move_nodes);
    assert_int_equal(state_of(test, 0), HOST_WANTED);
    assert_int_equal(state_of(test, 1), HOST_TERMINATING);
    assert_int_equal(state_of(test, 3), HOST_TERMINATING);
}

static void a_deleted_application_leaves_all_at_once(void **state)
{
    struct test_zone *test = *state;
    situation_make(test, &(struct situation){.nodes = "urdfni", .target = 4});
    cleanup(transaction_end) struct transaction *transaction = transaction_begin(test->zone->repository);
    struct application next =
        *(const struct application *)transaction_find(transaction, RECORD_APPLICATION, TEST_APPLICATION);
    next.deleting = true;
    transaction_put(transaction, RECORD_APPLICATION, &next);
    assert_int_equal(transaction_commit(&transaction, NULL), 0);
    situation_step(test, move_hosts);
    situation_step(test, move_nodes);
    assert_string_equal(situation_states(test), "DDDDDD");
    for (int i = 0; i < 6; i++)
        assert_int_equal(state_of(test, i), i == 4 ? HOST_TERMINATING : HOST_DEPROVISIONING);
}

static void be_deprovisioned(struct host *host)
{
    host->state = HOST_DEPROVISIONED;
    host->state_since = 1767323045000;
    host->address = host->node_address = host->wireguard_key = NULL;
    host->down_since = 0;
}

static void a_deprovisioned_host_is_remembered_for_a_while(void **state)
{
    struct test_zone *test = *state;
    situation_make(test, &(struct situation){.nodes = "uu", .target = 1});
    situation_change_host(test, 1, be_deprovisioned);
    test_zone_advance(test, test->config.limits.deprovisioned_kept - 1);
    assert_int_equal(forget_hosts(test->zone, NULL), 0);
    assert_int_equal(state_of(test, 1), HOST_DEPROVISIONED);
    test_zone_advance(test, 1);
    assert_int_equal(forget_hosts(test->zone, NULL), 0);
    assert_int_equal(state_of(test, 1), -1);
    assert_int_equal(state_of(test, 0), HOST_ACTIVE);
}

#define ZONE_TEST(name) cmocka_unit_test_setup_teardown(name, test_zone_begin, test_zone_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_node_leaves_when_that_costs_nothing_any_more),
        ZONE_TEST(a_released_nodes_host_drains_and_a_failed_ones_is_kept_for_a_look),
        ZONE_TEST(a_parked_host_stays_until_somebody_lets_it_go),
        ZONE_TEST(what_an_instance_takes_with_it_waits_for_the_next_or_goes),
        ZONE_TEST(a_deleted_application_leaves_all_at_once),
        ZONE_TEST(a_deprovisioned_host_is_remembered_for_a_while),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
