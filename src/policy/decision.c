#include "policy/decision.h"

#include "base/text.h"
#include "policy/language.h"

/* What each kind says, before they are put together. */
struct verdicts {
    struct policy_verdict identity, boundary, session, resource, endpoint;
};

static struct decision allowed_by(enum policy_source source, struct policy_match match)
{
    return (struct decision){.allowed = true, .source = source, .match = match};
}

static struct decision not_allowed_by(enum policy_source source)
{
    return (struct decision){.source = source};
}

static void judge_list(const struct policy_list *list, const struct policy_request *request,
                       struct policy_verdict *verdict)
{
    for (size_t i = 0; i < list->count; i++)
        policy_judge(list->items[i], request, verdict);
}

static void judge_one(const struct policy *policy, const struct policy_request *request,
                      struct policy_verdict *verdict)
{
    if (policy)
        policy_judge(policy, request, verdict);
}

/* Guardrails
 * ---------------------------------------------------------------------------------------------------- */

/* Refused by any level of an organization? */
static bool level_refuses(const struct policy_list *levels, size_t count, enum policy_source source,
                          const struct policy_request *request, bool explicitly, struct decision *decision)
{
    for (size_t i = 0; i < count; i++) {
        struct policy_verdict verdict = {0};
        judge_list(&levels[i], request, &verdict);
        if (explicitly ? verdict.deny.policy != NULL : !verdict.allow.policy) {
            *decision = (struct decision){.explicitly = explicitly, .source = source, .match = verdict.deny};
            return true;
        }
    }
    return false;
}

static bool organization_refuses(const struct policy_set *policies, const struct policy_request *request,
                                 bool explicitly, struct decision *decision)
{
    return level_refuses(policies->resource_control, policies->resource_control_levels,
                         SOURCE_RESOURCE_CONTROL, request, explicitly, decision) ||
           level_refuses(policies->service_control, policies->service_control_levels, SOURCE_SERVICE_CONTROL,
                         request, explicitly, decision);
}

static bool denies(const struct policy_set *policies, const struct policy_request *request,
                   const struct verdicts *verdicts, struct decision *decision)
{
    const struct {
        enum policy_source source;
        const struct policy_verdict *verdict;
    } kinds[] = {
        {SOURCE_ENDPOINT, &verdicts->endpoint}, {SOURCE_RESOURCE, &verdicts->resource},
        {SOURCE_IDENTITY, &verdicts->identity}, {SOURCE_BOUNDARY, &verdicts->boundary},
        {SOURCE_SESSION, &verdicts->session},
    };
    if (organization_refuses(policies, request, true, decision))
        return true;
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        if (kinds[i].verdict->deny.policy) {
            *decision = (struct decision){
                .explicitly = true, .source = kinds[i].source, .match = kinds[i].verdict->deny};
            return true;
        }
    return false;
}

/* Permissions
 * --------------------------------------------------------------------------------------------------- */

/* Whether what was allowed to the user or role reaches who asks: through the boundary, and into the
 * session. */
static struct decision through_limits(const struct policy_set *policies, const struct policy_request *request,
                                      const struct verdicts *verdicts, struct decision granted)
{
    if (policies->boundary && !verdicts->boundary.allow.policy)
        return not_allowed_by(SOURCE_BOUNDARY);
    /* A federated user has nothing but what its session policies let through. */
    bool narrowed = policies->session.count || request->principal.kind == PRINCIPAL_FEDERATED_USER;
    if (narrowed && !verdicts->session.allow.policy)
        return not_allowed_by(SOURCE_SESSION);
    return granted;
}

/* What the principal's own account allows it. */
static struct decision by_identity(const struct policy_set *policies, const struct policy_request *request,
                                   const struct verdicts *verdicts)
{
    if (request->principal.kind == PRINCIPAL_ROOT)
        return allowed_by(SOURCE_ROOT, (struct policy_match){0});
    if (!verdicts->identity.allow.policy)
        return not_allowed_by(SOURCE_IDENTITY);
    return through_limits(policies, request, verdicts, allowed_by(SOURCE_IDENTITY, verdicts->identity.allow));
}

