#include "localaws/front/keys.h"

#include "base/clock.h"
#include "base/random.h"
#include "base/text.h"
#include "localaws/front/session.h"
#include "localaws/resource/copy.h"

#include <string.h>

/* As stored: an access_key whose texts are its own. */
static void stored_key_free(struct access_key *key)
{
    const void *texts[] = {key->id, key->caller.arn, key->caller.principal_arn, key->caller.user_id,
                           key->caller.source_identity};
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        free((void *)texts[i]);
    if (key->caller.scope) {
        record_release(&session_scope_record, (struct session_scope *)key->caller.scope);
        free((struct session_scope *)key->caller.scope);
    }
    cleanup(memory_wipe_free) char *secret = (char *)key->secret;
    cleanup(memory_wipe_free) char *token = (char *)key->token;
    free(key);
}

char *key_new_id(struct arena *arena, const char *prefix)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    unsigned char bytes[16];
    random_bytes(bytes, sizeof bytes);
    char text[sizeof bytes + 1] = "";
    for (size_t i = 0; i < sizeof bytes; i++)
        text[i] = alphabet[bytes[i] % 32];
    return arena_format(arena, "%s%s", prefix, text);
}

char *key_new_secret(struct arena *arena)
{
    unsigned char bytes[30];
    random_bytes(bytes, sizeof bytes);
    return base64_encode(arena, bytes, sizeof bytes);
}

static void release_scope(void *scope)
{
    record_release(&session_scope_record, scope);
}

/* One of its own for the arena, since the session may end meanwhile. */
static const struct session_scope *copy_scope(struct arena *arena, const struct session_scope *scope)
{
    if (!scope)
        return NULL;
    struct session_scope *copy = arena_alloc(arena, sizeof *copy);
    *copy = *scope;
    record_own(&session_scope_record, copy);
    arena_defer(arena, release_scope, copy);
    return copy;
}

static const struct session_scope *own_scope(const struct session_scope *scope)
{
    if (!scope)
        return NULL;
    struct session_scope *own = memory_alloc(sizeof *own);
    *own = *scope;
    record_own(&session_scope_record, own);
    return own;
}

int key_find(struct region *region, struct arena *arena, const char *id, struct access_key *key)
{
    region_lock(region);
    cleanup(region_unlock) struct region *locked = region;
    const struct access_key *stored = table_get(&locked->access_keys, id);
    if (!stored)
        return -1;
    *key = (struct access_key){
        .id = arena_strdup(arena, stored->id),
        .secret = arena_strdup(arena, stored->secret),
        .token = arena_strdup(arena, stored->token),
        .expires_ms = stored->expires_ms,
        .created_ms = stored->created_ms,
        .inactive = stored->inactive,
        .caller =
            {
                .kind = stored->caller.kind,
                .account = stored->caller.account,
                .arn = arena_strdup(arena, stored->caller.arn),
                .principal_arn = arena_strdup(arena, stored->caller.principal_arn),
                .user_id = arena_strdup(arena, stored->caller.user_id),
                .source_identity = arena_strdup(arena, stored->caller.source_identity),
                .session_began_ms = stored->caller.session_began_ms,
                .scope = copy_scope(arena, stored->caller.scope),
            },
    };
    key->caller.access_key_id = key->id;
    return 0;
}

/* Expired sessions go when there are many keys, so that the table stays in proportion to what is alive. */
static void sweep(struct region *region)
{
    int64_t now_ms = clock_now_ms();
    struct access_key *key;
    for (size_t at = 0; (key = table_next(&region->access_keys, &at));)
        if (key->token && key->expires_ms < now_ms)
            key_remove(region, key->id);
}

void key_add(struct region *region, const struct access_key *key)
{
    region_lock(region);
    cleanup(region_unlock) struct region *locked = region;
    if (locked->access_keys.count >= 256 && locked->access_keys.used == locked->access_keys.room)
        sweep(locked);
    struct access_key *stored = memory_alloc(sizeof *stored);
    *stored = (struct access_key){
        .id = memory_strdup(key->id),
        .secret = memory_strdup(key->secret),
        .token = memory_strdup(key->token),
        .expires_ms = key->expires_ms,
        .created_ms = key->created_ms,
        .inactive = key->inactive,
        .caller =
            {
                .kind = key->caller.kind,
                .account = key->caller.account,
                .arn = memory_strdup(key->caller.arn),
                .principal_arn = memory_strdup(key->caller.principal_arn),
                .user_id = memory_strdup(key->caller.user_id),
                .source_identity = memory_strdup(key->caller.source_identity),
                .session_began_ms = key->caller.session_began_ms,
                .scope = own_scope(key->caller.scope),
            },
    };
    table_put(&locked->access_keys, stored->id, stored);
    module_changed(locked, MODULE_IAM);
}

void key_set_inactive(struct region *region, const char *id, bool inactive)
{
    region_lock(region);
    cleanup(region_unlock) struct region *locked = region;
    struct access_key *stored = table_get(&locked->access_keys, id);
    if (!stored || stored->inactive == inactive)
        return;
    stored->inactive = inactive;
    region_changed(locked);
}

