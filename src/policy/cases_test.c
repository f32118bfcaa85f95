/* The engine against tables: cases/ holds some hundreds of named rows, each with what is to come out, so that
 * whoever knows AWS can read them without reading C. Here is how each table is put to the engine. A row that
 * fails is named; the others are tried too. */
#include "policy/decision.h"

#include "base/buffer.h"
#include "base/record.h"
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char *folder; /* of the tables */

/* One table while its rows are tried. */
struct trial {
    struct arena *arena;
    json_t *table;
    size_t tried, failed;
};

static struct trial trial_begin(struct arena *arena, const char *name)
{
    cleanup(buffer_free) struct buffer text = buffer_new(4 << 20);
    FILE *file = fopen(arena_format(arena, "%s/%s", folder, name), "r");
    assert_non_null(file);
    char chunk[4096];
    for (size_t got; (got = fread(chunk, 1, sizeof chunk, file));)
        buffer_append(&text, chunk, got);
    fclose(file);
    struct trial trial = {.arena = arena};
    struct error err = {0};
    if (json_parse(arena, buffer_string(&text), text.length, &trial.table, &err) < 0)
        fail_msg("%s: %s", name, err.message);
    return trial;
}

static void trial_row(struct trial *trial, bool passed, const char *name, const char *got)
{
    trial->tried++;
    trial->failed += !passed;
    if (!passed)
        print_error("%s: got %s\n", name, got);
}

static void trial_end(const struct trial *trial, size_t at_least)
{
    assert_true(trial->tried >= at_least);
    assert_int_equal(trial->failed, 0);
}

static const char *text_at(const json_t *row, size_t at)
{
    return json_string_value(json_array_get(row, at));
}

static enum policy_kind kind_of(const char *name)
{
    return strcmp(name, "identity") == 0 ? POLICY_IDENTITY
           : strcmp(name, "trust") == 0  ? POLICY_TRUST
                                         : POLICY_RESOURCE;
}

static struct policy *parse(struct trial *trial, const json_t *document, enum policy_kind kind)
{
    struct policy *policy;
    struct error err = {0};
    char *text = json_text(trial->arena, document);
    if (policy_parse(trial->arena, text, kind, &policy, &err) < 0)
        fail_msg("%s: %s", text, err.message);
    return policy;
}

/* {"key": "value", "key": ["value", "value"]} */
static void read_context(struct trial *trial, const json_t *context, struct policy_request *request)
{
    enum { MOST = 32 };
    struct policy_value *values = arena_alloc(trial->arena, MOST * sizeof *values);
    const char *key;
    json_t *value, *one;
    size_t at;
    request->context = values;
    json_object_foreach((json_t *)context, key, value) {
        if (json_is_string(value))
            values[request->context_count++] = (struct policy_value){key, json_string_value(value)};
        json_array_foreach(value, at, one) {
            assert_true(request->context_count < MOST);
            values[request->context_count++] = (struct policy_value){key, json_string_value(one)};
        }
    }
}

/* A policy of one statement, which allows unless it says otherwise. */
static struct policy *of_statement(struct trial *trial, const json_t *parts, enum policy_kind kind)
{
    json_t *statement = json_deep_copy(parts), *version = json_object_get(statement, "Version");
    json_t *document =
        json_pack("{s:s}", "Version", json_is_string(version) ? json_string_value(version) : "2012-10-17");
    if (json_is_null(version))
        json_object_del(document, "Version");
    json_object_del(statement, "Version");
    static const char *const defaults[][2] = {{"Effect", "Allow"}, {"Action", "*"}, {"Resource", "*"}};
    for (size_t i = 0; i < COUNT_OF(defaults); i++) {
        char *inverse = arena_format(trial->arena, "Not%s", defaults[i][0]);
        if (!json_object_get(statement, defaults[i][0]) && !json_object_get(statement, inverse))
            json_object_set_new(statement, defaults[i][0], json_string(defaults[i][1]));
    }
    json_object_set_new(document, "Statement", statement);
    struct policy *policy = parse(trial, document, kind);
    json_decref(document);
    return policy;
}

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
        struct policy *policy = of_statement(&trial, statement, POLICY_IDENTITY);
        json_decref(statement);
        read_context(&trial, json_array_get(row, 2), &request);
        bool holds = policy_statement_applies(policy, 0, &request);
        trial_row(&trial, holds == json_is_true(json_array_get(row, 3)), text_at(row, 0),
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
        struct policy_request request = {.action = text_at(row, 2), .resource = text_at(row, 3)};
        read_context(&trial, json_array_get(row, 4), &request);
        struct policy *policy = of_statement(&trial, json_array_get(row, 1), POLICY_IDENTITY);
        bool applies = policy_statement_applies(policy, 0, &request);
        trial_row(&trial, applies == json_is_true(json_array_get(row, 5)), text_at(row, 0),
                  applies ? "true" : "false");
    }
    trial_end(&trial, 55);
}

