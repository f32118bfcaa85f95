/* What is asked and changed about single instances. */
#include "localaws/ec2/ec2.h"
#include "localaws/ec2/instance.h"
#include "localaws/ec2/to_plane.h"
#include "localaws/ec2/type.h"
#include "localaws/plane/plane.h"

#include "base/clock.h"
#include "base/text.h"

#include <string.h>

enum { LONGEST_USER_DATA = 16384 * 4 / 3 + 4 };

static const struct instance *of(const struct resource *resource)
{
    return (const struct instance *)(const void *)resource;
}

/* The attributes of DescribeInstanceAttribute and ModifyInstanceAttribute that are members: texts and truths.
 */
static const struct attribute {
    const char *name;
    enum { ATTRIBUTE_TEXT, ATTRIBUTE_BOOL } type;
    size_t offset;
    bool stopped_only; /* to change it */
} attributes[] = {
    {"instanceType", ATTRIBUTE_TEXT, offsetof(struct instance, type), true},
    {"userData", ATTRIBUTE_TEXT, offsetof(struct instance, user_data), true},
    {"rootDeviceName", ATTRIBUTE_TEXT, offsetof(struct instance, root_device), true},
    {"instanceInitiatedShutdownBehavior", ATTRIBUTE_TEXT, offsetof(struct instance, shutdown_behaviour),
     false},
    {"disableApiTermination", ATTRIBUTE_BOOL, offsetof(struct instance, no_api_termination), false},
    {"disableApiStop", ATTRIBUTE_BOOL, offsetof(struct instance, no_api_stop), false},
    {"ebsOptimized", ATTRIBUTE_BOOL, offsetof(struct instance, ebs_optimized), true},
    {"sourceDestCheck", ATTRIBUTE_BOOL, offsetof(struct instance, source_check), false},
};

static void *member_of(struct instance *instance, const struct attribute *attribute)
{
    return (char *)instance + attribute->offset;
}

static void put_attribute(struct call *call, struct instance *instance, const struct attribute *attribute)
{
    struct buffer *out = &call->answer;
    put_open(out, attribute->name);
    if (attribute->type == ATTRIBUTE_TEXT)
        put_text(out, "value", *(char **)member_of(instance, attribute));
    else
        put_bool(out, "value", *(bool *)member_of(instance, attribute));
    put_close(out, attribute->name);
}

/* The same for every instance here. */
static const struct {
    const char *name, *element;
} fixed_attributes[] = {
    {"kernel", "<kernel/>"},
    {"ramdisk", "<ramdisk/>"},
    {"productCodes", "<productCodes/>"},
    {"sriovNetSupport", "<sriovNetSupport><value>simple</value></sriovNetSupport>"},
    {"enaSupport", "<enaSupport><value>true</value></enaSupport>"},
    {"enclaveOptions", "<enclaveOptions><enabled>false</enabled></enclaveOptions>"},
};

int instance_describe_attribute(struct call *call, struct error *err)
{
    struct instance *instance;
    const char *name;
    if (resource_named(call, &instance_kind, "InstanceId", &instance, err) < 0 ||
        call_required(call, "Attribute", &name, err) < 0)
        return -1;
    put_text(&call->answer, "instanceId", instance->resource.id);
    for (size_t i = 0; i < COUNT_OF(attributes); i++)
        if (text_equal(attributes[i].name, name)) {
            put_attribute(call, instance, &attributes[i]);
            return 0;
        }
    const struct interface *primary = instance_interface(instance, 0);
    if (text_equal(name, "groupSet") && primary) {
        put_groups(&call->answer, &primary->resource, primary->groups, primary->group_count);
        return 0;
    }
    if (text_equal(name, "blockDeviceMapping")) {
        put_volumes(&call->answer, instance);
        return 0;
    }
    for (size_t i = 0; i < COUNT_OF(fixed_attributes); i++)
        if (text_equal(fixed_attributes[i].name, name)) {
            buffer_text(&call->answer, fixed_attributes[i].element);
            return 0;
        }
    return call_fail(call, err, 400, "InvalidParameterValue",
                     "Value (%s) for parameter attribute is invalid.", name);
}

