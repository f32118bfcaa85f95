/* Grants: the use of a key given to one principal, besides what its policy says. */
#include "localaws/kms/kms.h"

#include "base/clock.h"
#include "base/random.h"
#include "base/text.h"

#include <string.h>

static const char *const grantable[] = {
    "Decrypt",       "Encrypt",     "GenerateDataKey", "GenerateDataKeyWithoutPlaintext",
    "ReEncryptFrom", "ReEncryptTo", "CreateGrant",     "DescribeKey",
    "RetireGrant"};

static int read_operations(struct call *call, struct kms_grant *grant, struct error *err)
{
    json_t *list = json_object_get(call->json, "Operations"), *entry;
    size_t index, most = COUNT_OF(grantable);
    if (!json_is_array(list) || !json_array_size(list) || json_array_size(list) > most)
        return call_fail(call, err, 400, "ValidationException", "Operations names 1 to %zu operations", most);
    grant->operations = arena_alloc(call->arena, most * sizeof *grant->operations);
    json_array_foreach(list, index, entry) {
        const char *name = json_string_value(entry);
        size_t at = 0;
        while (at < most && !text_equal(grantable[at], name))
            at++;
        if (at == most)
            return call_fail(call, err, 400, "ValidationException", "%.60s cannot be granted",
                             name ? name : "that");
        grant->operations[grant->operation_count++] = (char *)grantable[at];
    }
    return 0;
}

static const struct kms_grant *same_name(const struct kms_key *key, const char *name)
{
    for (size_t i = 0; name && i < key->grant_count; i++)
        if (text_equal(key->grants[i].name, name))
            return &key->grants[i];
    return NULL;
}

int create_grant(struct call *call, struct error *err)
{
    struct kms_key *key;
    const char *grantee;
    struct kms_grant draft = {.created_ms = clock_now_ms()};
    struct error why = {0};
    if (kms_target(call, &key, err) < 0 || kms_required(call, "GranteePrincipal", &grantee, err) < 0 ||
        read_operations(call, &draft, err) < 0)
        return -1;
    if (json_object_size(json_object_get(call->json, "Constraints")))
        return call_fail(call, err, 400, "UnsupportedOperationException",
                         "Constraints of grants are not known here");
    if (kms_usable(key, &why) < 0)
        return call_fail(call, err, 400, why.code, "%s", why.message);
    draft.name = (char *)kms_text(call, "Name");
    const struct kms_grant *grant = same_name(key, draft.name);
    if (!grant) {
        struct kms_grant *fresh = list_add(&key->grants, &key->grant_count, sizeof *fresh);
        text_replace(&fresh->id, random_hex(call->arena, 64));
        text_replace(&fresh->token, random_hex(call->arena, 96));
        text_replace(&fresh->name, draft.name);
        text_replace(&fresh->grantee, grantee);
        text_replace(&fresh->retiring, kms_text(call, "RetiringPrincipal"));
        fresh->issuer = memory_format("arn:aws:iam::%s:root", call->account->id);
        for (size_t i = 0; i < draft.operation_count; i++)
            list_add_text(&fresh->operations, &fresh->operation_count, draft.operations[i]);
        fresh->created_ms = draft.created_ms;
        grant = fresh;
        region_changed(call->region);
    }
    kms_answer(call, json_pack("{s:s, s:s}", "GrantId", grant->id, "GrantToken", grant->token));
    return 0;
}

static json_t *describe_grant(const struct kms_key *key, const struct kms_grant *grant)
{
    json_t *operations = json_array();
    for (size_t i = 0; i < grant->operation_count; i++)
        json_array_append_new(operations, json_string(grant->operations[i]));
    return json_pack("{s:s, s:s, s:s*, s:s, s:s*, s:s*, s:o, s:f}", "KeyId", key->arn, "GrantId", grant->id,
                     "Name", grant->name, "GranteePrincipal", grant->grantee, "RetiringPrincipal",
                     grant->retiring, "IssuingAccount", grant->issuer, "Operations", operations,
                     "CreationDate", (double)grant->created_ms / 1000.0);
}

int list_grants(struct call *call, struct error *err)
{
    struct kms_key *key;
    const char *id = kms_text(call, "GrantId"), *grantee = kms_text(call, "GranteePrincipal");
    if (kms_target(call, &key, err) < 0)
        return -1;
    json_t *list = json_array();
    for (size_t i = 0; i < key->grant_count; i++)
        if ((!id || text_equal(id, key->grants[i].id)) &&
            (!grantee || text_equal(grantee, key->grants[i].grantee)))
            json_array_append_new(list, describe_grant(key, &key->grants[i]));
    kms_answer(call, json_pack("{s:o, s:b}", "Grants", list, "Truncated", false));
    return 0;
}

int revoke_grant(struct call *call, struct error *err)
{
    struct kms_key *key;
    const char *id;
    if (kms_target(call, &key, err) < 0 || kms_required(call, "GrantId", &id, err) < 0)
        return -1;
    for (size_t i = 0; i < key->grant_count; i++) {
        if (!text_equal(key->grants[i].id, id))
            continue;
        list_remove(&kms_grant_record, &key->grants, &key->grant_count, i);
        region_changed(call->region);
        return 0;
    }
    return call_fail(call, err, 400, "NotFoundException", "Grant %.100s does not exist", id);
}
