/* SSM: documents, kept and shown. Sessions and commands need an agent on the instances, which is not there
 * yet; they are refused by name rather than pretended. */
#include "localaws/region.h"
#include "localaws/resource/resource.h"

#include "aws/sigv4.h"
#include "base/clock.h"
#include "base/text.h"
#include "localaws/resource/copy.h"

#include <string.h>

enum { NAME_LONGEST = 128, CONTENT_LARGEST = 64 << 10, TAGS_MOST = 50 };

struct document {
    char *name, *type, *content;
    int64_t created_ms;
    struct tag *tags;
    size_t tag_count;
};

static const struct field document_fields[] = {
    FIELD_TEXT(struct document, name, "name", REQUIRED, NAME_LONGEST, NULL, "its name"),
    FIELD_TEXT(struct document, type, "type", REQUIRED, 64, NULL, "Command, Session, ..."),
    FIELD_TEXT(struct document, content, "content", REQUIRED, CONTENT_LARGEST, NULL, "JSON"),
    FIELD_INTEGER(struct document, created_ms, "created", OPTIONAL, 0, 9e15, "when"),
    FIELD_LIST(struct document, tags, tag_count, "tags", OPTIONAL, TAGS_MOST, &tag_record, "tags"),
    FIELD_END,
};
static const struct record document_record = {"document", sizeof(struct document), document_fields};

static struct table *documents_of(const struct account *account)
{
    return account->modules[MODULE_SSM];
}

/* Finds what Name names, once the caller may do the call's action with it. `*document` is NULL when there is
 * none. */
static int target(struct call *call, const char **name, struct document **document, struct error *err)
{
    *name = json_member_text(call->json, "Name");
    if (text_empty(*name) || strlen(*name) > NAME_LONGEST || !text_only(*name, "a-zA-Z0-9_.-"))
        return call_fail(call, err, 400, "ValidationException", "Name is 1 to %d letters, digits, _ . and -",
                         NAME_LONGEST);
    const char *arn = arena_format(call->arena, "arn:aws:ssm:%s:%s:document/%s", call->region->name,
                                   call->account->id, *name);
    *document = table_get(documents_of(call->account), *name);
    return call_authorize(call, arena_format(call->arena, "ssm:%s", call->action), arn, NULL, err);
}

static int existing(struct call *call, struct document **document, struct error *err)
{
    const char *name;
    if (target(call, &name, document, err) < 0)
        return -1;
    return *document ? 0
                     : call_fail(call, err, 400, "InvalidDocument", "The specified document does not exist.");
}

static void answer(struct call *call, json_t *json)
{
    buffer_text(&call->answer, json_text(call->arena, json));
    json_decref(json);
}

static json_t *describe_parameters(const json_t *content)
{
    json_t *list = json_array(), *parameter;
    const char *name;
    json_object_foreach(json_object_get(content, "parameters"), name, parameter) {
        json_t *entry =
            json_pack("{s:s, s:s*, s:s*}", "Name", name, "Type", json_member_text(parameter, "type"),
                      "Description", json_member_text(parameter, "description"));
        const char *otherwise = json_member_text(parameter, "default");
        if (otherwise)
            json_object_set_new(entry, "DefaultValue", json_string(otherwise));
        json_array_append_new(list, entry);
    }
    return list;
}

static json_t *describe(struct call *call, const struct document *document)
{
    json_t *content, *tags = json_array();
    if (json_parse(call->arena, document->content, strlen(document->content), &content, NULL) < 0)
        content = NULL; /* it was parsed when it was made */
    for (size_t i = 0; i < document->tag_count; i++)
        json_array_append_new(
            tags, json_pack("{s:s, s:s}", "Key", document->tags[i].key, "Value", document->tags[i].value));
    return json_pack(
        "{s:s, s:s, s:s, s:s, s:f, s:s, s:s, s:s*, s:o, s:[s,s,s], s:s, s:s*, s:s, s:s, s:s, s:o}", "Hash",
        sigv4_sha256(call->arena, document->content, strlen(document->content)), "HashType", "Sha256", "Name",
        document->name, "Owner", call->account->id, "CreatedDate", (double)document->created_ms / 1000.0,
        "Status", "Active", "DocumentVersion", "1", "Description", json_member_text(content, "description"),
        "Parameters", describe_parameters(content), "PlatformTypes", "Windows", "Linux", "MacOS",
        "DocumentType", document->type, "SchemaVersion", json_member_text(content, "schemaVersion"),
        "LatestVersion", "1", "DefaultVersion", "1", "DocumentFormat", "JSON", "Tags", tags);
}

static int read_tags(struct call *call, struct document *draft, struct error *err)
{
    json_t *list = json_object_get(call->json, "Tags"), *entry;
    size_t index;
    if (json_array_size(list) > TAGS_MOST)
        return call_fail(call, err, 400, "TooManyTagsError", "at most %d tags", TAGS_MOST);
    draft->tags = arena_alloc(call->arena, (json_array_size(list) + 1) * sizeof *draft->tags);
    json_array_foreach(list, index, entry) {
        const char *key = json_member_text(entry, "Key"), *value = json_member_text(entry, "Value");
        if (text_empty(key) || !value)
            return call_fail(call, err, 400, "ValidationException", "a tag has a Key and a Value");
        draft->tags[draft->tag_count++] = (struct tag){(char *)key, (char *)value};
    }
    return 0;
}

