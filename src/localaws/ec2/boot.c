#include "localaws/ec2/boot.h"

#include "base/log.h"
#include "base/text.h"
#include "localaws/ec2/instance.h"
#include "localaws/ec2/to_plane.h"
#include "localaws/faults/faults.h"

static struct fault_launch launch_of(struct call *call, const struct instance *instance)
{
    const struct resource *resource = &instance->resource;
    const char **names = arena_alloc(call->arena, (resource->tag_count + 3) * sizeof *names);
    size_t count = 0;
    names[count++] = instance->image_id;
    if (instance->subnet_id)
        names[count++] = instance->subnet_id;
    for (size_t i = 0; i < resource->tag_count; i++)
        if (resource->tags[i].value)
            names[count++] = resource->tags[i].value;
    return (struct fault_launch){
        .account = call->account->id,
        .principal = call->caller->principal_arn,
        .type = instance->type,
        .zone = instance->zone,
        .names = names,
    };
}

int boot_capacity(struct call *call, const struct instance *draft, struct error *err)
{
    struct fault_launch launch = launch_of(call, draft);
    if (faults_have_capacity(call->region, &launch))
        return 0;
    return call_fail(
        call, err, 500, "InsufficientInstanceCapacity",
        "We currently do not have sufficient %s capacity in the Availability Zone you requested (%s). "
        "Our system will be working on provisioning additional capacity.",
        draft->type, draft->zone);
}

/* Its time has come, unless it was stopped or terminated meanwhile. */
static void boot_now(struct region *region, const char *id)
{
    region_lock(region);
    cleanup(region_unlock) struct region *locked = region;
    struct instance *instance = (struct instance *)(void *)resource_anywhere(locked, &instance_kind, id);
    struct error err = {0};
    if (!instance || instance->state != INSTANCE_PENDING || !instance->unbooted)
        return;
    instance->unbooted = false;
    if (instance_up(instance, &err) == 0)
        return;
    log_warning("an instance cannot be started", "instance", id, "error", err.message, NULL);
    instance_set_reason(instance, "Client.InternalError", err.message);
    instance_became(instance, INSTANCE_TERMINATED);
}

int boot_instance(struct call *call, struct instance *instance, struct error *err)
{
    struct fault_launch launch = launch_of(call, instance);
    struct fault_boot boot = faults_boot(call->region, &launch);
    instance->unbooted = boot.never || boot.late_ms;
    if (boot.late_ms && !boot.never)
        faults_later(call->region, boot.late_ms, boot_now, instance->resource.id);
    else if (instance->simulated) /* its volumes were made a moment ago: KMS need not be asked again */
        instance_became(instance, INSTANCE_RUNNING);
    else
        return instance_up(instance, err);
    return 0;
}
