/* StartSession: to which instance, by which document, by whom — and the channel through which the client
 * comes in. */
#include "localaws/ssm/channel.h"

#include "base/clock.h"
#include "base/random.h"
#include "base/text.h"
#include "localaws/iam/permission.h"
#include "localaws/resource/copy.h"

#include <string.h>

enum { ENDED_KEPT = 100, REASON_LONGEST = 256 };

/* --- may they ------------------------------------------------------------------------------------ */

static bool may(struct call *call, const struct instance *instance, const char *target, bool document_too)
{
    static const struct tag none[1];
    const char *arn = arena_format(call->arena, "arn:aws:ec2:%s:%s:instance/%s", call->region->name,
                                   call->account->id, target);
    struct question question = permission_question(
        call, "ssm:StartSession", arn,
        managed_context(call, instance ? instance->resource.tags : none,
                        instance ? instance->resource.tag_count : 0, "ssm:SessionDocumentAccessCheck",
                        document_too ? "true" : "false"));
    return permission_ask(call->arena, &question).allowed;
}

/* On the instance, and on the document when one was named or when the policy makes that its condition.
 * Source: Systems Manager User Guide, "Enforce a session document permission check for the AWS CLI". */
static int authorize(struct call *call, const struct instance *instance, const char *target,
                     const struct document_found *document, bool named, struct error *err)
{
    if (!named && may(call, instance, target, false))
        return 0;
    const char *arn = arena_format(call->arena, "arn:aws:ec2:%s:%s:instance/%s", call->region->name,
                                   call->account->id, target);
    const char *const *context = managed_context(call, instance ? instance->resource.tags : NULL,
                                                 instance ? instance->resource.tag_count : 0,
                                                 "ssm:SessionDocumentAccessCheck", "true");
    if (call_authorize(call, "ssm:StartSession", arn, context, err) < 0)
        return -1;
    const struct document *own = document->document;
    return call_authorize(call, "ssm:StartSession", document->arn,
                          managed_context(call, own ? own->tags : NULL, own ? own->tag_count : 0,
                                          "ssm:SessionDocumentAccessCheck", "true"),
                          err);
}

/* --- what kind of session ------------------------------------------------------------------------ */

/* A session's plan: what its document and the call's parameters make of it. */
struct plan {
    struct session draft;
    json_t *properties; /* the client's; borrowed from the call's arena */
    int64_t idle_limit_ms, longest_ms;
};

static int read_minutes(struct call *call, const json_t *inputs, const char *name, int64_t *ms,
                        struct error *err)
{
    const char *text = json_member_text(inputs, name);
    int64_t minutes = 0;
    if (!text_empty(text) && text_number(text, 1, 1440, name, &minutes, NULL) < 0)
        return ssm_invalid(call, err, "%s is a number of minutes, 1 to 1440.", name);
    *ms = minutes * 60000;
    return 0;
}

/* A shell, with an account's settings for it; those that would have to be kept and are not are refused. */
static int plan_shell(struct call *call, const json_t *content, const json_t *given, struct plan *plan,
                      struct error *err)
{
    (void)given;
    const json_t *inputs = json_object_get(content, "inputs");
    static const char *const unsupported[] = {"s3BucketName", "cloudWatchLogGroupName", "kmsKeyId",
                                              "runAsDefaultUser"};
    for (size_t i = 0; i < COUNT_OF(unsupported); i++)
        if (!text_empty(json_member_text(inputs, unsupported[i])))
            return ssm_invalid(call, err, "This region has no sessions with %s.", unsupported[i]);
    plan->draft.kind = SESSION_SHELL;
    return read_minutes(call, inputs, "idleSessionTimeout", &plan->idle_limit_ms, err) < 0
               ? -1
               : read_minutes(call, inputs, "maxSessionDuration", &plan->longest_ms, err);
}

static int plan_port(struct call *call, const json_t *content, const json_t *given, struct plan *plan,
                     struct error *err)
{
    json_t *properties = json_object_get(content, "properties"), *value;
    const char *name;
    struct error why = {0};
    plan->properties = json_object();
    plan->draft.kind = SESSION_PORT;
    json_object_foreach(properties, name, value) {
        char *text;
        if (!json_is_string(value) ||
            content_substitute(call->arena, json_string_value(value), given, &text, &why) < 0)
            return call_fail(call, err, 400, "InvalidDocument", "%s of the document is no text. %s", name,
                             why.message);
        json_object_set_new(plan->properties, name, json_string(text));
    }
    if (json_object_get(plan->properties, "host"))
        return ssm_invalid(call, err, "This region's sessions go to ports of the instance itself only.");
    plan->draft.port_type = (char *)json_member_text(plan->properties, "type");
    return text_number(json_member_text(plan->properties, "portNumber"), 1, 65535, "portNumber",
                       &plan->draft.port, NULL) < 0
               ? ssm_invalid(call, err, "portNumber is between 1 and 65535.")
               : 0;
}

