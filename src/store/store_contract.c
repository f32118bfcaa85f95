#include "store/store_contract.h"

#include "base/clock.h"
#include "base/text.h"

#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static struct store_contract *contract;

/* What a test works with. */
struct bench {
    struct store *store;
    struct arena *arena;
};

static int set_up(void **state)
{
    struct bench *bench = memory_alloc(sizeof *bench);
    struct error err = {0};
    contract->clear(contract->context);
    assert_int_equal(contract->open(contract->context, &bench->store, &err), 0);
    bench->arena = arena_new();
    *state = bench;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    store_close(&bench->store);
    arena_free(&bench->arena);
    free(bench);
    return 0;
}

static void open_again(struct bench *bench)
{
    struct error err = {0};
    store_close(&bench->store);
    assert_int_equal(contract->open(contract->context, &bench->store, &err), 0);
}

static enum store_result create(struct bench *bench, const char *path, const char *value)
{
    return store_create(bench->store, path, value, strlen(value), 0, NULL, NULL);
}

static enum store_result set(struct bench *bench, const char *path, const char *value, int32_t version)
{
    return store_set(bench->store, path, value, strlen(value), version, NULL);
}

static void assert_holds(struct bench *bench, const char *path, const char *value, int32_t version)
{
    char *found;
    size_t length;
    struct store_stat stat;
    assert_int_equal(store_get(bench->store, bench->arena, path, &found, &length, &stat, NULL), STORE_OK);
    assert_int_equal(length, strlen(value));
    assert_string_equal(found, value);
    assert_int_equal(stat.version, version);
}

static void assert_children(struct bench *bench, const char *path, const char *joined)
{
    char **names, *found = arena_strdup(bench->arena, "");
    size_t count;
    assert_int_equal(store_children(bench->store, bench->arena, path, &names, &count, NULL), STORE_OK);
    for (size_t i = 0; i < count; i++)
        found = arena_format(bench->arena, "%s%s%s", found, i ? " " : "", names[i]);
    assert_string_equal(found, joined);
}

static void a_record_holds_what_was_written(void **state)
{
    struct bench *bench = *state;
    char *found;
    size_t length;
    struct store_stat stat;
    int64_t before_ms = clock_now_ms() - 1000;
    assert_int_equal(store_create(bench->store, "/a", "x\0y", 3, 0, NULL, NULL), STORE_OK);
    assert_int_equal(store_get(bench->store, bench->arena, "/a", &found, &length, &stat, NULL), STORE_OK);
    assert_int_equal(length, 3);
    assert_memory_equal(found, "x\0y", 4);
    assert_int_equal(stat.version, 0);
    assert_in_range(stat.created_ms, before_ms, before_ms + 60000);
    assert_int_equal(store_create(bench->store, "/empty", NULL, 0, 0, NULL, NULL), STORE_OK);
    assert_holds(bench, "/empty", "", 0);
}

static void a_record_is_made_once_and_under_a_parent_that_is_there(void **state)
{
    struct bench *bench = *state;
    struct error err = {0};
    assert_int_equal(create(bench, "/a", "1"), STORE_OK);
    assert_int_equal(create(bench, "/a", "2"), STORE_EXISTS);
    assert_holds(bench, "/a", "1", 0);
    assert_int_equal(create(bench, "/b/c", "1"), STORE_NONODE);
    assert_int_equal(create(bench, "/a/b", "1"), STORE_OK);
    assert_int_equal(create(bench, "/", "1"), STORE_EXISTS);
    assert_int_equal(store_create(bench->store, "/x/y", NULL, 0, 0, NULL, &err), STORE_NONODE);
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
    assert_non_null(strstr(err.message, "/x/y"));
}

static void versions_start_at_zero_and_rise_by_one(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(create(bench, "/a", "0"), STORE_OK);
    assert_int_equal(set(bench, "/a", "1", 0), STORE_OK);
    assert_int_equal(set(bench, "/a", "2", STORE_ANY_VERSION), STORE_OK);
    assert_holds(bench, "/a", "2", 2);
    assert_int_equal(set(bench, "/a", "3", 1), STORE_BADVERSION);
    assert_holds(bench, "/a", "2", 2);
    assert_int_equal(set(bench, "/b", "3", STORE_ANY_VERSION), STORE_NONODE);
    assert_int_equal(store_delete(bench->store, "/a", 2, NULL), STORE_OK);
    assert_int_equal(create(bench, "/a", "0"), STORE_OK);
    assert_holds(bench, "/a", "0", 0);
}

