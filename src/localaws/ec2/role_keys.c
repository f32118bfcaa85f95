/* The keys of an instance's role, as the metadata service gives them: kept until ten minutes before they
 * expire, so that asking often does not make many. */
#include "localaws/ec2/metadata.h"

#include "base/clock.h"
#include "base/text.h"

#include <string.h>

enum { RENEW_BEFORE_MS = 10 * 60 * 1000 };

struct kept_keys {
    char *profile_arn, *role, *access_key_id, *secret_access_key, *session_token;
    int64_t expires_ms;
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

static struct kept_keys *renew(struct instance *instance, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct role_keys keys;
    char *role;
    if (iam_instance_role_keys(instance->resource.region, instance->resource.account->id,
                               instance->profile_arn, instance->resource.id, arena, &keys, &role, err) < 0)
        return NULL;
    struct kept_keys *kept = memory_alloc(sizeof *kept);
    *kept = (struct kept_keys){
        memory_strdup(instance->profile_arn), memory_strdup(role),
        memory_strdup(keys.access_key_id),    memory_strdup(keys.secret_access_key),
        memory_strdup(keys.session_token),    keys.expires_ms,
    };
    struct table *table = &registry_of(instance->resource.region)->role_keys;
    forget(table_remove(table, instance->resource.id));
    table_put(table, instance->resource.id, kept);
    return kept;
}

int instance_role_keys(struct instance *instance, struct arena *arena, struct role_keys *keys,
                       const char **role, struct error *err)
{
    if (!instance->profile_arn)
        return error_set(err, ERROR_NOT_FOUND, "%s has no instance profile", instance->resource.id);
    struct kept_keys *kept =
        table_get(&registry_of(instance->resource.region)->role_keys, instance->resource.id);
    if (!kept || kept->expires_ms - RENEW_BEFORE_MS < clock_now_ms() ||
        !text_equal(kept->profile_arn, instance->profile_arn))
        kept = renew(instance, err);
    if (!kept)
        return -1;
    *role = arena_strdup(arena, kept->role);
    *keys = (struct role_keys){arena_strdup(arena, kept->access_key_id),
                               arena_strdup(arena, kept->secret_access_key),
                               arena_strdup(arena, kept->session_token), kept->expires_ms};
    return 0;
}

void instance_forget_role_keys(struct instance *instance)
{
    forget(table_remove(&registry_of(instance->resource.region)->role_keys, instance->resource.id));
}
