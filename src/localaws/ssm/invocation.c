/* What became of a command on each instance, as a list and as one. */
#include "localaws/ssm/command.h"

#include "base/clock.h"
#include "base/text.h"

#include <string.h>

enum { PLUGIN_OUTPUT = 2500 };

/* The first characters of both streams, as the overview of an invocation has them. */
static char *short_output(struct arena *arena, const struct step_result *result)
{
    static const char cut[] = "\n---Output truncated---", errors[] = "\n----------ERROR-------\n";
    const char *output = result->output ? result->output : "",
               *complaints = result->errors ? result->errors : "";
    char *all =
        *complaints ? arena_format(arena, "%s%s%s", output, errors, complaints) : arena_strdup(arena, output);
    if (strlen(all) <= PLUGIN_OUTPUT)
        return all;
    size_t length = PLUGIN_OUTPUT - strlen(cut);
    while (length && (all[length] & 0xc0) == 0x80)
        length--;
    return arena_format(arena, "%.*s%s", (int)length, all, cut);
}

static json_t *describe_plugins(struct call *call, const struct command *command,
                                const struct invocation *invocation)
{
    json_t *list = json_array();
    for (size_t i = 0; i < command->step_count; i++) {
        static const struct step_result none = {.code = -1};
        const struct step_result *result = i < invocation->result_count ? &invocation->results[i] : &none;
        json_t *plugin = json_pack("{s:s, s:s, s:s, s:I, s:s, s:s, s:s, s:s, s:s, s:s}", "Name",
                                   command->steps[i].name, "Status", command_statuses[result->state].status,
                                   "StatusDetails", command_statuses[result->state].details, "ResponseCode",
                                   (json_int_t)result->code, "Output", short_output(call->arena, result),
                                   "StandardOutputUrl", "", "StandardErrorUrl", "", "OutputS3Region",
                                   call->region->name, "OutputS3BucketName", "", "OutputS3KeyPrefix", "");
        if (result->started_ms)
            json_object_set_new(plugin, "ResponseStartDateTime", ssm_time(result->started_ms));
        if (result->ended_ms)
            json_object_set_new(plugin, "ResponseFinishDateTime", ssm_time(result->ended_ms));
        json_array_append_new(list, plugin);
    }
    return list;
}

static json_t *describe_invocation(struct call *call, const struct command *command,
                                   const struct invocation *invocation)
{
    bool details = json_is_true(json_object_get(call->json, "Details"));
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:s, s:s, s:s, s:s, s:o}", "CommandId", command->id,
                     "InstanceId", invocation->instance_id, "InstanceName",
                     invocation->instance_name ? invocation->instance_name : "", "Comment",
                     command->comment ? command->comment : "", "DocumentName", command->document,
                     "DocumentVersion", command->version, "RequestedDateTime",
                     ssm_time(command->requested_ms), "Status", command_statuses[invocation->state].status,
                     "StatusDetails", command_statuses[invocation->state].details, "StandardOutputUrl", "",
                     "StandardErrorUrl", "", "CommandPlugins",
                     details ? describe_plugins(call, command, invocation) : json_array());
}

/* Each is told apart by command and instance while pages are cut. */
static int add_invocations(struct call *call, const struct command *command, json_t *list, struct error *err)
{
    const char *instance = json_member_text(call->json, "InstanceId");
    for (size_t i = 0; i < command->invocation_count; i++) {
        const struct invocation *invocation = &command->invocations[i];
        bool kept;
        if (command_wanted(call, command, invocation->state, &kept, err) < 0)
            return -1;
        if (kept && (!instance || text_equal(instance, invocation->instance_id)))
            json_array_append_new(list, describe_invocation(call, command, invocation));
    }
    return 0;
}

int list_command_invocations(struct call *call, struct error *err)
{
    const char *id = json_member_text(call->json, "CommandId");
    struct command *named;
    if (id && command_find(call, id, &named, err) < 0)
        return -1;
    json_t *answer = json_pack("{s:[]}", "CommandInvocations");
    size_t count;
    const struct command **list = commands_newest_first(call, &count);
    for (size_t i = 0; i < count; i++)
        if (add_invocations(call, list[i], json_object_get(answer, "CommandInvocations"), err) < 0) {
            json_decref(answer);
            return -1;
        }
    return ssm_page(call, answer, "CommandInvocations", "CommandId InstanceId", COMMANDS_LISTED, err);
}

/* ISO 8601, "PT1.234S" and "" for what has not been yet. */
static const char *time_text(struct call *call, int64_t ms)
{
    return ms ? clock_rfc3339_ms(call->arena, ms) : "";
}

static const char *elapsed(struct call *call, const struct step_result *result)
{
    int64_t ms = result->ended_ms - result->started_ms;
    return result->ended_ms
               ? arena_format(call->arena, "PT%lld.%03dS", (long long)(ms / 1000), (int)(ms % 1000))
               : "";
}

static int find_step(struct call *call, const struct command *command, size_t *step, struct error *err)
{
    const char *name = json_member_text(call->json, "PluginName");
    *step = 0;
    if (!name && command->step_count == 1)
        return 0;
    for (size_t i = 0; name && i < command->step_count; i++)
        if (text_equal(command->steps[i].name, name)) {
            *step = i;
            return 0;
        }
    return call_fail(call, err, 400, "InvalidPluginName",
                     name ? "The plugin name isn't valid."
                          : "The document has several steps: name one in PluginName.");
}

int get_command_invocation(struct call *call, struct error *err)
{
    const char *id = json_member_text(call->json, "CommandId"),
               *instance = json_member_text(call->json, "InstanceId");
    const struct command *command = id ? table_get(&ssm_of(call->account)->commands, id) : NULL;
    const struct invocation *invocation = command && instance ? command_on(command, instance) : NULL;
    size_t step;
    if (!invocation)
        return call_fail(call, err, 400, "InvocationDoesNotExist",
                         "The command ID and managed node ID you specified didn't match any invocations.");
    if (find_step(call, command, &step, err) < 0)
        return -1;
    static const struct step_result none = {.code = -1};
    const struct step_result *result = step < invocation->result_count ? &invocation->results[step] : &none;
    int64_t state =
        step < invocation->result_count && command->step_count > 1 ? result->state : invocation->state;
    ssm_answer(
        call,
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, "
                  "s:{s:s, s:b}}",
                  "CommandId", command->id, "InstanceId", invocation->instance_id, "Comment",
                  command->comment ? command->comment : "", "DocumentName", command->document,
                  "DocumentVersion", command->version, "PluginName", command->steps[step].name,
                  "ResponseCode", (json_int_t)(result->ended_ms ? result->code : -1),
                  "ExecutionStartDateTime", time_text(call, result->started_ms), "ExecutionElapsedTime",
                  elapsed(call, result), "ExecutionEndDateTime", time_text(call, result->ended_ms), "Status",
                  command_statuses[state].status, "StatusDetails", command_statuses[state].details,
                  "StandardOutputContent", result->output ? result->output : "", "StandardOutputUrl", "",
                  "StandardErrorContent", result->errors ? result->errors : "", "StandardErrorUrl", "",
                  "CloudWatchOutputConfig", "CloudWatchLogGroupName", "", "CloudWatchOutputEnabled", 0));
    return 0;
}
