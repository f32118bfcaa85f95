#include "policy/policy.h"

#include "base/record.h"
#include "base/text.h"

#include <string.h>

struct patterns {
    const char *const *items;
    size_t count;
    bool inverted; /* NotAction, NotResource, NotPrincipal */
};

struct statement {
    bool deny;
    struct patterns actions, resources;
    struct patterns accounts_principals, services; /* Principal.AWS, Principal.Service */
    struct condition **conditions;
    size_t condition_count;
};

struct policy {
    enum policy_kind kind;
    struct statement *statements;
    size_t count;
};

/* Reading
 * ------------------------------------------------------------------------------------------------------- */

enum { STATEMENTS_MOST = 512, VALUES_MOST = 2048 };

static int malformed(struct error *err, const char *what)
{
    return error_code(err, ERROR_INVALID, "MalformedPolicyDocument", "Syntax errors in policy: %s", what);
}

static bool has_controls(const char *text)
{
    while ((unsigned char)*text >= ' ')
        text++;
    return *text;
}

/* A text (without control characters, of which expanded patterns use one as a mark), or a list of them;
 * numbers and booleans count as their text, as AWS has it. */
static const char *scalar(struct arena *arena, const json_t *value)
{
    if (json_is_string(value) && !has_controls(json_string_value(value)))
        return arena_strdup(arena, json_string_value(value));
    if (json_is_boolean(value))
        return json_is_true(value) ? "true" : "false";
    if (json_is_integer(value))
        return arena_format(arena, "%lld", (long long)json_integer_value(value));
    return NULL;
}

static int read_texts(struct arena *arena, const json_t *json, const char *what, struct patterns *texts,
                      struct error *err)
{
    size_t count = json_is_array(json) ? json_array_size(json) : 1;
    if (!json || count == 0 || count > VALUES_MOST)
        return malformed(err, what);
    const char **items = arena_alloc(arena, count * sizeof *items);
    for (size_t i = 0; i < count; i++) {
        items[i] = scalar(arena, json_is_array(json) ? json_array_get(json, i) : json);
        if (!items[i])
            return malformed(err, what);
    }
    texts->items = items;
    texts->count = count;
    return 0;
}

/* "Action" or "NotAction", one of them. Absent is count 0. */
static int read_either(struct arena *arena, const json_t *statement, const char *name, struct patterns *texts,
                       struct error *err)
{
    const char *inverse = arena_format(arena, "Not%s", name);
    const json_t *plain = json_object_get(statement, name), *not = json_object_get(statement, inverse);
    if (!plain && !not )
        return 0;
    if (plain && not )
        return malformed(err, arena_format(arena, "%s and %s exclude each other", name, inverse));
    texts->inverted = not != NULL;
    return read_texts(arena, plain ? plain : not, name, texts, err);
}

static bool is_action(const char *text)
{
    const char *colon = strchr(text, ':');
    if (!colon)
        return strcmp(text, "*") == 0;
    return colon != text &&
           strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-*") ==
               (size_t)(colon - text) &&
           text_only(colon + 1, "A-Za-z0-9*?") && colon[1];
}

static bool is_resource(const char *text)
{
    int colons = 0;
    for (const char *at = text; *at; at++)
        colons += *at == ':';
    return strspn(text, "*") == strlen(text) || (text_starts(text, "arn:") && colons >= 5);
}

static int check_grammar(const struct patterns *texts, bool (*valid)(const char *text), struct arena *arena,
                         struct error *err)
{
    for (size_t i = 0; i < texts->count; i++)
        if (!valid(texts->items[i]))
            return malformed(
                err, arena_format(arena, "\"%.200s\" is neither \"*\" nor well formed", texts->items[i]));
    return 0;
}

/* "*", or {"AWS": ..., "Service": ..., "Federated": ..., "CanonicalUser": ...}; the last two never match
 * here. */
static int read_principals(struct arena *arena, const json_t *json, struct statement *statement,
                           struct error *err)
{
    if (json_is_string(json)) {
        if (strcmp(json_string_value(json), "*") != 0)
            return malformed(err, "Principal");
        return read_texts(arena, json, "Principal", &statement->accounts_principals, err);
    }
    const char *type;
    json_t *value;
    json_object_foreach((json_t *)json, type, value) {
        struct patterns other = {0};
        struct patterns *into = strcmp(type, "AWS") == 0       ? &statement->accounts_principals
                                : strcmp(type, "Service") == 0 ? &statement->services
                                                               : &other;
        if (into == &other && strcmp(type, "Federated") != 0 && strcmp(type, "CanonicalUser") != 0)
            return malformed(err, arena_format(arena, "unknown kind of principal \"%.100s\"", type));
        if (read_texts(arena, value, "Principal", into, err) < 0)
            return -1;
    }
    return json_is_object(json) && json_object_size(json) ? 0 : malformed(err, "Principal");
}

