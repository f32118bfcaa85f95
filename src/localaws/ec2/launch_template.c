/* Launch templates themselves: made, found, shown, deleted; and what their versions have in common. */
#include "localaws/ec2/launch_template.h"
#include "localaws/front/parameters.h"
#include "localaws/resource/copy.h"

#include "base/clock.h"
#include "base/text.h"

#include <string.h>

static const struct field template_pair_fields[] = {
    FIELD_TEXT(struct template_pair, name, "name", REQUIRED, 128, NULL, "without LaunchTemplateData."),
    FIELD_TEXT(struct template_pair, value, "value", REQUIRED, LONGEST_TEMPLATE_VALUE, NULL, "as it came"),
    FIELD_END,
};
const struct record template_pair_record = {"launchTemplateParameter", sizeof(struct template_pair),
                                            template_pair_fields};
static const struct field template_version_fields[] = {
    FIELD_INTEGER(struct template_version, number, "number", REQUIRED, 1, 9e15, "1, 2, ..."),
    FIELD_INTEGER(struct template_version, created_ms, "created", REQUIRED, 0, 9e15, "ms since the epoch"),
    FIELD_TEXT(struct template_version, description, "description", OPTIONAL, 255, NULL, "for people"),
    FIELD_TEXT(struct template_version, creator, "creator", OPTIONAL, 2048, NULL, "ARN of who made it"),
    FIELD_TEXT(struct template_version, client_token, "clientToken", OPTIONAL, 256, NULL,
               "makes creating idempotent"),
    FIELD_LIST(struct template_version, pairs, pair_count, "parameters", OPTIONAL, MOST_TEMPLATE_PAIRS,
               &template_pair_record, "what RunInstances is told"),
    FIELD_END,
};
const struct record template_version_record = {"launchTemplateVersion", sizeof(struct template_version),
                                               template_version_fields};
static const struct field launch_template_fields[] = {
    RESOURCE_FIELDS(struct launch_template),
    FIELD_TEXT(struct launch_template, name, "name", REQUIRED, 128, NULL, "its name"),
    FIELD_TEXT(struct launch_template, creator, "creator", OPTIONAL, 2048, NULL, "ARN of who made it"),
    FIELD_INTEGER(struct launch_template, default_version, "default", REQUIRED, 1, 9e15, "a version"),
    FIELD_INTEGER(struct launch_template, last_version, "last", REQUIRED, 1, 9e15, "the last number given"),
    FIELD_LIST(struct launch_template, versions, version_count, "versions", REQUIRED, MOST_TEMPLATE_VERSIONS,
               &template_version_record, "oldest first"),
    FIELD_END,
};
static const struct record launch_template_record = {"launchTemplate", sizeof(struct launch_template),
                                                     launch_template_fields};

static const struct filter launch_template_filters[] = {
    FILTER_TEXT("launch-template-name", struct launch_template, name),
    FILTER_END,
};

static void launch_template_write(struct buffer *out, const struct resource *resource)
{
    const struct launch_template *template = (const struct launch_template *)(const void *)resource;
    put_text(out, "launchTemplateId", resource->id);
    put_text(out, "launchTemplateName", template->name);
    put_time(out, "createTime", resource->created_ms);
    put_text(out, "createdBy", template->creator);
    put_number(out, "defaultVersionNumber", template->default_version);
    put_number(out, "latestVersionNumber", template->versions[template->version_count - 1].number);
    put_tags(out, resource);
}

const struct kind launch_template_kind = {
    .number = KIND_LAUNCH_TEMPLATE,
    .type = "launch-template",
    .prefix = "lt",
    .parameter = "LaunchTemplateId",
    .missing = "InvalidLaunchTemplateId.NotFound",
    .set = "launchTemplates",
    .record = &launch_template_record,
    .filters = launch_template_filters,
    .write = launch_template_write,
};

/* --- finding ------------------------------------------------------------------------------------- */

struct launch_template *launch_template_find(struct account *account, const char *name)
{
    for_each_resource(struct launch_template, template, account, &launch_template_kind)
        if (text_equal(template->name, name))
            return template;
    return NULL;
}

static int name_missing(struct call *call, const char *name, struct error *err)
{
    return call_fail(call, err, 400, "InvalidLaunchTemplateName.NotFoundException",
                     "The specified launch template, with template name %.128s, does not exist.", name);
}

int launch_template_named(struct call *call, const char *prefix, struct launch_template **template,
                          struct error *err)
{
    const char *parameter = arena_format(call->arena, "%sLaunchTemplateId", prefix);
    bool has_id = !text_empty(call_parameter(call, "%s", parameter));
    const char *name = call_parameter(call, "%sLaunchTemplateName", prefix);
    if (has_id != text_empty(name))
        return call_fail(call, err, 400, has_id ? "InvalidParameterCombination" : "MissingParameter",
                         "Either a launch template ID or a launch template name must be specified in the "
                         "request");
    if (has_id)
        return resource_named(call, &launch_template_kind, parameter, template, err);
    *template = launch_template_find(call->account, name);
    return *template ? 0 : name_missing(call, name, err);
}

/* What most actions begin with. */
static int target(struct call *call, struct launch_template **template, struct error *err)
{
    if (launch_template_named(call, "", template, err) < 0 ||
        resource_authorize(call, &(*template)->resource, NULL, 0, err) < 0)
        return -1;
    return call_dry_run(call, err);
}

