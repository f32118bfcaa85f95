#include "localaws/iam/iam.h"

#include "base/clock.h"
#include "base/text.h"
#include "localaws/front/keys.h"
#include "localaws/resource/answer.h"
#include "localaws/resource/authorize.h"

enum { KEYS_MOST = 2 };

static const struct iam_naming naming = {"UserName", "user", "AIDAX", 64};

static void put_user(struct call *call, const char *name, const struct principal *user)
{
    struct buffer *out = &call->answer;
    put_open(out, name);
    put_text(out, "Path", user->path);
    put_text(out, "UserName", user->name);
    put_text(out, "UserId", user->id);
    put_text(out, "Arn", user->arn);
    put_time(out, "CreateDate", user->created_ms);
    put_tag_members(out, user->tags, user->tag_count);
    put_close(out, name);
}

/* Without UserName a user means itself. */
int iam_target_user(struct call *call, struct principal **user, struct error *err)
{
    const char *name = call_parameter(call, "UserName");
    struct table *users = &iam_of(call->account)->users;
    if (name)
        *user = table_get(users, name);
    else if (call->caller->kind == CALLER_USER)
        *user = iam_principal(call->region, call->caller->principal_arn);
    else
        return call_fail(call, err, 400, "ValidationError",
                         "Must specify userName when calling with non-User credentials");
    const char *arn =
        *user ? (*user)->arn : arena_format(call->arena, "arn:aws:iam::%s:user/%s", call->account->id, name);
    if (iam_authorize(call, arn, err) < 0)
        return -1;
    return *user ? 0
                 : call_fail(call, err, 404, "NoSuchEntity", "The user with name %.200s cannot be found.",
                             name);
}

int create_user(struct call *call, struct error *err)
{
    struct iam_names names;
    struct principal draft = {.created_ms = clock_now_ms()};
    if (iam_name_new(call, &naming, &names, err) < 0 ||
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
    put_user(call, "User", principal_add(call->account, users, &draft));
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
    put_user(call, "User", user);
    return 0;
}

int list_users(struct call *call, struct error *err)
{
    if (iam_authorize(call, arena_format(call->arena, "arn:aws:iam::%s:user/", call->account->id), err) < 0)
        return -1;
    const char *prefix = call_parameter(call, "PathPrefix");
    put_open(&call->answer, "Users");
    const struct principal *user;
    for (size_t at = 0; (user = table_next(&iam_of(call->account)->users, &at));)
        if (!prefix || text_starts(user->path, prefix))
            put_user(call, "member", user);
    put_close(&call->answer, "Users");
    put_bool(&call->answer, "IsTruncated", false);
    return 0;
}

int delete_user(struct call *call, struct error *err)
{
    struct principal *user;
    if (iam_target_user(call, &user, err) < 0)
        return -1;
    if (user->attached_count || user->inline_count || keys_of(call->region, call->arena, user->arn)[0])
        return call_fail(call, err, 409, "DeleteConflict",
                         "Cannot delete entity, must delete access keys and policies first.");
    principal_remove(&iam_of(call->account)->users, user);
    region_changed(call->region);
    return 0;
}

int create_access_key(struct call *call, struct error *err)
{
    struct principal *user;
    if (iam_target_user(call, &user, err) < 0)
        return -1;
    const char **had = keys_of(call->region, call->arena, user->arn);
    if (had[0] && had[1])
        return call_fail(call, err, 409, "LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: %d",
                         KEYS_MOST);
    const struct access_key key = {
        .id = key_new_id(call->arena, "AKIA"),
        .secret = key_new_secret(call->arena),
        .caller = {.kind = CALLER_USER,
                   .account = call->account,
                   .arn = user->arn,
                   .principal_arn = user->arn,
                   .user_id = user->id},
    };
    key_add(call->region, &key);
    struct buffer *out = &call->answer;
    put_open(out, "AccessKey");
    put_text(out, "UserName", user->name);
    put_text(out, "AccessKeyId", key.id);
    put_text(out, "Status", "Active");
    put_text(out, "SecretAccessKey", key.secret);
    put_time(out, "CreateDate", clock_now_ms());
    put_close(out, "AccessKey");
    return 0;
}

int list_access_keys(struct call *call, struct error *err)
{
    struct principal *user;
    if (iam_target_user(call, &user, err) < 0)
        return -1;
    const char **keys = keys_of(call->region, call->arena, user->arn);
    put_open(&call->answer, "AccessKeyMetadata");
    for (; *keys; keys++) {
        put_open(&call->answer, "member");
        put_text(&call->answer, "UserName", user->name);
        put_text(&call->answer, "AccessKeyId", *keys);
        put_text(&call->answer, "Status", "Active");
        put_time(&call->answer, "CreateDate", user->created_ms);
        put_close(&call->answer, "member");
    }
    put_close(&call->answer, "AccessKeyMetadata");
    put_bool(&call->answer, "IsTruncated", false);
    return 0;
}

int delete_access_key(struct call *call, struct error *err)
{
    struct principal *user;
    const char *id;
    if (iam_target_user(call, &user, err) < 0 || call_required(call, "AccessKeyId", &id, err) < 0)
        return -1;
    for (const char **keys = keys_of(call->region, call->arena, user->arn); *keys; keys++)
        if (text_equal(*keys, id)) {
            key_remove(call->region, id);
            return 0;
        }
    return call_fail(call, err, 404, "NoSuchEntity", "The Access Key with id %.200s cannot be found.", id);
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
    put_tag_members(&call->answer, user->tags, user->tag_count);
    put_bool(&call->answer, "IsTruncated", false);
    return 0;
}
