#include "localaws/iam/permission.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "localaws/iam/iam.h"

#include <string.h>

/* What is known of a request, growing while it is gathered. */
struct facts {
    struct arena *arena;
    struct policy_value *items;
    size_t count, room;
};

static void add(struct facts *facts, const char *key, const char *value)
{
    if (!value)
        return;
    if (facts->count == facts->room) {
        size_t room = facts->room ? facts->room * 2 : 32;
        struct policy_value *items = arena_alloc(facts->arena, room * sizeof *items);
        if (facts->count)
            memcpy(items, facts->items, facts->count * sizeof *items);
        facts->items = items;
        facts->room = room;
    }
    facts->items[facts->count++] = (struct policy_value){key, value};
}

static const char *const principal_types[] = {[CALLER_ROOT] = "Account",
                                              [CALLER_USER] = "User",
                                              [CALLER_ROLE] = "AssumedRole",
                                              [CALLER_SERVICE] = "Service"};

static void add_principal(struct facts *facts, const struct caller *caller, const struct principal *principal)
{
    add(facts, "aws:PrincipalArn", caller->principal_arn);
    add(facts, "aws:PrincipalAccount", caller->account->id);
    add(facts, "aws:PrincipalType", principal_types[caller->kind]);
    add(facts, "aws:userid", caller->user_id);
    add(facts, "aws:SourceIdentity", caller->source_identity);
    if (caller->kind == CALLER_USER && principal)
        add(facts, "aws:username", principal->name);
    for (size_t i = 0; principal && i < principal->tag_count; i++)
        add(facts, arena_format(facts->arena, "aws:PrincipalTag/%s", principal->tags[i].key),
            principal->tags[i].value ? principal->tags[i].value : "");
}

static void add_request(struct facts *facts, const struct question *question)
{
    int64_t now_ms = clock_now_ms();
    add(facts, "aws:CurrentTime", clock_rfc3339(facts->arena, now_ms));
    add(facts, "aws:EpochTime", arena_format(facts->arena, "%lld", (long long)(now_ms / 1000)));
    add(facts, "aws:SecureTransport", question->insecure ? "false" : "true");
    add(facts, "aws:SourceIp", question->source_ip);
    add(facts, "aws:ViaAWSService", question->source_ip ? "false" : "true");
    add(facts, "aws:RequestedRegion", question->region->name);
    for (const char *const *pair = question->context; pair && *pair; pair += 2)
        add(facts, pair[0], pair[1]);
}

static void judge_identity(struct region *region, const struct principal *principal,
                           const struct policy_request *request, struct policy_verdict *verdict)
{
    for (size_t i = 0; i < principal->inline_count; i++)
        policy_judge(principal->inlines[i].parsed.policy, request, verdict);
    for (size_t i = 0; i < principal->attached_count; i++) {
        const struct managed_policy *policy =
            iam_managed_policy(region, principal->account, principal->attached[i]);
        if (policy)
            policy_judge(policy->parsed.policy, request, verdict);
    }
}

/* The user or role behind the caller, if it is still the one the keys were made for. */
static const struct principal *principal_of(struct region *region, const struct caller *caller)
{
    if (caller->kind != CALLER_USER && caller->kind != CALLER_ROLE)
        return NULL;
    const struct principal *principal = iam_principal(region, caller->principal_arn);
    return principal && text_starts(caller->user_id, principal->id) ? principal : NULL;
}

static enum permission why_not(const struct policy_verdict *identity, const struct policy_verdict *resource,
                               bool same_account, enum policy_rule rule)
{
    if (identity->denied)
        return REFUSED_BY_IDENTITY_POLICY;
    if (resource && resource->denied)
        return REFUSED_BY_RESOURCE_POLICY;
    if (same_account && rule == POLICY_EITHER)
        return REFUSED_BY_NO_IDENTITY_POLICY;
    return resource && (resource->allowed || resource->delegated) ? REFUSED_BY_NO_IDENTITY_POLICY
                                                                  : REFUSED_BY_NO_RESOURCE_POLICY;
}

