/* Policies of roles and users: managed ones attached, inline ones put. The same for both, but for who is
 * meant. */
#include "localaws/iam/iam.h"

#include "base/text.h"
#include "localaws/resource/answer.h"

#include <string.h>

typedef int target(struct call *call, struct principal **principal, struct error *err);

static int attach(struct call *call, target *find, struct error *err)
{
    struct principal *principal;
    const char *arn;
    if (find(call, &principal, err) < 0 || call_required(call, "PolicyArn", &arn, err) < 0)
        return -1;
    struct managed_policy *policy = iam_managed_policy(call->region, call->account, arn);
    if (!policy)
        return call_fail(call, err, 404, "NoSuchEntity", "Policy %.300s does not exist or is not attachable.",
                         arn);
    if (list_has_text(principal->attached, principal->attached_count, arn))
        return 0;
    if (principal->attached_count >= 20)
        return call_fail(call, err, 409, "LimitExceeded", "Cannot exceed quota for PoliciesPerPrincipal: 20");
    list_add_text(&principal->attached, &principal->attached_count, arn);
    policy->attachments++;
    region_changed(call->region);
    return 0;
}

static int detach(struct call *call, target *find, struct error *err)
{
    struct principal *principal;
    const char *arn;
    if (find(call, &principal, err) < 0 || call_required(call, "PolicyArn", &arn, err) < 0)
        return -1;
    for (size_t i = 0; i < principal->attached_count; i++) {
        if (!text_equal(principal->attached[i], arn))
            continue;
        list_remove(&text_record, &principal->attached, &principal->attached_count, i);
        struct managed_policy *policy = iam_managed_policy(call->region, call->account, arn);
        if (policy)
            policy->attachments--;
        region_changed(call->region);
        return 0;
    }
    return call_fail(call, err, 404, "NoSuchEntity", "Policy %.300s was not found.", arn);
}

static int list_attached(struct call *call, target *find, struct error *err)
{
    struct principal *principal;
    if (find(call, &principal, err) < 0)
        return -1;
    put_open(&call->answer, "AttachedPolicies");
    for (size_t i = 0; i < principal->attached_count; i++) {
        put_open(&call->answer, "member");
        put_text(&call->answer, "PolicyName", strrchr(principal->attached[i], '/') + 1);
        put_text(&call->answer, "PolicyArn", principal->attached[i]);
        put_close(&call->answer, "member");
    }
    put_close(&call->answer, "AttachedPolicies");
    put_bool(&call->answer, "IsTruncated", false);
    return 0;
}

static struct inline_policy *find_inline(const struct principal *principal, const char *name)
{
    for (size_t i = 0; i < principal->inline_count; i++)
        if (text_equal(principal->inlines[i].name, name))
            return &principal->inlines[i];
    return NULL;
}

static int put_inline(struct call *call, target *find, struct error *err)
{
    struct principal *principal;
    const char *name, *document;
    if (find(call, &principal, err) < 0 || call_required(call, "PolicyName", &name, err) < 0 ||
        iam_document(call, "PolicyDocument", POLICY_IDENTITY, &document, err) < 0)
        return -1;
    if (strlen(name) > 128 || !text_only(name, "A-Za-z0-9_+=,.@-"))
        return call_fail(call, err, 400, "ValidationError", "PolicyName is not valid");
    struct inline_policy *policy = find_inline(principal, name);
    if (!policy) {
        policy = list_add(&principal->inlines, &principal->inline_count, sizeof *policy);
        text_replace(&policy->name, name);
    }
    text_replace(&policy->document, document);
    region_changed(call->region);
    return parsed_policy_set(&policy->parsed, document, POLICY_IDENTITY, err);
}

static int inline_of(struct call *call, target *find, struct principal **principal,
                     struct inline_policy **policy, struct error *err)
{
    const char *name;
    if (find(call, principal, err) < 0 || call_required(call, "PolicyName", &name, err) < 0)
        return -1;
    *policy = find_inline(*principal, name);
    return *policy ? 0
                   : call_fail(call, err, 404, "NoSuchEntity", "The policy with name %.200s cannot be found.",
                               name);
}

static int get_inline(struct call *call, target *find, const char *element, struct error *err)
{
    struct principal *principal;
    struct inline_policy *policy;
    if (inline_of(call, find, &principal, &policy, err) < 0)
        return -1;
    put_text(&call->answer, element, principal->name);
    put_text(&call->answer, "PolicyName", policy->name);
    put_document(call, "PolicyDocument", policy->document);
    return 0;
}

static int delete_inline(struct call *call, target *find, struct error *err)
{
    struct principal *principal;
    struct inline_policy *policy;
    if (inline_of(call, find, &principal, &policy, err) < 0)
        return -1;
    parsed_policy_clear(&policy->parsed);
    list_remove(&inline_policy_record, &principal->inlines, &principal->inline_count,
                (size_t)(policy - principal->inlines));
    region_changed(call->region);
    return 0;
}

static int list_inline(struct call *call, target *find, struct error *err)
{
    struct principal *principal;
    if (find(call, &principal, err) < 0)
        return -1;
    put_open(&call->answer, "PolicyNames");
    for (size_t i = 0; i < principal->inline_count; i++)
        put_text(&call->answer, "member", principal->inlines[i].name);
    put_close(&call->answer, "PolicyNames");
    put_bool(&call->answer, "IsTruncated", false);
    return 0;
}

int attach_role_policy(struct call *call, struct error *err)
{
    return attach(call, iam_target_role, err);
}

int detach_role_policy(struct call *call, struct error *err)
{
    return detach(call, iam_target_role, err);
}

int list_attached_role_policies(struct call *call, struct error *err)
{
    return list_attached(call, iam_target_role, err);
}

int put_role_policy(struct call *call, struct error *err)
{
    return put_inline(call, iam_target_role, err);
}

int get_role_policy(struct call *call, struct error *err)
{
    return get_inline(call, iam_target_role, "RoleName", err);
}

int delete_role_policy(struct call *call, struct error *err)
{
    return delete_inline(call, iam_target_role, err);
}

int list_role_policies(struct call *call, struct error *err)
{
    return list_inline(call, iam_target_role, err);
}

int attach_user_policy(struct call *call, struct error *err)
{
    return attach(call, iam_target_user, err);
}

int detach_user_policy(struct call *call, struct error *err)
{
    return detach(call, iam_target_user, err);
}

int list_attached_user_policies(struct call *call, struct error *err)
{
    return list_attached(call, iam_target_user, err);
}

int put_user_policy(struct call *call, struct error *err)
{
    return put_inline(call, iam_target_user, err);
}

int get_user_policy(struct call *call, struct error *err)
{
    return get_inline(call, iam_target_user, "UserName", err);
}

int delete_user_policy(struct call *call, struct error *err)
{
    return delete_inline(call, iam_target_user, err);
}

int list_user_policies(struct call *call, struct error *err)
{
    return list_inline(call, iam_target_user, err);
}