static int read_principal_elements(struct arena *arena, const json_t *json, enum policy_kind kind,
                                   struct statement *statement, struct error *err)
{
    const json_t *plain = json_object_get(json, "Principal"), *not = json_object_get(json, "NotPrincipal");
    if (kind == POLICY_IDENTITY)
        return plain || not ? malformed(err, "an identity policy has no Principal") : 0;
    if (!plain == !not )
        return malformed(err, "one of Principal and NotPrincipal is required");
    statement->accounts_principals.inverted = statement->services.inverted = not != NULL;
    return read_principals(arena, plain ? plain : not, statement, err);
}

static int read_conditions(struct arena *arena, const json_t *json, struct statement *statement,
                           struct error *err)
{
    if (!json)
        return 0;
    if (!json_is_object(json))
        return malformed(err, "Condition");
    const char *operator, * key;
    json_t *keys, *values;
    json_object_foreach((json_t *)json, operator, keys)
        statement->condition_count += json_object_size(keys);
    statement->conditions =
        arena_alloc(arena, (statement->condition_count + 1) * sizeof *statement->conditions);
    size_t at = 0;
    json_object_foreach((json_t *)json, operator, keys) {
        if (!json_object_size(keys))
            return malformed(err, "Condition");
        json_object_foreach(keys, key, values) {
            struct patterns texts = {0};
            struct error why = {0};
            if (json_is_array(values) && !json_array_size(values)) /* matches nothing, as AWS has it */
                texts.items = NULL;
            else if (read_texts(arena, values, "Condition", &texts, err) < 0)
                return -1;
            if (condition_parse(arena, arena_strdup(arena, operator), arena_strdup(arena, key), texts.items,
                                texts.count, &statement->conditions[at++], &why) < 0)
                return malformed(err, arena_strdup(arena, why.message));
        }
    }
    return 0;
}

static int check_members(const json_t *object, const char *const *known, struct arena *arena,
                         struct error *err)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)object, name, value) {
        size_t i = 0;
        while (known[i] && strcmp(known[i], name) != 0)
            i++;
        if (!known[i])
            return malformed(err, arena_format(arena, "unknown element \"%.100s\"", name));
    }
    return 0;
}

static int read_statement(struct arena *arena, const json_t *json, enum policy_kind kind,
                          struct statement *statement, struct error *err)
{
    static const char *const known[] = {"Sid",         "Effect",    "Action",       "NotAction", "Resource",
                                        "NotResource", "Principal", "NotPrincipal", "Condition", NULL};
    const char *effect = json_member_text(json, "Effect");
    if (!json_is_object(json) || check_members(json, known, arena, err) < 0)
        return json_is_object(json) ? -1 : malformed(err, "Statement");
    if (!text_equal(effect, "Allow") && !text_equal(effect, "Deny"))
        return malformed(err, "Effect is \"Allow\" or \"Deny\"");
    statement->deny = text_equal(effect, "Deny");
    if (read_either(arena, json, "Action", &statement->actions, err) < 0 ||
        read_either(arena, json, "Resource", &statement->resources, err) < 0 ||
        read_principal_elements(arena, json, kind, statement, err) < 0 ||
        read_conditions(arena, json_object_get(json, "Condition"), statement, err) < 0 ||
        check_grammar(&statement->actions, is_action, arena, err) < 0 ||
        check_grammar(&statement->resources, is_resource, arena, err) < 0)
        return -1;
    if (!statement->actions.count)
        return malformed(err, "a statement without Action");
    if (!statement->resources.count != (kind == POLICY_TRUST))
        return malformed(err, kind == POLICY_TRUST ? "a trust policy has no Resource"
                                                   : "a statement without Resource");
    return 0;
}

static int read_document(struct arena *arena, const json_t *json, struct policy *policy, struct error *err)
{
    static const char *const known[] = {"Version", "Id", "Statement", NULL};
    const char *version = json_member_text(json, "Version");
    if (check_members(json, known, arena, err) < 0)
        return -1;
    if (json_object_get(json, "Version") && !text_equal(version, "2012-10-17") &&
        !text_equal(version, "2008-10-17"))
        return malformed(err, "Version is \"2012-10-17\" or \"2008-10-17\"");
    const json_t *statements = json_object_get(json, "Statement");
    bool list = json_is_array(statements);
    policy->count = list ? json_array_size(statements) : 1;
    if (!statements || !policy->count || policy->count > STATEMENTS_MOST)
        return malformed(err, "Statement");
    policy->statements = arena_alloc(arena, policy->count * sizeof *policy->statements);
    for (size_t i = 0; i < policy->count; i++)
        if (read_statement(arena, list ? json_array_get(statements, i) : statements, policy->kind,
                           &policy->statements[i], err) < 0)
            return -1;
    return 0;
}

