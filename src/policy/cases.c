#include "policy/cases.h"

#include "base/buffer.h"
#include "base/record.h"
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

const char *trial_folder;

struct trial trial_begin(struct arena *arena, const char *name)
{
    cleanup(buffer_free) struct buffer text = buffer_new(4 << 20);
    FILE *file = fopen(arena_format(arena, "%s/%s", trial_folder, name), "r");
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

void trial_row(struct trial *trial, bool passed, const char *name, const char *got)
{
    trial->tried++;
    trial->failed += !passed;
    if (!passed)
        print_error("%s: got %s\n", name, got);
}

void trial_end(const struct trial *trial, size_t at_least)
{
    assert_true(trial->tried >= at_least);
    assert_int_equal(trial->failed, 0);
}

const char *case_text(const json_t *row, size_t at)
{
    return json_string_value(json_array_get(row, at));
}

enum policy_kind case_kind(const char *name)
{
    return strcmp(name, "identity") == 0 ? POLICY_IDENTITY
           : strcmp(name, "trust") == 0  ? POLICY_TRUST
                                         : POLICY_RESOURCE;
}

struct policy *case_policy(struct trial *trial, const json_t *document, enum policy_kind kind)
{
    struct policy *policy;
    struct error err = {0};
    char *text = json_text(trial->arena, document);
    if (policy_parse(trial->arena, text, kind, &policy, &err) < 0)
        fail_msg("%s: %s", text, err.message);
    return policy;
}

/* {"key": "value", "key": ["value", "value"]} */
void case_context(struct trial *trial, const json_t *context, struct policy_request *request)
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
struct policy *case_statement(struct trial *trial, const json_t *parts, enum policy_kind kind)
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
    struct policy *policy = case_policy(trial, document, kind);
    json_decref(document);
    return policy;
}

struct policy_principal case_principal(const char *name)
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
