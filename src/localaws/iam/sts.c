/* STS: who am I, and temporary keys. */
#include "localaws/iam/sts.h"

#include "base/text.h"
#include "localaws/iam/encoded.h"
#include "localaws/resource/answer.h"
#include "localaws/resource/authorize.h"

#include <string.h>

enum { SHORTEST_S = 900, DEFAULT_S = 43200, LONGEST_S = 129600, LONGEST_OF_ROOT_S = 3600 };

static int get_caller_identity(struct call *call, struct error *err)
{
    (void)err;
    put_text(&call->answer, "UserId", call->caller->user_id);
    put_text(&call->answer, "Account", call->account->id);
    put_text(&call->answer, "Arn", call->caller->arn);
    return 0;
}

void sts_put_credentials(struct call *call, const struct access_key *key)
{
    struct buffer *out = &call->answer;
    put_open(out, "Credentials");
    put_text(out, "AccessKeyId", key->id);
    put_text(out, "SecretAccessKey", key->secret);
    put_text(out, "SessionToken", key->token);
    put_time(out, "Expiration", key->expires_ms);
    put_close(out, "Credentials");
}

/* Only lasting keys give temporary ones to whom they belong. */
static int refuse_sessions(struct call *call, struct error *err)
{
    if (!call->caller->session_began_ms)
        return 0;
    return call_fail(call, err, 403, "AccessDenied", "Cannot call %s with session credentials", call->action);
}

static int read_duration(struct call *call, int64_t *duration_s, struct error *err)
{
    bool root = call->caller->kind == CALLER_ROOT;
    int64_t longest = root ? LONGEST_OF_ROOT_S : LONGEST_S;
    if (call_number(call, "DurationSeconds", SHORTEST_S, LONGEST_S, DEFAULT_S, duration_s, err) < 0)
        return -1;
    *duration_s = *duration_s < longest ? *duration_s : longest;
    return 0;
}

static int get_session_token(struct call *call, struct error *err)
{
    int64_t duration_s;
    struct access_key key;
    if (refuse_sessions(call, err) < 0 || sts_refuse_devices(call, err) < 0 ||
        read_duration(call, &duration_s, err) < 0)
        return -1;
    session_open_same(call->region, call->arena, call->caller, duration_s, &key);
    sts_put_credentials(call, &key);
    return 0;
}

static int authorize_federation(struct call *call, const char *arn, struct error *err)
{
    struct context context = {.call = call};
    struct tag *tags;
    size_t count;
    if (call_tag_list(call, "Tags.member", &tags, &count, err) < 0)
        return -1;
    context_add_request_tags(&context, tags, count);
    if (call_authorize(call, "sts:GetFederationToken", arn, context.pairs, err) < 0)
        return -1;
    return count ? call_authorize(call, "sts:TagSession", arn, context.pairs, err) : 0;
}

static int get_federation_token(struct call *call, struct error *err)
{
    struct session_wish wish = {0};
    struct access_key key;
    if (call_required(call, "Name", &wish.name, err) < 0 ||
        sts_check_name(call, "Name", wish.name, err) < 0 || refuse_sessions(call, err) < 0)
        return -1;
    if (call->caller->kind != CALLER_USER)
        return call_fail(call, err, 403, "AccessDenied", "Only users can call GetFederationToken here");
    const char *arn =
        arena_format(call->arena, "arn:aws:sts::%s:federated-user/%s", call->account->id, wish.name);
    if (authorize_federation(call, arn, err) < 0 || sts_read_tags(call, &wish.scope, err) < 0 ||
        sts_read_policies(call, call->account, &wish.scope, err) < 0 ||
        read_duration(call, &wish.duration_s, err) < 0)
        return -1;
    session_open_federated(call->region, call->arena, call->caller, &wish, &key);
    sts_put_credentials(call, &key);
    put_open(&call->answer, "FederatedUser");
    put_text(&call->answer, "FederatedUserId", key.caller.user_id);
    put_text(&call->answer, "Arn", key.caller.arn);
    put_close(&call->answer, "FederatedUser");
    sts_put_packed_size(call, &wish.scope);
    return 0;
}

static int decode_authorization_message(struct call *call, struct error *err)
{
    const char *text;
    if (call_required(call, "EncodedMessage", &text, err) < 0)
        return -1;
    char *message = refusal_decode(call->region, call->arena, text);
    if (!message)
        return call_fail(call, err, 400, "InvalidAuthorizationMessageException",
                         "Message is not valid, or was about a refusal too long ago");
    put_text(&call->answer, "DecodedMessage", message);
    return 0;
}

static int get_access_key_info(struct call *call, struct error *err)
{
    const char *id;
    struct access_key key;
    if (call_required(call, "AccessKeyId", &id, err) < 0)
        return -1;
    if (key_find(call->region, call->arena, id, &key) < 0)
        return call_fail(call, err, 400, "ValidationError", "The access key %.64s is not known", id);
    put_text(&call->answer, "Account", key.caller.account->id);
    return 0;
}

static const struct action actions[] = {
    {"AssumeRole", assume_role, .own_authorization = true},
    {"DecodeAuthorizationMessage", decode_authorization_message},
    {"GetAccessKeyInfo", get_access_key_info},
    {"GetCallerIdentity", get_caller_identity,
     .own_authorization = true}, /* everyone may know who they are */
    {"GetFederationToken", get_federation_token, .own_authorization = true},
    {"GetSessionToken", get_session_token, .own_authorization = true}, /* needs no right */
    {NULL},
};

const struct service sts_service = {
    .name = "sts",
    .iam_prefix = "sts",
    .protocol = PROTOCOL_QUERY,
    .xml_namespace = "https://sts.amazonaws.com/doc/2011-06-15/",
    .actions = actions,
};
