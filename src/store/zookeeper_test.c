/* The contract on a real ZooKeeper server, and what only a store with servers elsewhere can meet. */
#include "base/clock.h"
#include "store/faulty.h"
#include "store/store_careful.h"
#include "store/store_contract.h"
#include "store/zookeeper_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { SESSION_MS = 4000 };

static struct fixture fixture;

static int open_store(void *context, struct store **store, struct error *err)
{
    (void)context;
    (void)err;
    *store = fixture_open(&fixture, 0, SESSION_MS, NULL, NULL);
    return 0;
}

static void clear(void *context)
{
    (void)context;
    fixture_clear(&fixture);
}

/* Through a store that loses answers, and a caller that reads before it writes again. */
static int open_careful(void *context, struct store **store, struct error *err)
{
    static uint64_t seed = 1;
    const struct faulty_options rough = {
        .seed = seed++, .before = 70, .after = 70, .pause = 20, .away = 10, .away_calls = 3, .pause_us = 500};
    if (open_store(context, store, err) < 0)
        return -1;
    *store = store_open_careful(store_open_faulty(*store, &rough));
    return 0;
}

static void nobody_there_is_said_within_the_time_given(void **state)
{
    (void)state;
    struct store *store = NULL;
    struct error err = {0};
    int64_t began_ms = clock_monotonic_ms();
    assert_int_equal(store_open_zookeeper("127.0.0.1:1", 300, NULL, NULL, &store, &err), -1);
    assert_in_range(clock_monotonic_ms() - began_ms, 300, 1500);
    assert_int_equal(err.kind, ERROR_UNAVAILABLE);
    assert_non_null(strstr(err.message, "127.0.0.1:1"));
    assert_null(store);
}

static void what_zookeeper_keeps_for_itself_is_not_shown(void **state)
{
    (void)state;
    cleanup(arena_free) struct arena *arena = arena_new();
    char **names;
    size_t count;
    clear(NULL);
    struct store *store = fixture_open(&fixture, 0, SESSION_MS, NULL, NULL);
    assert_int_equal(store_children(store, arena, "/", &names, &count, NULL), STORE_OK);
    assert_int_equal(count, 0);
    store_close(&store);
}

static void a_server_that_makes_no_sense_is_not_started(void **state)
{
    (void)state;
    struct error err = {0};
    const struct zookeeper_member bad[] = {{.index = 1, .address = "::1\nadmin.enableServer=true"}};
    struct zookeeper_options options = {
        .state_directory = "/nonexistent", .index = 1, .members = bad, .member_count = 1};
    assert_int_equal(zookeeper_server_prepare(&options, &err), -1);
    assert_int_equal(err.kind, ERROR_INVALID);
    options.index = 2;
    assert_int_equal(zookeeper_server_prepare(&options, &err), -1);
    assert_int_equal(err.kind, ERROR_INVALID);
}

int main(void)
{
    struct error err = {0};
    if (fixture_start(&fixture, 1, "::1", &err) < 0) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_there_is_said_within_the_time_given),
        cmocka_unit_test(what_zookeeper_keeps_for_itself_is_not_shown),
        cmocka_unit_test(a_server_that_makes_no_sense_is_not_started),
    };
    struct store_contract contract = {.name = "zookeeper contract", .open = open_store, .clear = clear};
    struct store_contract careful = {
        .name = "careful faulty zookeeper contract", .open = open_careful, .clear = clear};
    int failed = cmocka_run_group_tests_name("zookeeper", tests, NULL, NULL);
    failed += store_contract_run(&contract);
    failed += store_contract_run(&careful);
    fixture_stop(&fixture);
    return failed;
}
