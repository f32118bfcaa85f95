/* The life of an instance after its launch. A call only writes where it is to go; the plane says when it is
 * there. */
#include "localaws/ec2/ec2.h"
#include "localaws/ec2/instance.h"
#include "localaws/ec2/metadata.h"
#include "localaws/ec2/to_plane.h"

#include "base/clock.h"
#include "base/text.h"

#include <string.h>

enum { REMEMBERED_MS = 60 * 60 * 1000 };

void instance_set_reason(struct instance *instance, const char *code, const char *message)
{
    text_replace(&instance->reason_code, code);
    text_replace(&instance->reason_message, message);
}

static void give_back(struct instance *instance)
{
    struct region *region = instance->resource.region;
    struct account *account = instance->resource.account;
    for (size_t i = 0; i < instance->interface_count; i++) {
        struct interface *interface =
            resource_find(region, account, &interface_kind, instance->interface_ids[i]);
        if (interface && interface->delete_on_termination)
            resource_remove(region, &interface->resource);
        else if (interface) {
            text_replace(&interface->owner, NULL);
            text_replace(&interface->instance_id, NULL);
            text_replace(&interface->attachment_id, NULL);
        }
    }
    for (size_t i = 0; i < instance->volume_count; i++) {
        struct volume *volume = instance_volume(instance, i);
        if (volume && volume->delete_on_termination)
            resource_remove(region, &volume->resource);
        else if (volume) {
            text_replace(&volume->instance_id, NULL);
            text_replace(&volume->device, NULL);
        }
    }
    list_clear(&text_record, &instance->interface_ids, &instance->interface_count);
    list_clear(&text_record, &instance->volume_ids, &instance->volume_count);
}

void instance_became(struct instance *instance, enum instance_state state)
{
    instance->state = state;
    if (state == INSTANCE_TERMINATED) {
        instance->ended_ms = clock_now_ms();
        give_back(instance);
        instance_forget_role_keys(instance);
        text_replace(&instance->private_address, NULL);
        if (!instance->simulated)
            vpc_changed(instance->resource.region, instance->resource.account, instance->vpc_id);
    }
    region_changed(instance->resource.region);
}

void instances_forget_old(struct region *region, struct account *account)
{
    int64_t now = clock_now_ms();
    for (struct resource *item = resources_of(account, &instance_kind)->first, *next; item; item = next) {
        struct instance *instance = (struct instance *)(void *)item;
        next = item->next;
        if (instance->state == INSTANCE_TERMINATED && now - instance->ended_ms > REMEMBERED_MS)
            resource_remove(region, item);
    }
}

/* What an action does to one instance: from which states, and through which. */
struct step {
    bool (*allowed)(const struct instance *instance);
    const char *refusal;
    bool (*needed)(const struct instance *instance);
    enum instance_state through;
    const char *reason, *reason_code, *reason_message;
};

static bool is_alive(const struct instance *instance)
{
    return instance->state != INSTANCE_SHUTTING_DOWN && instance->state != INSTANCE_TERMINATED;
}

static bool may_stop(const struct instance *instance)
{
    return is_alive(instance) && !instance->no_api_stop;
}

static bool is_up(const struct instance *instance)
{
    return instance->state == INSTANCE_RUNNING || instance->state == INSTANCE_PENDING;
}

static bool may_start(const struct instance *instance)
{
    return is_up(instance) || instance->state == INSTANCE_STOPPED;
}

static bool is_stopped(const struct instance *instance)
{
    return instance->state == INSTANCE_STOPPED;
}

static bool may_terminate(const struct instance *instance)
{
    return !instance->no_api_termination;
}

static const struct step terminate_step = {
    may_terminate,
    "may not be terminated. Modify its 'disableApiTermination' instance attribute and try again.",
    is_alive,
    INSTANCE_SHUTTING_DOWN,
    "User initiated",
    "Client.UserInitiatedShutdown",
    "Client.UserInitiatedShutdown: User initiated shutdown",
};
static const struct step stop_step = {
    may_stop,
    "is not in a state from which it can be stopped, or is protected by 'disableApiStop'.",
    is_up,
    INSTANCE_STOPPING,
    "User initiated",
    "Client.UserInitiatedShutdown",
    "Client.UserInitiatedShutdown: User initiated shutdown",
};
static const struct step start_step = {
    may_start, "is not in a state from which it can be started.", is_stopped, INSTANCE_PENDING, NULL, NULL,
    NULL,
};

