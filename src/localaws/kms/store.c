/* KMS's tables: how keys, aliases and grants are kept, saved and restored. */
#include "localaws/kms/kms.h"

#include "base/text.h"
#include "localaws/resource/copy.h"

static bool is_spec(const char *text)
{
    return kms_spec_named(text);
}

enum { LONGEST_WRAPPED = 8192, LONGEST_NAME = 256, LONGEST_ARN = 2048, TAGS_MOST = 50, GRANTS_MOST = 50000 };

static const struct field grant_fields[] = {
    FIELD_TEXT(struct kms_grant, id, "id", REQUIRED, 64, NULL, "its id"),
    FIELD_TEXT(struct kms_grant, token, "token", REQUIRED, 128, NULL, "its token"),
    FIELD_TEXT(struct kms_grant, name, "name", OPTIONAL, LONGEST_NAME, NULL, "makes creating it idempotent"),
    FIELD_TEXT(struct kms_grant, grantee, "grantee", REQUIRED, LONGEST_ARN, NULL, "who may"),
    FIELD_TEXT(struct kms_grant, retiring, "retiring", OPTIONAL, LONGEST_ARN, NULL, "who may end it"),
    FIELD_TEXT(struct kms_grant, issuer, "issuer", OPTIONAL, LONGEST_ARN, NULL, "the account that gave it"),
    FIELD_TEXT(struct kms_grant, context_equals, "contextEquals", OPTIONAL, 1 << 16, NULL, "constraint"),
    FIELD_TEXT(struct kms_grant, context_subset, "contextSubset", OPTIONAL, 1 << 16, NULL, "constraint"),
    FIELD_LIST(struct kms_grant, operations, operation_count, "operations", REQUIRED, 20, &text_record,
               "what"),
    FIELD_INTEGER(struct kms_grant, created_ms, "created", OPTIONAL, 0, 9e15, "when"),
    FIELD_END,
};
static const struct field material_fields[] = {
    FIELD_TEXT(struct kms_material, wrapped, "wrapped", REQUIRED, LONGEST_WRAPPED, NULL,
               "under the master key"),
    FIELD_INTEGER(struct kms_material, retired_ms, "retired", REQUIRED, 0, 9e15, "when the next one came"),
    FIELD_BOOL(struct kms_material, on_demand, "onDemand", OPTIONAL, "somebody asked for that"),
    FIELD_END,
};
const struct record kms_material_record = {"material", sizeof(struct kms_material), material_fields};

const struct record kms_grant_record = {"grant", sizeof(struct kms_grant), grant_fields};

static const char *const states[] = {
    [KEY_ENABLED] = "Enabled", [KEY_DISABLED] = "Disabled", [KEY_PENDING_DELETION] = "PendingDeletion", NULL};

static const struct field key_fields[] = {
    FIELD_TEXT(struct kms_key, id, "id", REQUIRED, 36, NULL, "a UUID"),
    FIELD_TEXT(struct kms_key, arn, "arn", REQUIRED, LONGEST_ARN, NULL, "ARN"),
    FIELD_TEXT(struct kms_key, description, "description", OPTIONAL, 8192, NULL, "for people"),
    FIELD_TEXT(struct kms_key, spec, "spec", OPTIONAL, 32, is_spec, "what kind of key; symmetric without"),
    FIELD_TEXT(struct kms_key, wrapped, "wrapped", REQUIRED, LONGEST_WRAPPED, NULL,
               "material under the master key"),
    FIELD_LIST(struct kms_key, older, older_count, "older", OPTIONAL, KMS_MATERIALS_MOST,
               &kms_material_record, "material it had before"),
    FIELD_TEXT(struct kms_key, policy, "policy", REQUIRED, POLICY_LARGEST, NULL, "key policy"),
    FIELD_ENUM(struct kms_key, state, "state", REQUIRED, states, "what it is good for"),
    FIELD_INTEGER(struct kms_key, rotation_days, "rotationDays", OPTIONAL, 0, 2560, "days between rotations"),
    FIELD_INTEGER(struct kms_key, rotation_since_ms, "rotationSince", OPTIONAL, 0, 9e15,
                  "when that was asked"),
    FIELD_BOOL(struct kms_key, managed, "managed", OPTIONAL, "AWS's, for a service"),
    FIELD_INTEGER(struct kms_key, created_ms, "created", OPTIONAL, 0, 9e15, "when"),
    FIELD_INTEGER(struct kms_key, deletion_ms, "deletion", OPTIONAL, 0, 9e15, "when it will be gone"),
    FIELD_LIST(struct kms_key, tags, tag_count, "tags", OPTIONAL, TAGS_MOST, &tag_record, "tags"),
    FIELD_LIST(struct kms_key, grants, grant_count, "grants", OPTIONAL, GRANTS_MOST, &kms_grant_record,
               "grants"),
    FIELD_END,
};
const struct record kms_key_record = {"key", sizeof(struct kms_key), key_fields};

