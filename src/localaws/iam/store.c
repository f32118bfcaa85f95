/* IAM's tables: how roles, users, policies and profiles are kept, saved and restored. */
#include "localaws/iam/iam.h"

#include "base/text.h"
#include "localaws/front/keys.h"
#include "localaws/resource/copy.h"

#include <string.h>

enum {
    LONGEST_NAME = 128,
    LONGEST_ARN = 2048,
    TAGS_MOST = 50,
    INLINES_MOST = 100,
    ATTACHED_MOST = 100,
    GROUPS_MOST = 10
};

static const struct field inline_fields[] = {
    FIELD_TEXT(struct inline_policy, name, "name", REQUIRED, LONGEST_NAME, NULL,
               "its name within the principal"),
    FIELD_TEXT(struct inline_policy, document, "document", REQUIRED, POLICY_LARGEST, NULL, "the policy"),
    FIELD_END,
};
const struct record inline_policy_record = {"inline policy", sizeof(struct inline_policy), inline_fields};

static const struct field principal_fields[] = {
    FIELD_TEXT(struct principal, name, "name", REQUIRED, LONGEST_NAME, NULL, "its name"),
    FIELD_TEXT(struct principal, path, "path", REQUIRED, 512, NULL, "/ or /path/"),
    FIELD_TEXT(struct principal, id, "id", REQUIRED, 64, NULL, "unique id, never used again"),
    FIELD_TEXT(struct principal, arn, "arn", REQUIRED, LONGEST_ARN, NULL, "ARN"),
    FIELD_TEXT(struct principal, description, "description", OPTIONAL, 1000, NULL, "for people"),
    FIELD_TEXT(struct principal, trust, "trust", OPTIONAL, POLICY_LARGEST, NULL, "a role's trust policy"),
    FIELD_INTEGER(struct principal, max_session_s, "maxSession", OPTIONAL, 0, 43200,
                  "longest session, seconds"),
    FIELD_INTEGER(struct principal, created_ms, "created", OPTIONAL, 0, 9e15, "when"),
    FIELD_LIST(struct principal, tags, tag_count, "tags", OPTIONAL, TAGS_MOST, &tag_record, "tags"),
    FIELD_LIST(struct principal, inlines, inline_count, "inline", OPTIONAL, INLINES_MOST,
               &inline_policy_record, "inline policies"),
    FIELD_LIST(struct principal, attached, attached_count, "attached", OPTIONAL, ATTACHED_MOST, &text_record,
               "managed policies, by ARN"),
    FIELD_TEXT(struct principal, boundary, "boundary", OPTIONAL, LONGEST_ARN, NULL,
               "permissions boundary, by ARN"),
    FIELD_LIST(struct principal, groups, group_count, "groups", OPTIONAL, GROUPS_MOST, &text_record,
               "a user's groups, by name"),
    FIELD_END,
};
const struct record principal_record = {"principal", sizeof(struct principal), principal_fields};

static const struct field version_fields[] = {
    FIELD_TEXT(struct policy_version, id, "id", REQUIRED, 16, NULL, "v1, v2, ..."),
    FIELD_TEXT(struct policy_version, document, "document", REQUIRED, POLICY_LARGEST, NULL, "the policy"),
    FIELD_INTEGER(struct policy_version, created_ms, "created", OPTIONAL, 0, 9e15, "when"),
    FIELD_END,
};
const struct record policy_version_record = {"policy version", sizeof(struct policy_version), version_fields};

static const struct field managed_policy_fields[] = {
    FIELD_TEXT(struct managed_policy, name, "name", REQUIRED, LONGEST_NAME, NULL, "its name"),
    FIELD_TEXT(struct managed_policy, path, "path", REQUIRED, 512, NULL, "/ or /path/"),
    FIELD_TEXT(struct managed_policy, id, "id", REQUIRED, 64, NULL, "unique id"),
    FIELD_TEXT(struct managed_policy, arn, "arn", REQUIRED, LONGEST_ARN, NULL, "ARN"),
    FIELD_TEXT(struct managed_policy, description, "description", OPTIONAL, 1000, NULL, "for people"),
    FIELD_TEXT(struct managed_policy, default_version, "defaultVersion", REQUIRED, 16, NULL,
               "the one that counts"),
    FIELD_LIST(struct managed_policy, versions, version_count, "versions", REQUIRED, 5,
               &policy_version_record, "versions"),
    FIELD_INTEGER(struct managed_policy, next_version, "nextVersion", REQUIRED, 1, 1e9, "number of the next"),
    FIELD_INTEGER(struct managed_policy, created_ms, "created", OPTIONAL, 0, 9e15, "when"),
    FIELD_INTEGER(struct managed_policy, updated_ms, "updated", OPTIONAL, 0, 9e15,
                  "when a version became default"),
    FIELD_LIST(struct managed_policy, tags, tag_count, "tags", OPTIONAL, TAGS_MOST, &tag_record, "tags"),
    FIELD_END,
};
const struct record managed_policy_record = {"managed policy", sizeof(struct managed_policy),
                                             managed_policy_fields};

