#include "zts/nonces.h"
#include "zts/rate_limit.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void a_nonce_is_taken_once(void **state)
{
    (void)state;
    cleanup(arena_free) struct arena *arena = arena_new();
    cleanup(nonces_free) struct nonces *nonces = nonces_new();
    struct error err = {0};
    char *nonce = nonces_issue(nonces, arena, 1000), *other = nonces_issue(nonces, arena, 1000);
    assert_string_not_equal(nonce, other);
    assert_int_equal(nonces_check(nonces, nonce, 1500, &err), 0);
    assert_int_equal(nonces_spend(nonces, nonce, 2000, &err), 0);
    assert_int_equal(nonces_spend(nonces, nonce, 2000, &err), -1);
    assert_int_equal(err.kind, ERROR_FORBIDDEN);
    assert_int_equal(nonces_spend(nonces, other, 2000, &err), 0);
}

static void a_nonce_expires_and_what_is_forgotten_stays_expired(void **state)
{
    (void)state;
    cleanup(arena_free) struct arena *arena = arena_new();
    cleanup(nonces_free) struct nonces *nonces = nonces_new();
    struct error err = {0};
    char *nonce = nonces_issue(nonces, arena, 1000);
    assert_int_equal(nonces_spend(nonces, nonce, 1000 + NONCE_LIFE_MS, &err), 0);
    assert_int_equal(nonces_spend(nonces, nonce, 1000 + 3 * NONCE_LIFE_MS, &err), -1);
    assert_non_null(strstr(err.message, "expired"));
}

static void a_nonce_of_somebody_else_is_refused(void **state)
{
    (void)state;
    cleanup(arena_free) struct arena *arena = arena_new();
    cleanup(nonces_free) struct nonces *nonces = nonces_new();
    cleanup(nonces_free) struct nonces *others = nonces_new();
    struct error err = {0};
    assert_int_equal(nonces_spend(nonces, nonces_issue(others, arena, 1000), 1000, &err), -1);
    assert_int_equal(nonces_spend(nonces, "", 1000, &err), -1);
    assert_int_equal(nonces_spend(nonces, "zz", 1000, &err), -1);
    char *changed = nonces_issue(nonces, arena, 1000);
    changed[0] = changed[0] == '1' ? '2' : '1'; /* a later time */
    assert_int_equal(nonces_spend(nonces, changed, 1000, &err), -1);
}

static struct sockaddr_in6 address(const char *text)
{
    struct sockaddr_in6 made = {.sin6_family = AF_INET6};
    inet_pton(AF_INET6, text, &made.sin6_addr);
    return made;
}

static bool allows(struct rate_limit *limit, const char *text, int64_t now_ms)
{
    struct sockaddr_in6 from = address(text);
    return rate_limit_allows(limit, (struct sockaddr *)&from, now_ms);
}

static void a_network_has_its_share_and_gets_it_back_with_time(void **state)
{
    (void)state;
    cleanup(rate_limit_free) struct rate_limit *limit = rate_limit_new(1, 3);
    for (int i = 0; i < 3; i++)
        assert_true(allows(limit, "2001:db8:1::1", 1000));
    assert_false(allows(limit, "2001:db8:1::1", 1000));
    assert_false(allows(limit, "2001:db8:1::ffff", 1000)); /* of the same /64 */
    assert_true(allows(limit, "2001:db8:2::1", 1000));
    assert_true(allows(limit, "2001:db8:1::1", 2000));
    assert_false(allows(limit, "2001:db8:1::1", 2000));
}

static void mapped_ipv4_callers_are_told_apart(void **state)
{
    (void)state;
    cleanup(rate_limit_free) struct rate_limit *limit = rate_limit_new(1, 1);
    assert_true(allows(limit, "::ffff:10.0.0.1", 1000));
    assert_false(allows(limit, "::ffff:10.0.0.1", 1000));
    assert_true(allows(limit, "::ffff:10.0.0.2", 1000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_nonce_is_taken_once),
        cmocka_unit_test(a_nonce_expires_and_what_is_forgotten_stays_expired),
        cmocka_unit_test(a_nonce_of_somebody_else_is_refused),
        cmocka_unit_test(a_network_has_its_share_and_gets_it_back_with_time),
        cmocka_unit_test(mapped_ipv4_callers_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
