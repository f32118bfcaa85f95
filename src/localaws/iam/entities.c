/* Who has a managed policy: groups, users and roles, in one paged list of three kinds. */
#include "localaws/iam/list.h"

#include "base/text.h"
#include "localaws/resource/answer.h"

/* What is asked for. */
struct search {
    struct iam_list list;
    const char *arn, *prefix;
    bool permissions, boundaries;
};

static const struct entity {
    const char *filter, *list, *name, *id, *order;
    size_t table; /* in struct iam */
} kinds[] = {
    {"Group", "PolicyGroups", "GroupName", "GroupId", "g", offsetof(struct iam, groups)},
    {"User", "PolicyUsers", "UserName", "UserId", "u", offsetof(struct iam, users)},
    {"Role", "PolicyRoles", "RoleName", "RoleId", "r", offsetof(struct iam, roles)},
};

static void find(struct call *call, const struct entity *kind, struct search *search)
{
    const struct table *table = (const void *)((const char *)iam_of(call->account) + kind->table);
    const struct principal *principal;
    for (size_t at = 0; (principal = table_next(table, &at));) {
        bool attached = list_has_text(principal->attached, principal->attached_count, search->arn);
        bool bounds = text_equal(principal->boundary, search->arn);
        if (!(attached && search->permissions) && !(bounds && search->boundaries))
            continue;
        if (!search->prefix || text_starts(principal->path, search->prefix))
            iam_list_add(&search->list, arena_format(call->arena, "%s/%s", kind->order, principal->name),
                         principal);
    }
}

static void put(struct call *call, const struct entity *kind, const struct search *search, size_t count)
{
    struct buffer *out = &call->answer;
    put_open(out, kind->list);
    for (size_t i = 0; i < count; i++) {
        const struct principal *principal = search->list.entries[i].item;
        if (*search->list.entries[i].name != *kind->order)
            continue;
        put_open(out, "member");
        put_text(out, kind->name, principal->name);
        put_text(out, kind->id, principal->id);
        put_close(out, "member");
    }
    put_close(out, kind->list);
}

int list_entities_for_policy(struct call *call, struct error *err)
{
    struct managed_policy *policy;
    struct search search = {.prefix = call_parameter(call, "PathPrefix")};
    const char *only = call_parameter(call, "EntityFilter"),
               *usage = call_parameter(call, "PolicyUsageFilter");
    if (iam_target_policy(call, &policy, err) < 0 || iam_list_begin(call, &search.list, err) < 0)
        return -1;
    search.arn = policy->arn;
    search.permissions = !text_equal(usage, "PermissionsBoundary");
    search.boundaries = !text_equal(usage, "PermissionsPolicy");
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        if (!only || text_equal(only, kinds[i].filter))
            find(call, &kinds[i], &search);
    size_t count = iam_list_page(&search.list);
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        put(call, &kinds[i], &search, count);
    iam_list_end(&search.list);
    return 0;
}
