/* Parameters: named texts. A SecureString lies in the saved state sealed with a data key that only KMS opens.
 */
#include "localaws/ssm/parameter.h"

#include "base/clock.h"
#include "base/text.h"
#include "localaws/resource/copy.h"

#include <regex.h>
#include <string.h>

enum { NAME_LONGEST = 1011, VALUE_LONGEST = 4096, SEALED_LONGEST = 8192, TAGS_MOST = 50, DEPTH_MOST = 15 };
enum { NAMES_MOST = 10 };

static const struct field parameter_fields[] = {
    FIELD_TEXT(struct parameter, name, "name", REQUIRED, NAME_LONGEST, NULL, "its name"),
    FIELD_TEXT(struct parameter, type, "type", REQUIRED, 16, NULL, "String, StringList, SecureString"),
    FIELD_TEXT(struct parameter, value, "value", REQUIRED, SEALED_LONGEST, NULL, "its value; sealed, base64"),
    FIELD_TEXT(struct parameter, description, "description", OPTIONAL, 1024, NULL, "for people"),
    FIELD_TEXT(struct parameter, pattern, "pattern", OPTIONAL, 1024, NULL, "what values match"),
    FIELD_TEXT(struct parameter, data_type, "dataType", OPTIONAL, 128, NULL, "text"),
    FIELD_TEXT(struct parameter, user, "user", OPTIONAL, 2048, NULL, "who changed it last"),
    FIELD_TEXT(struct parameter, key, "key", OPTIONAL, 2048, NULL, "the key as its maker named it"),
    FIELD_TEXT(struct parameter, key_arn, "keyArn", OPTIONAL, 2048, NULL, "the key"),
    FIELD_TEXT(struct parameter, wrapped_key, "wrappedKey", OPTIONAL, 4096, NULL,
               "the data key, as KMS wrapped it"),
    FIELD_INTEGER(struct parameter, version, "version", REQUIRED, 1, 1e9, "1, 2, ..."),
    FIELD_INTEGER(struct parameter, modified_ms, "modified", REQUIRED, 0, 9e15, "when"),
    FIELD_LIST(struct parameter, tags, tag_count, "tags", OPTIONAL, TAGS_MOST, &tag_record, "tags"),
    FIELD_END,
};
const struct record parameter_record = {"parameter", sizeof(struct parameter), parameter_fields};

const char *parameter_arn(struct call *call, const char *name)
{
    return ssm_arn(call, "parameter", *name == '/' ? name + 1 : name);
}

static int authorize(struct call *call, const char *name, struct error *err)
{
    const struct parameter *parameter = table_get(&ssm_of(call->account)->parameters, name);
    const char *const *context =
        parameter ? managed_context(call, parameter->tags, parameter->tag_count, NULL, NULL) : NULL;
    return call_authorize(call, arena_format(call->arena, "ssm:%s", call->action), parameter_arn(call, name),
                          context, err);
}

static int check_name(struct call *call, const char *name, struct error *err)
{
    size_t depth = 0;
    for (const char *at = name; at && *at; at++)
        depth += *at == '/';
    if (text_empty(name) || strlen(name) > NAME_LONGEST || !text_only(name, "a-zA-Z0-9_./-") ||
        strstr(name, "//") || text_ends(name, "/") || (depth && *name != '/'))
        return ssm_invalid(call, err,
                           "Parameter name must be a fully qualified name: letters, digits, _ . - and /");
    if (depth > DEPTH_MOST)
        return call_fail(call, err, 400, "HierarchyLevelLimitExceededException",
                         "A hierarchy has at most %d levels.", DEPTH_MOST);
    const char *bare = *name == '/' ? name + 1 : name;
    if (strncasecmp(bare, "aws", 3) == 0 || strncasecmp(bare, "ssm", 3) == 0)
        return ssm_invalid(call, err,
                           "Parameter name: can't be prefixed with \"aws\" or \"ssm\" (case-insensitive).");
    return 0;
}

