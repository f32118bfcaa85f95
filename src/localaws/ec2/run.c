/* RunInstances: everything is checked and authorized before anything is made; then the records, then the
 * machines. */
#include "localaws/ec2/boot.h"
#include "localaws/ec2/ec2.h"
#include "localaws/ec2/image.h"
#include "localaws/ec2/instance.h"
#include "localaws/ec2/public_address.h"
#include "localaws/ec2/to_plane.h"
#include "localaws/ec2/type.h"
#include "localaws/ec2/volume.h"

#include "base/clock.h"
#include "base/text.h"

#include <gnutls/crypto.h>
#include <string.h>

enum { MOST_AT_ONCE = 100 };

/* A RunInstances call, taken apart. */
struct run {
    struct image image;
    struct subnet *subnet;
    const char **groups, **ipv6_addresses;
    int64_t ipv6_count, least, most;
    const char *private_address, *profile_role;
    struct instance draft;
    struct interface interface; /* its tags */
    struct volume volume;       /* its tags */
    struct volume_order root;
    bool delete_interface, auto_public;
};

static int take_image(struct call *call, struct run *run, struct error *err)
{
    const char *id, *type_name = call_parameter(call, "InstanceType");
    struct instance_type type;
    if (call_required(call, "ImageId", &id, err) < 0)
        return -1;
    const struct image *image = image_find(call->region, call->arena, id);
    if (!image)
        return call_fail(call, err, 400,
                         text_starts(id, "ami-") ? "InvalidAMIID.NotFound" : "InvalidAMIID.Malformed",
                         "The image id '[%s]' does not exist", id);
    if (!type_name)
        type_name = text_equal(image->architecture, "arm64") ? "t4g.small" : "t3.small";
    if (!instance_type_find(call->arena, type_name, &type))
        return call_fail(call, err, 400, "InvalidParameterValue", "The instance type '%s' does not exist",
                         type_name);
    if (!text_equal(type.architecture, image->architecture))
        return call_fail(call, err, 400, "InvalidParameterValue",
                         "The architecture '%s' of the specified instance type does not match the "
                         "architecture '%s' of the "
                         "specified AMI.",
                         type.architecture, image->architecture);
    run->image = *image;
    run->draft.image_id = image->id;
    run->draft.architecture = image->architecture;
    run->draft.type = arena_strdup(call->arena, type_name);
    run->draft.vcpus = type.vcpus;
    run->draft.simulated = image_is_simulated(image);
    return 0;
}

/* IPv6 addresses by name: below NetworkInterface.1 or at the top. */
static const char **take_ipv6_addresses(struct call *call, const char *prefix, const char *list)
{
    size_t count = 0;
    while (call_parameter(call, "%s%s.%zu.Ipv6Address", prefix, list, count + 1))
        count++;
    const char **addresses = arena_alloc(call->arena, (count + 1) * sizeof *addresses);
    for (size_t i = 0; i < count; i++)
        addresses[i] = call_parameter(call, "%s%s.%zu.Ipv6Address", prefix, list, i + 1);
    return addresses;
}

/* The primary interface is described either at the top of the request or as NetworkInterface.1, never both.
 */
