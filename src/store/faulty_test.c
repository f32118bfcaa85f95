/* What a store that loses answers does to its callers, and that they can live with it. */
#include "store/faulty.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "store/memory.h"
#include "store/store_careful.h"
#include "store/store_contract.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { CONTENDERS = 3, ROUNDS = 15 };

static struct memory_tree *tree;
static char directory[] = "/tmp/faulty_test.XXXXXX";

/* One call in six is lost, half of them after the effect. */
static struct faulty_options rough(uint64_t seed)
{
    return (struct faulty_options){
        .seed = seed, .before = 70, .after = 70, .pause = 20, .away = 10, .away_calls = 3, .pause_us = 500};
}

static struct store *open_memory(const struct faulty_options *options)
{
    struct store *store = NULL;
    assert_int_equal(store_open_memory(tree, &store, NULL), 0);
    return store_open_faulty(store, options);
}

static int begin(void **state)
{
    (void)state;
    memory_tree_free(&tree);
    tree = memory_tree_new();
    return 0;
}

static enum store_result create(struct store *store, const char *path)
{
    return store_create(store, path, "1", 1, 0, NULL, NULL);
}

static enum store_result exists(struct store *store, const char *path)
{
    return store_exists(store, path, NULL, NULL);
}

/* What an owner was told, a letter each. */
struct owner {
    pthread_mutex_t mutex;
    char told[64];
};

static void session_changed(void *context, enum store_session session)
{
    struct owner *owner = context;
    pthread_mutex_lock(&owner->mutex);
    strncat(owner->told, (const char *const[]){"c", "s", "e"}[session], 1);
    pthread_mutex_unlock(&owner->mutex);
}

static bool told_within(struct owner *owner, const char *told, int milliseconds)
{
    bool same = false;
    for (; !same && milliseconds > 0; milliseconds -= 5) {
        pthread_mutex_lock(&owner->mutex);
        same = text_equal(owner->told, told);
        pthread_mutex_unlock(&owner->mutex);
        clock_sleep_ms(5);
    }
    return same;
}

static void a_script_says_which_call_is_lost_before_and_which_after_its_effect(void **state)
{
    (void)state;
    struct store *store = open_memory(&(struct faulty_options){.script = "b.a.pb"});
    struct error err = {0};
    assert_int_equal(store_create(store, "/a", "1", 1, 0, NULL, &err), STORE_LOST);
    assert_int_equal(err.kind, ERROR_UNAVAILABLE);
    assert_int_equal(exists(store, "/a"), STORE_NONODE);
    assert_int_equal(create(store, "/a"), STORE_LOST);
    assert_int_equal(exists(store, "/a"), STORE_OK);
    assert_int_equal(exists(store, "/a"), STORE_OK);
    assert_int_equal(exists(store, "/a"), STORE_LOST);
    assert_int_equal(exists(store, "/a"), STORE_OK);
    assert_int_equal(faulty_count(store), 4);
    store_close(&store);
}

static void while_the_connection_is_away_nothing_happens_and_the_owner_knows(void **state)
{
    (void)state;
    struct owner owner = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    struct store *store = open_memory(&(struct faulty_options){
        .script = ".d", .away_calls = 2, .changed = session_changed, .context = &owner});
    assert_int_equal(create(store, "/a"), STORE_OK);
    for (int i = 0; i < 3; i++)
        assert_int_equal(create(store, "/b"), STORE_LOST);
    assert_int_equal(exists(store, "/b"), STORE_NONODE);
    assert_true(told_within(&owner, "sc", 2000));
    store_close(&store);
}

static void the_same_seed_loses_the_same_calls(void **state)
{
    char outcomes[2][200];
    for (size_t i = 0; i < 2; i++) {
        begin(state);
        struct store *store = open_memory(&(struct faulty_options){.seed = 7, .before = 200, .after = 200});
        for (size_t j = 0; j < sizeof outcomes[i]; j++)
            outcomes[i][j] = (char)create(store, "/a");
        assert_in_range(faulty_count(store), 50, 110);
        store_close(&store);
    }
    assert_memory_equal(outcomes[0], outcomes[1], sizeof outcomes[0]);
}

struct contender {
    struct store *store;
    int *inside, *worst;
    int64_t *last_token;
};

static const char *hold_once(struct contender *contender)
{
    int64_t token;
    enum store_result result = store_lock(contender->store, "/lock", 10000, &token, NULL);
    if (result == STORE_LOST)
        return NULL;
    if (result != STORE_OK)
        return "not got in time";
    int inside = __atomic_add_fetch(contender->inside, 1, __ATOMIC_SEQ_CST);
    if (inside > 1 || token <= *contender->last_token)
        *contender->worst = inside;
    *contender->last_token = token;
    __atomic_sub_fetch(contender->inside, 1, __ATOMIC_SEQ_CST);
    store_unlock(contender->store, "/lock");
    return "";
}

static void *contend(void *argument)
{
    for (int rounds = 0, tries = 0; rounds < ROUNDS; tries++) {
        const char *outcome = hold_once(argument);
        if (outcome && *outcome)
            return (void *)outcome;
        rounds += outcome != NULL;
        if (tries > 50 * ROUNDS)
            return "lost too often";
    }
    return NULL;
}

/* Each contender has a session of its own, so what one of them leaves behind would hold up the others for
 * good. */