/* --- putting ------------------------------------------------------------------------------------- */

static int check_value(struct call *call, const struct parameter *draft, const char *value, struct error *err)
{
    if (text_empty(value) || strlen(value) > VALUE_LONGEST)
        return ssm_invalid(call, err, "A value has 1 to %d characters.", VALUE_LONGEST);
    regex_t compiled;
    if (!draft->pattern || !*draft->pattern)
        return 0;
    if (regcomp(&compiled, draft->pattern, REG_EXTENDED | REG_NOSUB) != 0)
        return call_fail(call, err, 400, "InvalidAllowedPatternException",
                         "This region cannot match the pattern.");
    bool matches = regexec(&compiled, value, 0, NULL, 0) == 0;
    regfree(&compiled);
    return matches ? 0
                   : call_fail(call, err, 400, "ParameterPatternMismatchException",
                               "Parameter value, cannot be validated against allowedPattern: %.200s",
                               draft->pattern);
}

static int read_type(struct call *call, const struct parameter *had, struct parameter *draft,
                     struct error *err)
{
    static const char *const types[] = {"String", "StringList", "SecureString"};
    const char *type = json_member_text(call->json, "Type"), *tier = json_member_text(call->json, "Tier");
    bool known = false;
    if (!type && had)
        type = had->type;
    for (size_t i = 0; i < COUNT_OF(types); i++)
        known |= text_equal(type, types[i]);
    if (!known)
        return ssm_invalid(call, err, "Type is String, StringList or SecureString.");
    if (text_equal(tier, "Advanced") || json_object_get(call->json, "Policies"))
        return ssm_invalid(call, err, "This region has parameters of the standard tier only.");
    const char *data_type = json_member_text(call->json, "DataType");
    if (data_type && !text_equal(data_type, "text"))
        return ssm_invalid(call, err, "DataType is text.");
    draft->type = (char *)type;
    draft->data_type = (char *)"text";
    return 0;
}

static const char *text_or(struct call *call, const char *member, const char *otherwise)
{
    const char *text = json_member_text(call->json, member);
    return text ? text : otherwise;
}

static void put(struct call *call, struct parameter *had, const struct parameter *draft)
{
    struct parameter *parameter = memory_alloc(sizeof *parameter);
    *parameter = *draft;
    record_own(&parameter_record, parameter);
    if (had) {
        table_remove(&ssm_of(call->account)->parameters, had->name);
        record_release(&parameter_record, had);
        free(had);
    }
    table_put(&ssm_of(call->account)->parameters, parameter->name, parameter);
    region_changed(call->region);
}

/* The next version, as the call and what the parameter was before make it. */
static int take_draft(struct call *call, const struct parameter *had, struct parameter *draft,
                      struct error *err)
{
    static const struct parameter nothing = {0};
    const struct parameter *before = had ? had : &nothing;
    draft->description = (char *)text_or(call, "Description", before->description);
    draft->pattern = (char *)text_or(call, "AllowedPattern", before->pattern);
    draft->value = (char *)json_member_text(call->json, "Value");
    draft->user = (char *)call->caller->arn;
    draft->version = before->version + 1;
    draft->modified_ms = clock_now_ms();
    draft->tags = before->tags;
    draft->tag_count = before->tag_count;
    if (read_type(call, had, draft, err) < 0 || check_value(call, draft, draft->value, err) < 0)
        return -1;
    if (had && json_object_get(call->json, "Tags"))
        return ssm_invalid(call, err, "Invalid request: tags and overwrite can't be used together.");
    if (!had && ssm_read_tags(call, &draft->tags, &draft->tag_count, err) < 0)
        return -1;
    if (!text_equal(draft->type, "SecureString"))
        return 0;
    draft->key = (char *)text_or(call, "KeyId", before->key ? before->key : "alias/aws/ssm");
    return parameter_seal(call, draft, draft->value, err);
}

