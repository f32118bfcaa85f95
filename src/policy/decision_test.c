/* All kinds of policies together: what enclaves rely on, and the matrix. */
#include "policy/cases.h"

#include "base/record.h"
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* "denied by permissions boundary hosts/NoPassing": the policy and its statement where one decided. */
static const char *in_words(struct trial *trial, const struct decision *decision, enum resource_rule rule,
                            const char *policy)
{
    const char *words = arena_format(trial->arena, "%s %s",
                                     decision->allowed      ? "allowed by"
                                     : decision->explicitly ? "denied by"
                                                            : "not allowed by",
                                     policy_source_name(decision->source, rule));
    if (!decision->match.policy)
        return words;
    const char *sid = policy_statement_sid(decision->match.policy, decision->match.statement);
    return arena_format(trial->arena, "%s %s/%s", words, policy,
                        sid ? sid : arena_format(trial->arena, "%zu", decision->match.statement));
}

static bool words_begin(const char *words, const char *expected)
{
    size_t length = strlen(expected);
    return strncmp(words, expected, length) == 0 && (!words[length] || words[length] == ' ');
}

/* The policies of a table by name, and back. */
struct library {
    struct trial *trial;
    struct policy **parsed;
};

static const struct policy *policy_named(const struct library *library, const char *name)
{
    json_t *policies = json_object_get(library->trial->table, "policies"), *one;
    const char *other;
    size_t at = 0;
    if (!name)
        return NULL;
    json_object_foreach(policies, other, one) {
        if (strcmp(other, name) != 0) {
            at++;
            continue;
        }
        if (!library->parsed[at])
            library->parsed[at] = case_policy(library->trial, json_object_get(one, "document"),
                                              case_kind(json_member_text(one, "kind")));
        return library->parsed[at];
    }
    fail_msg("no policy is called %s", name);
    return NULL;
}

static const char *name_of(const struct library *library, const struct policy *policy)
{
    json_t *policies = json_object_get(library->trial->table, "policies"), *one;
    const char *name;
    size_t at = 0;
    json_object_foreach(policies, name, one)
        if (library->parsed[at++] == policy)
            return name;
    return "";
}

static struct policy_list list_named(const struct library *library, const json_t *names)
{
    const struct policy **items =
        arena_alloc(library->trial->arena, (json_array_size(names) + 1) * sizeof *items);
    for (size_t i = 0; i < json_array_size(names); i++)
        items[i] = policy_named(library, json_string_value(json_array_get(names, i)));
    return (struct policy_list){items, json_array_size(names)};
}

static const struct policy_list *levels_named(const struct library *library, const json_t *levels,
                                              size_t *count)
{
    *count = json_array_size(levels);
    struct policy_list *lists = arena_alloc(library->trial->arena, (*count + 1) * sizeof *lists);
    for (size_t i = 0; i < *count; i++)
        lists[i] = list_named(library, json_array_get(levels, i));
    return lists;
}

static struct policy_principal principal_of(const struct trial *trial, const json_t *one)
{
    static const struct {
        const char *name;
        enum principal_kind kind;
    } kinds[] = {{"user", PRINCIPAL_USER},
                 {"session", PRINCIPAL_ROLE_SESSION},
                 {"root", PRINCIPAL_ROOT},
                 {"service", PRINCIPAL_SERVICE},
                 {"nobody", PRINCIPAL_ANONYMOUS}};
    struct policy_principal principal = {.arn = json_member_text(one, "arn"),
                                         .session_arn = json_member_text(one, "session"),
                                         .service = json_member_text(one, "service")};
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        if (text_equal(json_member_text(one, "kind"), kinds[i].name))
            principal.kind = kinds[i].kind;
    if (principal.arn)
        principal.account = arena_strndup(trial->arena, principal.arn + strlen("arn:aws:iam::"), 12);
    return principal;
}

static enum resource_rule rule_of(const char *name)
{
    return text_equal(name, "key") ? RESOURCE_KEY : text_equal(name, "role") ? RESOURCE_ROLE : RESOURCE_MAY;
}

static void try_case(const struct library *library, const json_t *one)
{
    struct trial *trial = library->trial;
    struct policy_set set = {
        .identity = list_named(library, json_object_get(one, "identity")),
        .boundary = policy_named(library, json_member_text(one, "boundary")),
        .session = list_named(library, json_object_get(one, "session")),
        .resource = policy_named(library, json_member_text(one, "resource")),
        .rule = rule_of(json_member_text(one, "rule")),
        .grantee = json_member_text(one, "grantee"),
        .endpoint = policy_named(library, json_member_text(one, "endpoint")),
    };
    set.service_control =
        levels_named(library, json_object_get(one, "service_control"), &set.service_control_levels);
    set.resource_control =
        levels_named(library, json_object_get(one, "resource_control"), &set.resource_control_levels);
    json_t *principals = json_object_get(trial->table, "principals");
    struct policy_request request = {
        .principal = principal_of(trial, json_object_get(principals, json_member_text(one, "by"))),
        .action = json_member_text(one, "do"),
        .resource = json_member_text(one, "on"),
        .owner = json_member_text(one, "owner"),
    };
    request.principal.bounded = set.boundary != NULL;
    case_context(trial, json_object_get(one, "with"), &request);
    const struct decision decision = policy_decide(&set, &request);
    const char *words = in_words(trial, &decision, set.rule, name_of(library, decision.match.policy));
    trial_row(trial, words_begin(words, json_member_text(one, "expect")), json_member_text(one, "name"),
              words);
}

