/* Grants listed, and whether one allows a use of its key. */
#include "localaws/kms/kms.h"

#include "base/text.h"

#include <string.h>

static json_t *parse(const char *text)
{
    return text ? json_loads(text, 0, NULL) : NULL;
}

static json_t *constraints(const struct kms_grant *grant)
{
    if (!grant->context_equals && !grant->context_subset)
        return NULL;
    return json_pack("{s:o*, s:o*}", "EncryptionContextEquals", parse(grant->context_equals),
                     "EncryptionContextSubset", parse(grant->context_subset));
}

static json_t *describe_grant(const struct kms_key *key, const struct kms_grant *grant)
{
    json_t *operations = json_array();
    for (size_t i = 0; i < grant->operation_count; i++)
        json_array_append_new(operations, json_string(grant->operations[i]));
    return json_pack("{s:s, s:s, s:s*, s:s, s:s*, s:s*, s:o, s:o*, s:f}", "KeyId", key->arn, "GrantId",
                     grant->id, "Name", grant->name, "GranteePrincipal", grant->grantee, "RetiringPrincipal",
                     grant->retiring, "IssuingAccount", grant->issuer, "Operations", operations,
                     "Constraints", constraints(grant), "CreationDate", (double)grant->created_ms / 1000.0);
}

static const struct kms_list page_of_grants = {"Grants", "GrantId", 50, 100};

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
    return kms_answer_page(call, &page_of_grants, list, err);
}

/* Of every account's keys: who may retire a grant need not be of the key's. */
int list_retirable_grants(struct call *call, struct error *err)
{
    const char *principal;
    if (kms_required(call, "RetiringPrincipal", &principal, err) < 0)
        return -1;
    if (!strstr(principal, arena_format(call->arena, "::%s:", call->account->id)))
        return call_fail(call, err, 400, "AccessDeniedException",
                         "RetiringPrincipal must be of the account that asks");
    json_t *list = json_array();
    for (struct account *account = call->region->accounts; account; account = account->next) {
        const struct kms_key *key;
        for (size_t at = 0; (key = table_next(&kms_of(account)->keys, &at));)
            for (size_t i = 0; i < key->grant_count; i++)
                if (text_equal(key->grants[i].retiring, principal))
                    json_array_append_new(list, describe_grant(key, &key->grants[i]));
    }
    return kms_answer_page(call, &page_of_grants, list, err);
}

/* Are the pairs of `wanted` all in `context`? */
static bool holds_all(const json_t *wanted, const json_t *context)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)wanted, name, value)
        if (!json_equal(value, json_object_get(context, name)))
            return false;
    return true;
}

/* Constraints are about operations that have an encryption context. */
static bool context_fits(const struct kms_grant *grant, const struct kms_use *use)
{
    static const char *const without[] = {"CreateGrant", "DescribeKey",  "RetireGrant", "Sign",
                                          "Verify",      "GetPublicKey", "GenerateMac", "VerifyMac"};
    for (size_t i = 0; i < COUNT_OF(without); i++)
        if (text_equal(without[i], use->operation))
            return true;
    const char *text = grant->context_equals ? grant->context_equals : grant->context_subset;
    if (!text)
        return true;
    json_t *wanted = parse(text);
    bool fits =
        holds_all(wanted, use->encryption_context) &&
        (!grant->context_equals || json_object_size(wanted) == json_object_size(use->encryption_context));
    json_decref(wanted);
    return fits;
}

const struct kms_grant *kms_grant_for(const struct kms_use *use, const struct kms_key *key)
{
    for (size_t i = 0; i < key->grant_count; i++) {
        const struct kms_grant *grant = &key->grants[i];
        if ((text_equal(grant->grantee, use->caller->principal_arn) ||
             text_equal(grant->grantee, use->caller->arn)) &&
            list_has_text(grant->operations, grant->operation_count, use->operation) &&
            context_fits(grant, use))
            return grant;
    }
    return NULL;
}
