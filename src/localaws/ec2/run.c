/* RunInstances: everything is checked and authorized before anything is made; then the records, then the
 * machines. */
#include "localaws/ec2/run.h"
#include "localaws/ec2/boot.h"
#include "localaws/ec2/instance.h"
#include "localaws/ec2/to_plane.h"
#include "localaws/ec2/type.h"
#include "localaws/front/parameters.h"

#include "base/clock.h"
#include "base/text.h"

#include <gnutls/crypto.h>
#include <string.h>

enum { MOST_AT_ONCE = 1000, REQUEST_LARGEST = 1 << 22 };

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

static int take_profile(struct call *call, struct run *run, struct error *err)
{
    struct instance_profile_choice choice;
    if (profile_take(call, &choice, err) < 0)
        return -1;
    run->draft.profile_arn = choice.arn;
    run->draft.profile_id = choice.id;
    run->profile_role = choice.role;
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
    if (!text_empty(run->draft.key_name) && key_pair_authorize(call, run->draft.key_name, err) < 0)
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
    for (size_t i = 0; i < run->interface_count; i++)
        if (run->most > 1 && run->interfaces[i].named_addresses)
            return call_fail(call, err, 400, "InvalidParameterCombination",
                             "One address or interface cannot be given to several instances");
    return 0;
}

/* What EC2 has and this region has not is refused, not passed over. */
static int take_placement(struct call *call, const struct run *run, struct error *err)
{
    static const struct {
        const char *parameter, *allowed; /* NULL: whatever it says is too much */
    } limits[] = {
        {"Placement.Tenancy", "default"},    {"HibernationOptions.Configured", "false"},
        {"EnclaveOptions.Enabled", "false"}, {"InstanceMarketOptions.MarketType", NULL},
        {"Placement.HostId", NULL},
    };
    const char *zone = call_parameter(call, "Placement.AvailabilityZone"),
               *group = call_parameter(call, "Placement.GroupName");
    for (size_t i = 0; i < COUNT_OF(limits); i++) {
        const char *value = call_parameter(call, "%s", limits[i].parameter);
        if (!text_empty(value) && !text_equal(value, limits[i].allowed))
            return call_fail(call, err, 400, "UnsupportedOperation", "There is no %s=%s here",
                             limits[i].parameter, value);
    }
    if (!text_empty(group))
        return call_fail(call, err, 400, "InvalidPlacementGroup.Unknown",
                         "The Placement Group '%s' is unknown.", group);
    if (!text_empty(zone) && !text_equal(zone, run->subnet->zone)) /* Terraform gives empty ones */
        return call_fail(call, err, 400, "InvalidParameterValue",
                         "Value (%s) for parameter availabilityZone is invalid. Subnet '%s' is in the "
                         "availability zone %s",
                         zone, run->subnet->resource.id, run->subnet->zone);
    return 0;
}

static int take_tags(struct call *call, struct run *run, struct error *err)
{
    if (call_tags(call, "instance", &run->draft.resource, err) < 0 ||
        call_tags(call, "network-interface", &run->interface.resource, err) < 0)
        return -1;
    return call_tags(call, "volume", &run->volume.resource, err);
}

int run_authorize_made(struct call *call, const struct kind *kind, struct resource *draft,
                       const char *public_address, struct error *err)
{
    struct context context = context_new(call);
    kind->context(&context, draft);
    context_add(&context, "ec2:AssociatePublicIpAddress", public_address);
    context_add_request_tags(&context, draft->tags, draft->tag_count);
    if (call_authorize(call, "ec2:RunInstances", context_arn(&context, kind->type, "*"), context.pairs, err) <
        0)
        return -1;
    return tagging_authorize(call, kind, draft->tags, draft->tag_count, err);
}

