/* The language: conditions, statements, principals and documents, by the tables of these names. */
#include "policy/cases.h"

#include "base/record.h"
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void conditions_hold_as_documented(void **state)
{
    (void)state;
    cleanup(arena_free) struct arena *arena = arena_new();
    struct trial trial = trial_begin(arena, "conditions.json");
    size_t at;
    json_t *row;
    json_array_foreach(json_object_get(trial.table, "rows"), at, row) {
        struct policy_request request = {.action = "s3:GetObject", .resource = "arn:aws:s3:::b/k"};
        json_t *statement = json_pack("{s:O}", "Condition", json_array_get(row, 1));
        struct policy *policy = case_statement(&trial, statement, POLICY_IDENTITY);
        json_decref(statement);
        case_context(&trial, json_array_get(row, 2), &request);
        bool holds = policy_statement_applies(policy, 0, &request);
        trial_row(&trial, holds == json_is_true(json_array_get(row, 3)), case_text(row, 0),
                  holds ? "true" : "false");
    }
    trial_end(&trial, 200);
}

static void statements_apply_to_what_they_name(void **state)
{
    (void)state;
    cleanup(arena_free) struct arena *arena = arena_new();
    struct trial trial = trial_begin(arena, "statements.json");
    size_t at;
    json_t *row;
    json_array_foreach(json_object_get(trial.table, "rows"), at, row) {
        struct policy_request request = {.action = case_text(row, 2), .resource = case_text(row, 3)};
        case_context(&trial, json_array_get(row, 4), &request);
        struct policy *policy = case_statement(&trial, json_array_get(row, 1), POLICY_IDENTITY);
        bool applies = policy_statement_applies(policy, 0, &request);
        trial_row(&trial, applies == json_is_true(json_array_get(row, 5)), case_text(row, 0),
                  applies ? "true" : "false");
    }
    trial_end(&trial, 55);
}

static void principals_are_reached_as_they_are_named(void **state)
{
    (void)state;
    static const char *const reaches[] = {"nobody", "account", "entity", "self"};
    cleanup(arena_free) struct arena *arena = arena_new();
    struct trial trial = trial_begin(arena, "principals.json");
    size_t at;
    json_t *row;
    json_array_foreach(json_object_get(trial.table, "rows"), at, row) {
        const struct policy_request request = {.principal = case_principal(case_text(row, 2)),
                                               .action = "s3:GetObject",
                                               .resource = "arn:aws:s3:::b/k"};
        struct policy *policy = case_statement(&trial, json_array_get(row, 1), POLICY_RESOURCE);
        const char *got = reaches[policy_statement_reach(policy, 0, &request)];
        trial_row(&trial, strcmp(got, case_text(row, 3)) == 0, case_text(row, 0), got);
    }
    trial_end(&trial, 45);
}

static void what_is_not_understood_is_refused_with_the_reason(void **state)
{
    (void)state;
    cleanup(arena_free) struct arena *arena = arena_new();
    struct trial trial = trial_begin(arena, "documents.json");
    size_t at;
    json_t *row;
    json_array_foreach(json_object_get(trial.table, "rows"), at, row) {
        const json_t *document = json_array_get(row, 2);
        const char *text =
            json_is_string(document) ? json_string_value(document) : json_text(arena, document);
        const char *wrong = case_text(row, 3);
        struct policy *policy;
        struct error err = {0};
        int result = policy_parse(arena, text, case_kind(case_text(row, 1)), &policy, &err);
        bool as_said = wrong ? result < 0 && strstr(err.message, wrong) &&
                                   strcmp(err.code, "MalformedPolicyDocument") == 0
                             : result == 0;
        trial_row(&trial, as_said, case_text(row, 0), result < 0 ? err.message : "a policy");
    }
    trial_end(&trial, 60);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conditions_hold_as_documented),
        cmocka_unit_test(statements_apply_to_what_they_name),
        cmocka_unit_test(principals_are_reached_as_they_are_named),
        cmocka_unit_test(what_is_not_understood_is_refused_with_the_reason),
    };
    trial_folder = argc > 1 ? argv[1] : "cases";
    return cmocka_run_group_tests(tests, NULL, NULL);
}