static char *parameter_of(struct call *call, const struct attribute *attribute)
{
    char *parameter = arena_format(call->arena, "%s.Value", attribute->name);
    parameter[0] = (char)(parameter[0] - 'a' + 'A');
    return parameter;
}

bool user_data_valid(struct arena *arena, const char *base64)
{
    unsigned char *decoded;
    size_t length;
    return strlen(base64) <= LONGEST_USER_DATA && base64_decode(arena, base64, &decoded, &length, NULL) == 0;
}

static bool text_allowed(struct arena *arena, const struct instance *instance, const char *attribute,
                         const char *value)
{
    struct instance_type type;
    if (text_equal(attribute, "instanceType"))
        return instance_type_find(arena, value, &type) &&
               text_equal(type.architecture, instance->architecture);
    if (text_equal(attribute, "userData"))
        return user_data_valid(arena, value);
    return text_equal(attribute, "instanceInitiatedShutdownBehavior") &&
           (text_equal(value, "stop") || text_equal(value, "terminate"));
}

static int modify_one(struct call *call, struct instance *instance, const struct attribute *attribute,
                      struct error *err)
{
    struct instance_type type;
    const char *parameter = parameter_of(call, attribute), *value = call_parameter(call, "%s", parameter);
    if (!value && text_equal(call_parameter(call, "Attribute"), attribute->name))
        value = call_parameter(call, "Value");
    if (!value)
        return 0;
    if (attribute->stopped_only && instance->state != INSTANCE_STOPPED)
        return call_fail(call, err, 400, "IncorrectInstanceState",
                         "The instance '%s' is not in the 'stopped' state.", instance->resource.id);
    if (attribute->type == ATTRIBUTE_TEXT && !text_allowed(call->arena, instance, attribute->name, value))
        return call_fail(call, err, 400, "InvalidParameterValue", "Value (%s) for parameter %s is invalid",
                         value, attribute->name);
    if (attribute->type == ATTRIBUTE_TEXT)
        text_replace(member_of(instance, attribute), value);
    else
        *(bool *)member_of(instance, attribute) = text_equal_nocase(value, "true");
    if (text_equal(attribute->name, "instanceType") && instance_type_find(call->arena, value, &type))
        instance->vcpus = type.vcpus;
    return 0;
}

static int modify_groups(struct call *call, struct instance *instance, struct error *err)
{
    size_t count;
    const char **ids = call_list(call, "GroupId", &count);
    struct interface *primary = instance_interface(instance, 0);
    for (size_t i = 0; i < count; i++) {
        const struct group *group = resource_find(call->region, call->account, &group_kind, ids[i]);
        if (!group || !text_equal(group->vpc_id, instance->vpc_id))
            return resource_missing(call, &group_kind, ids[i], err);
    }
    if (!count || !primary)
        return 0;
    list_clear(&text_record, &primary->groups, &primary->group_count);
    for (size_t i = 0; i < count; i++)
        list_add_text(&primary->groups, &primary->group_count, ids[i]);
    return 0;
}

static struct volume *volume_on(const struct instance *instance, const char *device)
{
    for (size_t i = 0; i < instance->volume_count; i++) {
        struct volume *volume = instance_volume(instance, i);
        if (volume && text_equal(volume->device, device))
            return volume;
    }
    return NULL;
}

/* BlockDeviceMapping.N: whether a volume goes with the instance. */
static int modify_volumes(struct call *call, const struct instance *instance, struct error *err)
{
    const char *device;
    for (size_t i = 1; (device = call_parameter(call, "BlockDeviceMapping.%zu.DeviceName", i)); i++) {
        const char *goes = arena_format(call->arena, "BlockDeviceMapping.%zu.Ebs.DeleteOnTermination", i);
        struct volume *volume = volume_on(instance, device);
        if (!volume)
            return call_fail(call, err, 400, "InvalidInstanceAttributeValue",
                             "No device is currently mapped at %s", device);
        if (!call_parameter(call, "%s", goes))
            continue;
        volume->delete_on_termination = call_true(call, goes);
        resource_changed(&volume->resource);
    }
    return 0;
}