static const struct field instance_profile_fields[] = {
    FIELD_TEXT(struct instance_profile, name, "name", REQUIRED, LONGEST_NAME, NULL, "its name"),
    FIELD_TEXT(struct instance_profile, path, "path", REQUIRED, 512, NULL, "/ or /path/"),
    FIELD_TEXT(struct instance_profile, id, "id", REQUIRED, 64, NULL, "unique id"),
    FIELD_TEXT(struct instance_profile, arn, "arn", REQUIRED, LONGEST_ARN, NULL, "ARN"),
    FIELD_TEXT(struct instance_profile, role, "role", OPTIONAL, LONGEST_NAME, NULL, "its role's name"),
    FIELD_INTEGER(struct instance_profile, created_ms, "created", OPTIONAL, 0, 9e15, "when"),
    FIELD_LIST(struct instance_profile, tags, tag_count, "tags", OPTIONAL, TAGS_MOST, &tag_record, "tags"),
    FIELD_END,
};
const struct record instance_profile_record = {"instance profile", sizeof(struct instance_profile),
                                               instance_profile_fields};

int parsed_policy_set(struct parsed_policy *parsed, const char *text, enum policy_kind kind,
                      struct error *err)
{
    struct parsed_policy fresh = {.arena = arena_new()};
    if (policy_parse(fresh.arena, text, kind, &fresh.policy, err) < 0) {
        arena_free(&fresh.arena);
        return -1;
    }
    parsed_policy_clear(parsed);
    *parsed = fresh;
    return 0;
}

void parsed_policy_clear(struct parsed_policy *parsed)
{
    arena_free(&parsed->arena);
    parsed->policy = NULL;
}

struct iam *iam_of(const struct account *account)
{
    return account->modules[MODULE_IAM];
}

struct iam_region *iam_region_of(struct region *region)
{
    if (!region->modules[MODULE_IAM])
        region->modules[MODULE_IAM] = memory_alloc(sizeof(struct iam_region));
    return region->modules[MODULE_IAM];
}

struct principal *iam_principal(struct region *region, const char *arn)
{
    const char *prefix = "arn:aws:iam::";
    const char *name = arn && text_starts(arn, prefix) ? strrchr(arn, '/') : NULL;
    if (!name || strlen(arn) < strlen(prefix) + 13)
        return NULL;
    char id[13] = "";
    memcpy(id, arn + strlen(prefix), 12);
    struct account *account = region_account(region, id);
    if (!account)
        return NULL;
    const char *type = arn + strlen(prefix) + 13;
    struct iam *iam = iam_of(account);
    struct table *table = text_starts(type, "role/")    ? &iam->roles
                          : text_starts(type, "group/") ? &iam->groups
                                                        : &iam->users;
    struct principal *principal = table_get(table, name + 1);
    return principal && text_equal(principal->arn, arn) ? principal : NULL;
}

struct principal *principal_add(struct account *account, struct table *table, const struct principal *draft)
{
    struct principal *principal = memory_alloc(sizeof *principal);
    *principal = *draft;
    record_own(&principal_record, principal);
    principal->account = account;
    table_put(table, principal->name, principal);
    return principal;
}

static void principal_free(struct principal *principal)
{
    for (size_t i = 0; i < principal->inline_count; i++)
        parsed_policy_clear(&principal->inlines[i].parsed);
    parsed_policy_clear(&principal->trust_policy);
    record_release(&principal_record, principal);
    free(principal);
}

void principal_remove(struct table *table, struct principal *principal)
{
    table_remove(table, principal->name);
    principal_free(principal);
}

struct managed_policy *managed_policy_add(struct table *table, const struct managed_policy *draft)
{
    struct managed_policy *policy = memory_alloc(sizeof *policy);
    *policy = *draft;
    record_own(&managed_policy_record, policy);
    table_put(table, policy->arn, policy);
    return policy;
}

void managed_policy_remove(struct table *table, struct managed_policy *policy)
{
    table_remove(table, policy->arn);
    parsed_policy_clear(&policy->parsed);
    record_release(&managed_policy_record, policy);
    free(policy);
}

/* The module
 * ---------------------------------------------------------------------------------------------------- */

