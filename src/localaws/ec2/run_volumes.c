#include "localaws/ec2/run.h"

#include "base/text.h"

#include <string.h>

enum { MOST_MAPPINGS = 40 };

static bool is_there(struct call *call, size_t number)
{
    return call_parameter(call, "BlockDeviceMapping.%zu.DeviceName", number) != NULL;
}

/* Does EC2 make a volume of this mapping? NoDevice leaves one of the image's away; a virtual device is the
 * instance store of a type that has one, which none here has. */
static bool makes_volume(struct call *call, size_t number)
{
    return !call_parameter(call, "BlockDeviceMapping.%zu.NoDevice", number) &&
           !call_parameter(call, "BlockDeviceMapping.%zu.VirtualName", number);
}

static int take_mapping(struct call *call, struct run *run, size_t number, struct error *err)
{
    const char *device = call_parameter(call, "BlockDeviceMapping.%zu.DeviceName", number);
    bool root = text_equal(device, IMAGE_ROOT_DEVICE);
    struct volume_order *order = root ? &run->volumes[0] : &run->volumes[run->volume_count];
    if (device_name_check(call, device, err) < 0)
        return -1;
    for (size_t i = 1; i < run->volume_count; i++)
        if (text_equal(run->volumes[i].device, device))
            return call_fail(call, err, 400, "InvalidBlockDeviceMapping",
                             "The device '%s' is used in more "
                             "than one block-device mapping",
                             device);
    if (!makes_volume(call, number))
        return root ? call_fail(call, err, 400, "InvalidBlockDeviceMapping",
                                "The root device cannot be left away")
                    : 0;
    if (!root) {
        *order = (struct volume_order){
            .zone = run->subnet->zone, .device = device, .delete_on_termination = true, .encrypted = true};
        run->volume_count++;
    }
    if (volume_take_order(call, arena_format(call->arena, "BlockDeviceMapping.%zu.Ebs", number), order, err) <
        0)
        return -1;
    if (!order->gigabytes)
        return call_fail(call, err, 400, "MissingParameter",
                         "The request must contain the parameter size or snapshotId");
    return 0;
}

int run_take_volumes(struct call *call, struct run *run, struct error *err)
{
    run->volumes = arena_alloc(call->arena, (MOST_MAPPINGS + 1) * sizeof *run->volumes);
    run->volumes[0] = (struct volume_order){
        .zone = run->subnet->zone,
        .type = "gp3",
        .gigabytes = run->image.root_gigabytes,
        .iops = 3000,
        .throughput = 125,
        .delete_on_termination = true,
        .encrypted = true,
        .device = IMAGE_ROOT_DEVICE,
    };
    run->volume_count = 1;
    for (size_t i = 1; is_there(call, i); i++) {
        if (i > MOST_MAPPINGS)
            return call_fail(call, err, 400, "InvalidBlockDeviceMapping", "More than %d devices",
                             MOST_MAPPINGS);
        if (take_mapping(call, run, i, err) < 0)
            return -1;
    }
    if (run->volumes[0].gigabytes < run->image.root_gigabytes)
        return call_fail(call, err, 400, "InvalidBlockDeviceMapping",
                         "Volume of size %dGB is smaller than snapshot, expect size >= %dGB",
                         (int)run->volumes[0].gigabytes, (int)run->image.root_gigabytes);
    run->draft.root_device = arena_strdup(call->arena, IMAGE_ROOT_DEVICE);
    return 0;
}

int run_authorize_volumes(struct call *call, struct run *run, struct error *err)
{
    for (size_t i = 0; i < run->volume_count; i++) {
        struct volume_order *order = &run->volumes[i];
        order->tags = run->volume.resource.tags;
        order->tag_count = run->volume.resource.tag_count;
        run->volume.encrypted = order->encrypted;
        run->volume.type = arena_strdup(call->arena, order->type);
        run->volume.gigabytes = order->gigabytes;
        run->volume.zone = run->draft.zone;
        if (draft_check(call, volume_kind.record, &run->volume, err) < 0 ||
            run_authorize_made(call, &volume_kind, &run->volume.resource, NULL, err) < 0)
            return -1;
    }
    return 0;
}

int run_make_volumes(struct call *call, const struct run *run, struct instance *instance, struct error *err)
{
    for (size_t i = 0; i < run->volume_count; i++) {
        const struct volume_order *order = &run->volumes[i];
        struct volume *volume;
        if (volume_create_for(call, order, &volume, err) < 0)
            return -1;
        volume_attach_to(instance, volume, order->device, order->delete_on_termination, "attached");
    }
    return 0;
}
