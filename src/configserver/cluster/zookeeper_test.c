/* The ZooKeeper server that we keep running beside us. */
#include "configserver/cluster/zookeeper.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "store/zookeeper_fixture.h"

#include <dirent.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { SESSION_MS = 4000, PATIENCE_MS = 20000 };

static char directory[] = "/tmp/configserver_zookeeper_test.XXXXXX";
static struct zookeeper_member member = {.index = 2, .address = "::1"};
static const struct zookeeper_options options = {
    .state_directory = directory, .index = 2, .members = &member, .member_count = 1};

static char *read_of(struct arena *arena, pid_t pid, const char *what)
{
    char path[64], *text = NULL;
    size_t length = 0;
    snprintf(path, sizeof path, "/proc/%d/%s", pid, what);
    if (file_read(arena, path, 1 << 16, &text, &length, NULL) < 0)
        return arena_strdup(arena, "");
    for (size_t i = 0; i + 1 < length; i++)
        if (text[i] == '\0')
            text[i] = ' ';
    return text;
}

/* The process whose arguments name our directory, other than us; 0 when there is none. */
static pid_t server(void)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    DIR *processes = opendir("/proc");
    pid_t found = 0;
    for (struct dirent *entry; processes && !found && (entry = readdir(processes));) {
        pid_t pid = (pid_t)atoi(entry->d_name);
        if (pid > 0 && pid != getpid() && strstr(read_of(arena, pid, "cmdline"), directory))
            found = pid;
    }
    closedir(processes);
    return found;
}

static struct store *open_store(void)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    const char *servers = zookeeper_connect_string(arena, &options);
    struct store *store = NULL;
    int64_t deadline_ms = clock_monotonic_ms() + PATIENCE_MS;
    while (!store && clock_monotonic_ms() < deadline_ms)
        store_open_zookeeper(servers, SESSION_MS, NULL, NULL, &store, NULL);
    assert_non_null(store);
    return store;
}

static void a_server_that_is_killed_runs_again_and_has_lost_nothing(void **state)
{
    (void)state;
    struct zookeeper *zookeeper = NULL;
    struct error err = {0};
    assert_int_equal(zookeeper_start(&options, &zookeeper, &err), 0);
    struct store *store = open_store();
    assert_int_equal(store_create(store, "/a", "1", 1, 0, NULL, NULL), STORE_OK);
    pid_t first = server();
    assert_true(first > 0);
    kill(first, SIGKILL);
    int64_t deadline_ms = clock_monotonic_ms() + PATIENCE_MS;
    enum store_result result = STORE_LOST;
    while (result == STORE_LOST && clock_monotonic_ms() < deadline_ms)
        result = store_exists(store, "/a", NULL, NULL);
    assert_int_equal(result, STORE_OK);
    assert_int_equal(zookeeper_restarts(zookeeper), 1);
    assert_int_not_equal(server(), first);
    store_close(&store);
    zookeeper_stop(&zookeeper);
    assert_int_equal(server(), 0);
}

static void it_sees_no_secret_and_shows_nothing_to_others(void **state)
{
    (void)state;
    cleanup(arena_free) struct arena *arena = arena_new();
    struct zookeeper *zookeeper = NULL;
    struct stat status;
    setenv("AWS_SECRET_ACCESS_KEY", "not-for-zookeeper", 1);
    assert_int_equal(zookeeper_start(&options, &zookeeper, NULL), 0);
    struct store *store = open_store();
    assert_string_equal(read_of(arena, server(), "environ"), "PATH=/usr/bin:/bin LANG=C.UTF-8");
    assert_int_equal(stat(arena_format(arena, "%s/zookeeper/zoo.cfg", directory), &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_int_equal(stat(arena_format(arena, "%s/zookeeper/data", directory), &status), 0);
    assert_int_equal(status.st_mode & 0777, 0700);
    store_close(&store);
    zookeeper_stop(&zookeeper);
}

static void a_server_that_cannot_run_is_tried_again_until_we_stop(void **state)
{
    (void)state;
    struct zookeeper_options broken = options;
    struct zookeeper *zookeeper = NULL;
    broken.java = "/nonexistent/java";
    int64_t began_ms = clock_monotonic_ms();
    assert_int_equal(zookeeper_start(&broken, &zookeeper, NULL), 0);
    clock_sleep_ms(700); /* the first pause is half a second */
    assert_int_equal(zookeeper_restarts(zookeeper), 1);
    zookeeper_stop(&zookeeper);
    assert_true(clock_monotonic_ms() - began_ms < 5000);
}

int main(void)
{
    if (!mkdtemp(directory))
        return 1;
    member.client_port = fixture_free_port("::1");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_that_is_killed_runs_again_and_has_lost_nothing),
        cmocka_unit_test(it_sees_no_secret_and_shows_nothing_to_others),
        cmocka_unit_test(a_server_that_cannot_run_is_tried_again_until_we_stop),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    tree_remove(directory, NULL);
    return failed;
}
