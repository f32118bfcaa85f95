/* SendCommand: which document, with which values, on which instances — checked and authorized before anything
 * is recorded. The agent does the rest (run.c). */
#include "localaws/ssm/ssm.h"

#include "aws/sigv4.h"
#include "base/clock.h"
#include "base/random.h"
#include "base/text.h"
#include "localaws/resource/copy.h"

#include <string.h>

enum {
    INSTANCES_MOST = 50,
    TARGETED_MOST = 1000,
    TARGETS_MOST = 5,
    VALUES_MOST = 50,
    TIMEOUT_S = 3600,
    TIMEOUT_LEAST_S = 30,
    TIMEOUT_MOST_S = 2592000,
    COMMANDS_KEPT = 200, /* of an account; AWS keeps them for thirty days */
};

json_t *command_shown(struct call *call, const struct command *command);

/* The instances a command is for, while they are gathered. */
struct audience {
    struct instance *instances[TARGETED_MOST];
    size_t count;
};

static void add(struct audience *audience, struct instance *instance)
{
    for (size_t i = 0; i < audience->count; i++)
        if (audience->instances[i] == instance)
            return;
    if (audience->count < TARGETED_MOST)
        audience->instances[audience->count++] = instance;
}

static int authorize_instance(struct call *call, struct instance *instance, struct error *err)
{
    const struct resource *resource = &instance->resource;
    return call_authorize(call, "ssm:SendCommand", resource_arn(call->region, call->arena, resource),
                          managed_context(call, resource->tags, resource->tag_count, NULL, NULL), err);
}

/* Whoever may not know of an instance learns only that they may not. */
static int add_named(struct call *call, const char *id, struct audience *audience, struct error *err)
{
    struct instance *instance = id ? resource_find(call->region, call->account, &instance_kind, id) : NULL;
    const char *arn = arena_format(call->arena, "arn:aws:ec2:%s:%s:instance/%.32s", call->region->name,
                                   call->account->id, id ? id : "");
    if (!instance && call_authorize(call, "ssm:SendCommand", arn, NULL, err) < 0)
        return -1;
    if (instance && authorize_instance(call, instance, err) < 0)
        return -1;
    if (!instance || managed_state(instance) == MANAGED_NOT)
        return call_fail(call, err, 400, "InvalidInstanceId",
                         "Instances [[%.32s]] not in a valid state for account %s", id ? id : "",
                         call->account->id);
    add(audience, instance);
    return 0;
}

static bool has_value(const json_t *values, const char *value)
{
    size_t index;
    json_t *one;
    json_array_foreach(values, index, one)
        if (value && text_equal(json_string_value(one), value))
            return true;
    return false;
}

/* Every target must fit: {"Key": "tag:zone", "Values": [...]}, tag-key, InstanceIds. */
static int fits(struct call *call, const struct instance *instance, const json_t *targets, bool *does,
                struct error *err)
{
    size_t index;
    json_t *target;
    *does = true;
    json_array_foreach(targets, index, target) {
        const char *key = json_member_text(target, "Key");
        const json_t *values = json_object_get(target, "Values");
        if (json_array_size(values) > VALUES_MOST)
            return call_fail(call, err, 400, "InvalidTarget", "A target has at most %d values.", VALUES_MOST);
        if (key && text_starts(key, "tag:")) {
            *does &= has_value(values, resource_tag(&instance->resource, key + strlen("tag:")));
        } else if (text_equal(key, "InstanceIds")) {
            *does &= has_value(values, instance->resource.id);
        } else if (text_equal(key, "tag-key")) {
            bool has = false;
            for (size_t i = 0; i < instance->resource.tag_count; i++)
                has |= has_value(values, instance->resource.tags[i].key);
            *does &= has;
        } else {
            return call_fail(call, err, 400, "InvalidTarget",
                             "Targets are tag:NAME, tag-key and InstanceIds.");
        }
    }
    return 0;
}

static int gather(struct call *call, struct audience *audience, struct error *err)
{
    const json_t *ids = json_object_get(call->json, "InstanceIds"),
                 *targets = json_object_get(call->json, "Targets");
    size_t index;
    json_t *id;
    bool does;
    if (!json_array_size(ids) == !json_array_size(targets) || json_array_size(ids) > INSTANCES_MOST ||
        json_array_size(targets) > TARGETS_MOST)
        return ssm_invalid(call, err, "A command is for at most %d InstanceIds, or for at most %d Targets.",
                           INSTANCES_MOST, TARGETS_MOST);
    json_array_foreach(ids, index, id)
        if (add_named(call, json_string_value(id), audience, err) < 0)
            return -1;
    if (json_array_size(ids))
        return 0;
    for_each_resource(struct instance, instance, call->account, &instance_kind) {
        if (fits(call, instance, targets, &does, err) < 0)
            return -1;
        if (!does || managed_state(instance) == MANAGED_NOT)
            continue;
        if (authorize_instance(call, instance, err) < 0)
            return -1;
        add(audience, instance);
    }
    return 0;
}

/* What would have to be done besides and is not done here is refused, not left out. */
static int refuse_unsupported(struct call *call, struct error *err)
{
    static const char *const members[] = {"OutputS3BucketName", "NotificationConfig",
                                          "CloudWatchOutputConfig", "AlarmConfiguration", "ServiceRoleArn"};
    for (size_t i = 0; i < COUNT_OF(members); i++)
        if (json_object_get(call->json, members[i]))
            return ssm_invalid(call, err, "%s is not supported by this region.", members[i]);
    return 0;
}

