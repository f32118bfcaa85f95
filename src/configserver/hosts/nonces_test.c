#include "configserver/hosts/nonces.h"

#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static int64_t now_ms = 1000000;

static int64_t now(void *context)
{
    (void)context;
    return now_ms;
}

static const struct environment environment = {NULL, now, NULL};

struct bench {
    struct nonces *nonces;
    struct arena *arena;
};

static int begin(void **state)
{
    struct bench *bench = memory_alloc(sizeof *bench);
    bench->nonces = nonces_new(&environment);
    bench->arena = arena_new();
    *state = bench;
    return 0;
}

static int end(void **state)
{
    struct bench *bench = *state;
    nonces_free(&bench->nonces);
    arena_free(&bench->arena);
    free(bench);
    return 0;
}

static void a_nonce_is_good_once(void **state)
{
    struct bench *bench = *state;
    int64_t expires;
    char *nonce = nonce_give(bench->nonces, bench->arena, "h1", "i-1", &expires);
    assert_int_equal(expires, now_ms + NONCE_LIFETIME_MS);
    assert_true(nonce_take(bench->nonces, nonce, "h1", "i-1"));
    assert_false(nonce_take(bench->nonces, nonce, "h1", "i-1"));
}

static void a_nonce_shown_by_another_is_spent(void **state)
{
    struct bench *bench = *state;
    int64_t expires;
    char *nonce = nonce_give(bench->nonces, bench->arena, "h1", "i-1", &expires);
    assert_false(nonce_take(bench->nonces, nonce, "h2", "i-1"));
    assert_false(nonce_take(bench->nonces, nonce, "h1", "i-1"));
}

static void a_nonce_ends(void **state)
{
    struct bench *bench = *state;
    int64_t expires;
    char *nonce = nonce_give(bench->nonces, bench->arena, "h1", "i-1", &expires);
    now_ms = expires;
    assert_false(nonce_take(bench->nonces, nonce, "h1", "i-1"));
}

static void two_nonces_are_never_the_same(void **state)
{
    struct bench *bench = *state;
    int64_t expires;
    assert_string_not_equal(nonce_give(bench->nonces, bench->arena, "h1", "i-1", &expires),
                            nonce_give(bench->nonces, bench->arena, "h1", "i-1", &expires));
}

static void only_so_many_wait(void **state)
{
    struct bench *bench = *state;
    int64_t expires;
    for (int i = 0; i < NONCES_MOST; i++)
        assert_non_null(nonce_give(bench->nonces, bench->arena, "h1", "i-1", &expires));
    assert_null(nonce_give(bench->nonces, bench->arena, "h1", "i-1", &expires));
    now_ms += NONCE_LIFETIME_MS;
    assert_non_null(nonce_give(bench->nonces, bench->arena, "h1", "i-1", &expires));
}

static void an_address_may_ask_often_at_once_and_then_now_and_then(void **state)
{
    struct bench *bench = *state;
    for (int i = 0; i < ASK_BURST; i++)
        assert_true(nonces_may_ask(bench->nonces, "2001:db8::1"));
    assert_false(nonces_may_ask(bench->nonces, "2001:db8::1"));
    now_ms += ASK_EVERY_MS;
    assert_true(nonces_may_ask(bench->nonces, "2001:db8::1"));
    assert_false(nonces_may_ask(bench->nonces, "2001:db8::1"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_nonce_is_good_once), TEST(a_nonce_shown_by_another_is_spent),
        TEST(a_nonce_ends),         TEST(two_nonces_are_never_the_same),
        TEST(only_so_many_wait),    TEST(an_address_may_ask_often_at_once_and_then_now_and_then),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
