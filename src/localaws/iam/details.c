/* GetAccountAuthorizationDetails: everything that decides, in one paged answer; what audits begin with. */
#include "localaws/iam/list.h"

#include "base/text.h"
#include "localaws/resource/answer.h"

static void put_inlines(struct call *call, const struct principal *principal, const char *element)
{
    struct buffer *out = &call->answer;
    put_open(out, element);
    for (size_t i = 0; i < principal->inline_count; i++) {
        put_open(out, "member");
        put_text(out, "PolicyName", principal->inlines[i].name);
        put_document(call, "PolicyDocument", principal->inlines[i].document);
        put_close(out, "member");
    }
    put_close(out, element);
}

static void put_whose(struct call *call, const struct principal *principal, const char *name, const char *id)
{
    struct buffer *out = &call->answer;
    put_text(out, "Path", principal->path);
    put_text(out, name, principal->name);
    put_text(out, id, principal->id);
    put_text(out, "Arn", principal->arn);
    put_time(out, "CreateDate", principal->created_ms);
}

static void put_user_detail(struct call *call, const char *element, const void *item)
{
    const struct principal *user = item;
    put_open(&call->answer, element);
    put_whose(call, user, "UserName", "UserId");
    put_inlines(call, user, "UserPolicyList");
    put_texts(&call->answer, "GroupList", "member", user->groups, user->group_count);
    put_attached(call, user, "AttachedManagedPolicies");
    put_boundary(call, user);
    put_tag_members(&call->answer, user->tags, user->tag_count);
    put_close(&call->answer, element);
}

static void put_group_detail(struct call *call, const char *element, const void *item)
{
    const struct principal *group = item;
    put_open(&call->answer, element);
    put_whose(call, group, "GroupName", "GroupId");
    put_inlines(call, group, "GroupPolicyList");
    put_attached(call, group, "AttachedManagedPolicies");
    put_close(&call->answer, element);
}

static void put_profiles_of(struct call *call, const struct principal *role)
{
    put_open(&call->answer, "InstanceProfileList");
    const struct instance_profile *profile;
    for (size_t at = 0; (profile = table_next(&iam_of(call->account)->profiles, &at));)
        if (text_equal(profile->role, role->name))
            put_profile(call, "member", profile);
    put_close(&call->answer, "InstanceProfileList");
}

static void put_role_detail(struct call *call, const char *element, const void *item)
{
    const struct principal *role = item;
    put_open(&call->answer, element);
    put_whose(call, role, "RoleName", "RoleId");
    put_document(call, "AssumeRolePolicyDocument", role->trust);
    put_profiles_of(call, role);
    put_inlines(call, role, "RolePolicyList");
    put_attached(call, role, "AttachedManagedPolicies");
    put_boundary(call, role);
    put_tag_members(&call->answer, role->tags, role->tag_count);
    put_close(&call->answer, element);
}

static void put_policy_detail(struct call *call, const char *element, const void *item)
{
    const struct managed_policy *policy = item;
    put_open(&call->answer, element);
    put_policy_inside(call, policy, false);
    put_open(&call->answer, "PolicyVersionList");
    for (size_t i = policy->version_count; i-- > 0;)
        put_version(call, "member", policy, &policy->versions[i], true);
    put_close(&call->answer, "PolicyVersionList");
    put_close(&call->answer, element);
}

/* The kinds, in the order of the answer, which is also that of the pages. */
static const struct detail {
    const char *filter, *element, *order;
    iam_put *put;
    size_t table; /* in struct iam */
} kinds[] = {
    {"User", "UserDetailList", "a", put_user_detail, offsetof(struct iam, users)},
    {"Group", "GroupDetailList", "b", put_group_detail, offsetof(struct iam, groups)},
    {"Role", "RoleDetailList", "c", put_role_detail, offsetof(struct iam, roles)},
    {"LocalManagedPolicy", "Policies", "d", put_policy_detail, offsetof(struct iam, policies)},
};

static bool is_asked_for(struct call *call, const char *filter)
{
    const char **wanted = call_list(call, "Filter.member", NULL);
    for (size_t i = 0; wanted[i]; i++)
        if (text_equal(wanted[i], filter))
            return true;
    return !wanted[0];
}

static void gather(struct call *call, const struct detail *kind, struct iam_list *list)
{
    const struct table *table = (const void *)((const char *)iam_of(call->account) + kind->table);
    bool policies = kind->put == put_policy_detail;
    const void *item;
    for (size_t at = 0; (item = table_next(table, &at));) {
        const char *name =
            policies ? ((const struct managed_policy *)item)->arn : ((const struct principal *)item)->name;
        iam_list_add(list, arena_format(call->arena, "%s/%s", kind->order, name), item);
    }
}

/* AWS's own policies as far as someone here has them. */
static void gather_aws_policies(struct call *call, struct iam_list *list)
{
    const struct managed_policy *policy;
    for (size_t at = 0; (policy = table_next(&iam_region_of(call->region)->aws_policies, &at));)
        if (policy->attachments || policy->boundaries)
            iam_list_add(list, arena_format(call->arena, "d/%s", policy->arn), policy);
}

int get_account_authorization_details(struct call *call, struct error *err)
{
    struct iam_list list;
    if (iam_authorize(call, "*", err) < 0 || iam_list_begin(call, &list, err) < 0)
        return -1;
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        if (is_asked_for(call, kinds[i].filter))
            gather(call, &kinds[i], &list);
    if (is_asked_for(call, "AWSManagedPolicy"))
        gather_aws_policies(call, &list);
    size_t count = iam_list_page(&list);
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        put_open(&call->answer, kinds[i].element);
        for (size_t at = 0; at < count; at++)
            if (*list.entries[at].name == *kinds[i].order)
                kinds[i].put(call, "member", list.entries[at].item);
        put_close(&call->answer, kinds[i].element);
    }
    iam_list_end(&list);
    return 0;
}
