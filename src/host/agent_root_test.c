/* The whole agent as a process: it boots, is killed, loses its control plane, is drained. Needs root and the
 * image archive, whose directory ENCLAVE_IMAGES names; ENCLAVE_HOST names the program. The tests are one
 * story, in order. */
#include "base/clock.h"
#include "base/file.h"
#include "base/process.h"
#include "base/text.h"
#include "host/test_vendor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define NODE_IP "2001:db8:1::100a"

static struct test_machine machine;
static struct vendor vendor;
static pid_t agent;

static void start_agent(void)
{
    struct error err = {0};
    struct arena *arena = machine.arena;
    const char *argv[] = {getenv("ENCLAVE_HOST"),   "--state",     machine.state, "--images",
                          getenv("ENCLAVE_IMAGES"), "--log-level", "debug",       NULL};
    const char *environment[] = {
        arena_format(arena, "AWS_EC2_METADATA_SERVICE_ENDPOINT=http://127.0.0.1:%d", vendor.metadata_port),
        arena_format(arena, "AWS_ENDPOINT_URL=http://127.0.0.1:%d", vendor.bucket_port), NULL};
    struct process process = {.argv = argv, .environment = environment};
    test_must(process_start(&process, arena_format(arena, "%s/agent.log", machine.directory), &agent, &err),
              &err);
}

static void kill_agent(void)
{
    kill(agent, SIGKILL);
    waitpid(agent, NULL, 0);
}

static bool holds(bool (*fact)(void))
{
    pthread_mutex_lock(&vendor.lock);
    bool result = fact();
    pthread_mutex_unlock(&vendor.lock);
    return result;
}

static void wait_for(bool (*fact)(void), int64_t patience_ms)
{
    for (int64_t end = clock_monotonic_ms() + patience_ms; clock_monotonic_ms() < end; clock_sleep_ms(20))
        if (holds(fact))
            return;
    char *log = NULL;
    size_t length = 0;
    file_read(machine.arena, arena_format(machine.arena, "%s/agent.log", machine.directory), 1 << 20, &log,
              &length, NULL);
    fputs(log ? log : "", stderr);
    fail_msg("it did not happen");
}

static const char *container_pid(void)
{
    char *pid = NULL;
    const char *conf = arena_format(machine.arena, "CONTAINERS_CONF=%s/containers.conf", machine.state);
    const char *argv[] = {"podman",
                          "--root",
                          arena_format(machine.arena, "%s/containers", machine.state),
                          "--runroot",
                          "/run/enclave/containers",
                          "--storage-driver",
                          "vfs",
                          "--cgroup-manager",
                          "cgroupfs",
                          "--events-backend",
                          "file",
                          "container",
                          "inspect",
                          "--format",
                          "{{.State.Pid}}",
                          "h100a",
                          NULL};
    struct process process = {.argv = argv, .environment = (const char *const[]){conf, NULL}};
    return process_run(&process, machine.arena, &pid, NULL) == 0 ? text_trim(machine.arena, pid) : "none";
}

static const char *node(const char *state)
{
    return test_node_spec(&machine, "h100a", "container", "default", NODE_IP, state, 0);
}

static int set_up(void **unused)
{
    (void)unused;
    test_machine_open(&machine);
    vendor_open(&vendor, &machine);
    vendor_want(&vendor, "provisioned", "", false);
    start_agent();
    return 0;
}

static int tear_down(void **unused)
{
    (void)unused;
    kill_agent();
    TEST_RUN(&machine, "ip", "link", "delete", "dev", "wg-enclave");
    vendor_close(&vendor);
    test_machine_close(&machine);
    return 0;
}

static bool is_ready(void)
{
    return vendor.readies > 0;
}

static bool node_is_up(void)
{
    return text_equal(vendor.node_status, "up");
}

static bool node_is_stopped(void)
{
    return text_equal(vendor.node_status, "stopped");
}

static bool host_is_drained(void)
{
    return vendor.host_drained;
}

static bool asked_again(void)
{
    return vendor.keys > 1;
}

