/* Sessions as records: shown, resumed, ended, and looked after while nobody does. */
#include "localaws/ssm/channel.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "localaws/iam/permission.h"
#include "localaws/resource/copy.h"

#include <string.h>

enum { LIST_MOST = 200, LEFT_ALONE_MS = 60000 };

static const struct field session_fields[] = {
    FIELD_TEXT(struct session, id, "id", REQUIRED, 96, NULL, "its id"),
    FIELD_TEXT(struct session, target, "target", REQUIRED, 64, NULL, "the instance"),
    FIELD_TEXT(struct session, document, "document", REQUIRED, 128, NULL, "what kind of session"),
    FIELD_TEXT(struct session, owner, "owner", REQUIRED, 2048, NULL, "who, by ARN"),
    FIELD_TEXT(struct session, user_id, "userId", OPTIONAL, 256, NULL, "and by aws:userid"),
    FIELD_TEXT(struct session, reason, "reason", OPTIONAL, 256, NULL, "why"),
    FIELD_TEXT(struct session, port_type, "portType", OPTIONAL, 64, NULL, "how a port is used"),
    FIELD_TEXT(struct session, command, "command", OPTIONAL, SCRIPT_LARGEST, NULL, "what runs"),
    FIELD_INTEGER(struct session, kind, "kind", OPTIONAL, 0, SESSION_COMMAND, "enum session_kind"),
    FIELD_INTEGER(struct session, port, "port", OPTIONAL, 0, 65535, "of the instance"),
    FIELD_INTEGER(struct session, started_ms, "started", REQUIRED, 0, 9e15, "when"),
    FIELD_INTEGER(struct session, ended_ms, "ended", OPTIONAL, 0, 9e15, "when; 0: it is active"),
    FIELD_END,
};
const struct record session_record = {"session", sizeof(struct session), session_fields};

void session_over(struct region *region, struct session *session)
{
    session->ended_ms = clock_now_ms();
    channel_release(take(&session->channel));
    region_changed(region);
    log_info("session ended", "session", session->id, "instance", session->target, NULL);
}

/* --- looking after ------------------------------------------------------------------------------- */

/* Why an active session must end, or NULL. */
static const char *reason_to_end(struct region *region, struct account *account,
                                 const struct session *session)
{
    const struct channel *channel = session->channel;
    const struct instance *instance = resource_find(region, account, &instance_kind, session->target);
    int64_t now_ms = clock_monotonic_ms();
    if (!instance || instance->state != INSTANCE_RUNNING)
        return "The instance does not run any more.";
    if (!channel->attached && now_ms - channel->detached_ms > LEFT_ALONE_MS)
        return "Its client has not come back.";
    if (channel->until_ms && now_ms > channel->until_ms)
        return "Your session has reached its maximum duration.";
    if (channel->idle_limit_ms && now_ms - atomic_load(&channel->active_ms) > channel->idle_limit_ms)
        return "Your session timed out due to inactivity.";
    return NULL;
}

bool sessions_look_after(struct region *region, bool all)
{
    bool any = false;
    for (struct account *account = region->accounts; account; account = account->next) {
        struct session *session;
        for (size_t at = 0; (session = table_next(&ssm_of(account)->sessions, &at));) {
            if (!session->channel)
                continue;
            const char *why = all ? "The region ends." : reason_to_end(region, account, session);
            any = true;
            if (why)
                channel_end(session->channel, why);
            if (why && !session->channel->attached)
                session_over(region, session);
        }
    }
    return any;
}

/* --- the actions --------------------------------------------------------------------------------- */

/* Where the client comes in: the way by which it made this call. */
json_t *session_opening(struct call *call, const struct session *session)
{
    const char *host = http_request_header(call->request, "host");
    if (!host || !text_only(host, "a-zA-Z0-9.:[]-"))
        host = "localhost";
    return json_pack("{s:s, s:s, s:s}", "SessionId", session->id, "TokenValue", session->channel->token,
                     "StreamUrl",
                     arena_format(call->arena, "wss://%s/v1/data-channel/%s?role=publish_subscribe", host,
                                  percent_encode(call->arena, session->id, false)));
}

static bool explicitly_denied(struct call *call, const struct question *question)
{
    struct decision decision = permission_ask(call->arena, question);
    return !decision.allowed && decision.explicitly;
}

/* A session's ARN is known by two names: with its id, and with its owner's aws:userid in place of their name
 * there, which is what "session/${aws:userid}-*" of AWS's own example policies means. Its tags name owner and
 * instance. */
