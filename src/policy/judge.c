/* Which statements of a policy apply to a request, and to whom. */
#include "policy/language.h"

#include "base/text.h"

#include <string.h>

static bool action_matches(const struct statement *statement, const char *action)
{
    for (size_t i = 0; i < statement->actions.count; i++)
        if (pattern_matches(statement->actions.items[i], action, true))
            return !statement->actions.inverted;
    return statement->actions.inverted;
}

static bool one_resource_matches(const struct policy *policy, const char *pattern,
                                 const struct policy_request *request)
{
    if (!policy->variables || !strstr(pattern, "${"))
        return resource_matches(pattern, request->resource);
    cleanup(memory_free) char *expanded = pattern_expand(pattern, request);
    return expanded && resource_matches(expanded, request->resource);
}

static bool any_resource_matches(const struct policy *policy, const struct statement *statement,
                                 const struct policy_request *request)
{
    const struct patterns *resources = &statement->resources;
    if (!resources->count) /* a trust policy's is its role */
        return true;
    for (size_t i = 0; i < resources->count; i++)
        if (one_resource_matches(policy, resources->items[i], request))
            return !resources->inverted;
    return resources->inverted;
}

/* "111111111111" or "arn:aws:iam::111111111111:root". */
static bool is_account_of(const char *named, const struct policy_principal *principal)
{
    if (!principal->account || text_equal(named, principal->account))
        return principal->account;
    const char *id = strstr(named, ":iam::");
    size_t length = strlen(principal->account);
    return id && strncmp(id + 6, principal->account, length) == 0 && strcmp(id + 6 + length, ":root") == 0;
}

static enum policy_reach reach_of_name(const char *named, const struct policy_principal *principal)
{
    if (strcmp(named, "*") == 0)
        return REACHES_SELF;
    if (is_account_of(named, principal))
        return principal->kind == PRINCIPAL_ROOT ? REACHES_SELF : REACHES_ACCOUNT;
    if (principal->session_arn && text_equal(named, principal->session_arn))
        return REACHES_SELF;
    if (principal->arn && text_equal(named, principal->arn))
        return principal->session_arn ? REACHES_ENTITY : REACHES_SELF;
    return REACHES_NOBODY;
}

static bool service_is_named(const struct statement *statement, const struct policy_principal *principal)
{
    for (size_t i = 0; principal->service && i < statement->services.count; i++)
        if (text_equal(statement->services.items[i], principal->service) ||
            strcmp(statement->services.items[i], "*") == 0)
            return true;
    return false;
}

static enum policy_reach reach_of_principals(const struct statement *statement,
                                             const struct policy_principal *principal)
{
    enum policy_reach nearest = service_is_named(statement, principal) ? REACHES_SELF : REACHES_NOBODY;
    for (size_t i = 0; i < statement->accounts.count; i++) {
        enum policy_reach one = reach_of_name(statement->accounts.items[i], principal);
        nearest = one > nearest ? one : nearest;
    }
    return nearest;
}

static bool names(const struct statement *statement, const char *arn)
{
    for (size_t i = 0; arn && i < statement->accounts.count; i++)
        if (text_equal(statement->accounts.items[i], arn))
            return true;
    return !arn;
}

static bool account_is_named(const struct statement *statement, const struct policy_principal *principal)
{
    for (size_t i = 0; i < statement->accounts.count; i++)
        if (is_account_of(statement->accounts.items[i], principal))
            return true;
    return false;
}

/* NotPrincipal with Deny spares only who is named all the way: account, role and session. Whoever has a
 * permissions boundary is never spared (IAM User Guide, "NotPrincipal"). */
static bool is_spared(const struct statement *statement, const struct policy_principal *principal)
{
    if (principal->kind == PRINCIPAL_SERVICE)
        return service_is_named(statement, principal);
    if (principal->kind == PRINCIPAL_ANONYMOUS || principal->bounded)
        return false;
    return account_is_named(statement, principal) &&
           (principal->kind == PRINCIPAL_ROOT ||
            (names(statement, principal->arn) && names(statement, principal->session_arn)));
}