static int take_network(struct call *call, struct run *run, struct error *err)
{
    bool own = call_parameter(call, "NetworkInterface.1.DeviceIndex") != NULL;
    const char *prefix = own ? "NetworkInterface.1." : "";
    if (own && (call_parameter(call, "SubnetId") || call_parameter(call, "SecurityGroupId.1")))
        return call_fail(call, err, 400, "InvalidParameterCombination",
                         "Network interfaces and an instance-level subnet ID or security groups may not be "
                         "specified on the "
                         "same request");
    if (call_parameter(call, "NetworkInterface.2.DeviceIndex") ||
        call_parameter(call, "NetworkInterface.1.NetworkInterfaceId"))
        return call_fail(call, err, 400, "UnsupportedOperation",
                         "Instances here start with one new network interface");
    const char *subnet_parameter = arena_format(call->arena, "%sSubnetId", prefix);
    if (!call_parameter(call, "%s", subnet_parameter))
        return call_fail(call, err, 400, "MissingInput",
                         "No subnets found for the default VPC. Please specify a subnet.");
    if (resource_named(call, &subnet_kind, subnet_parameter, &run->subnet, err) < 0 ||
        call_number(call, arena_format(call->arena, "%sIpv6AddressCount", prefix), 0, 15, 0, &run->ipv6_count,
                    err) < 0)
        return -1;
    run->groups = call_list(call, arena_format(call->arena, "%sSecurityGroupId", prefix), NULL);
    run->private_address = call_parameter(call, "%sPrivateIpAddress", prefix);
    run->ipv6_addresses = take_ipv6_addresses(call, prefix, own ? "Ipv6Addresses" : "Ipv6Address");
    run->delete_interface = true;
    const char *public = call_parameter(call, "NetworkInterface.1.AssociatePublicIpAddress");
    run->auto_public = public ? text_equal_nocase(public, "true") : run->subnet->public_on_launch;
    if (own && call_parameter(call, "NetworkInterface.1.DeleteOnTermination"))
        run->delete_interface = call_true(call, "NetworkInterface.1.DeleteOnTermination");
    run->draft.subnet_id = run->subnet->resource.id;
    run->draft.vpc_id = run->subnet->vpc_id;
    run->draft.zone = run->subnet->zone;
    return 0;
}

static int take_profile(struct call *call, struct run *run, struct error *err)
{
    const char *arn = call_parameter(call, "IamInstanceProfile.Arn"),
               *name = call_parameter(call, "IamInstanceProfile.Name");
    char *role;
    if (!arn && !name)
        return 0;
    if (iam_find_instance_profile(call->region, call->account, arn ? arn : name, call->arena,
                                  &run->draft.profile_arn, &run->draft.profile_id, &role, NULL) < 0)
        return call_fail(call, err, 400, "InvalidParameterValue",
                         "Value (%s) for parameter iamInstanceProfile.%s is invalid. "
                         "Invalid IAM Instance Profile %s",
                         arn ? arn : name, arn ? "arn" : "name", arn ? "ARN" : "name");
    run->profile_role = role;
    return 0;
}

/* The root volume: the image's device, or whatever the first mapping is called. */
static int take_root_volume(struct call *call, struct run *run, struct error *err)
{
    const char *device = call_parameter(call, "BlockDeviceMapping.1.DeviceName");
    run->root = (struct volume_order){
        .zone = run->subnet->zone,
        .gigabytes = run->image.root_gigabytes,
        .delete_on_termination = true,
        .encrypted = true,
        .device = device ? device : "/dev/xvda",
    };
    if (call_parameter(call, "BlockDeviceMapping.2.DeviceName"))
        return call_fail(call, err, 400, "UnsupportedOperation",
                         "Instances here start with one volume, their root");
    if (volume_take_order(call, "BlockDeviceMapping.1.Ebs", &run->root, err) < 0)
        return -1;
    if (run->root.gigabytes < run->image.root_gigabytes)
        return call_fail(call, err, 400, "InvalidBlockDeviceMapping",
                         "Volume of size %dGB is smaller than snapshot, expect size >= %dGB",
                         (int)run->root.gigabytes, (int)run->image.root_gigabytes);
    run->draft.root_device = arena_strdup(call->arena, run->root.device);
    return 0;
}

/* Members that are texts with a default and a few allowed values. */
static const struct choice {
    const char *parameter, *values[2];
    size_t offset;
} choices[] = {
    {"MetadataOptions.HttpTokens", {"required", "optional"}, offsetof(struct instance, http_tokens)},
    {"MetadataOptions.HttpEndpoint", {"enabled", "disabled"}, offsetof(struct instance, http_endpoint)},
    {"MetadataOptions.HttpProtocolIpv6", {"disabled", "enabled"}, offsetof(struct instance, http_ipv6)},
    {"MetadataOptions.InstanceMetadataTags",
     {"disabled", "enabled"},
     offsetof(struct instance, metadata_tags)},
    {"InstanceInitiatedShutdownBehavior",
     {"stop", "terminate"},
     offsetof(struct instance, shutdown_behaviour)},
};

