/* Grants: the use of a key given to one principal, besides what its policy says. */
#include "localaws/kms/kms.h"

#include "base/clock.h"
#include "base/random.h"
#include "base/text.h"
#include "localaws/iam/permission.h"

#include <string.h>

enum { LONGEST_NAME = 256, LONGEST_CONTEXT = 384 };

/* And by which kinds of keys. */
static const struct {
    const char *operation;
    unsigned usages; /* bits of enum kms_usage */
} grantable[] = {
    {"Decrypt", 1u << KMS_ENCRYPT_DECRYPT},
    {"Encrypt", 1u << KMS_ENCRYPT_DECRYPT},
    {"GenerateDataKey", 1u << KMS_ENCRYPT_DECRYPT},
    {"GenerateDataKeyWithoutPlaintext", 1u << KMS_ENCRYPT_DECRYPT},
    {"GenerateDataKeyPair", 1u << KMS_ENCRYPT_DECRYPT},
    {"GenerateDataKeyPairWithoutPlaintext", 1u << KMS_ENCRYPT_DECRYPT},
    {"ReEncryptFrom", 1u << KMS_ENCRYPT_DECRYPT},
    {"ReEncryptTo", 1u << KMS_ENCRYPT_DECRYPT},
    {"Sign", 1u << KMS_SIGN_VERIFY},
    {"Verify", 1u << KMS_SIGN_VERIFY},
    {"GetPublicKey", 1u << KMS_SIGN_VERIFY},
    {"GenerateMac", 1u << KMS_GENERATE_VERIFY_MAC},
    {"VerifyMac", 1u << KMS_GENERATE_VERIFY_MAC},
    {"CreateGrant", ~0u},
    {"DescribeKey", ~0u},
    {"RetireGrant", ~0u},
};

static int read_operations(struct call *call, const struct kms_key *key, struct kms_grant *grant,
                           struct error *err)
{
    json_t *list = json_object_get(call->json, "Operations"), *entry;
    size_t index, most = COUNT_OF(grantable);
    if (!json_is_array(list) || !json_array_size(list) || json_array_size(list) > most)
        return call_fail(call, err, 400, "ValidationException", "Operations names 1 to %zu operations", most);
    grant->operations = arena_alloc(call->arena, most * sizeof *grant->operations);
    json_array_foreach(list, index, entry) {
        const char *name = json_string_value(entry);
        size_t at = 0;
        while (at < most && !text_equal(grantable[at].operation, name))
            at++;
        if (at == most || !(grantable[at].usages & 1u << kms_spec_of(key)->usage))
            return call_fail(call, err, 400, "ValidationException",
                             "%.60s is not an operation to grant on such a key", name ? name : "that");
        if (!list_has_text(grant->operations, grant->operation_count, name))
            grant->operations[grant->operation_count++] = (char *)grantable[at].operation;
    }
    return 0;
}

static int read_context(struct call *call, const char *member, char **text, struct error *err)
{
    const json_t *context = json_object_get(json_object_get(call->json, "Constraints"), member);
    const char *name;
    json_t *value;
    *text = NULL;
    if (!context || json_is_null(context) || (json_is_object(context) && !json_object_size(context)))
        return 0; /* an empty one, as Terraform sends it beside the other, is none */
    if (!json_is_object(context))
        return call_fail(call, err, 400, "ValidationException", "%s is an object of texts", member);
    json_object_foreach((json_t *)context, name, value)
        if (!json_is_string(value) || strlen(name) + json_string_length(value) > LONGEST_CONTEXT)
            return call_fail(call, err, 400, "ValidationException",
                             "%s holds texts, each pair of no more than %d bytes", member, LONGEST_CONTEXT);
    *text = json_text(call->arena, context);
    return 0;
}

static int read_constraints(struct call *call, struct kms_grant *grant, struct error *err)
{
    const char *name;
    json_t *value;
    json_object_foreach(json_object_get(call->json, "Constraints"), name, value)
        if (!text_equal(name, "EncryptionContextEquals") && !text_equal(name, "EncryptionContextSubset"))
            return call_fail(call, err, 400, "ValidationException", "%.60s is no constraint of grants", name);
    if (read_context(call, "EncryptionContextEquals", &grant->context_equals, err) < 0 ||
        read_context(call, "EncryptionContextSubset", &grant->context_subset, err) < 0)
        return -1;
    if (grant->context_equals && grant->context_subset)
        return call_fail(call, err, 400, "ValidationException",
                         "A grant has one of EncryptionContextEquals and EncryptionContextSubset");
    return 0;
}