static void a_lock_whose_answers_are_lost_is_never_stuck_nor_held_twice(void **state)
{
    (void)state;
    pthread_t threads[CONTENDERS];
    struct contender contenders[CONTENDERS];
    int inside = 0, worst = 0;
    int64_t last_token = -1;
    for (size_t i = 0; i < CONTENDERS; i++) {
        const struct faulty_options options = rough(100 + i);
        contenders[i] = (struct contender){open_memory(&options), &inside, &worst, &last_token};
        pthread_create(&threads[i], NULL, contend, &contenders[i]);
    }
    for (size_t i = 0; i < CONTENDERS; i++) {
        void *complaint;
        pthread_join(threads[i], &complaint);
        assert_null(complaint);
        assert_true(faulty_count(contenders[i].store) > 10);
    }
    assert_int_equal(worst, 0);
    for (size_t i = 0; i < CONTENDERS; i++)
        store_close(&contenders[i].store);
}

static void *wait_for_lock(void *argument)
{
    return (void *)(intptr_t)store_lock(argument, "/lock", 10000, NULL, NULL);
}

static void note_change(void *context, const char *path)
{
    (void)path;
    __atomic_add_fetch((int *)context, 1, __ATOMIC_SEQ_CST);
}

static void when_the_session_ends_its_locks_are_gone_and_everyone_is_told(void **state)
{
    (void)state;
    struct owner owner = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    struct store *ours = open_memory(&(struct faulty_options){.changed = session_changed, .context = &owner});
    struct store *theirs = open_memory(&(struct faulty_options){0});
    int64_t token, next;
    int changes = 0;
    pthread_t waiter;
    void *outcome;
    assert_int_equal(store_lock(ours, "/lock", 100, &token, NULL), STORE_OK);
    assert_int_equal(store_lock(theirs, "/other", 100, NULL, NULL), STORE_OK);
    assert_int_equal(store_create(ours, "/e", NULL, 0, STORE_EPHEMERAL, NULL, NULL), STORE_OK);
    assert_int_equal(store_watch(ours, "/unchanged", false, note_change, &changes, NULL), STORE_OK);
    pthread_create(&waiter, NULL, wait_for_lock, ours); /* waits behind our own lock */
    clock_sleep_ms(20);
    faulty_expire(ours);
    assert_true(told_within(&owner, "ec", 2000));
    pthread_join(waiter, &outcome);
    assert_int_equal((intptr_t)outcome, STORE_LOST);
    assert_false(store_holds(ours, "/lock", token));
    assert_int_equal(exists(theirs, "/e"), STORE_NONODE);
    assert_int_equal(store_lock(theirs, "/lock", 1000, &next, NULL), STORE_OK);
    assert_true(next > token);
    for (int i = 0; i < 200 && __atomic_load_n(&changes, __ATOMIC_SEQ_CST) == 0; i++)
        clock_sleep_ms(5);
    assert_int_equal(__atomic_load_n(&changes, __ATOMIC_SEQ_CST), 1);
    store_close(&ours);
    store_close(&theirs);
}

/* The contract, through a caller that reads before it writes again. */

static uint64_t seed;

static struct store *wrapped(struct store *inside)
{
    const struct faulty_options options = rough(seed++);
    return store_open_careful(store_open_faulty(inside, &options));
}

static int open_careful_memory(void *context, struct store **store, struct error *err)
{
    struct store *inside = NULL;
    (void)context;
    if (store_open_memory(tree, &inside, err) < 0)
        return -1;
    *store = wrapped(inside);
    return 0;
}

static void clear_memory(void *context)
{
    (void)context;
    begin(NULL);
}

static int open_careful_sqlite(void *context, struct store **store, struct error *err)
{
    cleanup(memory_free) char *path = memory_format("%s/store.db", directory);
    struct store *inside = NULL;
    (void)context;
    if (store_open_sqlite(path, &inside, err) < 0)
        return -1;
    *store = wrapped(inside);
    return 0;
}

static void clear_sqlite(void *context)
{
    (void)context;
    tree_remove(directory, NULL);
    directory_make(directory, 0700, NULL);
}

int main(int argc, char **argv)
{
    seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
    if (!mkdtemp(directory))
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_script_says_which_call_is_lost_before_and_which_after_its_effect, begin),
        cmocka_unit_test_setup(while_the_connection_is_away_nothing_happens_and_the_owner_knows, begin),
        cmocka_unit_test_setup(the_same_seed_loses_the_same_calls, begin),
        cmocka_unit_test_setup(a_lock_whose_answers_are_lost_is_never_stuck_nor_held_twice, begin),
        cmocka_unit_test_setup(when_the_session_ends_its_locks_are_gone_and_everyone_is_told, begin),
    };
    int failed = cmocka_run_group_tests_name("faulty", tests, NULL, NULL);
    struct store_contract contracts[] = {
        {.name = "careful faulty memory contract", .open = open_careful_memory, .clear = clear_memory},
        {.name = "careful faulty sqlite contract", .open = open_careful_sqlite, .clear = clear_sqlite},
    };
    for (size_t i = 0; i < COUNT_OF(contracts); i++)
        failed += store_contract_run(&contracts[i]);
    memory_tree_free(&tree);
    tree_remove(directory, NULL);
    return failed;
}
