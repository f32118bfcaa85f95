/* Table and heap against models that are plainly right. */
#include "base/heap.h"
#include "base/memory.h"
#include "base/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

enum { KEYS = 500, CHANGES = 20000 };

static unsigned chance(unsigned bound)
{
    static uint64_t state = 7;
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(state >> 33) % bound;
}

static void a_table_holds_what_was_set_and_not_taken(void **state)
{
    (void)state;
    static char keys[KEYS][8];
    static int values[2];
    void *model[KEYS] = {0};
    struct table table = {0};
    size_t count = 0;
    assert_null(table_get(&table, "nothing"));
    assert_null(table_take(&table, "nothing"));
    for (unsigned i = 0; i < KEYS; i++)
        snprintf(keys[i], sizeof keys[i], "k%u", i);
    for (int i = 0; i < CHANGES; i++) {
        unsigned key = chance(KEYS);
        assert_ptr_equal(table_get(&table, keys[key]), model[key]);
        if (chance(100) < (i < CHANGES / 2 ? 70u : 30u)) {
            void *value = &values[chance(2)];
            count += model[key] == NULL;
            table_set(&table, keys[key], model[key] = value);
        } else {
            assert_ptr_equal(table_take(&table, keys[key]), model[key]);
            count -= model[key] != NULL;
            model[key] = NULL;
        }
        assert_int_equal(table.count, count);
    }
    size_t at = 0, seen = 0;
    while (table_each(&table, &at))
        seen++;
    assert_int_equal(seen, count);
    table_free(&table);
}

static void a_heap_gives_the_earliest_and_of_those_the_first(void **state)
{
    (void)state;
    static struct heap_item items[KEYS];
    struct heap heap = {0};
    assert_null(heap_first(&heap));
    for (int i = 0; i < CHANGES; i++) {
        struct heap_item *item = &items[chance(KEYS)], *first = NULL;
        if (chance(3) > 0)
            heap_set(&heap, item, chance(50));
        else
            heap_remove(&heap, item);
        size_t count = 0;
        for (unsigned j = 0; j < KEYS; j++) {
            if (items[j].place == 0)
                continue;
            count++;
            if (!first || items[j].at < first->at ||
                (items[j].at == first->at && items[j].order < first->order))
                first = &items[j];
        }
        assert_int_equal(heap.count, count);
        assert_ptr_equal(heap_first(&heap), first);
    }
    heap_free(&heap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_holds_what_was_set_and_not_taken),
        cmocka_unit_test(a_heap_gives_the_earliest_and_of_those_the_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
