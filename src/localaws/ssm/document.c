/* Documents: what may be run in instances and what kinds of sessions there are. An account keeps its own, in
 * versions; some are AWS's and there for everyone. */
#include "localaws/ssm/document.h"
#include "localaws/ssm/yaml.h"

#include "aws/sigv4.h"
#include "base/clock.h"
#include "base/text.h"
#include "localaws/resource/copy.h"

#include <string.h>

enum { NAME_LONGEST = 128, TAGS_MOST = 50, VERSIONS_MOST = 1000, LIST_MOST = 50 };

static const struct field version_fields[] = {
    FIELD_TEXT(struct document_version, number, "number", REQUIRED, 16, NULL, "1, 2, ..."),
    FIELD_TEXT(struct document_version, name, "name", OPTIONAL, NAME_LONGEST, NULL,
               "its maker's name for it"),
    FIELD_TEXT(struct document_version, content, "content", REQUIRED, CONTENT_LARGEST, NULL,
               "as it was sent"),
    FIELD_TEXT(struct document_version, format, "format", OPTIONAL, 8, NULL, "YAML; absent: JSON"),
    FIELD_INTEGER(struct document_version, created_ms, "created", OPTIONAL, 0, 9e15, "when"),
    FIELD_END,
};
static const struct record version_record = {"document version", sizeof(struct document_version),
                                             version_fields};

static const struct field document_fields[] = {
    FIELD_TEXT(struct document, name, "name", REQUIRED, NAME_LONGEST, NULL, "its name"),
    FIELD_TEXT(struct document, type, "type", REQUIRED, 64, NULL, "Command, Session, ..."),
    FIELD_TEXT(struct document, content, "content", OPTIONAL, CONTENT_LARGEST, NULL,
               "its only version, of old"),
    FIELD_TEXT(struct document, default_version, "default", OPTIONAL, 16, NULL,
               "number of the default version"),
    FIELD_INTEGER(struct document, created_ms, "created", OPTIONAL, 0, 9e15, "when"),
    FIELD_INTEGER(struct document, next_version, "nextVersion", OPTIONAL, 0, 1e9,
                  "numbers are not used again"),
    FIELD_LIST(struct document, versions, version_count, "versions", OPTIONAL, VERSIONS_MOST, &version_record,
               "oldest first"),
    FIELD_LIST(struct document, tags, tag_count, "tags", OPTIONAL, TAGS_MOST, &tag_record, "tags"),
    FIELD_END,
};
const struct record document_record = {"document", sizeof(struct document), document_fields};

/* --- finding ------------------------------------------------------------------------------------- */

static struct document_version *version_of(const struct document *document, const char *wanted)
{
    if (!document->version_count)
        return NULL;
    if (!wanted || text_equal(wanted, "$DEFAULT"))
        wanted = document->default_version;
    if (text_equal(wanted, "$LATEST"))
        return &document->versions[document->version_count - 1];
    for (size_t i = 0; i < document->version_count; i++)
        if (text_equal(document->versions[i].number, wanted))
            return &document->versions[i];
    return NULL;
}

/* A name, or the name in an ARN of this account or of AWS. */
static int read_name(struct call *call, const char *given, const char **name, struct error *err)
{
    *name = given;
    const char *slash = given ? strrchr(given, '/') : NULL;
    if (slash) {
        *name = slash + 1;
        const char *own = ssm_arn(call, "document", *name);
        const char *aws = arena_format(call->arena, "arn:aws:ssm:%s::document/%s", call->region->name, *name);
        if (!text_equal(given, own) && !text_equal(given, aws))
            return call_fail(call, err, 400, "InvalidDocument",
                             "Documents of other accounts are not shared in this region.");
    }
    if (text_empty(*name) || strlen(*name) < 3 || strlen(*name) > NAME_LONGEST ||
        !text_only(*name, "a-zA-Z0-9_.-"))
        return ssm_invalid(call, err, "A document's name is 3 to %d letters, digits, _ . and -",
                           NAME_LONGEST);
    return 0;
}

/* AWS's documents have no account in their ARN, but for the one that holds an account's settings. */
static const char *arn_of(struct call *call, const char *name, bool of_aws)
{
    return of_aws && text_starts(name, "AWS-")
               ? arena_format(call->arena, "arn:aws:ssm:%s::document/%s", call->region->name, name)
               : ssm_arn(call, "document", name);
}