static struct policy_principal someone(const char *name)
{
    static const struct {
        const char *name;
        struct policy_principal principal;
    } known[] = {
        {"alice", {PRINCIPAL_USER, "arn:aws:iam::111111111111:user/alice", NULL, "111111111111"}},
        {"boss", {PRINCIPAL_USER, "arn:aws:iam::111111111111:user/boss", NULL, "111111111111", NULL, true}},
        {"session",
         {PRINCIPAL_ROLE_SESSION, "arn:aws:iam::111111111111:role/host",
          "arn:aws:sts::111111111111:assumed-role/host/i-1", "111111111111"}},
        {"federated",
         {PRINCIPAL_FEDERATED_USER, "arn:aws:iam::111111111111:user/alice",
          "arn:aws:sts::111111111111:federated-user/guest", "111111111111"}},
        {"root", {PRINCIPAL_ROOT, "arn:aws:iam::111111111111:root", NULL, "111111111111"}},
        {"ec2", {PRINCIPAL_SERVICE, NULL, NULL, NULL, "ec2.amazonaws.com"}},
        {"nobody", {PRINCIPAL_ANONYMOUS}},
    };
    for (size_t i = 0; i < COUNT_OF(known); i++)
        if (strcmp(known[i].name, name) == 0)
            return known[i].principal;
    fail_msg("nobody is called %s", name);
    return known[0].principal;
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
        const struct policy_request request = {
            .principal = someone(text_at(row, 2)), .action = "s3:GetObject", .resource = "arn:aws:s3:::b/k"};
        struct policy *policy = of_statement(&trial, json_array_get(row, 1), POLICY_RESOURCE);
        const char *got = reaches[policy_statement_reach(policy, 0, &request)];
        trial_row(&trial, strcmp(got, text_at(row, 3)) == 0, text_at(row, 0), got);
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
        const char *wrong = text_at(row, 3);
        struct policy *policy;
        struct error err = {0};
        int result = policy_parse(arena, text, kind_of(text_at(row, 1)), &policy, &err);
        bool as_said = wrong ? result < 0 && strstr(err.message, wrong) &&
                                   strcmp(err.code, "MalformedPolicyDocument") == 0
                             : result == 0;
        trial_row(&trial, as_said, text_at(row, 0), result < 0 ? err.message : "a policy");
    }
    trial_end(&trial, 60);
}

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
            library->parsed[at] = parse(library->trial, json_object_get(one, "document"),
                                        kind_of(json_member_text(one, "kind")));
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
    read_context(trial, json_object_get(one, "with"), &request);
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
    return someone(strcmp(name, "user") == 0 ? "alice" : strcmp(name, "role") == 0 ? "session" : name);
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
        return of_statement(trial, statement, POLICY_IDENTITY);
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
    const struct policy *policy = of_statement(trial, statement, POLICY_RESOURCE);
    json_decref(statement);
    return policy;
}

enum { WHO, WHOSE, RULE, IDENTITY, BOUNDARY, SESSION, RESOURCE, EXPECTED, COLUMNS };

static void try_row(struct trial *trial, const json_t *row)
{
    const char *cell[COLUMNS];
    for (size_t i = 0; i < COLUMNS; i++)
        cell[i] = text_at(row, i);
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
        cmocka_unit_test(conditions_hold_as_documented),
        cmocka_unit_test(statements_apply_to_what_they_name),
        cmocka_unit_test(principals_are_reached_as_they_are_named),
        cmocka_unit_test(what_is_not_understood_is_refused_with_the_reason),
        cmocka_unit_test(enclaves_are_protected_by_their_policies),
        cmocka_unit_test(all_kinds_together_decide_as_documented),
    };
    folder = argc > 1 ? argv[1] : "cases";
    return cmocka_run_group_tests(tests, NULL, NULL);
}
