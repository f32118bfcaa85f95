/* Commands: what was asked to run where, and what became of it as a whole. The newest are kept. */
#include "localaws/ssm/command.h"

#include "base/text.h"
#include "localaws/resource/copy.h"

#include <string.h>

enum { INSTANCES_MOST = 1000, OUTPUT_KEPT = 24000, ERRORS_KEPT = 8000 };

static const struct field result_fields[] = {
    FIELD_INTEGER(struct step_result, state, "state", REQUIRED, 0, COMMAND_TERMINATED, "enum command_state"),
    FIELD_INTEGER(struct step_result, code, "code", OPTIONAL, -1, 255, "exit status"),
    FIELD_INTEGER(struct step_result, started_ms, "started", OPTIONAL, 0, 9e15, "when"),
    FIELD_INTEGER(struct step_result, ended_ms, "ended", OPTIONAL, 0, 9e15, "when"),
    FIELD_TEXT(struct step_result, output, "output", OPTIONAL, OUTPUT_KEPT, NULL, "what it wrote"),
    FIELD_TEXT(struct step_result, errors, "errors", OPTIONAL, ERRORS_KEPT, NULL, "what it complained"),
    FIELD_END,
};
static const struct record result_record = {"step result", sizeof(struct step_result), result_fields};

static const struct field invocation_fields[] = {
    FIELD_TEXT(struct invocation, instance_id, "instance", REQUIRED, 32, NULL, "where"),
    FIELD_TEXT(struct invocation, instance_name, "name", OPTIONAL, 255, NULL, "the instance's Name"),
    FIELD_INTEGER(struct invocation, state, "state", REQUIRED, 0, COMMAND_TERMINATED, "enum command_state"),
    FIELD_LIST(struct invocation, results, result_count, "results", OPTIONAL, STEPS_MOST, &result_record,
               "of its steps"),
    FIELD_END,
};
static const struct record invocation_record = {"invocation", sizeof(struct invocation), invocation_fields};

static const struct field command_fields[] = {
    FIELD_TEXT(struct command, id, "id", REQUIRED, 36, NULL, "UUID"),
    FIELD_TEXT(struct command, document, "document", REQUIRED, 128, NULL, "which document"),
    FIELD_TEXT(struct command, version, "version", REQUIRED, 16, NULL, "and version of it"),
    FIELD_TEXT(struct command, comment, "comment", OPTIONAL, 100, NULL, "for people"),
    FIELD_TEXT(struct command, parameters, "parameters", OPTIONAL, SCRIPT_LARGEST, NULL, "JSON"),
    FIELD_TEXT(struct command, targets, "targets", OPTIONAL, 65536, NULL, "JSON"),
    FIELD_TEXT(struct command, max_concurrency, "maxConcurrency", REQUIRED, 8, NULL, "at once: number or %"),
    FIELD_TEXT(struct command, max_errors, "maxErrors", REQUIRED, 8, NULL, "tolerated: number or %"),
    FIELD_INTEGER(struct command, requested_ms, "requested", REQUIRED, 0, 9e15, "when"),
    FIELD_INTEGER(struct command, timeout_s, "timeout", REQUIRED, 1, 2592000, "seconds to begin within"),
    FIELD_LIST(struct command, steps, step_count, "steps", REQUIRED, STEPS_MOST, &step_record, "what to run"),
    FIELD_LIST(struct command, invocations, invocation_count, "invocations", OPTIONAL, INSTANCES_MOST,
               &invocation_record, "one for each instance"),
    FIELD_END,
};
const struct record command_record = {"command", sizeof(struct command), command_fields};

/* --- states -------------------------------------------------------------------------------------- */

const struct command_status command_statuses[] = {
    [COMMAND_PENDING] = {"Pending", "Pending"},
    [COMMAND_IN_PROGRESS] = {"InProgress", "InProgress"},
    [COMMAND_SUCCESS] = {"Success", "Success"},
    [COMMAND_FAILED] = {"Failed", "Failed"},
    [COMMAND_EXECUTION_TIMED_OUT] = {"TimedOut", "ExecutionTimedOut"},
    [COMMAND_DELIVERY_TIMED_OUT] = {"TimedOut", "DeliveryTimedOut"},
    [COMMAND_CANCELLED] = {"Cancelled", "Cancelled"},
    [COMMAND_CANCELLING] = {"Cancelling", "Cancelling"},
    [COMMAND_UNDELIVERABLE] = {"Failed", "Undeliverable"},
    [COMMAND_TERMINATED] = {"Cancelled", "Terminated"},
};

