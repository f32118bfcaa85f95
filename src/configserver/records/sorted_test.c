/* The tree against a model that is plainly right. */
#include "configserver/records/sorted.h"

#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { KEYS = 600, TENANTS = 7 };

static uint64_t state_of_chance = 1;

static unsigned chance(unsigned bound)
{
    state_of_chance = state_of_chance * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(state_of_chance >> 33) % bound;
}

static const char *tenant_of(const void *record)
{
    return ((const struct account *)record)->tenant;
}

/* Account number `key` of that tenant. */
static struct entry *make_entry(unsigned key, unsigned tenant)
{
    char text[120];
    struct error err;
    snprintf(text, sizeof text, "{\"id\":\"%012u\",\"tenant\":\"t%u\",\"externalId\":\"x\"}", key, tenant);
    struct entry *entry = entry_parse(RECORD_ACCOUNT, text, strlen(text), 0, &err);
    if (!entry)
        fail_msg("%s", err.message);
    return entry;
}

/* Which are in it: by tenant and key. */
struct model {
    struct entry *entries[TENANTS][KEYS];
};

static void check(const struct sorted *tree, const struct model *model)
{
    const char *rule = sorted_broken_rule(tree);
    if (rule)
        fail_msg("%s", rule);
    size_t rank = 0;
    const struct sorted_node *leaf = NULL;
    size_t slot = 0;
    for (unsigned tenant = 0; tenant < TENANTS; tenant++)
        for (unsigned key = 0; key < KEYS; key++) {
            char of[8], id[16];
            snprintf(of, sizeof of, "t%u", tenant);
            snprintf(id, sizeof id, "%012u", key);
            assert_int_equal(sorted_rank(tree, of, id), rank);
            struct entry *entry = model->entries[tenant][key];
            assert_ptr_equal(sorted_find(tree, of, id), entry);
            if (!entry)
                continue;
            struct entry *next = leaf ? sorted_next(leaf, &slot) : NULL;
            assert_ptr_equal(sorted_at(tree, rank, &leaf, &slot), entry);
            if (next)
                assert_ptr_equal(next, entry);
            rank++;
        }
    assert_int_equal(sorted_count(tree), rank);
}

static void change(struct sorted *tree, struct model *model, unsigned grow_percent)
{
    unsigned tenant = chance(TENANTS), key = chance(KEYS);
    struct entry **slot = &model->entries[tenant][key];
    if (chance(100) < grow_percent) {
        struct entry *entry = make_entry(key, tenant);
        sorted_put(tree, entry);
        entry_drop(*slot);
        *slot = entry;
        return;
    }
    char of[8], id[16];
    snprintf(of, sizeof of, "t%u", tenant);
    snprintf(id, sizeof id, "%012u", key);
    sorted_remove(tree, of, id);
    entry_drop(*slot);
    *slot = NULL;
}

static void drop_model(struct model *model)
{
    for (unsigned i = 0; i < TENANTS * KEYS; i++)
        entry_drop(model->entries[i / KEYS][i % KEYS]);
    free(model);
}

static struct model *copy_model(const struct model *model)
{
    struct model *copy = memory_alloc(sizeof *copy);
    for (unsigned i = 0; i < TENANTS * KEYS; i++) {
        struct entry *entry = model->entries[i / KEYS][i % KEYS];
        copy->entries[i / KEYS][i % KEYS] = entry ? entry_hold(entry) : NULL;
    }
    return copy;
}

/* It grows and shrinks; what was shared on the way stays as it was. */
static void it_holds_what_the_model_holds_and_shares_stay_as_they_were(void **state)
{
    (void)state;
    enum { SHARES = 12, CHANGES = 700 };
    struct sorted tree = {.of = tenant_of}, shares[SHARES];
    struct model *model = memory_alloc(sizeof *model), *models[SHARES];
    for (int round = 0; round < SHARES; round++) {
        for (int i = 0; i < CHANGES; i++)
            change(&tree, model, round < SHARES / 2 ? 80 : 15);
        check(&tree, model);
        shares[round] = sorted_share(&tree);
        models[round] = copy_model(model);
    }
    for (int round = 0; round < SHARES; round++) {
        check(&shares[round], models[round]);
        sorted_drop(&shares[round]);
        drop_model(models[round]);
    }
    for (unsigned i = 0; i < TENANTS * KEYS; i++) {
        char of[8], id[16];
        snprintf(of, sizeof of, "t%u", i / KEYS);
        snprintf(id, sizeof id, "%012u", i % KEYS);
        sorted_remove(&tree, of, id);
    }
    assert_null(tree.root);
    drop_model(model);
}

static void in_order_and_in_reverse_it_stays_low(void **state)
{
    (void)state;
    for (int reverse = 0; reverse < 2; reverse++) {
        struct sorted tree = {0};
        for (unsigned i = 0; i < 5000; i++) {
            struct entry *entry = make_entry(reverse ? 4999 - i : i, 1);
            sorted_put(&tree, entry);
            entry_drop(entry);
        }
        assert_null(sorted_broken_rule(&tree));
        assert_int_equal(sorted_count(&tree), 5000);
        assert_string_equal(sorted_find(&tree, NULL, "000000001234")->key, "000000001234");
        sorted_drop(&tree);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_holds_what_the_model_holds_and_shares_stay_as_they_were),
        cmocka_unit_test(in_order_and_in_reverse_it_stays_low),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
