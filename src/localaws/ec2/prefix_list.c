/* An account's own prefix lists: made, changed, deleted. Changes are there at once, so a list is never seen
 * under way; older versions are not kept. ec2/prefix_list_describe.c shows them. */
#include "localaws/ec2/prefix_list.h"
#include "localaws/ec2/cidr.h"
#include "localaws/ec2/to_plane.h"
#include "localaws/resource/copy.h"

#include "base/text.h"

#include <string.h>

static const struct field prefix_list_entry_fields[] = {
    FIELD_TEXT(struct prefix_list_entry, cidr, "cidr", REQUIRED, 64, NULL, "a block"),
    FIELD_TEXT(struct prefix_list_entry, description, "description", OPTIONAL, 255, NULL, "for people"),
    FIELD_END,
};
const struct record prefix_list_entry_record = {"prefixListEntry", sizeof(struct prefix_list_entry),
                                                prefix_list_entry_fields};

static const struct field prefix_list_fields[] = {
    RESOURCE_FIELDS(struct prefix_list),
    FIELD_TEXT(struct prefix_list, name, "name", REQUIRED, 255, NULL, "its name"),
    FIELD_TEXT(struct prefix_list, family, "family", REQUIRED, 8, NULL, "IPv4 or IPv6"),
    FIELD_INTEGER(struct prefix_list, most, "most", REQUIRED, 1, MOST_PREFIX_LIST_ENTRIES,
                  "room for entries"),
    FIELD_INTEGER(struct prefix_list, version, "version", REQUIRED, 1, 9e15, "counts changes"),
    FIELD_LIST(struct prefix_list, entries, entry_count, "entries", OPTIONAL, MOST_PREFIX_LIST_ENTRIES,
               &prefix_list_entry_record, "blocks"),
    FIELD_END,
};
static const struct record prefix_list_record = {"prefixList", sizeof(struct prefix_list),
                                                 prefix_list_fields};

static const struct filter prefix_list_filters[] = {FILTER_END}; /* described together with AWS's */

static void write_own(struct buffer *out, const struct resource *resource)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    prefix_list_write(out, (const struct prefix_list *)(const void *)resource, resource->region, arena);
}

const struct kind prefix_list_kind = {
    .number = KIND_PREFIX_LIST,
    .type = "prefix-list",
    .prefix = "pl",
    .parameter = "PrefixListId",
    .missing = "InvalidPrefixListID.NotFound",
    .set = "prefixListSet",
    .record = &prefix_list_record,
    .filters = prefix_list_filters,
    .write = write_own,
};

const struct prefix_list *prefix_list_find(struct region *region, struct account *account,
                                           struct arena *arena, const char *id)
{
    for (const struct prefix_list *const *list = prefix_lists_of_aws(region, arena); *list; list++)
        if (text_equal((*list)->resource.id, id))
            return *list;
    return resource_find(region, account, &prefix_list_kind, id);
}

const char *const *prefix_list_cidrs(struct region *region, struct account *account, struct arena *arena,
                                     const char *id)
{
    const struct prefix_list *list = prefix_list_find(region, account, arena, id);
    size_t count = list ? list->entry_count : 0;
    const char **cidrs = arena_alloc(arena, (count + 1) * sizeof *cidrs);
    for (size_t i = 0; i < count; i++)
        cidrs[i] = list->entries[i].cidr;
    return cidrs;
}

static size_t entry_at(const struct prefix_list *list, const char *cidr)
{
    size_t at = 0;
    while (at < list->entry_count && !text_equal(list->entries[at].cidr, cidr))
        at++;
    return at;
}

