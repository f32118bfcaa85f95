/* The policy engine, by tables: a policy, a request, what AWS would say. */
#include "policy/policy.h"

#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define ROLE    "arn:aws:iam::111111111111:role/provisioner"
#define SESSION "arn:aws:sts::111111111111:assumed-role/provisioner/robot"

static const struct policy_value facts[] = {
    {"aws:SecureTransport", "true"},
    {"aws:PrincipalArn", ROLE},
    {"aws:PrincipalAccount", "111111111111"},
    {"aws:CurrentTime", "2026-06-01T12:00:00Z"},
    {"aws:SourceIp", "2001:db8::7"},
    {"aws:RequestTag/zone", "dev.x"},
    {"aws:TagKeys", "zone"},
    {"aws:TagKeys", "Name"},
    {"aws:ResourceTag/owner", "me"},
    {"ec2:InstanceType", "c5.large"},
    {"kms:ViaService", "s3.us-east-1.amazonaws.com"},
    {"s3:max-keys", "10"},
    {"team", "a*b"},
};

static struct policy_request request(const char *action, const char *resource)
{
    return (struct policy_request){.action = action,
                                   .resource = resource,
                                   .principal_arn = ROLE,
                                   .session_arn = SESSION,
                                   .account = "111111111111",
                                   .context = facts,
                                   .context_count = COUNT_OF(facts)};
}

static struct policy_verdict judge(const char *text, enum policy_kind kind,
                                   const struct policy_request *asked)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct policy *policy;
    struct error err = {0};
    struct policy_verdict verdict = {0};
    if (policy_parse(arena, text, kind, &policy, &err) < 0)
        fail_msg("%s: %s", text, err.message);
    policy_judge(policy, asked, &verdict);
    return verdict;
}

/* 'A' allowed, 'D' denied, '-' silent, 'd' delegated. */
static char letter(struct policy_verdict verdict)
{
    return verdict.denied ? 'D' : verdict.allowed ? 'A' : verdict.delegated ? 'd' : '-';
}

static void actions_and_resources_match_as_patterns(void **state)
{
    (void)state;
    static const struct {
        const char *action, *resource, *asked_action, *asked_resource;
        char expected;
    } cases[] = {
        {"ec2:RunInstances", "*", "ec2:RunInstances", "*", 'A'},
        {"ec2:runinstances", "*", "ec2:RunInstances", "*", 'A'},
        {"ec2:Run*", "*", "ec2:RunInstances", "*", 'A'},
        {"ec2:Describe*", "*", "ec2:RunInstances", "*", '-'},
        {"*", "*", "ec2:RunInstances", "*", 'A'},
        {"s3:Get?bject", "*", "s3:GetObject", "arn:aws:s3:::b/k", 'A'},
        {"s3:GetObject", "arn:aws:s3:::b/*", "s3:GetObject", "arn:aws:s3:::b/k/l", 'A'},
        {"s3:GetObject", "arn:aws:s3:::b/*", "s3:GetObject", "arn:aws:s3:::bb/k", '-'},
        {"s3:GetObject", "arn:aws:s3:::b/*", "s3:GetObject", "arn:aws:s3:::B/k", '-'},
        {"ec2:*", "arn:aws:ec2:*:111111111111:instance/*", "ec2:StopInstances",
         "arn:aws:ec2:us-east-1:111111111111:instance/i-1", 'A'},
        /* '*' in one part of an ARN does not reach into the next */
        {"ec2:*", "arn:aws:ec2:*:instance/*", "ec2:StopInstances",
         "arn:aws:ec2:us-east-1:111111111111:instance/i-1", '!'},
        {"ec2:*", "arn:aws:ec2:*:222222222222:instance/*", "ec2:StopInstances",
         "arn:aws:ec2:us-east-1:111111111111:222222222222:instance/i-1", '-'},
        {"ec2:StopInstances", "arn:aws:ec2:*:*:instance/*", "ec2:StopInstances", "*", '-'},
        {"iam:GetRole", "arn:aws:iam::${aws:PrincipalAccount}:role/x", "iam:GetRole",
         "arn:aws:iam::111111111111:role/x", 'A'},
        {"iam:GetRole", "arn:aws:iam::${aws:nothing}:role/x", "iam:GetRole", "arn:aws:iam:::role/x", '-'},
        {"s3:*", "arn:aws:s3:::b/${team}", "s3:GetObject", "arn:aws:s3:::b/a*b", 'A'},
        {"s3:*", "arn:aws:s3:::b/${team}", "s3:GetObject", "arn:aws:s3:::b/axxb",
         '-'}, /* what is inserted is no pattern */
        {"s3:*", "arn:aws:s3:::b/${none, 'x'}", "s3:GetObject", "arn:aws:s3:::b/x", 'A'},
        {"s3:*", "arn:aws:s3:::b/${*}", "s3:GetObject", "arn:aws:s3:::b/anything", '-'},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char text[1024];
        snprintf(text, sizeof text,
                 "{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"%s\","
                 "\"Resource\":\"%s\"}}",
                 cases[i].action, cases[i].resource);
        cleanup(arena_free) struct arena *arena = arena_new();
        struct policy *policy;
        bool readable = policy_parse(arena, text, POLICY_IDENTITY, &policy, NULL) == 0;
        assert_int_equal(readable, cases[i].expected != '!');
        if (!readable)
            continue;
        struct policy_request asked = request(cases[i].asked_action, cases[i].asked_resource);
        char got = letter(judge(text, POLICY_IDENTITY, &asked));
        if (got != cases[i].expected)
            fail_msg("%s on %s by %s: %c", asked.action, asked.resource, text, got);
    }
}

