#include "localaws/ec2/volume.h"
#include "localaws/ec2/to_plane.h"

#include "base/clock.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct field volume_fields[] = {
    RESOURCE_FIELDS(struct volume),
    FIELD_TEXT(struct volume, zone, "zone", REQUIRED, 64, NULL, "availability zone"),
    FIELD_TEXT(struct volume, type, "type", REQUIRED, 16, NULL, "gp3, ..."),
    FIELD_TEXT(struct volume, snapshot_id, "snapshot", OPTIONAL, 64, NULL, "what it was made from"),
    FIELD_INTEGER(struct volume, gigabytes, "gigabytes", REQUIRED, 1, 65536, "size"),
    FIELD_INTEGER(struct volume, iops, "iops", OPTIONAL, 0, 256000, "as asked"),
    FIELD_INTEGER(struct volume, throughput, "throughput", OPTIONAL, 0, 2000, "as asked, MiB/s"),
    FIELD_BOOL(struct volume, encrypted, "encrypted", OPTIONAL, "has a data key"),
    FIELD_TEXT(struct volume, key_arn, "key", OPTIONAL, 512, NULL, "the KMS key"),
    FIELD_TEXT(struct volume, wrapped_key, "wrappedKey", OPTIONAL, 8192, NULL, "the data key, wrapped"),
    FIELD_TEXT(struct volume, instance_id, "instance", OPTIONAL, 64, NULL, "where it is attached"),
    FIELD_TEXT(struct volume, device, "device", OPTIONAL, 64, NULL, "as what"),
    FIELD_INTEGER(struct volume, attached_ms, "attached", OPTIONAL, 0, 9e15, "when"),
    FIELD_BOOL(struct volume, delete_on_termination, "deleteOnTermination", OPTIONAL,
               "goes with the instance"),
    FIELD_END,
};
static const struct record volume_record = {"volume", sizeof(struct volume), volume_fields};

static const char *volume_state(const struct volume *volume)
{
    return volume->instance_id ? "in-use" : "available";
}

static void each_status(const struct resource *resource, struct values *values)
{
    values_add(values, volume_state((const struct volume *)(const void *)resource));
}

static void each_attachment(const struct resource *resource, struct values *values)
{
    values_add(values,
               ((const struct volume *)(const void *)resource)->instance_id ? "attached" : "detached");
}

static void each_size(const struct resource *resource, struct values *values)
{
    char size[24];
    snprintf(size, sizeof size, "%d", (int)((const struct volume *)(const void *)resource)->gigabytes);
    values_add(values, size);
}

static const struct filter volume_filters[] = {
    FILTER_TEXT("volume-id", struct volume, resource.id),
    FILTER_TEXT("availability-zone", struct volume, zone),
    FILTER_TEXT("volume-type", struct volume, type),
    FILTER_BOOL("encrypted", struct volume, encrypted),
    FILTER_TEXT("attachment.instance-id", struct volume, instance_id),
    FILTER_TEXT("attachment.device", struct volume, device),
    FILTER_BOOL("attachment.delete-on-termination", struct volume, delete_on_termination),
    FILTER_EACH("attachment.status", each_attachment),
    FILTER_EACH("status", each_status),
    FILTER_EACH("size", each_size),
    FILTER_END,
};

static void put_attachment(struct buffer *out, const struct volume *volume, const char *status)
{
    put_text(out, "volumeId", volume->resource.id);
    put_text(out, "instanceId", volume->instance_id);
    put_text(out, "device", volume->device);
    put_text(out, "status", status);
    put_time(out, "attachTime", volume->attached_ms);
    put_bool(out, "deleteOnTermination", volume->delete_on_termination);
}

static void volume_write(struct buffer *out, const struct resource *resource)
{
    const struct volume *volume = (const struct volume *)(const void *)resource;
    put_text(out, "volumeId", resource->id);
    put_number(out, "size", volume->gigabytes);
    put_text(out, "snapshotId", volume->snapshot_id ? volume->snapshot_id : "");
    put_text(out, "availabilityZone", volume->zone);
    put_text(out, "status", volume_state(volume));
    put_time(out, "createTime", resource->created_ms);
    put_open(out, "attachmentSet");
    if (volume->instance_id) {
        put_open(out, "item");
        put_attachment(out, volume, "attached");
        put_close(out, "item");
    }
    put_close(out, "attachmentSet");
    put_text(out, "volumeType", volume->type);
    put_number(out, "iops", volume->iops);
    if (volume->throughput)
        put_number(out, "throughput", volume->throughput);
    put_bool(out, "encrypted", volume->encrypted);
    put_text(out, "kmsKeyId", volume->key_arn);
    put_bool(out, "multiAttachEnabled", false);
    put_tags(out, resource);
}

