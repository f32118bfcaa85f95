/* Prefix lists shown: an account's own and AWS's together, in pages. */
#include "localaws/ec2/endpoint.h"
#include "localaws/ec2/prefix_list.h"

#include "base/text.h"

#include <string.h>

const struct prefix_list *const *prefix_lists_of_aws(struct region *region, struct arena *arena)
{
    size_t count = 0, made = 0;
    while (endpoint_services[count].word)
        count++;
    const struct prefix_list **lists = arena_alloc(arena, (count + 1) * sizeof *lists);
    for (size_t i = 0; i < count; i++) {
        const struct endpoint_service *service = &endpoint_services[i];
        if (!service->prefix_list)
            continue;
        struct prefix_list *list = arena_alloc(arena, sizeof *list);
        struct prefix_list_entry *entry = arena_alloc(arena, sizeof *entry);
        entry->cidr = arena_strdup(arena, service->cidr);
        *list = (struct prefix_list){
            .resource.id = arena_strdup(arena, service->prefix_list),
            .name = arena_format(arena, "com.amazonaws.%s.%s", region->name, service->word),
            .family = arena_strdup(arena, "IPv4"),
            .entries = entry,
            .entry_count = 1,
        };
        lists[made++] = list;
    }
    return lists;
}

void prefix_list_write(struct buffer *out, const struct prefix_list *list, struct region *region,
                       struct arena *arena)
{
    const struct account *account = list->resource.account;
    const char *owner = account ? account->id : "AWS";
    put_text(out, "prefixListId", list->resource.id);
    put_text(out, "addressFamily", list->family);
    put_text(out, "state", list->version > 1 ? "modify-complete" : "create-complete");
    put_text(out, "prefixListArn",
             arena_format(arena, "arn:aws:ec2:%s:%s:prefix-list/%s", region->name,
                          account ? account->id : "aws", list->resource.id));
    put_text(out, "prefixListName", list->name);
    if (account) {
        put_number(out, "maxEntries", list->most);
        put_number(out, "version", list->version);
        put_tags(out, &list->resource);
    }
    put_text(out, "ownerId", owner);
}

static const char *filter_value_of(struct call *call, const void *item, const char *filter)
{
    const struct prefix_list *list = item;
    (void)call;
    if (text_starts(filter, "tag:"))
        return resource_tag(&list->resource, filter + strlen("tag:"));
    return text_equal(filter, "prefix-list-id")     ? list->resource.id
           : text_equal(filter, "prefix-list-name") ? list->name
           : text_equal(filter, "owner-id") ? list->resource.account ? list->resource.account->id : "AWS"
                                            : NULL;
}

/* Those of the call's ids and filters, NULL-terminated. */
static int select_lists(struct call *call, const struct prefix_list ***lists, struct error *err)
{
    size_t id_count, count = 0, most = resources_of(call->account, &prefix_list_kind)->count;
    const char **ids = call_list(call, "PrefixListId", &id_count);
    const struct prefix_list *const *of_aws = prefix_lists_of_aws(call->region, call->arena);
    for (const struct prefix_list *const *list = of_aws; *list; list++)
        most++;
    const struct prefix_list **all = arena_alloc(call->arena, (most + id_count + 1) * sizeof *all);
    for (size_t i = 0; i < id_count; i++) {
        all[count] = prefix_list_find(call->region, call->account, call->arena, ids[i]);
        if (!all[count++])
            return resource_missing(call, &prefix_list_kind, ids[i], err);
    }
    for (; !id_count && *of_aws; of_aws++)
        all[count++] = *of_aws;
    if (!id_count)
        for_each_resource(struct prefix_list, list, call->account, &prefix_list_kind)
            all[count++] = list;
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (call_filters_pass(call, filter_value_of, all[i]))
            all[kept++] = all[i];
    all[kept] = NULL;
    *lists = all;
    return 0;
}

static void put_managed(struct call *call, const struct prefix_list *list)
{
    prefix_list_write(&call->answer, list, call->region, call->arena);
}

/* The older form, of services only. */
static void put_plain(struct call *call, const struct prefix_list *list)
{
    put_text(&call->answer, "prefixListId", list->resource.id);
    put_text(&call->answer, "prefixListName", list->name);
    put_open(&call->answer, "cidrSet");
    for (size_t i = 0; i < list->entry_count; i++)
        put_text(&call->answer, "item", list->entries[i].cidr);
    put_close(&call->answer, "cidrSet");
}

/* Where this page of `count` things begins and ends; says where the next begins. */
static int take_page(struct call *call, size_t count, size_t *first, size_t *end, struct error *err)
{
    int64_t from, most;
    if (call_number(call, "NextToken", 0, INT32_MAX, 0, &from, err) < 0 ||
        call_number(call, "MaxResults", 1, 1000, 1000, &most, err) < 0)
        return -1;
    *first = (size_t)from < count ? (size_t)from : count;
    *end = count - *first > (size_t)most ? *first + (size_t)most : count;
    return 0;
}

static void put_next(struct call *call, size_t end, size_t count)
{
    if (end < count)
        put_number(&call->answer, "nextToken", (int64_t)end);
}

static int describe(struct call *call, void (*put)(struct call *call, const struct prefix_list *list),
                    struct error *err)
{
    const struct prefix_list **lists = NULL;
    size_t count = 0, first, end;
    if (select_lists(call, &lists, err) < 0)
        return -1;
    while (lists[count])
        count++;
    if (take_page(call, count, &first, &end, err) < 0)
        return -1;
    put_open(&call->answer, "prefixListSet");
    for (size_t i = first; i < end; i++) {
        if (put == put_plain && lists[i]->resource.account)
            continue;
        put_open(&call->answer, "item");
        put(call, lists[i]);
        put_close(&call->answer, "item");
    }
    put_close(&call->answer, "prefixListSet");
    put_next(call, end, count);
    return 0;
}

int prefix_list_describe(struct call *call, struct error *err)
{
    return describe(call, put_plain, err);
}

int prefix_list_describe_managed(struct call *call, struct error *err)
{
    return describe(call, put_managed, err);
}

int prefix_list_entries(struct call *call, struct error *err)
{
    const char *id;
    int64_t version;
    size_t first, end;
    if (call_required(call, "PrefixListId", &id, err) < 0)
        return -1;
    const struct prefix_list *list = prefix_list_find(call->region, call->account, call->arena, id);
    if (!list)
        return resource_missing(call, &prefix_list_kind, id, err);
    if (call_number(call, "TargetVersion", 1, INT64_MAX, list->version, &version, err) < 0 ||
        take_page(call, list->entry_count, &first, &end, err) < 0)
        return -1;
    if (version != list->version)
        return call_fail(call, err, 400, "InvalidPrefixListVersion",
                         "Only the present version of %s, %d, is kept", id, (int)list->version);
    put_open(&call->answer, "entrySet");
    for (size_t i = first; i < end; i++) {
        put_open(&call->answer, "item");
        put_text(&call->answer, "cidr", list->entries[i].cidr);
        put_text(&call->answer, "description", list->entries[i].description);
        put_close(&call->answer, "item");
    }
    put_close(&call->answer, "entrySet");
    put_next(call, end, list->entry_count);
    return 0;
}