static void conditions_hold_as_documented(void **state)
{
    (void)state;
    static const struct {
        const char *condition;
        bool holds;
    } cases[] = {
        {"\"StringEquals\":{\"aws:RequestTag/zone\":\"dev.x\"}", true},
        {"\"StringEquals\":{\"aws:requesttag/ZONE\":\"dev.x\"}", true}, /* keys have no case */
        {"\"StringEquals\":{\"aws:RequestTag/zone\":\"DEV.x\"}", false},
        {"\"StringEquals\":{\"aws:RequestTag/zone\":[\"a\",\"dev.x\"]}", true},
        {"\"StringEquals\":{\"aws:RequestTag/zone\":\"dev*\"}", false}, /* no wildcards in Equals */
        {"\"StringEquals\":{\"aws:RequestTag/other\":\"x\"}", false},
        {"\"StringEqualsIfExists\":{\"aws:RequestTag/other\":\"x\"}", true},
        {"\"StringEqualsIfExists\":{\"aws:RequestTag/zone\":\"x\"}", false},
        {"\"StringNotEquals\":{\"aws:RequestTag/other\":\"x\"}", true}, /* absent is not equal */
        {"\"StringNotEquals\":{\"aws:RequestTag/zone\":[\"a\",\"dev.x\"]}", false},
        {"\"StringEqualsIgnoreCase\":{\"aws:RequestTag/zone\":\"DEV.X\"}", true},
        {"\"StringLike\":{\"kms:ViaService\":\"s3.*.amazonaws.com\"}", true},
        {"\"StringNotLike\":{\"kms:ViaService\":\"ec2.*\"}", true},
        {"\"StringLike\":{\"aws:PrincipalArn\":\"arn:aws:iam::${aws:PrincipalAccount}:role/*\"}", true},
        {"\"StringEquals\":{\"aws:ResourceTag/owner\":\"${aws:RequestTag/zone}\"}", false},
        {"\"StringEquals\":{\"team\":\"${team}\"}", true},
        {"\"Bool\":{\"aws:SecureTransport\":\"true\"}", true},
        {"\"Bool\":{\"aws:SecureTransport\":true}", true},
        {"\"Bool\":{\"aws:SecureTransport\":\"false\"}", false},
        {"\"Bool\":{\"aws:MultiFactorAuthPresent\":\"false\"}", false}, /* absent */
        {"\"BoolIfExists\":{\"aws:MultiFactorAuthPresent\":\"false\"}", true},
        {"\"Null\":{\"aws:TokenIssueTime\":\"true\"}", true},
        {"\"Null\":{\"aws:SourceIp\":\"true\"}", false},
        {"\"Null\":{\"aws:SourceIp\":\"false\"}", true},
        {"\"DateLessThan\":{\"aws:CurrentTime\":\"2026-06-01T12:00:01Z\"}", true},
        {"\"DateLessThan\":{\"aws:CurrentTime\":\"2026-06-01T12:00:00Z\"}", false},
        {"\"DateLessThanEquals\":{\"aws:CurrentTime\":\"2026-06-01T12:00:00Z\"}", true},
        {"\"DateGreaterThan\":{\"aws:CurrentTime\":\"2026-05-31T00:00:00Z\"}", true},
        {"\"DateGreaterThan\":{\"aws:CurrentTime\":\"nonsense\"}", false},
        {"\"NumericLessThanEquals\":{\"s3:max-keys\":\"10\"}", true},
        {"\"NumericGreaterThan\":{\"s3:max-keys\":10}", false},
        {"\"IpAddress\":{\"aws:SourceIp\":\"2001:db8::/32\"}", true},
        {"\"IpAddress\":{\"aws:SourceIp\":[\"10.0.0.0/8\",\"2001:db9::/33\"]}", false},
        {"\"NotIpAddress\":{\"aws:SourceIp\":\"10.0.0.0/8\"}", true},
        {"\"ArnLike\":{\"aws:PrincipalArn\":\"arn:aws:iam::*:role/prov*\"}", true},
        {"\"ArnNotEquals\":{\"aws:PrincipalArn\":\"arn:aws:iam::*:role/prov*\"}", false},
        {"\"ForAllValues:StringEquals\":{\"aws:TagKeys\":[\"zone\",\"Name\",\"x\"]}", true},
        {"\"ForAllValues:StringEquals\":{\"aws:TagKeys\":[\"zone\"]}", false},
        {"\"ForAllValues:StringEquals\":{\"absent\":[\"zone\"]}", true},
        {"\"ForAnyValue:StringEquals\":{\"aws:TagKeys\":[\"zone\"]}", true},
        {"\"ForAnyValue:StringEquals\":{\"absent\":[\"zone\"]}", false},
        {"\"ForAnyValue:StringNotEquals\":{\"aws:TagKeys\":[\"zone\"]}", true},
        {"\"ForAllValues:StringNotLike\":{\"aws:TagKeys\":[\"x*\"]}", true},
        {"\"StringEquals\":{\"aws:RequestTag/zone\":[]}", false},
        /* several operators and several keys: all must hold */
        {"\"StringEquals\":{\"aws:RequestTag/zone\":\"dev.x\",\"ec2:InstanceType\":\"t3.nano\"}", false},
        {"\"StringEquals\":{\"aws:RequestTag/zone\":\"dev.x\"},\"Bool\":{\"aws:SecureTransport\":\"false\"}",
         false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char text[1024];
        snprintf(text, sizeof text,
                 "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"*\","
                 "\"Resource\":\"*\","
                 "\"Condition\":{%s}}]}",
                 cases[i].condition);
        struct policy_request asked = request("ec2:RunInstances", "*");
        if (judge(text, POLICY_IDENTITY, &asked).allowed != cases[i].holds)
            fail_msg("%s should %s", cases[i].condition, cases[i].holds ? "hold" : "not hold");
    }
}

static void principals_are_named_exactly_or_by_account(void **state)
{
    (void)state;
    static const struct {
        const char *principal;
        char expected;
    } cases[] = {
        {"\"Principal\":\"*\"", 'A'},
        {"\"Principal\":{\"AWS\":\"*\"}", 'A'},
        {"\"Principal\":{\"AWS\":\"" ROLE "\"}", 'A'},
        {"\"Principal\":{\"AWS\":\"" SESSION "\"}", 'A'},
        {"\"Principal\":{\"AWS\":[\"arn:aws:iam::1:role/x\",\"" ROLE "\"]}", 'A'},
        {"\"Principal\":{\"AWS\":\"111111111111\"}", 'd'},
        {"\"Principal\":{\"AWS\":\"arn:aws:iam::111111111111:root\"}", 'd'},
        {"\"Principal\":{\"AWS\":\"222222222222\"}", '-'},
        {"\"Principal\":{\"AWS\":\"arn:aws:iam::111111111111:role/prov*\"}",
         '-'}, /* no patterns in principals */
        {"\"Principal\":{\"Service\":\"ec2.amazonaws.com\"}", '-'},
        {"\"Principal\":{\"Federated\":\"accounts.google.com\"}", '-'},
        {"\"NotPrincipal\":{\"AWS\":\"" ROLE "\"}", '-'},
        {"\"NotPrincipal\":{\"AWS\":\"222222222222\"}", 'A'},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char text[1024];
        snprintf(text, sizeof text,
                 "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",%s,\"Action\":\"kms:*\","
                 "\"Resource\":\"*\"}]}",
                 cases[i].principal);
        struct policy_request asked = request("kms:Decrypt", "arn:aws:kms:us-east-1:111111111111:key/1");
        char got = letter(judge(text, POLICY_RESOURCE, &asked));
        if (got != cases[i].expected)
            fail_msg("%s: %c", cases[i].principal, got);
    }
    struct policy_request ec2 = {.action = "sts:AssumeRole", .resource = "*", .service = "ec2.amazonaws.com"};
    assert_true(judge("{\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"sts:AssumeRole\","
                      "\"Principal\":{\"Service\":[\"ec2.amazonaws.com\"]}}}",
                      POLICY_TRUST, &ec2)
                    .allowed);
    assert_false(judge("{\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"sts:AssumeRole\","
                       "\"Principal\":{\"AWS\":\"111111111111\"}}}",
                       POLICY_TRUST, &ec2)
                     .allowed);
}

static void a_deny_wins_wherever_it_stands(void **state)
{
    (void)state;
    struct policy_request asked = request("s3:PutObject", "arn:aws:s3:::b/k");
    assert_int_equal(
        letter(judge("{\"Statement\":[{\"Effect\":\"Deny\",\"NotAction\":\"s3:Get*\",\"Resource\":\"*\"},"
                     "{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"}]}",
                     POLICY_IDENTITY, &asked)),
        'D');
    assert_int_equal(
        letter(judge("{\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"},"
                     "{\"Effect\":\"Deny\",\"Action\":\"*\",\"NotResource\":\"arn:aws:s3:::b/*\"}]}",
                     POLICY_IDENTITY, &asked)),
        'A');
}

