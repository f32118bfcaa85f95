/* Tags of any EC2 resource, and of the rules of security groups. */
#include "localaws/ec2/group.h"

#include "base/text.h"

enum { MOST_TAGS = 50 };

/* What has tags: a resource, or a rule of a security group, which is saved with it. */
struct tagged {
    struct resource *resource;
    struct group_rule *rule; /* NULL: the resource itself */
    struct tag **tags;
    size_t *tag_count;
};

static bool find_rule(struct call *call, const char *id, struct tagged *tagged)
{
    for_each_resource(struct group, group, call->account, &group_kind)
        for (size_t i = 0; i < group->rule_count; i++)
            if (text_equal(group->rules[i].id, id)) {
                struct group_rule *rule = &group->rules[i];
                *tagged = (struct tagged){&group->resource, rule, &rule->tags, &rule->tag_count};
                return true;
            }
    return false;
}

static bool find_tagged(struct call *call, const char *id, struct tagged *tagged)
{
    for (const struct kind *const *kind = ec2_kinds; *kind; kind++) {
        struct resource *resource = resource_find(call->region, call->account, *kind, id);
        if (resource) {
            *tagged = (struct tagged){resource, NULL, &resource->tags, &resource->tag_count};
            return true;
        }
    }
    return text_starts(id, "sgr-") && find_rule(call, id, tagged);
}

static int authorize(struct call *call, const struct tagged *tagged, const struct tag *tags, size_t tag_count,
                     struct error *err)
{
    if (!tagged->rule)
        return resource_authorize(call, tagged->resource, tags, tag_count, err);
    const struct group *group = (const struct group *)(const void *)tagged->resource;
    struct resource rule = group_rule_resource(group, tagged->rule);
    return resource_authorize(call, &rule, tags, tag_count, err);
}

/* Everything the request names, each authorized with the request's tags. */
static int take_tagged(struct call *call, const struct tag *tags, size_t tag_count, struct tagged **all,
                       size_t *count, struct error *err)
{
    const char **ids = call_list(call, "ResourceId", count);
    *all = arena_alloc(call->arena, (*count + 1) * sizeof **all);
    for (size_t i = 0; i < *count; i++) {
        if (!find_tagged(call, ids[i], &(*all)[i]))
            return call_fail(call, err, 400, "InvalidID", "The ID '%s' is not valid", ids[i]);
        if (authorize(call, &(*all)[i], tags, tag_count, err) < 0)
            return -1;
    }
    if (!*count)
        return call_fail(call, err, 400, "MissingParameter",
                         "The request must contain the parameter resourceIdSet");
    return call_dry_run(call, err);
}

static bool has_tag(const struct tagged *tagged, const char *key)
{
    for (size_t i = 0; i < *tagged->tag_count; i++)
        if (text_equal((*tagged->tags)[i].key, key))
            return true;
    return false;
}

int tags_create(struct call *call, struct error *err)
{
    struct tag *tags;
    size_t tag_count, count;
    struct tagged *all;
    if (call_tag_list(call, "Tag", &tags, &tag_count, err) < 0 ||
        take_tagged(call, tags, tag_count, &all, &count, err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        size_t added = 0;
        for (size_t j = 0; j < tag_count; j++)
            added += !has_tag(&all[i], tags[j].key);
        if (*all[i].tag_count + added > MOST_TAGS)
            return call_fail(call, err, 400, "TagLimitExceeded", "A resource has at most %d tags", MOST_TAGS);
    }
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < tag_count; j++)
            tags_set(all[i].tags, all[i].tag_count, tags[j].key, tags[j].value);
        resource_changed(all[i].resource);
    }
    put_true(call);
    return 0;
}

int tags_delete(struct call *call, struct error *err)
{
    size_t tag_count = 0, count;
    struct tagged *all;
    while (tag_count < MOST_TAGS && call_parameter(call, "Tag.%zu.Key", tag_count + 1))
        tag_count++;
    struct tag *tags = arena_alloc(call->arena, (tag_count + 1) * sizeof *tags);
    for (size_t i = 0; i < tag_count; i++)
        tags[i] = (struct tag){arena_strdup(call->arena, call_parameter(call, "Tag.%zu.Key", i + 1)),
                               arena_strdup(call->arena, call_parameter(call, "Tag.%zu.Value", i + 1))};
    if (take_tagged(call, tags, tag_count, &all, &count, err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < tag_count; j++)
            tags_remove(all[i].tags, all[i].tag_count, tags[j].key, tags[j].value);
        if (!tag_count)
            list_clear(&tag_record, all[i].tags, all[i].tag_count);
        resource_changed(all[i].resource);
    }
    put_true(call);
    return 0;
}

struct placed_tag {
    const char *id, *type;
    const struct tag *tag;
};

static const char *tag_filter(struct call *call, const void *item, const char *filter)
{
    (void)call;
    const struct placed_tag *placed = item;
    return text_equal(filter, "resource-id")     ? placed->id
           : text_equal(filter, "resource-type") ? placed->type
           : text_equal(filter, "key")           ? placed->tag->key
           : text_equal(filter, "value")         ? placed->tag->value
                                                 : NULL;
}

static void put_tags_of(struct call *call, const struct resource *resource)
{
    struct buffer *out = &call->answer;
    for (size_t i = 0; i < resource->tag_count; i++) {
        struct placed_tag placed = {resource->id, resource->kind->type, &resource->tags[i]};
        if (!call_filters_pass(call, tag_filter, &placed))
            continue;
        put_open(out, "item");
        put_text(out, "resourceId", placed.id);
        put_text(out, "resourceType", placed.type);
        put_text(out, "key", placed.tag->key);
        put_text(out, "value", placed.tag->value);
        put_close(out, "item");
    }
}

int tags_describe(struct call *call, struct error *err)
{
    (void)err;
    put_open(&call->answer, "tagSet");
    for (const struct kind *const *kind = ec2_kinds; *kind; kind++)
        for_each_resource(struct resource, resource, call->account, *kind)
            put_tags_of(call, resource);
    for_each_resource(struct group, group, call->account, &group_kind)
        for (size_t i = 0; i < group->rule_count; i++) {
            const struct resource rule = group_rule_resource(group, &group->rules[i]);
            put_tags_of(call, &rule);
        }
    put_close(&call->answer, "tagSet");
    return 0;
}