static void add(struct account *account, const struct document *draft)
{
    struct document *document = memory_alloc(sizeof *document);
    *document = *draft;
    record_own(&document_record, document);
    table_put(documents_of(account), document->name, document);
}

static int create_document(struct call *call, struct error *err)
{
    struct document *had, draft = {.created_ms = clock_now_ms()};
    const char *name, *type = json_member_text(call->json, "DocumentType");
    const char *format = json_member_text(call->json, "DocumentFormat");
    json_t *content;
    struct error why = {0};
    if (target(call, &name, &had, err) < 0 || read_tags(call, &draft, err) < 0)
        return -1;
    if (had)
        return call_fail(call, err, 400, "DocumentAlreadyExists", "Document with same name %s already exists",
                         name);
    draft.content = (char *)json_member_text(call->json, "Content");
    if ((format && !text_equal(format, "JSON")) || text_empty(draft.content) ||
        strlen(draft.content) > CONTENT_LARGEST ||
        json_parse(call->arena, draft.content, strlen(draft.content), &content, &why) < 0 ||
        !json_is_object(content))
        return call_fail(call, err, 400, "InvalidDocumentContent",
                         "Content is a JSON object of at most %d bytes. %s", CONTENT_LARGEST, why.message);
    draft.name = (char *)name;
    draft.type = type ? (char *)type : "Command";
    add(call->account, &draft);
    region_changed(call->region);
    answer(call, json_pack("{s:o}", "DocumentDescription", describe(call, &draft)));
    return 0;
}

static int describe_document(struct call *call, struct error *err)
{
    struct document *document;
    if (existing(call, &document, err) < 0)
        return -1;
    answer(call, json_pack("{s:o}", "Document", describe(call, document)));
    return 0;
}

static int get_document(struct call *call, struct error *err)
{
    struct document *document;
    if (existing(call, &document, err) < 0)
        return -1;
    answer(call, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "Name", document->name, "DocumentVersion", "1",
                           "Status", "Active", "Content", document->content, "DocumentType", document->type,
                           "DocumentFormat", "JSON"));
    return 0;
}

/* Documents are not shared between accounts here. */
static int describe_document_permission(struct call *call, struct error *err)
{
    struct document *document;
    if (existing(call, &document, err) < 0)
        return -1;
    answer(call, json_pack("{s:[], s:[]}", "AccountIds", "AccountSharingInfoList"));
    return 0;
}

static int delete_document(struct call *call, struct error *err)
{
    struct document *document;
    if (existing(call, &document, err) < 0)
        return -1;
    table_remove(documents_of(call->account), document->name);
    record_release(&document_record, document);
    free(document);
    region_changed(call->region);
    return 0;
}

static int not_there_yet(struct call *call, struct error *err)
{
    return call_fail(call, err, 400, "UnsupportedOperation",
                     "%s is not there yet: instances of this region run no SSM agent", call->action);
}

static const struct action actions[] = {
    {"CreateDocument", create_document, .own_authorization = true},
    {"DeleteDocument", delete_document, .own_authorization = true},
    {"DescribeDocument", describe_document, .own_authorization = true},
    {"DescribeDocumentPermission", describe_document_permission, .own_authorization = true},
    {"GetDocument", get_document, .own_authorization = true},
    {"DescribeInstanceInformation", not_there_yet},
    {"GetCommandInvocation", not_there_yet},
    {"ListCommandInvocations", not_there_yet},
    {"ResumeSession", not_there_yet},
    {"SendCommand", not_there_yet},
    {"StartSession", not_there_yet},
    {"TerminateSession", not_there_yet},
    {NULL},
};

const struct service ssm_service = {
    .name = "ssm",
    .iam_prefix = "ssm",
    .protocol = PROTOCOL_JSON,
    .target_prefix = "AmazonSSM",
    .actions = actions,
};

static void account_created(struct region *region, struct account *account)
{
    (void)region;
    account->modules[MODULE_SSM] = memory_alloc(sizeof(struct table));
}

static json_t *save(struct region *region, struct account *account)
{
    (void)region;
    json_t *list = json_array();
    const struct document *document;
    for (size_t at = 0; (document = table_next(documents_of(account), &at));)
        json_array_append_new(list, record_write(&document_record, document));
    return json_pack("{s:o}", "documents", list);
}

static int restore(struct region *region, struct account *account, json_t *state, struct error *err)
{
    (void)region;
    cleanup(arena_free) struct arena *arena = arena_new();
    size_t index;
    json_t *entry;
    json_array_foreach(json_object_get(state, "documents"), index, entry) {
        struct document draft = {0};
        if (record_read(&document_record, arena, entry, &draft, err) < 0)
            return -1;
        add(account, &draft);
    }
    return 0;
}

const struct module ssm_module = {
    .name = "ssm",
    .slot = MODULE_SSM,
    .account_created = account_created,
    .save = save,
    .restore = restore,
};