static void volume_context(struct context *context, const struct resource *resource)
{
    const struct volume *volume = (const struct volume *)(const void *)resource;
    context_add(context, "ec2:Encrypted", volume->encrypted ? "true" : "false");
    context_add(context, "ec2:VolumeType", volume->type);
    context_add(context, "ec2:AvailabilityZone", volume->zone);
    context_add(context, "ec2:VolumeSize", arena_format(context->call->arena, "%d", (int)volume->gigabytes));
    context_add(context, "ec2:KmsKeyId", volume->key_arn);
}

/* A volume that was an instance's root has a file. */
static void volume_removed(struct region *region, struct resource *resource)
{
    (void)region;
    cleanup(arena_free) struct arena *arena = arena_new();
    unlink(volume_path(arena, (const struct volume *)(const void *)resource));
}

const struct kind volume_kind = {
    .number = KIND_VOLUME,
    .type = "volume",
    .prefix = "vol",
    .parameter = "VolumeId",
    .missing = "InvalidVolume.NotFound",
    .set = "volumeSet",
    .record = &volume_record,
    .numerous = true,
    .filters = volume_filters,
    .write = volume_write,
    .context = volume_context,
    .removed = volume_removed,
};

/* What EBS gives a gp3 volume for which nothing else was asked. */
static void fill_gp3(struct volume_order *order)
{
    if (!order->iops)
        order->iops = 3000;
    if (!order->throughput)
        order->throughput = 125;
}

int volume_take_order(struct call *call, const char *prefix, struct volume_order *order, struct error *err)
{
    const char *dot = *prefix ? "." : "";
#define MEMBER(name) arena_format(call->arena, "%s%s" name, prefix, dot)
    const char *type = call_parameter(call, "%s", MEMBER("VolumeType"));
    const char *key = call_parameter(call, "%s", MEMBER("KmsKeyId"));
    const char *encrypted = call_parameter(call, "%s", MEMBER("Encrypted"));
    if (call_number(call, *prefix ? MEMBER("VolumeSize") : "Size", 1, 65536, order->gigabytes,
                    &order->gigabytes, err) < 0 ||
        call_number(call, MEMBER("Iops"), 100, 256000, 0, &order->iops, err) < 0 ||
        call_number(call, MEMBER("Throughput"), 125, 2000, 0, &order->throughput, err) < 0)
        return -1;
    order->type = type ? type : *prefix ? "gp3" : "gp2";
    order->key = key;
    if (encrypted)
        order->encrypted = text_equal_nocase(encrypted, "true");
    if (call_parameter(call, "%s", MEMBER("DeleteOnTermination")))
        order->delete_on_termination = call_true(call, MEMBER("DeleteOnTermination"));
#undef MEMBER
    if (key && !order->encrypted)
        return call_fail(call, err, 400, "InvalidParameterDependency",
                         "The parameter KmsKeyId requires the parameter Encrypted to be set.");
    if (text_equal(order->type, "gp3"))
        fill_gp3(order);
    return 0;
}

/* The encryption context EBS uses: the volume's id. */
static const char *volume_encryption_context(struct arena *arena, const char *volume_id)
{
    return arena_format(arena, "{\"aws:ebs:id\":\"%s\"}", volume_id);
}

int volume_create_for(struct call *call, const struct volume_order *order, unsigned char plaintext[32],
                      struct volume **volume, struct error *err)
{
    struct volume draft = {
        .resource = {.tag_count = order->tag_count,
                     .client_token = arena_strdup(call->arena, order->client_token)},
        .zone = arena_strdup(call->arena, order->zone),
        .type = arena_strdup(call->arena, order->type),
        .gigabytes = order->gigabytes,
        .iops = order->iops                  ? order->iops
                : order->gigabytes * 3 > 100 ? order->gigabytes * 3
                                             : 100,
        .throughput = order->throughput,
        .encrypted = order->encrypted,
    };
    if (order->tag_count) {
        draft.resource.tags = arena_alloc(call->arena, order->tag_count * sizeof *order->tags);
        memcpy(draft.resource.tags, order->tags, order->tag_count * sizeof *order->tags);
    }
    if (draft_check(call, &volume_record, &draft, err) < 0)
        return -1;
    draft.resource.id = region_identifier(call->region, call->arena, "vol");
    if (draft.encrypted &&
        kms_data_key(call->region, call->caller, "ec2", order->key ? order->key : "alias/aws/ebs",
                     volume_encryption_context(call->arena, draft.resource.id), plaintext, call->arena,
                     &draft.key_arn, &draft.wrapped_key, err) < 0)
        return -1;
    *volume = resource_add(call->region, call->account, &volume_kind, &draft);
    return 0;
}

int volume_unwrap(struct region *region, const struct volume *volume, unsigned char plaintext[32],
                  struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct caller ec2 = {
        .kind = CALLER_SERVICE,
        .account = volume->resource.account,
        .arn = "ec2.amazonaws.com",
        .principal_arn = "ec2.amazonaws.com",
    };
    return kms_unwrap(region, &ec2, "ec2", volume->wrapped_key,
                      volume_encryption_context(arena, volume->resource.id), plaintext, err);
}

