/* Reading a document. Messages are AWS's own where they are known. */
#include "policy/language.h"

#include "base/record.h"
#include "base/text.h"
#include "policy/grammar.h"

#include <ctype.h>
#include <string.h>

enum { STATEMENTS_MOST = 512, VALUES_MOST = 2048 };

/* A document being read. */
struct reading {
    struct arena *arena;
    struct policy *policy;
    struct error *err;
};

static int malformed(const struct reading *reading, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static int malformed(const struct reading *reading, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const char *what = arena_vformat(reading->arena, format, args);
    va_end(args);
    return error_code(reading->err, ERROR_INVALID, "MalformedPolicyDocument", "%s", what);
}

static bool has_controls(const char *text)
{
    while ((unsigned char)*text >= ' ')
        text++;
    return *text;
}

/* A text (without control characters, of which expanded patterns use one as a mark); numbers and booleans
 * count as their text. */
static const char *scalar(struct arena *arena, const json_t *value)
{
    if (json_is_string(value) && !has_controls(json_string_value(value)))
        return arena_strdup(arena, json_string_value(value));
    if (json_is_boolean(value))
        return json_is_true(value) ? "true" : "false";
    if (json_is_integer(value))
        return arena_format(arena, "%lld", (long long)json_integer_value(value));
    if (json_is_real(value))
        return arena_format(arena, "%.17g", json_real_value(value));
    return NULL;
}

/* One text or a list of them, each as `valid` wants it; `wrong` says so of one (%s) that is not. */
static int read_texts(const struct reading *reading, const json_t *json, struct patterns *texts,
                      bool (*valid)(const char *text), const char *wrong)
{
    size_t count = json_is_array(json) ? json_array_size(json) : 1;
    if (!json || count > VALUES_MOST)
        return malformed(reading, "Syntax errors in policy.");
    const char **items = arena_alloc(reading->arena, (count + 1) * sizeof *items);
    for (size_t i = 0; i < count; i++) {
        items[i] = scalar(reading->arena, json_is_array(json) ? json_array_get(json, i) : json);
        if (!items[i])
            return malformed(reading, "Syntax errors in policy.");
        if (valid && !valid(items[i]))
            return malformed(reading, "%s: \"%.200s\"", wrong, items[i]);
    }
    texts->items = items;
    texts->count = count;
    return 0;
}

/* "Action" or "NotAction", one of them. */
static int read_either(const struct reading *reading, const json_t *statement, const char *name,
                       struct patterns *texts, bool (*valid)(const char *text), const char *wrong)
{
    const char *inverse = arena_format(reading->arena, "Not%s", name);
    const json_t *plain = json_object_get(statement, name), *inverted = json_object_get(statement, inverse);
    if (plain && inverted)
        return malformed(reading, "%s and %s exclude each other", name, inverse);
    texts->inverted = inverted != NULL;
    if (!plain && !inverted)
        return 0;
    return read_texts(reading, plain ? plain : inverted, texts, valid, wrong);
}

static int read_actions(const struct reading *reading, const json_t *json, struct statement *statement)
{
    if (read_either(reading, json, "Action", &statement->actions, grammar_action,
                    "Actions/Conditions must be prefixed by a vendor, e.g., iam, sdb, ec2, etc.") < 0)
        return -1;
    if (!statement->actions.count)
        return malformed(reading, "Policy statement must contain actions.");
    for (size_t i = 0; reading->policy->kind == POLICY_TRUST && i < statement->actions.count; i++)
        if (!grammar_sts_action(statement->actions.items[i]))
            return malformed(reading, "AssumeRole policy may only specify STS AssumeRole actions.");
    return 0;
}

static int read_resources(const struct reading *reading, const json_t *json, struct statement *statement)
{
    if (read_either(reading, json, "Resource", &statement->resources, grammar_resource,
                    "Resource must be in ARN format or \"*\"") < 0)
        return -1;
    if (reading->policy->kind == POLICY_TRUST)
        return statement->resources.count ? malformed(reading, "Has prohibited field Resource") : 0;
    if (!statement->resources.count)
        return malformed(reading, "Policy statement must contain resources.");
    for (size_t i = 0; reading->policy->variables && i < statement->resources.count; i++)
        if (!grammar_variables(statement->resources.items[i]))
            return malformed(reading, "A variable may stand only after the fifth colon of \"%.200s\"",
                             statement->resources.items[i]);
    return 0;
}

/* {"AWS": ..., "Service": ..., "Federated": ..., "CanonicalUser": ...}; the last two never ask here. */
static int read_principal_map(const struct reading *reading, const json_t *json, struct statement *statement)
{
    const char *type;
    json_t *value;
    json_object_foreach((json_t *)json, type, value) {
        struct patterns other = {0};
        bool accounts = strcmp(type, "AWS") == 0, services = strcmp(type, "Service") == 0;
        if (!accounts && !services && strcmp(type, "Federated") != 0 && strcmp(type, "CanonicalUser") != 0)
            return malformed(reading, "Unknown principal type \"%.100s\"", type);
        struct patterns *into = accounts ? &statement->accounts : services ? &statement->services : &other;
        if (read_texts(reading, value, into,
                       accounts   ? grammar_principal
                       : services ? grammar_service
                                  : NULL,
                       "Invalid principal in policy") < 0)
            return -1;
    }
    return json_is_object(json) && json_object_size(json) ? 0
                                                          : malformed(reading, "Invalid principal in policy");
}

static int read_principals(const struct reading *reading, const json_t *json, struct statement *statement)
{
    const json_t *plain = json_object_get(json, "Principal"),
                 *inverted = json_object_get(json, "NotPrincipal");
    enum policy_kind kind = reading->policy->kind;
    if (kind == POLICY_IDENTITY)
        return plain || inverted ? malformed(reading, "Policy document should not specify a principal.") : 0;
    if (!plain == !inverted)
        return malformed(reading, "Missing required field Principal");
    if (inverted && kind == POLICY_TRUST)
        return malformed(reading, "Has prohibited field NotPrincipal");
    statement->has_principals = true;
    statement->except = inverted != NULL;
    const json_t *principals = plain ? plain : inverted;
    if (json_is_string(principals))
        return strcmp(json_string_value(principals), "*") == 0
                   ? read_texts(reading, principals, &statement->accounts, NULL, NULL)
                   : malformed(reading, "Invalid principal in policy");
    return read_principal_map(reading, principals, statement);
}

static int read_condition(const struct reading *reading, const char *operator, const char * key,
                          const json_t *values, struct statement *statement)
{
    struct patterns texts = {0};
    struct error why = {0};
    if (read_texts(reading, values, &texts, NULL, NULL) < 0)
        return -1;
    struct condition *condition = arena_alloc(reading->arena, sizeof *condition);
    *condition = (struct condition){.key = arena_strdup(reading->arena, key),
                                    .values = texts.items,
                                    .count = texts.count,
                                    .variables = reading->policy->variables};
    if (condition_parse(condition, operator, & why) < 0)
        return malformed(reading, "%s", why.message);
    statement->conditions[statement->condition_count++] = condition;
    return 0;
}

static int read_conditions(const struct reading *reading, const json_t *json, struct statement *statement)
{
    if (!json)
        return 0;
    if (!json_is_object(json))
        return malformed(reading, "Syntax errors in policy.");
    const char *operator, * key;
    json_t *keys, *values;
    size_t count = 0;
    json_object_foreach((json_t *)json, operator, keys)
        count += json_object_size(keys);
    statement->conditions = arena_alloc(reading->arena, (count + 1) * sizeof *statement->conditions);
    json_object_foreach((json_t *)json, operator, keys) {
        if (!json_object_size(keys))
            return malformed(reading, "Syntax errors in policy.");
        json_object_foreach(keys, key, values)
            if (read_condition(reading, operator, key, values, statement) < 0)
                return -1;
    }
    return 0;
}

static int check_members(const struct reading *reading, const json_t *object, const char *const *known)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)object, name, value) {
        size_t i = 0;
        while (known[i] && strcmp(known[i], name) != 0)
            i++;
        if (!known[i])
            return malformed(reading, "Unknown field %.100s", name);
    }
    return 0;
}

