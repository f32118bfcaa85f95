/* Changing a volume, and what else is asked about volumes. A new size is the file's when it is next opened.
 */
#include "localaws/ec2/volume.h"

#include "base/clock.h"
#include "base/text.h"

static void put_modification(struct buffer *out, const struct volume *volume)
{
    put_text(out, "volumeId", volume->resource.id);
    put_text(out, "modificationState", "completed");
    put_number(out, "targetSize", volume->gigabytes);
    put_number(out, "targetIops", volume->iops);
    put_text(out, "targetVolumeType", volume->type);
    put_number(out, "targetThroughput", volume->throughput);
    put_bool(out, "targetMultiAttachEnabled", false);
    put_number(out, "originalSize", volume->original_gigabytes);
    put_number(out, "originalIops", volume->original_iops);
    put_text(out, "originalVolumeType", volume->original_type);
    put_number(out, "originalThroughput", volume->original_throughput);
    put_bool(out, "originalMultiAttachEnabled", false);
    put_number(out, "progress", 100);
    put_time(out, "startTime", volume->modified_ms);
    put_time(out, "endTime", volume->modified_ms);
}

int volume_modify(struct call *call, struct error *err)
{
    struct volume *volume;
    struct volume_order order = {0};
    if (resource_target(call, &volume_kind, "VolumeId", &volume, err) < 0 ||
        volume_take_order(call, "", &order, err) < 0)
        return -1;
    if (order.gigabytes && order.gigabytes < volume->gigabytes)
        return call_fail(call, err, 400, "InvalidParameterValue",
                         "New size cannot be smaller than existing size");
    text_replace(&volume->original_type, volume->type);
    volume->original_gigabytes = volume->gigabytes;
    volume->original_iops = volume->iops;
    volume->original_throughput = volume->throughput;
    volume->modified_ms = clock_now_ms();
    if (order.gigabytes)
        volume->gigabytes = order.gigabytes;
    if (call_parameter(call, "VolumeType"))
        text_replace(&volume->type, order.type);
    if (call_parameter(call, "Iops") || call_parameter(call, "VolumeType"))
        volume->iops = order.iops ? order.iops : volume->iops;
    if (call_parameter(call, "Throughput"))
        volume->throughput = order.throughput;
    resource_changed(&volume->resource);
    put_open(&call->answer, "volumeModification");
    put_modification(&call->answer, volume);
    put_close(&call->answer, "volumeModification");
    return 0;
}

int volume_describe_modifications(struct call *call, struct error *err)
{
    struct selection selection;
    if (resource_select(call, &volume_kind, &selection, err) < 0)
        return -1;
    put_open(&call->answer, "volumeModificationSet");
    for (size_t i = 0; i < selection.count; i++) {
        const struct volume *volume = (const struct volume *)(const void *)selection.items[i];
        if (!volume->modified_ms)
            continue;
        put_open(&call->answer, "item");
        put_modification(&call->answer, volume);
        put_close(&call->answer, "item");
    }
    put_close(&call->answer, "volumeModificationSet");
    put_text(&call->answer, "nextToken", selection.next_token);
    return 0;
}

static void put_status(struct buffer *out, const struct volume *volume)
{
    put_text(out, "volumeId", volume->resource.id);
    put_text(out, "availabilityZone", volume->zone);
    buffer_text(out, "<volumeStatus><status>ok</status><details>"
                     "<item><name>io-enabled</name><status>passed</status></item>"
                     "<item><name>io-performance</name><status>not-applicable</status></item>"
                     "</details></volumeStatus><actionsSet/><eventsSet/>");
}

int volume_describe_status(struct call *call, struct error *err)
{
    struct selection selection;
    if (resource_select(call, &volume_kind, &selection, err) < 0)
        return -1;
    put_open(&call->answer, "volumeStatusSet");
    for (size_t i = 0; i < selection.count; i++) {
        put_open(&call->answer, "item");
        put_status(&call->answer, (const struct volume *)(const void *)selection.items[i]);
        put_close(&call->answer, "item");
    }
    put_close(&call->answer, "volumeStatusSet");
    put_text(&call->answer, "nextToken", selection.next_token);
    return 0;
}

/* Volumes are encrypted unless a call says otherwise. */
int volume_encryption_by_default(struct call *call, struct error *err)
{
    (void)err;
    put_bool(&call->answer, "ebsEncryptionByDefault", true);
    return 0;
}

int volume_default_key(struct call *call, struct error *err)
{
    (void)err;
    put_text(&call->answer, "kmsKeyId", "alias/aws/ebs");
    return 0;
}
