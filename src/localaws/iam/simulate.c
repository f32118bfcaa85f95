/* The engine, exposed: what would be decided about actions, by the policies of a user, role or group or by
 * some that are only in the request; and which context keys they ask about. */
#include "localaws/iam/list.h"
#include "localaws/iam/permission.h"

#include "base/text.h"
#include "localaws/resource/answer.h"

#include <string.h>

/* Where a policy comes from, as results say it. */
struct labelled {
    const struct policy *policy;
    const char *id, *type;
};

struct simulation {
    struct call *call;
    struct labelled *identity; /* those of set.identity */
    size_t count, room;
    struct policy_set set;
    struct policy_principal principal;
    struct policy_value *context;
    size_t context_count;
};

static void add(struct simulation *simulation, const struct policy *policy, const char *id, const char *type)
{
    if (!policy)
        return;
    if (simulation->count == simulation->room) {
        size_t room = simulation->room ? simulation->room * 2 : 16;
        struct labelled *items = arena_alloc(simulation->call->arena, room * sizeof *items);
        if (simulation->count)
            memcpy(items, simulation->identity, simulation->count * sizeof *items);
        simulation->identity = items;
        simulation->room = room;
    }
    simulation->identity[simulation->count++] = (struct labelled){policy, id, type};
}

static int read_policy(struct call *call, const char *parameter, enum policy_kind kind,
                       const struct policy **policy, struct error *err)
{
    const char *text = call_parameter(call, "%s", parameter);
    struct policy *parsed = NULL;
    struct error why = {0};
    if (text && policy_parse(call->arena, text, kind, &parsed, &why) < 0)
        return call_fail(call, err, 400, "InvalidInput", "%s: %s", parameter, why.message);
    *policy = parsed;
    return 0;
}

static int add_inputs(struct simulation *simulation, struct error *err)
{
    struct call *call = simulation->call;
    for (size_t i = 1; call_parameter(call, "PolicyInputList.member.%zu", i); i++) {
        const struct policy *policy;
        if (read_policy(call, arena_format(call->arena, "PolicyInputList.member.%zu", i), POLICY_IDENTITY,
                        &policy, err) < 0)
            return -1;
        add(simulation, policy, arena_format(call->arena, "PolicyInputList.%zu", i), "none");
    }
    return 0;
}

static void add_policies_of(struct simulation *simulation, const struct principal *principal,
                            const char *type)
{
    struct call *call = simulation->call;
    for (size_t i = 0; i < principal->inline_count; i++)
        add(simulation, principal->inlines[i].parsed.policy,
            arena_format(call->arena, "%s_%s_%s", type, principal->name, principal->inlines[i].name), type);
    for (size_t i = 0; i < principal->attached_count; i++) {
        const struct managed_policy *policy =
            iam_managed_policy(call->region, principal->account, principal->attached[i]);
        if (policy)
            add(simulation, policy->parsed.policy, policy->name,
                text_starts(policy->arn, "arn:aws:iam::aws:") ? "aws-managed" : "user-managed");
    }
}

/* Whose policies they are. A role's are used by a session of it. */
static int add_source(struct simulation *simulation, struct error *err)
{
    struct call *call = simulation->call;
    const char *arn;
    if (call_required(call, "PolicySourceArn", &arn, err) < 0 || iam_authorize(call, arn, err) < 0)
        return -1;
    const struct principal *source = iam_principal(call->region, arn);
    if (!source || source->account != call->account)
        return call_fail(call, err, 404, "NoSuchEntity", "The entity %.300s cannot be found.", arn);
    bool role = source->trust != NULL;
    add_policies_of(simulation, source, role ? "role" : strstr(arn, ":group/") ? "group" : "user");
    for (size_t i = 0; i < source->group_count; i++) {
        const struct principal *group = table_get(&iam_of(call->account)->groups, source->groups[i]);
        if (group)
            add_policies_of(simulation, group, "group");
    }
    struct policy_set own = {0};
    permission_gather(call->arena, call->region,
                      &(struct caller){.kind = CALLER_USER, .account = call->account}, source, &own);
    simulation->set.boundary = own.boundary;
    simulation->principal = (struct policy_principal){
        .kind = role ? PRINCIPAL_ROLE_SESSION : PRINCIPAL_USER,
        .arn = source->arn,
        .session_arn = role ? arena_format(call->arena, "arn:aws:sts::%s:assumed-role/%s/simulation",
                                           call->account->id, source->name)
                            : NULL,
        .account = call->account->id,
    };
    return 0;
}

