/* Instances: the record, how it is shown and found. ec2/run.c makes them, ec2/instance_life.c ends them. */
#include "localaws/ec2/instance.h"
#include "localaws/ec2/ec2.h"
#include "localaws/ec2/event.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

static const struct field instance_fields[] = {
    RESOURCE_FIELDS(struct instance),
    FIELD_TEXT(struct instance, reservation_id, "reservation", REQUIRED, 64, NULL,
               "what RunInstances made it"),
    FIELD_TEXT(struct instance, image_id, "image", REQUIRED, 64, NULL, "AMI"),
    FIELD_TEXT(struct instance, type, "type", REQUIRED, 64, NULL, "instance type"),
    FIELD_TEXT(struct instance, architecture, "architecture", REQUIRED, 16, NULL, "of its image"),
    FIELD_TEXT(struct instance, zone, "zone", REQUIRED, 64, NULL, "availability zone"),
    FIELD_TEXT(struct instance, vpc_id, "vpc", OPTIONAL, 64, NULL, "its VPC"),
    FIELD_TEXT(struct instance, subnet_id, "subnet", OPTIONAL, 64, NULL, "its subnet"),
    FIELD_TEXT(struct instance, private_address, "privateAddress", OPTIONAL, 64, NULL,
               "primary IPv4 address"),
    FIELD_TEXT(struct instance, profile_arn, "profile", OPTIONAL, 512, NULL, "instance profile"),
    FIELD_TEXT(struct instance, profile_id, "profileId", OPTIONAL, 64, NULL, "and its id"),
    FIELD_TEXT(struct instance, profile_association, "profileAssociation", OPTIONAL, 64, NULL, "their pairing"),
    FIELD_TEXT(struct instance, key_name, "keyName", OPTIONAL, 255, NULL, "key pair"),
    FIELD_TEXT(struct instance, user_data, "userData", OPTIONAL, 32768, NULL, "base64"),
    FIELD_TEXT(struct instance, private_dns, "privateDns", OPTIONAL, 255, NULL, "its name in the VPC"),
    FIELD_INTEGER(struct instance, launch_index, "launchIndex", OPTIONAL, 0, 9999, "in its reservation"),
    FIELD_INTEGER(struct instance, launched_ms, "launched", OPTIONAL, 0, 9e15, "when it was last started"),
    FIELD_INTEGER(struct instance, state, "state", REQUIRED, 0, 80, "EC2's code"),
    FIELD_TEXT(struct instance, reason, "reason", OPTIONAL, 255, NULL, "of the last transition"),
    FIELD_TEXT(struct instance, reason_code, "reasonCode", OPTIONAL, 128, NULL, "state reason"),
    FIELD_TEXT(struct instance, reason_message, "reasonMessage", OPTIONAL, 1200, NULL, "in words"),
    FIELD_TEXT(struct instance, root_device, "rootDevice", REQUIRED, 64, NULL, "of its root volume"),
    FIELD_TEXT(struct instance, shutdown_behaviour, "shutdownBehaviour", REQUIRED, 16, NULL,
               "stop or terminate"),
    FIELD_TEXT(struct instance, request_digest, "requestDigest", OPTIONAL, 64, NULL,
               "of the RunInstances call"),
    FIELD_TEXT(struct instance, http_tokens, "httpTokens", REQUIRED, 16, NULL,
               "metadata: required, optional"),
    FIELD_TEXT(struct instance, http_endpoint, "httpEndpoint", REQUIRED, 16, NULL,
               "metadata: enabled, disabled"),
    FIELD_TEXT(struct instance, http_ipv6, "httpIpv6", REQUIRED, 16, NULL, "metadata by IPv6"),
    FIELD_TEXT(struct instance, metadata_tags, "metadataTags", REQUIRED, 16, NULL, "tags in the metadata"),
    FIELD_INTEGER(struct instance, vcpus, "vcpus", OPTIONAL, 0, 1024, "of its type"),
    FIELD_INTEGER(struct instance, hop_limit, "hopLimit", OPTIONAL, 1, 64, "of metadata answers"),
    FIELD_INTEGER(struct instance, ended_ms, "ended", OPTIONAL, 0, 9e15, "when it was terminated"),
    FIELD_LIST(struct instance, interface_ids, interface_count, "interfaces", OPTIONAL, 16, &text_record,
               "primary first"),
    FIELD_LIST(struct instance, volume_ids, volume_count, "volumes", OPTIONAL, 64, &text_record,
               "root first"),
    FIELD_LIST(struct instance, events, event_count, "events", OPTIONAL, EVENTS_MOST, &instance_event_record,
               "scheduled for it"),
    FIELD_BOOL(struct instance, ebs_optimized, "ebsOptimized", OPTIONAL, "as asked"),
    FIELD_BOOL(struct instance, monitoring, "monitoring", OPTIONAL, "as asked"),
    FIELD_BOOL(struct instance, no_api_termination, "noApiTermination", OPTIONAL,
               "protected from TerminateInstances"),
    FIELD_BOOL(struct instance, no_api_stop, "noApiStop", OPTIONAL, "protected from StopInstances"),
    FIELD_BOOL(struct instance, source_check, "sourceCheck", OPTIONAL, "of its primary interface"),
    FIELD_BOOL(struct instance, simulated, "simulated", OPTIONAL, "a record without processes"),
    FIELD_BOOL(struct instance, unbooted, "unbooted", OPTIONAL, "nothing runs in it, by a fault"),
    FIELD_END,
};
static const struct record instance_record = {"instance", sizeof(struct instance), instance_fields};

