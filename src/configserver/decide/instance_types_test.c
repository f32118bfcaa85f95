#include "configserver/decide/instance_types.h"

#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct arena *arena;
static const char *const both[] = {"x86_64", "arm64"};

static struct wanted_resources ask(double vcpu, double memory, double disk, const char *storage,
                                   const char *architecture)
{
    return (struct wanted_resources){.vcpu = {vcpu, vcpu},
                                     .memory_gb = {memory, memory},
                                     .disk_gb = {disk, disk},
                                     .disk_speed = "fast",
                                     .storage_type = storage,
                                     .architecture = architecture};
}

static void the_cheapest_type_that_fits_comes_first(void **state)
{
    (void)state;
    static const struct {
        double vcpu, memory, disk;
        const char *storage, *architecture, *first;
    } cases[] = {
        {2, 4, 50, "any", "x86_64", "c6a.large"},
        {2, 8, 50, "any", "x86_64", "m6a.large"},
        {2, 4, 50, "any", "arm64", "c6g.large"},
        {2, 8, 300, "remote", "arm64", "m6g.large"},
        {2, 16, 300, "any", "arm64", "r6g.large"},
        {3, 8, 50, "any", "x86_64", "c6a.xlarge"},
        {0.5, 2, 50, "any", "arm64", "c6g.medium"},
        {4, 16, 200, "local", "arm64", "m6gd.xlarge"},
        {2, 16, 1000, "local", "x86_64", "i3en.large"},
        {16, 128, 60000, "remote", "x86_64", "r6a.4xlarge"},
        {2, 8, 50, "any", "any", "m6a.large"},
        {64, 1024, 500, "any", "arm64", "x2gd.16xlarge"},
        {96, 3000, 500, "any", "any", "x2iedn.24xlarge"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct wanted_resources wanted =
            ask(cases[i].vcpu, cases[i].memory, cases[i].disk, cases[i].storage, cases[i].architecture);
        const struct instance_type **types;
        size_t count;
        struct error err = {0};
        if (instance_types_for(arena, &wanted, both, 2, &types, &count, &err) < 0)
            fail_msg("%s", err.message);
        assert_string_equal(types[0]->name, cases[i].first);
    }
}

/* Every answer gives at least what is asked, of one architecture, in the order of prices, none too dear. */
static void every_type_offered_fits(void **state)
{
    (void)state;
    for (double vcpu = 0.5; vcpu <= 128; vcpu *= 2)
        for (double memory = 1; memory <= 8 * vcpu; memory *= 2)
            for (size_t local = 0; local < 2; local++) {
                struct wanted_resources wanted = ask(vcpu, memory, 100, local ? "local" : "any", both[local]);
                wanted.max_cost_factor = 1.5;
                const struct instance_type **types;
                size_t count;
                assert_int_equal(instance_types_for(arena, &wanted, both, 2, &types, &count, NULL), 0);
                assert_in_range(count, 1, INSTANCE_TYPES_MOST);
                for (size_t i = 0; i < count; i++) {
                    assert_true(types[i]->vcpu >= vcpu && types[i]->memory_gb >= memory);
                    assert_true(!local || types[i]->local_disk_gb >= 100);
                    assert_true(types[i]->price <= 1.5 * types[0]->price);
                    assert_true(i == 0 || types[i]->price >= types[i - 1]->price);
                    assert_string_equal(types[i]->architecture, both[local]);
                }
            }
}

static void a_cost_factor_of_one_leaves_no_dearer_choice(void **state)
{
    (void)state;
    struct wanted_resources wanted = ask(2, 8, 50, "any", "arm64");
    const struct instance_type **types;
    size_t count;
    assert_int_equal(instance_types_for(arena, &wanted, both, 2, &types, &count, NULL), 0);
    assert_true(count > 3);
    wanted.max_cost_factor = 1;
    assert_int_equal(instance_types_for(arena, &wanted, both, 2, &types, &count, NULL), 0);
    assert_int_equal(count, 1);
}

static void refuses(const struct wanted_resources *wanted, const char *const *architectures, size_t number,
                    const char *words)
{
    const struct instance_type **types;
    size_t count;
    struct error err = {0};
    assert_int_equal(instance_types_for(arena, wanted, architectures, number, &types, &count, &err), -1);
    assert_string_equal(err.code, "INVALID_APPLICATION_PACKAGE");
    if (!strstr(err.message, words))
        fail_msg("'%s' does not say '%s'", err.message, words);
}

static void what_no_type_has_is_refused_with_what_the_nearest_has(void **state)
{
    (void)state;
    struct wanted_resources wanted = ask(190, 2000, 50, "any", "x86_64");
    refuses(&wanted, both, 2, "the nearest, r6a.48xlarge, has 192 vcpu, 1536 GB");
    wanted = ask(4, 16, 90000, "local", "arm64");
    refuses(&wanted, both, 2, "GB of local disk; the nearest, i8g.48xlarge");
    wanted = ask(2, 8, 50, "any", "arm64");
    refuses(&wanted, both, 1, "architecture='arm64' is not one this zone has a host image for: x86_64");
}

static void the_table_is_sorted_and_true_to_itself(void **state)
{
    (void)state;
    size_t count;
    const struct instance_type *types = instance_types_all(&count);
    assert_true(count > 300);
    for (size_t i = 0; i < count; i++) {
        assert_ptr_equal(instance_type_find(types[i].name), &types[i]); /* no name twice */
        assert_true(types[i].vcpu >= 1 && types[i].memory_gb >= 2 && types[i].price > 0);
        assert_true(text_equal(types[i].architecture, "x86_64") ||
                    text_equal(types[i].architecture, "arm64"));
        assert_true(i == 0 || types[i].price >= types[i - 1].price);
        assert_true(strlen(types[i].name) < 32);
    }
    assert_null(instance_type_find("m1.small"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_cheapest_type_that_fits_comes_first),
        cmocka_unit_test(every_type_offered_fits),
        cmocka_unit_test(a_cost_factor_of_one_leaves_no_dearer_choice),
        cmocka_unit_test(what_no_type_has_is_refused_with_what_the_nearest_has),
        cmocka_unit_test(the_table_is_sorted_and_true_to_itself),
    };
    arena = arena_new();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_free(&arena);
    return failed;
}
