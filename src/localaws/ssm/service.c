/* SSM's list of actions, what they share, and what lasts. */
#include "localaws/ssm/agent.h"

#include "base/clock.h"
#include "base/text.h"
#include "localaws/resource/copy.h"

#include <string.h>

enum { TAGS_MOST = 50 };

struct ssm *ssm_of(const struct account *account)
{
    return account->modules[MODULE_SSM];
}

/* --- what the actions share ---------------------------------------------------------------------- */

void ssm_answer(struct call *call, json_t *json)
{
    buffer_text(&call->answer, json_text(call->arena, json));
    json_decref(json);
}

json_t *ssm_time(int64_t ms)
{
    return json_real((double)ms / 1000.0);
}

int ssm_invalid(struct call *call, struct error *err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const char *message = arena_vformat(call->arena, format, args);
    va_end(args);
    return call_fail(call, err, 400, "ValidationException", "%s", message);
}

const char *ssm_arn(struct call *call, const char *type, const char *name)
{
    return arena_format(call->arena, "arn:aws:ssm:%s:%s:%s/%s", call->region->name, call->account->id, type,
                        name);
}

int ssm_filter_time(struct call *call, const char *value, int64_t *ms, struct error *err)
{
    return value && clock_parse(value, ms, NULL) == 0
               ? 0
               : call_fail(call, err, 400, "InvalidFilterValue",
                           "A time is written as 2026-01-02T03:04:05Z.");
}

/* The values of the members that `key` names (one, or two with a space between), as one text. */
static const char *name_of(struct arena *arena, const json_t *item, const char *key)
{
    char **names;
    size_t count = text_split(arena, key, ' ', &names);
    const char *first = json_member_text(item, names[0]),
               *second = count > 1 ? json_member_text(item, names[1]) : "";
    return arena_format(arena, "%s %s", first ? first : "", second ? second : "");
}

/* The token is the name of the last item that was given; what came since does not shift what follows. */
static int find_start(struct call *call, const json_t *items, const char *key, size_t *start,
                      struct error *err)
{
    const char *token = json_member_text(call->json, "NextToken");
    unsigned char *last;
    size_t length;
    *start = 0;
    if (text_empty(token))
        return 0;
    if (base64_decode(call->arena, token, &last, &length, NULL) == 0)
        for (size_t index = 0; index < json_array_size(items); index++)
            if (text_equal(name_of(call->arena, json_array_get(items, index), key), (char *)last)) {
                *start = index + 1;
                return 0;
            }
    return call_fail(call, err, 400, "InvalidNextToken", "The specified token isn't valid.");
}

int ssm_page(struct call *call, json_t *answer, const char *list, const char *key, size_t most,
             struct error *err)
{
    json_t *items = json_object_get(answer, list), *page = json_array();
    const json_t *asked = json_object_get(call->json, "MaxResults");
    json_int_t size = asked ? json_integer_value(asked) : (json_int_t)most;
    size_t start = 0;
    int result = size < 1 || size > (json_int_t)most
                     ? ssm_invalid(call, err, "MaxResults is between 1 and %zu.", most)
                     : find_start(call, items, key, &start, err);
    for (size_t i = start; i < json_array_size(items) && json_array_size(page) < (size_t)size; i++)
        json_array_append(page, json_array_get(items, i));
    size_t end = start + json_array_size(page);
    if (result == 0 && end < json_array_size(items)) {
        const char *last = name_of(call->arena, json_array_get(page, json_array_size(page) - 1), key);
        json_object_set_new(answer, "NextToken", json_string(base64_encode(call->arena, last, strlen(last))));
    }
    json_object_set_new(answer, list, page);
    if (result == 0)
        ssm_answer(call, answer);
    else
        json_decref(answer);
    return result;
}

/* --- tags ---------------------------------------------------------------------------------------- */

json_t *ssm_tags(const struct tag *tags, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, json_pack("{s:s, s:s}", "Key", tags[i].key, "Value", tags[i].value));
    return list;
}

int ssm_read_tags(struct call *call, struct tag **tags, size_t *count, struct error *err)
{
    json_t *list = json_object_get(call->json, "Tags"), *entry;
    size_t index;
    *count = 0;
    if (json_array_size(list) > TAGS_MOST)
        return call_fail(call, err, 400, "TooManyTagsError", "at most %d tags", TAGS_MOST);
    *tags = arena_alloc(call->arena, (json_array_size(list) + 1) * sizeof **tags);
    json_array_foreach(list, index, entry) {
        const char *key = json_member_text(entry, "Key"), *value = json_member_text(entry, "Value");
        if (text_empty(key) || strlen(key) > 128 || !value || strlen(value) > 256)
            return ssm_invalid(call, err, "a tag has a Key of 1 to 128 and a Value of 0 to 256 characters");
        (*tags)[(*count)++] = (struct tag){(char *)key, (char *)value};
    }
    return 0;
}

