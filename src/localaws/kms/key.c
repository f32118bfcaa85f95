/* The life of a key. */
#include "localaws/kms/kms.h"

#include "base/clock.h"
#include "base/random.h"
#include "base/text.h"
#include "localaws/resource/copy.h"

#include <string.h>

enum { WINDOW_SHORTEST_DAYS = 7, WINDOW_LONGEST_DAYS = 30, DESCRIPTION_LONGEST = 8192 };
static const int64_t day_ms = 24 * 3600 * 1000;

/* AWS's keys for its own services: there when first named. */
static const struct {
    const char *alias, *service, *description;
} managed_keys[] = {
    {"alias/aws/s3", "s3", "Default key that protects my S3 objects when no other key is defined"},
    {"alias/aws/ebs", "ec2", "Default key that protects my EBS volumes when no other key is defined"},
    {"alias/aws/ssm", "ssm", "Default key that protects my SSM parameters when no other key is defined"},
};

static char *root_policy(struct arena *arena, const struct account *account)
{
    return arena_format(
        arena,
        "{\"Version\":\"2012-10-17\",\"Id\":\"key-default-1\",\"Statement\":[{\"Sid\":\"Enable IAM User "
        "Permissions\",\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"arn:aws:iam::%s:root\"},\"Action\":"
        "\"kms:*\",\"Resource\":\"*\"}]}",
        account->id);
}

static char *service_policy(struct arena *arena, const struct region *region, const struct account *account,
                            const char *service)
{
    return arena_format(
        arena,
        "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"*\"},"
        "\"Action\":[\"kms:Encrypt\",\"kms:Decrypt\",\"kms:ReEncrypt*\",\"kms:GenerateDataKey*\","
        "\"kms:CreateGrant\",\"kms:DescribeKey\"],\"Resource\":\"*\",\"Condition\":{\"StringEquals\":{"
        "\"kms:CallerAccount\":\"%s\",\"kms:ViaService\":\"%s.%s.amazonaws.com\"}}},{\"Effect\":\"Allow\","
        "\"Principal\":{\"AWS\":\"arn:aws:iam::%s:root\"},\"Action\":[\"kms:Describe*\",\"kms:Get*\","
        "\"kms:List*\"],\"Resource\":\"*\"}]}",
        account->id, service, region->name, account->id);
}

struct kms_key *kms_key_make(struct region *region, struct account *account, const struct kms_key *draft,
                             struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct kms_key key = *draft;
    key.id = random_uuid(arena);
    key.arn = arena_format(arena, "arn:aws:kms:%s:%s:key/%s", region->name, account->id, key.id);
    key.created_ms = clock_now_ms();
    if (!key.policy)
        key.policy = root_policy(arena, account);
    if (kms_material_new(region, arena, key.id, &key.wrapped, err) < 0)
        return NULL;
    region_changed(region);
    return kms_key_add(region, account, &key, err);
}

static struct kms_key *make_managed(struct region *region, struct account *account, const char *alias)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    for (size_t i = 0; i < COUNT_OF(managed_keys); i++) {
        if (!text_equal(managed_keys[i].alias, alias))
            continue;
        const struct kms_key draft = {
            .description = (char *)managed_keys[i].description,
            .policy = service_policy(arena, region, account, managed_keys[i].service),
            .managed = true,
            .rotation_days = KMS_ROTATION_DAYS,
        };
        struct kms_key *key = kms_key_make(region, account, &draft, NULL);
        if (key)
            kms_alias_add(
                account,
                &(struct kms_alias){.name = (char *)alias, .key_id = key->id, .created_ms = key->created_ms});
        return key;
    }
    return NULL;
}

/* With its aliases, and the only copy of its material. */
static void destroy(struct region *region, struct kms_key *key)
{
    struct account *account = key->account;
    struct kms_alias *alias;
    for (size_t at = 0; (alias = table_next(&kms_of(account)->aliases, &at));)
        if (text_equal(alias->key_id, key->id))
            kms_alias_remove(account, alias);
    table_remove(&kms_of(account)->keys, key->id);
    parsed_policy_clear(&key->parsed);
    record_release(&kms_key_record, key);
    free(key);
    region_changed(region);
}

