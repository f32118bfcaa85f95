/* The pace of calls against a cloud that only counts, on a clock that only the test moves. */
#include "configserver/cloud/paced.h"

#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static int64_t now_ms;
static int launched, listed;
static bool too_fast;

static int64_t now(void *context)
{
    (void)context;
    return now_ms;
}

static uint64_t chance(void *context)
{
    (void)context;
    return 0;
}

static const struct environment environment = {NULL, now, chance};
static const struct account ours = {"210987654321", "acme", "x"}, theirs = {"333333333333", "globex", "x"};

static int launch(void *context, const struct account *account, const struct place *place,
                  const struct launch *launch, struct arena *arena, struct instance *instances,
                  struct error *err)
{
    (void)context, (void)account, (void)place, (void)arena, (void)instances;
    launched += (int)launch->host_count;
    return too_fast ? error_code(err, ERROR_THROTTLED, "RequestLimitExceeded", "too fast") : 0;
}

static int list(void *context, const struct account *account, const char *owner, struct arena *arena,
                struct instance **instances, size_t *count, struct error *err)
{
    (void)context, (void)account, (void)owner, (void)arena, (void)instances, (void)count, (void)err;
    listed++;
    return 0;
}

static const struct cloud counting = {.launch = launch, .list = list};
static struct paced_cloud *paced;

static int begin(void **state)
{
    (void)state;
    now_ms = 1767323045000;
    launched = listed = 0;
    too_fast = false;
    paced = paced_cloud_new(&counting, &environment);
    return 0;
}

static int end(void **state)
{
    (void)state;
    paced_cloud_free(&paced);
    return 0;
}

static int ask(const struct account *account, size_t hosts, struct error *err)
{
    const struct cloud *cloud = paced_cloud_interface(paced);
    const struct launch wanted = {.host_count = hosts};
    return cloud->launch(cloud->context, account, NULL, &wanted, NULL, NULL, err);
}

/* How many calls get through within so many seconds of asking every 50 ms. */
static int get_through(const struct account *account, size_t hosts, int seconds)
{
    int done = 0;
    for (int i = 0; i < seconds * 20; i++, now_ms += 50) {
        struct error err = {0};
        done += ask(account, hosts, &err) == 0;
    }
    return done;
}

static void launches_burst_and_then_go_at_the_rate_of_ec2(void **state)
{
    (void)state;
    struct error err = {0};
    assert_in_range(get_through(&ours, 1, 10), 24, 25); /* 5 and 2 a second */
    ask(&ours, 1, &err);
    assert_int_equal(ask(&ours, 1, &err), -1);
    assert_true(cloud_held_back(&err));
    assert_int_equal(err.kind, ERROR_THROTTLED);
    assert_int_equal(ask(&theirs, 1, &err), 0);
}

static void a_thousand_instances_are_a_burst_and_then_two_a_second(void **state)
{
    (void)state;
    assert_int_equal(get_through(&ours, 50, 10), 20);
    assert_int_equal(get_through(&ours, 50, 50), 2); /* 10 s had gone by meanwhile */
}

static void a_throttled_family_slows_down_alone_and_recovers(void **state)
{
    (void)state;
    struct error err = {0};
    struct instance *instances;
    size_t count;
    const struct cloud *cloud = paced_cloud_interface(paced);
    too_fast = true;
    assert_int_equal(ask(&ours, 1, &err), -1);
    assert_false(cloud_held_back(&err));
    assert_int_equal(ask(&ours, 1, &err), -1); /* the burst is gone */
    assert_true(cloud_held_back(&err));
    for (int i = 0; i < 100; i++, now_ms += 50)
        ask(&ours, 1, &err);
    assert_in_range(launched, 2, 5);
    too_fast = false;
    int slow = get_through(&ours, 1, 10);
    now_ms += 60000;
    get_through(&ours, 1, 3);
    int recovered = get_through(&ours, 1, 10);
    assert_true(slow < 12);
    assert_in_range(recovered, 19, 21);
    assert_int_equal(cloud->list(cloud->context, &ours, "o", NULL, &instances, &count, &err), 0);
    assert_int_equal(get_through(&theirs, 1, 1), 6);
}

static void calls_are_counted_by_what_became_of_them(void **state)
{
    (void)state;
    struct error err = {0};
    for (int i = 0; i < 7; i++)
        ask(&ours, 1, &err);
    too_fast = true;
    ask(&theirs, 1, &err);
    struct cloud_calls calls = paced_cloud_calls(paced, CLOUD_LAUNCHES);
    assert_int_equal(calls.made, 6);
    assert_int_equal(calls.held_back, 2);
    assert_int_equal(calls.throttled, 1);
    assert_int_equal(calls.failed, 0);
    assert_int_equal(paced_cloud_calls(paced, CLOUD_LOOKS).made, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(launches_burst_and_then_go_at_the_rate_of_ec2),
        TEST(a_thousand_instances_are_a_burst_and_then_two_a_second),
        TEST(a_throttled_family_slows_down_alone_and_recovers),
        TEST(calls_are_counted_by_what_became_of_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