static void a_record_goes_only_at_its_version_and_when_nothing_is_below(void **state)
{
    struct bench *bench = *state;
    create(bench, "/a", "");
    create(bench, "/a/b", "");
    assert_int_equal(store_delete(bench->store, "/a", STORE_ANY_VERSION, NULL), STORE_NOTEMPTY);
    assert_int_equal(store_delete(bench->store, "/a/b", 1, NULL), STORE_BADVERSION);
    assert_int_equal(store_delete(bench->store, "/a/b", 0, NULL), STORE_OK);
    assert_int_equal(store_delete(bench->store, "/a/b", 0, NULL), STORE_NONODE);
    assert_int_equal(store_delete(bench->store, "/a", STORE_ANY_VERSION, NULL), STORE_OK);
    assert_int_equal(store_exists(bench->store, "/a", NULL, NULL), STORE_NONODE);
}

static void children_are_the_names_right_below_sorted(void **state)
{
    struct bench *bench = *state;
    const char *const paths[] = {"/a", "/a/c", "/a/b", "/a/b/deep", "/ab", "/a/B"};
    char **names;
    size_t count;
    for (size_t i = 0; i < COUNT_OF(paths); i++)
        assert_int_equal(create(bench, paths[i], ""), STORE_OK);
    assert_children(bench, "/a", "B b c");
    assert_children(bench, "/a/c", "");
    assert_children(bench, "/", "a ab");
    assert_int_equal(store_children(bench->store, bench->arena, "/x", &names, &count, NULL), STORE_NONODE);
}

static void bad_paths_and_too_large_values_are_refused(void **state)
{
    struct bench *bench = *state;
    const char *const bad[] = {
        "",        "a",       "/a/",         "//",         "/a//b",           "/.",      "/a/..",
        "/a/./b",  "/a\nb",   "/\xff",       "/\x7f",      "/\xc2\x85",         "/\ue000", "/\uf8ff",
        "/\ufff0", "/\uffff", "/\U0001f600", "/zookeeper", "/zookeeper/quota"};
    const char *const good[] = {"/zookeeper-2", "/\u00a0", "/\u00e9", "/\ud7ff", "/\uf900", "/\uffef"};
    for (size_t i = 0; i < COUNT_OF(good); i++)
        assert_int_equal(create(bench, good[i], ""), STORE_OK);
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_int_equal(create(bench, bad[i], ""), STORE_INVALID);
        assert_int_equal(store_exists(bench->store, bad[i], NULL, NULL), STORE_INVALID);
    }
    assert_int_equal(store_delete(bench->store, "/", STORE_ANY_VERSION, NULL), STORE_INVALID);
    cleanup(memory_free) char *large = memory_alloc(STORE_VALUE_LARGEST + 1);
    assert_int_equal(store_create(bench->store, "/large", large, STORE_VALUE_LARGEST + 1, 0, NULL, NULL),
                     STORE_INVALID);
    assert_int_equal(store_create(bench->store, "/large", large, STORE_VALUE_LARGEST, 0, NULL, NULL),
                     STORE_OK);
}

static void several_operations_happen_all_or_none(void **state)
{
    struct bench *bench = *state;
    size_t failed = 99;
    create(bench, "/a", "0");
    const struct store_operation good[] = {
        {.kind = STORE_CHECK, .path = "/a", .version = 0},
        {.kind = STORE_CREATE, .path = "/b", .value = "b", .length = 1},
        {.kind = STORE_CREATE, .path = "/b/c"},
        {.kind = STORE_SET, .path = "/a", .value = "1", .length = 1, .version = 0},
    };
    assert_int_equal(store_multi(bench->store, good, COUNT_OF(good), &failed, NULL), STORE_OK);
    assert_holds(bench, "/a", "1", 1);
    assert_holds(bench, "/b", "b", 0);
    const struct store_operation bad[] = {
        {.kind = STORE_DELETE, .path = "/b/c", .version = STORE_ANY_VERSION},
        {.kind = STORE_SET, .path = "/a", .value = "2", .length = 1, .version = STORE_ANY_VERSION},
        {.kind = STORE_CHECK, .path = "/b", .version = 7},
        {.kind = STORE_CREATE, .path = "/d"},
    };
    struct error err = {0};
    assert_int_equal(store_multi(bench->store, bad, COUNT_OF(bad), &failed, &err), STORE_BADVERSION);
    assert_int_equal(failed, 2);
    assert_non_null(strstr(err.message, "/b"));
    assert_children(bench, "/b", "c");
    assert_holds(bench, "/a", "1", 1);
    assert_int_equal(store_exists(bench->store, "/d", NULL, NULL), STORE_NONODE);
}

