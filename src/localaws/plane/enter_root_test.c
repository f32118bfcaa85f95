/* Going into machines: programs run in them and connections made from them; needs root. */
#include "localaws/plane/enter.h"

#include "localaws/plane/world_fixture_test.h"

#include "base/buffer.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static int raise_world(void **state)
{
    static const char *const arguments[] = {"/bin/sh", "-c", "exec nc -l -k 127.0.0.1 2222 >/dev/null", NULL};
    static const struct plane_image image = {"ami-shell", arguments, NULL, NULL};
    if (world_raise_empty(state) < 0)
        return -1;
    world_start_machine(&world, MACHINE_A, &image, NULL);
    plane_settle(world.plane);
    return 0;
}

static void read_all(int descriptor, struct buffer *out)
{
    char bytes[4096];
    for (ssize_t got; (got = read(descriptor, bytes, sizeof bytes)) > 0;)
        buffer_append(out, bytes, (size_t)got);
}

/* What a shell of the machine says to a script, with its exit status. */
static int say(const char *script, struct buffer *out)
{
    const char *const arguments[] = {"/bin/sh", "-c", script, NULL};
    const struct plane_program program = {.argv = arguments};
    cleanup(plane_process_close) struct plane_process process;
    struct error err = {0};
    assert_int_equal(plane_run_in_instance(world.plane, MACHINE_A, &program, &process, &err), 0);
    file_close(&process.input);
    read_all(process.output, out);
    return plane_process_wait(&process);
}

static void a_program_runs_in_every_namespace_of_the_machine(void **state)
{
    (void)state;
    cleanup(buffer_free) struct buffer out = buffer_new(65536);
    assert_int_equal(say("hostname; cat /proc/1/comm; ip -br addr; id -u; exit 7", &out), 7);
    const char *text = buffer_string(&out);
    assert_non_null(strstr(text, MACHINE_A));
    assert_non_null(strstr(text, "localaws-init"));
    assert_non_null(strstr(text, "10.1.1.10"));
}

static void a_program_has_no_more_rights_than_the_machines_own(void **state)
{
    (void)state;
    cleanup(buffer_free) struct buffer mine = buffer_new(65536);
    cleanup(buffer_free) struct buffer its = buffer_new(65536);
    say("grep CapBnd /proc/self/status", &mine);
    say("grep CapBnd /proc/$(pgrep -x nc | head -1)/status", &its);
    assert_string_equal(buffer_string(&mine), buffer_string(&its));
    assert_true(mine.length > 0);
}

static void ending_a_program_ends_all_that_it_started(void **state)
{
    (void)state;
    const char *const arguments[] = {"/bin/sh", "-c",
                                     "setsid sleep 3217 & sleep 3217 & echo ready; sleep 3217", NULL};
    const struct plane_program program = {.argv = arguments};
    struct plane_process process;
    assert_int_equal(plane_run_in_instance(world.plane, MACHINE_A, &program, &process, NULL), 0);
    char ready[6];
    assert_int_equal(read(process.output, ready, sizeof ready), 6);
    plane_process_end(&process);
    assert_int_equal(plane_process_wait(&process), -1);
    plane_process_close(&process);
    cleanup(buffer_free) struct buffer left = buffer_new(4096);
    assert_int_equal(say("pgrep -fx 'sleep 3217'", &left), 1);
    assert_string_equal(buffer_string(&left), "");
}

static void what_a_program_left_behind_lives_on_when_it_ends_by_itself(void **state)
{
    (void)state;
    cleanup(buffer_free) struct buffer out = buffer_new(4096);
    assert_int_equal(say("setsid sleep 3218 >/dev/null 2>&1 & exit 0", &out), 0);
    assert_int_equal(say("pkill -fx 'sleep 3218'", &out), 0);
}

static void a_terminal_is_one_of_the_machines(void **state)
{
    (void)state;
    const char *const arguments[] = {"/bin/sh", "-c", "tty; stty size; echo done >/dev/tty", NULL};
    const struct plane_program program = {.argv = arguments, .terminal = true};
    cleanup(plane_process_close) struct plane_process process;
    assert_int_equal(plane_run_in_instance(world.plane, MACHINE_A, &program, &process, NULL), 0);
    cleanup(buffer_free) struct buffer out = buffer_new(4096);
    read_all(process.output, &out);
    assert_int_equal(plane_process_wait(&process), 0);
    assert_non_null(strstr(buffer_string(&out), "/dev/pts/"));
    assert_non_null(strstr(buffer_string(&out), "done"));
}

static void a_connection_reaches_what_listens_on_the_machines_loopback(void **state)
{
    (void)state;
    cleanup(file_close) int socket = -1;
    int64_t until = clock_monotonic_ms() + 5000;
    while (plane_connect_in_instance(world.plane, MACHINE_A, "127.0.0.1", 2222, &socket, NULL) < 0 &&
           clock_monotonic_ms() < until)
        clock_sleep_ms(20);
    assert_true(socket >= 0);
    struct error err = {0};
    int other = -1;
    assert_int_equal(plane_connect_in_instance(world.plane, MACHINE_A, "127.0.0.1", 2223, &other, &err), -1);
    assert_int_equal(err.kind, ERROR_UNAVAILABLE);
}

static void a_machine_that_does_not_run_is_not_found(void **state)
{
    (void)state;
    const char *const arguments[] = {"/bin/true", NULL};
    const struct plane_program program = {.argv = arguments};
    struct plane_process process;
    struct error err = {0};
    assert_int_equal(plane_run_in_instance(world.plane, MACHINE_B, &program, &process, &err), -1);
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_program_runs_in_every_namespace_of_the_machine),
        cmocka_unit_test(a_program_has_no_more_rights_than_the_machines_own),
        cmocka_unit_test(ending_a_program_ends_all_that_it_started),
        cmocka_unit_test(what_a_program_left_behind_lives_on_when_it_ends_by_itself),
        cmocka_unit_test(a_terminal_is_one_of_the_machines),
        cmocka_unit_test(a_connection_reaches_what_listens_on_the_machines_loopback),
        cmocka_unit_test(a_machine_that_does_not_run_is_not_found),
    };
    if (geteuid() != 0)
        return 77;
    log_open("plane-test", LOG_LEVEL_WARNING, false);
    return cmocka_run_group_tests(tests, raise_world, world_lower);
}
