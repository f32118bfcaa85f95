#include "localaws/iam/iam.h"

#include "base/clock.h"
#include "base/text.h"
#include "localaws/front/keys.h"
#include "localaws/iam/list.h"
#include "localaws/resource/answer.h"
#include "localaws/resource/authorize.h"

#include <string.h>

static const struct iam_naming naming = {"UserName", "user", "AIDAX", 64};

static void put_user_inside(struct call *call, const struct principal *user, bool whole)
{
    struct buffer *out = &call->answer;
    put_text(out, "Path", user->path);
    put_text(out, "UserName", user->name);
    put_text(out, "UserId", user->id);
    put_text(out, "Arn", user->arn);
    put_time(out, "CreateDate", user->created_ms);
    if (!whole)
        return;
    put_boundary(call, user);
    put_tag_members(out, user->tags, user->tag_count);
}

/* Lists leave out tags and boundaries, as AWS's do. */
void put_user(struct call *call, const char *element, const void *user)
{
    put_open(&call->answer, element);
    put_user_inside(call, user, false);
    put_close(&call->answer, element);
}

static void put_whole_user(struct call *call, const struct principal *user)
{
    put_open(&call->answer, "User");
    put_user_inside(call, user, true);
    put_close(&call->answer, "User");
}

static struct table *users_of(struct iam *iam)
{
    return &iam->users;
}

/* Without UserName a user means itself. */
int iam_target_user(struct call *call, struct principal **user, struct error *err)
{
    static const struct iam_target target = {"user", users_of};
    const char *name = call_parameter(call, "UserName");
    if (!name && call->caller->kind != CALLER_USER)
        return call_fail(call, err, 400, "ValidationError",
                         "Must specify userName when calling with non-User credentials");
    if (!name)
        name = strrchr(call->caller->principal_arn, '/') + 1;
    return iam_target_principal(call, &target, name, user, err);
}

int create_user(struct call *call, struct error *err)
{
    struct iam_names names;
    const char *boundary;
    struct principal draft = {.created_ms = clock_now_ms()};
    if (iam_name_new(call, &naming, &names, err) < 0 || iam_boundary(call, &boundary, err) < 0 ||
        call_tag_list(call, "Tags.member", &draft.tags, &draft.tag_count, err) < 0)
        return -1;
    struct table *users = &iam_of(call->account)->users;
    if (table_get(users, names.name))
        return call_fail(call, err, 409, "EntityAlreadyExists", "User with name %s already exists.",
                         names.name);
    draft.name = names.name;
    draft.path = names.path;
    draft.id = names.id;
    draft.arn = names.arn;
    draft.boundary = (char *)boundary;
    iam_boundary_count(call, boundary, 1);
    put_whole_user(call, principal_add(call->account, users, &draft));
    region_changed(call->region);
    return 0;
}

int get_user(struct call *call, struct error *err)
{
    struct principal *user;
    if (call->caller->kind == CALLER_ROOT && !call_parameter(call, "UserName")) {
        put_open(&call->answer, "User");
        put_text(&call->answer, "Path", "/");
        put_text(&call->answer, "UserId", call->account->id);
        put_text(&call->answer, "Arn", call->caller->arn);
        put_time(&call->answer, "CreateDate", 0);
        put_close(&call->answer, "User");
        return 0;
    }
    if (iam_target_user(call, &user, err) < 0)
        return -1;
    put_whole_user(call, user);
    return 0;
}

int list_users(struct call *call, struct error *err)
{
    return iam_list_principals(call, &iam_of(call->account)->users, "user", "Users", put_user, err);
}

int delete_user(struct call *call, struct error *err)
{
    struct principal *user;
    if (iam_target_user(call, &user, err) < 0)
        return -1;
    const struct {
        bool there;
        const char *what;
    } conflicts[] = {
        {keys_of(call->region, call->arena, user->arn)[0], "delete access keys"},
        {user->attached_count, "detach all policies"},
        {user->inline_count, "delete policies"},
        {user->group_count, "remove users from group"},
    };
    for (size_t i = 0; i < COUNT_OF(conflicts); i++)
        if (conflicts[i].there)
            return call_fail(call, err, 409, "DeleteConflict", "Cannot delete entity, must %s first.",
                             conflicts[i].what);
    iam_boundary_count(call, user->boundary, -1);
    principal_remove(&iam_of(call->account)->users, user);
    region_changed(call->region);
    return 0;
}

int tag_user(struct call *call, struct error *err)
{
    struct principal *user;
    if (iam_target_user(call, &user, err) < 0 || iam_tag(call, &user->tags, &user->tag_count, err) < 0)
        return -1;
    region_changed(call->region);
    return 0;
}

int untag_user(struct call *call, struct error *err)
{
    struct principal *user;
    if (iam_target_user(call, &user, err) < 0)
        return -1;
    iam_untag(call, &user->tags, &user->tag_count);
    region_changed(call->region);
    return 0;
}

int list_user_tags(struct call *call, struct error *err)
{
    struct principal *user;
    if (iam_target_user(call, &user, err) < 0)
        return -1;
    return iam_list_tags(call, user->tags, user->tag_count, err);
}
