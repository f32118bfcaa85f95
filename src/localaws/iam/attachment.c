/* Policies of roles, users and groups: managed ones attached, inline ones put. The same for all, but for who
 * is meant. */
#include "localaws/iam/iam.h"

#include "base/text.h"
#include "localaws/iam/list.h"
#include "localaws/resource/answer.h"

#include <string.h>

typedef int target(struct call *call, struct principal **principal, struct error *err);

enum { ATTACHED_MOST = 10 };

/* What differs between those who can have policies. */
static const struct holder {
    const char *type, *name;
    size_t inline_largest; /* all inline policies together, without white space */
} holders[] = {{":role/", "Role", 10240}, {":user/", "User", 2048}, {":group/", "Group", 5120}};

static const struct holder *kind_of(const struct principal *principal)
{
    size_t i = 0;
    while (i + 1 < COUNT_OF(holders) && !strstr(principal->arn, holders[i].type))
        i++;
    return &holders[i];
}

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
    if (principal->attached_count >= ATTACHED_MOST)
        return call_fail(call, err, 409, "LimitExceeded", "Cannot exceed quota for PoliciesPer%s: %d",
                         kind_of(principal)->name, ATTACHED_MOST);
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

static void put_attachment(struct call *call, const char *element, const void *arn)
{
    put_open(&call->answer, element);
    put_text(&call->answer, "PolicyName", strrchr(arn, '/') + 1);
    put_text(&call->answer, "PolicyArn", arn);
    put_close(&call->answer, element);
}

void put_attached(struct call *call, const struct principal *principal, const char *element)
{
    put_open(&call->answer, element);
    for (size_t i = 0; i < principal->attached_count; i++)
        put_attachment(call, "member", principal->attached[i]);
    put_close(&call->answer, element);
}

static int list_attached(struct call *call, target *find, struct error *err)
{
    struct principal *principal;
    struct iam_list list;
    if (find(call, &principal, err) < 0 || iam_list_begin(call, &list, err) < 0)
        return -1;
    for (size_t i = 0; i < principal->attached_count; i++)
        iam_list_add(&list, principal->attached[i], principal->attached[i]);
    iam_list_put(&list, "AttachedPolicies", put_attachment);
    return 0;
}

static struct inline_policy *find_inline(const struct principal *principal, const char *name)
{
    for (size_t i = 0; i < principal->inline_count; i++)
        if (text_equal(principal->inlines[i].name, name))
            return &principal->inlines[i];
    return NULL;
}

static int check_inline_size(struct call *call, const struct principal *principal,
                             const struct inline_policy *replaced, const char *document, struct error *err)
{
    const struct holder *holder = kind_of(principal);
    size_t size = policy_size(document);
    for (size_t i = 0; i < principal->inline_count; i++)
        if (&principal->inlines[i] != replaced)
            size += policy_size(principal->inlines[i].document);
    if (size <= holder->inline_largest)
        return 0;
    return call_fail(call, err, 409, "LimitExceeded", "Maximum policy size of %zu bytes exceeded for %s %s",
                     holder->inline_largest, text_lower(call->arena, holder->name), principal->name);
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
    if (check_inline_size(call, principal, policy, document, err) < 0)
        return -1;
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
    struct iam_list list;
    if (find(call, &principal, err) < 0 || iam_list_begin(call, &list, err) < 0)
        return -1;
    for (size_t i = 0; i < principal->inline_count; i++)
        iam_list_add(&list, principal->inlines[i].name, principal->inlines[i].name);
    iam_list_put(&list, "PolicyNames", put_name);
    return 0;
}

/* The actions: each of the above for each who can have policies. */
#define ACTIONS_OF(type, element)                                             \
    int attach_##type##_policy(struct call *call, struct error *err)          \
    {                                                                         \
        return attach(call, iam_target_##type, err);                          \
    }                                                                         \
    int detach_##type##_policy(struct call *call, struct error *err)          \
    {                                                                         \
        return detach(call, iam_target_##type, err);                          \
    }                                                                         \
    int list_attached_##type##_policies(struct call *call, struct error *err) \
    {                                                                         \
        return list_attached(call, iam_target_##type, err);                   \
    }                                                                         \
    int put_##type##_policy(struct call *call, struct error *err)             \
    {                                                                         \
        return put_inline(call, iam_target_##type, err);                      \
    }                                                                         \
    int get_##type##_policy(struct call *call, struct error *err)             \
    {                                                                         \
        return get_inline(call, iam_target_##type, element, err);             \
    }                                                                         \
    int delete_##type##_policy(struct call *call, struct error *err)          \
    {                                                                         \
        return delete_inline(call, iam_target_##type, err);                   \
    }                                                                         \
    int list_##type##_policies(struct call *call, struct error *err)          \
    {                                                                         \
        return list_inline(call, iam_target_##type, err);                     \
    }

ACTIONS_OF(role, "RoleName")
ACTIONS_OF(user, "UserName")
ACTIONS_OF(group, "GroupName")