const char *instance_state_name(int64_t state)
{
    static const char *const names[] = {"pending",    "running",  "shutting-down",
                                        "terminated", "stopping", "stopped"};
    return names[state / 16];
}

struct interface *instance_interface(const struct instance *instance, int64_t device_index)
{
    for (size_t i = 0; i < instance->interface_count; i++) {
        struct interface *interface = resource_find(instance->resource.region, instance->resource.account,
                                                    &interface_kind, instance->interface_ids[i]);
        if (interface && interface->device_index == device_index)
            return interface;
    }
    return NULL;
}

struct volume *instance_volume(const struct instance *instance, size_t at)
{
    if (at >= instance->volume_count)
        return NULL;
    return resource_find(instance->resource.region, instance->resource.account, &volume_kind,
                         instance->volume_ids[at]);
}

struct volume *instance_root_volume(const struct instance *instance)
{
    for (size_t i = 0; i < instance->volume_count; i++) {
        struct volume *volume = instance_volume(instance, i);
        if (volume && text_equal(volume->device, instance->root_device))
            return volume;
    }
    return NULL;
}

static const struct instance *of(const struct resource *resource)
{
    return (const struct instance *)(const void *)resource;
}

/* What a filter looks at may lie in any interface of the instance. */
static void each_interface(const struct resource *resource, struct values *values,
                           void (*list)(const struct interface *interface, struct values *values))
{
    const struct instance *instance = of(resource);
    for (size_t i = 0; i < instance->interface_count; i++) {
        const struct interface *interface =
            resource_find(resource->region, resource->account, &interface_kind, instance->interface_ids[i]);
        if (interface)
            list(interface, values);
    }
}

static void add_all(struct values *values, char *const *texts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        values_add(values, texts[i]);
}

static void list_ipv6(const struct interface *interface, struct values *values)
{
    add_all(values, interface->ipv6_addresses, interface->ipv6_count);
}

static void list_ipv4(const struct interface *interface, struct values *values)
{
    add_all(values, interface->addresses, interface->address_count);
}

static void list_groups(const struct interface *interface, struct values *values)
{
    add_all(values, interface->groups, interface->group_count);
}

static void each_ipv6(const struct resource *resource, struct values *values)
{
    each_interface(resource, values, list_ipv6);
}

static void each_ipv4(const struct resource *resource, struct values *values)
{
    each_interface(resource, values, list_ipv4);
}

static void each_group(const struct resource *resource, struct values *values)
{
    each_interface(resource, values, list_groups);
}

static void each_interface_id(const struct resource *resource, struct values *values)
{
    add_all(values, of(resource)->interface_ids, of(resource)->interface_count);
}

static void each_volume_id(const struct resource *resource, struct values *values)
{
    add_all(values, of(resource)->volume_ids, of(resource)->volume_count);
}

static void each_state_name(const struct resource *resource, struct values *values)
{
    values_add(values, instance_state_name(of(resource)->state));
}

static void each_state_code(const struct resource *resource, struct values *values)
{
    char code[24];
    snprintf(code, sizeof code, "%d", (int)of(resource)->state);
    values_add(values, code);
}

