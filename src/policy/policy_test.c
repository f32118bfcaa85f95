/* What the tables do not ask. */
#include "policy/decision.h"
#include "policy/language.h"

#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void a_pattern_of_many_stars_ends_in_time(void **state)
{
    (void)state;
    char pattern[512] = "", text[4096];
    for (int i = 0; i < 100; i++)
        strcat(pattern, "*a");
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    strcat(pattern, "b");
    assert_false(pattern_matches(pattern, text, false));
    char resource[1024] = "arn:aws:";
    for (int i = 0; i < 50; i++)
        strcat(resource, "*a");
    strcat(resource, "*:*:*:*b");
    memset(text, ':', sizeof text - 1);
    memcpy(text, "arn:aws:", strlen("arn:aws:"));
    assert_false(resource_matches(resource, text));
}

static void the_size_of_a_policy_leaves_out_its_white_space(void **state)
{
    (void)state;
    assert_int_equal(policy_size(" { \"a\" :\n\t1 } "), 7);
    assert_int_equal(policy_size(""), 0);
}

static void a_policy_tells_the_keys_it_asks_about(void **state)
{
    (void)state;
    cleanup(arena_free) struct arena *arena = arena_new();
    struct policy *policy;
    const char *text = "{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"s3:*\","
                       "\"Resource\":\"arn:aws:s3:::b/${aws:username}/"
                       "${*}\",\"Condition\":{\"Bool\":{\"aws:SecureTransport\":"
                       "\"true\"},\"StringLike\":{\"AWS:username\":\"${aws:PrincipalTag/team, 'x'}*\"}}}}";
    assert_int_equal(policy_parse(arena, text, POLICY_IDENTITY, &policy, NULL), 0);
    const char **keys = policy_context_keys(arena, policy);
    static const char *const expected[] = {"aws:username", "aws:SecureTransport", "aws:PrincipalTag/team"};
    for (size_t i = 0; i < COUNT_OF(expected); i++)
        assert_string_equal(keys[i], expected[i]);
    assert_null(keys[COUNT_OF(expected)]);
}

static void a_refusal_has_the_words_of_aws(void **state)
{
    (void)state;
    static const struct {
        struct decision decision;
        enum resource_rule rule;
        const char *words;
    } cases[] = {
        {{.explicitly = true, .source = SOURCE_IDENTITY},
         RESOURCE_MAY,
         "with an explicit deny in an identity-based policy"},
        {{.explicitly = true, .source = SOURCE_RESOURCE},
         RESOURCE_ROLE,
         "with an explicit deny in a role trust policy"},
        {{.source = SOURCE_BOUNDARY}, RESOURCE_KEY, "because no permissions boundary allows the a:B action"},
        {{.source = SOURCE_SESSION}, RESOURCE_MAY, "because no session policy allows the a:B action"},
        {{.source = SOURCE_RESOURCE}, RESOURCE_KEY, "because no resource-based policy allows the a:B action"},
        {{.source = SOURCE_RESOURCE}, RESOURCE_ROLE, "because no role trust policy allows the a:B action"},
        {{.source = SOURCE_SERVICE_CONTROL},
         RESOURCE_MAY,
         "because no service control policy allows the a:B action"},
        {{.source = SOURCE_ENDPOINT}, RESOURCE_MAY, "because no VPC endpoint policy allows the a:B action"},
    };
    cleanup(arena_free) struct arena *arena = arena_new();
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_string_equal(decision_refusal(arena, &cases[i].decision, cases[i].rule, "a:B"),
                            cases[i].words);
}

static void a_boundary_that_is_gone_allows_nothing(void **state)
{
    (void)state;
    cleanup(arena_free) struct arena *arena = arena_new();
    struct policy *all;
    assert_int_equal(
        policy_parse(arena, "{\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"}}",
                     POLICY_IDENTITY, &all, NULL),
        0);
    const struct policy *const identity[] = {all};
    const struct policy_set set = {.identity = {identity, 1}, .boundary = policy_of_nothing()};
    const struct policy_request request = {.principal = {.kind = PRINCIPAL_USER,
                                                         .arn = "arn:aws:iam::111111111111:user/a",
                                                         .account = "111111111111"},
                                           .action = "s3:GetObject",
                                           .resource = "arn:aws:s3:::b/k"};
    const struct decision decision = policy_decide(&set, &request);
    assert_false(decision.allowed);
    assert_int_equal(decision.source, SOURCE_BOUNDARY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pattern_of_many_stars_ends_in_time),
        cmocka_unit_test(the_size_of_a_policy_leaves_out_its_white_space),
        cmocka_unit_test(a_policy_tells_the_keys_it_asks_about),
        cmocka_unit_test(a_refusal_has_the_words_of_aws),
        cmocka_unit_test(a_boundary_that_is_gone_allows_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