int put_parameter(struct call *call, struct error *err)
{
    const char *name = json_member_text(call->json, "Name"), *member;
    if (check_name(call, name, err) < 0 || authorize(call, name, err) < 0)
        return -1;
    struct parameter *had = table_get(&ssm_of(call->account)->parameters, name);
    struct parameter draft = {.name = (char *)name};
    if (had && !json_is_true(json_object_get(call->json, "Overwrite")))
        return call_fail(
            call, err, 400, "ParameterAlreadyExists",
            "The parameter already exists. To overwrite this value, set the overwrite option in the "
            "request to true.");
    if (take_draft(call, had, &draft, err) < 0)
        return -1;
    if (!record_fits(&parameter_record, &draft, &member))
        return ssm_invalid(call, err, "The parameter's %s is too long.", member);
    put(call, had, &draft);
    ssm_answer(call, json_pack("{s:I, s:s}", "Version", (json_int_t)draft.version, "Tier", "Standard"));
    return 0;
}

/* --- getting ------------------------------------------------------------------------------------- */

/* With the value in the clear when it was asked for, else as it is kept. */
static int describe(struct call *call, const struct parameter *parameter, json_t **shown, struct error *err)
{
    const char *value = parameter->value;
    bool secret = text_equal(parameter->type, "SecureString");
    if (secret && json_is_true(json_object_get(call->json, "WithDecryption")) &&
        parameter_unseal(call, parameter, &value, err) < 0)
        return -1;
    *shown = json_pack("{s:s, s:s, s:s, s:I, s:o, s:s, s:s}", "Name", parameter->name, "Type",
                       parameter->type, "Value", value, "Version", (json_int_t)parameter->version,
                       "LastModifiedDate", ssm_time(parameter->modified_ms), "ARN",
                       parameter_arn(call, parameter->name), "DataType", parameter->data_type);
    return 0;
}

/* A name, an ARN, or either with ":version"; older versions are not kept. */
static const char *plain_name(struct call *call, const char *given, int64_t *version)
{
    *version = 0;
    if (!given)
        return NULL;
    const char *prefix = ssm_arn(call, "parameter", "");
    char *name = arena_strdup(call->arena, given);
    if (text_starts(given, prefix)) {
        const char *rest = given + strlen(prefix);
        name = arena_format(call->arena, "%s%s", strchr(rest, '/') ? "/" : "", rest);
    }
    char *colon = text_starts(name, "arn:") ? NULL : strrchr(name, ':');
    if (colon && text_number(colon + 1, 1, 1000000000, "version", version, NULL) == 0)
        *colon = '\0';
    return name;
}

static const struct parameter *lookup(struct call *call, const char *name, int64_t version)
{
    const struct parameter *parameter = name ? table_get(&ssm_of(call->account)->parameters, name) : NULL;
    return parameter && version && parameter->version != version ? NULL : parameter;
}

int get_parameter(struct call *call, struct error *err)
{
    int64_t version;
    const char *name = plain_name(call, json_member_text(call->json, "Name"), &version);
    json_t *shown;
    if (text_empty(name))
        return ssm_invalid(call, err, "Name is a parameter's name.");
    if (authorize(call, name, err) < 0)
        return -1;
    const struct parameter *parameter = lookup(call, name, version);
    if (!parameter)
        return call_fail(call, err, 400, version ? "ParameterVersionNotFound" : "ParameterNotFound",
                         "Parameter %.200s not found.", name);
    if (describe(call, parameter, &shown, err) < 0)
        return -1;
    ssm_answer(call, json_pack("{s:o}", "Parameter", shown));
    return 0;
}

