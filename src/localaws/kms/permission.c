/* Who may use a key. Unlike elsewhere a key's own policy must allow (or leave it to its account's identity
 * policies), and grants add to it; a deny in any policy outweighs both. */
#include "localaws/kms/kms.h"

#include "base/log.h"
#include "base/text.h"
#include "localaws/iam/permission.h"

#include <string.h>

enum { CONTEXT_MOST = 128 };

struct context {
    const char *pairs[2 * CONTEXT_MOST + 1];
    size_t count;
};

static void add(struct context *context, const char *key, const char *value)
{
    if (!value || context->count + 2 > 2 * CONTEXT_MOST)
        return;
    context->pairs[context->count++] = key;
    context->pairs[context->count++] = value;
    context->pairs[context->count] = NULL;
}

static void gather(struct arena *arena, const struct kms_use *use, const struct kms_key *key,
                   struct context *context)
{
    add(context, "kms:CallerAccount", use->caller->account->id);
    add(context, "kms:KeySpec", kms_spec_of(key)->name);
    add(context, "kms:KeyUsage", kms_usages[kms_spec_of(key)->usage]);
    add(context, "kms:KeyOrigin", "AWS_KMS");
    if (use->via)
        add(context, "kms:ViaService",
            arena_format(arena, "%s.%s.amazonaws.com", use->via, use->region->name));
    if (use->via && strcmp(use->operation, "CreateGrant") == 0)
        add(context, "kms:GrantIsForAWSResource", "true");
    if (use->named && text_starts(use->named, "alias/"))
        add(context, "kms:RequestAlias", use->named);
    for (const char *const *pair = use->more; pair && *pair; pair += 2)
        add(context, pair[0], pair[1]);
    const struct kms_alias *alias;
    for (size_t at = 0; (alias = table_next(&kms_of(key->account)->aliases, &at));)
        if (text_equal(alias->key_id, key->id))
            add(context, "kms:ResourceAliases", alias->name);
    for (size_t i = 0; i < key->tag_count; i++)
        add(context, arena_format(arena, "aws:ResourceTag/%s", key->tags[i].key), key->tags[i].value);
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)use->encryption_context, name, value) {
        add(context, arena_format(arena, "kms:EncryptionContext:%s", name), json_string_value(value));
        add(context, "kms:EncryptionContextKeys", name);
    }
}

static struct question ask(struct arena *arena, const struct kms_use *use, const struct kms_key *key,
                           const struct context *context)
{
    return (struct question){
        .region = use->region,
        .caller = use->caller,
        .action = arena_format(arena, "kms:%s", use->operation),
        .resource = key->arn,
        .context = context->pairs,
        .source_ip = use->source_ip,
        .owner = key->account->id,
        .has_policy = true,
        .policy = key->parsed.policy,
        .rule = RESOURCE_KEY,
    };
}

int kms_permit(struct arena *arena, const struct kms_use *use, const struct kms_key *key, struct error *err)
{
    /* A service goes on using what it was once allowed to use for its owner, as by AWS's own grants to EC2.
     */
    if (use->caller->kind == CALLER_SERVICE)
        return 0;
    struct context context = {0};
    gather(arena, use, key, &context);
    struct question question = ask(arena, use, key, &context);
    struct decision decision = permission_ask(arena, &question);
    const struct kms_grant *grant = decision.allowed ? NULL : kms_grant_for(use, key);
    if (grant) {
        question.grantee = grant->grantee; /* for the engine to compare with who asks */
        decision = permission_ask(arena, &question);
    }
    if (use->grant)
        *use->grant = grant;
    if (decision.allowed)
        return 0;
    const char *why = permission_refusal(arena, &question, &decision);
    log_info("refused", "why", why, "via", use->via, NULL);
    return error_code(err, ERROR_FORBIDDEN, "AccessDeniedException", "%s", why);
}

int kms_usable(const struct kms_key *key, struct error *err)
{
    if (key->state == KEY_DISABLED)
        return error_code(err, ERROR_CONFLICT, "DisabledException", "%s is disabled.", key->arn);
    if (key->state == KEY_PENDING_DELETION)
        return error_code(err, ERROR_CONFLICT, "KMSInvalidStateException", "%s is pending deletion.",
                          key->arn);
    return 0;
}

int kms_usable_for(const struct kms_key *key, enum kms_usage usage, struct error *err)
{
    if (kms_spec_of(key)->usage != usage)
        return error_code(err, ERROR_INVALID, "InvalidKeyUsageException",
                          "%s key usage is %s which is not valid.", key->arn,
                          kms_usages[kms_spec_of(key)->usage]);
    return kms_usable(key, err);
}

bool kms_keeps_control(struct call *call, const struct kms_key *key, const struct policy *policy)
{
    const struct kms_use use = {.region = call->region,
                                .caller = call->caller,
                                .operation = "PutKeyPolicy",
                                .source_ip = http_request_address_text(call->request)};
    struct context context = {0};
    gather(call->arena, &use, key, &context);
    struct question question = ask(call->arena, &use, key, &context);
    question.policy = policy;
    return permission_ask(call->arena, &question).allowed;
}
