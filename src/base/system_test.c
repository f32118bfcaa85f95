/* What base does with the system: files, processes, time, XML, memory. */
#include "base/buffer.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/process.h"
#include "base/text.h"
#include "base/xml.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[] = "/tmp/enclave-base-XXXXXX";
static struct arena *arena;

static int set_up(void **state)
{
    (void)state;
    arena = arena_new();
    return mkdtemp(directory) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(&arena);
    return tree_remove(directory, NULL);
}

static void a_written_file_has_its_bytes_and_mode_and_leaves_no_other(void **state)
{
    (void)state;
    char *path = arena_format(arena, "%s/a/b", directory), *text;
    size_t length;
    struct stat status;
    assert_int_equal(directory_make(arena_format(arena, "%s/a", directory), 0755, NULL), 0);
    assert_int_equal(file_write(path, "one", 3, 0600, NULL), 0);
    assert_int_equal(file_write(path, "two!", 4, 0640, NULL), 0);
    assert_int_equal(file_read(arena, path, 100, &text, &length, NULL), 0);
    assert_string_equal(text, "two!");
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0640);
    assert_int_equal(rmdir(arena_format(arena, "%s/a", directory)), -1);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(arena_format(arena, "%s/a", directory)), 0);
}

static void a_file_over_the_limit_is_refused(void **state)
{
    (void)state;
    char *path = arena_format(arena, "%s/big", directory), *text;
    struct error err = {0};
    assert_int_equal(file_write(path, "0123456789", 10, 0600, NULL), 0);
    assert_int_equal(file_read(arena, path, 9, &text, NULL, &err), -1);
    assert_int_equal(err.kind, ERROR_INVALID);
    assert_int_equal(file_read(arena, "/nonexistent", 9, &text, NULL, &err), -1);
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
}

static void a_lock_is_held_once(void **state)
{
    (void)state;
    char *path = arena_format(arena, "%s/lock", directory);
    cleanup(file_close) int first = -1;
    cleanup(file_close) int second = -1;
    struct error err = {0};
    assert_int_equal(file_lock(path, &first, NULL), 0);
    assert_int_equal(file_lock(path, &second, &err), -1);
    assert_int_equal(err.kind, ERROR_CONFLICT);
}

static void a_tree_is_removed_without_following_links(void **state)
{
    (void)state;
    char *tree = arena_format(arena, "%s/tree", directory);
    char *kept = arena_format(arena, "%s/kept", directory);
    assert_int_equal(file_write(kept, "x", 1, 0600, NULL), 0);
    assert_int_equal(directory_make(arena_format(arena, "%s/in/side", tree), 0755, NULL), 0);
    assert_int_equal(symlink(directory, arena_format(arena, "%s/in/link", tree)), 0);
    assert_int_equal(tree_remove(tree, NULL), 0);
    assert_false(file_exists(tree));
    assert_true(file_exists(kept));
    assert_int_equal(tree_remove(tree, NULL), 0);
}

static void a_process_gets_input_and_gives_output(void **state)
{
    (void)state;
    char *output;
    const struct process process = {
        .argv = (const char *const[]){"cat", NULL}, .input = "hello\n", .input_length = 6};
    assert_int_equal(process_run(&process, arena, &output, NULL), 0);
    assert_string_equal(output, "hello\n");
}

static void a_large_input_does_not_block_on_a_large_output(void **state)
{
    (void)state;
    size_t size = 600000;
    char *input = arena_alloc(arena, size + 1), *output;
    memset(input, 'x', size);
    const struct process process = {
        .argv = (const char *const[]){"cat", NULL}, .input = input, .input_length = size};
    assert_int_equal(process_run(&process, arena, &output, NULL), 0);
    assert_int_equal(strlen(output), size);
}

static void a_failing_process_says_its_status_and_last_line(void **state)
{
    (void)state;
    struct error err = {0};
    const struct process process = {
        .argv = (const char *const[]){"sh", "-c", "echo first; echo why; exit 3", NULL}};
    assert_int_equal(process_run(&process, arena, NULL, &err), -1);
    assert_string_equal(err.message, "sh exited with 3: why");
    const struct process absent = {.argv = (const char *const[]){"no-such-program", NULL}};
    assert_int_equal(process_run(&absent, arena, NULL, &err), -1);
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
}

