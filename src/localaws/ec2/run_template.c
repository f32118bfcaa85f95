/* RunInstances with a launch template: its parameters lie under the call's own, each of which takes the place
 * of the template's as a whole. From there on nobody sees a difference, but for two tags. */
#include "localaws/ec2/launch_template.h"
#include "localaws/ec2/run.h"
#include "localaws/front/parameters.h"

#include "base/text.h"

#include <inttypes.h>
#include <string.h>

/* The call's parameters, without what names the template. */
static struct template_pair *own_pairs(struct call *call, size_t *count)
{
    size_t all_count;
    const char *const *all = parameters_all(call->parameters, &all_count);
    struct template_pair *pairs = arena_alloc(call->arena, all_count * sizeof *pairs);
    *count = 0;
    for (size_t i = 0; i < all_count; i++)
        if (!text_starts(all[2 * i], "LaunchTemplate."))
            pairs[(*count)++] = (struct template_pair){arena_strdup(call->arena, all[2 * i]),
                                                       arena_strdup(call->arena, all[2 * i + 1])};
    return pairs;
}

int run_take_template(struct call *call, struct run *run, struct error *err)
{
    struct launch_template *template;
    size_t own_count, count;
    if (text_empty(call_parameter(call, "LaunchTemplate.LaunchTemplateId")) &&
        text_empty(call_parameter(call, "LaunchTemplate.LaunchTemplateName")))
        return 0;
    if (launch_template_named(call, "LaunchTemplate.", &template, err) < 0)
        return -1;
    const struct template_version *version =
        launch_template_version(call, template, call_parameter(call, "LaunchTemplate.Version"), err);
    if (!version)
        return -1;
    const struct template_pair *own = own_pairs(call, &own_count);
    const struct template_pair *merged =
        template_data_merge(call->arena, own, own_count, version->pairs, version->pair_count, &count);
    const char **pairs = arena_alloc(call->arena, 2 * (count + 1) * sizeof *pairs);
    for (size_t i = 0; i < count; i++) {
        pairs[2 * i] = arena_strdup(call->arena, merged[i].name);
        pairs[2 * i + 1] = arena_strdup(call->arena, merged[i].value);
    }
    /* Decisions are about the template by its id, however it was named. */
    pairs[2 * count] = "LaunchTemplate.LaunchTemplateId";
    pairs[2 * count + 1] = arena_strdup(call->arena, template->resource.id);
    call->parameters = parameters_of(call->arena, pairs, count + 1);
    run->template = template;
    run->template_version = version->number;
    return resource_authorize(call, &template->resource, NULL, 0, err);
}

/* By these the console and others know where an instance comes from. Nobody asked for them, so nobody is
 * asked whether they may be given. */
void run_add_template_tags(struct call *call, struct run *run)
{
    struct resource *draft = &run->draft.resource;
    if (!run->template)
        return;
    struct tag *tags = arena_alloc(call->arena, (draft->tag_count + 2) * sizeof *tags);
    if (draft->tag_count)
        memcpy(tags, draft->tags, draft->tag_count * sizeof *tags);
    tags[draft->tag_count++] =
        (struct tag){arena_strdup(call->arena, "aws:ec2launchtemplate:id"), run->template->resource.id};
    tags[draft->tag_count++] = (struct tag){arena_strdup(call->arena, "aws:ec2launchtemplate:version"),
                                            arena_format(call->arena, "%" PRId64, run->template_version)};
    draft->tags = tags;
}