static int take_options(struct call *call, struct run *run, struct error *err)
{
    for (size_t i = 0; i < COUNT_OF(choices); i++) {
        const char *value = call_parameter(call, "%s", choices[i].parameter);
        if (value && !text_equal(value, choices[i].values[0]) && !text_equal(value, choices[i].values[1]))
            return call_fail(call, err, 400, "InvalidParameterValue",
                             "Value (%s) for parameter %s is invalid", value, choices[i].parameter);
        *(char **)(void *)((char *)&run->draft + choices[i].offset) =
            arena_strdup(call->arena, value ? value : choices[i].values[0]);
    }
    const char *user_data = call_parameter(call, "UserData");
    if (user_data && !user_data_valid(call->arena, user_data))
        return call_fail(call, err, 400, "InvalidParameterValue",
                         "User data is limited to 16384 bytes, in base64");
    run->draft.user_data = arena_strdup(call->arena, text_empty(user_data) ? NULL : user_data);
    run->draft.key_name = arena_strdup(call->arena, call_parameter(call, "KeyName"));
    run->draft.ebs_optimized = call_true(call, "EbsOptimized");
    run->draft.monitoring = call_true(call, "Monitoring.Enabled");
    run->draft.no_api_termination = call_true(call, "DisableApiTermination");
    run->draft.no_api_stop = call_true(call, "DisableApiStop");
    run->draft.source_check = true;
    if (run->draft.key_name && key_pair_authorize(call, run->draft.key_name, err) < 0)
        return -1;
    return call_number(call, "MetadataOptions.HttpPutResponseHopLimit", 1, 64, 1, &run->draft.hop_limit, err);
}

static int take_counts(struct call *call, struct run *run, struct error *err)
{
    if (call_number(call, "MinCount", 1, MOST_AT_ONCE, 1, &run->least, err) < 0 ||
        call_number(call, "MaxCount", 1, MOST_AT_ONCE, 1, &run->most, err) < 0)
        return -1;
    if (run->least > run->most)
        return call_fail(call, err, 400, "InvalidParameterValue", "MinCount is more than MaxCount");
    if (run->most > 1 && (run->private_address || *run->ipv6_addresses))
        return call_fail(call, err, 400, "InvalidParameterCombination",
                         "One address cannot be given to several instances");
    return 0;
}

static int take_tags(struct call *call, struct run *run, struct error *err)
{
    if (call_tags(call, "instance", &run->draft.resource, err) < 0 ||
        call_tags(call, "network-interface", &run->interface.resource, err) < 0 ||
        call_tags(call, "volume", &run->volume.resource, err) < 0)
        return -1;
    run->root.tags = run->volume.resource.tags;
    run->root.tag_count = run->volume.resource.tag_count;
    return 0;
}

/* RunInstances is asked about everything it uses and makes: image, subnet, groups, instance, interface,
 * volume. */
static int authorize_used(struct call *call, const struct run *run, struct error *err)
{
    struct context context = context_new(call);
    context_add(&context, "ec2:Owner", call->region->accounts->id);
    context_add(&context, "ec2:ImageID", run->image.id);
    context_add(&context, "ec2:Public", "true");
    const char *image =
        arena_format(call->arena, "arn:aws:ec2:%s::image/%s", call->region->name, run->image.id);
    if (call_authorize(call, "ec2:RunInstances", image, context.pairs, err) < 0 ||
        resource_authorize(call, &run->subnet->resource, NULL, 0, err) < 0)
        return -1;
    for (const char **id = run->groups; *id; id++) {
        struct resource *group = resource_find(call->region, call->account, &group_kind, *id);
        if (!group)
            return resource_missing(call, &group_kind, *id, err);
        if (resource_authorize(call, group, NULL, 0, err) < 0)
            return -1;
    }
    return 0;
}

