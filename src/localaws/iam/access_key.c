/* Users' access keys. */
#include "localaws/iam/iam.h"

#include "base/clock.h"
#include "base/text.h"
#include "localaws/front/keys.h"
#include "localaws/iam/list.h"
#include "localaws/resource/answer.h"

#include <string.h>

enum { KEYS_MOST = 2 };

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
        .created_ms = clock_now_ms(),
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
    put_time(out, "CreateDate", key.created_ms);
    put_close(out, "AccessKey");
    return 0;
}

/* One of the caller's target's. */
static int target_key(struct call *call, const char **id, struct error *err)
{
    struct principal *user;
    if (iam_target_user(call, &user, err) < 0 || call_required(call, "AccessKeyId", id, err) < 0)
        return -1;
    for (const char **keys = keys_of(call->region, call->arena, user->arn); *keys; keys++)
        if (text_equal(*keys, *id))
            return 0;
    return call_fail(call, err, 404, "NoSuchEntity", "The Access Key with id %.200s cannot be found.", *id);
}

int update_access_key(struct call *call, struct error *err)
{
    const char *id, *status;
    if (target_key(call, &id, err) < 0 || call_required(call, "Status", &status, err) < 0)
        return -1;
    if (!text_equal(status, "Active") && !text_equal(status, "Inactive"))
        return call_fail(call, err, 400, "ValidationError", "Status is Active or Inactive");
    key_set_inactive(call->region, id, text_equal(status, "Inactive"));
    return 0;
}

static void put_key(struct call *call, const char *element, const void *item)
{
    const struct access_key *key = item;
    put_open(&call->answer, element);
    put_text(&call->answer, "UserName", strrchr(key->caller.arn, '/') + 1);
    put_text(&call->answer, "AccessKeyId", key->id);
    put_text(&call->answer, "Status", key->inactive ? "Inactive" : "Active");
    put_time(&call->answer, "CreateDate", key->created_ms);
    put_close(&call->answer, element);
}

int list_access_keys(struct call *call, struct error *err)
{
    struct principal *user;
    struct iam_list list;
    if (iam_target_user(call, &user, err) < 0 || iam_list_begin(call, &list, err) < 0)
        return -1;
    for (const char **keys = keys_of(call->region, call->arena, user->arn); *keys; keys++) {
        struct access_key *key = arena_alloc(call->arena, sizeof *key);
        if (key_find(call->region, call->arena, *keys, key) == 0)
            iam_list_add(&list, *keys, key);
    }
    iam_list_put(&list, "AccessKeyMetadata", put_key);
    return 0;
}

int delete_access_key(struct call *call, struct error *err)
{
    const char *id;
    if (target_key(call, &id, err) < 0)
        return -1;
    key_remove(call->region, id);
    return 0;
}