/* Bucket and key policies take any text. */
static int read_sid(const struct reading *reading, const json_t *json, struct statement *statement)
{
    const json_t *sid = json_object_get(json, "Sid");
    const struct policy *policy = reading->policy;
    if (!sid)
        return 0;
    if (!json_is_string(sid) || has_controls(json_string_value(sid)))
        return malformed(reading, "Syntax errors in policy.");
    statement->sid = arena_strdup(reading->arena, json_string_value(sid));
    if (policy->kind != POLICY_RESOURCE && !grammar_sid(statement->sid))
        return malformed(reading, "Statement IDs (SID) must be alpha-numeric. Check that your input "
                                  "satisfies the regular expression [0-9A-Za-z]*");
    for (const struct statement *other = policy->statements; other < statement; other++)
        if (*statement->sid && text_equal(other->sid, statement->sid))
            return malformed(reading, "Statement IDs (SID) in a single policy must be unique.");
    return 0;
}

static int read_statement(const struct reading *reading, const json_t *json, struct statement *statement)
{
    static const char *const known[] = {"Sid",         "Effect",    "Action",       "NotAction", "Resource",
                                        "NotResource", "Principal", "NotPrincipal", "Condition", NULL};
    const char *effect = json_member_text(json, "Effect");
    if (!json_is_object(json))
        return malformed(reading, "Syntax errors in policy.");
    if (check_members(reading, json, known) < 0)
        return -1;
    if (!text_equal(effect, "Allow") && !text_equal(effect, "Deny"))
        return malformed(reading, "Effect is \"Allow\" or \"Deny\"");
    statement->deny = text_equal(effect, "Deny");
    if (read_sid(reading, json, statement) < 0 || read_principals(reading, json, statement) < 0 ||
        read_actions(reading, json, statement) < 0 || read_resources(reading, json, statement) < 0)
        return -1;
    return read_conditions(reading, json_object_get(json, "Condition"), statement);
}