/* The JSON that a version in YAML means; it was read when it was made. */
static void set_content(struct call *call, struct document_found *found,
                        const struct document_version *version)
{
    json_t *json;
    found->version = version->number;
    found->text = found->content = version->content;
    found->format = version->format ? version->format : "JSON";
    if (text_equal(version->format, "YAML") && yaml_read(call->arena, version->content, &json, NULL) == 0)
        found->content = json_text(call->arena, json);
}

int document_find(struct call *call, const char *name, const char *version, const char *missing_code,
                  struct document_found *found, struct error *err)
{
    *found = (struct document_found){0};
    if (read_name(call, name, &name, err) < 0)
        return -1;
    const struct document *document = table_get(&ssm_of(call->account)->documents, name);
    const struct amazon_document *aws = document ? NULL : document_of_amazon(name);
    *found =
        (struct document_found){.name = name, .arn = arn_of(call, name, aws != NULL), .document = document};
    if (!document && !aws)
        return call_fail(call, err, 400, missing_code, "The specified document does not exist.");
    if (aws && version && !text_equal(version, "1") && !text_starts(version, "$"))
        return call_fail(call, err, 400, "InvalidDocumentVersion", "The document has no version %.20s.",
                         version);
    found->type = aws ? aws->type : document->type;
    if (aws) {
        found->version = "1";
        found->text = found->content = aws->content;
        found->format = "JSON";
        return 0;
    }
    const struct document_version *one = version_of(document, version);
    if (!one)
        return call_fail(call, err, 400, "InvalidDocumentVersion", "The document has no version %.20s.",
                         version);
    set_content(call, found, one);
    return 0;
}

/* What Name (and DocumentVersion) means, once the caller may do the call's action with it. */
static int target(struct call *call, struct document_found *found, struct error *err)
{
    const char *name = json_member_text(call->json, "Name");
    const char *version = json_member_text(call->json, "DocumentVersion");
    struct error missing = {0};
    int result = document_find(call, name, version, "InvalidDocument", found, &missing);
    if (!found->arn) {
        *err = missing;
        return -1;
    }
    const char *const *context =
        found->document ? managed_context(call, found->document->tags, found->document->tag_count, NULL, NULL)
                        : NULL;
    call->status = 0;
    if (call_authorize(call, arena_format(call->arena, "ssm:%s", call->action), found->arn, context, err) < 0)
        return -1;
    if (result < 0) {
        *err = missing;
        call->status = 400;
    }
    return result;
}

static int own_target(struct call *call, struct document **document, struct error *err)
{
    struct document_found found;
    if (target(call, &found, err) < 0)
        return -1;
    if (!found.document)
        return call_fail(call, err, 400, "InvalidDocument", "%s belongs to Amazon.", found.name);
    *document = table_get(&ssm_of(call->account)->documents, found.name);
    return 0;
}

/* --- showing ------------------------------------------------------------------------------------- */

static json_t *declared_parameters(const json_t *content)
{
    json_t *list = json_array(), *parameter;
    const char *name;
    json_object_foreach(json_object_get(content, "parameters"), name, parameter) {
        const char *type = json_member_text(parameter, "type");
        json_t *entry = json_pack("{s:s, s:s, s:s*}", "Name", name, "Type",
                                  text_equal(type, "StringList") ? "StringList" : "String", "Description",
                                  json_member_text(parameter, "description"));
        const char *otherwise = json_member_text(parameter, "default");
        if (otherwise)
            json_object_set_new(entry, "DefaultValue", json_string(otherwise));
        json_array_append_new(list, entry);
    }
    return list;
}

json_t *document_describe(struct call *call, const struct document_found *found)
{
    json_t *content;
    const struct document *document = found->document;
    if (json_parse(call->arena, found->content, strlen(found->content), &content, NULL) < 0)
        content = NULL; /* it was parsed when it was made */
    const struct document_version *latest =
        document ? &document->versions[document->version_count - 1] : NULL;
    return json_pack(
        "{s:s, s:s, s:s, s:s, s:o, s:s, s:s, s:s*, s:o, s:[s,s], s:s, s:s*, s:s, s:s, s:s, s:o}", "Hash",
        sigv4_sha256(call->arena, found->text, strlen(found->text)), "HashType", "Sha256", "Name",
        found->name, "Owner", document ? call->account->id : "Amazon", "CreatedDate",
        ssm_time(document ? document->created_ms : 0), "Status", "Active", "DocumentVersion", found->version,
        "Description", json_member_text(content, "description"), "Parameters", declared_parameters(content),
        "PlatformTypes", "Linux", "MacOS", "DocumentType", found->type, "SchemaVersion",
        json_member_text(content, "schemaVersion"), "LatestVersion", latest ? latest->number : "1",
        "DefaultVersion", document ? document->default_version : "1", "DocumentFormat", found->format, "Tags",
        ssm_tags(document ? document->tags : NULL, document ? document->tag_count : 0));
}