enum permission permission_ask(struct arena *arena, const struct question *question)
{
    const struct caller *caller = question->caller;
    if (caller->kind == CALLER_ROOT && !question->has_policy)
        return PERMITTED;
    region_lock(question->region);
    cleanup(region_unlock) struct region *region = question->region;
    const struct principal *principal = principal_of(region, caller);
    struct facts facts = {.arena = arena};
    add_principal(&facts, caller, principal);
    add_request(&facts, question);
    const struct policy_request request = {
        .action = question->action,
        .resource = question->resource,
        .principal_arn = caller->principal_arn,
        .session_arn = caller->arn,
        .account = caller->account->id,
        .context = facts.items,
        .context_count = facts.count,
    };
    struct policy_verdict identity = {.allowed = caller->kind == CALLER_ROOT}, resource = {0};
    if (principal)
        judge_identity(region, principal, &request, &identity);
    if (question->policy)
        policy_judge(question->policy, &request, &resource);
    bool same_account = !question->owner || text_equal(question->owner, caller->account->id);
    const struct policy_verdict *resource_says = question->policy ? &resource : NULL;
    if (policy_permits(&identity, resource_says, same_account, question->rule))
        return PERMITTED;
    return why_not(&identity, resource_says, same_account, question->rule);
}

const char *permission_refusal(struct arena *arena, const struct question *question,
                               enum permission permission)
{
    const char *head = arena_format(arena, "User: %s is not authorized to perform: %s on resource: %s",
                                    question->caller->arn, question->action, question->resource);
    switch (permission) {
    case REFUSED_BY_IDENTITY_POLICY:
        return arena_format(arena, "%s with an explicit deny in an identity-based policy", head);
    case REFUSED_BY_RESOURCE_POLICY:
        return arena_format(arena, "%s with an explicit deny in a resource-based policy", head);
    case REFUSED_BY_NO_RESOURCE_POLICY:
        return arena_format(arena, "%s because no resource-based policy allows the %s action", head,
                            question->action);
    default:
        return arena_format(arena, "%s because no identity-based policy allows the %s action", head,
                            question->action);
    }
}

struct question permission_question(struct call *call, const char *action, const char *resource,
                                    const char *const *context)
{
    return (struct question){
        .region = call->region,
        .caller = call->caller,
        .action = action,
        .resource = resource,
        .context = context,
        .source_ip = http_request_address_text(call->request),
        .insecure = !call->secure,
    };
}

int permission_require(struct call *call, struct question *question, struct error *err)
{
    static const struct {
        int status;
        const char *code;
    } refusals[] = {
        [PROTOCOL_EC2] = {403, "UnauthorizedOperation"},
        [PROTOCOL_QUERY] = {403, "AccessDenied"},
        [PROTOCOL_JSON] = {400, "AccessDeniedException"},
        [PROTOCOL_S3] = {403, "AccessDenied"},
    };
    if (question->owner)
        call_touched(call, question->resource, question->owner);
    enum permission permission = permission_ask(call->arena, question);
    if (permission == PERMITTED)
        return 0;
    enum protocol protocol = call->interface->protocol;
    const char *why = permission_refusal(call->arena, question, permission);
    log_info("refused", "why", why, "request", call->request_id, NULL);
    return call_fail(call, err, refusals[protocol].status, refusals[protocol].code, "%s", why);
}

int call_authorize(struct call *call, const char *action, const char *resource, const char *const *context,
                   struct error *err)
{
    if (call->caller->kind == CALLER_ROOT)
        return 0;
    struct question question = permission_question(call, action, resource, context);
    return permission_require(call, &question, err);
}

int call_authorize_with_policy(struct call *call, const char *action, const char *resource, const char *owner,
                               const char *resource_policy, const char *const *context, struct error *err)
{
    struct question question = permission_question(call, action, resource, context);
    struct policy *policy = NULL;
    if (resource_policy && policy_parse(call->arena, resource_policy, POLICY_RESOURCE, &policy, err) < 0)
        return error_context(err, "policy of %s", resource);
    question.owner = owner;
    question.has_policy = true;
    question.policy = policy;
    question.rule = POLICY_EITHER;
    return permission_require(call, &question, err);
}

int resource_policy_check(const char *text, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct policy *policy;
    struct error why = {0};
    if (policy_parse(arena, text, POLICY_RESOURCE, &policy, &why) < 0)
        return error_code(err, ERROR_INVALID, "MalformedPolicy", "%s", why.message);
    return 0;
}
