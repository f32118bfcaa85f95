/* A policy document and a request, both from the input: parsed as every kind, put before the engine in every
 * place of a decision. The parts are separated by 0x1f: action, resource, named principal, then keys and
 * values of the context, and the document last. */
#include "policy/decision.h"

#include "base/text.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

enum { SEPARATOR = 0x1f, PARTS_MOST = 40 };

static size_t split(char *text, char **parts)
{
    size_t count = 0;
    for (char *rest = text; rest && count < PARTS_MOST; count++) {
        char *end = strchr(rest, SEPARATOR);
        parts[count] = rest;
        rest = end ? end + 1 : NULL;
        if (end)
            *end = '\0';
    }
    return count;
}

static const struct policy_principal principals[] = {
    {PRINCIPAL_ROOT, "arn:aws:iam::111111111111:root", NULL, "111111111111"},
    {PRINCIPAL_USER, "arn:aws:iam::111111111111:user/u", NULL, "111111111111", NULL, true},
    {PRINCIPAL_ROLE_SESSION, "arn:aws:iam::111111111111:role/r", "arn:aws:sts::111111111111:assumed-role/r/s",
     "111111111111"},
    {PRINCIPAL_FEDERATED_USER, "arn:aws:iam::111111111111:user/u",
     "arn:aws:sts::111111111111:federated-user/f", "111111111111"},
    {PRINCIPAL_SERVICE, NULL, NULL, NULL, "ec2.amazonaws.com"},
    {PRINCIPAL_ANONYMOUS},
};

/* Whatever the policies say: nothing is allowed by what is not there, and what says nothing decides nothing.
 */
static void decide(const struct policy *policy, enum policy_kind kind, const struct policy_request *request)
{
    const struct policy_list alone = {&policy, 1};
    bool identity = kind == POLICY_IDENTITY;
    const struct policy_set sets[] = {
        {.identity = identity ? alone : (struct policy_list){0}, .resource = identity ? NULL : policy},
        {.boundary = identity ? policy : NULL,
         .session = identity ? alone : (struct policy_list){0},
         .resource = identity ? NULL : policy,
         .rule = RESOURCE_KEY,
         .grantee = request->principal.arn},
        {.endpoint = identity ? NULL : policy,
         .service_control = &alone,
         .service_control_levels = identity,
         .resource = identity ? NULL : policy,
         .rule = RESOURCE_ROLE},
    };
    cleanup(arena_free) struct arena *arena = arena_new();
    for (size_t i = 0; i < COUNT_OF(sets); i++) {
        struct decision decision = policy_decide(&sets[i], request);
        assert(!decision.allowed || !decision.explicitly);
        if (decision.match.policy)
            assert(policy_statement_applies(decision.match.policy, decision.match.statement, request) &&
                   policy_statement_denies(decision.match.policy, decision.match.statement) ==
                       decision.explicitly);
        decision_refusal(arena, &decision, sets[i].rule, request->action);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    char *parts[PARTS_MOST];
    size_t count = split(arena_strndup(arena, (const char *)bytes, length), parts);
    const char *document = parts[count - 1];
    struct policy_value context[PARTS_MOST];
    struct policy_request request = {.action = count > 1 ? parts[0] : "s3:GetObject",
                                     .resource = count > 2 ? parts[1] : "arn:aws:s3:::bucket/key",
                                     .owner = count > 3 && *parts[2] ? parts[2] : NULL,
                                     .context = context};
    for (size_t i = 3; i + 2 < count; i += 2)
        context[request.context_count++] = (struct policy_value){parts[i], parts[i + 1]};
    for (enum policy_kind kind = POLICY_IDENTITY; kind <= POLICY_RESOURCE; kind++) {
        struct policy *policy;
        if (policy_parse(arena, document, kind, &policy, NULL) < 0)
            continue;
        policy_context_keys(arena, policy);
        for (size_t i = 0; i < COUNT_OF(principals); i++) {
            request.principal = principals[i];
            decide(policy, kind, &request);
        }
    }
    return 0;
}
