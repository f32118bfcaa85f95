#include "localaws/iam/permission.h"

#include "base/text.h"
#include "localaws/front/session.h"

#include <string.h>

/* A list being filled. */
struct filling {
    struct region *region;
    const struct account *account;
    const struct policy **items;
    size_t count;
};

static void add_managed(struct filling *filling, const char *arn)
{
    const struct managed_policy *policy = iam_managed_policy(filling->region, filling->account, arn);
    if (policy)
        filling->items[filling->count++] = policy->parsed.policy;
}

static void add_policies_of(struct filling *filling, const struct principal *principal)
{
    for (size_t i = 0; i < principal->inline_count; i++)
        filling->items[filling->count++] = principal->inlines[i].parsed.policy;
    for (size_t i = 0; i < principal->attached_count; i++)
        add_managed(filling, principal->attached[i]);
}

static const struct principal *group_of(const struct principal *user, size_t at)
{
    return table_get(&iam_of(user->account)->groups, user->groups[at]);
}

static size_t most_policies(const struct principal *principal)
{
    size_t most = principal->inline_count + principal->attached_count;
    for (size_t i = 0; i < principal->group_count; i++) {
        const struct principal *group = group_of(principal, i);
        most += group ? group->inline_count + group->attached_count : 0;
    }
    return most;
}

static void gather_identity(struct arena *arena, struct region *region, const struct principal *principal,
                            struct policy_set *set)
{
    struct filling filling = {region, principal->account,
                              arena_alloc(arena, (most_policies(principal) + 1) * sizeof *filling.items), 0};
    add_policies_of(&filling, principal);
    for (size_t i = 0; i < principal->group_count; i++)
        if (group_of(principal, i))
            add_policies_of(&filling, group_of(principal, i));
    set->identity = (struct policy_list){filling.items, filling.count};
    if (!principal->boundary)
        return;
    const struct managed_policy *boundary =
        iam_managed_policy(region, principal->account, principal->boundary);
    set->boundary = boundary ? boundary->parsed.policy : policy_of_nothing();
}

/* A session policy that is gone meanwhile allows nothing more, but still narrows. */
static void gather_session(struct arena *arena, struct region *region, const struct caller *caller,
                           struct policy_set *set)
{
    const struct session_scope *scope = caller->scope;
    struct filling filling = {region, caller->account,
                              arena_alloc(arena, (scope->policy_arn_count + 2) * sizeof *filling.items), 0};
    if (scope->policy) {
        const struct policy *policy = parsed_find(region, scope->policy, POLICY_IDENTITY);
        filling.items[filling.count++] = policy ? policy : policy_of_nothing();
    }
    for (size_t i = 0; i < scope->policy_arn_count; i++)
        add_managed(&filling, scope->policy_arns[i]);
    if (scope->policy_arn_count && !filling.count)
        filling.items[filling.count++] = policy_of_nothing();
    set->session = (struct policy_list){filling.items, filling.count};
}

void permission_gather(struct arena *arena, struct region *region, const struct caller *caller,
                       const struct principal *principal, struct policy_set *set)
{
    if (principal)
        gather_identity(arena, region, principal, set);
    if (caller->scope)
        gather_session(arena, region, caller, set);
}

const struct principal *permission_principal(struct region *region, const struct caller *caller)
{
    if (caller->kind == CALLER_ROOT || caller->kind == CALLER_SERVICE)
        return NULL;
    const struct principal *principal = iam_principal(region, caller->principal_arn);
    if (!principal)
        return NULL;
    /* A federated user's id does not say which user it comes from, but its session ends with the user's. */
    return caller->kind == CALLER_FEDERATED || text_starts(caller->user_id, principal->id) ? principal : NULL;
}