static int authorize_made(struct call *call, struct run *run, struct error *err)
{
    struct {
        const struct kind *kind;
        struct resource *draft;
    } made[] = {
        {&instance_kind, &run->draft.resource},
        {&interface_kind, &run->interface.resource},
        {&volume_kind, &run->volume.resource},
    };
    run->interface.vpc_id = run->draft.vpc_id;
    run->interface.subnet_id = run->draft.subnet_id;
    run->interface.zone = run->draft.zone;
    run->volume.encrypted = run->root.encrypted;
    run->volume.type = arena_strdup(call->arena, run->root.type);
    run->volume.gigabytes = run->root.gigabytes;
    run->volume.zone = run->draft.zone;
    for (size_t i = 0; i < COUNT_OF(made); i++) {
        struct context context = context_new(call);
        made[i].kind->context(&context, made[i].draft);
        context_add_request_tags(&context, made[i].draft->tags, made[i].draft->tag_count);
        if (call_authorize(call, "ec2:RunInstances", context_arn(&context, made[i].kind->type, "*"),
                           context.pairs, err) < 0 ||
            tagging_authorize(call, made[i].kind, made[i].draft->tags, made[i].draft->tag_count, err) < 0)
            return -1;
    }
    const char *const passed[] = {"iam:PassedToService", "ec2.amazonaws.com", NULL};
    if (run->profile_role && call_authorize(call, "iam:PassRole", run->profile_role, passed, err) < 0)
        return -1;
    return call_dry_run(call, err);
}

/* What makes two calls with the same client token the same call. */
static char *digest_of(struct call *call)
{
    static const char *const parts[] = {"ImageId",  "InstanceType", "SubnetId", "NetworkInterface.1.SubnetId",
                                        "MinCount", "MaxCount",     "UserData"};
    char *text = arena_strdup(call->arena, "");
    unsigned char digest[32];
    for (size_t i = 0; i < COUNT_OF(parts); i++)
        text = arena_format(call->arena, "%s%s\n", text, call_parameter(call, "%s", parts[i]));
    gnutls_hash_fast(GNUTLS_DIG_SHA256, text, strlen(text), digest);
    return hex_encode(call->arena, digest, 16);
}

static int answer(struct call *call, const char *reservation)
{
    struct buffer *out = &call->answer;
    put_text(out, "reservationId", reservation);
    put_text(out, "ownerId", call->account->id);
    buffer_text(out, "<groupSet/><instancesSet>");
    for (struct resource *item = resources_of(call->account, &instance_kind)->last; item;
         item = item->previous) {
        struct instance *first = (struct instance *)(void *)item;
        if (!text_equal(first->reservation_id, reservation) || first->launch_index != 0)
            continue;
        for (; item && text_equal(((struct instance *)(void *)item)->reservation_id, reservation);
             item = item->next) {
            put_open(out, "item");
            instance_write(out, item);
            put_close(out, "item");
        }
        break;
    }
    put_close(out, "instancesSet");
    return 0;
}

static int answer_earlier(struct call *call, const struct instance *earlier, struct error *err)
{
    if (!text_equal(earlier->request_digest, digest_of(call)))
        return call_fail(call, err, 400, "IdempotentParameterMismatch",
                         "The client token you have provided is associated with a resource other than the "
                         "one you are launching.");
    if (earlier->state == INSTANCE_TERMINATED || earlier->state == INSTANCE_SHUTTING_DOWN)
        return call_fail(call, err, 400, "IdempotentInstanceTerminated",
                         "The instance of this client token, %s, is terminated", earlier->resource.id);
    return answer(call, earlier->reservation_id);
}

/* The volume's data key, until the machine has it. */
struct launch {
    struct instance *instance;
    unsigned char key[32];
    bool failed;
    struct error error;
};

static char *private_name(struct call *call, const char *address)
{
    char *dashed = arena_strdup(call->arena, address);
    for (char *at = dashed; *at; at++)
        *at = *at == '.' ? '-' : *at;
    const char *domain = text_equal(call->region->name, "us-east-1")
                             ? "ec2.internal"
                             : arena_format(call->arena, "%s.compute.internal", call->region->name);
    return arena_format(call->arena, "ip-%s.%s", dashed, domain);
}