static void a_host_that_boots_proves_itself_and_is_ready_through_its_tunnel(void **unused)
{
    (void)unused;
    int64_t begun = clock_monotonic_ms();
    wait_for(is_ready, 15 * 1000);
    print_message("ready after %lld ms\n", (long long)(clock_monotonic_ms() - begun));
    assert_int_equal(vendor.challenges, 1);
    assert_int_equal(vendor.registrations, 1);
    assert_false(vendor.wrong);
}

static void a_node_it_is_given_is_up_and_said_to_be(void **unused)
{
    (void)unused;
    int64_t begun = clock_monotonic_ms();
    vendor_want(&vendor, "active", node("active"), false);
    wait_for(node_is_up, 30 * 1000);
    print_message("node up after %lld ms\n", (long long)(clock_monotonic_ms() - begun));
    assert_string_equal(vendor.node_image, "localhost/enclave/album-search:1");
    assert_int_equal(vendor.registrations, 2);
    assert_false(vendor.wrong);
}

static void killed_in_the_middle_of_it_all_it_goes_on_where_it_was(void **unused)
{
    (void)unused;
    const char *before = container_pid();
    for (int i = 0; i < 5; i++) {
        kill_agent();
        vendor.node_status = NULL;
        start_agent();
        clock_sleep_ms(i < 4 ? 40 * i * i : 0);
    }
    wait_for(node_is_up, 30 * 1000);
    assert_string_equal(container_pid(), before);
    assert_int_equal(vendor.registrations, 2); /* identities were kept */
}

static void without_a_control_plane_a_new_agent_keeps_the_node_running(void **unused)
{
    (void)unused;
    const char *before = container_pid();
    vendor_leave(&vendor);
    kill_agent();
    start_agent();
    clock_sleep_ms(1500);
    assert_string_equal(container_pid(), before);
    TEST_RUN(&machine, "kill", "-9", before);
    clock_sleep_ms(500); /* it is gone by now */
    bool serves = false;
    for (int i = 0; i < 100 && !serves; i++, clock_sleep_ms(100))
        serves = test_connects(&machine, "outside", NODE_IP, 4443);
    assert_true(serves);
    assert_string_not_equal(container_pid(), before);

    vendor.node_status = NULL;
    vendor.keys = 1; /* for asked_again */
    vendor_return(&vendor);
    wait_for(asked_again, 90 * 1000);
    wait_for(node_is_up, 90 * 1000);
}

static void a_host_that_is_drained_has_put_its_last_log_into_the_bucket(void **unused)
{
    (void)unused;
    vendor_want(&vendor, "deprovisioning", node("active"), true);
    wait_for(host_is_drained, 60 * 1000);
    wait_for(node_is_stopped, 10 * 1000);
    bool vespa = false;
    for (int i = 0; i < vendor.objects; i++)
        vespa |= text_starts(vendor.object_keys[i], "acme/albums/default/default/h100/logs/vespa/vespa.log-");
    assert_true(vespa);
    assert_true(vendor.metrics > 0);
}

static void a_node_that_is_taken_away_leaves_nothing_behind(void **unused)
{
    (void)unused;
    vendor_want(&vendor, "deprovisioning", "", false);
    const char *path = arena_format(machine.arena, "%s/nodes/h100a", machine.state);
    for (int i = 0; i < 300 && file_exists(path); i++)
        clock_sleep_ms(100);
    assert_false(file_exists(path));
    assert_false(file_exists("/run/netns/node-h100a"));
    assert_string_equal(container_pid(), "none");
}

static int story(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_host_that_boots_proves_itself_and_is_ready_through_its_tunnel),
        cmocka_unit_test(a_node_it_is_given_is_up_and_said_to_be),
        cmocka_unit_test(killed_in_the_middle_of_it_all_it_goes_on_where_it_was),
        cmocka_unit_test(without_a_control_plane_a_new_agent_keeps_the_node_running),
        cmocka_unit_test(a_host_that_is_drained_has_put_its_last_log_into_the_bucket),
        cmocka_unit_test(a_node_that_is_taken_away_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

int main(void)
{
    if (geteuid() != 0 || !getenv("ENCLAVE_IMAGES") || !getenv("ENCLAVE_HOST"))
        return 77; /* skipped */
    return test_machine_run(story);
}