static struct decision within_account(const struct policy_set *policies, const struct policy_request *request,
                                      const struct verdicts *verdicts)
{
    const struct policy_verdict *resource = &verdicts->resource;
    const struct decision by_resource = allowed_by(SOURCE_RESOURCE, resource->allow);
    if (resource->reach == REACHES_SELF)
        return by_resource;
    if (resource->reach == REACHES_ENTITY)
        return through_limits(policies, request, verdicts, by_resource);
    if (policies->rule != RESOURCE_MAY && resource->reach == REACHES_NOBODY)
        return not_allowed_by(SOURCE_RESOURCE);
    return by_identity(policies, request, verdicts);
}

static struct decision across_accounts(const struct policy_set *policies,
                                       const struct policy_request *request, const struct verdicts *verdicts)
{
    if (verdicts->resource.reach == REACHES_NOBODY)
        return not_allowed_by(SOURCE_RESOURCE);
    struct decision decision = by_identity(policies, request, verdicts);
    return decision.allowed ? allowed_by(SOURCE_RESOURCE, verdicts->resource.allow) : decision;
}

/* A grant needs neither the key's policy nor the grantee's, in whichever account. */
static bool by_grant(const struct policy_set *policies, const struct policy_request *request,
                     const struct verdicts *verdicts, struct decision *decision)
{
    const struct policy_principal *principal = &request->principal;
    const struct decision granted = allowed_by(SOURCE_GRANT, (struct policy_match){0});
    if (!policies->grantee)
        return false;
    if (text_equal(policies->grantee, principal->service) ||
        text_equal(policies->grantee, principal->session_arn) ||
        (!principal->session_arn && text_equal(policies->grantee, principal->arn))) {
        *decision = granted;
        return true;
    }
    if (!text_equal(policies->grantee, principal->arn))
        return false;
    *decision = through_limits(policies, request, verdicts, granted);
    return decision->allowed;
}

struct decision policy_decide(const struct policy_set *policies, const struct policy_request *request)
{
    struct verdicts verdicts = {0};
    struct decision decision;
    judge_list(&policies->identity, request, &verdicts.identity);
    judge_one(policies->boundary, request, &verdicts.boundary);
    judge_list(&policies->session, request, &verdicts.session);
    judge_one(policies->resource, request, &verdicts.resource);
    judge_one(policies->endpoint, request, &verdicts.endpoint);
    if (denies(policies, request, &verdicts, &decision) ||
        organization_refuses(policies, request, false, &decision))
        return decision;
    if (policies->endpoint && !verdicts.endpoint.allow.policy)
        return not_allowed_by(SOURCE_ENDPOINT);
    if (by_grant(policies, request, &verdicts, &decision))
        return decision;
    if (!request->principal.account) /* a service, or nobody we know */
        return verdicts.resource.reach == REACHES_SELF ? allowed_by(SOURCE_RESOURCE, verdicts.resource.allow)
                                                       : not_allowed_by(SOURCE_RESOURCE);
    if (request->owner && !text_equal(request->owner, request->principal.account))
        return across_accounts(policies, request, &verdicts);
    return within_account(policies, request, &verdicts);
}

/* Words
 * ---------------------------------------------------------------------------------------------------------
 */

static const struct {
    const char *name, *article;
} sources[] = {
    [SOURCE_RESOURCE_CONTROL] = {"resource control policy", "a"},
    [SOURCE_SERVICE_CONTROL] = {"service control policy", "a"},
    [SOURCE_ENDPOINT] = {"VPC endpoint policy", "a"},
    [SOURCE_RESOURCE] = {"resource-based policy", "a"},
    [SOURCE_GRANT] = {"grant", "a"},
    [SOURCE_IDENTITY] = {"identity-based policy", "an"},
    [SOURCE_BOUNDARY] = {"permissions boundary", "a"},
    [SOURCE_SESSION] = {"session policy", "a"},
    [SOURCE_ROOT] = {"account root", "the"},
};

const char *policy_source_name(enum policy_source source, enum resource_rule rule)
{
    return source == SOURCE_RESOURCE && rule == RESOURCE_ROLE ? "role trust policy" : sources[source].name;
}

const char *decision_refusal(struct arena *arena, const struct decision *decision, enum resource_rule rule,
                             const char *action)
{
    const char *name = policy_source_name(decision->source, rule);
    if (decision->explicitly)
        return arena_format(arena, "with an explicit deny in %s %s", sources[decision->source].article, name);
    return arena_format(arena, "because no %s allows the %s action", name, action);
}

const struct policy *policy_of_nothing(void)
{
    static const struct policy nothing = {.kind = POLICY_IDENTITY};
    return &nothing;
}
