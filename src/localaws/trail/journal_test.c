/* Where the trail is kept: what was appended is read back, and the oldest goes. */
#include "base/file.h"
#include "base/text.h"
#include "localaws/trail/journal.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define ACCOUNT "210987654321"

static char directory[] = "/tmp/journal_test.XXXXXX";

static int make_directory(void **state)
{
    (void)state;
    strcpy(directory + strlen(directory) - 6, "XXXXXX");
    return mkdtemp(directory) ? 0 : -1;
}

static int remove_directory(void **state)
{
    (void)state;
    return tree_remove(directory, NULL);
}

static size_t count_files(struct journal *journal, struct arena *arena)
{
    size_t count = 0;
    for (char **paths = journal_files(journal, arena, ACCOUNT); paths[count];)
        count++;
    return count;
}

static void what_is_appended_is_in_the_file_once_flushed(void **state)
{
    (void)state;
    cleanup(arena_free) struct arena *arena = arena_new();
    cleanup(journal_close) struct journal *journal = NULL;
    struct error err = {0};
    char *text;
    size_t length;
    assert_int_equal(journal_open(directory, 1 << 30, &journal, &err), 0);
    journal_append(journal, ACCOUNT, "{\"a\":1}", 7);
    journal_append(journal, "100000000001", "{\"other\":1}", 11);
    journal_append(journal, ACCOUNT, "{\"b\":2}", 7);
    journal_flush(journal);
    char **paths = journal_files(journal, arena, ACCOUNT);
    assert_non_null(paths[0]);
    assert_null(paths[1]);
    assert_int_equal(file_read(arena, paths[0], 1024, &text, &length, &err), 0);
    assert_string_equal(text, "{\"a\":1}\n{\"b\":2}\n");
}

static void a_close_writes_what_waits_and_a_new_start_begins_a_new_file(void **state)
{
    (void)state;
    cleanup(arena_free) struct arena *arena = arena_new();
    struct journal *journal = NULL;
    struct error err = {0};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(journal_open(directory, 1 << 30, &journal, &err), 0);
        journal_append(journal, ACCOUNT, "{}", 2);
        journal_close(&journal);
    }
    assert_int_equal(journal_open(directory, 1 << 30, &journal, &err), 0);
    char **paths = journal_files(journal, arena, ACCOUNT);
    assert_int_equal(count_files(journal, arena), 3);
    assert_true(strcmp(paths[0], paths[1]) > 0 && strcmp(paths[1], paths[2]) > 0);
    journal_close(&journal);
}

static void plant(struct arena *arena, const char *name, int64_t bytes)
{
    const char *path = arena_format(arena, "%s/" ACCOUNT "/%s", directory, name);
    directory_make(arena_format(arena, "%s/" ACCOUNT, directory), 0700, NULL);
    cleanup(file_close) int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(ftruncate(fd, bytes), 0);
}

static void the_oldest_go_when_there_is_too_much_and_what_is_too_old_goes(void **state)
{
    (void)state;
    static const char *const recent[] = {"2999-01-01T00:00:00.000Z.jsonl", "2999-01-02T00:00:00.000Z.jsonl",
                                         "2999-01-03T00:00:00.000Z.jsonl"};
    cleanup(arena_free) struct arena *arena = arena_new();
    struct journal *journal = NULL;
    struct error err = {0};
    plant(arena, "2001-01-01T00:00:00.000Z.jsonl", 10);
    for (size_t i = 0; i < COUNT_OF(recent); i++)
        plant(arena, recent[i], 20 << 20);
    assert_int_equal(journal_open(directory, 50 << 20, &journal, &err), 0);
    journal_append(journal, ACCOUNT, "{}", 2);
    journal_close(&journal);
    assert_int_equal(journal_open(directory, 50 << 20, &journal, &err), 0);
    char **paths = journal_files(journal, arena, ACCOUNT);
    assert_true(text_ends(paths[0], recent[2]));
    assert_true(text_ends(paths[1], recent[1]));
    for (char **path = paths; *path; path++) {
        assert_false(text_ends(*path, recent[0]));
        assert_null(strstr(*path, "/2001-"));
    }
    journal_close(&journal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_appended_is_in_the_file_once_flushed, make_directory,
                                        remove_directory),
        cmocka_unit_test_setup_teardown(a_close_writes_what_waits_and_a_new_start_begins_a_new_file,
                                        make_directory, remove_directory),
        cmocka_unit_test_setup_teardown(the_oldest_go_when_there_is_too_much_and_what_is_too_old_goes,
                                        make_directory, remove_directory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