static int read_document(const struct reading *reading, const json_t *json)
{
    static const char *const known[] = {"Version", "Id", "Statement", NULL};
    struct policy *policy = reading->policy;
    const char *version = json_member_text(json, "Version");
    if (check_members(reading, json, known) < 0)
        return -1;
    if (json_object_get(json, "Version") && !text_equal(version, "2012-10-17") &&
        !text_equal(version, "2008-10-17"))
        return malformed(reading, "The policy must contain a valid version string");
    policy->variables = text_equal(version, "2012-10-17");
    const json_t *statements = json_object_get(json, "Statement");
    bool list = json_is_array(statements);
    size_t count = list ? json_array_size(statements) : 1;
    if (!statements || !count || count > STATEMENTS_MOST)
        return malformed(reading, "Syntax errors in policy.");
    policy->statements = arena_alloc(reading->arena, count * sizeof *policy->statements);
    policy->count = count;
    for (size_t i = 0; i < count; i++)
        if (read_statement(reading, list ? json_array_get(statements, i) : statements,
                           &policy->statements[i]) < 0)
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
    struct policy *result = arena_alloc(arena, sizeof *result);
    const struct reading reading = {arena, result, err};
    struct error why = {0};
    json_t *json;
    result->kind = kind;
    if (json_parse(scratch, text, length, &json, &why) < 0)
        return malformed(&reading, "Syntax errors in policy: %s", why.message);
    if (!json_is_object(json))
        return malformed(&reading, "Syntax errors in policy.");
    if (read_document(&reading, json) < 0)
        return -1;
    *policy = result;
    return 0;
}

size_t policy_size(const char *text)
{
    size_t size = 0;
    for (; *text; text++)
        size += !isspace((unsigned char)*text);
    return size;
}