/* The tags of what ResourceType and ResourceId name, once the caller may do the call's action with it. */
static int tagged(struct call *call, struct tag ***tags, size_t **count, struct error *err)
{
    const char *type = json_member_text(call->json, "ResourceType"),
               *id = json_member_text(call->json, "ResourceId");
    struct ssm *ssm = ssm_of(call->account);
    bool is_document = text_equal(type, "Document");
    if (!is_document && !text_equal(type, "Parameter"))
        return call_fail(call, err, 400, "InvalidResourceType", "This region tags documents and parameters.");
    if (text_empty(id))
        return call_fail(call, err, 400, "InvalidResourceId", "ResourceId is a name.");
    const char *arn =
        ssm_arn(call, is_document ? "document" : "parameter", !is_document && *id == '/' ? id + 1 : id);
    if (call_authorize(call, arena_format(call->arena, "ssm:%s", call->action), arn, NULL, err) < 0)
        return -1;
    struct document *document = is_document ? table_get(&ssm->documents, id) : NULL;
    struct parameter *parameter = is_document ? NULL : table_get(&ssm->parameters, id);
    if (!document && !parameter)
        return call_fail(call, err, 400, "InvalidResourceId",
                         "The resource ID isn't valid. Verify that you entered "
                         "the correct ID and try again.");
    *tags = document ? &document->tags : &parameter->tags;
    *count = document ? &document->tag_count : &parameter->tag_count;
    return 0;
}

static void set_tag(struct tag **tags, size_t *count, const struct tag *wanted)
{
    for (size_t i = 0; i < *count; i++)
        if (text_equal((*tags)[i].key, wanted->key)) {
            text_replace(&(*tags)[i].value, wanted->value);
            return;
        }
    struct tag *tag = list_add(tags, count, sizeof *tag);
    *tag = (struct tag){memory_strdup(wanted->key), memory_strdup(wanted->value)};
}

int add_tags_to_resource(struct call *call, struct error *err)
{
    struct tag **tags, *given;
    size_t *count, given_count;
    if (tagged(call, &tags, &count, err) < 0 || ssm_read_tags(call, &given, &given_count, err) < 0)
        return -1;
    if (*count + given_count > TAGS_MOST)
        return call_fail(call, err, 400, "TooManyTagsError", "at most %d tags", TAGS_MOST);
    for (size_t i = 0; i < given_count; i++)
        set_tag(tags, count, &given[i]);
    region_changed(call->region);
    ssm_answer(call, json_object());
    return 0;
}

int remove_tags_from_resource(struct call *call, struct error *err)
{
    struct tag **tags;
    size_t *count, index;
    json_t *key;
    if (tagged(call, &tags, &count, err) < 0)
        return -1;
    json_array_foreach(json_object_get(call->json, "TagKeys"), index, key)
        for (size_t i = *count; i-- > 0;)
            if (text_equal((*tags)[i].key, json_string_value(key)))
                list_remove(&tag_record, tags, count, i);
    region_changed(call->region);
    ssm_answer(call, json_object());
    return 0;
}

int list_tags_for_resource(struct call *call, struct error *err)
{
    struct tag **tags;
    size_t *count;
    if (tagged(call, &tags, &count, err) < 0)
        return -1;
    ssm_answer(call, json_pack("{s:o}", "TagList", ssm_tags(*tags, *count)));
    return 0;
}

/* --- the list ------------------------------------------------------------------------------------ */

static const struct action actions[] = {
    {"AddTagsToResource", add_tags_to_resource, .own_authorization = true},
    {"CancelCommand", cancel_command},
    {"CreateDocument", create_document, .own_authorization = true},
    {"DeleteDocument", delete_document, .own_authorization = true},
    {"DeleteParameter", delete_parameter, .own_authorization = true},
    {"DeleteParameters", delete_parameters, .own_authorization = true},
    {"DescribeDocument", describe_document, .own_authorization = true},
    {"DescribeDocumentPermission", describe_document_permission, .own_authorization = true},
    {"DescribeInstanceInformation", describe_instance_information},
    {"DescribeParameters", describe_parameters},
    {"DescribeSessions", describe_sessions},
    {"GetCommandInvocation", get_command_invocation},
    {"GetConnectionStatus", get_connection_status},
    {"GetDocument", get_document, .own_authorization = true},
    {"GetParameter", get_parameter, .own_authorization = true},
    {"GetParameters", get_parameters, .own_authorization = true},
    {"GetParametersByPath", get_parameters_by_path, .own_authorization = true},
    {"ListCommandInvocations", list_command_invocations},
    {"ListCommands", list_commands},
    {"ListDocumentVersions", list_document_versions, .own_authorization = true},
    {"ListDocuments", list_documents},
    {"ListTagsForResource", list_tags_for_resource, .own_authorization = true},
    {"PutParameter", put_parameter, .own_authorization = true},
    {"RemoveTagsFromResource", remove_tags_from_resource, .own_authorization = true},
    {"ResumeSession", resume_session, .own_authorization = true},
    {"SendCommand", send_command, .own_authorization = true},
    {"StartSession", start_session, .own_authorization = true},
    {"TerminateSession", terminate_session, .own_authorization = true},
    {"UpdateDocument", update_document, .own_authorization = true},
    {"UpdateDocumentDefaultVersion", update_document_default_version, .own_authorization = true},
    {NULL},
};