static enum policy_reach reach_of(const struct statement *statement, const struct policy_principal *principal)
{
    if (!statement->has_principals)
        return REACHES_SELF;
    enum policy_reach reach = reach_of_principals(statement, principal);
    if (!statement->except)
        return reach;
    if (statement->deny)
        return is_spared(statement, principal) ? REACHES_NOBODY : REACHES_SELF;
    return reach == REACHES_NOBODY ? REACHES_SELF : REACHES_NOBODY;
}

static enum policy_reach judge_statement(const struct policy *policy, const struct statement *statement,
                                         const struct policy_request *request)
{
    enum policy_reach reach = reach_of(statement, &request->principal);
    if (reach == REACHES_NOBODY || !action_matches(statement, request->action) ||
        !any_resource_matches(policy, statement, request))
        return REACHES_NOBODY;
    for (size_t i = 0; i < statement->condition_count; i++)
        if (!condition_holds(statement->conditions[i], request))
            return REACHES_NOBODY;
    return reach;
}

void policy_judge(const struct policy *policy, const struct policy_request *request,
                  struct policy_verdict *verdict)
{
    for (size_t i = 0; i < policy->count; i++) {
        const struct statement *statement = &policy->statements[i];
        if (statement->deny ? verdict->deny.policy != NULL : verdict->reach == REACHES_SELF)
            continue; /* it would change nothing */
        enum policy_reach reach = judge_statement(policy, statement, request);
        const struct policy_match match = {policy, i};
        if (reach == REACHES_NOBODY)
            continue;
        if (statement->deny) {
            verdict->deny = match;
        } else if (reach > verdict->reach) {
            verdict->allow = match;
            verdict->reach = reach;
        }
    }
}

size_t policy_statement_count(const struct policy *policy)
{
    return policy->count;
}

enum policy_reach policy_statement_reach(const struct policy *policy, size_t statement,
                                         const struct policy_request *request)
{
    return judge_statement(policy, &policy->statements[statement], request);
}

bool policy_statement_applies(const struct policy *policy, size_t statement,
                              const struct policy_request *request)
{
    return policy_statement_reach(policy, statement, request) != REACHES_NOBODY;
}

bool policy_statement_denies(const struct policy *policy, size_t statement)
{
    return policy->statements[statement].deny;
}

const char *policy_statement_sid(const struct policy *policy, size_t statement)
{
    return policy->statements[statement].sid;
}

/* Context keys
 * -------------------------------------------------------------------------------------------------- */

struct keys {
    struct arena *arena;
    const char **items;
    size_t count, room;
};

static void add_key(struct keys *keys, const char *key)
{
    for (size_t i = 0; i < keys->count; i++)
        if (text_equal_nocase(keys->items[i], key))
            return;
    if (keys->count + 1 >= keys->room) {
        size_t room = keys->room ? keys->room * 2 : 16;
        const char **items = arena_alloc(keys->arena, room * sizeof *items);
        if (keys->count)
            memcpy(items, keys->items, keys->count * sizeof *items);
        keys->items = items;
        keys->room = room;
    }
    keys->items[keys->count++] = key;
}

static void add_variables(struct keys *keys, const char *const *texts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *at = texts[i], *name;
        while ((name = variable_next(keys->arena, &at)))
            add_key(keys, name);
    }
}

const char **policy_context_keys(struct arena *arena, const struct policy *policy)
{
    struct keys keys = {.arena = arena, .items = arena_alloc(arena, sizeof *keys.items)};
    for (size_t i = 0; i < policy->count; i++) {
        const struct statement *statement = &policy->statements[i];
        if (policy->variables)
            add_variables(&keys, statement->resources.items, statement->resources.count);
        for (size_t c = 0; c < statement->condition_count; c++) {
            const struct condition *condition = statement->conditions[c];
            add_key(&keys, condition->key);
            if (condition->variables && condition->operator->variables)
                add_variables(&keys, condition->values, condition->count);
        }
    }
    return keys.items;
}
