/* What a key is: made, found, destroyed when its time has come. */
#include "localaws/kms/kms.h"

#include "base/clock.h"
#include "base/random.h"
#include "base/text.h"
#include "localaws/resource/copy.h"

#include <string.h>

/* AWS's keys for its own services: there when first named. */
static const struct {
    const char *alias, *service, *description;
} managed_keys[] = {
    {"alias/aws/s3", "s3", "Default key that protects my S3 objects when no other key is defined"},
    {"alias/aws/ebs", "ec2", "Default key that protects my EBS volumes when no other key is defined"},
    {"alias/aws/acm", "acm", "Default key that protects my ACM private keys when no other key is defined"},
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

const struct kms_spec *kms_spec_of(const struct kms_key *key)
{
    return kms_spec_named(key->spec ? key->spec : "SYMMETRIC_DEFAULT");
}

struct kms_key *kms_key_make(struct region *region, struct account *account, const struct kms_key *draft,
                             const struct kms_bytes *material, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct kms_key key = *draft;
    struct kms_bytes fresh;
    key.id = random_uuid(arena);
    key.arn = arena_format(arena, "arn:aws:kms:%s:%s:key/%s", region->name, account->id, key.id);
    key.created_ms = clock_now_ms();
    if (!key.policy)
        key.policy = root_policy(arena, account);
    if (!material && kms_material_make(kms_spec_of(&key), arena, &fresh, err) < 0)
        return NULL;
    if (kms_material_seal(region, arena, key.id, material ? material : &fresh, &key.wrapped, err) < 0)
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
        struct kms_key *key = kms_key_make(region, account, &draft, NULL, NULL);
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
    if (key)
        kms_rotate_when_due(region, key);
    return key;
}

void kms_carry_out(struct region *region)
{
    region_lock(region);
    cleanup(region_unlock) struct region *locked = region;
    for (struct account *account = locked->accounts; account; account = account->next) {
        const struct kms_key *key;
        for (size_t at = 0; (key = table_next(&kms_of(account)->keys, &at));)
            find_by_id(locked, account, key->id);
    }
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
