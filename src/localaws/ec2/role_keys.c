/* The keys of an instance as the metadata service gives them: its role's, and those of the instance itself
 * (aws:ec2-instance). They are kept until a while before they expire, so that asking often does not make many
 * and whoever asks in time always has keys that work. */
#include "localaws/ec2/metadata.h"

#include "base/clock.h"
#include "base/text.h"

#include <string.h>

enum { RENEW_BEFORE_MS = 10 * 60 * 1000 };

struct kept_keys {
    char *profile_arn, *role, *access_key_id, *secret_access_key, *session_token;
    int64_t made_ms, expires_ms;
};

static void forget(struct kept_keys *kept)
{
    if (!kept)
        return;
    memory_free(&kept->profile_arn);
    memory_free(&kept->role);
    memory_free(&kept->access_key_id);
    memory_wipe_free(&kept->secret_access_key);
    memory_wipe_free(&kept->session_token);
    free(kept);
}

static struct table *kept_table(const struct instance *instance)
{
    return &registry_of(instance->resource.region)->role_keys;
}

/* Where the table has them: the role's under the instance's id. */
static char *kept_name(struct arena *arena, const struct instance *instance, bool own)
{
    return arena_format(arena, "%s%s", instance->resource.id, own ? " itself" : "");
}

/* Ten minutes before they expire, or when a third of a short life is left. */
static bool is_stale(const struct kept_keys *kept, const struct instance *instance, bool own)
{
    int64_t third = (kept->expires_ms - kept->made_ms) / 3;
    return kept->expires_ms - (third < RENEW_BEFORE_MS ? third : RENEW_BEFORE_MS) < clock_now_ms() ||
           (!own && !text_equal(kept->profile_arn, instance->profile_arn));
}

static struct kept_keys *renew(struct instance *instance, bool own, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct region *region = instance->resource.region;
    const char *account = instance->resource.account->id;
    struct role_keys keys;
    char *role = arena_strdup(arena, "ec2-instance");
    if (own)
        iam_instance_identity_keys(region, account, instance->resource.id, arena, &keys);
    else if (iam_instance_role_keys(region, account, instance->profile_arn, instance->resource.id, arena,
                                    &keys, &role, err) < 0)
        return NULL;
    struct kept_keys *kept = memory_alloc(sizeof *kept);
    *kept = (struct kept_keys){
        .profile_arn = memory_strdup(instance->profile_arn),
        .role = memory_strdup(role),
        .access_key_id = memory_strdup(keys.access_key_id),
        .secret_access_key = memory_strdup(keys.secret_access_key),
        .session_token = memory_strdup(keys.session_token),
        .made_ms = clock_now_ms(),
        .expires_ms = keys.expires_ms,
    };
    const char *name = kept_name(arena, instance, own);
    forget(table_remove(kept_table(instance), name));
    table_put(kept_table(instance), name, kept);
    return kept;
}

int instance_keys(struct instance *instance, struct arena *arena, bool own, struct instance_keys *keys,
                  struct error *err)
{
    if (!own && !instance->profile_arn)
        return error_set(err, ERROR_NOT_FOUND, "%s has no instance profile", instance->resource.id);
    struct kept_keys *kept = table_get(kept_table(instance), kept_name(arena, instance, own));
    if (!kept || is_stale(kept, instance, own))
        kept = renew(instance, own, err);
    if (!kept)
        return -1;
    *keys = (struct instance_keys){
        .role = arena_strdup(arena, kept->role),
        .keys = {arena_strdup(arena, kept->access_key_id), arena_strdup(arena, kept->secret_access_key),
                 arena_strdup(arena, kept->session_token), kept->expires_ms},
        .made_ms = kept->made_ms,
    };
    return 0;
}

void instance_forget_role_keys(struct instance *instance)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    for (int own = 0; own <= 1; own++)
        forget(table_remove(kept_table(instance), kept_name(arena, instance, own)));
}