static const struct filter instance_filters[] = {
    FILTER_TEXT("instance-id", struct instance, resource.id),
    FILTER_EACH("instance-state-name", each_state_name),
    FILTER_EACH("instance-state-code", each_state_code),
    FILTER_TEXT("client-token", struct instance, resource.client_token),
    FILTER_TEXT("vpc-id", struct instance, vpc_id),
    FILTER_TEXT("subnet-id", struct instance, subnet_id),
    FILTER_TEXT("network-interface.vpc-id", struct instance, vpc_id),
    FILTER_TEXT("network-interface.subnet-id", struct instance, subnet_id),
    FILTER_TEXT("image-id", struct instance, image_id),
    FILTER_TEXT("instance-type", struct instance, type),
    FILTER_TEXT("architecture", struct instance, architecture),
    FILTER_TEXT("availability-zone", struct instance, zone),
    FILTER_TEXT("reservation-id", struct instance, reservation_id),
    FILTER_TEXT("private-ip-address", struct instance, private_address),
    FILTER_TEXT("private-dns-name", struct instance, private_dns),
    FILTER_TEXT("iam-instance-profile.arn", struct instance, profile_arn),
    FILTER_TEXT("iam-instance-profile.id", struct instance, profile_id),
    FILTER_TEXT("key-name", struct instance, key_name),
    FILTER_TEXT("metadata-options.http-tokens", struct instance, http_tokens),
    FILTER_TEXT("metadata-options.http-endpoint", struct instance, http_endpoint),
    FILTER_EACH("network-interface.network-interface-id", each_interface_id),
    FILTER_EACH("network-interface.ipv6-addresses.ipv6-address", each_ipv6),
    FILTER_EACH("ipv6-address", each_ipv6),
    FILTER_EACH("network-interface.addresses.private-ip-address", each_ipv4),
    FILTER_EACH("network-interface.private-ip-address", each_ipv4),
    FILTER_EACH("network-interface.group-id", each_group),
    FILTER_EACH("instance.group-id", each_group),
    FILTER_EACH("block-device-mapping.volume-id", each_volume_id),
    FILTER_CALL("event.code", filter_event_code),
    FILTER_CALL("event.description", filter_event_description),
    FILTER_CALL("event.instance-event-id", filter_event_id),
    FILTER_CALL("event.not-before", filter_event_not_before),
    FILTER_CALL("event.not-after", filter_event_not_after),
    FILTER_CALL("system-status.status", filter_system_status),
    FILTER_CALL("instance-status.status", filter_instance_status),
    FILTER_END,
};

/* What a policy may say about an instance, there or about to be. */
static void instance_context(struct context *context, const struct resource *resource)
{
    const struct instance *instance = of(resource);
    context_add(context, "ec2:InstanceType", instance->type);
    context_add(context, "ec2:AvailabilityZone", instance->zone);
    context_add(context, "ec2:InstanceProfile", instance->profile_arn);
    context_add(context, "ec2:MetadataHttpTokens", instance->http_tokens);
    context_add(context, "ec2:MetadataHttpEndpoint", instance->http_endpoint);
    context_add(context, "ec2:MetadataHttpPutResponseHopLimit",
                arena_format(context->call->arena, "%d", (int)instance->hop_limit));
    context_add(context, "ec2:RootDeviceType", "ebs");
    context_add(context, "ec2:Tenancy", "default");
    context_add(context, "ec2:EbsOptimized", instance->ebs_optimized ? "true" : "false");
    if (resource->id)
        context_add(context, "ec2:InstanceID", resource->id);
}

const struct kind instance_kind = {
    .number = KIND_INSTANCE,
    .type = "instance",
    .prefix = "i",
    .parameter = "InstanceId",
    .missing = "InvalidInstanceID.NotFound",
    .set = "reservationSet",
    .record = &instance_record,
    .numerous = true,
    .filters = instance_filters,
    .write = instance_write,
    .context = instance_context,
};

/* Reservations are shown whole where their instances follow one another, which they do as they were made. */
int instance_describe(struct call *call, struct error *err)
{
    struct buffer *out = &call->answer;
    struct selection selection;
    if (resource_select(call, &instance_kind, &selection, err) < 0)
        return -1;
    put_open(out, "reservationSet");
    for (size_t i = 0; i < selection.count;) {
        const char *reservation = of(selection.items[i])->reservation_id;
        put_open(out, "item");
        put_text(out, "reservationId", reservation);
        put_text(out, "ownerId", call->account->id);
        buffer_text(out, "<groupSet/><instancesSet>");
        for (; i < selection.count && text_equal(of(selection.items[i])->reservation_id, reservation); i++) {
            put_open(out, "item");
            instance_write(out, selection.items[i]);
            put_close(out, "item");
        }
        put_close(out, "instancesSet");
        put_close(out, "item");
    }
    put_close(out, "reservationSet");
    put_text(out, "nextToken", selection.next_token);
    return 0;
}
