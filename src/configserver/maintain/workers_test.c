/* The maintainers on their threads: nobody drives them but the bell. */
#include "configserver/maintain/workers.h"

#include "base/clock.h"
#include "base/text.h"
#include "configserver/test_zone.h"

#include <string.h>

static bool converged(struct test_zone *test)
{
    VIEW(view, test->zone->repository);
    const struct application *application = test_application(test, view);
    return application && application_converged(view, application);
}

static bool gone(struct test_zone *test)
{
    VIEW(view, test->zone->repository);
    return !test_application(test, view);
}

/* Hosts and nodes do their part until it is so. */
static void wait_until(struct test_zone *test, bool (*so)(struct test_zone *test), const char *status)
{
    for (int i = 0; i < 200 && !so(test); i++) {
        clock_sleep_ms(10);
        test_zone_advance(test, 200);
        test_hosts_arrive(test);
        if (status)
            test_nodes_report(test, status);
        else
            test_hosts_drain(test);
    }
    assert_true(so(test));
}

static void an_application_comes_and_goes_by_itself(void **state)
{
    struct test_zone *test = *state;
    struct error err;
    struct deployed deployed;
    struct zone_workers *workers;
    assert_int_equal(zone_workers_start(test->zone, &workers, &err), 0);
    assert_int_equal(test_deploy(test, TEST_SERVICES, TEST_ACCOUNT, &deployed, &err), 0);
    wait_until(test, converged, "up");
    assert_int_equal(undeploy(test->zone, TEST_APPLICATION, &err), 0);
    wait_until(test, gone, NULL);
    zone_stop(test->zone);
    zone_workers_stop(&workers);
    assert_int_equal(test_instances_in(test, TEST_ACCOUNT, INSTANCE_RUNNING), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_application_comes_and_goes_by_itself, test_zone_begin,
                                        test_zone_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
