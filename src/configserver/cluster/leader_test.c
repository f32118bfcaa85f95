/* Two config servers of a zone on one store: one leads, the other follows, and neither writes out of turn. */
#include "base/clock.h"
#include "base/text.h"
#include "configserver/cluster/leader.h"
#include "configserver/test_zone.h"

#include <string.h>

struct half {
    struct zone *zone;
    struct config_servers servers;
    struct leader *leader;
};

struct pair {
    struct test_zone *test;
    struct config config; /* the second's */
    struct half first, second;
};

static void join(struct pair *pair, struct half *half, struct zone *zone)
{
    half->zone = zone;
    config_servers_init(&half->servers, zone->config, 1, pair->test->arena);
    half->leader = leader_new(zone, pair->test->store, &half->servers);
    zone->servers = &half->servers;
    zone->leader = half->leader;
    leader_session(half->leader, STORE_CONNECTED);
}

static int begin(void **state)
{
    void *test;
    struct error err;
    if (test_zone_begin(&test) < 0)
        return -1;
    struct pair *pair = memory_alloc(sizeof *pair);
    pair->test = test;
    static struct config_server all[] = {{1, "2001:db8:f::1"}, {2, "2001:db8:f::2"}};
    pair->test->config.servers = all;
    pair->test->config.server_count = COUNT_OF(all);
    pair->config = pair->test->config;
    pair->config.index = 2;
    const struct zone_parts parts = {&pair->config,      pair->test->store,     &pair->test->cloud,
                                     &pair->test->peers, &pair->test->attestor, pair->test->zone->environment,
                                     .follower = true};
    struct zone *second;
    if (zone_open(&parts, &second, &err) < 0)
        fail_msg("%s", err.message);
    join(pair, &pair->first, pair->test->zone);
    join(pair, &pair->second, second);
    *state = pair;
    return 0;
}

static int end(void **state)
{
    struct pair *pair = *state;
    leader_stop(pair->second.leader);
    leader_stop(pair->first.leader);
    zone_close(&pair->second.zone);
    pair->test->zone->servers = NULL;
    void *test = pair->test;
    test_zone_end(&test); /* closes the store, too: its watches may call the leaders until then */
    leader_free(&pair->second.leader);
    leader_free(&pair->first.leader);
    free(pair);
    return 0;
}

static bool leads(const struct half *half)
{
    return atomic_load(&half->servers.leads);
}

/* Who steps first has the lead. */
static void elect(struct pair *pair)
{
    leader_step(pair->first.leader);
    leader_step(pair->second.leader);
    leader_step(pair->first.leader);
    assert_true(leads(&pair->first));
    assert_false(leads(&pair->second));
}

static int deploy_at(struct pair *pair, struct half *half, struct error *err)
{
    struct deployed deployed;
    struct zone *ours = pair->test->zone;
    pair->test->zone = half->zone;
    int result = test_deploy(pair->test, TEST_SERVICES, TEST_ACCOUNT, &deployed, err);
    pair->test->zone = ours;
    return result;
}

static bool has_application(const struct half *half)
{
    VIEW(view, half->zone->repository);
    return view_find(view, RECORD_APPLICATION, TEST_APPLICATION);
}

static void one_leads_and_the_other_has_what_it_writes(void **state)
{
    struct pair *pair = *state;
    struct error err = {0};
    elect(pair);
    assert_int_equal(atomic_load(&pair->second.servers.leader), 1);
    assert_int_equal(deploy_at(pair, &pair->first, &err), 0);
    assert_false(has_application(&pair->second));
    leader_step(pair->second.leader);
    assert_true(has_application(&pair->second));
    assert_int_equal(repository_sequence(pair->second.zone->repository),
                     repository_sequence(pair->first.zone->repository));
}

static void a_follower_writes_nothing(void **state)
{
    struct pair *pair = *state;
    struct error err = {0};
    elect(pair);
    assert_int_equal(deploy_at(pair, &pair->second, &err), -1);
    assert_int_equal(err.kind, ERROR_UNAVAILABLE);
    assert_false(has_application(&pair->first));
}

