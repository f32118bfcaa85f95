#include "localaws/elb/elb.h"

#include "base/random.h"
#include "base/text.h"

#include <string.h>

enum { MOST_TAGS = 60 }; /* 50, and room for those that are set anew */

char *elb_hex(struct arena *arena)
{
    return random_hex(arena, 16);
}

const char *elb_hex_of(const char *arn)
{
    return strrchr(arn, '/') + 1;
}

void put_elb_tags(struct buffer *out, const struct resource *resource)
{
    put_open(out, "Tags");
    for (size_t i = 0; i < resource->tag_count; i++) {
        put_open(out, "member");
        put_text(out, "Key", resource->tags[i].key);
        put_text(out, "Value", resource->tags[i].value);
        put_close(out, "member");
    }
    put_close(out, "Tags");
}

int elb_check_name(struct call *call, const char *name, struct error *err)
{
    size_t length = strlen(name);
    if (length < 1 || length > 32 || !text_only(name, "A-Za-z0-9-") || name[0] == '-' ||
        name[length - 1] == '-')
        return call_fail(
            call, err, 400, "ValidationError",
            "The name '%.64s' must have 1 to 32 letters, digits and hyphens, none of these at an end", name);
    return 0;
}

int elb_missing(struct call *call, const struct kind *kind, const char *name, struct error *err)
{
    return call_fail(call, err, 400, kind->missing, "One or more %ss not found: '%s'", kind->type, name);
}

int elb_target(struct call *call, const struct kind *kind, const char *parameter, void *resource,
               struct error *err)
{
    const char *arn;
    if (call_required(call, parameter, &arn, err) < 0)
        return -1;
    struct resource *found = resource_find(call->region, call->account, kind, arn);
    if (!found)
        return elb_missing(call, kind, arn, err);
    *(void **)resource = found;
    return resource_authorize(call, found, NULL, 0, err);
}

static bool named(const char **names, const char *name)
{
    for (; *names; names++)
        if (text_equal(*names, name))
            return true;
    return false;
}

static const char *first_missing(struct call *call, const struct kind *kind, const char **arns,
                                 const char **names, const char *(*name_of)(const struct resource *))
{
    for (; *arns; arns++)
        if (!resource_find(call->region, call->account, kind, *arns))
            return *arns;
    for (; *names; names++) {
        bool found = false;
        for_each_resource(struct resource, item, call->account, kind)
            found = found || (name_of && text_equal(name_of(item), *names));
        if (!found)
            return *names;
    }
    return NULL;
}

int elb_describe(struct call *call, const struct kind *kind, const char *element, const char *arns_parameter,
                 const char *names_parameter, const char *(*name_of)(const struct resource *resource),
                 bool (*asked)(struct call *call, const struct resource *resource), struct error *err)
{
    size_t arn_count, name_count = 0, shown = 0;
    int64_t most;
    const char **arns = call_list(call, arena_format(call->arena, "%s.member", arns_parameter), &arn_count);
    const char **names =
        call_list(call, arena_format(call->arena, "%s.member", names_parameter), &name_count);
    const char *missing = first_missing(call, kind, arns, names, name_of),
               *marker = call_parameter(call, "Marker");
    const char *next = NULL;
    if (missing)
        return elb_missing(call, kind, missing, err);
    if (call_number(call, "PageSize", 1, 400, 400, &most, err) < 0)
        return -1;
    bool started = text_empty(marker);
    put_open(&call->answer, element);
    for_each_resource(struct resource, item, call->account, kind) {
        bool wanted =
            !(arn_count || name_count) || named(arns, item->id) || (name_of && named(names, name_of(item)));
        if (!started)
            started = text_equal(item->id, marker);
        if (!started || !wanted || (asked && !asked(call, item)))
            continue;
        if (shown == (size_t)most) { /* the marker is the first of the next page */
            next = item->id;
            break;
        }
        shown++;
        put_open(&call->answer, "member");
        kind->write(&call->answer, item);
        put_close(&call->answer, "member");
    }
    put_close(&call->answer, element);
    put_text(&call->answer, "NextMarker", next);
    return 0;
}

/* Tags, by ARN of whatever kind. */
static struct resource *tagged(struct call *call, const char *arn)
{
    for (const struct kind *const *kind = elb_kinds; *kind; kind++) {
        struct resource *resource = resource_find(call->region, call->account, *kind, arn);
        if (resource)
            return resource;
    }
    return NULL;
}

static int missing_arn(struct call *call, const char *arn, struct error *err)
{
    for (const struct kind *const *kind = elb_kinds; *kind; kind++)
        if (strstr(arn, arena_format(call->arena, ":%s/", (*kind)->type)))
            return elb_missing(call, *kind, arn, err);
    return call_fail(call, err, 400, "ValidationError", "'%s' is not a valid resource ARN", arn);
}

int elb_add_tags(struct call *call, struct error *err)
{
    struct tag *tags;
    size_t count;
    if (call_tag_list(call, "Tags.member", &tags, &count, err) < 0)
        return -1;
    for (const char **arn = call_list(call, "ResourceArns.member", NULL); *arn; arn++) {
        struct resource *resource = tagged(call, *arn);
        if (!resource)
            return missing_arn(call, *arn, err);
        if (resource_authorize(call, resource, tags, count, err) < 0)
            return -1;
        if (room_check(call, "tags", resource->tag_count + count, MOST_TAGS, err) < 0)
            return -1;
        for (size_t i = 0; i < count; i++)
            resource_set_tag(resource, tags[i].key, tags[i].value);
    }
    account_changed(call->region, call->account);
    return 0;
}

int elb_remove_tags(struct call *call, struct error *err)
{
    const char **keys = call_list(call, "TagKeys.member", NULL);
    for (const char **arn = call_list(call, "ResourceArns.member", NULL); *arn; arn++) {
        struct resource *resource = tagged(call, *arn);
        if (!resource)
            return missing_arn(call, *arn, err);
        if (resource_authorize(call, resource, NULL, 0, err) < 0)
            return -1;
        for (const char **key = keys; *key; key++)
            resource_remove_tag(resource, *key, NULL);
    }
    account_changed(call->region, call->account);
    return 0;
}

int elb_describe_tags(struct call *call, struct error *err)
{
    put_open(&call->answer, "TagDescriptions");
    for (const char **arn = call_list(call, "ResourceArns.member", NULL); *arn; arn++) {
        struct resource *resource = tagged(call, *arn);
        if (!resource)
            return missing_arn(call, *arn, err);
        put_open(&call->answer, "member");
        put_text(&call->answer, "ResourceArn", resource->id);
        put_elb_tags(&call->answer, resource);
        put_close(&call->answer, "member");
    }
    put_close(&call->answer, "TagDescriptions");
    return 0;
}