static void who_must_allow_depends_on_the_accounts_and_the_kind(void **state)
{
    (void)state;
    static const struct {
        char identity, resource; /* ' ': there is no such policy */
        bool same_account, either, both;
    } cases[] = {
        {'A', ' ', true, true, false},  {'-', ' ', true, false, false},  {'A', ' ', false, false, false},
        {'-', 'A', true, true, true},   {'-', 'd', true, false, false},  {'A', 'd', true, true, true},
        {'A', '-', true, true, false},  {'A', '-', false, false, false}, {'A', 'A', false, true, true},
        {'A', 'd', false, true, true},  {'-', 'A', false, false, false}, {'D', 'A', true, false, false},
        {'A', 'D', true, false, false}, {'A', 'D', false, false, false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct policy_verdict identity = {.denied = cases[i].identity == 'D',
                                          .allowed = cases[i].identity == 'A'};
        struct policy_verdict resource = {.denied = cases[i].resource == 'D',
                                          .allowed = cases[i].resource == 'A',
                                          .delegated = cases[i].resource == 'd'};
        const struct policy_verdict *given = cases[i].resource == ' ' ? NULL : &resource;
        bool either = policy_permits(&identity, given, cases[i].same_account, POLICY_EITHER);
        bool both = policy_permits(&identity, given, cases[i].same_account, POLICY_BOTH);
        if (either != cases[i].either || both != cases[i].both)
            fail_msg("case %zu: %d %d", i, either, both);
    }
}

static void what_is_not_understood_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "null",
        "[]",
        "{}",
        "{\"Statement\":{}}",
        "{\"Version\":\"2020-01-01\",\"Statement\":[]}",
        "{\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"s3:*\",\"NotAction\":\"s3:*\",\"Resource\":\"*\"}"
        "}",
        "{\"Statement\":{\"Effect\":\"Allow\",\"Action\":[],\"Resource\":\"*\"}}",
        "{\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"s3:*\",\"Resource\":\"*\",\"Effect\":\"Deny\"}}",
        "{\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"s3:*\",\"Resource\":\"*\",\"Condition\":[]}}",
        "{\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"s3:*\",\"Resource\":\"*\",\"Condition\":{\"Bool\":"
        "{}}}}",
        "{\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"s3:*\",\"Resource\":\"*\",\"Condition\":{"
        "\"NullIfExists\":"
        "{\"a\":\"b\"}}}}",
        "{\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"s3:*\",\"Resource\":\"arn:aws:s3:::a\\u0001*\"}}",
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        cleanup(arena_free) struct arena *arena = arena_new();
        struct policy *policy;
        struct error err = {0};
        if (policy_parse(arena, texts[i], POLICY_IDENTITY, &policy, &err) == 0)
            fail_msg("accepted: %s", texts[i]);
        assert_string_equal(err.code, "MalformedPolicyDocument");
    }
}

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
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(actions_and_resources_match_as_patterns),
        cmocka_unit_test(conditions_hold_as_documented),
        cmocka_unit_test(principals_are_named_exactly_or_by_account),
        cmocka_unit_test(a_deny_wins_wherever_it_stands),
        cmocka_unit_test(who_must_allow_depends_on_the_accounts_and_the_kind),
        cmocka_unit_test(what_is_not_understood_is_refused),
        cmocka_unit_test(a_pattern_of_many_stars_ends_in_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
