#include "localaws/ec2/volume.h"
#include "localaws/ec2/to_plane.h"

#include "base/file.h"
#include "base/log.h"
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
    FIELD_TEXT(struct volume, attachment, "attachment", OPTIONAL, 16, NULL, "attaching, attached, ..."),
    FIELD_INTEGER(struct volume, attached_ms, "attached", OPTIONAL, 0, 9e15, "when"),
    FIELD_BOOL(struct volume, delete_on_termination, "deleteOnTermination", OPTIONAL,
               "goes with the instance"),
    FIELD_INTEGER(struct volume, modified_ms, "modified", OPTIONAL, 0, 9e15, "when; 0: never"),
    FIELD_TEXT(struct volume, original_type, "originalType", OPTIONAL, 16, NULL, "before that"),
    FIELD_INTEGER(struct volume, original_gigabytes, "originalGigabytes", OPTIONAL, 0, 65536, "before that"),
    FIELD_INTEGER(struct volume, original_iops, "originalIops", OPTIONAL, 0, 256000, "before that"),
    FIELD_INTEGER(struct volume, original_throughput, "originalThroughput", OPTIONAL, 0, 2000, "before that"),
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
    const struct volume *volume = (const struct volume *)(const void *)resource;
    values_add(values, volume->instance_id ? volume->attachment : "detached");
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
        volume_put_attachment(out, volume, volume->attachment);
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

/* One that was ever opened has a file, or without root a directory. */
static void volume_removed(struct region *region, struct resource *resource)
{
    (void)region;
    cleanup(arena_free) struct arena *arena = arena_new();
    struct error err = {0};
    char *path = volume_path(arena, (const struct volume *)(const void *)resource);
    if (tree_remove(path, &err) < 0)
        log_warning("volume not removed", "path", path, "reason", err.message, NULL);
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

int volume_create_for(struct call *call, const struct volume_order *order, struct volume **volume,
                      struct error *err)
{
    unsigned char plaintext[32];
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
    explicit_bzero(plaintext, sizeof plaintext); /* it is unwrapped again when the volume is opened */
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

int volume_create(struct call *call, struct error *err)
{
    struct volume_order order = {.zone = call_parameter(call, "AvailabilityZone"),
                                 .encrypted = true, /* EBS encryption by default is on */
                                 .client_token = call_parameter(call, "ClientToken")};
    struct volume draft = {0},
                  *volume = resource_by_token(call->region, call->account, &volume_kind, order.client_token);
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
            volume_create_for(call, &order, &volume, err) < 0)
            return -1;
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

int volume_describe(struct call *call, struct error *err)
{
    return resource_describe(call, &volume_kind, err);
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