static void a_leader_whose_store_is_away_decides_nothing_until_it_is_back(void **state)
{
    struct pair *pair = *state;
    elect(pair);
    int64_t epoch = repository_epoch(pair->first.zone->repository);
    leader_session(pair->first.leader, STORE_SUSPENDED);
    assert_false(leads(&pair->first));
    leader_step(pair->first.leader);
    assert_false(leads(&pair->first));
    leader_session(pair->first.leader, STORE_CONNECTED);
    leader_step(pair->first.leader);
    assert_true(leads(&pair->first));
    assert_int_equal(repository_epoch(pair->first.zone->repository), epoch);
}

/* What the store does when the leader's session is over: its record goes, whether it knows or not. */
static void end_session(struct pair *pair)
{
    assert_int_equal(store_delete(pair->test->store, "/enclave/v1/leading", STORE_ANY_VERSION, NULL),
                     STORE_OK);
}

static void a_leader_that_was_deposed_and_does_not_know_it_writes_nothing(void **state)
{
    struct pair *pair = *state;
    struct error err = {0};
    elect(pair);
    end_session(pair);
    leader_step(pair->second.leader);
    leader_step(pair->second.leader);
    assert_true(leads(&pair->second));
    assert_true(leads(&pair->first)); /* it believes so */
    assert_int_equal(deploy_at(pair, &pair->first, &err), -1);
    assert_int_equal(err.kind, ERROR_UNAVAILABLE);
    assert_int_equal(deploy_at(pair, &pair->second, &err), 0);
    leader_step(pair->first.leader);
    assert_false(leads(&pair->first));
    assert_int_equal(atomic_load(&pair->first.servers.leader), 2);
    leader_step(pair->first.leader);
    assert_true(has_application(&pair->first));
}

static void when_its_session_ends_a_leader_follows_and_may_lead_again(void **state)
{
    struct pair *pair = *state;
    elect(pair);
    int64_t epoch = repository_epoch(pair->first.zone->repository);
    leader_session(pair->first.leader, STORE_EXPIRED);
    end_session(pair);
    assert_false(leads(&pair->first));
    leader_step(pair->first.leader);
    assert_false(repository_leads(pair->first.zone->repository));
    leader_session(pair->first.leader, STORE_CONNECTED);
    leader_step(pair->first.leader);
    leader_step(pair->first.leader);
    assert_true(leads(&pair->first));
    assert_true(repository_epoch(pair->first.zone->repository) > epoch);
    leader_step(pair->second.leader);
    assert_false(leads(&pair->second));
}

static void who_stops_gives_the_lead_away(void **state)
{
    struct pair *pair = *state;
    elect(pair);
    leader_stop(pair->first.leader);
    assert_false(leads(&pair->first));
    leader_step(pair->second.leader);
    leader_step(pair->second.leader);
    assert_true(leads(&pair->second));
}

static void wait_for(const struct half *half, bool wanted)
{
    for (int64_t until = clock_monotonic_ms() + 5000; leads(half) != wanted; clock_sleep_ms(2))
        if (clock_monotonic_ms() > until)
            fail_msg("not within five seconds");
}

static void the_other_takes_the_lead_and_new_records_without_being_asked(void **state)
{
    struct pair *pair = *state;
    struct error err = {0};
    assert_int_equal(leader_start(pair->first.leader, &err), 0);
    wait_for(&pair->first, true);
    assert_int_equal(leader_start(pair->second.leader, &err), 0);
    int64_t start = clock_monotonic_ms();
    assert_int_equal(deploy_at(pair, &pair->first, &err), 0);
    leader_wait_for(pair->second.leader, repository_sequence(pair->first.zone->repository), 5000);
    assert_true(has_application(&pair->second));
    leader_stop(pair->first.leader);
    wait_for(&pair->second, true);
    assert_in_range(clock_monotonic_ms() - start, 0, 800); /* less than a look: watches did it */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_leads_and_the_other_has_what_it_writes),
        TEST(a_follower_writes_nothing),
        TEST(a_leader_whose_store_is_away_decides_nothing_until_it_is_back),
        TEST(a_leader_that_was_deposed_and_does_not_know_it_writes_nothing),
        TEST(when_its_session_ends_a_leader_follows_and_may_lead_again),
        TEST(who_stops_gives_the_lead_away),
        TEST(the_other_takes_the_lead_and_new_records_without_being_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
