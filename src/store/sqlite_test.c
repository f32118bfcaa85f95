#include "store/store_contract.h"

#include "base/file.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[] = "/tmp/sqlite_test.XXXXXX";
static char path[64];

static int open_store(void *context, struct store **store, struct error *err)
{
    (void)context;
    return store_open_sqlite(path, store, err);
}

static void clear(void *context)
{
    (void)context;
    tree_remove(directory, NULL);
    directory_make(directory, 0700, NULL);
}

static int clear_first(void **state)
{
    (void)state;
    clear(NULL);
    return 0;
}

static void a_second_opener_is_refused(void **state)
{
    (void)state;
    struct store *store, *second = NULL;
    struct error err = {0};
    assert_int_equal(open_store(NULL, &store, &err), 0);
    assert_int_equal(open_store(NULL, &second, &err), -1);
    assert_int_equal(err.kind, ERROR_CONFLICT);
    store_close(&store);
}

static void nobody_else_may_read_the_files(void **state)
{
    (void)state;
    struct store *store;
    struct error err = {0};
    char wal[80];
    struct stat status;
    assert_int_equal(open_store(NULL, &store, &err), 0);
    assert_int_equal(store_create(store, "/a", "secret", 6, 0, NULL, &err), STORE_OK);
    snprintf(wal, sizeof wal, "%s-wal", path);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_int_equal(stat(wal, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    store_close(&store);
}

static void a_file_of_another_version_or_kind_is_refused(void **state)
{
    (void)state;
    struct store *store = NULL;
    struct error err = {0};
    static const char rubbish[] =
        "this is no database, but it is longer than a header of one would be; more of it";
    assert_int_equal(file_write(path, rubbish, sizeof rubbish, 0600, &err), 0);
    assert_int_equal(open_store(NULL, &store, &err), -1);
    assert_null(store);
}

/* Writes /r/0, /r/1, ... and says each number on the pipe once it is committed, until it is killed. */
static void write_until_killed(int pipe_end)
{
    struct store *store;
    if (store_open_sqlite(path, &store, NULL) < 0)
        _exit(1);
    store_create(store, "/r", NULL, 0, 0, NULL, NULL);
    for (uint32_t i = 0;; i++) {
        char record[32];
        snprintf(record, sizeof record, "/r/%u", i);
        if (store_create(store, record, &i, sizeof i, 0, NULL, NULL) != STORE_OK ||
            write(pipe_end, &i, sizeof i) != sizeof i)
            _exit(1);
    }
}

static void what_was_acknowledged_survives_a_kill(void **state)
{
    (void)state;
    int ends[2];
    uint32_t last = 0;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0)
        write_until_killed(ends[1]);
    close(ends[1]);
    while (last < 100)
        assert_int_equal(read(ends[0], &last, sizeof last), sizeof last);
    kill(child, SIGKILL);
    while (read(ends[0], &last, sizeof last) == sizeof last)
        ;
    close(ends[0]);
    assert_int_equal(waitpid(child, NULL, 0), child);
    struct store *store;
    struct error err = {0};
    assert_int_equal(open_store(NULL, &store, &err), 0);
    for (uint32_t i = 0; i <= last; i++) {
        char record[32];
        snprintf(record, sizeof record, "/r/%u", i);
        assert_int_equal(store_exists(store, record, NULL, NULL), STORE_OK);
    }
    store_close(&store);
}

int main(void)
{
    if (!mkdtemp(directory))
        return 1;
    snprintf(path, sizeof path, "%s/store.db", directory);
    struct store_contract contract = {.name = "sqlite contract", .open = open_store, .clear = clear};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_second_opener_is_refused, clear_first),
        cmocka_unit_test_setup(nobody_else_may_read_the_files, clear_first),
        cmocka_unit_test_setup(a_file_of_another_version_or_kind_is_refused, clear_first),
        cmocka_unit_test_setup(what_was_acknowledged_survives_a_kill, clear_first),
    };
    int failed = cmocka_run_group_tests_name("sqlite", tests, NULL, NULL);
    failed += store_contract_run(&contract);
    tree_remove(directory, NULL);
    return failed;
}
