/* The versions of launch templates: made, shown, deleted. */
#include "localaws/ec2/launch_template.h"
#include "localaws/resource/copy.h"

#include "base/text.h"

#include <inttypes.h>

enum { MOST_NAMED = 200, LARGEST_PAGE = 200 };

/* One as a Describe call shows it. */
struct shown {
    struct launch_template *template;
    const struct template_version *version;
};

static void version_write(struct buffer *out, const struct launch_template *template,
                          const struct template_version *version)
{
    put_text(out, "launchTemplateId", template->resource.id);
    put_text(out, "launchTemplateName", template->name);
    put_number(out, "versionNumber", version->number);
    put_text(out, "versionDescription", version->description);
    put_time(out, "createTime", version->created_ms);
    put_text(out, "createdBy", version->creator);
    put_bool(out, "defaultVersion", version->number == template->default_version);
    template_data_write(out, version);
}

static int answer(struct call *call, const struct launch_template *template,
                  const struct template_version *version)
{
    put_open(&call->answer, "launchTemplateVersion");
    version_write(&call->answer, template, version);
    put_close(&call->answer, "launchTemplateVersion");
    return 0;
}

static int target(struct call *call, struct launch_template **template, struct error *err)
{
    if (launch_template_named(call, "", template, err) < 0 ||
        resource_authorize(call, &(*template)->resource, NULL, 0, err) < 0)
        return -1;
    return call_dry_run(call, err);
}

int launch_template_version_create(struct call *call, struct error *err)
{
    struct launch_template *template;
    struct template_version *source = NULL, version;
    const char *token = call_parameter(call, "ClientToken"),
               *source_number = call_parameter(call, "SourceVersion");
    if (target(call, &template, err) < 0)
        return -1;
    for (size_t i = 0; i < template->version_count && !text_empty(token); i++)
        if (text_equal(template->versions[i].client_token, token))
            return answer(call, template, &template->versions[i]);
    if (!text_empty(source_number) && !(source = launch_template_version(call, template, source_number, err)))
        return -1;
    if (room_check(call, "versions of a launch template", template->version_count + 1, MOST_TEMPLATE_VERSIONS,
                   err) < 0 ||
        launch_template_take(call, source, &version, err) < 0)
        return -1;
    return answer(call, template, launch_template_add_version(template, &version));
}

/* --- deleting ------------------------------------------------------------------------------------ */

/* Why the version stays, as code and sentence; NULL when it is gone. */
static const char *remove_version(struct launch_template *template, const char *number, const char **message)
{
    for (size_t i = 0; i < template->version_count; i++) {
        int64_t wanted;
        if (text_number(number, 1, INT64_MAX, "version", &wanted, NULL) < 0 ||
            template->versions[i].number != wanted)
            continue;
        *message = "The default version of a launch template cannot be deleted.";
        if (wanted == template->default_version)
            return "unexpectedError";
        list_remove(&template_version_record, &template->versions, &template->version_count, i);
        resource_changed(&template->resource);
        return NULL;
    }
    *message = "The specified launch template version does not exist.";
    return "launchTemplateVersionDoesNotExist";
}

static void put_fate(struct buffer *out, const struct launch_template *template, const char *number,
                     const char *code, const char *message)
{
    put_open(out, "item");
    put_text(out, "launchTemplateId", template->resource.id);
    put_text(out, "launchTemplateName", template->name);
    put_text(out, "versionNumber", number);
    if (code) {
        put_open(out, "responseError");
        put_text(out, "code", code);
        put_text(out, "message", message);
        put_close(out, "responseError");
    }
    put_close(out, "item");
}