static void a_process_that_hangs_is_ended(void **state)
{
    (void)state;
    struct error err = {0};
    int64_t begun = clock_monotonic_ms();
    const struct process process = {.argv = (const char *const[]){"sleep", "60", NULL}, .timeout_ms = 50};
    assert_int_equal(process_run(&process, arena, NULL, &err), -1);
    assert_int_equal(err.kind, ERROR_UNAVAILABLE);
    assert_true(clock_monotonic_ms() - begun < 30000);
}

static void a_process_can_be_started_and_stopped(void **state)
{
    (void)state;
    pid_t pid;
    const struct process process = {.argv = (const char *const[]){"sleep", "60", NULL}};
    assert_int_equal(process_start(&process, NULL, &pid, NULL), 0);
    process_stop(pid, 5000);
    assert_int_equal(kill(pid, 0), -1);
}

static void environment_additions_replace_what_is_there(void **state)
{
    (void)state;
    char *output;
    const struct process process = {.argv = (const char *const[]){"sh", "-c", "echo $HOME-$ENCLAVE_X", NULL},
                                    .environment = (const char *const[]){"HOME=/h", "ENCLAVE_X=1", NULL}};
    assert_int_equal(process_run(&process, arena, &output, NULL), 0);
    assert_string_equal(output, "/h-1\n");
}

static void a_process_may_see_nothing_of_our_environment(void **state)
{
    (void)state;
    char *output;
    const struct process process = {.argv = (const char *const[]){"env", NULL},
                                    .environment = (const char *const[]){"ENCLAVE_X=1", NULL},
                                    .environment_alone = true};
    assert_int_equal(process_run(&process, arena, &output, NULL), 0);
    assert_string_equal(output, "ENCLAVE_X=1\n");
}

static void *start_and_end(void *argument)
{
    const struct process process = {.argv = (const char *const[]){"sleep", "60", NULL},
                                    .death_signal = SIGKILL};
    return process_start(&process, NULL, argument, NULL) == 0 ? NULL : "not started";
}

static void our_handler(int number)
{
    (void)number;
}

static void a_process_takes_all_signals_whatever_we_do_with_them_and_we_go_on_as_before(void **state)
{
    (void)state;
    sigset_t blocked, before, after;
    char *output;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &blocked, &before);
    signal(SIGUSR1, our_handler);
    signal(SIGPIPE, SIG_IGN);
    const struct process process = {.argv =
                                        (const char *const[]){"grep", "SigBlk", "/proc/self/status", NULL}};
    const struct process piped = {.argv = (const char *const[]){"sh", "-c", "kill -PIPE $$", NULL}};
    int result = process_run(&process, arena, &output, NULL);
    int pipe_result = process_run(&piped, arena, NULL, NULL);
    pthread_sigmask(SIG_SETMASK, &before, &after);
    bool kept = signal(SIGUSR1, SIG_DFL) == our_handler && signal(SIGPIPE, SIG_DFL) == SIG_IGN;
    assert_int_equal(result, 0);
    assert_int_equal(pipe_result, -1);
    assert_string_equal(output, "SigBlk:\t0000000000000000\n");
    assert_true(sigismember(&after, SIGTERM));
    assert_true(kept);
}

static void *run_many(void *argument)
{
    bool *good = argument;
    for (int i = 0; i < 25; i++) {
        struct error err = {0};
        const struct process absent = {.argv = (const char *const[]){"no-such-program", NULL}};
        const struct process there = {.argv = (const char *const[]){"true", NULL}};
        *good &= process_run(&there, NULL, NULL, NULL) == 0 && process_run(&absent, NULL, NULL, &err) < 0 &&
                 err.kind == ERROR_NOT_FOUND;
    }
    return NULL;
}

static void threads_start_processes_at_the_same_time(void **state)
{
    (void)state;
    enum { THREADS = 4 };
    pthread_t threads[THREADS];
    bool good[THREADS];
    for (int i = 0; i < THREADS; i++) {
        good[i] = true;
        pthread_create(&threads[i], NULL, run_many, &good[i]);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_true(good[i]);
    }
}

static void a_process_may_end_with_the_thread_that_started_it(void **state)
{
    (void)state;
    pthread_t thread;
    pid_t pid;
    void *complaint;
    int status;
    assert_int_equal(pthread_create(&thread, NULL, start_and_end, &pid), 0);
    pthread_join(thread, &complaint);
    assert_null(complaint);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
}

