/* Attaching volumes to instances and taking them away, also while they run. */
#include "localaws/ec2/instance.h"
#include "localaws/ec2/to_plane.h"
#include "localaws/ec2/volume.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

#include <string.h>

enum { MOST_VOLUMES = 40 };

void volume_put_attachment(struct buffer *out, const struct volume *volume, const char *status)
{
    put_text(out, "volumeId", volume->resource.id);
    put_text(out, "instanceId", volume->instance_id);
    put_text(out, "device", volume->device);
    put_text(out, "status", status ? status : "attached");
    put_time(out, "attachTime", volume->attached_ms);
    put_bool(out, "deleteOnTermination", volume->delete_on_termination);
}

const char *volume_key_trouble(const struct error *err)
{
    return text_equal(err->code, "DisabledException") || text_equal(err->code, "KMSInvalidStateException")
               ? "InvalidKMSKey.InvalidState"
               : "InternalError";
}

void volume_attach_to(struct instance *instance, struct volume *volume, const char *device,
                      bool delete_on_termination, const char *state)
{
    text_replace(&volume->instance_id, instance->resource.id);
    text_replace(&volume->device, device);
    text_replace(&volume->attachment, state);
    volume->attached_ms = clock_now_ms();
    volume->delete_on_termination = delete_on_termination;
    list_add_text(&instance->volume_ids, &instance->volume_count, volume->resource.id);
    resource_changed(&volume->resource);
    resource_changed(&instance->resource);
}

void volume_detach_from(struct instance *instance, struct volume *volume)
{
    for (size_t i = instance->volume_count; i-- > 0;)
        if (text_equal(instance->volume_ids[i], volume->resource.id))
            list_remove(&text_record, &instance->volume_ids, &instance->volume_count, i);
    text_replace(&volume->instance_id, NULL);
    text_replace(&volume->device, NULL);
    text_replace(&volume->attachment, NULL);
    resource_changed(&volume->resource);
    resource_changed(&instance->resource);
}

int device_name_check(struct call *call, const char *device, struct error *err)
{
    static const char *const beginnings[] = {"/dev/sd", "/dev/xvd", "/dev/nvme", "/dev/hd"};
    for (size_t i = 0; i < COUNT_OF(beginnings); i++)
        if (text_starts(device, beginnings[i]) && strlen(device) <= 16 &&
            text_only(device + strlen("/dev/"), "a-z0-9") && device[strlen(beginnings[i])])
            return 0;
    return call_fail(call, err, 400, "InvalidParameterValue",
                     "Value (%s) for parameter device is invalid. %s is not a valid EBS device name.", device,
                     device);
}

static int check_place(struct call *call, const struct instance *instance, const struct volume *volume,
                       const char *device, struct error *err)
{
    if (volume->instance_id)
        return call_fail(call, err, 400, "VolumeInUse", "%s is already attached to an instance",
                         volume->resource.id);
    if (!text_equal(volume->zone, instance->zone))
        return call_fail(call, err, 400, "InvalidVolume.ZoneMismatch",
                         "The volume '%s' is not in the same availability zone as instance '%s'",
                         volume->resource.id, instance->resource.id);
    if (instance->state != INSTANCE_RUNNING && instance->state != INSTANCE_STOPPED)
        return call_fail(call, err, 400, "IncorrectState", "Instance '%s' is not 'running'.",
                         instance->resource.id);
    if (device_name_check(call, device, err) < 0)
        return -1;
    for (size_t i = 0; i < instance->volume_count; i++) {
        const struct volume *other = instance_volume(instance, i);
        if (other && text_equal(other->device, device))
            return call_fail(call, err, 400, "InvalidParameterValue",
                             "Invalid value '%s' for unixDevice. Attachment point %s is already in use",
                             device, device);
    }
    if (instance->volume_count >= MOST_VOLUMES)
        return call_fail(call, err, 400, "AttachmentLimitExceeded", "An instance has at most %d volumes here",
                         MOST_VOLUMES);
    return 0;
}

