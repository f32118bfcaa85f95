/* The life of an instance after its launch. A call only writes where it is to go; the plane says when it is
 * there. */
#include "localaws/ec2/ec2.h"
#include "localaws/ec2/event.h"
#include "localaws/ec2/instance.h"
#include "localaws/ec2/metadata.h"
#include "localaws/ec2/public_address.h"
#include "localaws/ec2/to_plane.h"

#include "base/clock.h"
#include "base/text.h"

#include <string.h>
#include <time.h>

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
            interface_remove(interface);
        else if (interface) {
            text_replace(&interface->owner, NULL);
            text_replace(&interface->instance_id, NULL);
            text_replace(&interface->attachment_id, NULL);
            resource_changed(&interface->resource);
        }
    }
    for (size_t i = 0; i < instance->volume_count; i++) {
        struct volume *volume = instance_volume(instance, i);
        if (volume && volume->delete_on_termination)
            resource_remove(region, &volume->resource);
        else if (volume) {
            text_replace(&volume->instance_id, NULL);
            text_replace(&volume->device, NULL);
            text_replace(&volume->attachment, NULL);
            resource_changed(&volume->resource);
        }
    }
    list_clear(&text_record, &instance->interface_ids, &instance->interface_count);
    list_clear(&text_record, &instance->volume_ids, &instance->volume_count);
}

void instance_became(struct instance *instance, enum instance_state state)
{
    instance->state = state;
    if (state == INSTANCE_TERMINATED || state == INSTANCE_STOPPED)
        events_fulfilled(instance, false);
    if (instance_public_refresh(instance) && !instance->simulated)
        vpc_changed(instance->resource.region, instance->resource.account, instance->vpc_id);
    if (state == INSTANCE_TERMINATED) {
        instance->ended_ms = clock_now_ms();
        give_back(instance);
        instance_forget_role_keys(instance);
        text_replace(&instance->private_address, NULL);
        if (!instance->simulated)
            vpc_changed(instance->resource.region, instance->resource.account, instance->vpc_id);
    }
    resource_changed(&instance->resource);
}

void instances_forget_old(struct region *region, struct account *account)
{
    int64_t now = clock_now_ms();
    for (struct resource *item = resources_of(account, &instance_kind)->first, *next; item; item = next) {
        struct instance *instance = (struct instance *)(void *)item;
        next = item->next;
        if (instance->state == INSTANCE_TERMINATED && now - instance->ended_ms > region->remembered_ms)
            resource_remove(region, item);
    }
}

/* What an action does to one instance: from which states, and when it is needed at all. */
struct step {
    bool (*possible)(const struct instance *instance);
    bool (*protected)(const struct instance *instance); /* NULL: nothing protects from it */
    bool (*needed)(const struct instance *instance);
    const char *done, *attribute; /* for refusals: "stopped", "disableApiStop" */
    enum instance_state through;
};

static bool is_alive(const struct instance *instance)
{
    return instance->state != INSTANCE_SHUTTING_DOWN && instance->state != INSTANCE_TERMINATED;
}

bool instance_is_up(const struct instance *instance)
{
    return instance->state == INSTANCE_RUNNING || instance->state == INSTANCE_PENDING;
}

static bool is_running(const struct instance *instance)
{
    return instance->state == INSTANCE_RUNNING;
}

static bool is_stopped(const struct instance *instance)
{
    return instance->state == INSTANCE_STOPPED;
}

static bool may_stop(const struct instance *instance)
{
    return is_running(instance) || is_stopped(instance) || instance->state == INSTANCE_STOPPING;
}

static bool may_start(const struct instance *instance)
{
    return instance_is_up(instance) || is_stopped(instance);
}

static bool may_reboot(const struct instance *instance)
{
    return instance_is_up(instance) || !is_alive(instance); /* a terminated one is passed over */
}

static bool always(const struct instance *instance)
{
    (void)instance;
    return true;
}

static bool stop_protected(const struct instance *instance)
{
    return instance->no_api_stop;
}

static bool termination_protected(const struct instance *instance)
{
    return instance->no_api_termination;
}

static const struct step terminate_step = {always,       termination_protected,   is_alive,
                                           "terminated", "disableApiTermination", INSTANCE_SHUTTING_DOWN},
                         stop_step = {may_stop,  stop_protected,   is_running,
                                      "stopped", "disableApiStop", INSTANCE_STOPPING},
                         start_step = {may_start, NULL, is_stopped, "started", NULL, INSTANCE_PENDING},
                         reboot_step = {may_reboot, NULL, is_running, "rebooted", NULL, INSTANCE_RUNNING};