static void enclaves_are_protected_by_their_policies(void **state)
{
    (void)state;
    cleanup(arena_free) struct arena *arena = arena_new();
    struct trial trial = trial_begin(arena, "enclave.json");
    const struct library library = {
        &trial, arena_alloc(arena, json_object_size(json_object_get(trial.table, "policies")) *
                                       sizeof(struct policy *))};
    size_t at;
    json_t *one;
    json_array_foreach(json_object_get(trial.table, "cases"), at, one)
        try_case(&library, one);
    trial_end(&trial, 110);
}

/* The matrix
 * ------------------------------------------------------------------------------------------------------- */

static struct policy_principal who_of(const char *name)
{
    return case_principal(strcmp(name, "user") == 0 ? "alice" : strcmp(name, "role") == 0 ? "session" : name);
}

/* What a kind of policy says; NULL: there is none. */
static const struct policy *saying(struct trial *trial, const char *what)
{
    static const struct {
        const char *what, *statement;
    } known[] = {{"allow", "{\"Action\":\"s3:*\"}"},
                 {"deny", "{\"Effect\":\"Deny\",\"Action\":\"s3:*\"}"},
                 {"silent", "{\"Action\":\"ec2:*\"}"}};
    for (size_t i = 0; i < COUNT_OF(known); i++) {
        if (strcmp(known[i].what, what) != 0)
            continue;
        json_t *statement;
        json_parse(trial->arena, known[i].statement, strlen(known[i].statement), &statement, NULL);
        return case_statement(trial, statement, POLICY_IDENTITY);
    }
    return NULL;
}

static const struct policy *resource_saying(struct trial *trial, const char *what,
                                            const struct policy_principal *who)
{
    if (strcmp(what, "-") == 0)
        return NULL;
    const char *named = strcmp(what, "account") == 0  ? who->account
                        : strcmp(what, "entity") == 0 ? who->arn
                        : strcmp(what, "self") == 0   ? who->session_arn ? who->session_arn : who->arn
                                                      : "*";
    json_t *statement =
        json_pack("{s:s, s:s, s:{s:s}}", "Effect", strcmp(what, "deny") == 0 ? "Deny" : "Allow", "Action",
                  strcmp(what, "silent") == 0 ? "ec2:*" : "*", "Principal", "AWS", named);
    const struct policy *policy = case_statement(trial, statement, POLICY_RESOURCE);
    json_decref(statement);
    return policy;
}

enum { WHO, WHOSE, RULE, IDENTITY, BOUNDARY, SESSION, RESOURCE, EXPECTED, COLUMNS };

static void try_row(struct trial *trial, const json_t *row)
{
    const char *cell[COLUMNS];
    for (size_t i = 0; i < COLUMNS; i++)
        cell[i] = case_text(row, i);
    struct policy_request request = {.principal = who_of(cell[WHO]),
                                     .action = "s3:GetObject",
                                     .resource = "arn:aws:s3:::b/k",
                                     .owner =
                                         strcmp(cell[WHOSE], "own") == 0 ? "111111111111" : "222222222222"};
    const struct policy *identity = saying(trial, cell[IDENTITY]), *session = saying(trial, cell[SESSION]);
    const struct policy_set set = {.identity = {&identity, identity != NULL},
                                   .boundary = saying(trial, cell[BOUNDARY]),
                                   .session = {&session, session != NULL},
                                   .resource = resource_saying(trial, cell[RESOURCE], &request.principal),
                                   .rule = rule_of(cell[RULE])};
    const struct decision decision = policy_decide(&set, &request);
    const char *words = in_words(trial, &decision, set.rule, "");
    trial_row(trial, words_begin(words, cell[EXPECTED]), json_text(trial->arena, row), words);
}

static void all_kinds_together_decide_as_documented(void **state)
{
    (void)state;
    cleanup(arena_free) struct arena *arena = arena_new();
    struct trial trial = trial_begin(arena, "matrix.json");
    size_t at, line;
    json_t *section, *row;
    json_array_foreach(json_object_get(trial.table, "sections"), at, section)
        json_array_foreach(json_object_get(section, "rows"), line, row)
            try_row(&trial, row);
    trial_end(&trial, 380);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(enclaves_are_protected_by_their_policies),
        cmocka_unit_test(all_kinds_together_decide_as_documented),
    };
    trial_folder = argc > 1 ? argv[1] : "cases";
    return cmocka_run_group_tests(tests, NULL, NULL);
}
