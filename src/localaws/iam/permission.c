#include "localaws/iam/permission.h"

#include "base/log.h"
#include "base/text.h"
#include "localaws/iam/encoded.h"

#include <string.h>

/* Of an endpoint that is gone, or whose policy is none, nothing is allowed. */
static const struct policy *endpoint_policy(struct region *region, const char *id)
{
    const char *text, *vpc_id;
    const struct policy *policy = NULL;
    if (region_endpoint(region, id, &text, &vpc_id) && text)
        policy = parsed_find(region, text, POLICY_RESOURCE);
    return policy ? policy : policy_of_nothing();
}

struct decision permission_ask_encoded(struct arena *arena, const struct question *question, char **encoded)
{
    const struct caller *caller = question->caller;
    if (encoded)
        *encoded = NULL;
    if (caller->kind == CALLER_ROOT && !question->has_policy && !question->endpoint_id)
        return (struct decision){.allowed = true, .source = SOURCE_ROOT};
    region_lock(question->region);
    cleanup(region_unlock) struct region *region = question->region;
    parsed_begin(region);
    struct policy_set policies = {
        .resource = question->policy,
        .rule = question->rule,
        .grantee = question->grantee,
    };
    if (question->policy_text) {
        policies.resource = parsed_find(region, question->policy_text, POLICY_RESOURCE);
        policies.resource = policies.resource ? policies.resource : policy_of_nothing();
    }
    if (question->endpoint_id)
        policies.endpoint = endpoint_policy(region, question->endpoint_id);
    const struct principal *principal = permission_principal(region, caller);
    permission_gather(arena, region, caller, principal, &policies);
    const struct policy_request request = permission_request(arena, question, principal);
    const struct decision decision = policy_decide(&policies, &request);
    if (encoded && !decision.allowed)
        *encoded = refusal_encode(region, arena, &request, caller, &decision);
    return decision;
}

struct decision permission_ask(struct arena *arena, const struct question *question)
{
    return permission_ask_encoded(arena, question, NULL);
}

const char *permission_refusal(struct arena *arena, const struct question *question,
                               const struct decision *decision)
{
    return arena_format(arena, "User: %s is not authorized to perform: %s on resource: %s %s",
                        question->caller->arn, question->action, question->resource,
                        decision_refusal(arena, decision, question->rule, question->action));
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
        .endpoint_id = call->endpoint_id,
        .user_agent = http_request_header(call->request, "user-agent"),
        .referer = http_request_header(call->request, "referer"),
        .insecure = !call->secure,
    };
}

int permission_require(struct call *call, const struct question *question, struct error *err)
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
    enum protocol protocol = call->interface->protocol;
    char *encoded = NULL;
    const struct decision decision =
        permission_ask_encoded(call->arena, question, protocol == PROTOCOL_EC2 ? &encoded : NULL);
    if (decision.allowed)
        return 0;
    const char *why = permission_refusal(call->arena, question, &decision);
    log_info("refused", "why", why, "request", call->request_id, NULL);
    if (encoded)
        why = arena_format(call->arena,
                           "You are not authorized to perform this operation. %s. Encoded authorization "
                           "failure message: %s",
                           why, encoded);
    return call_fail(call, err, refusals[protocol].status, refusals[protocol].code, "%s", why);
}

int call_authorize(struct call *call, const char *action, const char *resource, const char *const *context,
                   struct error *err)
{
    if (call->caller->kind == CALLER_ROOT && !call->endpoint_id)
        return 0;
    struct question question = permission_question(call, action, resource, context);
    return permission_require(call, &question, err);
}

int call_authorize_with_policy(struct call *call, const char *action, const char *resource, const char *owner,
                               const char *resource_policy, const char *const *context, struct error *err)
{
    struct question question = permission_question(call, action, resource, context);
    question.owner = owner;
    question.has_policy = true;
    question.policy_text = resource_policy;
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