struct document_found document_latest(struct call *call, const struct document *document)
{
    struct document_found found = {.name = document->name,
                                   .type = document->type,
                                   .arn = ssm_arn(call, "document", document->name),
                                   .document = document};
    set_content(call, &found, &document->versions[document->version_count - 1]);
    return found;
}

int describe_document(struct call *call, struct error *err)
{
    struct document_found found;
    if (target(call, &found, err) < 0)
        return -1;
    ssm_answer(call, json_pack("{s:o}", "Document", document_describe(call, &found)));
    return 0;
}

int get_document(struct call *call, struct error *err)
{
    struct document_found found;
    const char *format = json_member_text(call->json, "DocumentFormat");
    if (target(call, &found, err) < 0)
        return -1;
    format = format ? format : found.format;
    if (!text_equal(format, "JSON") && !text_equal(format, "YAML"))
        return ssm_invalid(call, err, "This region gives documents in JSON and YAML.");
    /* What is JSON is YAML already. */
    ssm_answer(call, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:o}", "Name", found.name, "DocumentVersion",
                               found.version, "Status", "Active", "Content",
                               text_equal(format, "JSON") ? found.content : found.text, "DocumentType",
                               found.type, "DocumentFormat", format, "CreatedDate",
                               ssm_time(found.document ? found.document->created_ms : 0)));
    return 0;
}

/* Documents are not shared between accounts here. */
int describe_document_permission(struct call *call, struct error *err)
{
    struct document *document;
    if (own_target(call, &document, err) < 0)
        return -1;
    ssm_answer(call, json_pack("{s:[], s:[]}", "AccountIds", "AccountSharingInfoList"));
    return 0;
}

int list_document_versions(struct call *call, struct error *err)
{
    struct document *document;
    if (own_target(call, &document, err) < 0)
        return -1;
    json_t *list = json_array();
    for (size_t i = document->version_count; i-- > 0;) {
        const struct document_version *version = &document->versions[i];
        json_array_append_new(
            list, json_pack("{s:s, s:s, s:s*, s:o, s:b, s:s, s:s}", "Name", document->name, "DocumentVersion",
                            version->number, "VersionName", version->name, "CreatedDate",
                            ssm_time(version->created_ms), "IsDefaultVersion",
                            text_equal(version->number, document->default_version), "DocumentFormat",
                            version->format ? version->format : "JSON", "Status", "Active"));
    }
    json_t *answer = json_pack("{s:o}", "DocumentVersions", list);
    return ssm_page(call, answer, "DocumentVersions", "DocumentVersion", LIST_MOST, err);
}

/* --- making and changing ------------------------------------------------------------------------- */

/* A Command's parameters are read, so that what cannot be run here is refused where it is made. */
static int read_content(struct call *call, const char **content, struct error *err)
{
    const char *format = json_member_text(call->json, "DocumentFormat");
    struct error why = {0};
    json_t *parsed;
    bool yaml = text_equal(format, "YAML");
    *content = json_member_text(call->json, "Content");
    if (format && !yaml && !text_equal(format, "JSON"))
        return call_fail(call, err, 400, "InvalidDocumentContent",
                         "This region takes documents in JSON and YAML.");
    if ((yaml && yaml_read(call->arena, *content, &parsed, &why) < 0) ||
        content_parse(call->arena, yaml ? json_text(call->arena, parsed) : *content, &parsed, &why) < 0)
        return call_fail(call, err, 400, "InvalidDocumentContent", "%s", why.message);
    return 0;
}