static void a_write_too_large_for_one_multi_is_refused_as_a_whole(void **state)
{
    struct bench *bench = *state;
    enum { PARTS = STORE_MULTI_LARGEST / STORE_VALUE_LARGEST };
    cleanup(memory_free) char *large = memory_alloc(STORE_VALUE_LARGEST);
    struct store_operation operations[PARTS];
    char paths[PARTS][8];
    struct error err = {0};
    for (size_t i = 0; i < PARTS; i++) {
        snprintf(paths[i], sizeof paths[i], "/%zu", i);
        operations[i] = (struct store_operation){
            .kind = STORE_CREATE, .path = paths[i], .value = large, .length = STORE_VALUE_LARGEST};
    }
    assert_int_equal(store_multi(bench->store, operations, PARTS, NULL, &err), STORE_INVALID);
    assert_non_null(strstr(err.message, "4194304"));
    assert_int_equal(store_exists(bench->store, "/0", NULL, NULL), STORE_NONODE);
    operations[0].length -= 4096;
    assert_int_equal(store_multi(bench->store, operations, PARTS, NULL, &err), STORE_OK);
}

static void sequential_names_rise(void **state)
{
    struct bench *bench = *state;
    char *first = NULL, *second = NULL, *third = NULL;
    create(bench, "/q", "");
    assert_int_equal(store_create(bench->store, "/q/n-", "", 0, STORE_SEQUENTIAL, &first, NULL), STORE_OK);
    assert_int_equal(store_create(bench->store, "/q/n-", "", 0, STORE_SEQUENTIAL, &second, NULL), STORE_OK);
    assert_int_equal(store_delete(bench->store, second, 0, NULL), STORE_OK);
    assert_int_equal(store_create(bench->store, "/q/n-", "", 0, STORE_SEQUENTIAL, &third, NULL), STORE_OK);
    assert_true(text_starts(first, "/q/n-"));
    assert_int_equal(strlen(first), strlen("/q/n-") + 10);
    assert_true(strcmp(first, second) < 0 && strcmp(second, third) < 0);
    free(first);
    free(second);
    free(third);
}

static void ephemeral_records_die_with_the_session_and_others_stay(void **state)
{
    struct bench *bench = *state;
    create(bench, "/a", "kept");
    assert_int_equal(store_create(bench->store, "/a/e", "", 0, STORE_EPHEMERAL, NULL, NULL), STORE_OK);
    assert_int_equal(create(bench, "/a/e/below", ""), STORE_INVALID);
    open_again(bench);
    assert_holds(bench, "/a", "kept", 0);
    assert_int_equal(store_exists(bench->store, "/a/e", NULL, NULL), STORE_NONODE);
}

/* What a watcher saw. */
struct witness {
    sem_t called;
    int count;
    char path[64];
};

static void witness_change(void *context, const char *path)
{
    struct witness *witness = context;
    witness->count++;
    snprintf(witness->path, sizeof witness->path, "%s", path);
    sem_post(&witness->called);
}

static bool called_within(struct witness *witness, int milliseconds)
{
    struct timespec deadline;
    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_nsec += milliseconds * 1000000L;
    deadline.tv_sec += deadline.tv_nsec / 1000000000L;
    deadline.tv_nsec %= 1000000000L;
    return sem_timedwait(&witness->called, &deadline) == 0;
}

static void a_watch_fires_once(void **state)
{
    struct bench *bench = *state;
    struct witness witness = {0};
    sem_init(&witness.called, 0, 0);
    create(bench, "/a", "0");
    for (int i = 0; i < 2; i++) /* twice the same is once */
        assert_int_equal(store_watch(bench->store, "/a", false, witness_change, &witness, NULL), STORE_OK);
    set(bench, "/a", "1", STORE_ANY_VERSION);
    set(bench, "/a", "2", STORE_ANY_VERSION);
    assert_true(called_within(&witness, 2000));
    assert_false(called_within(&witness, 50));
    assert_string_equal(witness.path, "/a");
}

