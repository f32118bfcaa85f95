/* The life of a key, as its actions. */
#include "localaws/kms/kms.h"

#include "base/clock.h"
#include "base/text.h"

#include <string.h>

enum { WINDOW_SHORTEST_DAYS = 7, WINDOW_LONGEST_DAYS = 30, DESCRIPTION_LONGEST = 8192 };
static const int64_t day_ms = 24 * 3600 * 1000;

static json_t *seconds(int64_t ms)
{
    return json_real((double)ms / 1000.0);
}

static json_t *metadata(const struct kms_key *key)
{
    static const char *const states[] = {
        [KEY_ENABLED] = "Enabled", [KEY_DISABLED] = "Disabled", [KEY_PENDING_DELETION] = "PendingDeletion"};
    static const char *const names[] = {[KMS_ENCRYPT_DECRYPT] = "EncryptionAlgorithms",
                                        [KMS_SIGN_VERIFY] = "SigningAlgorithms",
                                        [KMS_GENERATE_VERIFY_MAC] = "MacAlgorithms"};
    const struct kms_spec *spec = kms_spec_of(key);
    json_t *algorithms = json_array();
    for (size_t i = 0; spec->algorithms[i]; i++)
        json_array_append_new(algorithms, json_string(spec->algorithms[i]));
    json_t *json = json_pack(
        "{s:s, s:s, s:s, s:o, s:b, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:o}", "AWSAccountId",
        key->account->id, "KeyId", key->id, "Arn", key->arn, "CreationDate", seconds(key->created_ms),
        "Enabled", key->state == KEY_ENABLED, "Description", key->description ? key->description : "",
        "KeyUsage", kms_usages[spec->usage], "KeyState", states[key->state], "Origin", "AWS_KMS",
        "KeyManager", key->managed ? "AWS" : "CUSTOMER", "CustomerMasterKeySpec", spec->name, "KeySpec",
        spec->name, "MultiRegion", false, names[spec->usage], algorithms);
    if (key->state == KEY_PENDING_DELETION)
        json_object_set_new(json, "DeletionDate", seconds(key->deletion_ms));
    return json;
}

static int unsupported(struct call *call, const char *what, struct error *err)
{
    return call_fail(call, err, 400, "UnsupportedOperationException", "%s", what);
}

static int read_spec(struct call *call, struct kms_key *draft, struct error *err)
{
    const char *old = kms_text(call, "CustomerMasterKeySpec"), *name = kms_text(call, "KeySpec");
    const char *usage = kms_text(call, "KeyUsage"), *origin = kms_text(call, "Origin");
    if (old && name && !text_equal(old, name))
        return call_fail(call, err, 400, "ValidationException",
                         "KeySpec and CustomerMasterKeySpec are the same thing, and differ");
    draft->spec = (char *)(name ? name : old);
    const struct kms_spec *spec = kms_spec_named(draft->spec ? draft->spec : "SYMMETRIC_DEFAULT");
    if (!spec)
        return unsupported(call, "There are no keys of this KeySpec here", err);
    if (usage ? !text_equal(usage, kms_usages[spec->usage]) : spec->usage != KMS_ENCRYPT_DECRYPT)
        return call_fail(call, err, 400, "ValidationException", "KeyUsage of %s must be %s here", spec->name,
                         kms_usages[spec->usage]);
    if (origin && !text_equal(origin, "AWS_KMS"))
        return unsupported(call, "Material comes from KMS itself here, nowhere else", err);
    if (json_is_true(json_object_get(call->json, "MultiRegion")))
        return unsupported(call, "There is only one region here", err);
    return 0;
}

static int check_policy(struct call *call, const char *text, struct error *err)
{
    struct policy *policy;
    struct error why = {0};
    if (!text)
        return 0;
    if (policy_parse(call->arena, text, POLICY_RESOURCE, &policy, &why) < 0)
        return call_fail(call, err, 400, "MalformedPolicyDocumentException", "%s", why.message);
    struct kms_key future = {.account = call->account, .arn = "arn:aws:kms:::key/new", .id = ""};
    if (json_is_true(json_object_get(call->json, "BypassPolicyLockoutSafetyCheck")) ||
        kms_keeps_control(call, &future, policy))
        return 0;
    return call_fail(call, err, 400, "MalformedPolicyDocumentException",
                     "The new key policy will not allow you to update the key policy in the future.");
}

/* RSA takes a tenth of a second and more: the lock is given back meanwhile, before anything was looked at. */
static int make_material(struct call *call, const struct kms_key *draft, struct kms_bytes *material,
                         struct error *err)
{
    struct region *region = call->region;
    region_unlock(&region);
    int result = kms_material_make(kms_spec_of(draft), call->arena, material, err);
    region_lock(call->region);
    return result;
}

int create_key(struct call *call, struct error *err)
{
    struct kms_key draft = {.description = (char *)kms_text(call, "Description"),
                            .policy = (char *)kms_text(call, "Policy")};
    struct kms_bytes material;
    if (kms_read_tags(call, &draft.tags, &draft.tag_count, err) < 0 || read_spec(call, &draft, err) < 0 ||
        call_authorize(call, "kms:CreateKey", "*", kms_tag_context(call, draft.tags, draft.tag_count), err) <
            0)
        return -1;
    if (draft.description && strlen(draft.description) > DESCRIPTION_LONGEST)
        return call_fail(call, err, 400, "ValidationException", "Description is too long");
    if (make_material(call, &draft, &material, err) < 0 || check_policy(call, draft.policy, err) < 0)
        return -1;
    struct kms_key *key = kms_key_make(call->region, call->account, &draft, &material, err);
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
    static const struct kms_list kind = {"Keys", "KeyId", 100, 1000};
    json_t *list = json_array();
    const struct kms_key *key;
    for (size_t at = 0; (key = table_next(&kms_of(call->account)->keys, &at));)
        json_array_append_new(list, json_pack("{s:s, s:s}", "KeyId", key->id, "KeyArn", key->arn));
    return kms_answer_page(call, &kind, list, err);
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