int instance_modify_attribute(struct call *call, struct error *err)
{
    struct instance *instance;
    if (resource_target(call, &instance_kind, "InstanceId", &instance, err) < 0 ||
        modify_groups(call, instance, err) < 0 || modify_volumes(call, instance, err) < 0)
        return -1;
    for (size_t i = 0; i < COUNT_OF(attributes); i++)
        if (modify_one(call, instance, &attributes[i], err) < 0)
            return -1;
    struct interface *primary = instance_interface(instance, 0);
    if (primary) {
        primary->source_check = instance->source_check;
        resource_changed(&primary->resource);
    }
    resource_changed(&instance->resource);
    vpc_changed(call->region, call->account, instance->vpc_id);
    put_true(call);
    return 0;
}

int instance_modify_metadata_options(struct call *call, struct error *err)
{
    static const struct {
        const char *parameter, *element, *values[2];
        size_t offset;
    } options[] = {
        {"HttpTokens", "httpTokens", {"required", "optional"}, offsetof(struct instance, http_tokens)},
        {"HttpEndpoint", "httpEndpoint", {"enabled", "disabled"}, offsetof(struct instance, http_endpoint)},
        {"HttpProtocolIpv6",
         "httpProtocolIpv6",
         {"enabled", "disabled"},
         offsetof(struct instance, http_ipv6)},
        {"InstanceMetadataTags",
         "instanceMetadataTags",
         {"enabled", "disabled"},
         offsetof(struct instance, metadata_tags)},
    };
    struct instance *instance;
    if (resource_target(call, &instance_kind, "InstanceId", &instance, err) < 0 ||
        call_number(call, "HttpPutResponseHopLimit", 1, 64, instance->hop_limit, &instance->hop_limit, err) <
            0)
        return -1;
    put_text(&call->answer, "instanceId", instance->resource.id);
    put_open(&call->answer, "instanceMetadataOptions");
    put_text(&call->answer, "state", "pending");
    for (size_t i = 0; i < COUNT_OF(options); i++) {
        char **member = (char **)(void *)((char *)instance + options[i].offset);
        const char *value = call_parameter(call, "%s", options[i].parameter);
        if (value && !text_equal(value, options[i].values[0]) && !text_equal(value, options[i].values[1]))
            return call_fail(call, err, 400, "InvalidParameterValue",
                             "Value (%s) for parameter %s is invalid", value, options[i].parameter);
        if (value)
            text_replace(member, value);
        put_text(&call->answer, options[i].element, *member);
    }
    put_number(&call->answer, "httpPutResponseHopLimit", instance->hop_limit);
    put_close(&call->answer, "instanceMetadataOptions");
    resource_changed(&instance->resource);
    return 0;
}

int instance_describe_credits(struct call *call, struct error *err)
{
    struct selection selection;
    struct instance_type type;
    if (resource_select(call, &instance_kind, &selection, err) < 0)
        return -1;
    put_open(&call->answer, "instanceCreditSpecificationSet");
    for (size_t i = 0; i < selection.count; i++) {
        if (!instance_type_find(call->arena, of(selection.items[i])->type, &type) || !type.burstable)
            continue;
        put_open(&call->answer, "item");
        put_text(&call->answer, "instanceId", selection.items[i]->id);
        put_text(&call->answer, "cpuCredits", "unlimited");
        put_close(&call->answer, "item");
    }
    put_close(&call->answer, "instanceCreditSpecificationSet");
    return 0;
}

int instance_console(struct call *call, struct error *err)
{
    struct instance *instance;
    if (resource_named(call, &instance_kind, "InstanceId", &instance, err) < 0)
        return -1;
    const char *id = instance->resource.id;
    const char *text = instance->simulated   ? "simulated: this instance is a record without processes\n"
                       : call->region->plane ? plane_console(call->region->plane, call->arena, id)
                                             : NULL;
    put_text(&call->answer, "instanceId", id);
    put_time(&call->answer, "timestamp", clock_now_ms());
    put_text(&call->answer, "output", text ? base64_encode(call->arena, text, strlen(text)) : "");
    return 0;
}

int instance_uefi_data(struct call *call, struct error *err)
{
    struct instance *instance;
    if (resource_named(call, &instance_kind, "InstanceId", &instance, err) < 0)
        return -1;
    put_text(&call->answer, "instanceId", instance->resource.id);
    put_text(&call->answer, "uefiData", ""); /* machines here keep no UEFI variables */
    return 0;
}
