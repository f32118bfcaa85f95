#include "base/file.h"
#include "base/text.h"
#include "host/compress.h"
#include "host/ledger.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

static char directory[40];

static int set_up(void **state)
{
    (void)state;
    strcpy(directory, "/tmp/ledger-test-XXXXXX");
    return mkdtemp(directory) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    return tree_remove(directory, NULL);
}

static void what_was_archived_is_known_after_a_crash(void **state)
{
    (void)state;
    cleanup(arena_free) struct arena *arena = arena_new();
    const char *path = arena_format(arena, "%s/ledger.json", directory);
    struct ledger *ledger = NULL;
    assert_int_equal(ledger_open(path, &ledger, NULL), 0);
    assert_false(ledger_has(ledger, "a/logs/vespa/vespa.log-1.zst"));
    assert_int_equal(ledger_add(ledger, "a/logs/vespa/vespa.log-1.zst", 10, 1000, NULL), 0);
    ledger_close(&ledger);

    assert_int_equal(ledger_open(path, &ledger, NULL), 0);
    assert_true(ledger_has(ledger, "a/logs/vespa/vespa.log-1.zst"));
    assert_false(ledger_has(ledger, "a/logs/vespa/vespa.log-2.zst"));
    ledger_close(&ledger);
}

static void the_ledger_stays_small_and_keeps_the_newest(void **state)
{
    (void)state;
    cleanup(arena_free) struct arena *arena = arena_new();
    const char *path = arena_format(arena, "%s/ledger.json", directory);
    struct ledger *ledger = NULL;
    assert_int_equal(ledger_open(path, &ledger, NULL), 0);
    for (int i = 0; i < LEDGER_ENTRIES_MOST + 3; i++)
        assert_int_equal(ledger_add(ledger, arena_format(arena, "key-%d", i), 1, i, NULL), 0);
    assert_false(ledger_has(ledger, "key-2"));
    assert_true(ledger_has(ledger, "key-3"));
    assert_true(ledger_has(ledger, arena_format(arena, "key-%d", LEDGER_ENTRIES_MOST + 2)));
    ledger_close(&ledger);
    assert_int_equal(ledger_open(path, &ledger, NULL), 0);
    assert_true(ledger_has(ledger, "key-3"));
    ledger_close(&ledger);
}

static void a_ledger_that_is_no_ledger_is_not_taken_for_an_empty_one(void **state)
{
    (void)state;
    cleanup(arena_free) struct arena *arena = arena_new();
    const char *path = arena_format(arena, "%s/ledger.json", directory);
    assert_int_equal(file_write(path, "{\"arch", 6, 0600, NULL), 0);
    struct ledger *ledger = NULL;
    struct error err = {0};
    assert_int_equal(ledger_open(path, &ledger, &err), -1);
    assert_null(ledger);
}

static void a_log_comes_out_of_the_archive_as_it_went_in_and_always_as_the_same_bytes(void **state)
{
    (void)state;
    cleanup(arena_free) struct arena *arena = arena_new();
    cleanup(file_close) int plain = open(arena_format(arena, "%s/plain", directory), O_RDWR | O_CREAT, 0600);
    enum { SIZE = 700 * 1000 };
    char *bytes = arena_alloc(arena, SIZE);
    for (int i = 0; i < SIZE; i++)
        bytes[i] = (char)('a' + (i % 40000 * (i % 40000) / 7) % 26);
    assert_int_equal(file_write_all(plain, bytes, SIZE, NULL), 0);

    char *packed[2];
    size_t packed_length[2];
    for (int round = 0; round < 2; round++) {
        const char *path = arena_format(arena, "%s/packed%d", directory, round);
        cleanup(file_close) int to = open(path, O_RDWR | O_CREAT, 0600);
        uint64_t length = 0;
        assert_int_equal(lseek(plain, 0, SEEK_SET), 0);
        assert_int_equal(compress_file(plain, to, &length, NULL), 0);
        assert_int_equal(file_read(arena, path, SIZE, &packed[round], &packed_length[round], NULL), 0);
        assert_int_equal(length, packed_length[round]);
    }
    assert_int_equal(packed_length[0], packed_length[1]);
    assert_memory_equal(packed[0], packed[1], packed_length[0]);

    char *back = arena_alloc(arena, SIZE + 1);
    assert_int_equal(ZSTD_decompress(back, SIZE + 1, packed[0], packed_length[0]), SIZE);
    assert_memory_equal(back, bytes, SIZE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_archived_is_known_after_a_crash, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_ledger_stays_small_and_keeps_the_newest, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_ledger_that_is_no_ledger_is_not_taken_for_an_empty_one, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            a_log_comes_out_of_the_archive_as_it_went_in_and_always_as_the_same_bytes, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