void key_remove(struct region *region, const char *id)
{
    region_lock(region);
    cleanup(region_unlock) struct region *locked = region;
    struct access_key *stored = table_remove(&locked->access_keys, id);
    if (!stored)
        return;
    stored_key_free(stored);
    module_changed(locked, MODULE_IAM);
}

const char **keys_of(struct region *region, struct arena *arena, const char *principal_arn)
{
    const char **ids = arena_alloc(arena, (region->access_keys.count + 1) * sizeof *ids);
    size_t count = 0;
    const struct access_key *key;
    for (size_t at = 0; (key = table_next(&region->access_keys, &at));)
        if (!key->token && text_equal(key->caller.principal_arn, principal_arn))
            ids[count++] = arena_strdup(arena, key->id);
    return ids;
}

static const char *const kinds[] = {
    [CALLER_ROOT] = "root",       [CALLER_USER] = "user",           [CALLER_ROLE] = "role",
    [CALLER_SERVICE] = "service", [CALLER_FEDERATED] = "federated", NULL};

/* What is written of a key: flat, unlike the struct. */
struct saved_key {
    char *id, *secret, *token, *arn, *principal_arn, *user_id, *source_identity;
    int64_t expires_ms, created_ms, began_ms;
    int kind;
    bool inactive;
    struct session_scope *scope;
};

static const struct field saved_key_fields[] = {
    FIELD_TEXT(struct saved_key, id, "id", REQUIRED, 32, NULL, "access key id"),
    FIELD_TEXT(struct saved_key, secret, "secret", REQUIRED, 64, NULL, "secret access key"),
    FIELD_TEXT(struct saved_key, token, "token", OPTIONAL, 4096, NULL, "a session's token"),
    FIELD_INTEGER(struct saved_key, expires_ms, "expires", OPTIONAL, 0, 1e15, "a session's end"),
    FIELD_INTEGER(struct saved_key, created_ms, "created", OPTIONAL, 0, 1e15, "when a user's was made"),
    FIELD_BOOL(struct saved_key, inactive, "inactive", OPTIONAL, "not to be used for now"),
    FIELD_INTEGER(struct saved_key, began_ms, "began", OPTIONAL, 0, 1e15, "a session's begin"),
    FIELD_ENUM(struct saved_key, kind, "kind", REQUIRED, kinds, "whose key it is"),
    FIELD_TEXT(struct saved_key, arn, "arn", REQUIRED, 2048, NULL, "the caller's ARN"),
    FIELD_TEXT(struct saved_key, principal_arn, "principal", REQUIRED, 2048, NULL,
               "the user's or role's ARN"),
    FIELD_TEXT(struct saved_key, user_id, "userId", REQUIRED, 256, NULL, "unique id"),
    FIELD_TEXT(struct saved_key, source_identity, "sourceIdentity", OPTIONAL, 64, NULL,
               "given by AssumeRole"),
    FIELD_RECORD(struct saved_key, scope, "session", OPTIONAL, &session_scope_record,
                 "what narrows or marks it"),
    FIELD_END,
};
static const struct record saved_key_record = {"access key", sizeof(struct saved_key), saved_key_fields};

json_t *keys_save(struct region *region, const struct account *account)
{
    json_t *list = json_array();
    int64_t now_ms = clock_now_ms();
    const struct access_key *key;
    for (size_t at = 0; (key = table_next(&region->access_keys, &at));) {
        if (key->caller.account != account ||
            (key->token ? key->expires_ms < now_ms : key->caller.kind == CALLER_ROOT))
            continue;
        struct saved_key saved = {
            .id = (char *)key->id,
            .secret = (char *)key->secret,
            .token = (char *)key->token,
            .expires_ms = key->expires_ms,
            .began_ms = key->caller.session_began_ms,
            .kind = (int)key->caller.kind,
            .arn = (char *)key->caller.arn,
            .principal_arn = (char *)key->caller.principal_arn,
            .user_id = (char *)key->caller.user_id,
            .source_identity = (char *)key->caller.source_identity,
            .scope = (struct session_scope *)key->caller.scope,
        };
        json_array_append_new(list, record_write(&saved_key_record, &saved));
    }
    return list;
}

int keys_restore(struct region *region, struct account *account, json_t *state, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    size_t index;
    json_t *entry;
    json_array_foreach(state, index, entry) {
        struct saved_key saved = {0};
        if (record_read(&saved_key_record, arena, entry, &saved, err) < 0)
            return -1;
        key_add(region, &(struct access_key){
                            .id = saved.id,
                            .secret = saved.secret,
                            .token = saved.token,
                            .expires_ms = saved.expires_ms,
                            .created_ms = saved.created_ms,
                            .inactive = saved.inactive,
                            .caller = {.kind = (enum caller_kind)saved.kind,
                                       .account = account,
                                       .arn = saved.arn,
                                       .principal_arn = saved.principal_arn,
                                       .user_id = saved.user_id,
                                       .source_identity = saved.source_identity,
                                       .session_began_ms = saved.began_ms,
                                       .scope = saved.scope},
                        });
    }
    return 0;
}

void keys_free(struct region *region)
{
    struct access_key *key;
    for (size_t at = 0; (key = table_next(&region->access_keys, &at));)
        stored_key_free(key);
    table_free(&region->access_keys);
}
