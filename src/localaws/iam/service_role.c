/* Roles that a service makes for itself: in its own path, trusting only it. */
#include "localaws/iam/iam.h"

#include "base/clock.h"
#include "base/random.h"
#include "base/text.h"
#include "localaws/front/keys.h"
#include "localaws/resource/answer.h"

#include <string.h>

/* The services here that have one. */
static const struct {
    const char *service, *role;
} known[] = {
    {"elasticloadbalancing.amazonaws.com", "AWSServiceRoleForElasticLoadBalancing"},
    {"autoscaling.amazonaws.com", "AWSServiceRoleForAutoScaling"},
    {"spot.amazonaws.com", "AWSServiceRoleForEC2Spot"},
    {"ssm.amazonaws.com", "AWSServiceRoleForAmazonSSM"},
};

static const char *role_of(struct call *call, const char *service)
{
    const char *suffix = call_parameter(call, "CustomSuffix");
    for (size_t i = 0; i < COUNT_OF(known); i++)
        if (text_equal(known[i].service, service))
            return suffix ? arena_format(call->arena, "%s_%s", known[i].role, suffix) : known[i].role;
    return NULL;
}

int create_service_linked_role(struct call *call, struct error *err)
{
    const char *service, *suffix = call_parameter(call, "CustomSuffix");
    if (call_required(call, "AWSServiceName", &service, err) < 0)
        return -1;
    const char *name = role_of(call, service);
    const char *path = arena_format(call->arena, "/aws-service-role/%.128s/", service);
    const char *arn =
        arena_format(call->arena, "arn:aws:iam::%s:role%s%s", call->account->id, path, name ? name : "*");
    if (iam_authorize(call, arn, err) < 0)
        return -1;
    if (!name || (suffix && (strlen(suffix) > 16 || !text_only(suffix, "A-Za-z0-9_+=,.@-"))))
        return call_fail(call, err, 400, "InvalidInput", "No role of %.128s can be made here", service);
    struct table *roles = &iam_of(call->account)->roles;
    if (table_get(roles, name))
        return call_fail(
            call, err, 400, "InvalidInput",
            "Service role name %s has been taken in this account, please try a different suffix.", name);
    const char *trust = arena_format(
        call->arena,
        "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"Service\":\"%s\"},"
        "\"Action\":\"sts:AssumeRole\"}]}",
        service);
    const struct principal draft = {.created_ms = clock_now_ms(),
                                    .name = (char *)name,
                                    .path = (char *)path,
                                    .id = key_new_id(call->arena, "AROAX"),
                                    .arn = (char *)arn,
                                    .description = (char *)call_parameter(call, "Description"),
                                    .trust = (char *)trust,
                                    .max_session_s = 3600};
    struct principal *role = principal_add(call->account, roles, &draft);
    if (parsed_policy_set(&role->trust_policy, trust, POLICY_TRUST, err) < 0)
        return -1;
    region_changed(call->region);
    put_role(call, "Role", role);
    return 0;
}

/* Nothing here uses such a role, so that it can always go at once. */
int delete_service_linked_role(struct call *call, struct error *err)
{
    struct principal *role;
    if (iam_target_role(call, &role, err) < 0)
        return -1;
    if (!text_starts(role->path, "/aws-service-role/"))
        return call_fail(call, err, 404, "NoSuchEntity", "%s is no service-linked role", role->name);
    put_text(&call->answer, "DeletionTaskId",
             arena_format(call->arena, "task%s%s/%s", role->path, role->name, random_uuid(call->arena)));
    principal_remove(&iam_of(call->account)->roles, role);
    region_changed(call->region);
    return 0;
}

int get_service_linked_role_deletion_status(struct call *call, struct error *err)
{
    const char *task;
    if (call_required(call, "DeletionTaskId", &task, err) < 0)
        return -1;
    if (!text_starts(task, "task/aws-service-role/"))
        return call_fail(call, err, 404, "NoSuchEntity", "There is no deletion task %.300s", task);
    const char *end = strrchr(task, '/');
    const char *arn = arena_format(call->arena, "arn:aws:iam::%s:role%s", call->account->id,
                                   arena_strndup(call->arena, task + 4, (size_t)(end - task - 4)));
    if (iam_authorize(call, arn, err) < 0)
        return -1;
    put_text(&call->answer, "Status", iam_principal(call->region, arn) ? "FAILED" : "SUCCEEDED");
    return 0;
}