static void times_are_read_as_they_are_written(void **state)
{
    (void)state;
    int64_t ms;
    assert_string_equal(clock_rfc3339(arena, 1767323045000), "2026-01-02T03:04:05Z");
    assert_string_equal(clock_aws_basic(arena, 1767323045000), "20260102T030405Z");
    assert_string_equal(clock_http(arena, 1767323045000), "Fri, 02 Jan 2026 03:04:05 GMT");
    assert_int_equal(clock_parse("2026-01-02T03:04:05.678901Z", &ms, NULL), 0);
    assert_int_equal(ms, 1767323045678);
    assert_int_equal(clock_parse("20260102T030405Z", &ms, NULL), 0);
    assert_int_equal(ms, 1767323045000);
    assert_int_equal(clock_parse("2026-01-02 03:04:05", &ms, NULL), -1);
    assert_int_equal(clock_parse("2026-01-02T03:04:05+01:00", &ms, NULL), -1);
}

static void xml_with_a_doctype_or_a_fault_is_refused(void **state)
{
    (void)state;
    xmlNode *root;
    struct error err = {0};
    const char *good = "<a x='1'><b> t </b><c/><b>u</b></a>";
    assert_int_equal(xml_parse(arena, "services.xml", good, strlen(good), &root, NULL), 0);
    assert_string_equal(xml_attribute(arena, root, "x"), "1");
    assert_string_equal(xml_content(arena, xml_next(xml_first(root, "b"), "b")), "u");
    assert_string_equal(xml_child_content(arena, root, "b"), "t");
    const char *bomb = "<!DOCTYPE a [<!ENTITY e 'x'>]><a>&e;</a>";
    assert_int_equal(xml_parse(arena, "services.xml", bomb, strlen(bomb), &root, &err), -1);
    assert_non_null(strstr(err.message, "DOCTYPE"));
    assert_int_equal(xml_parse(arena, "services.xml", "<a>\n<b></a>", 11, &root, &err), -1);
    assert_non_null(strstr(err.message, "services.xml is not well-formed XML: line 2"));
}

static void a_buffer_never_grows_past_its_maximum(void **state)
{
    (void)state;
    cleanup(buffer_free) struct buffer buffer = buffer_new(5);
    buffer_text(&buffer, "abc");
    buffer_format(&buffer, "%d", 12345);
    assert_true(buffer.overflow);
    assert_string_equal(buffer_string(&buffer), "abc");
    buffer_clear(&buffer);
    buffer_xml(&buffer, "<");
    assert_string_equal(buffer_string(&buffer), "&lt;");
}

static void arenas_release_what_was_deferred_last_first(void **state)
{
    (void)state;
    struct arena *inner = arena_new();
    char *first = memory_strdup("1");
    arena_defer(inner, free, first);
    arena_alloc(inner, 100000);
    assert_string_equal(arena_format(inner, "%s-%d", first, 2), "1-2");
    arena_free(&inner);
    assert_null(inner);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_written_file_has_its_bytes_and_mode_and_leaves_no_other),
        cmocka_unit_test(a_file_over_the_limit_is_refused),
        cmocka_unit_test(a_lock_is_held_once),
        cmocka_unit_test(a_tree_is_removed_without_following_links),
        cmocka_unit_test(a_process_gets_input_and_gives_output),
        cmocka_unit_test(a_large_input_does_not_block_on_a_large_output),
        cmocka_unit_test(a_failing_process_says_its_status_and_last_line),
        cmocka_unit_test(a_process_that_hangs_is_ended),
        cmocka_unit_test(a_process_can_be_started_and_stopped),
        cmocka_unit_test(a_process_may_see_nothing_of_our_environment),
        cmocka_unit_test(a_process_takes_all_signals_whatever_we_do_with_them_and_we_go_on_as_before),
        cmocka_unit_test(threads_start_processes_at_the_same_time),
        cmocka_unit_test(a_process_may_end_with_the_thread_that_started_it),
        cmocka_unit_test(environment_additions_replace_what_is_there),
        cmocka_unit_test(times_are_read_as_they_are_written),
        cmocka_unit_test(xml_with_a_doctype_or_a_fault_is_refused),
        cmocka_unit_test(a_buffer_never_grows_past_its_maximum),
        cmocka_unit_test(arenas_release_what_was_deferred_last_first),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
