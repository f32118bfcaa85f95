/* AssumeRole: a session of a role, for whom its trust policy names; narrowed by session policies, marked by
 * tags and a source identity. */
#include "localaws/iam/sts.h"

#include "base/text.h"
#include "localaws/iam/permission.h"
#include "localaws/resource/answer.h"
#include "localaws/resource/authorize.h"

#include <string.h>

enum { SHORTEST_S = 900, DEFAULT_S = 3600, CHAINED_LONGEST_S = 3600, POLICIES_LARGEST = 2048 };

int sts_check_name(struct call *call, const char *parameter, const char *name, struct error *err)
{
    if (name && (strlen(name) < 2 || strlen(name) > 64 || !text_only(name, "A-Za-z0-9_+=,.@-")))
        return call_fail(call, err, 400, "ValidationError",
                         "%s must be 2 to 64 characters of letters, digits and +=,.@-_", parameter);
    return 0;
}

int sts_refuse_devices(struct call *call, struct error *err)
{
    static const char *const unknown[] = {"SerialNumber", "TokenCode"};
    for (size_t i = 0; i < COUNT_OF(unknown); i++)
        if (call_parameter(call, "%s", unknown[i]))
            return call_fail(call, err, 403, "AccessDenied",
                             "MultiFactorAuthentication failed, there are no such devices");
    return 0;
}

/* The scope
 * ------------------------------------------------------------------------------------------------------- */

static int read_policy_arns(struct call *call, const struct account *account, struct session_scope *scope,
                            struct error *err)
{
    const char *arn;
    scope->policy_arns = arena_alloc(call->arena, SESSION_POLICIES_MOST * sizeof *scope->policy_arns);
    for (size_t i = 1; (arn = call_parameter(call, "PolicyArns.member.%zu.arn", i)); i++) {
        if (scope->policy_arn_count == SESSION_POLICIES_MOST)
            return call_fail(call, err, 400, "ValidationError", "PolicyArns has at most %d members",
                             SESSION_POLICIES_MOST);
        if (!iam_managed_policy(call->region, account, arn))
            return call_fail(call, err, 400, "ValidationError", "Policy %.300s does not exist", arn);
        scope->policy_arns[scope->policy_arn_count++] = (char *)arn;
    }
    return 0;
}

int sts_read_policies(struct call *call, const struct account *account, struct session_scope *scope,
                      struct error *err)
{
    const char *text = call_parameter(call, "Policy");
    struct policy *policy;
    struct error why = {0};
    scope->policy = (char *)text;
    if (text && policy_parse(call->arena, text, POLICY_IDENTITY, &policy, &why) < 0)
        return call_fail(call, err, 400, "MalformedPolicyDocument", "%s", why.message);
    if (text && strlen(text) > POLICIES_LARGEST)
        return call_fail(call, err, 400, "PackedPolicyTooLarge",
                         "Session policies have at most %d characters", POLICIES_LARGEST);
    return read_policy_arns(call, account, scope, err);
}

/* Tags that the caller's own session hands on. */
static int inherit_tags(struct call *call, const struct session_scope *from, struct session_scope *scope,
                        size_t given, struct error *err)
{
    for (size_t i = 0; from && i < from->tag_count; i++) {
        if (!list_has_text(from->transitive, from->transitive_count, from->tags[i].key))
            continue;
        for (size_t g = 0; g < given; g++)
            if (text_equal_nocase(scope->tags[g].key, from->tags[i].key))
                return call_fail(call, err, 400, "ValidationError",
                                 "The tag %s is handed on by the session and cannot be given anew",
                                 from->tags[i].key);
        scope->tags[scope->tag_count++] = from->tags[i];
        scope->transitive[scope->transitive_count++] = from->tags[i].key;
    }
    return 0;
}

int sts_read_tags(struct call *call, struct session_scope *scope, struct error *err)
{
    struct tag *given;
    size_t count, keys;
    const char **transitive = call_list(call, "TransitiveTagKeys.member", &keys);
    if (call_tag_list(call, "Tags.member", &given, &count, err) < 0)
        return -1;
    scope->tags = arena_alloc(call->arena, (size_t)2 * SESSION_TAGS_MOST * sizeof *scope->tags);
    scope->transitive = arena_alloc(call->arena, (size_t)2 * SESSION_TAGS_MOST * sizeof *scope->transitive);
    memcpy(scope->tags, given, count * sizeof *given);
    scope->tag_count = count;
    for (size_t i = 0; i < keys && i < SESSION_TAGS_MOST; i++) {
        size_t at = 0;
        while (at < count && !text_equal(given[at].key, transitive[i]))
            at++;
        if (at == count)
            return call_fail(call, err, 400, "ValidationError",
                             "The specified transitive tag key must be included in the requested tags.");
        scope->transitive[scope->transitive_count++] = (char *)transitive[i];
    }
    if (inherit_tags(call, call->caller->scope, scope, count, err) < 0)
        return -1;
    if (scope->tag_count > SESSION_TAGS_MOST)
        return call_fail(call, err, 400, "PackedPolicyTooLarge", "A session has at most %d tags",
                         SESSION_TAGS_MOST);
    return 0;
}