static void account_created(struct region *region, struct account *account)
{
    (void)region;
    account->modules[MODULE_IAM] = memory_alloc(sizeof(struct iam));
}

static json_t *save(struct region *region, struct account *account)
{
    (void)region;
    const struct iam *iam = iam_of(account);
    json_t *state = json_object();
    json_object_set_new(state, "roles", table_write(&iam->roles, &principal_record));
    json_object_set_new(state, "users", table_write(&iam->users, &principal_record));
    json_object_set_new(state, "groups", table_write(&iam->groups, &principal_record));
    if (iam->alias)
        json_object_set_new(state, "alias", json_string(iam->alias));
    json_object_set_new(state, "policies", table_write(&iam->policies, &managed_policy_record));
    json_object_set_new(state, "profiles", table_write(&iam->profiles, &instance_profile_record));
    return state;
}

static int parse_policies(struct principal *principal, struct error *err)
{
    if (principal->trust &&
        parsed_policy_set(&principal->trust_policy, principal->trust, POLICY_TRUST, err) < 0)
        return -1;
    for (size_t i = 0; i < principal->inline_count; i++) {
        struct inline_policy *policy = &principal->inlines[i];
        if (parsed_policy_set(&policy->parsed, policy->document, POLICY_IDENTITY, err) < 0)
            return -1;
    }
    return 0;
}

static int restore_principals(struct account *account, struct arena *arena, struct table *table, json_t *list,
                              struct error *err)
{
    size_t index;
    json_t *entry;
    json_array_foreach(list, index, entry) {
        struct principal draft = {0};
        if (record_read(&principal_record, arena, entry, &draft, err) < 0 ||
            parse_policies(principal_add(account, table, &draft), err) < 0)
            return -1;
    }
    return 0;
}

static int restore_policies(struct arena *arena, struct table *table, json_t *list, struct error *err)
{
    size_t index;
    json_t *entry;
    json_array_foreach(list, index, entry) {
        struct managed_policy draft = {0};
        if (record_read(&managed_policy_record, arena, entry, &draft, err) < 0)
            return -1;
        struct managed_policy *policy = managed_policy_add(table, &draft);
        for (size_t i = 0; i < policy->version_count; i++)
            if (text_equal(policy->versions[i].id, policy->default_version) &&
                parsed_policy_set(&policy->parsed, policy->versions[i].document, POLICY_IDENTITY, err) < 0)
                return -1;
        if (!policy->parsed.policy)
            return error_set(err, ERROR_INVALID, "policy %s has no version %s", policy->arn,
                             policy->default_version);
    }
    return 0;
}

static int restore_profiles(struct arena *arena, struct table *table, json_t *list, struct error *err)
{
    size_t index;
    json_t *entry;
    json_array_foreach(list, index, entry) {
        struct instance_profile *profile = memory_alloc(sizeof *profile);
        if (record_read(&instance_profile_record, arena, entry, profile, err) < 0) {
            free(profile);
            return -1;
        }
        record_own(&instance_profile_record, profile);
        table_put(table, profile->name, profile);
    }
    return 0;
}

static void count_attachments(struct region *region, struct account *account, const struct table *principals)
{
    const struct principal *principal;
    for (size_t at = 0; (principal = table_next(principals, &at));)
        for (size_t i = 0; i < principal->attached_count; i++) {
            struct managed_policy *policy = iam_managed_policy(region, account, principal->attached[i]);
            if (policy)
                policy->attachments++;
        }
    for (size_t at = 0; (principal = table_next(principals, &at));) {
        struct managed_policy *policy =
            principal->boundary ? iam_managed_policy(region, account, principal->boundary) : NULL;
        if (policy)
            policy->boundaries++;
    }
}

static int restore(struct region *region, struct account *account, json_t *state, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct iam *iam = iam_of(account);
    if (restore_principals(account, arena, &iam->roles, json_object_get(state, "roles"), err) < 0 ||
        restore_principals(account, arena, &iam->users, json_object_get(state, "users"), err) < 0 ||
        restore_principals(account, arena, &iam->groups, json_object_get(state, "groups"), err) < 0 ||
        restore_policies(arena, &iam->policies, json_object_get(state, "policies"), err) < 0 ||
        restore_profiles(arena, &iam->profiles, json_object_get(state, "profiles"), err) < 0)
        return -1;
    count_attachments(region, account, &iam->roles);
    count_attachments(region, account, &iam->users);
    count_attachments(region, account, &iam->groups);
    text_replace(&iam->alias, json_member_text(state, "alias"));
    return 0;
}

const struct module iam_module = {
    .name = "iam",
    .slot = MODULE_IAM,
    .account_created = account_created,
    .save = save,
    .restore = restore,
};