void volume_attach_to(struct volume *volume, const char *instance_id, const char *device,
                      bool delete_on_termination)
{
    text_replace(&volume->instance_id, instance_id);
    text_replace(&volume->device, device);
    volume->attached_ms = clock_now_ms();
    volume->delete_on_termination = delete_on_termination;
    resource_changed(&volume->resource);
}

int volume_create(struct call *call, struct error *err)
{
    struct volume_order order = {.zone = call_parameter(call, "AvailabilityZone"),
                                 .client_token = call_parameter(call, "ClientToken")};
    struct volume draft = {0},
                  *volume = resource_by_token(call->region, call->account, &volume_kind, order.client_token);
    unsigned char key[32];
    if (!volume) {
        if (!order.zone || !zone_id_of(call->region, call->arena, order.zone))
            return call_fail(call, err, 400, "InvalidParameterValue", "Invalid availability zone: [%s]",
                             order.zone ? order.zone : "");
        if (volume_take_order(call, "", &order, err) < 0 ||
            call_tags(call, "volume", &draft.resource, err) < 0)
            return -1;
        if (!order.gigabytes)
            return call_fail(call, err, 400, "MissingParameter",
                             "The request must contain the parameter size");
        draft.encrypted = order.encrypted;
        draft.type = arena_strdup(call->arena, order.type);
        draft.zone = arena_strdup(call->arena, order.zone);
        draft.gigabytes = order.gigabytes;
        order.tags = draft.resource.tags;
        order.tag_count = draft.resource.tag_count;
        if (creation_authorize(call, &volume_kind, &draft.resource, err) < 0 ||
            volume_create_for(call, &order, key, &volume, err) < 0)
            return -1;
        explicit_bzero(key, sizeof key);
    }
    volume_write(&call->answer, &volume->resource);
    return 0;
}

int volume_delete(struct call *call, struct error *err)
{
    struct volume *volume;
    if (resource_target(call, &volume_kind, "VolumeId", &volume, err) < 0)
        return -1;
    if (volume->instance_id)
        return call_fail(call, err, 400, "VolumeInUse", "Volume %s is currently attached to %s",
                         volume->resource.id, volume->instance_id);
    resource_remove(call->region, &volume->resource);
    put_true(call);
    return 0;
}

int volume_attach(struct call *call, struct error *err)
{
    struct volume *volume;
    struct instance *instance;
    const char *device;
    if (resource_target(call, &volume_kind, "VolumeId", &volume, err) < 0 ||
        resource_target(call, &instance_kind, "InstanceId", &instance, err) < 0 ||
        call_required(call, "Device", &device, err) < 0)
        return -1;
    if (volume->instance_id)
        return call_fail(call, err, 400, "VolumeInUse", "%s is already attached to an instance",
                         volume->resource.id);
    if (!text_equal(volume->zone, instance->zone))
        return call_fail(call, err, 400, "InvalidVolume.ZoneMismatch",
                         "The volume '%s' is not in the same availability zone as instance '%s'",
                         volume->resource.id, instance->resource.id);
    if (text_check(call, "device", device, 64, err) < 0 ||
        room_check(call, "volumes", instance->volume_count + 1, 64, err) < 0)
        return -1;
    volume_attach_to(volume, instance->resource.id, device, false);
    list_add_text(&instance->volume_ids, &instance->volume_count, volume->resource.id);
    resource_changed(&instance->resource);
    put_attachment(&call->answer, volume, "attaching");
    return 0;
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
    if (text_equal(volume->device, instance->root_device) && instance->state != INSTANCE_STOPPED)
        return call_fail(call, err, 400, "OperationNotPermitted",
                         "Unable to detach root volume '%s' from instance '%s'", volume->resource.id,
                         instance->resource.id);
    put_attachment(&call->answer, volume, "detaching");
    for (size_t i = instance->volume_count; i-- > 0;)
        if (text_equal(instance->volume_ids[i], volume->resource.id))
            list_remove(&text_record, &instance->volume_ids, &instance->volume_count, i);
    text_replace(&volume->instance_id, NULL);
    text_replace(&volume->device, NULL);
    resource_changed(&volume->resource);
    resource_changed(&instance->resource);
    return 0;
}

int volume_describe(struct call *call, struct error *err)
{
    return resource_describe(call, &volume_kind, err);
}

int volume_describe_modifications(struct call *call, struct error *err)
{
    (void)err; /* volumes are never modified here */
    put_open(&call->answer, "volumeModificationSet");
    put_close(&call->answer, "volumeModificationSet");
    return 0;
}

int volume_describe_attribute(struct call *call, struct error *err)
{
    struct volume *volume;
    if (resource_named(call, &volume_kind, "VolumeId", &volume, err) < 0)
        return -1;
    put_text(&call->answer, "volumeId", volume->resource.id);
    buffer_text(&call->answer, "<autoEnableIO><value>false</value></autoEnableIO><productCodes/>");
    return 0;
}
