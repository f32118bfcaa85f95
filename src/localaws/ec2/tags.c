/* Tags of any EC2 resource, found by the shape of its id. */
#include "localaws/ec2/ec2.h"

#include "base/text.h"

enum { MOST_TAGS = 50 };

static struct resource *any_resource(struct call *call, const char *id)
{
    for (const struct kind *const *kind = ec2_kinds; *kind; kind++) {
        struct resource *resource = resource_find(call->region, call->account, *kind, id);
        if (resource)
            return resource;
    }
    return NULL;
}

/* Every resource the request names, each authorized with the request's tags. */
static int take_resources(struct call *call, const struct tag *tags, size_t tag_count,
                          struct resource ***resources, size_t *count, struct error *err)
{
    const char **ids = call_list(call, "ResourceId", count);
    *resources = arena_alloc(call->arena, (*count + 1) * sizeof **resources);
    for (size_t i = 0; i < *count; i++) {
        (*resources)[i] = any_resource(call, ids[i]);
        if (!(*resources)[i])
            return call_fail(call, err, 400, "InvalidID", "The ID '%s' is not valid", ids[i]);
        if (resource_authorize(call, (*resources)[i], tags, tag_count, err) < 0)
            return -1;
    }
    if (!*count)
        return call_fail(call, err, 400, "MissingParameter",
                         "The request must contain the parameter resourceIdSet");
    return call_dry_run(call, err);
}

int tags_create(struct call *call, struct error *err)
{
    struct tag *tags;
    size_t tag_count, count;
    struct resource **resources;
    if (call_tag_list(call, "Tag", &tags, &tag_count, err) < 0 ||
        take_resources(call, tags, tag_count, &resources, &count, err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        size_t added = 0;
        for (size_t j = 0; j < tag_count; j++)
            added += resource_tag(resources[i], tags[j].key) == NULL;
        if (resources[i]->tag_count + added > MOST_TAGS)
            return call_fail(call, err, 400, "TagLimitExceeded", "A resource has at most %d tags", MOST_TAGS);
    }
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < tag_count; j++)
            resource_set_tag(resources[i], tags[j].key, tags[j].value);
    put_true(call);
    return 0;
}

int tags_delete(struct call *call, struct error *err)
{
    size_t tag_count = 0, count;
    struct resource **resources;
    while (tag_count < MOST_TAGS && call_parameter(call, "Tag.%zu.Key", tag_count + 1))
        tag_count++;
    struct tag *tags = arena_alloc(call->arena, (tag_count + 1) * sizeof *tags);
    for (size_t i = 0; i < tag_count; i++)
        tags[i] = (struct tag){arena_strdup(call->arena, call_parameter(call, "Tag.%zu.Key", i + 1)),
                               arena_strdup(call->arena, call_parameter(call, "Tag.%zu.Value", i + 1))};
    if (take_resources(call, tags, tag_count, &resources, &count, err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < tag_count; j++)
            resource_remove_tag(resources[i], tags[j].key, tags[j].value);
        if (!tag_count)
            list_clear(&tag_record, &resources[i]->tags, &resources[i]->tag_count);
        resource_changed(resources[i]);
    }
    put_true(call);
    return 0;
}

struct placed_tag {
    const struct resource *resource;
    const struct tag *tag;
};

static const char *tag_filter(struct call *call, const void *item, const char *filter)
{
    (void)call;
    const struct placed_tag *placed = item;
    return text_equal(filter, "resource-id")     ? placed->resource->id
           : text_equal(filter, "resource-type") ? placed->resource->kind->type
           : text_equal(filter, "key")           ? placed->tag->key
           : text_equal(filter, "value")         ? placed->tag->value
                                                 : NULL;
}

int tags_describe(struct call *call, struct error *err)
{
    (void)err;
    struct buffer *out = &call->answer;
    put_open(out, "tagSet");
    for (const struct kind *const *kind = ec2_kinds; *kind; kind++)
        for_each_resource(struct resource, resource, call->account, *kind)
            for (size_t i = 0; i < resource->tag_count; i++) {
                struct placed_tag placed = {resource, &resource->tags[i]};
                if (!call_filters_pass(call, tag_filter, &placed))
                    continue;
                put_open(out, "item");
                put_text(out, "resourceId", resource->id);
                put_text(out, "resourceType", resource->kind->type);
                put_text(out, "key", resource->tags[i].key);
                put_text(out, "value", resource->tags[i].value);
                put_close(out, "item");
            }
    put_close(out, "tagSet");
    return 0;
}