static void add_version(struct call *call, struct document *document, const char *content)
{
    const char *format = json_member_text(call->json, "DocumentFormat");
    struct document_version *version =
        list_add(&document->versions, &document->version_count, sizeof *version);
    *version = (struct document_version){.number = memory_format("%lld", (long long)++document->next_version),
                                         .name = memory_strdup(json_member_text(call->json, "VersionName")),
                                         .format = memory_strdup(text_equal(format, "YAML") ? "YAML" : NULL),
                                         .content = memory_strdup(content),
                                         .created_ms = clock_now_ms()};
}

int create_document(struct call *call, struct error *err)
{
    static const char *const types[] = {"Command", "Session", "Automation", "Policy"};
    struct document_found had;
    const char *content, *type = json_member_text(call->json, "DocumentType");
    struct document draft = {.created_ms = clock_now_ms(), .type = type ? (char *)type : (char *)"Command"};
    struct error missing = {0};
    bool known = false;
    /* That there is none of the name is as it should be; a name that is none here, or no right to it, is not.
     */
    if (target(call, &had, &missing) < 0 && (!had.name || !text_equal(missing.code, "InvalidDocument"))) {
        *err = missing;
        return -1;
    }
    call->status = 0;
    for (size_t i = 0; i < COUNT_OF(types); i++)
        known |= text_equal(draft.type, types[i]);
    if (!known)
        return ssm_invalid(call, err, "DocumentType %.40s is not one this region keeps.", draft.type);
    if (ssm_read_tags(call, &draft.tags, &draft.tag_count, err) < 0 || read_content(call, &content, err) < 0)
        return -1;
    if (had.document || text_starts(had.name, "AWS-") || text_starts(had.name, "aws-"))
        return call_fail(call, err, 400, had.document ? "DocumentAlreadyExists" : "ValidationException",
                         had.document ? "Document with same name %s already exists"
                                      : "%s begins like the names of Amazon's documents",
                         had.name);
    draft.name = (char *)had.name;
    struct document *document = memory_alloc(sizeof *document);
    *document = draft;
    record_own(&document_record, document);
    add_version(call, document, content);
    document->default_version = memory_strdup("1");
    table_put(&ssm_of(call->account)->documents, document->name, document);
    region_changed(call->region);
    struct document_found made = document_latest(call, document);
    ssm_answer(call, json_pack("{s:o}", "DocumentDescription", document_describe(call, &made)));
    return 0;
}

int update_document(struct call *call, struct error *err)
{
    struct document *document;
    const char *content;
    /* DocumentVersion says which version is replaced by the new one: any that exists. */
    if (own_target(call, &document, err) < 0 || read_content(call, &content, err) < 0)
        return -1;
    for (size_t i = 0; i < document->version_count; i++)
        if (text_equal(document->versions[i].content, content))
            return call_fail(call, err, 400, "DuplicateDocumentContent",
                             "The content of version %s is the same.", document->versions[i].number);
    if (document->version_count == VERSIONS_MOST)
        return call_fail(call, err, 400, "DocumentVersionLimitExceeded",
                         "A document has at most %d versions.", VERSIONS_MOST);
    add_version(call, document, content);
    region_changed(call->region);
    struct document_found made = document_latest(call, document);
    ssm_answer(call, json_pack("{s:o}", "DocumentDescription", document_describe(call, &made)));
    return 0;
}

int update_document_default_version(struct call *call, struct error *err)
{
    struct document *document;
    const char *number = json_member_text(call->json, "DocumentVersion");
    if (own_target(call, &document, err) < 0)
        return -1;
    if (text_empty(number) || !text_only(number, "0-9"))
        return ssm_invalid(call, err, "DocumentVersion is a version's number.");
    text_replace(&document->default_version, number);
    region_changed(call->region);
    ssm_answer(call,
               json_pack("{s:{s:s, s:s}}", "Description", "Name", document->name, "DefaultVersion", number));
    return 0;
}

void document_release(struct document *document)
{
    record_release(&document_record, document);
    free(document);
}

int delete_document(struct call *call, struct error *err)
{
    struct document *document;
    if (own_target(call, &document, err) < 0)
        return -1;
    if (json_member_text(call->json, "DocumentVersion") || json_member_text(call->json, "VersionName"))
        return ssm_invalid(call, err, "This region deletes documents with all their versions.");
    table_remove(&ssm_of(call->account)->documents, document->name);
    document_release(document);
    region_changed(call->region);
    return 0;
}