static int authorize(struct call *call, const char *id, const struct session *session, struct error *err)
{
    const char *action = arena_format(call->arena, "ssm:%s", call->action);
    const char *none[] = {NULL};
    const char *owned[] = {"ssm:resourceTag/aws:ssmmessages:session-id",
                           session ? session->user_id : NULL,
                           "ssm:resourceTag/aws:ssmmessages:target-id",
                           session ? session->target : NULL,
                           "aws:ResourceTag/aws:ssmmessages:session-id",
                           session ? session->user_id : NULL,
                           "aws:ResourceTag/aws:ssmmessages:target-id",
                           session ? session->target : NULL,
                           NULL};
    const char *const *context = session && session->user_id ? owned : none;
    const char *dash = strrchr(id, '-');
    if (session && session->user_id && dash) {
        struct question question = permission_question(
            call, action, ssm_arn(call, "session", arena_format(call->arena, "%s%s", session->user_id, dash)),
            context);
        struct question plain = permission_question(call, action, ssm_arn(call, "session", id), context);
        if (permission_ask(call->arena, &question).allowed && !explicitly_denied(call, &plain))
            return 0;
    }
    return call_authorize(call, action, ssm_arn(call, "session", id), context, err);
}

static int target_session(struct call *call, struct session **session, struct error *err)
{
    const char *id = json_member_text(call->json, "SessionId");
    if (text_empty(id) || strlen(id) > 96)
        return ssm_invalid(call, err, "SessionId has 1 to 96 characters.");
    *session = table_get(&ssm_of(call->account)->sessions, id);
    if (authorize(call, id, *session, err) < 0)
        return -1;
    return *session ? 0 : call_fail(call, err, 400, "DoesNotExistException", "Session %s does not exist", id);
}

int resume_session(struct call *call, struct error *err)
{
    struct session *session;
    if (target_session(call, &session, err) < 0)
        return -1;
    if (!session->channel || atomic_load(&session->channel->ending)) {
        ssm_answer(call, json_pack("{s:s}", "SessionId", session->id)); /* no token: it is over */
        return 0;
    }
    channel_new_token(session->channel);
    session->channel->detached_ms = clock_monotonic_ms();
    ssm_answer(call, session_opening(call, session));
    return 0;
}

int terminate_session(struct call *call, struct error *err)
{
    struct session *session;
    if (target_session(call, &session, err) < 0)
        return -1;
    if (session->channel) {
        channel_end(session->channel, "");
        if (!session->channel->attached)
            session_over(call->region, session);
    }
    ssm_answer(call, json_pack("{s:s}", "SessionId", session->id));
    return 0;
}

/* --- showing ------------------------------------------------------------------------------------- */

static const char *status_of(const struct session *session)
{
    if (!session->channel)
        return "Terminated";
    if (atomic_load(&session->channel->ending))
        return "Terminating";
    return session->channel->attached ? "Connected"
           : session->channel->opened ? "Disconnected"
                                      : "Connecting";
}

static int keeps(struct call *call, const struct session *session, const json_t *filter, bool *kept,
                 struct error *err)
{
    const char *key = json_member_text(filter, "key"), *value = json_member_text(filter, "value");
    int64_t time_ms;
    if (text_equal(key, "Target"))
        *kept &= text_equal(session->target, value);
    else if (text_equal(key, "Owner"))
        *kept &= text_equal(session->owner, value);
    else if (text_equal(key, "Status"))
        *kept &= text_equal(status_of(session), value);
    else if (text_equal(key, "SessionId"))
        *kept &= text_equal(session->id, value);
    else if (!text_equal(key, "InvokedAfter") && !text_equal(key, "InvokedBefore"))
        return call_fail(call, err, 400, "InvalidFilterKey", "The specified key isn't valid.");
    else if (ssm_filter_time(call, value, &time_ms, err) < 0)
        return -1;
    else
        *kept &=
            text_equal(key, "InvokedAfter") ? session->started_ms >= time_ms : session->started_ms <= time_ms;
    return 0;
}

static json_t *describe(const struct session *session)
{
    json_t *shown =
        json_pack("{s:s, s:s, s:s, s:o, s:s, s:s, s:s*}", "SessionId", session->id, "Target", session->target,
                  "Status", status_of(session), "StartDate", ssm_time(session->started_ms), "DocumentName",
                  session->document, "Owner", session->owner, "Reason", session->reason);
    if (session->ended_ms)
        json_object_set_new(shown, "EndDate", ssm_time(session->ended_ms));
    return shown;
}

int describe_sessions(struct call *call, struct error *err)
{
    const char *state = json_member_text(call->json, "State");
    bool history = text_equal(state, "History");
    const struct session *session;
    size_t index;
    json_t *filter;
    if (!history && !text_equal(state, "Active"))
        return ssm_invalid(call, err, "State is Active or History.");
    json_t *answer = json_pack("{s:[]}", "Sessions");
    for (size_t at = 0; (session = table_next(&ssm_of(call->account)->sessions, &at));) {
        bool kept = history == (session->channel == NULL);
        json_array_foreach(json_object_get(call->json, "Filters"), index, filter)
            if (keeps(call, session, filter, &kept, err) < 0) {
                json_decref(answer);
                return -1;
            }
        if (kept)
            json_array_insert_new(json_object_get(answer, "Sessions"), 0,
                                  describe(session)); /* newest first */
    }
    return ssm_page(call, answer, "Sessions", "SessionId", LIST_MOST, err);
}
