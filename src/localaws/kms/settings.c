/* What a key is set to: its policy and its tags. */
#include "localaws/kms/kms.h"

#include "base/text.h"

/* A key has one policy, "default". */
static int check_name(struct call *call, struct error *err)
{
    const char *name = kms_text(call, "PolicyName");
    if (!name || text_equal(name, "default"))
        return 0;
    return call_fail(call, err, 400, "NotFoundException", "No such policy exists");
}

int get_key_policy(struct call *call, struct error *err)
{
    struct kms_key *key;
    if (kms_target(call, &key, err) < 0 || check_name(call, err) < 0)
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
    if (kms_target(call, &key, err) < 0 || check_name(call, err) < 0 ||
        kms_required(call, "Policy", &text, err) < 0)
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
    static const struct kms_list kind = {"PolicyNames", "", 100, 1000};
    struct kms_key *key;
    if (kms_target(call, &key, err) < 0)
        return -1;
    return kms_answer_page(call, &kind, json_pack("[s]", "default"), err);
}

static int taggable(struct call *call, struct kms_key **key, struct error *err)
{
    if (kms_target(call, key, err) < 0)
        return -1;
    if ((*key)->managed)
        return call_fail(call, err, 400, "AccessDeniedException", "%s is managed by AWS", (*key)->arn);
    if ((*key)->state == KEY_PENDING_DELETION)
        return call_fail(call, err, 400, "KMSInvalidStateException", "%s is pending deletion.", (*key)->arn);
    return 0;
}

int tag_resource(struct call *call, struct error *err)
{
    struct kms_key *key;
    struct tag *tags;
    size_t count;
    if (taggable(call, &key, err) < 0 || kms_read_tags(call, &tags, &count, err) < 0)
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
    if (taggable(call, &key, err) < 0)
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
    static const struct kms_list kind = {"Tags", "TagKey", 50, 50};
    struct kms_key *key;
    if (kms_target(call, &key, err) < 0)
        return -1;
    json_t *tags = json_array();
    for (size_t i = 0; i < key->tag_count; i++)
        json_array_append_new(tags, json_pack("{s:s, s:s}", "TagKey", key->tags[i].key, "TagValue",
                                              key->tags[i].value ? key->tags[i].value : ""));
    return kms_answer_page(call, &kind, tags, err);
}
