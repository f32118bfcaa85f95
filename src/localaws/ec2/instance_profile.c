/* Instance profiles of instances: given at launch, or to an instance that is there. What IMDS hands out
 * changes with the next question. */
#include "localaws/ec2/instance.h"

#include "base/text.h"

#include <string.h>

int profile_take(struct call *call, struct instance_profile_choice *choice, struct error *err)
{
    const char *arn = call_parameter(call, "IamInstanceProfile.Arn"),
               *name = call_parameter(call, "IamInstanceProfile.Name");
    *choice = (struct instance_profile_choice){0};
    if (text_empty(arn) && text_empty(name))
        return 0;
    if (iam_find_instance_profile(call->region, call->account, arn ? arn : name, call->arena, &choice->arn,
                                  &choice->id, &choice->role, NULL) < 0)
        return call_fail(call, err, 400, "InvalidParameterValue",
                         "Value (%s) for parameter iamInstanceProfile.%s is invalid. "
                         "Invalid IAM Instance Profile %s",
                         arn ? arn : name, arn ? "arn" : "name", arn ? "ARN" : "name");
    return 0;
}

int profile_pass(struct call *call, const char *role, struct error *err)
{
    const char *const passed[] = {"iam:PassedToService", "ec2.amazonaws.com", NULL};
    return role ? call_authorize(call, "iam:PassRole", role, passed, err) : 0;
}

static void put_association(struct buffer *out, const struct instance *instance, const char *state)
{
    put_text(out, "associationId", instance->profile_association);
    put_text(out, "instanceId", instance->resource.id);
    put_open(out, "iamInstanceProfile");
    put_text(out, "arn", instance->profile_arn);
    put_text(out, "id", instance->profile_id);
    put_close(out, "iamInstanceProfile");
    put_text(out, "state", state);
}

static void answer(struct call *call, const struct instance *instance, const char *state)
{
    put_open(&call->answer, "iamInstanceProfileAssociation");
    put_association(&call->answer, instance, state);
    put_close(&call->answer, "iamInstanceProfileAssociation");
}

static bool has_profile(const struct instance *instance)
{
    return instance->profile_arn && instance->state != INSTANCE_TERMINATED;
}

static int find_association(struct call *call, struct instance **found, struct error *err)
{
    const char *id;
    if (call_required(call, "AssociationId", &id, err) < 0)
        return -1;
    for_each_resource(struct instance, instance, call->account, &instance_kind)
        if (has_profile(instance) && text_equal(instance->profile_association, id)) {
            *found = instance;
            return resource_authorize(call, &instance->resource, NULL, 0, err);
        }
    return call_fail(call, err, 400, "InvalidAssociationID.NotFound",
                     "The association ID '%s' does not exist", id);
}

static void set_profile(struct instance *instance, const struct instance_profile_choice *choice)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    text_replace(&instance->profile_arn, choice->arn);
    text_replace(&instance->profile_id, choice->id);
    text_replace(&instance->profile_association,
                 choice->arn ? region_identifier(instance->resource.region, arena, "iip-assoc") : NULL);
    resource_changed(&instance->resource);
}

static int take_needed(struct call *call, struct instance_profile_choice *choice, struct error *err)
{
    if (profile_take(call, choice, err) < 0)
        return -1;
    if (!choice->arn)
        return call_fail(call, err, 400, "MissingParameter",
                         "The request must contain the parameter IamInstanceProfile");
    return profile_pass(call, choice->role, err);
}

int instance_associate_profile(struct call *call, struct error *err)
{
    struct instance *instance;
    struct instance_profile_choice choice;
    if (resource_target(call, &instance_kind, "InstanceId", &instance, err) < 0 ||
        take_needed(call, &choice, err) < 0)
        return -1;
    if (instance->state != INSTANCE_RUNNING && instance->state != INSTANCE_STOPPED)
        return call_fail(call, err, 400, "IncorrectInstanceState",
                         "The instance '%s' is not in the 'running' or 'stopped' states.",
                         instance->resource.id);
    if (instance->profile_arn)
        return call_fail(call, err, 400, "IncorrectState", "There is an existing association for instance %s",
                         instance->resource.id);
    set_profile(instance, &choice);
    answer(call, instance, "associating");
    return 0;
}

int instance_replace_profile(struct call *call, struct error *err)
{
    struct instance *instance;
    struct instance_profile_choice choice;
    if (find_association(call, &instance, err) < 0 || take_needed(call, &choice, err) < 0)
        return -1;
    set_profile(instance, &choice);
    answer(call, instance, "associating");
    return 0;
}

int instance_disassociate_profile(struct call *call, struct error *err)
{
    struct instance *instance;
    if (find_association(call, &instance, err) < 0)
        return -1;
    answer(call, instance, "disassociating");
    set_profile(instance, &(struct instance_profile_choice){0});
    return 0;
}

static const char *profile_filter(struct call *call, const void *item, const char *filter)
{
    (void)call;
    const struct instance *instance = item;
    return text_equal(filter, "instance-id") ? instance->resource.id
           : text_equal(filter, "state")     ? "associated"
                                             : NULL;
}

static bool is_asked(const char *const *ids, const char *id)
{
    if (!*ids)
        return true;
    for (; *ids; ids++)
        if (text_equal(*ids, id))
            return true;
    return false;
}

int instance_describe_profiles(struct call *call, struct error *err)
{
    (void)err;
    const char **ids = call_list(call, "AssociationId", NULL);
    put_open(&call->answer, "iamInstanceProfileAssociationSet");
    for_each_resource(struct instance, instance, call->account, &instance_kind) {
        if (!has_profile(instance) || !is_asked(ids, instance->profile_association) ||
            !call_filters_pass(call, profile_filter, instance))
            continue;
        put_open(&call->answer, "item");
        put_association(&call->answer, instance, "associated");
        put_close(&call->answer, "item");
    }
    put_close(&call->answer, "iamInstanceProfileAssociationSet");
    return 0;
}