/* Whoever the request says. */
static int read_caller(struct simulation *simulation, struct error *err)
{
    struct call *call = simulation->call;
    const char *caller = call_parameter(call, "CallerArn");
    if (simulation->set.resource && !caller && !simulation->principal.arn)
        return call_fail(call, err, 400, "InvalidInput", "A ResourcePolicy needs a CallerArn");
    if (!caller && simulation->principal.arn)
        return 0;
    const char *account = caller && strlen(caller) > 25 ? arena_strndup(call->arena, caller + 13, 12) : NULL;
    if (caller && (!text_starts(caller, "arn:aws:iam::") || !account || !text_only(account, "0-9") ||
                   !strchr(caller, '/')))
        return call_fail(call, err, 400, "InvalidInput", "CallerArn is not the ARN of a user");
    simulation->principal = (struct policy_principal){
        .kind = PRINCIPAL_USER, .arn = caller, .account = account ? account : call->account->id};
    return 0;
}

static int read_policies(struct simulation *simulation, struct error *err)
{
    struct call *call = simulation->call;
    const struct policy *boundary;
    if (add_inputs(simulation, err) < 0 ||
        read_policy(call, "PermissionsBoundaryPolicyInputList.member.1", POLICY_IDENTITY, &boundary, err) <
            0 ||
        read_policy(call, "ResourcePolicy", POLICY_RESOURCE, &simulation->set.resource, err) < 0 ||
        read_caller(simulation, err) < 0)
        return -1;
    if (boundary)
        simulation->set.boundary = boundary;
    simulation->principal.bounded = simulation->set.boundary != NULL;
    const struct policy **items = arena_alloc(call->arena, (simulation->count + 1) * sizeof *items);
    for (size_t i = 0; i < simulation->count; i++)
        items[i] = simulation->identity[i].policy;
    simulation->set.identity = (struct policy_list){items, simulation->count};
    return 0;
}

static bool knows(const struct simulation *simulation, const char *key)
{
    for (size_t i = 0; i < simulation->context_count; i++)
        if (text_equal_nocase(simulation->context[i].key, key))
            return true;
    return false;
}

/* What is known of the principal, unless the request says otherwise. */
static void add_fact(struct simulation *simulation, const char *key, const char *value)
{
    if (value && !knows(simulation, key))
        simulation->context[simulation->context_count++] = (struct policy_value){key, value};
}

/* ContextEntries, and what the principal is. */
static void read_context(struct simulation *simulation)
{
    struct call *call = simulation->call;
    enum { OWN = 3 };
    size_t room = OWN;
    for (size_t i = 1; call_parameter(call, "ContextEntries.member.%zu.ContextKeyName", i); i++) {
        const char *prefix =
            arena_format(call->arena, "ContextEntries.member.%zu.ContextKeyValues.member", i);
        size_t count;
        call_list(call, prefix, &count);
        room += count;
    }
    struct policy_value *values = arena_alloc(call->arena, room * sizeof *values);
    size_t count = 0;
    const char *key;
    for (size_t i = 1; (key = call_parameter(call, "ContextEntries.member.%zu.ContextKeyName", i)); i++) {
        const char *prefix =
            arena_format(call->arena, "ContextEntries.member.%zu.ContextKeyValues.member", i);
        for (const char **value = call_list(call, prefix, NULL); *value; value++)
            values[count++] = (struct policy_value){key, *value};
    }
    simulation->context = values;
    simulation->context_count = count;
    const struct policy_principal *principal = &simulation->principal;
    bool user = principal->kind == PRINCIPAL_USER && principal->arn;
    add_fact(simulation, "aws:PrincipalArn", principal->arn);
    add_fact(simulation, "aws:PrincipalAccount", principal->account);
    add_fact(simulation, "aws:username", user ? strrchr(principal->arn, '/') + 1 : NULL);
}

/* Results
 * -------------------------------------------------------------------------------------------------------- */

struct result {
    const struct simulation *simulation;
    struct policy_request request;
    struct decision decision;
};

static void put_matches(const struct result *result, const struct labelled *from)
{
    struct buffer *out = &result->simulation->call->answer;
    for (size_t i = 0; i < policy_statement_count(from->policy); i++) {
        if (policy_statement_denies(from->policy, i) == result->decision.allowed ||
            !policy_statement_applies(from->policy, i, &result->request))
            continue;
        put_open(out, "member");
        put_text(out, "SourcePolicyId", from->id);
        put_text(out, "SourcePolicyType", from->type);
        put_close(out, "member");
    }
}

/* The statements that allowed or denied; of what nothing allowed, none. */
static void put_statements(const struct result *result)
{
    const struct simulation *simulation = result->simulation;
    struct buffer *out = &simulation->call->answer;
    put_open(out, "MatchedStatements");
    if (result->decision.allowed || result->decision.explicitly) {
        for (size_t i = 0; i < simulation->count; i++)
            put_matches(result, &simulation->identity[i]);
        if (simulation->set.resource)
            put_matches(result, &(struct labelled){simulation->set.resource, "ResourcePolicy", "resource"});
        if (simulation->set.boundary && result->decision.explicitly)
            put_matches(result, &(struct labelled){simulation->set.boundary, "PermissionsBoundary", "none"});
    }
    put_close(out, "MatchedStatements");
}