/* Of whichever account; whether it exists, only its own account knows. */
static int read_principal(struct call *call, const char *member, bool required, char **arn, struct error *err)
{
    const char *text = kms_text(call, member);
    *arn = (char *)text;
    if (!text && !required)
        return 0;
    if (!text || (!text_starts(text, "arn:aws:iam::") && !text_starts(text, "arn:aws:sts::")))
        return call_fail(call, err, 400, "InvalidArnException", "%s is the ARN of a principal", member);
    char **parts;
    if (text_split(call->arena, text, ':', &parts) != 6 || strlen(parts[4]) != 12 ||
        !text_only(parts[4], "0-9"))
        return call_fail(call, err, 400, "InvalidArnException", "%s is the ARN of a principal", member);
    if (region_account(call->region, parts[4]) && !text_ends(text, ":root") &&
        text_starts(text, "arn:aws:iam::") && !iam_principal(call->region, text))
        return call_fail(call, err, 400, "InvalidArnException", "%s names nobody: %.300s", member, text);
    return 0;
}

static int read_grant(struct call *call, const struct kms_key *key, struct kms_grant *draft,
                      struct error *err)
{
    *draft = (struct kms_grant){.created_ms = clock_now_ms(), .name = (char *)kms_text(call, "Name")};
    if (draft->name && (strlen(draft->name) > LONGEST_NAME || !text_only(draft->name, "a-zA-Z0-9:/_-")))
        return call_fail(call, err, 400, "ValidationException", "Name has up to %d letters, digits and :/_-",
                         LONGEST_NAME);
    if (read_principal(call, "GranteePrincipal", true, &draft->grantee, err) < 0 ||
        read_principal(call, "RetiringPrincipal", false, &draft->retiring, err) < 0 ||
        read_operations(call, key, draft, err) < 0)
        return -1;
    return read_constraints(call, draft, err);
}

/* Who may create grants by a grant only gives no more than that one gives. */
static int check_parent(struct call *call, const struct kms_grant *parent, const struct kms_grant *draft,
                        struct error *err)
{
    if (!parent)
        return 0;
    for (size_t i = 0; i < draft->operation_count; i++)
        if (!list_has_text(parent->operations, parent->operation_count, draft->operations[i]))
            return call_fail(call, err, 400, "AccessDeniedException",
                             "The grant that allows CreateGrant does not allow %s", draft->operations[i]);
    if ((parent->context_equals && !text_equal(parent->context_equals, draft->context_equals)) ||
        (parent->context_subset && !text_equal(parent->context_subset, draft->context_subset)))
        return call_fail(call, err, 400, "AccessDeniedException",
                         "The grant that allows CreateGrant has other constraints");
    return 0;
}

static bool is_same(const struct kms_grant *a, const struct kms_grant *b)
{
    if (!text_equal(a->name, b->name) || !text_equal(a->grantee, b->grantee) ||
        !text_equal(a->retiring, b->retiring) || !text_equal(a->context_equals, b->context_equals) ||
        !text_equal(a->context_subset, b->context_subset) || a->operation_count != b->operation_count)
        return false;
    for (size_t i = 0; i < a->operation_count; i++)
        if (!list_has_text(b->operations, b->operation_count, a->operations[i]))
            return false;
    return true;
}

/* A name makes creating the same grant again return the one there is. */
static const struct kms_grant *find_same(const struct kms_key *key, const struct kms_grant *draft)
{
    for (size_t i = 0; draft->name && i < key->grant_count; i++)
        if (is_same(&key->grants[i], draft))
            return &key->grants[i];
    return NULL;
}

static const struct kms_grant *add_grant(struct call *call, struct kms_key *key,
                                         const struct kms_grant *draft)
{
    struct kms_grant *fresh = list_add(&key->grants, &key->grant_count, sizeof *fresh);
    text_replace(&fresh->id, random_hex(call->arena, 64));
    text_replace(&fresh->token, random_hex(call->arena, 96));
    text_replace(&fresh->name, draft->name);
    text_replace(&fresh->grantee, draft->grantee);
    text_replace(&fresh->retiring, draft->retiring);
    text_replace(&fresh->context_equals, draft->context_equals);
    text_replace(&fresh->context_subset, draft->context_subset);
    fresh->issuer = memory_format("arn:aws:iam::%s:root", call->account->id);
    for (size_t i = 0; i < draft->operation_count; i++)
        list_add_text(&fresh->operations, &fresh->operation_count, draft->operations[i]);
    fresh->created_ms = draft->created_ms;
    region_changed(call->region);
    return fresh;
}

