/* Access keys as the saved state has them. */
#include "localaws/front/keys.h"

#include "base/clock.h"
#include "base/record.h"
#include "localaws/front/session.h"
#include "localaws/resource/filing.h"

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

const struct access_key *key_unsaved(struct region *region, struct buffer *out)
{
    struct access_key *key = region->unsaved_keys;
    if (!key)
        return NULL;
    region->unsaved_keys = key->unsaved_next;
    key->unsaved = false;
    const struct saved_key saved = {
        .id = (char *)key->id,
        .secret = (char *)key->secret,
        .token = (char *)key->token,
        .expires_ms = key->expires_ms,
        .created_ms = key->created_ms,
        .inactive = key->inactive,
        .began_ms = key->caller.session_began_ms,
        .kind = (int)key->caller.kind,
        .arn = (char *)key->caller.arn,
        .principal_arn = (char *)key->caller.principal_arn,
        .user_id = (char *)key->caller.user_id,
        .source_identity = (char *)key->caller.source_identity,
        .scope = (struct session_scope *)key->caller.scope,
    };
    record_append(&saved_key_record, &saved, out);
    return key;
}

int key_restore(struct region *region, struct account *account, int64_t sequence, const char *text,
                size_t length, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct saved_key saved = {0};
    if (record_parse(&saved_key_record, arena, text, length, &saved, err) < 0)
        return -1;
    if (registry_of(region)->last_sequence < sequence)
        registry_of(region)->last_sequence = sequence;
    if (saved.token && saved.expires_ms < clock_now_ms()) {
        filing_removed(region, sequence);
        return 0;
    }
    key_add(region, &(struct access_key){
                        .id = saved.id,
                        .secret = saved.secret,
                        .token = saved.token,
                        .expires_ms = saved.expires_ms,
                        .created_ms = saved.created_ms,
                        .inactive = saved.inactive,
                        .sequence = sequence,
                        .caller = {.kind = (enum caller_kind)saved.kind,
                                   .account = account,
                                   .arn = saved.arn,
                                   .principal_arn = saved.principal_arn,
                                   .user_id = saved.user_id,
                                   .source_identity = saved.source_identity,
                                   .session_began_ms = saved.began_ms,
                                   .scope = saved.scope},
                    });
    return 0;
}