int volume_attach(struct call *call, struct error *err)
{
    struct volume *volume;
    struct instance *instance;
    struct error why = {0};
    const char *device;
    if (resource_target(call, &volume_kind, "VolumeId", &volume, err) < 0 ||
        resource_target(call, &instance_kind, "InstanceId", &instance, err) < 0 ||
        call_required(call, "Device", &device, err) < 0 ||
        check_place(call, instance, volume, device, err) < 0)
        return -1;
    bool live = instance->state == INSTANCE_RUNNING && instance_has_machine(instance);
    volume_attach_to(instance, volume, device, false, live ? "attaching" : "attached");
    if (disk_open(instance, volume, live, &why) < 0) {
        volume_detach_from(instance, volume);
        return call_fail(call, err, 400, volume_key_trouble(&why), "The volume '%s' cannot be opened: %s",
                         volume->resource.id, why.message);
    }
    volume_put_attachment(&call->answer, volume, "attaching");
    return 0;
}

/* The instance and device named beside the volume have to be right. */
static int check_named(struct call *call, const struct volume *volume, struct error *err)
{
    const char *instance = call_parameter(call, "InstanceId"), *device = call_parameter(call, "Device");
    if ((!instance || text_equal(instance, volume->instance_id)) &&
        (!device || text_equal(device, volume->device)))
        return 0;
    return call_fail(call, err, 400, "InvalidAttachment.NotFound",
                     "The volume '%s' is not attached to instance '%s' as device '%s'", volume->resource.id,
                     instance ? instance : volume->instance_id, device ? device : volume->device);
}

int volume_detach(struct call *call, struct error *err)
{
    struct volume *volume;
    if (resource_target(call, &volume_kind, "VolumeId", &volume, err) < 0)
        return -1;
    struct instance *instance =
        resource_find(call->region, call->account, &instance_kind, volume->instance_id);
    if (!instance)
        return call_fail(call, err, 400, "IncorrectState", "Volume '%s' is in the 'available' state.",
                         volume->resource.id);
    if (check_named(call, volume, err) < 0)
        return -1;
    if (text_equal(volume->device, instance->root_device) && instance->state != INSTANCE_STOPPED)
        return call_fail(call, err, 400, "OperationNotPermitted",
                         "Unable to detach root volume '%s' from instance '%s'", volume->resource.id,
                         instance->resource.id);
    volume_put_attachment(&call->answer, volume, "detaching");
    if (instance->state == INSTANCE_RUNNING && instance_has_machine(instance)) {
        text_replace(&volume->attachment, "detaching");
        resource_changed(&volume->resource);
        disk_close(instance, volume);
    } else {
        volume_detach_from(instance, volume);
    }
    return 0;
}

/* Both, when they still belong together. */
static bool find_pair(struct region *region, const char *instance_id, const char *volume_id,
                      struct instance **instance, struct volume **volume)
{
    *instance = (struct instance *)(void *)resource_anywhere(region, &instance_kind, instance_id);
    *volume = (struct volume *)(void *)resource_anywhere(region, &volume_kind, volume_id);
    return *instance && *volume && text_equal((*volume)->instance_id, instance_id);
}

void volume_became_attached(struct region *region, const char *instance_id, const char *volume_id,
                            const char *why)
{
    struct instance *instance;
    struct volume *volume;
    if (!find_pair(region, instance_id, volume_id, &instance, &volume))
        return;
    if (!why) {
        if (text_equal(volume->attachment, "attaching"))
            text_replace(&volume->attachment, "attached");
        resource_changed(&volume->resource);
        return;
    }
    log_warning("a volume was not attached", "volume", volume_id, "instance", instance_id, "why", why, NULL);
    volume_detach_from(instance, volume);
}

void volume_became_detached(struct region *region, const char *instance_id, const char *volume_id, bool done)
{
    struct instance *instance;
    struct volume *volume;
    if (!find_pair(region, instance_id, volume_id, &instance, &volume))
        return;
    if (done)
        volume_detach_from(instance, volume);
    else
        text_replace(&volume->attachment, "busy");
    resource_changed(&volume->resource);
}

void volumes_settle(struct instance *instance)
{
    for (size_t i = instance->volume_count; i-- > 0;) {
        struct volume *volume = instance_volume(instance, i);
        if (volume && (text_equal(volume->attachment, "detaching") || text_equal(volume->attachment, "busy")))
            volume_detach_from(instance, volume);
        else if (volume)
            text_replace(&volume->attachment, "attached");
    }
}