const struct service ssm_service = {
    .name = "ssm",
    .iam_prefix = "ssm",
    .protocol = PROTOCOL_JSON,
    .target_prefix = "AmazonSSM",
    .actions = actions,
};

/* --- what lasts ---------------------------------------------------------------------------------- */

static void account_created(struct region *region, struct account *account)
{
    (void)region;
    account->modules[MODULE_SSM] = memory_alloc(sizeof(struct ssm));
}

/* Each table's records, by the name under which they are saved and the offset of their key. */
static const struct kept {
    const char *name;
    const struct record *record;
    size_t table, key;
} everything[] = {
    {"documents", &document_record, offsetof(struct ssm, documents), offsetof(struct document, name)},
    {"parameters", &parameter_record, offsetof(struct ssm, parameters), offsetof(struct parameter, name)},
    {"commands", &command_record, offsetof(struct ssm, commands), offsetof(struct command, id)},
    {"sessions", &session_record, offsetof(struct ssm, sessions), offsetof(struct session, id)},
};

static json_t *save(struct region *region, struct account *account)
{
    (void)region;
    json_t *state = json_object();
    for (size_t i = 0; i < COUNT_OF(everything); i++) {
        const struct table *table = (const void *)((const char *)ssm_of(account) + everything[i].table);
        json_object_set_new(state, everything[i].name, table_write(table, everything[i].record));
    }
    return state;
}

static int restore_kept(struct account *account, const struct kept *kept, json_t *list, struct error *err)
{
    struct table *table = (void *)((char *)ssm_of(account) + kept->table);
    size_t index;
    json_t *entry;
    json_array_foreach(list, index, entry) {
        cleanup(arena_free) struct arena *arena = arena_new();
        cleanup(memory_free) void *object = memory_alloc(kept->record->size);
        if (record_read(kept->record, arena, entry, object, err) < 0)
            return -1;
        record_own(kept->record, object);
        char *key;
        memcpy(&key, (char *)object + kept->key, sizeof key);
        table_put(table, key, take(&object));
    }
    return 0;
}

/* Documents were kept without versions once. */
static void give_version(struct document *document)
{
    if (document->version_count || !document->content)
        return;
    struct document_version *version =
        list_add(&document->versions, &document->version_count, sizeof *version);
    *version = (struct document_version){
        .number = memory_strdup("1"), .content = document->content, .created_ms = document->created_ms};
    document->content = NULL;
    document->next_version = 1;
    text_replace(&document->default_version, "1");
}

/* What ran when the region ended does not run any more. */
static void end_interrupted(struct command *command)
{
    for (size_t i = 0; i < command->invocation_count; i++) {
        struct invocation *invocation = &command->invocations[i];
        if (invocation->state == COMMAND_PENDING || command_ended(invocation->state))
            continue;
        invocation->state = COMMAND_FAILED;
        for (size_t j = 0; j < invocation->result_count; j++) {
            struct step_result *result = &invocation->results[j];
            if (command_ended(result->state))
                continue;
            result->state = COMMAND_FAILED;
            result->ended_ms = clock_now_ms();
            text_replace(&result->errors, "The region ended while this ran.");
        }
    }
}

static int restore(struct region *region, struct account *account, json_t *state, struct error *err)
{
    (void)region;
    for (size_t i = 0; i < COUNT_OF(everything); i++)
        if (restore_kept(account, &everything[i], json_object_get(state, everything[i].name), err) < 0)
            return -1;
    struct ssm *ssm = ssm_of(account);
    struct document *document;
    struct command *command;
    struct session *session;
    for (size_t at = 0; (document = table_next(&ssm->documents, &at));)
        give_version(document);
    for (size_t at = 0; (command = table_next(&ssm->commands, &at));)
        end_interrupted(command);
    for (size_t at = 0; (session = table_next(&ssm->sessions, &at));)
        if (!session->ended_ms)
            session->ended_ms = clock_now_ms();
    return 0;
}

/* Commands may still be pending. And the agent is there before any call is, so that whoever stops it finds
 * it. */
static void restored(struct region *region)
{
    agent_wake(region);
}

const struct module ssm_module = {
    .name = "ssm",
    .slot = MODULE_SSM,
    .account_created = account_created,
    .save = save,
    .restore = restore,
    .restored = restored,
};