static void a_watch_tells_of_creation_and_deletion_but_not_of_failure(void **state)
{
    struct bench *bench = *state;
    struct witness witness = {0};
    sem_init(&witness.called, 0, 0);
    assert_int_equal(store_watch(bench->store, "/a", false, witness_change, &witness, NULL), STORE_OK);
    assert_int_equal(create(bench, "/b", ""), STORE_OK);
    assert_int_equal(store_delete(bench->store, "/a", 0, NULL), STORE_NONODE);
    assert_false(called_within(&witness, 50));
    assert_int_equal(create(bench, "/a", ""), STORE_OK);
    assert_true(called_within(&witness, 2000));
    assert_int_equal(store_watch(bench->store, "/a", false, witness_change, &witness, NULL), STORE_OK);
    assert_int_equal(store_delete(bench->store, "/a", 0, NULL), STORE_OK);
    assert_true(called_within(&witness, 2000));
}

static void a_watch_of_children_tells_of_the_list_only(void **state)
{
    struct bench *bench = *state;
    struct witness witness = {0};
    sem_init(&witness.called, 0, 0);
    assert_int_equal(store_watch(bench->store, "/a", true, witness_change, &witness, NULL), STORE_NONODE);
    create(bench, "/a", "");
    create(bench, "/a/b", "");
    assert_int_equal(store_watch(bench->store, "/a", true, witness_change, &witness, NULL), STORE_OK);
    set(bench, "/a", "1", STORE_ANY_VERSION);
    set(bench, "/a/b", "1", STORE_ANY_VERSION);
    create(bench, "/a/b/c", "");
    create(bench, "/ab", "");
    assert_false(called_within(&witness, 50));
    create(bench, "/a/d", "");
    assert_true(called_within(&witness, 2000));
    assert_string_equal(witness.path, "/a");
    assert_int_equal(store_watch(bench->store, "/", true, witness_change, &witness, NULL), STORE_OK);
    create(bench, "/z", "");
    assert_true(called_within(&witness, 2000));
}

struct rewriter {
    struct store *store;
    struct witness witness;
};

static void write_again(void *context, const char *path)
{
    struct rewriter *rewriter = context;
    store_set(rewriter->store, path, "again", 5, STORE_ANY_VERSION, NULL);
    witness_change(&rewriter->witness, path);
}

static void a_watcher_may_use_the_store(void **state)
{
    struct bench *bench = *state;
    struct rewriter rewriter = {.store = bench->store};
    sem_init(&rewriter.witness.called, 0, 0);
    create(bench, "/a", "0");
    assert_int_equal(store_watch(bench->store, "/a", false, write_again, &rewriter, NULL), STORE_OK);
    set(bench, "/a", "1", STORE_ANY_VERSION);
    assert_true(called_within(&rewriter.witness, 2000));
    assert_holds(bench, "/a", "again", 2);
}

enum { THREADS = 4, ROUNDS = 50 };

static void *count_up(void *argument)
{
    struct bench *bench = argument;
    for (int i = 0; i < ROUNDS;) {
        cleanup(arena_free) struct arena *arena = arena_new();
        char *value;
        struct store_stat stat;
        store_get(bench->store, arena, "/n", &value, NULL, &stat, NULL);
        char *next = arena_format(arena, "%d", atoi(value) + 1);
        if (store_set(bench->store, "/n", next, strlen(next), stat.version, NULL) == STORE_OK)
            i++;
    }
    return NULL;
}

static void versions_make_concurrent_writers_safe(void **state)
{
    struct bench *bench = *state;
    pthread_t threads[THREADS];
    create(bench, "/n", "0");
    for (size_t i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, count_up, bench);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_holds(bench, "/n", "200", THREADS * ROUNDS);
}

static void what_was_written_is_there_after_opening_again(void **state)
{
    struct bench *bench = *state;
    create(bench, "/a", "0");
    set(bench, "/a", "1", 0);
    create(bench, "/a/b", "2");
    open_again(bench);
    assert_holds(bench, "/a", "1", 1);
    assert_children(bench, "/a", "b");
}

