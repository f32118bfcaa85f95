#include "localaws/resource/authorize.h"

#include "base/text.h"
#include "localaws/resource/answer.h"

#include <string.h>

enum { MOST_TAGS = 50, LONGEST_TAG_KEY = 128, LONGEST_TAG_VALUE = 256 };

struct context context_new(struct call *call)
{
    struct context context = {.call = call};
    context_add(&context, "ec2:Region", call->region->name);
    if (text_equal(call->action, "RunInstances"))
        context_add_arn(&context, "ec2:LaunchTemplate", "launch-template",
                        call_parameter(call, "LaunchTemplate.LaunchTemplateId"));
    return context;
}

void context_add(struct context *context, const char *key, const char *value)
{
    if (!value)
        return;
    if (context->count + 3 > context->capacity) {
        size_t capacity = context->capacity ? context->capacity * 2 : 32;
        const char **pairs = arena_alloc(context->call->arena, capacity * sizeof *pairs);
        if (context->count)
            memcpy(pairs, context->pairs, context->count * sizeof *pairs);
        context->pairs = pairs;
        context->capacity = capacity;
    }
    context->pairs[context->count++] = key;
    context->pairs[context->count++] = value;
    context->pairs[context->count] = NULL;
}

const char *context_arn(struct context *context, const char *type, const char *id)
{
    return arena_format(context->call->arena, "arn:aws:ec2:%s:%s:%s/%s", context->call->region->name,
                        context->call->account->id, type, id);
}

void context_add_arn(struct context *context, const char *key, const char *type, const char *id)
{
    if (id)
        context_add(context, key, context_arn(context, type, id));
}

static void add_tag(struct context *context, const char *prefix, const struct tag *tag)
{
    context_add(context, arena_format(context->call->arena, "%s/%s", prefix, tag->key), tag->value);
}

void context_add_request_tags(struct context *context, const struct tag *tags, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        add_tag(context, "aws:RequestTag", &tags[i]);
        context_add(context, "aws:TagKeys", tags[i].key);
    }
}

void context_add_resource(struct context *context, const struct resource *resource)
{
    const char *own =
        arena_format(context->call->arena, "%s:ResourceTag", context->call->interface->iam_prefix);
    for (size_t i = 0; i < resource->tag_count; i++) {
        add_tag(context, "aws:ResourceTag", &resource->tags[i]);
        add_tag(context, own, &resource->tags[i]);
    }
    if (resource->kind->context)
        resource->kind->context(context, resource);
}

static const char *action_name(struct call *call, const char *action)
{
    return arena_format(call->arena, "%s:%s", call->interface->iam_prefix, action);
}

int resource_authorize(struct call *call, const struct resource *resource, const struct tag *tags,
                       size_t tag_count, struct error *err)
{
    struct context context = context_new(call);
    context_add_resource(&context, resource);
    context_add_request_tags(&context, tags, tag_count);
    return call_authorize(call, action_name(call, call->action),
                          resource_arn(call->region, call->arena, resource), context.pairs, err);
}

/* What a resource that has no id yet is called in policies. */
static const char *new_arn(struct call *call, const struct kind *kind)
{
    if (text_starts(kind->prefix, "arn:"))
        return arena_format(call->arena, "arn:aws:elasticloadbalancing:%s:%s:%s/*", call->region->name,
                            call->account->id, kind->type);
    return arena_format(call->arena, "arn:aws:ec2:%s:%s:%s/*", call->region->name, call->account->id,
                        kind->type);
}

int tagging_authorize(struct call *call, const struct kind *kind, const struct tag *tags, size_t tag_count,
                      struct error *err)
{
    if (!tag_count)
        return 0;
    struct context context = context_new(call);
    context_add_request_tags(&context, tags, tag_count);
    bool elb = text_equal(call->interface->iam_prefix, "elasticloadbalancing");
    context_add(&context, elb ? "elasticloadbalancing:CreateAction" : "ec2:CreateAction", call->action);
    return call_authorize(call, action_name(call, elb ? "AddTags" : "CreateTags"), new_arn(call, kind),
                          context.pairs, err);
}

int creation_authorize(struct call *call, const struct kind *kind, const struct resource *draft,
                       struct error *err)
{
    struct context context = context_new(call);
    if (draft_check(call, kind->record, draft, err) < 0)
        return -1;
    if (kind->context)
        kind->context(&context, draft);
    context_add_request_tags(&context, draft->tags, draft->tag_count);
    if (call_authorize(call, action_name(call, call->action), new_arn(call, kind), context.pairs, err) < 0)
        return -1;
    if (tagging_authorize(call, kind, draft->tags, draft->tag_count, err) < 0)
        return -1;
    return call_dry_run(call, err);
}

int resource_target(struct call *call, const struct kind *kind, const char *parameter, void *resource,
                    struct error *err)
{
    struct resource *found;
    if (resource_named(call, kind, parameter, &found, err) < 0 ||
        resource_authorize(call, found, NULL, 0, err) < 0 || call_dry_run(call, err) < 0)
        return -1;
    *(void **)resource = found;
    return 0;
}

int call_dry_run(struct call *call, struct error *err)
{
    if (!call_true(call, "DryRun"))
        return 0;
    return call_fail(call, err, 412, "DryRunOperation",
                     "Request would have succeeded, but DryRun flag is set");
}

static int check_tag(struct call *call, const struct tag *tag, struct error *err)
{
    if (text_empty(tag->key) || strlen(tag->key) > LONGEST_TAG_KEY || strlen(tag->value) > LONGEST_TAG_VALUE)
        return call_fail(call, err, 400, "InvalidParameterValue",
                         "Tag keys have 1 to %d characters and values at most %d", LONGEST_TAG_KEY,
                         LONGEST_TAG_VALUE);
    if (text_starts(tag->key, "aws:"))
        return call_fail(call, err, 400, "InvalidParameterValue",
                         "Tag keys starting with 'aws:' are reserved");
    return 0;
}

int call_tag_list(struct call *call, const char *prefix, struct tag **tags, size_t *count, struct error *err)
{
    *count = 0;
    while (call_parameter(call, "%s.%zu.Key", prefix, *count + 1))
        if (++*count > MOST_TAGS)
            return call_fail(call, err, 400, "TagLimitExceeded", "A resource has at most %d tags", MOST_TAGS);
    *tags = arena_alloc(call->arena, (*count + 1) * sizeof **tags);
    for (size_t i = 0; i < *count; i++) {
        const char *value = call_parameter(call, "%s.%zu.Value", prefix, i + 1);
        (*tags)[i].key = arena_strdup(call->arena, call_parameter(call, "%s.%zu.Key", prefix, i + 1));
        (*tags)[i].value = arena_strdup(call->arena, value ? value : "");
        if (check_tag(call, &(*tags)[i], err) < 0)
            return -1;
        for (size_t j = 0; j < i; j++)
            if (text_equal((*tags)[i].key, (*tags)[j].key))
                return call_fail(call, err, 400, "InvalidParameterValue", "The tag key '%s' is there twice",
                                 (*tags)[i].key);
    }
    return 0;
}

int call_tags(struct call *call, const char *type, struct resource *draft, struct error *err)
{
    const char *named;
    for (size_t i = 1; (named = call_parameter(call, "TagSpecification.%zu.ResourceType", i)); i++)
        if (text_equal(named, type))
            return call_tag_list(call, arena_format(call->arena, "TagSpecification.%zu.Tag", i), &draft->tags,
                                 &draft->tag_count, err);
    return 0;
}