static struct kms_key *find_by_id(struct region *region, struct account *account, const char *id)
{
    struct kms_key *key = table_get(&kms_of(account)->keys, id);
    if (key && key->state == KEY_PENDING_DELETION && key->deletion_ms <= clock_now_ms()) {
        destroy(region, key);
        return NULL;
    }
    return key;
}

static struct kms_key *find_by_alias(struct region *region, struct account *account, const char *name)
{
    const struct kms_alias *alias = table_get(&kms_of(account)->aliases, name);
    return alias ? find_by_id(region, account, alias->key_id) : make_managed(region, account, name);
}

struct kms_key *kms_find(struct region *region, struct account *account, const char *name)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    if (text_starts(name, "arn:")) {
        char **parts;
        if (text_split(arena, name, ':', &parts) != 6 || !text_equal(parts[2], "kms") ||
            !text_equal(parts[3], region->name) || !(account = region_account(region, parts[4])))
            return NULL;
        name = text_starts(parts[5], "key/") ? parts[5] + strlen("key/") : parts[5];
    }
    return text_starts(name, "alias/") ? find_by_alias(region, account, name)
                                       : find_by_id(region, account, name);
}

static json_t *seconds(int64_t ms)
{
    return json_real((double)ms / 1000.0);
}

static json_t *metadata(const struct kms_key *key)
{
    static const char *const states[] = {
        [KEY_ENABLED] = "Enabled", [KEY_DISABLED] = "Disabled", [KEY_PENDING_DELETION] = "PendingDeletion"};
    json_t *json = json_pack(
        "{s:s, s:s, s:s, s:o, s:b, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:[s], s:b}", "AWSAccountId",
        key->account->id, "KeyId", key->id, "Arn", key->arn, "CreationDate", seconds(key->created_ms),
        "Enabled", key->state == KEY_ENABLED, "Description", key->description ? key->description : "",
        "KeyUsage", "ENCRYPT_DECRYPT", "KeyState", states[key->state], "Origin", "AWS_KMS", "KeyManager",
        key->managed ? "AWS" : "CUSTOMER", "CustomerMasterKeySpec", "SYMMETRIC_DEFAULT", "KeySpec",
        "SYMMETRIC_DEFAULT", "EncryptionAlgorithms", "SYMMETRIC_DEFAULT", "MultiRegion", false);
    if (key->state == KEY_PENDING_DELETION)
        json_object_set_new(json, "DeletionDate", seconds(key->deletion_ms));
    return json;
}

static int check_kind(struct call *call, struct error *err)
{
    static const struct {
        const char *member, *only;
    } members[] = {{"KeySpec", "SYMMETRIC_DEFAULT"},
                   {"CustomerMasterKeySpec", "SYMMETRIC_DEFAULT"},
                   {"KeyUsage", "ENCRYPT_DECRYPT"},
                   {"Origin", "AWS_KMS"}};
    for (size_t i = 0; i < COUNT_OF(members); i++) {
        const char *value = kms_text(call, members[i].member);
        if (value && !text_equal(value, members[i].only))
            return call_fail(call, err, 400, "UnsupportedOperationException", "%s: only %s is known here",
                             members[i].member, members[i].only);
    }
    if (json_is_true(json_object_get(call->json, "MultiRegion")))
        return call_fail(call, err, 400, "UnsupportedOperationException", "there is only one region here");
    return 0;
}

int create_key(struct call *call, struct error *err)
{
    struct kms_key draft = {.description = (char *)kms_text(call, "Description"),
                            .policy = (char *)kms_text(call, "Policy")};
    struct error why = {0};
    struct policy *policy;
    if (kms_read_tags(call, &draft.tags, &draft.tag_count, err) < 0 ||
        call_authorize(call, "kms:CreateKey", "*", kms_tag_context(call, draft.tags, draft.tag_count), err) <
            0 ||
        check_kind(call, err) < 0)
        return -1;
    if (draft.description && strlen(draft.description) > DESCRIPTION_LONGEST)
        return call_fail(call, err, 400, "ValidationException", "Description is too long");
    if (draft.policy) {
        if (policy_parse(call->arena, draft.policy, POLICY_RESOURCE, &policy, &why) < 0)
            return call_fail(call, err, 400, "MalformedPolicyDocumentException", "%s", why.message);
        struct kms_key future = {.account = call->account, .arn = "arn:aws:kms:::key/new", .id = ""};
        if (!json_is_true(json_object_get(call->json, "BypassPolicyLockoutSafetyCheck")) &&
            !kms_keeps_control(call, &future, policy))
            return call_fail(call, err, 400, "MalformedPolicyDocumentException",
                             "The new key policy will not allow you to update the key policy in the future.");
    }
    struct kms_key *key = kms_key_make(call->region, call->account, &draft, err);
    if (!key)
        return -1;
    kms_answer(call, json_pack("{s:o}", "KeyMetadata", metadata(key)));
    return 0;
}

