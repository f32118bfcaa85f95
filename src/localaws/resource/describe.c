/* The generic Describe call (answer.h). */
#include "localaws/resource/answer.h"

#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct wanted {
    const char **values;
};

/* AWS's wildcards are * and ?, a backslash takes their meaning away; brackets mean themselves. Goes back to
 * the last star only, so that no pattern takes more than the product of the lengths. */
static bool matches_pattern(const char *pattern, const char *value)
{
    const char *after_star = NULL, *resume = NULL;
    while (*value) {
        bool escaped = *pattern == '\\' && pattern[1];
        const char *literal = pattern + escaped;
        if (*pattern == '*') {
            after_star = ++pattern;
            resume = value;
        } else if (*literal && ((!escaped && *literal == '?') || *literal == *value)) {
            pattern = literal + 1;
            value++;
        } else if (after_star) {
            pattern = after_star;
            value = ++resume;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return !*pattern;
}

bool text_matches(const char *pattern, const char *value)
{
    return value && matches_pattern(pattern, value);
}

bool wanted_has(const struct wanted *wanted, const char *value)
{
    for (const char **pattern = wanted->values; *pattern; pattern++)
        if (text_matches(*pattern, value))
            return true;
    return false;
}

bool wanted_has_bool(const struct wanted *wanted, bool value)
{
    return wanted_has(wanted, value ? "true" : "false");
}

bool wanted_has_number(const struct wanted *wanted, int64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, value);
    return wanted_has(wanted, text);
}

bool call_filters_pass(struct call *call, filter_value *value_of, const void *item)
{
    const char *name;
    for (size_t i = 1; (name = call_parameter(call, "Filter.%zu.Name", i)); i++) {
        struct wanted wanted = {call_list(call, arena_format(call->arena, "Filter.%zu.Value", i), NULL)};
        if (!wanted_has(&wanted, value_of(call, item, name)))
            return false;
    }
    return true;
}

/* A filter of this call, with what it is applied by. */
struct condition {
    struct wanted wanted;
    enum { BY_FILTER, BY_TAG, BY_TAG_KEY, BY_OWNER } by;
    const struct filter *filter;
    const char *tag;
};
struct conditions {
    struct condition *items;
    size_t count;
};

static int condition_of(struct call *call, const struct kind *kind, const char *name,
                        struct condition *condition, struct error *err)
{
    if (text_starts(name, "tag:")) {
        condition->by = BY_TAG;
        condition->tag = name + strlen("tag:");
        return 0;
    }
    if (text_equal(name, "tag-key") || text_equal(name, "owner-id")) {
        condition->by = text_equal(name, "tag-key") ? BY_TAG_KEY : BY_OWNER;
        return 0;
    }
    for (const struct filter *filter = kind->filters; filter->name; filter++)
        if (text_equal(filter->name, name)) {
            condition->by = BY_FILTER;
            condition->filter = filter;
            return 0;
        }
    return call_fail(call, err, 400, "InvalidParameterValue", "The filter '%s' is invalid", name);
}

static int conditions_of(struct call *call, const struct kind *kind, struct conditions *conditions,
                         struct error *err)
{
    while (call_parameter(call, "Filter.%zu.Name", conditions->count + 1))
        conditions->count++;
    conditions->items = arena_alloc(call->arena, (conditions->count + 1) * sizeof *conditions->items);
    for (size_t i = 0; i < conditions->count; i++) {
        const char *prefix = arena_format(call->arena, "Filter.%zu.Value", i + 1);
        conditions->items[i].wanted.values = call_list(call, prefix, NULL);
        if (condition_of(call, kind, call_parameter(call, "Filter.%zu.Name", i + 1), &conditions->items[i],
                         err) < 0)
            return -1;
    }
    return 0;
}

static bool has_tag_key(const struct resource *resource, const struct wanted *wanted)
{
    for (size_t i = 0; i < resource->tag_count; i++)
        if (wanted_has(wanted, resource->tags[i].key))
            return true;
    return false;
}

static bool passes_filter(const struct resource *resource, const struct filter *filter,
                          const struct wanted *wanted)
{
    const char *member = (const char *)resource + filter->offset;
    switch (filter->of) {
    case FILTER_OF_TEXT:
        return wanted_has(wanted, *(const char *const *)(const void *)member);
    case FILTER_OF_BOOL:
        return wanted_has_bool(wanted, *(const bool *)(const void *)member);
    default:
        return filter->matches(resource, wanted);
    }
}

static bool passes(const struct resource *resource, const struct conditions *conditions)
{
    for (size_t i = 0; i < conditions->count; i++) {
        const struct condition *condition = &conditions->items[i];
        bool held =
            condition->by == BY_TAG ? wanted_has(&condition->wanted, resource_tag(resource, condition->tag))
            : condition->by == BY_TAG_KEY ? has_tag_key(resource, &condition->wanted)
            : condition->by == BY_OWNER   ? wanted_has(&condition->wanted, resource->account->id)
                                          : passes_filter(resource, condition->filter, &condition->wanted);
        if (!held)
            return false;
    }
    return true;
}

static int select_by_id(struct call *call, const struct kind *kind, const char **ids,
                        const struct conditions *conditions, struct selection *selection, struct error *err)
{
    for (; *ids; ids++) {
        struct resource *resource = resource_find(call->region, call->account, kind, *ids);
        if (!resource)
            return resource_missing(call, kind, *ids, err);
        if (passes(resource, conditions))
            selection->items[selection->count++] = resource;
    }
    return 0;
}

/* A page starts after the resource its token names. */
static int page_start(struct call *call, const struct kind *kind, struct resource **start, struct error *err)
{
    const char *token = call_parameter(call, "NextToken");
    *start = resources_of(call->account, kind)->first;
    if (text_empty(token))
        return 0;
    unsigned char *id;
    size_t length;
    struct resource *last = NULL;
    if (base64_decode(call->arena, token, &id, &length, NULL) == 0)
        last = resource_find(call->region, call->account, kind, (const char *)id);
    if (!last)
        return call_fail(call, err, 400, "InvalidNextToken", "The token '%s' is invalid", token);
    *start = last->next;
    return 0;
}

static int select_page(struct call *call, const struct kind *kind, const struct conditions *conditions,
                       struct selection *selection, struct error *err)
{
    int64_t most;
    struct resource *item;
    if (call_number(call, "MaxResults", 1, 1000, 0, &most, err) < 0 || page_start(call, kind, &item, err) < 0)
        return -1;
    for (; item; item = item->next) {
        if (!passes(item, conditions))
            continue;
        if (most && selection->count == (size_t)most) {
            const char *last = selection->items[selection->count - 1]->id;
            selection->next_token = base64_encode(call->arena, last, strlen(last));
            break;
        }
        selection->items[selection->count++] = item;
    }
    return 0;
}

int resource_select(struct call *call, const struct kind *kind, struct selection *selection,
                    struct error *err)
{
    struct conditions conditions = {0};
    *selection = (struct selection){0};
    size_t id_count;
    const char **ids = call_list(call, kind->parameter, &id_count);
    if (conditions_of(call, kind, &conditions, err) < 0)
        return -1;
    size_t most = id_count ? id_count : resources_of(call->account, kind)->count;
    selection->items = arena_alloc(call->arena, (most + 1) * sizeof *selection->items);
    return id_count ? select_by_id(call, kind, ids, &conditions, selection, err)
                    : select_page(call, kind, &conditions, selection, err);
}

int resource_describe(struct call *call, const struct kind *kind, struct error *err)
{
    struct selection selection;
    if (resource_select(call, kind, &selection, err) < 0)
        return -1;
    put_open(&call->answer, kind->set);
    for (size_t i = 0; i < selection.count; i++) {
        put_open(&call->answer, "item");
        kind->write(&call->answer, selection.items[i]);
        put_close(&call->answer, "item");
    }
    put_close(&call->answer, kind->set);
    put_text(&call->answer, "nextToken", selection.next_token);
    return 0;
}