int policy_parse(struct arena *arena, const char *text, enum policy_kind kind, struct policy **policy,
                 struct error *err)
{
    size_t length = strlen(text);
    if (length > POLICY_LARGEST)
        return error_code(err, ERROR_CONFLICT, "LimitExceeded", "a policy has at most %d bytes",
                          POLICY_LARGEST);
    cleanup(arena_free) struct arena *scratch = arena_new();
    struct error why = {0};
    json_t *json;
    if (json_parse(scratch, text, length, &json, &why) < 0)
        return malformed(err, why.message);
    if (!json_is_object(json))
        return malformed(err, "a policy is a JSON object");
    struct policy *result = arena_alloc(arena, sizeof *result);
    result->kind = kind;
    if (read_document(arena, json, result, err) < 0)
        return -1;
    *policy = result;
    return 0;
}

/* Judging
 * ------------------------------------------------------------------------------------------------------- */

static bool action_matches(const struct statement *statement, const char *action)
{
    for (size_t i = 0; i < statement->actions.count; i++)
        if (pattern_matches(statement->actions.items[i], action, true))
            return !statement->actions.inverted;
    return statement->actions.inverted;
}

static bool resource_pattern_matches(const char *pattern, const struct policy_request *request)
{
    if (!strstr(pattern, "${"))
        return arn_matches(pattern, request->resource);
    cleanup(memory_free) char *expanded = pattern_expand(pattern, request);
    return expanded && arn_matches(expanded, request->resource);
}

static bool resource_matches(const struct statement *statement, const struct policy_request *request)
{
    if (!statement->resources.count)
        return true;
    for (size_t i = 0; i < statement->resources.count; i++)
        if (resource_pattern_matches(statement->resources.items[i], request))
            return !statement->resources.inverted;
    return statement->resources.inverted;
}

enum nearness { NOBODY, WHOLE_ACCOUNT, EXACTLY };

/* "*", an account's id, its root, or the ARN of a user, a role or a session. */
static enum nearness principal_nearness(const char *named, const struct policy_request *request)
{
    if (strcmp(named, "*") == 0)
        return EXACTLY;
    if (request->service)
        return NOBODY;
    if (text_equal(named, request->principal_arn) || text_equal(named, request->session_arn))
        return EXACTLY;
    if (text_equal(named, request->account))
        return WHOLE_ACCOUNT;
    const char *prefix = "arn:aws:iam::", *id = named + strlen(prefix);
    bool root =
        text_starts(named, prefix) && strncmp(id, request->account, 12) == 0 && strcmp(id + 12, ":root") == 0;
    return root ? WHOLE_ACCOUNT : NOBODY;
}

static enum nearness statement_nearness(const struct statement *statement,
                                        const struct policy_request *request)
{
    enum nearness nearest = NOBODY;
    for (size_t i = 0; i < statement->accounts_principals.count; i++) {
        enum nearness one = principal_nearness(statement->accounts_principals.items[i], request);
        nearest = one > nearest ? one : nearest;
    }
    for (size_t i = 0; i < statement->services.count; i++)
        if (request->service && (text_equal(statement->services.items[i], request->service) ||
                                 strcmp(statement->services.items[i], "*") == 0))
            nearest = EXACTLY;
    if (!statement->accounts_principals.inverted)
        return nearest;
    /* NotPrincipal spares those it names; an account named spares everyone in it. */
    return nearest == NOBODY ? EXACTLY : NOBODY;
}

void policy_judge(const struct policy *policy, const struct policy_request *request,
                  struct policy_verdict *verdict)
{
    for (size_t i = 0; i < policy->count; i++) {
        const struct statement *statement = &policy->statements[i];
        enum nearness nearness = EXACTLY;
        if (policy->kind != POLICY_IDENTITY)
            nearness = statement_nearness(statement, request);
        if (nearness == NOBODY || !action_matches(statement, request->action) ||
            !resource_matches(statement, request))
            continue;
        bool holds = true;
        for (size_t c = 0; holds && c < statement->condition_count; c++)
            holds = condition_holds(statement->conditions[c], request);
        if (!holds)
            continue;
        if (statement->deny)
            verdict->denied = true;
        else if (nearness == EXACTLY)
            verdict->allowed = true;
        else
            verdict->delegated = true;
    }
}

bool policy_permits(const struct policy_verdict *identity, const struct policy_verdict *resource,
                    bool same_account, enum policy_rule rule)
{
    if (identity->denied || (resource && resource->denied))
        return false;
    if (!resource)
        return same_account && identity->allowed && rule == POLICY_EITHER;
    bool opened = resource->allowed || resource->delegated;
    if (!same_account)
        return opened && identity->allowed;
    if (rule == POLICY_EITHER)
        return identity->allowed || resource->allowed;
    return resource->allowed || (resource->delegated && identity->allowed);
}
