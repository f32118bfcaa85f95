/* The generic Describe call (answer.h). */
#include "localaws/resource/answer.h"

#include "base/text.h"
#include "localaws/resource/filing.h"
#include "localaws/resource/index.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* What is never more than so many is looked through; larger answers come in pages, asked for or not. */
enum { FEW = 32, LARGEST_PAGE = 1000 };

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

static bool any_passes(const struct resource *resource, const struct filter *filter,
                       const struct wanted *wanted)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct values values = {.arena = arena};
    filter->each(resource, &values);
    for (size_t i = 0; i < values.count; i++)
        if (wanted_has(wanted, values.items[i]))
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
    case FILTER_OF_EACH:
        return any_passes(resource, filter, wanted);
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

/* What an index is asked for by a condition: exact values; NULL when only looking at everything can tell. */
static const char *const *exact_values(struct call *call, const struct condition *condition)
{
    size_t count = 0;
    if (condition->by != BY_TAG && (condition->by != BY_FILTER || condition->filter->of == FILTER_OF_CALL))
        return NULL;
    for (; condition->wanted.values[count]; count++)
        if (strpbrk(condition->wanted.values[count], "*?\\"))
            return NULL;
    if (condition->by == BY_FILTER)
        return condition->wanted.values;
    const char **tags = arena_alloc(call->arena, (count + 1) * sizeof *tags);
    for (size_t i = 0; i < count; i++)
        tags[i] = arena_format(call->arena, "%s=%s", condition->tag, condition->wanted.values[i]);
    return tags;
}

/* The resources among which all that pass are, by whichever filter leaves fewest; false: all of them. */
static bool narrow(struct call *call, struct resource_list *list, const struct conditions *conditions,
                   struct candidates *candidates)
{
    const struct filter *best = NULL;
    const char *const *best_values = NULL;
    size_t fewest = list->count;
    for (size_t i = 0; list->count > FEW && i < conditions->count; i++) {
        const struct condition *condition = &conditions->items[i];
        const struct filter *filter = condition->by == BY_TAG ? NULL : condition->filter;
        const char *const *values = exact_values(call, condition);
        size_t count = values ? index_count(list, filter, values) : fewest;
        if (count < fewest) {
            fewest = count;
            best = filter;
            best_values = values;
        }
    }
    if (best_values)
        *candidates = index_find(list, best, best_values, call->arena);
    return best_values != NULL;
}

/* A page starts after the resource its token names by its sequence; that one may be gone meanwhile. */
static int page_start(struct call *call, int64_t *after, struct error *err)
{
    const char *token = call_parameter(call, "NextToken");
    unsigned char *text;
    size_t length;
    *after = 0;
    if (text_empty(token) || (base64_decode(call->arena, token, &text, &length, NULL) == 0 &&
                              text_number((const char *)text, 1, INT64_MAX, "token", after, NULL) == 0))
        return 0;
    return call_fail(call, err, 400, "InvalidNextToken", "The token '%s' is invalid", token);
}

struct page {
    struct call *call;
    const struct conditions *conditions;
    struct selection *selection;
    int64_t after;
    size_t most, room;
};

/* False when the page is full. */
static bool page_add(struct page *page, struct resource *resource)
{
    struct selection *selection = page->selection;
    if (resource->sequence <= page->after || !passes(resource, page->conditions))
        return true;
    if (selection->count == page->most) {
        const char *last =
            arena_format(page->call->arena, "%" PRId64, selection->items[selection->count - 1]->sequence);
        selection->next_token = base64_encode(page->call->arena, last, strlen(last));
        return false;
    }
    if (selection->count == page->room) {
        size_t room = page->room ? page->room * 4 : FEW;
        struct resource **items = arena_alloc(page->call->arena, room * sizeof *items);
        if (selection->count)
            memcpy(items, selection->items, selection->count * sizeof *items);
        selection->items = items;
        page->room = room;
    }
    selection->items[selection->count++] = resource;
    return true;
}

static int select_page(struct call *call, const struct kind *kind, const struct conditions *conditions,
                       struct selection *selection, struct error *err)
{
    struct page page = {.call = call, .conditions = conditions, .selection = selection};
    struct resource_list *list = resources_of(call->account, kind);
    struct candidates candidates;
    int64_t most;
    if (call_number(call, "MaxResults", 1, LARGEST_PAGE, LARGEST_PAGE, &most, err) < 0 ||
        page_start(call, &page.after, err) < 0)
        return -1;
    page.most = (size_t)most;
    if (narrow(call, list, conditions, &candidates)) {
        for (size_t i = 0; i < candidates.count && page_add(&page, candidates.items[i]); i++)
            ;
        return 0;
    }
    for (struct resource *item = list->first; item && page_add(&page, item); item = item->next)
        ;
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
    resources_file(call->region);
    if (!id_count)
        return select_page(call, kind, &conditions, selection, err);
    selection->items = arena_alloc(call->arena, (id_count + 1) * sizeof *selection->items);
    return select_by_id(call, kind, ids, &conditions, selection, err);
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