static bool count_or_percent(const char *text, bool zero)
{
    if (text_equal(text, "100%"))
        return true;
    cleanup(memory_free) char *number = memory_strdup(text);
    size_t length = strlen(number);
    bool percent = length && number[length - 1] == '%';
    int64_t value;
    if (percent)
        number[length - 1] = '\0';
    return text_number(number, zero ? 0 : 1, percent ? 99 : 9999999, "number", &value, NULL) == 0;
}

static int read_limits(struct call *call, struct command *draft, struct error *err)
{
    const json_t *timeout = json_object_get(call->json, "TimeoutSeconds");
    const char *at_once = json_member_text(call->json, "MaxConcurrency"),
               *errors = json_member_text(call->json, "MaxErrors");
    draft->comment = (char *)json_member_text(call->json, "Comment");
    draft->timeout_s = timeout ? json_integer_value(timeout) : TIMEOUT_S;
    draft->max_concurrency = at_once ? (char *)at_once : (char *)"50";
    draft->max_errors = errors ? (char *)errors : (char *)"0";
    if (draft->timeout_s < TIMEOUT_LEAST_S || draft->timeout_s > TIMEOUT_MOST_S)
        return ssm_invalid(call, err, "TimeoutSeconds is between %d and %d.", TIMEOUT_LEAST_S,
                           TIMEOUT_MOST_S);
    if (!count_or_percent(draft->max_concurrency, false) || !count_or_percent(draft->max_errors, true))
        return ssm_invalid(call, err, "MaxConcurrency and MaxErrors are numbers or percentages.");
    if (draft->comment && strlen(draft->comment) > 100)
        return ssm_invalid(call, err, "Comment has at most 100 characters.");
    return 0;
}

static int read_document(struct call *call, struct command *draft, struct error *err)
{
    struct document_found found;
    struct error missing = {0}, why = {0};
    const char *hash = json_member_text(call->json, "DocumentHash");
    int result =
        document_find(call, json_member_text(call->json, "DocumentName"),
                      json_member_text(call->json, "DocumentVersion"), "InvalidDocument", &found, &missing);
    int status = call->status;
    const struct document *own = found.document;
    if (found.arn &&
        call_authorize(call, "ssm:SendCommand", found.arn,
                       own ? managed_context(call, own->tags, own->tag_count, NULL, NULL) : NULL, err) < 0)
        return -1;
    if (result < 0) {
        *err = missing;
        call->status = status;
        return -1;
    }
    if (!text_equal(found.type, "Command"))
        return call_fail(call, err, 400, "InvalidDocument", "%s is a document of type %s.", found.name,
                         found.type);
    if (hash && !text_equal(hash, sigv4_sha256(call->arena, found.content, strlen(found.content))))
        return call_fail(call, err, 400, "InvalidDocument", "The document's hash is another.");
    json_t *content, *given, *values = json_object_get(call->json, "Parameters");
    if (content_parse(call->arena, found.content, &content, &why) < 0 ||
        content_parameters(call->arena, content, values, &given, &why) < 0)
        return call_fail(call, err, 400, "InvalidParameters", "%s", why.message);
    if (content_steps(call->arena, content, given, &draft->steps, &draft->step_count, &why) < 0)
        return call_fail(call, err, 400, "InvalidDocumentContent", "%s", why.message);
    draft->document = (char *)found.name;
    draft->version = (char *)found.version;
    draft->parameters = values ? json_text(call->arena, values) : NULL;
    return 0;
}

static void forget_oldest(struct table *commands)
{
    struct command *command;
    for (size_t at = 0; commands->count >= COMMANDS_KEPT && (command = table_next(commands, &at));) {
        bool under_way = false;
        for (size_t i = 0; i < command->invocation_count; i++)
            under_way |= !command_ended(command->invocations[i].state);
        if (!under_way)
            command_forget(table_remove(commands, command->id));
    }
}

int send_command(struct call *call, struct error *err)
{
    struct audience *audience = arena_alloc(call->arena, sizeof *audience);
    const json_t *targets = json_object_get(call->json, "Targets");
    struct command draft = {.requested_ms = clock_now_ms()};
    const char *name;
    if (read_document(call, &draft, err) < 0 || refuse_unsupported(call, err) < 0 ||
        read_limits(call, &draft, err) < 0 || gather(call, audience, err) < 0)
        return -1;
    draft.id = random_uuid(call->arena);
    draft.targets = json_array_size(targets) ? json_text(call->arena, targets) : NULL;
    draft.invocations = arena_alloc(call->arena, (audience->count + 1) * sizeof *draft.invocations);
    for (size_t i = 0; i < audience->count; i++)
        draft.invocations[draft.invocation_count++] = (struct invocation){
            .instance_id = audience->instances[i]->resource.id,
            .instance_name = (char *)resource_tag(&audience->instances[i]->resource, "Name")};
    if (!record_fits(&command_record, &draft, &name))
        return ssm_invalid(call, err, "The command's %s is too large.", name);
    struct command *command = memory_alloc(sizeof *command);
    *command = draft;
    record_own(&command_record, command);
    forget_oldest(&ssm_of(call->account)->commands);
    table_put(&ssm_of(call->account)->commands, command->id, command);
    region_changed(call->region);
    agent_wake(call->region);
    ssm_answer(call, command_shown(call, command));
    return 0;
}