int describe_key(struct call *call, struct error *err)
{
    struct kms_key *key;
    if (kms_target(call, &key, err) < 0)
        return -1;
    kms_answer(call, json_pack("{s:o}", "KeyMetadata", metadata(key)));
    return 0;
}

int list_keys(struct call *call, struct error *err)
{
    (void)err;
    json_t *list = json_array();
    const struct kms_key *key;
    for (size_t at = 0; (key = table_next(&kms_of(call->account)->keys, &at));)
        json_array_append_new(list, json_pack("{s:s, s:s}", "KeyId", key->id, "KeyArn", key->arn));
    kms_answer(call, json_pack("{s:o, s:b}", "Keys", list, "Truncated", false));
    return 0;
}

/* Finds the caller's target, which must be a customer's key in one of the states given (as bits). */
static int changeable(struct call *call, unsigned states, struct kms_key **key, struct error *err)
{
    if (kms_target(call, key, err) < 0)
        return -1;
    if ((*key)->managed)
        return call_fail(call, err, 400, "AccessDeniedException", "%s is managed by AWS", (*key)->arn);
    if (!(states & 1u << (*key)->state))
        return call_fail(call, err, 400, "KMSInvalidStateException", "%s is %s.", (*key)->arn,
                         (*key)->state == KEY_PENDING_DELETION ? "pending deletion" : "not pending deletion");
    return 0;
}

enum { ALIVE = 1u << KEY_ENABLED | 1u << KEY_DISABLED, DOOMED = 1u << KEY_PENDING_DELETION };

static int set_state(struct call *call, enum key_state state, struct error *err)
{
    struct kms_key *key;
    if (changeable(call, ALIVE, &key, err) < 0)
        return -1;
    key->state = (int)state;
    region_changed(call->region);
    return 0;
}

int enable_key(struct call *call, struct error *err)
{
    return set_state(call, KEY_ENABLED, err);
}

int disable_key(struct call *call, struct error *err)
{
    return set_state(call, KEY_DISABLED, err);
}

int schedule_key_deletion(struct call *call, struct error *err)
{
    struct kms_key *key;
    const json_t *window = json_object_get(call->json, "PendingWindowInDays");
    int64_t days = window ? json_integer_value(window) : WINDOW_LONGEST_DAYS;
    if (changeable(call, ALIVE, &key, err) < 0)
        return -1;
    if (days < WINDOW_SHORTEST_DAYS || days > WINDOW_LONGEST_DAYS)
        return call_fail(call, err, 400, "ValidationException", "PendingWindowInDays is %d to %d",
                         WINDOW_SHORTEST_DAYS, WINDOW_LONGEST_DAYS);
    key->state = KEY_PENDING_DELETION;
    key->deletion_ms = clock_now_ms() + days * day_ms;
    region_changed(call->region);
    kms_answer(call, json_pack("{s:s, s:s, s:i, s:o}", "KeyId", key->arn, "KeyState", "PendingDeletion",
                               "PendingWindowInDays", (int)days, "DeletionDate", seconds(key->deletion_ms)));
    return 0;
}

int cancel_key_deletion(struct call *call, struct error *err)
{
    struct kms_key *key;
    if (changeable(call, DOOMED, &key, err) < 0)
        return -1;
    key->state = KEY_DISABLED;
    key->deletion_ms = 0;
    region_changed(call->region);
    kms_answer(call, json_pack("{s:s}", "KeyId", key->arn));
    return 0;
}

int update_key_description(struct call *call, struct error *err)
{
    struct kms_key *key;
    const char *description = kms_text(call, "Description");
    if (changeable(call, ALIVE, &key, err) < 0)
        return -1;
    if (!description || strlen(description) > DESCRIPTION_LONGEST)
        return call_fail(call, err, 400, "ValidationException", "Description is required, and not too long");
    text_replace(&key->description, description);
    region_changed(call->region);
    return 0;
}