static const struct field alias_fields[] = {
    FIELD_TEXT(struct kms_alias, name, "name", REQUIRED, LONGEST_NAME, NULL, "alias/..."),
    FIELD_TEXT(struct kms_alias, key_id, "key", REQUIRED, 36, NULL, "the key it stands for"),
    FIELD_INTEGER(struct kms_alias, created_ms, "created", OPTIONAL, 0, 9e15, "when"),
    FIELD_END,
};
const struct record kms_alias_record = {"alias", sizeof(struct kms_alias), alias_fields};

struct kms *kms_of(const struct account *account)
{
    return account->modules[MODULE_KMS];
}

struct kms_key *kms_key_add(struct region *region, struct account *account, const struct kms_key *draft,
                            struct error *err)
{
    (void)region;
    struct kms_key *key = memory_alloc(sizeof *key);
    *key = *draft;
    if (parsed_policy_set(&key->parsed, draft->policy, POLICY_RESOURCE, err) < 0) {
        free(key);
        return NULL;
    }
    record_own(&kms_key_record, key);
    key->account = account;
    table_put(&kms_of(account)->keys, key->id, key);
    return key;
}

struct kms_alias *kms_alias_add(struct account *account, const struct kms_alias *draft)
{
    struct kms_alias *alias = memory_alloc(sizeof *alias);
    *alias = *draft;
    record_own(&kms_alias_record, alias);
    table_put(&kms_of(account)->aliases, alias->name, alias);
    return alias;
}

void kms_alias_remove(struct account *account, struct kms_alias *alias)
{
    table_remove(&kms_of(account)->aliases, alias->name);
    record_release(&kms_alias_record, alias);
    free(alias);
}

static void account_created(struct region *region, struct account *account)
{
    (void)region;
    account->modules[MODULE_KMS] = memory_alloc(sizeof(struct kms));
}

static json_t *save(struct region *region, struct account *account)
{
    (void)region;
    const struct kms *kms = kms_of(account);
    json_t *state = json_object();
    json_object_set_new(state, "keys", table_write(&kms->keys, &kms_key_record));
    json_object_set_new(state, "aliases", table_write(&kms->aliases, &kms_alias_record));
    return state;
}

static int restore(struct region *region, struct account *account, json_t *state, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    size_t index;
    json_t *entry;
    json_array_foreach(json_object_get(state, "keys"), index, entry) {
        struct kms_key draft = {0};
        if (record_read(&kms_key_record, arena, entry, &draft, err) < 0 ||
            !kms_key_add(region, account, &draft, err))
            return -1;
    }
    json_array_foreach(json_object_get(state, "aliases"), index, entry) {
        struct kms_alias draft = {0};
        if (record_read(&kms_alias_record, arena, entry, &draft, err) < 0)
            return -1;
        kms_alias_add(account, &draft);
    }
    return 0;
}

const struct module kms_module = {
    .name = "kms",
    .slot = MODULE_KMS,
    .account_created = account_created,
    .save = save,
    .restore = restore,
};