void sts_put_packed_size(struct call *call, const struct session_scope *scope)
{
    size_t size = scope->policy ? strlen(scope->policy) : 0;
    for (size_t i = 0; i < scope->tag_count; i++)
        size += strlen(scope->tags[i].key) + strlen(scope->tags[i].value);
    if (size)
        put_number(&call->answer, "PackedPolicySize", (int64_t)(size * 100 / (2 * POLICIES_LARGEST)) + 1);
}

/* Who may
 * ---------------------------------------------------------------------------------------------------------
 */

static const char *const *context_of(struct call *call, const struct principal *role)
{
    static const struct {
        const char *parameter, *key;
    } keys[] = {{"ExternalId", "sts:ExternalId"},
                {"RoleSessionName", "sts:RoleSessionName"},
                {"SourceIdentity", "sts:SourceIdentity"}};
    struct context context = {.call = call};
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        context_add(&context, keys[i].key, call_parameter(call, "%s", keys[i].parameter));
    struct tag *tags;
    size_t count;
    if (call_tag_list(call, "Tags.member", &tags, &count, NULL) == 0)
        context_add_request_tags(&context, tags, count);
    for (const char **key = call_list(call, "TransitiveTagKeys.member", NULL); *key; key++)
        context_add(&context, "sts:TransitiveTagKeys", *key);
    for (size_t i = 0; role && i < role->tag_count; i++)
        context_add(&context, arena_format(call->arena, "aws:ResourceTag/%s", role->tags[i].key),
                    role->tags[i].value);
    return context.pairs;
}

/* The caller's policies and the role's trust policy together decide; a role that does not exist is refused
 * alike. Tags and a source identity are rights of their own. */
static int authorize(struct call *call, const char *arn, const struct principal *role,
                     const char *source_identity, struct error *err)
{
    struct question question = permission_question(call, "sts:AssumeRole", arn, context_of(call, role));
    if (call->caller->kind == CALLER_ROOT)
        return call_fail(call, err, 403, "AccessDenied", "Roles may not be assumed by root accounts.");
    if (call->caller->kind == CALLER_FEDERATED)
        return call_fail(call, err, 403, "AccessDenied", "Cannot call AssumeRole with federation tokens");
    question.rule = RESOURCE_ROLE;
    const struct decision no_trust = {.source = SOURCE_RESOURCE};
    if (!role)
        return call_fail(call, err, 403, "AccessDenied", "%s",
                         permission_refusal(call->arena, &question, &no_trust));
    question.owner = role->account->id;
    question.has_policy = true;
    question.policy = role->trust_policy.policy;
    if (permission_require(call, &question, err) < 0)
        return -1;
    question.action = "sts:TagSession";
    if (call_parameter(call, "Tags.member.1.Key") && permission_require(call, &question, err) < 0)
        return -1;
    question.action = "sts:SetSourceIdentity";
    return source_identity ? permission_require(call, &question, err) : 0;
}

/* Once set it goes with every session that follows. */
static int read_source_identity(struct call *call, struct session_wish *wish, struct error *err)
{
    const char *given = call_parameter(call, "SourceIdentity"), *had = call->caller->source_identity;
    if (given && had && !text_equal(given, had))
        return call_fail(call, err, 403, "AccessDenied",
                         "The source identity of a session cannot be changed");
    wish->source_identity = given ? given : had;
    return sts_check_name(call, "SourceIdentity", given, err);
}

int assume_role(struct call *call, struct error *err)
{
    const char *arn;
    struct session_wish wish = {0};
    if (call_required(call, "RoleArn", &arn, err) < 0 ||
        call_required(call, "RoleSessionName", &wish.name, err) < 0 ||
        sts_check_name(call, "RoleSessionName", wish.name, err) < 0 ||
        read_source_identity(call, &wish, err) < 0 || sts_read_tags(call, &wish.scope, err) < 0)
        return -1;
    const struct principal *role =
        text_starts(arn, "arn:aws:iam::") ? iam_principal(call->region, arn) : NULL;
    if (role && !role->trust)
        role = NULL; /* a user */
    if (authorize(call, arn, role, wish.source_identity, err) < 0 || sts_refuse_devices(call, err) < 0 ||
        sts_read_policies(call, role->account, &wish.scope, err) < 0)
        return -1;
    int64_t longest_s = role->max_session_s;
    if (call->caller->kind == CALLER_ROLE && longest_s > CHAINED_LONGEST_S)
        longest_s = CHAINED_LONGEST_S;
    if (call_number(call, "DurationSeconds", SHORTEST_S, longest_s, DEFAULT_S, &wish.duration_s, err) < 0)
        return -1;
    wish.principal = role;
    struct access_key key;
    session_open(call->region, call->arena, &wish, &key);
    sts_put_credentials(call, &key);
    put_open(&call->answer, "AssumedRoleUser");
    put_text(&call->answer, "AssumedRoleId", key.caller.user_id);
    put_text(&call->answer, "Arn", key.caller.arn);
    put_close(&call->answer, "AssumedRoleUser");
    sts_put_packed_size(call, &wish.scope);
    put_text(&call->answer, "SourceIdentity", key.caller.source_identity);
    return 0;
}