static int plan_command(struct call *call, const json_t *content, const json_t *given, struct plan *plan,
                        struct error *err)
{
    const json_t *linux_part = json_object_get(json_object_get(content, "properties"), "linux");
    const char *commands = json_member_text(linux_part, "commands");
    struct error why = {0};
    plan->draft.kind = SESSION_COMMAND;
    if (!commands || content_substitute(call->arena, commands, given, &plan->draft.command, &why) < 0)
        return call_fail(call, err, 400, "InvalidDocument", "The document has no commands for Linux. %s",
                         why.message);
    return 0;
}

static int make_plan(struct call *call, const struct document_found *document, struct plan *plan,
                     struct error *err)
{
    static const struct {
        const char *type;
        int (*plan)(struct call *call, const json_t *content, const json_t *given, struct plan *plan,
                    struct error *err);
    } types[] = {{"Standard_Stream", plan_shell}, {"Port", plan_port}, {"InteractiveCommands", plan_command}};
    json_t *content, *given;
    struct error why = {0};
    if (!text_equal(document->type, "Session"))
        return call_fail(call, err, 400, "InvalidDocument", "%s is a document of type %s.", document->name,
                         document->type);
    if (content_parse(call->arena, document->content, &content, &why) < 0 ||
        content_parameters(call->arena, content, json_object_get(call->json, "Parameters"), &given, &why) < 0)
        return call_fail(call, err, 400, "InvalidParameters", "%s", why.message);
    const char *type = json_member_text(content, "sessionType");
    for (size_t i = 0; i < COUNT_OF(types); i++)
        if (text_equal(types[i].type, type))
            return types[i].plan(call, content, given, plan, err);
    return call_fail(call, err, 400, "InvalidDocument", "This region has no sessions of type %.40s.",
                     type ? type : "");
}

/* --- the session --------------------------------------------------------------------------------- */

/* A user's name, or the name of a role's session: "name-0123456789abcdef0". */
static char *new_id(struct call *call)
{
    const char *arn = call->caller->arn, *slash = strrchr(arn, '/'), *colon = strrchr(arn, ':');
    const char *name = slash ? slash + 1 : colon ? colon + 1 : arn;
    return arena_format(call->arena, "%.64s-%s", name, random_hex(call->arena, 17));
}

static void forget_oldest(struct table *sessions)
{
    size_t ended = 0;
    struct session *session;
    for (size_t at = 0; (session = table_next(sessions, &at));)
        ended += session->ended_ms != 0;
    for (size_t at = 0; ended > ENDED_KEPT && (session = table_next(sessions, &at));)
        if (session->ended_ms) {
            table_remove(sessions, session->id);
            record_release(&session_record, session);
            free(session);
            ended--;
        }
}

static struct session *add(struct call *call, const struct plan *plan)
{
    struct session *session = memory_alloc(sizeof *session);
    int64_t now_ms = clock_monotonic_ms();
    *session = plan->draft;
    record_own(&session_record, session);
    session->channel = channel_new(agent_of(call->region), session);
    session->channel->properties = plan->properties ? json_incref(plan->properties) : NULL;
    session->channel->idle_limit_ms = plan->idle_limit_ms;
    session->channel->until_ms = plan->longest_ms ? now_ms + plan->longest_ms : 0;
    forget_oldest(&ssm_of(call->account)->sessions);
    table_put(&ssm_of(call->account)->sessions, session->id, session);
    region_changed(call->region);
    agent_wake(call->region);
    return session;
}

int start_session(struct call *call, struct error *err)
{
    const char *target = json_member_text(call->json, "Target"),
               *named = json_member_text(call->json, "DocumentName");
    struct plan plan = {.draft = {.target = (char *)target,
                                  .reason = (char *)json_member_text(call->json, "Reason"),
                                  .owner = (char *)call->caller->arn,
                                  .user_id = (char *)call->caller->user_id,
                                  .started_ms = clock_now_ms()}};
    struct document_found document;
    struct error missing = {0};
    if (text_empty(target) || strlen(target) > 64 || !text_only(target, "a-zA-Z0-9-"))
        return ssm_invalid(call, err, "Target is an instance's id.");
    if (plan.draft.reason && (!*plan.draft.reason || strlen(plan.draft.reason) > REASON_LONGEST))
        return ssm_invalid(call, err, "Reason has 1 to %d characters.", REASON_LONGEST);
    int found = document_find(call, named ? named : "SSM-SessionManagerRunShell", NULL, "InvalidDocument",
                              &document, &missing);
    int status = call->status;
    struct instance *instance = resource_find(call->region, call->account, &instance_kind, target);
    if (document.arn && authorize(call, instance, target, &document, named != NULL, err) < 0)
        return -1;
    if (found < 0) {
        *err = missing;
        call->status = status;
        return -1;
    }
    if (!instance || managed_state(instance) != MANAGED_ONLINE)
        return call_fail(call, err, 400, "TargetNotConnected", "%s is not connected.", target);
    plan.draft.document = (char *)document.name;
    plan.draft.id = new_id(call);
    int result = make_plan(call, &document, &plan, err);
    if (result == 0) {
        const struct session *session = add(call, &plan);
        ssm_answer(call, session_opening(call, session));
    }
    json_decref(plan.properties);
    return result;
}