static void a_path_is_made_with_its_parents(void **state)
{
    struct bench *bench = *state;
    struct error err = {0};
    assert_int_equal(store_make_path(bench->store, "/a/b/c", &err), 0);
    assert_int_equal(store_make_path(bench->store, "/a/b/c", &err), 0);
    assert_int_equal(store_make_path(bench->store, "/a/b/d", &err), 0);
    assert_int_equal(err.kind, ERROR_NONE);
    assert_children(bench, "/a/b", "c d");
}

static void a_lock_has_one_holder_and_its_token_rises(void **state)
{
    struct bench *bench = *state;
    int64_t first = -1, second = -1;
    assert_int_equal(store_lock(bench->store, "/locks/x", 1000, &first, NULL), STORE_OK);
    assert_int_equal(store_lock(bench->store, "/locks/x", 50, &second, NULL), STORE_EXISTS);
    assert_int_equal(store_lock(bench->store, "/locks/y", 1000, &second, NULL), STORE_OK);
    store_unlock(bench->store, "/locks/x");
    assert_int_equal(store_lock(bench->store, "/locks/x", 1000, &second, NULL), STORE_OK);
    assert_true(second > first);
    assert_true(store_holds(bench->store, "/locks/x", second));
    assert_false(store_holds(bench->store, "/locks/x", first));
    open_again(bench);
    assert_false(store_holds(bench->store, "/locks/x", second));
    assert_int_equal(store_lock(bench->store, "/locks/x", 1000, &first, NULL), STORE_OK);
    assert_true(first > second);
    store_unlock(bench->store, "/locks/x");
}

struct contender {
    struct bench *bench;
    int *inside, *worst;
};

static void *contend(void *argument)
{
    struct contender *contender = argument;
    for (int i = 0; i < 10; i++) {
        if (store_lock(contender->bench->store, "/lock", 10000, NULL, NULL) != STORE_OK)
            return "not got";
        int inside = __atomic_add_fetch(contender->inside, 1, __ATOMIC_SEQ_CST);
        if (inside > 1)
            *contender->worst = inside;
        __atomic_sub_fetch(contender->inside, 1, __ATOMIC_SEQ_CST);
        store_unlock(contender->bench->store, "/lock");
    }
    return NULL;
}

static void waiters_get_a_lock_one_after_the_other(void **state)
{
    pthread_t threads[THREADS];
    int inside = 0, worst = 0;
    struct contender contender = {*state, &inside, &worst};
    for (size_t i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, contend, &contender);
    for (size_t i = 0; i < THREADS; i++) {
        void *complaint;
        pthread_join(threads[i], &complaint);
        assert_null(complaint);
    }
    assert_int_equal(worst, 0);
}

#define CONTRACT(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int store_contract_run(struct store_contract *implementation)
{
    const struct CMUnitTest tests[] = {
        CONTRACT(a_record_holds_what_was_written),
        CONTRACT(a_record_is_made_once_and_under_a_parent_that_is_there),
        CONTRACT(versions_start_at_zero_and_rise_by_one),
        CONTRACT(a_record_goes_only_at_its_version_and_when_nothing_is_below),
        CONTRACT(children_are_the_names_right_below_sorted),
        CONTRACT(bad_paths_and_too_large_values_are_refused),
        CONTRACT(several_operations_happen_all_or_none),
        CONTRACT(a_write_too_large_for_one_multi_is_refused_as_a_whole),
        CONTRACT(sequential_names_rise),
        CONTRACT(ephemeral_records_die_with_the_session_and_others_stay),
        CONTRACT(a_watch_fires_once),
        CONTRACT(a_watch_tells_of_creation_and_deletion_but_not_of_failure),
        CONTRACT(a_watch_of_children_tells_of_the_list_only),
        CONTRACT(a_watcher_may_use_the_store),
        CONTRACT(versions_make_concurrent_writers_safe),
        CONTRACT(what_was_written_is_there_after_opening_again),
        CONTRACT(a_path_is_made_with_its_parents),
        CONTRACT(a_lock_has_one_holder_and_its_token_rises),
        CONTRACT(waiters_get_a_lock_one_after_the_other),
    };
    contract = implementation;
    return cmocka_run_group_tests_name(contract->name, tests, NULL, NULL);
}
