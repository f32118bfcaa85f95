#include "store/memory.h"

#include "base/text.h"
#include "store/store_contract.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct memory_tree *tree;

static int open_store(void *context, struct store **store, struct error *err)
{
    (void)context;
    return store_open_memory(tree, store, err);
}

static void clear(void *context)
{
    (void)context;
    memory_tree_free(&tree);
    tree = memory_tree_new();
}

static int begin(void **state)
{
    (void)state;
    clear(NULL);
    return 0;
}

/* Answers what it was told to, once, at the moment it was told. */
struct fault {
    enum memory_moment moment;
    enum store_result result;
};

static enum store_result fail_once(void *context, enum memory_moment moment,
                                   const struct store_operation *operations, size_t count)
{
    struct fault *fault = context;
    (void)operations;
    (void)count;
    if (moment != fault->moment)
        return STORE_OK;
    enum store_result result = fault->result;
    fault->result = STORE_OK;
    return result;
}

static void a_lost_answer_leaves_the_write_and_a_refused_one_does_not(void **state)
{
    (void)state;
    struct store *store;
    struct fault fault = {MEMORY_AFTER_WRITE, STORE_LOST};
    open_store(NULL, &store, NULL);
    store_memory_hook(store, fail_once, &fault);
    assert_int_equal(store_create(store, "/a", "1", 1, 0, NULL, NULL), STORE_LOST);
    assert_int_equal(store_exists(store, "/a", NULL, NULL), STORE_OK);
    fault = (struct fault){MEMORY_BEFORE_WRITE, STORE_LOST};
    assert_int_equal(store_create(store, "/b", "1", 1, 0, NULL, NULL), STORE_LOST);
    assert_int_equal(store_exists(store, "/b", NULL, NULL), STORE_NONODE);
    fault = (struct fault){MEMORY_READ, STORE_LOST};
    assert_int_equal(store_exists(store, "/a", NULL, NULL), STORE_LOST);
    assert_int_equal(store_exists(store, "/a", NULL, NULL), STORE_OK);
    store_close(&store);
}

static void count_call(void *context, const char *path)
{
    (void)path;
    ++*(int *)context;
}

static void sessions_see_each_others_writes_and_ends(void **state)
{
    (void)state;
    struct store *one, *other;
    int calls = 0;
    open_store(NULL, &one, NULL);
    open_store(NULL, &other, NULL);
    assert_int_equal(store_create(one, "/here", "", 0, STORE_EPHEMERAL, NULL, NULL), STORE_OK);
    assert_int_equal(store_watch(other, "/here", false, count_call, &calls, NULL), STORE_OK);
    assert_int_equal(calls, 0);
    store_close(&one);
    assert_int_equal(calls, 1);
    assert_int_equal(store_exists(other, "/here", NULL, NULL), STORE_NONODE);
    store_close(&other);
}

static void held_watches_wait_until_they_are_asked_for(void **state)
{
    (void)state;
    struct store *store;
    int calls = 0;
    memory_tree_hold_watches(tree);
    open_store(NULL, &store, NULL);
    assert_int_equal(store_watch(store, "/a", false, count_call, &calls, NULL), STORE_OK);
    assert_int_equal(store_create(store, "/a", "", 0, 0, NULL, NULL), STORE_OK);
    assert_int_equal(calls, 0);
    assert_int_equal(memory_tree_deliver(tree), 1);
    assert_int_equal(calls, 1);
    assert_int_equal(memory_tree_deliver(tree), 0);
    store_close(&store);
}

static void many_records_are_found_and_listed_in_order(void **state)
{
    (void)state;
    struct store *store;
    cleanup(arena_free) struct arena *arena = arena_new();
    open_store(NULL, &store, NULL);
    store_create(store, "/many", "", 0, 0, NULL, NULL);
    for (int i = 0; i < 1000; i++) { /* 7 and 1000 have no common divisor: each once, in no order */
        const char *path = arena_format(arena, "/many/%03d", i * 7 % 1000);
        assert_int_equal(store_create(store, path, path, 5, 0, NULL, NULL), STORE_OK);
    }
    char **names;
    size_t count;
    assert_int_equal(store_children(store, arena, "/many", &names, &count, NULL), STORE_OK);
    assert_int_equal(count, 1000);
    for (size_t i = 0; i < count; i++)
        assert_string_equal(names[i], arena_format(arena, "%03zu", i));
    store_close(&store);
}

int main(void)
{
    struct store_contract contract = {.name = "memory contract", .open = open_store, .clear = clear};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_lost_answer_leaves_the_write_and_a_refused_one_does_not, begin),
        cmocka_unit_test_setup(sessions_see_each_others_writes_and_ends, begin),
        cmocka_unit_test_setup(held_watches_wait_until_they_are_asked_for, begin),
        cmocka_unit_test_setup(many_records_are_found_and_listed_in_order, begin),
    };
    int failed = cmocka_run_group_tests_name("memory", tests, NULL, NULL);
    failed += store_contract_run(&contract);
    memory_tree_free(&tree);
    return failed;
}