bool command_ended(int64_t state)
{
    return state != COMMAND_PENDING && state != COMMAND_IN_PROGRESS && state != COMMAND_CANCELLING;
}

void command_forget(struct command *command)
{
    record_release(&command_record, command);
    free(command);
}

/* --- a command as a whole ------------------------------------------------------------------------ */

/* The worst that came of it, once all have ended; what is still under way before that. */
static int64_t command_state(const struct command *command)
{
    static const int64_t worst_first[] = {
        COMMAND_FAILED,    COMMAND_EXECUTION_TIMED_OUT, COMMAND_UNDELIVERABLE, COMMAND_DELIVERY_TIMED_OUT,
        COMMAND_CANCELLED, COMMAND_TERMINATED,          COMMAND_SUCCESS};
    size_t of[COMMAND_TERMINATED + 1] = {0};
    for (size_t i = 0; i < command->invocation_count; i++)
        of[command->invocations[i].state]++;
    if (of[COMMAND_PENDING] == command->invocation_count && command->invocation_count)
        return COMMAND_PENDING;
    if (of[COMMAND_CANCELLING])
        return COMMAND_CANCELLING;
    if (of[COMMAND_PENDING] || of[COMMAND_IN_PROGRESS])
        return COMMAND_IN_PROGRESS;
    for (size_t i = 0; i < COUNT_OF(worst_first); i++)
        if (of[worst_first[i]])
            return worst_first[i];
    return COMMAND_SUCCESS;
}

static json_t *parsed(struct call *call, const char *text)
{
    json_t *json;
    if (!text || json_parse(call->arena, text, strlen(text), &json, NULL) < 0)
        return NULL;
    return json_incref(json);
}

static json_t *describe_command(struct call *call, const struct command *command)
{
    json_t *instances = json_array();
    int64_t state = command_state(command), completed = 0, errors = 0, late = 0, longest_s = 0;
    for (size_t i = 0; i < command->step_count; i++)
        longest_s += command->steps[i].timeout_s;
    for (size_t i = 0; i < command->invocation_count; i++) {
        int64_t its = command->invocations[i].state;
        if (!command->targets)
            json_array_append_new(instances, json_string(command->invocations[i].instance_id));
        completed += command_ended(its);
        errors += its == COMMAND_FAILED || its == COMMAND_EXECUTION_TIMED_OUT || its == COMMAND_UNDELIVERABLE;
        late += its == COMMAND_DELIVERY_TIMED_OUT;
    }
    json_t *parameters = parsed(call, command->parameters), *targets = parsed(call, command->targets);
    return json_pack(
        "{s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I}",
        "CommandId", command->id, "DocumentName", command->document, "DocumentVersion", command->version,
        "Comment", command->comment ? command->comment : "", "ExpiresAfter",
        ssm_time(command->requested_ms + (command->timeout_s + longest_s) * 1000), "Parameters",
        parameters ? parameters : json_object(), "InstanceIds", instances, "Targets",
        targets ? targets : json_array(), "RequestedDateTime", ssm_time(command->requested_ms), "Status",
        command_statuses[state].status, "StatusDetails", command_statuses[state].details, "MaxConcurrency",
        command->max_concurrency, "MaxErrors", command->max_errors, "TargetCount",
        (json_int_t)command->invocation_count, "CompletedCount", (json_int_t)completed, "ErrorCount",
        (json_int_t)errors, "DeliveryTimedOutCount", (json_int_t)late, "TimeoutSeconds",
        (json_int_t)command->timeout_s);
}

json_t *command_shown(struct call *call, const struct command *command)
{
    return json_pack("{s:o}", "Command", describe_command(call, command));
}

/* --- finding ------------------------------------------------------------------------------------- */

