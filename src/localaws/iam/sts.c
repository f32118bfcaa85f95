/* STS: who am I, and sessions of roles. */
#include "localaws/front/session.h"
#include "localaws/iam/permission.h"
#include "localaws/resource/answer.h"
#include "localaws/resource/authorize.h"

#include "base/text.h"

#include <string.h>

enum { SHORTEST_S = 900, DEFAULT_S = 3600, CHAINED_LONGEST_S = 3600 };

static int get_caller_identity(struct call *call, struct error *err)
{
    (void)err;
    put_text(&call->answer, "UserId", call->caller->user_id);
    put_text(&call->answer, "Account", call->account->id);
    put_text(&call->answer, "Arn", call->caller->arn);
    return 0;
}

static int check_name(struct call *call, const char *parameter, const char *name, struct error *err)
{
    if (name && (strlen(name) < 2 || strlen(name) > 64 || !text_only(name, "A-Za-z0-9_+=,.@-")))
        return call_fail(call, err, 400, "ValidationError",
                         "%s must be 2 to 64 characters of letters, digits and +=,.@-_", parameter);
    return 0;
}

/* What would narrow or mark the session is refused rather than ignored. */
static int refuse_unknown(struct call *call, struct error *err)
{
    static const char *const unknown[] = {
        "Policy",    "PolicyArns.member.1.arn",   "Tags.member.1.Key", "SerialNumber",
        "TokenCode", "TransitiveTagKeys.member.1"};
    for (size_t i = 0; i < COUNT_OF(unknown); i++)
        if (call_parameter(call, "%s", unknown[i]))
            return call_fail(call, err, 400, "ValidationError", "%s is not supported by this region",
                             unknown[i]);
    return 0;
}

/* The caller's policies and the role's trust policy together decide; a role that does not exist is refused
 * alike. */
static int authorize(struct call *call, const char *arn, const struct principal *role, struct error *err)
{
    const char *context[16] = {NULL};
    size_t count = 0;
    static const struct {
        const char *parameter, *key;
    } keys[] = {{"ExternalId", "sts:ExternalId"},
                {"RoleSessionName", "sts:RoleSessionName"},
                {"SourceIdentity", "sts:SourceIdentity"}};
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        const char *value = call_parameter(call, "%s", keys[i].parameter);
        if (!value)
            continue;
        context[count++] = keys[i].key;
        context[count++] = value;
    }
    struct question question = permission_question(call, "sts:AssumeRole", arn, context);
    if (call->caller->kind == CALLER_ROOT)
        return call_fail(call, err, 403, "AccessDenied", "Roles may not be assumed by root accounts.");
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
    if (!call_parameter(call, "SourceIdentity"))
        return 0;
    question.action = "sts:SetSourceIdentity";
    return permission_require(call, &question, err);
}

static void put_session(struct call *call, const struct access_key *key)
{
    struct buffer *out = &call->answer;
    put_open(out, "Credentials");
    put_text(out, "AccessKeyId", key->id);
    put_text(out, "SecretAccessKey", key->secret);
    put_text(out, "SessionToken", key->token);
    put_time(out, "Expiration", key->expires_ms);
    put_close(out, "Credentials");
    put_open(out, "AssumedRoleUser");
    put_text(out, "AssumedRoleId", key->caller.user_id);
    put_text(out, "Arn", key->caller.arn);
    put_close(out, "AssumedRoleUser");
    put_text(out, "SourceIdentity", key->caller.source_identity);
}

static int assume_role(struct call *call, struct error *err)
{
    const char *arn;
    struct session_wish wish = {.source_identity = call_parameter(call, "SourceIdentity")};
    if (call_required(call, "RoleArn", &arn, err) < 0 ||
        call_required(call, "RoleSessionName", &wish.name, err) < 0 ||
        check_name(call, "RoleSessionName", wish.name, err) < 0 ||
        check_name(call, "SourceIdentity", wish.source_identity, err) < 0 || refuse_unknown(call, err) < 0)
        return -1;
    const struct principal *role =
        text_starts(arn, "arn:aws:iam::") ? iam_principal(call->region, arn) : NULL;
    if (role && !role->trust)
        role = NULL; /* a user */
    if (authorize(call, arn, role, err) < 0)
        return -1;
    int64_t longest_s = role->max_session_s;
    if (call->caller->kind == CALLER_ROLE && longest_s > CHAINED_LONGEST_S)
        longest_s = CHAINED_LONGEST_S;
    if (call_number(call, "DurationSeconds", SHORTEST_S, longest_s, DEFAULT_S, &wish.duration_s, err) < 0)
        return -1;
    wish.principal = role;
    struct access_key key;
    session_open(call->region, call->arena, &wish, &key);
    put_session(call, &key);
    return 0;
}

static const struct action actions[] = {
    {"AssumeRole", assume_role, .own_authorization = true},
    {"GetCallerIdentity", get_caller_identity,
     .own_authorization = true}, /* everyone may know who they are */
    {NULL},
};

const struct service sts_service = {
    .name = "sts",
    .iam_prefix = "sts",
    .protocol = PROTOCOL_QUERY,
    .xml_namespace = "https://sts.amazonaws.com/doc/2011-06-15/",
    .actions = actions,
};
