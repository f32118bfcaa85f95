/* What a deployment writes, and how what it does not take is refused. */
#include "base/text.h"
#include "configserver/test_zone.h"

#include <string.h>

#define SERVICES(web, albums)   "<services><container id='web'>" web "</container>" albums "</services>"
#define ALBUMS(nodes)           "<content id='albums'>" nodes "</content>"
#define NODES(count)            "<nodes count='" count "' required='true'/>"
#define SIZED(count, resources) "<nodes count='" count "' required='true'><resources " resources "/></nodes>"

/* Kinds become HTTP's statuses, 400 and 409; the codes are Vespa's, by which the controller ends the run. */
static void each_refusal_has_vespas_code(void **state)
{
    struct test_zone *test = *state;
    static const struct {
        struct test_package package;
        const char *code, *words;
    } cases[] = {
        {{.services = "<services><container/></services>"},
         "INVALID_APPLICATION_PACKAGE",
         "services.xml: <container>"},
        {{.services = SERVICES(SIZED("1", "vcpu='192' memory='2000Gb'"), ALBUMS(""))},
         "INVALID_APPLICATION_PACKAGE",
         "services.xml: cluster 'web' (line 1): <resources>: no x86_64 instance type has 192 vcpu, 2000 GB "
         "of "
         "memory; the nearest, r6a.48xlarge, has 192 vcpu, 1536 GB"},
        {{.services = SERVICES(SIZED("1", "architecture='arm64'"), ALBUMS(""))},
         "INVALID_APPLICATION_PACKAGE",
         "architecture='arm64' is not one this zone has a host image for: x86_64"},
        {{.services = SERVICES(SIZED("1", "storage-type='local'"), ALBUMS(""))},
         "INVALID_APPLICATION_PACKAGE",
         "storage-type='local' is not offered"},
        {{.services = SERVICES(NODES("1"), "")}, "INVALID_APPLICATION_PACKAGE", "content-cluster-removal"},
        {{.services = SERVICES(NODES("100"), ALBUMS(NODES("1")))}, "QUOTA_EXCEEDED", "asks for 101 nodes"},
        {{.deployment = "<deployment version='1.0'/>"},
         "INVALID_APPLICATION_PACKAGE",
         "gives no cloud-account"},
        {{.account = OTHER_ACCOUNT}, "BAD_REQUEST", "cannot move to aws:" OTHER_ACCOUNT},
    };
    test->config.limits.application_hosts = 100;
    test_bring_up(test);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct error err = {0};
        struct deployed deployed;
        assert_int_equal(test_deploy_package(test, &cases[i].package, &deployed, &err), -1);
        if (!strstr(err.message, cases[i].words))
            fail_msg("'%s' does not say '%s'", err.message, cases[i].words);
        assert_string_equal(err.code, cases[i].code);
        assert_int_equal(err.kind, ERROR_INVALID);
    }
    assert_int_equal(undeploy(test->zone, TEST_APPLICATION, NULL), 0);
    struct error err = {0};
    struct deployed deployed;
    const struct test_package again = {0};
    assert_int_equal(test_deploy_package(test, &again, &deployed, &err), -1);
    assert_string_equal(err.code, "ACTIVATION_CONFLICT");
    assert_int_equal(err.kind, ERROR_CONFLICT);
}

static void what_a_cluster_asks_for_is_written_as_it_was_asked(void **state)
{
    struct test_zone *test = *state;
    const struct test_package package = {
        .services = SERVICES(
            "", ALBUMS(SIZED("[2, 8]", "vcpu='[4, 8]' memory='[16Gb, 32Gb]' max-cost-factor='1.2'"))),
        .deployment =
            "<deployment version='1.0' cloud-account='aws:" TEST_ACCOUNT "' empty-host-ttl='15m'/>"};
    struct deployed deployed;
    struct error err = {0};
    if (test_deploy_package(test, &package, &deployed, &err) < 0)
        fail_msg("%s", err.message);
    VIEW(view, test->zone->repository);
    const struct application *application = test_application(test, view);
    const struct cluster *cluster = application_cluster(application, "albums");
    assert_int_equal(application->empty_host_ttl_ms, 15 * 60 * 1000);
    const struct log_line *last = &application->log[application->log_count - 1];
    assert_string_equal(last->level, "warning"); /* nothing keeps hosts for it */
    assert_non_null(strstr(last->message, "empty-host-ttl"));
    assert_int_equal(cluster->count, 2);
    assert_true(cluster->vcpu == 4 && cluster->memory_gb == 16 && cluster->max_cost_factor > 1.1);
    assert_string_equal(cluster->instance_type, "m6a.xlarge");
    assert_int_equal(cluster->other_type_count, 2); /* m6i and m7i; all others cost a fifth more */
    assert_string_equal(application->availability_zones[0], "use1-az6");
}

static void what_cannot_be_written_down_is_refused_and_ends_nothing(void **state)
{
    struct test_zone *test = *state;
    const struct test_package package = {0};
    memset(test->cloud_state->bucket, 'b', 100); /* in an account's tag there may be anything */
    test_refuses(test, &package, TEST_APPLICATION " cannot be deployed: ");
    VIEW(view, test->zone->repository);
    assert_int_equal(view_count(view, RECORD_APPLICATION), 0);
}

static void more_hosts_than_an_application_may_want_are_refused(void **state)
{
    struct test_zone *test = *state;
    test->config.limits.application_hosts = 3;
    const struct test_package many = {.services = SERVICES(NODES("2"), ALBUMS(NODES("2")))};
    test_refuses(test, &many,
                 "asks for 4 nodes, each with a host of its own; an application may have 3 here");
}

static void a_dry_run_says_what_would_change_and_changes_nothing(void **state)
{
    struct test_zone *test = *state;
    test_bring_up(test);
    const struct test_package dry = {.services = SERVICES(NODES("2"), ALBUMS(SIZED("1", "memory='32Gb'"))),
                                     .dry_run = true};
    struct deployed deployed;
    struct error err = {0};
    if (test_deploy_package(test, &dry, &deployed, &err) < 0)
        fail_msg("%s", err.message);
    assert_false(deployed.changed);
    assert_int_equal(deployed.generation, 1);
    assert_non_null(strstr(deployed.message, "2 new hosts, 1 nodes to leave, 0 taken back"));
    VIEW(view, test->zone->repository);
    assert_int_equal(view_count(view, RECORD_HOST), 2);
    assert_int_equal(test_application(test, view)->generation, 1);
}

static void tags_are_written_with_their_variables_replaced(void **state)
{
    struct test_zone *test = *state;
    const struct test_package package = {
        .deployment = "<deployment version='1.0' cloud-account='aws:" TEST_ACCOUNT "'><resource-tags>"
                      "<tag key='team' value='${tenant}-${clustername}'/></resource-tags></deployment>"};
    struct deployed deployed;
    struct error err = {0};
    if (test_deploy_package(test, &package, &deployed, &err) < 0)
        fail_msg("%s", err.message);
    VIEW(view, test->zone->repository);
    const struct cluster *cluster = application_cluster(test_application(test, view), "albums");
    assert_string_equal(cluster->tags[0].value, "acme-albums");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, test_zone_begin, test_zone_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_refusal_has_vespas_code),
        TEST(what_a_cluster_asks_for_is_written_as_it_was_asked),
        TEST(what_cannot_be_written_down_is_refused_and_ends_nothing),
        TEST(more_hosts_than_an_application_may_want_are_refused),
        TEST(a_dry_run_says_what_would_change_and_changes_nothing),
        TEST(tags_are_written_with_their_variables_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
