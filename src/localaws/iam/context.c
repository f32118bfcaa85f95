#include "localaws/iam/permission.h"

#include "base/clock.h"
#include "base/text.h"
#include "localaws/front/session.h"

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

static const struct {
    const char *type;
    enum principal_kind kind;
} principal_kinds[] = {
    [CALLER_ROOT] = {"Account", PRINCIPAL_ROOT},
    [CALLER_USER] = {"User", PRINCIPAL_USER},
    [CALLER_ROLE] = {"AssumedRole", PRINCIPAL_ROLE_SESSION},
    [CALLER_SERVICE] = {"Service", PRINCIPAL_SERVICE},
    [CALLER_FEDERATED] = {"FederatedUser", PRINCIPAL_FEDERATED_USER},
};

static bool has_tag(const struct session_scope *scope, const char *key)
{
    for (size_t i = 0; scope && i < scope->tag_count; i++)
        if (text_equal_nocase(scope->tags[i].key, key))
            return true;
    return false;
}

static void add_tags(struct facts *facts, const struct tag *tags, size_t count,
                     const struct session_scope *hidden_by)
{
    for (size_t i = 0; i < count; i++)
        if (!has_tag(hidden_by, tags[i].key))
            add(facts, arena_format(facts->arena, "aws:PrincipalTag/%s", tags[i].key),
                tags[i].value ? tags[i].value : "");
}

/* The tags of a session stand before those of its role. */
static void add_principal(struct facts *facts, const struct caller *caller, const struct principal *principal)
{
    const struct session_scope *scope = caller->scope;
    add(facts, "aws:PrincipalArn", caller->principal_arn);
    add(facts, "aws:PrincipalAccount", caller->account->id);
    add(facts, "aws:PrincipalType", principal_kinds[caller->kind].type);
    add(facts, "aws:PrincipalIsAWSService", "false");
    add(facts, "aws:userid", caller->user_id);
    add(facts, "aws:SourceIdentity", caller->source_identity);
    if (caller->kind == CALLER_USER && principal)
        add(facts, "aws:username", principal->name);
    if (principal)
        add_tags(facts, principal->tags, principal->tag_count, scope);
    if (scope) {
        add_tags(facts, scope->tags, scope->tag_count, NULL);
        add(facts, "ec2:SourceInstanceARN", scope->instance_arn);
        add(facts, "ec2:RoleDelivery", scope->instance_arn ? "2.0" : NULL);
    }
    if (!caller->session_began_ms)
        return;
    add(facts, "aws:TokenIssueTime", clock_rfc3339(facts->arena, caller->session_began_ms));
    add(facts, "aws:MultiFactorAuthPresent",
        "false"); /* there are no devices; of lasting keys it is absent */
}

/* By an endpoint a call's address is one inside of a VPC, and not said as if it were one of the internet. */
static void add_way(struct facts *facts, const struct question *question)
{
    const char *policy, *vpc_id;
    if (!question->endpoint_id ||
        !region_endpoint(question->region, question->endpoint_id, &policy, &vpc_id)) {
        add(facts, "aws:SourceIp", question->source_ip);
        return;
    }
    add(facts, "aws:SourceVpce", question->endpoint_id);
    add(facts, "aws:SourceVpc", vpc_id);
    add(facts, "aws:VpcSourceIp", question->source_ip);
}

static void add_request(struct facts *facts, const struct question *question)
{
    int64_t now_ms = clock_now_ms();
    add(facts, "aws:CurrentTime", clock_rfc3339(facts->arena, now_ms));
    add(facts, "aws:EpochTime", arena_format(facts->arena, "%lld", (long long)(now_ms / 1000)));
    add(facts, "aws:SecureTransport", question->insecure ? "false" : "true");
    add_way(facts, question);
    add(facts, "aws:UserAgent", question->user_agent);
    add(facts, "aws:Referer", question->referer);
    add(facts, "aws:ViaAWSService", question->source_ip ? "false" : "true");
    add(facts, "aws:RequestedRegion", question->region->name);
    add(facts, "aws:ResourceAccount", question->owner ? question->owner : question->caller->account->id);
    for (const char *const *pair = question->context; pair && *pair; pair += 2)
        add(facts, pair[0], pair[1]);
}

struct policy_request permission_request(struct arena *arena, const struct question *question,
                                         const struct principal *principal)
{
    const struct caller *caller = question->caller;
    struct facts facts = {.arena = arena};
    add_principal(&facts, caller, principal);
    add_request(&facts, question);
    bool session = caller->kind == CALLER_ROLE || caller->kind == CALLER_FEDERATED;
    return (struct policy_request){
        .principal = {.kind = principal_kinds[caller->kind].kind,
                      .arn = caller->principal_arn,
                      .session_arn = session ? caller->arn : NULL,
                      .account = caller->account->id,
                      .bounded = principal && principal->boundary},
        .action = question->action,
        .resource = question->resource,
        .owner = question->owner,
        .context = facts.items,
        .context_count = facts.count,
    };
}
