#include "localaws/iam/iam.h"

#include "base/clock.h"
#include "base/text.h"
#include "localaws/iam/list.h"
#include "localaws/resource/answer.h"
#include "localaws/resource/authorize.h"

enum { SESSION_DEFAULT_S = 3600, SESSION_LONGEST_S = 43200 };

static const struct iam_naming naming = {"RoleName", "role", "AROAX", 64};

static struct table *roles_of(struct iam *iam)
{
    return &iam->roles;
}

int iam_target_role(struct call *call, struct principal **role, struct error *err)
{
    static const struct iam_target target = {"role", roles_of};
    const char *name;
    if (call_required(call, "RoleName", &name, err) < 0)
        return -1;
    return iam_target_principal(call, &target, name, role, err);
}

/* Roles that belong to a service change only as the service wants. */
static int own_role(struct call *call, struct principal **role, struct error *err)
{
    if (iam_target_role(call, role, err) < 0)
        return -1;
    if (text_starts((*role)->path, "/aws-service-role/"))
        return call_fail(call, err, 400, "UnmodifiableEntity",
                         "Cannot perform the operation on the protected role '%s' - this role is only "
                         "modifiable by AWS",
                         (*role)->name);
    return 0;
}

void put_role_inside(struct call *call, const struct principal *role, bool whole)
{
    struct buffer *out = &call->answer;
    put_text(out, "Path", role->path);
    put_text(out, "RoleName", role->name);
    put_text(out, "RoleId", role->id);
    put_text(out, "Arn", role->arn);
    put_time(out, "CreateDate", role->created_ms);
    put_document(call, "AssumeRolePolicyDocument", role->trust);
    put_text(out, "Description", role->description);
    put_number(out, "MaxSessionDuration", role->max_session_s);
    if (!whole)
        return;
    put_boundary(call, role);
    put_tag_members(out, role->tags, role->tag_count);
}

void put_role(struct call *call, const char *element, const void *role)
{
    put_open(&call->answer, element);
    put_role_inside(call, role, true);
    put_close(&call->answer, element);
}

/* Lists leave out tags and boundaries, as AWS's do. */
static void put_role_in_list(struct call *call, const char *element, const void *role)
{
    put_open(&call->answer, element);
    put_role_inside(call, role, false);
    put_close(&call->answer, element);
}

int create_role(struct call *call, struct error *err)
{
    struct iam_names names;
    const char *trust, *boundary, *description = call_parameter(call, "Description");
    struct principal draft = {.created_ms = clock_now_ms()};
    if (iam_name_new(call, &naming, &names, err) < 0 ||
        iam_document(call, "AssumeRolePolicyDocument", POLICY_TRUST, &trust, err) < 0 ||
        call_tag_list(call, "Tags.member", &draft.tags, &draft.tag_count, err) < 0 ||
        iam_boundary(call, &boundary, err) < 0 ||
        call_number(call, "MaxSessionDuration", SESSION_DEFAULT_S, SESSION_LONGEST_S, SESSION_DEFAULT_S,
                    &draft.max_session_s, err) < 0)
        return -1;
    struct table *roles = &iam_of(call->account)->roles;
    if (table_get(roles, names.name))
        return call_fail(call, err, 409, "EntityAlreadyExists", "Role with name %s already exists.",
                         names.name);
    draft.name = names.name;
    draft.path = names.path;
    draft.id = names.id;
    draft.arn = names.arn;
    draft.trust = (char *)trust;
    draft.boundary = (char *)boundary;
    draft.description = text_empty(description) ? NULL : (char *)description;
    struct principal *role = principal_add(call->account, roles, &draft);
    if (parsed_policy_set(&role->trust_policy, trust, POLICY_TRUST, err) < 0)
        return -1;
    iam_boundary_count(call, boundary, 1);
    region_changed(call->region);
    put_role(call, "Role", role);
    return 0;
}

int get_role(struct call *call, struct error *err)
{
    struct principal *role;
    if (iam_target_role(call, &role, err) < 0)
        return -1;
    put_role(call, "Role", role);
    return 0;
}

int list_roles(struct call *call, struct error *err)
{
    return iam_list_principals(call, &iam_of(call->account)->roles, "role", "Roles", put_role_in_list, err);
}

int update_role(struct call *call, struct error *err)
{
    struct principal *role;
    int64_t duration;
    if (own_role(call, &role, err) < 0 ||
        call_number(call, "MaxSessionDuration", SESSION_DEFAULT_S, SESSION_LONGEST_S, role->max_session_s,
                    &duration, err) < 0)
        return -1;
    role->max_session_s = duration;
    if (call_parameter(call, "Description"))
        text_replace(&role->description, call_parameter(call, "Description"));
    region_changed(call->region);
    return 0;
}

int update_role_description(struct call *call, struct error *err)
{
    struct principal *role;
    const char *description;
    if (own_role(call, &role, err) < 0 || call_required(call, "Description", &description, err) < 0)
        return -1;
    text_replace(&role->description, description);
    region_changed(call->region);
    put_role(call, "Role", role);
    return 0;
}

int update_assume_role_policy(struct call *call, struct error *err)
{
    struct principal *role;
    const char *trust;
    if (own_role(call, &role, err) < 0 ||
        iam_document(call, "PolicyDocument", POLICY_TRUST, &trust, err) < 0 ||
        parsed_policy_set(&role->trust_policy, trust, POLICY_TRUST, err) < 0)
        return -1;
    text_replace(&role->trust, trust);
    region_changed(call->region);
    return 0;
}

int delete_role(struct call *call, struct error *err)
{
    struct principal *role;
    if (own_role(call, &role, err) < 0)
        return -1;
    struct iam *iam = iam_of(call->account);
    if (role->attached_count)
        return call_fail(call, err, 409, "DeleteConflict",
                         "Cannot delete entity, must detach all policies first.");
    if (role->inline_count)
        return call_fail(call, err, 409, "DeleteConflict",
                         "Cannot delete entity, must delete policies first.");
    const struct instance_profile *profile;
    for (size_t at = 0; (profile = table_next(&iam->profiles, &at));)
        if (text_equal(profile->role, role->name))
            return call_fail(call, err, 409, "DeleteConflict",
                             "Cannot delete entity, must remove roles from instance profile first.");
    iam_boundary_count(call, role->boundary, -1);
    principal_remove(&iam->roles, role);
    region_changed(call->region);
    return 0;
}

int tag_role(struct call *call, struct error *err)
{
    struct principal *role;
    if (iam_target_role(call, &role, err) < 0 || iam_tag(call, &role->tags, &role->tag_count, err) < 0)
        return -1;
    region_changed(call->region);
    return 0;
}

int untag_role(struct call *call, struct error *err)
{
    struct principal *role;
    if (iam_target_role(call, &role, err) < 0)
        return -1;
    iam_untag(call, &role->tags, &role->tag_count);
    region_changed(call->region);
    return 0;
}

int list_role_tags(struct call *call, struct error *err)
{
    struct principal *role;
    if (iam_target_role(call, &role, err) < 0)
        return -1;
    return iam_list_tags(call, role->tags, role->tag_count, err);
}
