/* Who has the line when: a poll never keeps the regular report waiting for another poll, nor the other way.
 */
#include "host/line.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { LONG_MS = 20 * 1000, SHORT_MS = 20, POLLS = 200 };

struct polling {
    struct agent agent;
    pthread_t thread;
    atomic_int polls;
    atomic_bool ends;
    int busy; /* by who has the line, so that a second would be seen */
};

static int begin(void **state)
{
    struct polling *polling = memory_alloc(sizeof *polling);
    pthread_mutex_init(&polling->agent.lock, NULL);
    pthread_cond_init(&polling->agent.changed, NULL);
    *state = polling;
    return 0;
}

static int end(void **state)
{
    struct polling *polling = *state;
    pthread_cond_destroy(&polling->agent.changed);
    pthread_mutex_destroy(&polling->agent.lock);
    free(polling);
    return 0;
}

static void *poll_on(void *context)
{
    struct polling *polling = context;
    while (!atomic_load(&polling->ends)) {
        line_take(&polling->agent);
        polling->busy++;
        clock_sleep_ms(1);
        polling->busy--;
        line_give(&polling->agent);
        atomic_fetch_add(&polling->polls, 1);
    }
    return NULL;
}

/* Its poller takes it again at once, each time. */
static void the_regular_report_comes_between_two_polls(void **state)
{
    struct polling *polling = *state;
    uint64_t never = 0;
    assert_int_equal(pthread_create(&polling->thread, NULL, poll_on, polling), 0);
    for (int i = 0; i < POLLS; i++) {
        assert_true(line_take_before_poll(&polling->agent, &never, 0, LONG_MS));
        assert_int_equal(polling->busy, 0);
        int polls = atomic_load(&polling->polls);
        clock_sleep_ms(1);
        assert_in_range(atomic_load(&polling->polls) - polls, 0, 1); /* the last one's count may come late */
        line_give(&polling->agent);
    }
    int polls = atomic_load(&polling->polls);
    for (int i = 0; i < LONG_MS && atomic_load(&polling->polls) < polls + 2; i++)
        clock_sleep_ms(1); /* and polls go on */
    assert_true(atomic_load(&polling->polls) >= polls + 2);
    atomic_store(&polling->ends, true);
    pthread_join(polling->thread, NULL);
}

static void who_waits_too_long_goes_without(void **state)
{
    struct polling *polling = *state;
    uint64_t never = 0;
    line_take(&polling->agent);
    assert_false(line_take_before_poll(&polling->agent, &never, 0, SHORT_MS));
    line_give(&polling->agent);
    line_take(&polling->agent); /* nobody wants it any more */
    line_give(&polling->agent);
}

static void *change(void *context)
{
    struct agent *agent = context;
    clock_sleep_ms(SHORT_MS);
    agent_count(agent, &agent->view_changes);
    return NULL;
}

static void news_end_the_wait(void **state)
{
    struct polling *polling = *state;
    struct agent *agent = &polling->agent;
    int64_t begun = clock_monotonic_ms();
    line_take(agent);
    assert_int_equal(pthread_create(&polling->thread, NULL, change, agent), 0);
    assert_false(line_take_before_poll(agent, &agent->view_changes, 0, LONG_MS));
    assert_true(clock_monotonic_ms() - begun < LONG_MS);
    pthread_join(polling->thread, NULL);
    line_give(agent);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_regular_report_comes_between_two_polls),
        TEST(who_waits_too_long_goes_without),
        TEST(news_end_the_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
