#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "host/rotation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct fixture {
    struct arena *arena;
    char path[40];
    int directory;
};

static int set_up(void **state)
{
    struct fixture *fixture = memory_alloc(sizeof *fixture);
    fixture->arena = arena_new();
    strcpy(fixture->path, "/tmp/rotation-test-XXXXXX");
    assert_non_null(mkdtemp(fixture->path));
    fixture->directory = open(fixture->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    close(fixture->directory);
    tree_remove(fixture->path, NULL);
    arena_free(&fixture->arena);
    free(fixture);
    return 0;
}

static void put(struct fixture *fixture, const char *name, const char *text)
{
    const char *path = arena_format(fixture->arena, "%s/%s", fixture->path, name);
    assert_int_equal(file_write(path, text, strlen(text), 0644, NULL), 0);
}

static void a_log_is_due_when_it_is_old_or_large_or_its_writer_is_gone_but_never_when_empty(void **state)
{
    (void)state;
    struct rotation usual = {.rotate_ms = 1000, .rotate_bytes = 100}, finish = usual;
    finish.everything = true;
    struct log_file young = {.live = true, .size = 10, .begun_ms = 5000};
    struct log_file large = {.live = true, .size = 100, .begun_ms = 5000};
    struct log_file empty = {.live = true, .size = 0, .begun_ms = 1};
    struct log_file rotated = {.live = false, .size = 1000, .begun_ms = 1};
    assert_false(log_is_due(&young, &usual, 5999));
    assert_true(log_is_due(&young, &usual, 6000));
    assert_true(log_is_due(&large, &usual, 5001));
    assert_true(log_is_due(&young, &finish, 5001));
    assert_false(log_is_due(&empty, &finish, 9999));
    assert_false(log_is_due(&rotated, &finish, 9999));
}

static void a_rotated_log_carries_the_second_it_was_rotated(void **state)
{
    struct fixture *fixture = *state;
    int64_t at = 0;
    assert_int_equal(clock_parse("2026-01-02T03:04:05Z", &at, NULL), 0);
    assert_string_equal(log_rotated_name(fixture->arena, "vespa.log", at), "vespa.log-2026-01-02.03-04-05");
}

static bool first_is_taken(void *context, const char *rotated)
{
    return text_equal(rotated, context);
}

static void a_name_that_the_directory_or_the_ledger_has_is_never_used_again(void **state)
{
    struct fixture *fixture = *state;
    int64_t at = 0;
    assert_int_equal(clock_parse("2026-01-02T03:04:05Z", &at, NULL), 0);
    put(fixture, "vespa.log", "new");
    put(fixture, "vespa.log-2026-01-02.03-04-06", "older");
    assert_int_equal(log_rotate(fixture->arena, fixture->directory, "vespa.log", at, first_is_taken,
                                (void *)"vespa.log-2026-01-02.03-04-05", NULL),
                     0);
    char *text = NULL;
    size_t length = 0;
    const char *kept = arena_format(fixture->arena, "%s/vespa.log-2026-01-02.03-04-06", fixture->path);
    const char *made = arena_format(fixture->arena, "%s/vespa.log-2026-01-02.03-04-07", fixture->path);
    assert_int_equal(file_read(fixture->arena, kept, 100, &text, &length, NULL), 0);
    assert_string_equal(text, "older");
    assert_int_equal(file_read(fixture->arena, made, 100, &text, &length, NULL), 0);
    assert_string_equal(text, "new");
}

static void links_pipes_and_odd_names_are_passed_over(void **state)
{
    struct fixture *fixture = *state;
    put(fixture, "vespa.log", "x");
    put(fixture, "access.log-2026-01-01.00-00-00", "x");
    put(fixture, "shadow.log", "x");
    put(fixture, "..log", "x");
    put(fixture, "a b.log", "x");
    assert_int_equal(symlinkat("/etc/shadow", fixture->directory, "link.log-1"), 0);
    assert_int_equal(mkfifoat(fixture->directory, "pipe.log-1", 0600), 0);
    assert_int_equal(linkat(fixture->directory, "shadow.log", fixture->directory, "hard.log", 0), 0);
    struct log_file *files = NULL;
    size_t count = 0;
    assert_int_equal(log_directory_list(fixture->arena, fixture->directory, &files, &count, NULL), 0);
    assert_int_equal(count, 2);
    for (size_t i = 0; i < count; i++)
        assert_true(text_equal(files[i].name, "vespa.log") ||
                    text_equal(files[i].name, "access.log-2026-01-01.00-00-00"));
}

static void the_oldest_comes_first(void **state)
{
    struct fixture *fixture = *state;
    static const char *const names[] = {"c.log-3", "a.log-1", "b.log-2"};
    static const time_t ages[] = {3000, 1000, 2000};
    for (size_t i = 0; i < 3; i++) {
        put(fixture, names[i], "x");
        struct timespec times[2] = {{.tv_sec = ages[i]}, {.tv_sec = ages[i]}};
        assert_int_equal(utimensat(fixture->directory, names[i], times, 0), 0);
    }
    struct log_file *files = NULL;
    size_t count = 0;
    assert_int_equal(log_directory_list(fixture->arena, fixture->directory, &files, &count, NULL), 0);
    assert_int_equal(count, 3);
    assert_string_equal(files[0].name, "a.log-1");
    assert_string_equal(files[2].name, "c.log-3");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_log_is_due_when_it_is_old_or_large_or_its_writer_is_gone_but_never_when_empty),
        cmocka_unit_test_setup_teardown(a_rotated_log_carries_the_second_it_was_rotated, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_name_that_the_directory_or_the_ledger_has_is_never_used_again,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(links_pipes_and_odd_names_are_passed_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_oldest_comes_first, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