/* Entry.N or AddEntry.N, into a draft whose entries are in the arena and have room. */
static int take_entries(struct call *call, const char *prefix, struct prefix_list *draft, struct error *err)
{
    const char *text;
    for (size_t i = 1; (text = call_parameter(call, "%s.%zu.Cidr", prefix, i)); i++) {
        struct cidr block;
        bool six = text_equal(draft->family, "IPv6");
        if (!cidr_parse(text, &block) || (strchr(text, ':') != NULL) != six)
            return call_fail(call, err, 400, "InvalidParameterValue",
                             "The CIDR '%s' is invalid for a prefix list of %s", text, draft->family);
        char *cidr = cidr_text(call->arena, &block);
        if (entry_at(draft, cidr) < draft->entry_count)
            return call_fail(call, err, 400, "InvalidParameterValue", "The CIDR '%s' is there already", cidr);
        if (draft->entry_count >= (size_t)draft->most)
            return call_fail(call, err, 400, "PrefixListMaxEntriesExceeded",
                             "You've reached the maximum number of entries for the prefix list.");
        draft->entries[draft->entry_count++] = (struct prefix_list_entry){
            cidr, arena_strdup(call->arena, call_parameter(call, "%s.%zu.Description", prefix, i))};
    }
    return 0;
}

static int answer_list(struct call *call, const struct prefix_list *list)
{
    put_open(&call->answer, "prefixList");
    prefix_list_write(&call->answer, list, call->region, call->arena);
    put_close(&call->answer, "prefixList");
    return 0;
}

int prefix_list_create(struct call *call, struct error *err)
{
    const char *name, *family, *most, *token = call_parameter(call, "ClientToken");
    struct prefix_list draft = {.version = 1, .resource.client_token = arena_strdup(call->arena, token)};
    struct prefix_list *earlier = resource_by_token(call->region, call->account, &prefix_list_kind, token);
    if (earlier)
        return answer_list(call, earlier);
    if (call_required(call, "PrefixListName", &name, err) < 0 ||
        call_required(call, "AddressFamily", &family, err) < 0 ||
        call_required(call, "MaxEntries", &most, err) < 0 ||
        call_number(call, "MaxEntries", 1, MOST_PREFIX_LIST_ENTRIES, 1, &draft.most, err) < 0)
        return -1;
    if (text_starts(name, "com.amazonaws") || (!text_equal(family, "IPv4") && !text_equal(family, "IPv6")))
        return call_fail(call, err, 400, "InvalidParameterValue", "The name %s or the family %s is invalid",
                         name, family);
    draft.name = arena_strdup(call->arena, name);
    draft.family = arena_strdup(call->arena, family);
    draft.entries = arena_alloc(call->arena, (size_t)draft.most * sizeof *draft.entries);
    if (take_entries(call, "Entry", &draft, err) < 0 ||
        call_tags(call, "prefix-list", &draft.resource, err) < 0 ||
        draft_check(call, &prefix_list_record, &draft, err) < 0 ||
        creation_authorize(call, &prefix_list_kind, &draft.resource, err) < 0)
        return -1;
    return answer_list(call, resource_add(call->region, call->account, &prefix_list_kind, &draft));
}

static bool group_names(const struct group *group, const char *list_id)
{
    for (size_t i = 0; i < group->rule_count; i++)
        if (text_equal(group->rules[i].prefix_list, list_id))
            return true;
    return false;
}

static bool table_names(const struct route_table *table, const char *list_id)
{
    for (size_t i = 0; i < table->route_count; i++)
        if (text_equal(table->routes[i].destination, list_id))
            return true;
    return false;
}

/* Calls with every VPC that uses the list; a VPC may come more than once. */
static bool each_user(const struct prefix_list *list,
                      bool (*step)(void *context, const struct resource *user, const char *vpc_id),
                      void *context)
{
    struct account *account = list->resource.account;
    for_each_resource(struct group, group, account, &group_kind)
        if (group_names(group, list->resource.id) && !step(context, &group->resource, group->vpc_id))
            return false;
    for_each_resource(struct route_table, table, account, &route_table_kind)
        if (table_names(table, list->resource.id) && !step(context, &table->resource, table->vpc_id))
            return false;
    return true;
}

static bool tell_plane(void *context, const struct resource *user, const char *vpc_id)
{
    (void)context;
    vpc_changed(user->region, user->account, vpc_id);
    return true;
}

static bool is_no_user(void *context, const struct resource *user, const char *vpc_id)
{
    (void)context, (void)user, (void)vpc_id;
    return false;
}

