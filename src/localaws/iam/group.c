/* Groups: policies for several users. A user knows its groups by name. */
#include "localaws/iam/iam.h"

#include "base/clock.h"
#include "base/text.h"
#include "localaws/iam/list.h"
#include "localaws/resource/answer.h"

enum { GROUPS_OF_USER_MOST = 10 };

static const struct iam_naming naming = {"GroupName", "group", "AGPAX", 128};

void put_group(struct call *call, const char *element, const void *item)
{
    const struct principal *group = item;
    struct buffer *out = &call->answer;
    put_open(out, element);
    put_text(out, "Path", group->path);
    put_text(out, "GroupName", group->name);
    put_text(out, "GroupId", group->id);
    put_text(out, "Arn", group->arn);
    put_time(out, "CreateDate", group->created_ms);
    put_close(out, element);
}

static struct table *groups_of(struct iam *iam)
{
    return &iam->groups;
}

int iam_target_group(struct call *call, struct principal **group, struct error *err)
{
    static const struct iam_target target = {"group", groups_of};
    const char *name;
    if (call_required(call, "GroupName", &name, err) < 0)
        return -1;
    return iam_target_principal(call, &target, name, group, err);
}

int create_group(struct call *call, struct error *err)
{
    struct iam_names names;
    if (iam_name_new(call, &naming, &names, err) < 0)
        return -1;
    struct table *groups = &iam_of(call->account)->groups;
    if (table_get(groups, names.name))
        return call_fail(call, err, 409, "EntityAlreadyExists", "Group with name %s already exists.",
                         names.name);
    const struct principal draft = {.created_ms = clock_now_ms(),
                                    .name = names.name,
                                    .path = names.path,
                                    .id = names.id,
                                    .arn = names.arn};
    put_group(call, "Group", principal_add(call->account, groups, &draft));
    region_changed(call->region);
    return 0;
}

static bool is_member(const struct principal *user, const struct principal *group)
{
    return list_has_text(user->groups, user->group_count, group->name);
}

int get_group(struct call *call, struct error *err)
{
    struct principal *group;
    struct iam_list list;
    if (iam_target_group(call, &group, err) < 0 || iam_list_begin(call, &list, err) < 0)
        return -1;
    const struct principal *user;
    for (size_t at = 0; (user = table_next(&iam_of(call->account)->users, &at));)
        if (is_member(user, group))
            iam_list_add(&list, user->name, user);
    put_group(call, "Group", group);
    iam_list_put(&list, "Users", put_user);
    return 0;
}

int list_groups(struct call *call, struct error *err)
{
    return iam_list_principals(call, &iam_of(call->account)->groups, "group", "Groups", put_group, err);
}

int delete_group(struct call *call, struct error *err)
{
    struct principal *group;
    if (iam_target_group(call, &group, err) < 0)
        return -1;
    if (group->attached_count || group->inline_count)
        return call_fail(call, err, 409, "DeleteConflict", "Cannot delete entity, must %s first.",
                         group->attached_count ? "detach all policies" : "delete policies");
    const struct principal *user;
    for (size_t at = 0; (user = table_next(&iam_of(call->account)->users, &at));)
        if (is_member(user, group))
            return call_fail(call, err, 409, "DeleteConflict",
                             "Cannot delete entity, must remove users from group first.");
    principal_remove(&iam_of(call->account)->groups, group);
    region_changed(call->region);
    return 0;
}

/* The right asked for is over the group. */
static int target_member(struct call *call, struct principal **group, struct principal **user,
                         struct error *err)
{
    const char *name;
    if (iam_target_group(call, group, err) < 0 || call_required(call, "UserName", &name, err) < 0)
        return -1;
    *user = table_get(&iam_of(call->account)->users, name);
    return *user ? 0
                 : call_fail(call, err, 404, "NoSuchEntity", "The user with name %.200s cannot be found.",
                             name);
}

int add_user_to_group(struct call *call, struct error *err)
{
    struct principal *group, *user;
    if (target_member(call, &group, &user, err) < 0)
        return -1;
    if (is_member(user, group))
        return 0;
    if (user->group_count >= GROUPS_OF_USER_MOST)
        return call_fail(call, err, 409, "LimitExceeded", "Cannot exceed quota for GroupsPerUser: %d",
                         GROUPS_OF_USER_MOST);
    list_add_text(&user->groups, &user->group_count, group->name);
    region_changed(call->region);
    return 0;
}

int remove_user_from_group(struct call *call, struct error *err)
{
    struct principal *group, *user;
    if (target_member(call, &group, &user, err) < 0)
        return -1;
    for (size_t i = user->group_count; i-- > 0;)
        if (text_equal(user->groups[i], group->name))
            list_remove(&text_record, &user->groups, &user->group_count, i);
    region_changed(call->region);
    return 0;
}

int list_groups_for_user(struct call *call, struct error *err)
{
    struct principal *user;
    struct iam_list list;
    if (iam_target_user(call, &user, err) < 0 || iam_list_begin(call, &list, err) < 0)
        return -1;
    for (size_t i = 0; i < user->group_count; i++) {
        const struct principal *group = table_get(&iam_of(call->account)->groups, user->groups[i]);
        if (group)
            iam_list_add(&list, group->name, group);
    }
    iam_list_put(&list, "Groups", put_group);
    return 0;
}