int create_grant(struct call *call, struct error *err)
{
    struct kms_key *key;
    struct kms_grant draft;
    const struct kms_grant *parent = NULL;
    struct error why = {0};
    if (kms_target_by(call, &key, &parent, err) < 0 || read_grant(call, key, &draft, err) < 0 ||
        check_parent(call, parent, &draft, err) < 0)
        return -1;
    if (kms_usable(key, &why) < 0)
        return call_fail(call, err, 400, why.code, "%s", why.message);
    if (kms_dry_run(call, err) < 0)
        return -1;
    const struct kms_grant *grant = find_same(key, &draft);
    if (!grant)
        grant = add_grant(call, key, &draft);
    kms_answer(call, json_pack("{s:s, s:s}", "GrantId", grant->id, "GrantToken", grant->token));
    return 0;
}

static int no_grant(struct call *call, const char *id, struct error *err)
{
    return call_fail(call, err, 400, "NotFoundException", "Grant %.100s does not exist", id);
}

static int find_by_id(const struct kms_key *key, const char *id, size_t *at)
{
    for (*at = 0; *at < key->grant_count; ++*at)
        if (text_equal(key->grants[*at].id, id))
            return 0;
    return -1;
}

static int remove_grant(struct call *call, struct kms_key *key, size_t at, struct error *err)
{
    if (kms_dry_run(call, err) < 0)
        return -1;
    list_remove(&kms_grant_record, &key->grants, &key->grant_count, at);
    region_changed(call->region);
    return 0;
}

int revoke_grant(struct call *call, struct error *err)
{
    struct kms_key *key;
    const char *id;
    size_t at;
    if (kms_target(call, &key, err) < 0 || kms_required(call, "GrantId", &id, err) < 0)
        return -1;
    return find_by_id(key, id, &at) < 0 ? no_grant(call, id, err) : remove_grant(call, key, at, err);
}

static int find_by_token(struct region *region, const char *token, struct kms_key **key, size_t *at)
{
    for (struct account *account = region->accounts; account; account = account->next) {
        size_t next = 0;
        while ((*key = table_next(&kms_of(account)->keys, &next)))
            for (*at = 0; *at < (*key)->grant_count; ++*at)
                if (text_equal((*key)->grants[*at].token, token))
                    return 0;
    }
    return -1;
}

/* The retiring principal, the grantee where RetireGrant is granted, the account that gave it; and whom its
 * own policies let. */
static int may_retire(struct call *call, const struct kms_key *key, const struct kms_grant *grant,
                      struct error *err)
{
    const char *who = call->caller->principal_arn;
    if (text_equal(who, grant->retiring) || text_equal(call->caller->arn, grant->retiring) ||
        text_equal(who, grant->issuer) ||
        ((text_equal(who, grant->grantee) || text_equal(call->caller->arn, grant->grantee)) &&
         list_has_text(grant->operations, grant->operation_count, "RetireGrant")))
        return 0;
    if (call->caller->kind != CALLER_ROOT && text_equal(call->account->id, key->account->id))
        return call_authorize(call, "kms:RetireGrant", key->arn, NULL, err);
    return call_fail(call, err, 400, "AccessDeniedException",
                     "User: %s is not authorized to perform: kms:RetireGrant on resource: %s",
                     call->caller->arn, key->arn);
}

int retire_grant(struct call *call, struct error *err)
{
    const char *token = kms_text(call, "GrantToken"), *name = kms_text(call, "KeyId"),
               *id = kms_text(call, "GrantId");
    struct kms_key *key = NULL;
    size_t at;
    if (token ? name || id : !name || !id)
        return call_fail(call, err, 400, "ValidationException",
                         "Either GrantToken, or KeyId and GrantId are required");
    if (token && find_by_token(call->region, token, &key, &at) < 0)
        return call_fail(call, err, 400, "InvalidGrantTokenException", "The grant token is of no grant");
    if (!token && !(key = kms_find(call->region, call->account, name)))
        return call_fail(call, err, 400, "NotFoundException", "Key '%.300s' does not exist", name);
    if (!token && find_by_id(key, id, &at) < 0)
        return no_grant(call, id, err);
    if (may_retire(call, key, &key->grants[at], err) < 0)
        return -1;
    return remove_grant(call, key, at, err);
}