struct template_version *launch_template_version(struct call *call, struct launch_template *template,
                                                 const char *wanted, struct error *err)
{
    int64_t number = template->default_version;
    if (text_equal(wanted, "$Latest"))
        return &template->versions[template->version_count - 1];
    if (!text_empty(wanted) && !text_equal(wanted, "$Default") &&
        text_number(wanted, 1, INT64_MAX, "version", &number, NULL) < 0)
        number = 0;
    for (size_t i = 0; i < template->version_count; i++)
        if (template->versions[i].number == number)
            return &template->versions[i];
    call_fail(call, err, 400, "InvalidLaunchTemplateId.VersionNotFound",
              "Could not find the specified version %.20s for the launch template with ID %s.",
              wanted ? wanted : "$Default", template->resource.id);
    return NULL;
}

/* --- making and changing ------------------------------------------------------------------------- */

int launch_template_take(struct call *call, const struct template_version *source,
                         struct template_version *version, struct error *err)
{
    const char *token = call_parameter(call, "ClientToken");
    *version = (struct template_version){
        .created_ms = clock_now_ms(),
        .description = arena_strdup(call->arena, call_parameter(call, "VersionDescription")),
        .creator = arena_strdup(call->arena, call->caller->arn),
        .client_token = arena_strdup(call->arena, text_empty(token) ? NULL : token),
    };
    if (template_data_take(call, version, err) < 0)
        return -1;
    if (source)
        version->pairs = template_data_merge(call->arena, version->pairs, version->pair_count, source->pairs,
                                             source->pair_count, &version->pair_count);
    version->number = 1; /* until it is known */
    return draft_check(call, &template_version_record, version, err);
}

struct template_version *launch_template_add_version(struct launch_template *template,
                                                     const struct template_version *version)
{
    struct template_version *added =
        list_add(&template->versions, &template->version_count, sizeof *template->versions);
    *added = *version;
    record_own(&template_version_record, added);
    added->number = ++template->last_version;
    resource_changed(&template->resource);
    return added;
}

static int answer(struct call *call, const struct launch_template *template)
{
    put_open(&call->answer, "launchTemplate");
    launch_template_write(&call->answer, &template->resource);
    put_close(&call->answer, "launchTemplate");
    return 0;
}

static int check_name(struct call *call, const char *name, struct error *err)
{
    if (strlen(name) < 3 || strlen(name) > 128 || !text_only(name, "a-zA-Z0-9()./_-"))
        return call_fail(call, err, 400, "InvalidLaunchTemplateName.MalformedException",
                         "A launch template name must be between 3 and 128 characters, and may contain "
                         "letters, numbers, and the following characters: - ( ) . / _.");
    if (launch_template_find(call->account, name))
        return call_fail(call, err, 400, "InvalidLaunchTemplateName.AlreadyExistsException",
                         "Launch template name already in use.");
    return 0;
}

int launch_template_create(struct call *call, struct error *err)
{
    const char *name, *token = call_parameter(call, "ClientToken");
    struct template_version version;
    struct launch_template *earlier =
        resource_by_token(call->region, call->account, &launch_template_kind, token);
    if (call_required(call, "LaunchTemplateName", &name, err) < 0)
        return -1;
    if (earlier)
        return text_equal(earlier->name, name)
                   ? answer(call, earlier)
                   : call_fail(call, err, 400, "IdempotentParameterMismatch",
                               "The client token is that of the launch template %s", earlier->name);
    if (check_name(call, name, err) < 0 || launch_template_take(call, NULL, &version, err) < 0)
        return -1;
    struct launch_template draft = {
        .resource.client_token = version.client_token,
        .name = arena_strdup(call->arena, name),
        .creator = version.creator,
        .default_version = 1,
        .last_version = 1,
        .versions = &version,
        .version_count = 1,
    };
    if (call_tags(call, "launch-template", &draft.resource, err) < 0 ||
        creation_authorize(call, &launch_template_kind, &draft.resource, err) < 0)
        return -1;
    return answer(call, resource_add(call->region, call->account, &launch_template_kind, &draft));
}

int launch_template_modify(struct call *call, struct error *err)
{
    struct launch_template *template;
    const char *wanted;
    if (target(call, &template, err) < 0 || call_required(call, "SetDefaultVersion", &wanted, err) < 0)
        return -1;
    const struct template_version *version = launch_template_version(call, template, wanted, err);
    if (!version)
        return -1;
    template->default_version = version->number;
    resource_changed(&template->resource);
    return answer(call, template);
}

int launch_template_delete(struct call *call, struct error *err)
{
    struct launch_template *template;
    if (target(call, &template, err) < 0)
        return -1;
    answer(call, template);
    resource_remove(call->region, &template->resource);
    return 0;
}

/* --- showing ------------------------------------------------------------------------------------- */

/* By names is by the ids of those names. */
int launch_template_describe(struct call *call, struct error *err)
{
    size_t names, count;
    const char **name = call_list(call, "LaunchTemplateName", &names);
    if (!names)
        return resource_describe(call, &launch_template_kind, err);
    const char *const *all = parameters_all(call->parameters, &count);
    const char **pairs = arena_alloc(call->arena, 2 * (names + count) * sizeof *pairs);
    for (size_t i = 0; i < names; i++) {
        const struct launch_template *template = launch_template_find(call->account, name[i]);
        if (!template)
            return name_missing(call, name[i], err);
        pairs[2 * i] = arena_format(call->arena, "LaunchTemplateId.%zu", i + 1);
        pairs[2 * i + 1] = template->resource.id;
    }
    memcpy(pairs + 2 * names, all, 2 * count * sizeof *pairs);
    struct parameters *own = call->parameters;
    call->parameters = parameters_of(call->arena, pairs, names + count);
    int result = resource_describe(call, &launch_template_kind, err);
    call->parameters = own;
    return result;
}
