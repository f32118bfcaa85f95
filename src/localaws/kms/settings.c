/* What a key is set to: its policy, rotation, tags. */
#include "localaws/kms/kms.h"

#include "base/text.h"

int get_key_policy(struct call *call, struct error *err)
{
    struct kms_key *key;
    if (kms_target(call, &key, err) < 0)
        return -1;
    kms_answer(call, json_pack("{s:s, s:s}", "Policy", key->policy, "PolicyName", "default"));
    return 0;
}

int put_key_policy(struct call *call, struct error *err)
{
    struct kms_key *key;
    const char *text;
    struct policy *policy;
    struct error why = {0};
    if (kms_target(call, &key, err) < 0 || kms_required(call, "Policy", &text, err) < 0)
        return -1;
    if (key->managed)
        return call_fail(call, err, 400, "AccessDeniedException", "%s is managed by AWS", key->arn);
    if (policy_parse(call->arena, text, POLICY_RESOURCE, &policy, &why) < 0)
        return call_fail(call, err, 400, "MalformedPolicyDocumentException", "%s", why.message);
    if (!json_is_true(json_object_get(call->json, "BypassPolicyLockoutSafetyCheck")) &&
        !kms_keeps_control(call, key, policy))
        return call_fail(call, err, 400, "MalformedPolicyDocumentException",
                         "The new key policy will not allow you to update the key policy in the future.");
    if (parsed_policy_set(&key->parsed, text, POLICY_RESOURCE, err) < 0)
        return -1;
    text_replace(&key->policy, text);
    region_changed(call->region);
    return 0;
}

int list_key_policies(struct call *call, struct error *err)
{
    struct kms_key *key;
    if (kms_target(call, &key, err) < 0)
        return -1;
    kms_answer(call, json_pack("{s:[s], s:b}", "PolicyNames", "default", "Truncated", false));
    return 0;
}

/* Of the call's key; `days` 0: never.
 * https://docs.aws.amazon.com/kms/latest/APIReference/API_EnableKeyRotation.html */
static int set_rotation(struct call *call, int64_t days, struct error *err)
{
    struct kms_key *key;
    if (kms_target(call, &key, err) < 0)
        return -1;
    struct error why = {0};
    if (kms_usable(key, &why) < 0)
        return call_fail(call, err, 400, why.code, "%s", why.message);
    key->rotation_days = days;
    region_changed(call->region);
    return 0;
}

int enable_key_rotation(struct call *call, struct error *err)
{
    enum { LEAST_DAYS = 90, MOST_DAYS = 2560 };
    int64_t days = KMS_ROTATION_DAYS;
    const json_t *asked = json_object_get(call->json, "RotationPeriodInDays");
    if (asked && json_is_integer(asked))
        days = json_integer_value(asked);
    if ((asked && !json_is_integer(asked)) || days < LEAST_DAYS || days > MOST_DAYS)
        return call_fail(call, err, 400, "ValidationException",
                         "RotationPeriodInDays is a number of days from %d to %d", LEAST_DAYS, MOST_DAYS);
    return set_rotation(call, days, err);
}

int disable_key_rotation(struct call *call, struct error *err)
{
    return set_rotation(call, 0, err);
}

int get_key_rotation_status(struct call *call, struct error *err)
{
    struct kms_key *key;
    if (kms_target(call, &key, err) < 0)
        return -1;
    json_t *answer = json_pack("{s:s, s:b}", "KeyId", key->arn, "KeyRotationEnabled", key->rotation_days > 0);
    if (key->rotation_days > 0)
        json_object_set_new(answer, "RotationPeriodInDays", json_integer(key->rotation_days));
    kms_answer(call, answer);
    return 0;
}

int tag_resource(struct call *call, struct error *err)
{
    struct kms_key *key;
    struct tag *tags;
    size_t count;
    if (kms_target(call, &key, err) < 0 || kms_read_tags(call, &tags, &count, err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        size_t at = 0;
        while (at < key->tag_count && !text_equal(key->tags[at].key, tags[i].key))
            at++;
        struct tag *tag =
            at < key->tag_count ? &key->tags[at] : list_add(&key->tags, &key->tag_count, sizeof *tag);
        text_replace(&tag->key, tags[i].key);
        text_replace(&tag->value, tags[i].value);
    }
    region_changed(call->region);
    return 0;
}

int untag_resource(struct call *call, struct error *err)
{
    struct kms_key *key;
    if (kms_target(call, &key, err) < 0)
        return -1;
    size_t index;
    json_t *name;
    json_array_foreach(json_object_get(call->json, "TagKeys"), index, name)
        for (size_t at = key->tag_count; at-- > 0;)
            if (text_equal(key->tags[at].key, json_string_value(name)))
                list_remove(&tag_record, &key->tags, &key->tag_count, at);
    region_changed(call->region);
    return 0;
}

int list_resource_tags(struct call *call, struct error *err)
{
    struct kms_key *key;
    if (kms_target(call, &key, err) < 0)
        return -1;
    json_t *tags = json_array();
    for (size_t i = 0; i < key->tag_count; i++)
        json_array_append_new(tags, json_pack("{s:s, s:s}", "TagKey", key->tags[i].key, "TagValue",
                                              key->tags[i].value ? key->tags[i].value : ""));
    kms_answer(call, json_pack("{s:o, s:b}", "Tags", tags, "Truncated", false));
    return 0;
}
