#include "localaws/table.h"

#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void what_was_put_is_found_and_what_was_removed_is_not(void **state)
{
    (void)state;
    cleanup(table_free) struct table table = {0};
    static int values[5000];
    char key[32];
    for (int i = 0; i < 5000; i++) {
        snprintf(key, sizeof key, "i-%05d", i);
        table_put(&table, key, &values[i]);
    }
    for (int i = 0; i < 5000; i += 2) {
        snprintf(key, sizeof key, "i-%05d", i);
        assert_ptr_equal(table_remove(&table, key), &values[i]);
        assert_null(table_remove(&table, key));
    }
    assert_int_equal(table.count, 2500);
    for (int i = 0; i < 5000; i++) {
        snprintf(key, sizeof key, "i-%05d", i);
        assert_ptr_equal(table_get(&table, key), i % 2 ? &values[i] : NULL);
    }
}

static void a_walk_follows_the_order_of_putting(void **state)
{
    (void)state;
    cleanup(table_free) struct table table = {0};
    table_put(&table, "c", "1");
    table_put(&table, "a", "2");
    table_put(&table, "b", "3");
    table_put(&table, "a", "2 again");
    table_remove(&table, "c");
    table_put(&table, "c", "4");
    size_t at = 0;
    assert_string_equal(table_next(&table, &at), "2 again");
    assert_string_equal(table_next(&table, &at), "3");
    assert_string_equal(table_next(&table, &at), "4");
    assert_null(table_next(&table, &at));
}

static void putting_and_removing_for_ever_does_not_grow_it(void **state)
{
    (void)state;
    cleanup(table_free) struct table table = {0};
    for (int i = 0; i < 100000; i++) {
        char key[32];
        snprintf(key, sizeof key, "%d", i);
        table_put(&table, key, &table);
        table_remove(&table, key);
    }
    assert_true(table.room <= 16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_put_is_found_and_what_was_removed_is_not),
        cmocka_unit_test(a_walk_follows_the_order_of_putting),
        cmocka_unit_test(putting_and_removing_for_ever_does_not_grow_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