static void put_missing(const struct result *result)
{
    const struct simulation *simulation = result->simulation;
    struct call *call = simulation->call;
    put_open(&call->answer, "MissingContextValues");
    for (size_t i = 0; i < simulation->count; i++)
        for (const char **key = policy_context_keys(call->arena, simulation->identity[i].policy); *key;
             key++) {
            size_t at = 0;
            while (at < simulation->context_count && !text_equal_nocase(simulation->context[at].key, *key))
                at++;
            if (at == simulation->context_count)
                put_text(&call->answer, "member", *key);
        }
    put_close(&call->answer, "MissingContextValues");
}

static void put_result(struct call *call, const char *element, const void *item)
{
    const struct result *result = item;
    const struct decision *decision = &result->decision;
    struct buffer *out = &call->answer;
    put_open(out, element);
    put_text(out, "EvalActionName", result->request.action);
    put_text(out, "EvalResourceName", result->request.resource);
    put_text(out, "EvalDecision",
             decision->allowed      ? "allowed"
             : decision->explicitly ? "explicitDeny"
                                    : "implicitDeny");
    put_statements(result);
    put_missing(result);
    if (result->simulation->set.boundary) {
        struct policy_verdict verdict = {0};
        policy_judge(result->simulation->set.boundary, &result->request, &verdict);
        put_open(out, "PermissionsBoundaryDecisionDetail");
        put_bool(out, "AllowedByPermissionsBoundary", verdict.allow.policy && !verdict.deny.policy);
        put_close(out, "PermissionsBoundaryDecisionDetail");
    }
    put_close(out, element);
}

/* Each action on each resource. */
static int simulate(struct simulation *simulation, struct error *err)
{
    struct call *call = simulation->call;
    struct iam_list list;
    static const char *const everything[] = {"*", NULL};
    const char **actions = call_list(call, "ActionNames.member", NULL);
    const char *const *resources = (const char *const *)call_list(call, "ResourceArns.member", NULL);
    if (!actions[0])
        return call_fail(call, err, 400, "ValidationError", "ActionNames is required");
    if (read_policies(simulation, err) < 0 || iam_list_begin(call, &list, err) < 0)
        return -1;
    read_context(simulation);
    size_t number = 0;
    for (size_t a = 0; actions[a]; a++)
        for (const char *const *resource = resources[0] ? resources : everything; *resource; resource++) {
            struct result *result = arena_alloc(call->arena, sizeof *result);
            *result = (struct result){.simulation = simulation,
                                      .request = {.principal = simulation->principal,
                                                  .action = actions[a],
                                                  .resource = *resource,
                                                  .owner = call_parameter(call, "ResourceOwner"),
                                                  .context = simulation->context,
                                                  .context_count = simulation->context_count}};
            result->decision = policy_decide(&simulation->set, &result->request);
            iam_list_add(&list, arena_format(call->arena, "%06zu", number++), result);
        }
    iam_list_put(&list, "EvaluationResults", put_result);
    return 0;
}

int simulate_principal_policy(struct call *call, struct error *err)
{
    struct simulation simulation = {.call = call};
    return add_source(&simulation, err) < 0 ? -1 : simulate(&simulation, err);
}

int simulate_custom_policy(struct call *call, struct error *err)
{
    struct simulation simulation = {.call = call};
    return iam_authorize(call, "*", err) < 0 ? -1 : simulate(&simulation, err);
}

static int put_keys(struct simulation *simulation, struct error *err)
{
    struct call *call = simulation->call;
    struct table seen = {0};
    if (add_inputs(simulation, err) < 0)
        return -1;
    put_open(&call->answer, "ContextKeyNames");
    for (size_t i = 0; i < simulation->count; i++)
        for (const char **key = policy_context_keys(call->arena, simulation->identity[i].policy); *key;
             key++) {
            const char *lower = text_lower(call->arena, *key);
            if (table_get(&seen, lower))
                continue;
            table_put(&seen, lower, call);
            put_text(&call->answer, "member", *key);
        }
    put_close(&call->answer, "ContextKeyNames");
    table_free(&seen);
    return 0;
}

int get_context_keys_for_principal_policy(struct call *call, struct error *err)
{
    struct simulation simulation = {.call = call};
    return add_source(&simulation, err) < 0 ? -1 : put_keys(&simulation, err);
}

int get_context_keys_for_custom_policy(struct call *call, struct error *err)
{
    struct simulation simulation = {.call = call};
    return iam_authorize(call, "*", err) < 0 ? -1 : put_keys(&simulation, err);
}