int command_find(struct call *call, const char *id, struct command **command, struct error *err)
{
    *command = id ? table_get(&ssm_of(call->account)->commands, id) : NULL;
    return *command ? 0
                    : call_fail(call, err, 400, "InvalidCommandId", "The specified command ID isn't valid.");
}

struct invocation *command_on(const struct command *command, const char *instance)
{
    for (size_t i = 0; i < command->invocation_count; i++)
        if (text_equal(command->invocations[i].instance_id, instance))
            return &command->invocations[i];
    return NULL;
}

static int filter_one(struct call *call, const struct command *command, int64_t state, const json_t *filter,
                      bool *kept, struct error *err)
{
    const char *key = json_member_text(filter, "key"), *value = json_member_text(filter, "value");
    int64_t time_ms;
    if (text_equal(key, "Status")) {
        *kept &= text_equal(command_statuses[state].status, value) ||
                 text_equal(command_statuses[state].details, value);
    } else if (text_equal(key, "DocumentName")) {
        *kept &= text_equal(command->document, value);
    } else if (text_equal(key, "ExecutionStage")) {
        *kept &= text_equal(value, command_ended(state) ? "Complete" : "Executing");
    } else if (text_equal(key, "InvokedAfter") || text_equal(key, "InvokedBefore")) {
        if (ssm_filter_time(call, value, &time_ms, err) < 0)
            return -1;
        *kept &= text_equal(key, "InvokedAfter") ? command->requested_ms >= time_ms
                                                 : command->requested_ms <= time_ms;
    } else {
        return call_fail(call, err, 400, "InvalidFilterKey", "The specified key isn't valid.");
    }
    return 0;
}

int command_wanted(struct call *call, const struct command *command, int64_t state, bool *kept,
                   struct error *err)
{
    const char *id = json_member_text(call->json, "CommandId");
    size_t index;
    json_t *filter;
    *kept = !id || text_equal(id, command->id);
    json_array_foreach(json_object_get(call->json, "Filters"), index, filter)
        if (filter_one(call, command, state, filter, kept, err) < 0)
            return -1;
    return 0;
}

const struct command **commands_newest_first(struct call *call, size_t *count)
{
    const struct table *table = &ssm_of(call->account)->commands;
    const struct command **list = arena_alloc(call->arena, (table->count + 1) * sizeof *list), *command;
    size_t room = table->count;
    *count = 0;
    for (size_t at = 0; (command = table_next(table, &at)) && room;) {
        list[--room] = command;
        (*count)++;
    }
    return list;
}

int list_commands(struct call *call, struct error *err)
{
    const char *id = json_member_text(call->json, "CommandId"),
               *instance = json_member_text(call->json, "InstanceId");
    struct command *named;
    if (id && command_find(call, id, &named, err) < 0)
        return -1;
    json_t *answer = json_pack("{s:[]}", "Commands");
    size_t count;
    const struct command **list = commands_newest_first(call, &count);
    for (size_t i = 0; i < count; i++) {
        bool kept;
        if (command_wanted(call, list[i], command_state(list[i]), &kept, err) < 0) {
            json_decref(answer);
            return -1;
        }
        if (kept && (!instance || command_on(list[i], instance)))
            json_array_append_new(json_object_get(answer, "Commands"), describe_command(call, list[i]));
    }
    return ssm_page(call, answer, "Commands", "CommandId", COMMANDS_LISTED, err);
}

/* --- ending -------------------------------------------------------------------------------------- */

int cancel_command(struct call *call, struct error *err)
{
    struct command *command;
    json_t *only = json_object_get(call->json, "InstanceIds"), *one;
    size_t index;
    if (command_find(call, json_member_text(call->json, "CommandId"), &command, err) < 0)
        return -1;
    json_array_foreach(only, index, one)
        if (!json_is_string(one) || !command_on(command, json_string_value(one)))
            return call_fail(call, err, 400, "InvalidInstanceId",
                             "The command was not sent to one of the instances.");
    for (size_t i = 0; i < command->invocation_count; i++) {
        bool meant = !json_array_size(only);
        json_array_foreach(only, index, one)
            meant |= text_equal(json_string_value(one), command->invocations[i].instance_id);
        if (meant)
            command_cancel(&command->invocations[i]);
    }
    region_changed(call->region);
    ssm_answer(call, json_object());
    return 0;
}