/* RunInstances is asked about everything it uses and makes. */
static int authorize(struct call *call, struct run *run, struct error *err)
{
    struct context context = context_new(call);
    context_add(&context, "ec2:Owner", call->region->accounts->id);
    context_add(&context, "ec2:ImageID", run->image.id);
    context_add(&context, "ec2:Public", "true");
    const char *image =
        arena_format(call->arena, "arn:aws:ec2:%s::image/%s", call->region->name, run->image.id);
    if (call_authorize(call, "ec2:RunInstances", image, context.pairs, err) < 0 ||
        run_authorize_network(call, run, err) < 0 || run_authorize_volumes(call, run, err) < 0 ||
        run_authorize_made(call, &instance_kind, &run->draft.resource, NULL, err) < 0 ||
        profile_pass(call, run->profile_role, err) < 0)
        return -1;
    return call_dry_run(call, err);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* What makes two calls with the same client token the same call: every parameter, in whatever order. */
static char *digest_of(struct call *call)
{
    size_t count;
    const char *const *all = parameters_all(call->parameters, &count);
    const char **lines = arena_alloc(call->arena, (count + 1) * sizeof *lines);
    unsigned char digest[32];
    for (size_t i = 0; i < count; i++)
        lines[i] = arena_format(call->arena, "%s=%s\n", all[2 * i], all[2 * i + 1]);
    qsort(lines, count, sizeof *lines, by_name);
    cleanup(buffer_free) struct buffer text = buffer_new(REQUEST_LARGEST);
    for (size_t i = 0; i < count; i++)
        buffer_text(&text, lines[i]);
    gnutls_hash_fast(GNUTLS_DIG_SHA256, buffer_string(&text), text.length, digest);
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

/* An instance that is there, and why it cannot be started. */
struct launch {
    struct instance *instance;
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

/* Its interfaces name it, so it is there before them; without them it is not at all. */
static int make_one(struct call *call, struct run *run, int64_t index, struct launch *launch,
                    struct error *err)
{
    run->draft.resource.id = region_identifier(call->region, call->arena, "i");
    run->draft.launch_index = index;
    run->draft.profile_association =
        run->draft.profile_arn ? region_identifier(call->region, call->arena, "iip-assoc") : NULL;
    struct instance *instance = resource_add(call->region, call->account, &instance_kind, &run->draft);
    launch->instance = instance;
    if (run_make_interfaces(call, run, instance, err) < 0) {
        instance_became(instance, INSTANCE_TERMINATED);
        resource_remove(call->region, &instance->resource);
        return -1;
    }
    const struct interface *primary = instance_interface(instance, 0);
    text_replace(&instance->private_address, primary->addresses[0]);
    text_replace(&instance->private_dns, private_name(call, primary->addresses[0]));
    resource_changed(&instance->resource);
    launch->failed = run_make_volumes(call, run, instance, &launch->error) < 0;
    return 0;
}

/* A key that KMS does not give is no error of the call: as on EC2 the instance is seen to terminate, with the
 * reason. */
static void start_one(struct call *call, struct launch *launch)
{
    struct instance *instance = launch->instance;
    if (!launch->failed && boot_instance(call, instance, &launch->error) == 0)
        return;
    const char *code = arena_format(call->arena, "Client.%s", volume_key_trouble(&launch->error));
    const char *why = text_ends(code, "InternalError") ? "Client error on launch"
                                                       : "The KMS key provided is in an incorrect state";
    instance_set_reason(instance, code,
                        arena_format(call->arena, "%s: %s: %s", code, why, launch->error.message));
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

static int run_all(struct call *call, struct run *run, struct error *err)
{
    const char *token = call_parameter(call, "ClientToken");
    run->draft.request_digest = digest_of(call);
    if (run_take_template(call, run, err) < 0)
        return -1;
    if (take_image(call, run, err) < 0 || run_take_network(call, run, err) < 0 ||
        take_placement(call, run, err) < 0 || take_counts(call, run, err) < 0 ||
        take_profile(call, run, err) < 0 || run_take_volumes(call, run, err) < 0 ||
        take_options(call, run, err) < 0 || take_tags(call, run, err) < 0 || authorize(call, run, err) < 0)
        return -1;
    run->draft.reservation_id = region_identifier(call->region, call->arena, "r");
    run->draft.resource.client_token = arena_strdup(call->arena, text_empty(token) ? NULL : token);
    run_add_template_tags(call, run);
    if (draft_check(call, instance_kind.record, &run->draft, err) < 0 ||
        boot_capacity(call, &run->draft, err) < 0)
        return -1;
    run->draft.launched_ms = clock_now_ms();
    run->draft.state = INSTANCE_PENDING;
    return make_all(call, run, err);
}

int instance_run(struct call *call, struct error *err)
{
    struct run *run = arena_alloc(call->arena, sizeof *run);
    struct instance *earlier =
        resource_by_token(call->region, call->account, &instance_kind, call_parameter(call, "ClientToken"));
    if (earlier)
        return answer_earlier(call, earlier, err);
    struct parameters *own = call->parameters; /* a launch template adds to them, for this call only */
    int result = run_all(call, run, err);
    call->parameters = own;
    return result;
}