/* Each by itself: what cannot be deleted is said in the answer. */
int launch_template_version_delete(struct call *call, struct error *err)
{
    struct launch_template *template;
    const char *message;
    size_t count;
    const char **numbers = call_list(call, "LaunchTemplateVersion", &count);
    if (target(call, &template, err) < 0 ||
        room_check(call, "versions in a request", count, MOST_NAMED, err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++)
        if (!*numbers[i] || !text_only(numbers[i], "0-9"))
            return call_fail(call, err, 400, "InvalidLaunchTemplateId.VersionNotFound",
                             "'%.20s' is no number of a version.", numbers[i]);
    if (!count)
        return call_fail(call, err, 400, "MissingParameter",
                         "The request must contain the parameter LaunchTemplateVersion");
    const char **codes = arena_alloc(call->arena, count * sizeof *codes),
               **messages = arena_alloc(call->arena, count * sizeof *messages);
    for (size_t i = 0; i < count; i++) {
        codes[i] = remove_version(template, numbers[i], &message);
        messages[i] = message;
    }
    put_open(&call->answer, "successfullyDeletedLaunchTemplateVersionSet");
    for (size_t i = 0; i < count; i++)
        if (!codes[i])
            put_fate(&call->answer, template, numbers[i], NULL, NULL);
    put_close(&call->answer, "successfullyDeletedLaunchTemplateVersionSet");
    put_open(&call->answer, "unsuccessfullyDeletedLaunchTemplateVersionSet");
    for (size_t i = 0; i < count; i++)
        if (codes[i])
            put_fate(&call->answer, template, numbers[i], codes[i], messages[i]);
    put_close(&call->answer, "unsuccessfullyDeletedLaunchTemplateVersionSet");
    return 0;
}

/* --- showing ------------------------------------------------------------------------------------- */

static const struct {
    const char *filter, *parameter; /* NULL: version_filter's own */
} filters[] = {
    {"ebs-optimized", "EbsOptimized"},
    {"http-endpoint", "MetadataOptions.HttpEndpoint"},
    {"http-tokens", "MetadataOptions.HttpTokens"},
    {"iam-instance-profile", "IamInstanceProfile.Arn"},
    {"image-id", "ImageId"},
    {"instance-type", "InstanceType"},
    {"is-default-version", NULL},
};

static const char *version_filter(struct call *call, const void *item, const char *filter)
{
    const struct shown *shown = item;
    (void)call;
    for (size_t i = 0; i < COUNT_OF(filters); i++)
        if (text_equal(filters[i].filter, filter) && filters[i].parameter)
            return template_data_value(shown->version, filters[i].parameter);
    return shown->version->number == shown->template->default_version ? "true" : "false";
}

static int check_filters(struct call *call, struct error *err)
{
    const char *name;
    for (size_t i = 1; (name = call_parameter(call, "Filter.%zu.Name", i)); i++) {
        bool known = false;
        for (size_t j = 0; j < COUNT_OF(filters); j++)
            known = known || text_equal(name, filters[j].filter);
        if (!known)
            return call_fail(call, err, 400, "InvalidParameterValue", "The filter '%.100s' is invalid", name);
    }
    return 0;
}

/* Those the call names by number or word; without any, all between MinVersion and MaxVersion, newest first.
 */
static int list_of_one(struct call *call, struct launch_template *template, struct shown **list,
                       size_t *count, struct error *err)
{
    size_t named;
    int64_t least, most;
    const char **numbers = call_list(call, "LaunchTemplateVersion", &named);
    *list = arena_alloc(call->arena, (named + template->version_count) * sizeof **list);
    if (room_check(call, "versions in a request", named, MOST_NAMED, err) < 0 ||
        call_number(call, "MinVersion", 1, INT64_MAX, 1, &least, err) < 0 ||
        call_number(call, "MaxVersion", 1, INT64_MAX, INT64_MAX, &most, err) < 0)
        return -1;
    for (size_t i = 0; i < named; i++) {
        const struct template_version *version = launch_template_version(call, template, numbers[i], err);
        if (!version)
            return -1;
        (*list)[(*count)++] = (struct shown){template, version};
    }
    for (size_t i = named ? 0 : template->version_count; i-- > 0;)
        if (template->versions[i].number >= least && template->versions[i].number <= most)
            (*list)[(*count)++] = (struct shown){template, &template->versions[i]};
    return 0;
}

/* Without a template, of all of them: only the latest and the default ones can be asked for. */
static int list_of_all(struct call *call, struct shown **list, size_t *count, struct error *err)
{
    size_t named;
    const char **words = call_list(call, "LaunchTemplateVersion", &named);
    for (size_t i = 0; i < named; i++)
        if (!text_equal(words[i], "$Latest") && !text_equal(words[i], "$Default"))
            named = 0;
    if (!named || named > 2)
        return call_fail(call, err, 400, "MissingParameter",
                         "Either a launch template, or only the versions $Latest and $Default must be "
                         "specified in the request");
    *list = arena_alloc(call->arena, (named * resources_of(call->account, &launch_template_kind)->count + 1) *
                                         sizeof **list);
    for_each_resource(struct launch_template, template, call->account, &launch_template_kind)
        for (size_t i = 0; i < named; i++) {
            const struct template_version *version = launch_template_version(call, template, words[i], err);
            if (version && !(i == 1 && (*list)[*count - 1].version == version))
                (*list)[(*count)++] = (struct shown){template, version};
        }
    return 0;
}

/* A page's token is where the next one begins. */
int launch_template_version_describe(struct call *call, struct error *err)
{
    struct launch_template *template;
    struct shown *list;
    size_t count = 0, shown = 0, at;
    int64_t start, most;
    bool of_one = call_parameter(call, "LaunchTemplateId") || call_parameter(call, "LaunchTemplateName");
    if (check_filters(call, err) < 0 || call_number(call, "NextToken", 1, INT32_MAX, 0, &start, err) < 0 ||
        call_number(call, "MaxResults", 1, LARGEST_PAGE, LARGEST_PAGE, &most, err) < 0 ||
        (of_one && launch_template_named(call, "", &template, err) < 0) ||
        (of_one ? list_of_one(call, template, &list, &count, err) : list_of_all(call, &list, &count, err)) <
            0)
        return -1;
    put_open(&call->answer, "launchTemplateVersionSet");
    for (at = (size_t)start; at < count && shown < (size_t)most; at++) {
        if (!call_filters_pass(call, version_filter, &list[at]))
            continue;
        put_open(&call->answer, "item");
        version_write(&call->answer, list[at].template, list[at].version);
        put_close(&call->answer, "item");
        shown++;
    }
    put_close(&call->answer, "launchTemplateVersionSet");
    if (at < count)
        put_number(&call->answer, "nextToken", (int64_t)at);
    return 0;
}
