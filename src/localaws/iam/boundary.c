/* Permissions boundaries: a managed policy as the most that a role or user may be allowed. */
#include "localaws/iam/iam.h"

#include "base/text.h"
#include "localaws/resource/answer.h"

static int check_boundary(struct call *call, const char *arn, struct error *err)
{
    if (iam_managed_policy(call->region, call->account, arn))
        return 0;
    return call_fail(call, err, 404, "NoSuchEntity", "Scope ARN: %.300s does not exist or is not attachable.",
                     arn);
}

int iam_boundary(struct call *call, const char **arn, struct error *err)
{
    *arn = call_parameter(call, "PermissionsBoundary");
    return *arn ? check_boundary(call, *arn, err) : 0;
}

void iam_boundary_count(struct call *call, const char *arn, int change)
{
    struct managed_policy *policy = arn ? iam_managed_policy(call->region, call->account, arn) : NULL;
    if (policy)
        policy->boundaries += (size_t)change;
}

void put_boundary(struct call *call, const struct principal *principal)
{
    if (!principal->boundary)
        return;
    put_open(&call->answer, "PermissionsBoundary");
    put_text(&call->answer, "PermissionsBoundaryType", "PermissionsBoundaryPolicy");
    put_text(&call->answer, "PermissionsBoundaryArn", principal->boundary);
    put_close(&call->answer, "PermissionsBoundary");
}

static void set(struct call *call, struct principal *principal, const char *arn)
{
    iam_boundary_count(call, principal->boundary, -1);
    iam_boundary_count(call, arn, 1);
    text_replace(&principal->boundary, arn);
    region_changed(call->region);
}

typedef int target(struct call *call, struct principal **principal, struct error *err);

static int put(struct call *call, target *find, struct error *err)
{
    struct principal *principal;
    const char *arn;
    if (find(call, &principal, err) < 0 || call_required(call, "PermissionsBoundary", &arn, err) < 0 ||
        check_boundary(call, arn, err) < 0)
        return -1;
    set(call, principal, arn);
    return 0;
}

static int drop(struct call *call, target *find, struct error *err)
{
    struct principal *principal;
    if (find(call, &principal, err) < 0)
        return -1;
    if (!principal->boundary)
        return call_fail(call, err, 404, "NoSuchEntity", "%s has no permissions boundary", principal->arn);
    set(call, principal, NULL);
    return 0;
}

int put_role_permissions_boundary(struct call *call, struct error *err)
{
    return put(call, iam_target_role, err);
}

int delete_role_permissions_boundary(struct call *call, struct error *err)
{
    return drop(call, iam_target_role, err);
}

int put_user_permissions_boundary(struct call *call, struct error *err)
{
    return put(call, iam_target_user, err);
}

int delete_user_permissions_boundary(struct call *call, struct error *err)
{
    return drop(call, iam_target_user, err);
}