/* InstanceId.N, each there and authorized; all are looked at before any is changed. */
static int take_instances(struct call *call, const struct step *step, struct instance ***instances,
                          size_t *count, struct error *err)
{
    const char **ids = call_list(call, "InstanceId", count);
    *instances = arena_alloc(call->arena, (*count + 1) * sizeof **instances);
    if (!*count)
        return call_fail(call, err, 400, "MissingParameter",
                         "The request must contain the parameter InstanceId");
    for (size_t i = 0; i < *count; i++) {
        struct instance *instance = resource_find(call->region, call->account, &instance_kind, ids[i]);
        if (!instance)
            return resource_missing(call, &instance_kind, ids[i], err);
        if (resource_authorize(call, &instance->resource, NULL, 0, err) < 0)
            return -1;
        if (step && !step->allowed(instance))
            return call_fail(call, err, 400,
                             instance->state == INSTANCE_RUNNING || step == &terminate_step
                                 ? "OperationNotPermitted"
                                 : "IncorrectInstanceState",
                             "The instance '%s' %s", ids[i], step->refusal);
        (*instances)[i] = instance;
    }
    return call_dry_run(call, err);
}

static void put_change(struct buffer *out, const struct instance *instance, int64_t before)
{
    put_open(out, "item");
    put_text(out, "instanceId", instance->resource.id);
    put_state(out, "currentState", instance->state);
    put_state(out, "previousState", before);
    put_close(out, "item");
}

static void take_step(struct call *call, struct instance *instance, const struct step *step)
{
    char *reason = step->reason ? arena_format(call->arena, "%s (%s)", step->reason,
                                               clock_rfc3339(call->arena, clock_now_ms()))
                                : NULL;
    instance->state = step->through;
    text_replace(&instance->reason, reason);
    instance_set_reason(instance, step->reason_code, step->reason_message);
    region_changed(call->region);
}

/* Stopping and terminating: through the state on the way; instance_down does the rest. A stopped instance has
 * nothing to take down and is terminated at once. */
static int take_down(struct call *call, const struct step *step, struct error *err)
{
    struct instance **instances;
    size_t count;
    if (take_instances(call, step, &instances, &count, err) < 0)
        return -1;
    put_open(&call->answer, "instancesSet");
    for (size_t i = 0; i < count; i++) {
        int64_t before = instances[i]->state;
        bool needed = step->needed(instances[i]);
        if (needed)
            take_step(call, instances[i], step);
        put_change(&call->answer, instances[i], before);
        if (needed)
            instance_down(instances[i]);
    }
    put_close(&call->answer, "instancesSet");
    return 0;
}

int instance_terminate(struct call *call, struct error *err)
{
    instances_forget_old(call->region, call->account);
    return take_down(call, &terminate_step, err);
}

int instance_stop(struct call *call, struct error *err)
{
    return take_down(call, &stop_step, err);
}

static int start_one(struct call *call, struct instance *instance, struct error *err)
{
    if (instance_up_again(instance, err) < 0) {
        struct error why = *err;
        instance_set_reason(instance, "Client.InternalError", why.message);
        instance->state = INSTANCE_STOPPED;
        return call_fail(call, err, 400, "IncorrectState", "The volume of instance '%s' cannot be read: %s",
                         instance->resource.id, why.message);
    }
    return 0;
}

int instance_start(struct call *call, struct error *err)
{
    struct instance **instances;
    size_t count;
    if (take_instances(call, &start_step, &instances, &count, err) < 0)
        return -1;
    put_open(&call->answer, "instancesSet");
    for (size_t i = 0; i < count; i++) {
        int64_t before = instances[i]->state;
        bool needed = start_step.needed(instances[i]);
        if (needed) {
            take_step(call, instances[i], &start_step);
            instances[i]->launched_ms = clock_now_ms();
        }
        put_change(&call->answer, instances[i], before);
        if (needed && start_one(call, instances[i], err) < 0)
            return -1;
    }
    put_close(&call->answer, "instancesSet");
    return 0;
}

int instance_reboot(struct call *call, struct error *err)
{
    struct instance **instances;
    size_t count;
    if (take_instances(call, NULL, &instances, &count, err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++)
        if (instances[i]->state == INSTANCE_RUNNING && instance_again(instances[i], err) < 0)
            return -1;
    put_true(call);
    return 0;
}
