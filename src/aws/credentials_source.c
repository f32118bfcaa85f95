#include "aws/credentials_source.h"

#include "aws/client.h"
#include "aws/imds.h"
#include "aws/sts.h"
#include "base/text.h"

enum { SESSION_S = 3600 };

/* Long-term keys the caller gave. */

struct static_keys {
    char *access_key_id, *secret_access_key, *session_token;
    int64_t expires_ms;
};

static int static_fetch(void *context, struct arena *arena, struct aws_keys *keys, struct error *err)
{
    (void)err;
    const struct static_keys *own = context;
    *keys = (struct aws_keys){arena_strdup(arena, own->access_key_id),
                              arena_strdup(arena, own->secret_access_key),
                              arena_strdup(arena, own->session_token), own->expires_ms};
    return 0;
}

static void static_release(void *context)
{
    struct static_keys *own = context;
    memory_free(&own->access_key_id);
    memory_wipe_free(&own->secret_access_key);
    memory_wipe_free(&own->session_token);
    free(own);
}

struct aws_credentials *aws_credentials_static(const struct aws_keys *keys)
{
    struct static_keys *own = memory_alloc(sizeof(*own));
    *own = (struct static_keys){memory_strdup(keys->access_key_id), memory_strdup(keys->secret_access_key),
                                memory_strdup(keys->session_token), keys->expires_ms};
    return aws_credentials_new(&(struct credentials_source){static_fetch, own, static_release});
}

/* The instance's role. */

static int instance_fetch(void *context, struct arena *arena, struct aws_keys *keys, struct error *err)
{
    (void)context;
    return imds_role_keys(arena, keys, err);
}

struct aws_credentials *aws_credentials_instance(void)
{
    return aws_credentials_new(&(struct credentials_source){instance_fetch, NULL, NULL});
}

/* The standard chain: the first that has keys. */

static int environment_fetch(struct arena *arena, struct aws_keys *keys, struct error *err)
{
    const char *id = getenv("AWS_ACCESS_KEY_ID"), *secret = getenv("AWS_SECRET_ACCESS_KEY");
    const char *token = getenv("AWS_SESSION_TOKEN");
    if (text_empty(id) || text_empty(secret))
        return error_set(err, ERROR_NOT_FOUND, "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set");
    *keys = (struct aws_keys){arena_strdup(arena, id), arena_strdup(arena, secret),
                              text_empty(token) ? NULL : arena_strdup(arena, token), 0};
    return 0;
}

static int default_fetch(void *context, struct arena *arena, struct aws_keys *keys, struct error *err)
{
    struct error why = {0};
    if (environment_fetch(arena, keys, &why) == 0 || credentials_file_read(arena, keys, &why) == 0)
        return 0;
    if (why.kind != ERROR_NOT_FOUND)
        return error_set(err, why.kind, "%s", why.message);
    bool asks_instance = !text_equal_nocase(getenv("AWS_EC2_METADATA_DISABLED"), "true");
    if (!asks_instance || instance_fetch(context, arena, keys, &why) < 0)
        return error_set(
            err, ERROR_UNAUTHENTICATED,
            "no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE with "
            "~/.aws/credentials, or run on an instance with a role (%s)",
            why.message);
    return 0;
}

struct aws_credentials *aws_credentials_default(void)
{
    return aws_credentials_new(&(struct credentials_source){default_fetch, NULL, NULL});
}

/* A session of a role. */

struct assumed_role {
    struct aws_client *client;
    struct error refusal; /* why there is no client */
    char *role_arn, *session_name, *external_id;
};

static int assumed_fetch(void *context, struct arena *arena, struct aws_keys *keys, struct error *err)
{
    struct assumed_role *role = context;
    if (!role->client)
        return error_set(err, role->refusal.kind, "%s", role->refusal.message);
    return sts_assume_role(role->client, arena, role->role_arn, role->session_name, role->external_id,
                           SESSION_S, keys, err);
}

static void assumed_release(void *context)
{
    struct assumed_role *role = context;
    aws_client_free(&role->client);
    memory_free(&role->role_arn);
    memory_free(&role->session_name);
    memory_wipe_free(&role->external_id);
    free(role);
}

struct aws_credentials *aws_credentials_assume_role(struct aws_credentials *source, const char *region,
                                                    const char *role_arn, const char *session_name,
                                                    const char *external_id)
{
    struct assumed_role *role = memory_alloc(sizeof(*role));
    role->role_arn = memory_strdup(role_arn);
    role->session_name = memory_strdup(session_name);
    role->external_id = memory_strdup(external_id);
    aws_client_new(source, region, &role->client, &role->refusal);
    return aws_credentials_new(&(struct credentials_source){assumed_fetch, role, assumed_release});
}