static int make_one(struct call *call, struct run *run, int64_t index, struct launch *launch,
                    struct error *err)
{
    struct interface *interface;
    struct volume *volume;
    struct interface_order order = {
        .subnet = run->subnet,
        .groups = run->groups,
        .private_address = run->private_address,
        .ipv6_addresses = run->ipv6_addresses,
        .ipv6_count = (size_t)run->ipv6_count,
        .auto_public = run->auto_public,
        .tags = run->interface.resource.tags,
        .tag_count = run->interface.resource.tag_count,
    };
    if (interface_create(call, &order, &interface, err) < 0)
        return -1;
    run->draft.resource.id = region_identifier(call->region, call->arena, "i");
    run->draft.launch_index = index;
    run->draft.private_address = interface->addresses[0];
    run->draft.private_dns = private_name(call, interface->addresses[0]);
    struct instance *instance = resource_add(call->region, call->account, &instance_kind, &run->draft);
    list_add_text(&instance->interface_ids, &instance->interface_count, interface->resource.id);
    interface_attach(call->region, interface, instance->resource.id, 0, run->delete_interface);
    interface_public_refresh(interface);
    launch->instance = instance;
    launch->failed = volume_create_for(call, &run->root, launch->key, &volume, &launch->error) < 0;
    if (launch->failed)
        return 0; /* the instance is there, and goes: see start_one */
    list_add_text(&instance->volume_ids, &instance->volume_count, volume->resource.id);
    volume_attach_to(volume, instance->resource.id, run->root.device, run->root.delete_on_termination);
    return 0;
}

/* A key that KMS does not give is no error of the call: as on EC2 the instance is seen to terminate, with the
 * reason. */
static void start_one(struct call *call, struct launch *launch)
{
    struct instance *instance = launch->instance;
    if (!launch->failed)
        boot_instance(call, instance, launch->key);
    explicit_bzero(launch->key, sizeof launch->key);
    if (!launch->failed)
        return;
    instance_set_reason(
        instance, "Client.InternalError",
        arena_format(call->arena, "Client.InternalError: Client error on launch: %s", launch->error.message));
    instance_became(instance, INSTANCE_TERMINATED);
}

static int make_all(struct call *call, struct run *run, struct error *err)
{
    struct launch *launches = arena_alloc(call->arena, (size_t)run->most * sizeof *launches);
    int64_t made = 0;
    for (; made < run->most; made++)
        if (make_one(call, run, made, &launches[made], err) < 0)
            break;
    if (made < run->least) { /* too few addresses: none at all */
        for (int64_t i = 0; i < made; i++) {
            explicit_bzero(launches[i].key, sizeof launches[i].key);
            instance_became(launches[i].instance, INSTANCE_TERMINATED);
            resource_remove(call->region, &launches[i].instance->resource);
        }
        return -1;
    }
    answer(call, run->draft.reservation_id);
    if (!run->draft.simulated)
        vpc_changed(call->region, call->account, run->draft.vpc_id);
    for (int64_t i = 0; i < made; i++)
        start_one(call, &launches[i]);
    return 0;
}

int instance_run(struct call *call, struct error *err)
{
    struct run *run = arena_alloc(call->arena, sizeof *run);
    const char *token = call_parameter(call, "ClientToken");
    struct instance *earlier = resource_by_token(call->region, call->account, &instance_kind, token);
    if (earlier)
        return answer_earlier(call, earlier, err);
    if (take_image(call, run, err) < 0 || take_network(call, run, err) < 0 ||
        take_counts(call, run, err) < 0 || take_profile(call, run, err) < 0 ||
        take_root_volume(call, run, err) < 0 || take_options(call, run, err) < 0 ||
        take_tags(call, run, err) < 0 || authorize_used(call, run, err) < 0 ||
        authorize_made(call, run, err) < 0)
        return -1;
    run->draft.reservation_id = region_identifier(call->region, call->arena, "r");
    run->draft.resource.client_token = arena_strdup(call->arena, text_empty(token) ? NULL : token);
    run->draft.request_digest = digest_of(call);
    if (draft_check(call, instance_kind.record, &run->draft, err) < 0 ||
        draft_check(call, volume_kind.record, &run->volume, err) < 0 ||
        boot_capacity(call, &run->draft, err) < 0)
        return -1;
    run->draft.launched_ms = clock_now_ms();
    run->draft.state = INSTANCE_PENDING;
    return make_all(call, run, err);
}