static int check_step(struct call *call, const struct step *step, const struct instance *instance,
                      struct error *err)
{
    const char *id = instance->resource.id;
    if (!step->possible(instance))
        return call_fail(call, err, 400, "IncorrectInstanceState",
                         "The instance '%s' is not in a state from which it can be %s.", id, step->done);
    if (step->protected && step->protected(instance) && step->needed(instance))
        return call_fail(call, err, 400, "OperationNotPermitted",
                         "The instance '%s' may not be %s. Modify its '%s' instance attribute and try again.",
                         id, step->done, step->attribute);
    return 0;
}

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
        if (resource_authorize(call, &instance->resource, NULL, 0, err) < 0 ||
            check_step(call, step, instance, err) < 0)
            return -1;
        (*instances)[i] = instance;
    }
    return call_dry_run(call, err);
}

static void put_change(struct buffer *out, const struct instance *instance, int64_t now, int64_t before)
{
    put_open(out, "item");
    put_text(out, "instanceId", instance->resource.id);
    put_state(out, "currentState", now);
    put_state(out, "previousState", before);
    put_close(out, "item");
}

/* "User initiated (2026-01-02 03:04:05 GMT)", as EC2 says when a call was the reason. */
static void set_transition(struct instance *instance, bool by_user)
{
    time_t now = (time_t)(clock_now_ms() / 1000);
    struct tm utc;
    char text[64];
    gmtime_r(&now, &utc);
    strftime(text, sizeof text, "User initiated (%Y-%m-%d %H:%M:%S GMT)", &utc);
    text_replace(&instance->reason, by_user ? text : NULL);
}

static void go_through(struct instance *instance, enum instance_state through, const char *code,
                       const char *why)
{
    cleanup(memory_free) char *message = memory_format("%s: %s", code, why);
    instance->state = through;
    set_transition(instance, text_equal(code, "Client.UserInitiatedShutdown"));
    instance_set_reason(instance, code, message);
    resource_changed(&instance->resource);
}

void instance_leave(struct instance *instance, enum instance_state through, const char *code, const char *why,
                    bool hard)
{
    go_through(instance, through, code, why);
    instance_down(instance, hard);
}

/* Stopping and terminating: through the state on the way; instance_down does the rest. A stopped instance has
 * nothing to take down and is terminated at once. */
static int take_down(struct call *call, const struct step *step, struct error *err)
{
    struct instance **instances;
    size_t count;
    bool hard = call_true(call, "Force") || call_true(call, "SkipOsShutdown");
    if (take_instances(call, step, &instances, &count, err) < 0)
        return -1;
    put_open(&call->answer, "instancesSet");
    for (size_t i = 0; i < count; i++) {
        int64_t before = instances[i]->state;
        bool needed = step->needed(instances[i]);
        if (needed)
            go_through(instances[i], step->through, "Client.UserInitiatedShutdown",
                       "User initiated shutdown");
        put_change(&call->answer, instances[i], instances[i]->state, before);
        if (needed)
            instance_down(instances[i], hard);
    }
    put_close(&call->answer, "instancesSet");
    return 0;
}

int instance_terminate(struct call *call, struct error *err)
{
    return take_down(call, &terminate_step, err);
}

int instance_stop(struct call *call, struct error *err)
{
    if (call_true(call, "Hibernate"))
        return call_fail(call, err, 400, "UnsupportedHibernationConfiguration",
                         "Instances here are not configured for hibernation");
    return take_down(call, &stop_step, err);
}

static int start_one(struct call *call, struct instance *instance, struct error *err)
{
    struct error why = {0};
    set_transition(instance, false);
    instance_set_reason(instance, NULL, NULL);
    instance->state = INSTANCE_PENDING;
    instance->unbooted = false; /* another computer */
    instance->launched_ms = clock_now_ms();
    resource_changed(&instance->resource);
    if (instance_up(instance, &why) == 0)
        return 0;
    instance_set_reason(instance, "Client.InternalError", why.message);
    instance->state = INSTANCE_STOPPED;
    return call_fail(call, err, 400, "IncorrectState", "The volumes of instance '%s' cannot be read: %s",
                     instance->resource.id, why.message);
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
        if (start_step.needed(instances[i]) && start_one(call, instances[i], err) < 0)
            return -1;
        put_change(&call->answer, instances[i], before == INSTANCE_STOPPED ? INSTANCE_PENDING : before,
                   before);
    }
    put_close(&call->answer, "instancesSet");
    return 0;
}

int instance_reboot(struct call *call, struct error *err)
{
    struct instance **instances;
    size_t count;
    if (take_instances(call, &reboot_step, &instances, &count, err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++)
        if (reboot_step.needed(instances[i]))
            instance_again(instances[i]);
    put_true(call);
    return 0;
}