static bool put_association(void *context, const struct resource *user, const char *vpc_id)
{
    struct buffer *out = context;
    (void)vpc_id;
    put_open(out, "item");
    put_text(out, "resourceId", user->id);
    put_text(out, "resourceOwner", user->account->id);
    put_close(out, "item");
    return true;
}

/* The list as the call wants it, in the arena: RemoveEntry.N out, AddEntry.N in. */
static int take_changes(struct call *call, const struct prefix_list *list, struct prefix_list *draft,
                        struct error *err)
{
    const char *text;
    *draft = (struct prefix_list){.name = list->name, .family = list->family};
    if (call_number(call, "MaxEntries", 1, MOST_PREFIX_LIST_ENTRIES, list->most, &draft->most, err) < 0 ||
        text_check(call, "PrefixListName", call_parameter(call, "PrefixListName"), 255, err) < 0)
        return -1;
    size_t room = list->entry_count + (size_t)draft->most;
    draft->entries = arena_alloc(call->arena, room * sizeof *draft->entries);
    for (size_t i = 0; i < list->entry_count; i++) {
        bool removed = false;
        for (size_t j = 1; (text = call_parameter(call, "RemoveEntry.%zu.Cidr", j)) && !removed; j++)
            removed = text_equal(text, list->entries[i].cidr);
        if (!removed)
            draft->entries[draft->entry_count++] = list->entries[i];
    }
    for (size_t j = 1; (text = call_parameter(call, "RemoveEntry.%zu.Cidr", j)); j++)
        if (entry_at(list, text) == list->entry_count)
            return call_fail(call, err, 400, "InvalidParameterValue", "The CIDR '%s' is not in the list",
                             text);
    if (draft->entry_count > (size_t)draft->most)
        return call_fail(call, err, 400, "PrefixListMaxEntriesExceeded", "The list has %zu entries",
                         draft->entry_count);
    return take_entries(call, "AddEntry", draft, err);
}

int prefix_list_modify(struct call *call, struct error *err)
{
    struct prefix_list *list, draft;
    int64_t current;
    if (resource_target(call, &prefix_list_kind, "PrefixListId", &list, err) < 0 ||
        call_number(call, "CurrentVersion", 1, INT64_MAX, list->version, &current, err) < 0)
        return -1;
    if (current != list->version)
        return call_fail(call, err, 400, "PrefixListVersionMismatch",
                         "The prefix list has the version number %d.", (int)list->version);
    if (take_changes(call, list, &draft, err) < 0)
        return -1;
    bool entries_change =
        call_parameter(call, "AddEntry.1.Cidr") || call_parameter(call, "RemoveEntry.1.Cidr");
    for (size_t i = 0; i < draft.entry_count; i++)
        record_own(&prefix_list_entry_record, &draft.entries[i]);
    list_clear(&prefix_list_entry_record, &list->entries, &list->entry_count);
    for (size_t i = 0; i < draft.entry_count; i++)
        *(struct prefix_list_entry *)list_add(&list->entries, &list->entry_count, sizeof *list->entries) =
            draft.entries[i];
    list->most = draft.most;
    list->version += entries_change;
    if (call_parameter(call, "PrefixListName"))
        text_replace(&list->name, call_parameter(call, "PrefixListName"));
    region_changed(call->region);
    each_user(list, tell_plane, NULL);
    return answer_list(call, list);
}

int prefix_list_delete(struct call *call, struct error *err)
{
    struct prefix_list *list;
    if (resource_target(call, &prefix_list_kind, "PrefixListId", &list, err) < 0)
        return -1;
    if (!each_user(list, is_no_user, NULL))
        return call_fail(call, err, 400, "DependencyViolation", "resource %s has a dependent object",
                         list->resource.id);
    answer_list(call, list);
    resource_remove(call->region, &list->resource);
    return 0;
}

int prefix_list_associations(struct call *call, struct error *err)
{
    struct prefix_list *list;
    if (resource_named(call, &prefix_list_kind, "PrefixListId", &list, err) < 0)
        return -1;
    put_open(&call->answer, "prefixListAssociationSet");
    each_user(list, put_association, &call->answer);
    put_close(&call->answer, "prefixListAssociationSet");
    return 0;
}