/* Each of Names: `found` gives what goes into the answer's first list; the others are listed as invalid. */
static int for_names(struct call *call, const char *list,
                     int (*found)(struct call *call, const struct parameter *parameter, json_t **shown,
                                  struct error *err),
                     struct error *err)
{
    json_t *names = json_object_get(call->json, "Names"), *one, *shown;
    size_t index;
    if (!json_array_size(names) || json_array_size(names) > NAMES_MOST)
        return ssm_invalid(call, err, "Names are 1 to %d.", NAMES_MOST);
    json_t *answer = json_pack("{s:[], s:[]}", list, "InvalidParameters");
    json_array_foreach(names, index, one) {
        int64_t version;
        const char *name = plain_name(call, json_string_value(one), &version);
        int result = name ? authorize(call, name, err) : ssm_invalid(call, err, "Names are texts.");
        const struct parameter *parameter = result == 0 ? lookup(call, name, version) : NULL;
        if (parameter)
            result = found(call, parameter, &shown, err);
        if (result < 0) {
            json_decref(answer);
            return -1;
        }
        json_array_append_new(json_object_get(answer, parameter ? list : "InvalidParameters"),
                              parameter ? shown : json_string(name));
    }
    ssm_answer(call, answer);
    return 0;
}

int get_parameters(struct call *call, struct error *err)
{
    return for_names(call, "Parameters", describe, err);
}

/* Path, as the names below it begin: "/" or "/a/b/". */
static int take_path(struct call *call, const char **prefix, struct error *err)
{
    const char *path = json_member_text(call->json, "Path");
    if (text_empty(path) || *path != '/')
        return ssm_invalid(call, err, "Path begins with /.");
    if (!text_ends(path, "/") && check_name(call, path, err) < 0)
        return -1;
    *prefix = text_ends(path, "/") ? path : arena_format(call->arena, "%s/", path);
    return 0;
}

static bool is_below(const struct parameter *parameter, const char *prefix, bool recursive)
{
    return text_starts(parameter->name, prefix) &&
           (recursive || !strchr(parameter->name + strlen(prefix), '/'));
}

int get_parameters_by_path(struct call *call, struct error *err)
{
    const char *prefix = NULL;
    bool recursive = json_is_true(json_object_get(call->json, "Recursive"));
    const struct parameter *parameter;
    if (take_path(call, &prefix, err) < 0)
        return -1;
    if (json_object_get(call->json, "ParameterFilters"))
        return ssm_invalid(call, err, "ParameterFilters are not supported by this region.");
    if (authorize(call, prefix[1] ? arena_strndup(call->arena, prefix, strlen(prefix) - 1) : "/", err) < 0)
        return -1;
    json_t *answer = json_pack("{s:[]}", "Parameters"), *shown;
    for (size_t at = 0; (parameter = table_next(&ssm_of(call->account)->parameters, &at));) {
        if (!is_below(parameter, prefix, recursive))
            continue;
        if (describe(call, parameter, &shown, err) < 0) {
            json_decref(answer);
            return -1;
        }
        json_array_append_new(json_object_get(answer, "Parameters"), shown);
    }
    return ssm_page(call, answer, "Parameters", "Name", NAMES_MOST, err);
}

/* --- deleting ------------------------------------------------------------------------------------ */

static void forget(struct call *call, const struct parameter *parameter)
{
    struct parameter *gone = table_remove(&ssm_of(call->account)->parameters, parameter->name);
    record_release(&parameter_record, gone);
    free(gone);
    region_changed(call->region);
}

static int forget_and_name(struct call *call, const struct parameter *parameter, json_t **shown,
                           struct error *err)
{
    (void)err;
    *shown = json_string(parameter->name);
    forget(call, parameter);
    return 0;
}

int delete_parameter(struct call *call, struct error *err)
{
    const char *name = json_member_text(call->json, "Name");
    if (text_empty(name))
        return ssm_invalid(call, err, "Name is a parameter's name.");
    if (authorize(call, name, err) < 0)
        return -1;
    const struct parameter *parameter = lookup(call, name, 0);
    if (!parameter)
        return call_fail(call, err, 400, "ParameterNotFound", "Parameter %.200s not found.", name);
    forget(call, parameter);
    ssm_answer(call, json_object());
    return 0;
}

int delete_parameters(struct call *call, struct error *err)
{
    return for_names(call, "DeletedParameters", forget_and_name, err);
}
