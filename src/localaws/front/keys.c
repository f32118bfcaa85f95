#include "localaws/front/keys.h"

#include "base/clock.h"
#include "base/random.h"
#include "base/text.h"
#include "localaws/front/session.h"
#include "localaws/resource/copy.h"
#include "localaws/resource/filing.h"
#include "localaws/state.h"

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

static void save_soon(struct region *region, struct access_key *key)
{
    bool kept = key->token || key->caller.kind != CALLER_ROOT; /* root's are in the credentials file */
    if (!kept || key->unsaved)
        return;
    if (!key->sequence)
        key->sequence = ++registry_of(region)->last_sequence;
    key->unsaved = true;
    key->unsaved_next = region->unsaved_keys;
    region->unsaved_keys = key;
    state_saver_wake(region->saver);
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
    stored->sequence = key->sequence;
    table_put(&locked->access_keys, stored->id, stored);
    if (!stored->sequence)
        save_soon(locked, stored);
}

void key_set_inactive(struct region *region, const char *id, bool inactive)
{
    region_lock(region);
    cleanup(region_unlock) struct region *locked = region;
    struct access_key *stored = table_get(&locked->access_keys, id);
    if (!stored || stored->inactive == inactive)
        return;
    stored->inactive = inactive;
    save_soon(locked, stored);
}

void key_remove(struct region *region, const char *id)
{
    region_lock(region);
    cleanup(region_unlock) struct region *locked = region;
    struct access_key *stored = table_remove(&locked->access_keys, id);
    if (!stored)
        return;
    struct access_key **place = &locked->unsaved_keys;
    while (stored->unsaved && *place != stored)
        place = &(*place)->unsaved_next;
    if (stored->unsaved)
        *place = stored->unsaved_next;
    if (stored->sequence)
        filing_removed(locked, stored->sequence);
    stored_key_free(stored);
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

void keys_free(struct region *region)
{
    struct access_key *key;
    for (size_t at = 0; (key = table_next(&region->access_keys, &at));)
        stored_key_free(key);
    table_free(&region->access_keys);
}
