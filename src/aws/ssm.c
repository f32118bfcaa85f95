#include "aws/ssm.h"

#include "base/clock.h"
#include "base/record.h"
#include "base/text.h"

enum { FIRST_LOOK_MS = 100, LONGEST_LOOK_MS = 2000 };

/* `body` is taken over. */
static int call(struct aws_client *client, struct arena *arena, const char *action, json_t *body,
                json_t **answer, struct error *err)
{
    int result = body ? aws_json_call(client, "ssm", arena_format(arena, "AmazonSSM.%s", action), body, arena,
                                      answer, err)
                      : error_set(err, ERROR_INVALID, "ssm %s: a text is not UTF-8", action);
    json_decref(body);
    return result;
}

/* What became of it so far. A command that was just sent may not be known yet. */
static int look(struct aws_client *client, struct arena *arena, const char *command, const char *instance_id,
                struct ssm_result *result, bool *ended, struct error *err)
{
    json_t *answer;
    struct error why = {0};
    *ended = false;
    json_t *body = json_pack("{s:s, s:s}", "CommandId", command, "InstanceId", instance_id);
    if (call(client, arena, "GetCommandInvocation", body, &answer, &why) < 0) {
        if (text_equal(why.code, "InvocationDoesNotExist"))
            return 0;
        *err = why;
        return -1;
    }
    const char *status = json_member_text(answer, "Status");
    static const char *const under_way[] = {"Pending", "InProgress", "Delayed", "Cancelling"};
    *ended = status != NULL;
    for (size_t i = 0; i < COUNT_OF(under_way); i++)
        *ended &= !text_equal(status, under_way[i]);
    *result = (struct ssm_result){.status = status,
                                  .code = json_integer_value(json_object_get(answer, "ResponseCode")),
                                  .output = json_member_text(answer, "StandardOutputContent"),
                                  .errors = json_member_text(answer, "StandardErrorContent")};
    return 0;
}

int ssm_run(struct aws_client *client, struct arena *arena, const char *document, const char *instance_id,
            json_t *parameters, int timeout_s, struct ssm_result *result, struct error *err)
{
    json_t *answer;
    int64_t until_ms = clock_monotonic_ms() + timeout_s * 1000;
    json_t *body = json_pack("{s:s, s:[s], s:o, s:i}", "DocumentName", document, "InstanceIds", instance_id,
                             "Parameters", parameters, "TimeoutSeconds", timeout_s < 30 ? 30 : timeout_s);
    if (call(client, arena, "SendCommand", body, &answer, err) < 0)
        return -1;
    const char *command = json_member_text(json_object_get(answer, "Command"), "CommandId");
    if (!command)
        return error_set(err, ERROR_UNAVAILABLE, "ssm SendCommand: the answer names no command");
    for (int64_t pause_ms = FIRST_LOOK_MS; clock_monotonic_ms() < until_ms; pause_ms *= 2) {
        bool ended;
        clock_sleep_ms(pause_ms < LONGEST_LOOK_MS ? pause_ms : LONGEST_LOOK_MS);
        if (look(client, arena, command, instance_id, result, &ended, err) < 0)
            return -1;
        if (ended)
            return 0;
    }
    return error_set(err, ERROR_UNAVAILABLE, "%s has not run on %s within %d s", document, instance_id,
                     timeout_s);
}

static int read_session(const json_t *answer, struct ssm_session *session, struct error *err)
{
    const char *id = json_member_text(answer, "SessionId");
    session->id = id ? id : session->id;
    session->token = json_member_text(answer, "TokenValue");
    session->url = json_member_text(answer, "StreamUrl");
    return session->id && !text_empty(session->token) && session->url
               ? 0
               : error_set(err, ERROR_UNAVAILABLE, "the session has ended");
}

int ssm_start_session(struct aws_client *client, struct arena *arena, const char *instance_id,
                      const char *document, json_t *parameters, const char *reason,
                      struct ssm_session *session, struct error *err)
{
    json_t *answer;
    *session = (struct ssm_session){0};
    json_t *body = json_pack("{s:s, s:s, s:o, s:s*}", "Target", instance_id, "DocumentName", document,
                             "Parameters", parameters, "Reason", reason);
    return call(client, arena, "StartSession", body, &answer, err) < 0 ? -1
                                                                       : read_session(answer, session, err);
}

int ssm_resume_session(struct aws_client *client, struct arena *arena, const char *id,
                       struct ssm_session *session, struct error *err)
{
    json_t *answer;
    *session = (struct ssm_session){.id = id};
    return call(client, arena, "ResumeSession", json_pack("{s:s}", "SessionId", id), &answer, err) < 0
               ? -1
               : read_session(answer, session, err);
}

int ssm_terminate_session(struct aws_client *client, struct arena *arena, const char *id, struct error *err)
{
    json_t *answer;
    return call(client, arena, "TerminateSession", json_pack("{s:s}", "SessionId", id), &answer, err);
}
