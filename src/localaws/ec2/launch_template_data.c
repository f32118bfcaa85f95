/* What a launch template's versions hold: the parameters, and the elements they are shown as. */
#include "localaws/ec2/launch_template.h"
#include "localaws/front/parameters.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

enum { LONGEST_NAME = 120, MOST_ITEMS = 1000 };

/* A parameter and its element. A list is of structures when it has members, else of texts in `item`. */
struct shape {
    const char *name, *element;
    enum shape_of { TEXT, BOOL, NUMBER, STRUCTURE, LIST } of;
    const struct shape *members; /* ended by a NULL name */
    const char *item;
};
#define SHAPE_END    \
    {                \
        .name = NULL \
    }

/* clang-format off */
static const struct shape profile[] = {
    {"Arn", "arn", TEXT, NULL, NULL}, {"Name", "name", TEXT, NULL, NULL}, SHAPE_END};
static const struct shape ebs[] = {
    {"DeleteOnTermination", "deleteOnTermination", BOOL, NULL, NULL},
    {"Encrypted", "encrypted", BOOL, NULL, NULL},
    {"Iops", "iops", NUMBER, NULL, NULL},
    {"KmsKeyId", "kmsKeyId", TEXT, NULL, NULL},
    {"SnapshotId", "snapshotId", TEXT, NULL, NULL},
    {"Throughput", "throughput", NUMBER, NULL, NULL},
    {"VolumeSize", "volumeSize", NUMBER, NULL, NULL},
    {"VolumeType", "volumeType", TEXT, NULL, NULL},
    SHAPE_END};
static const struct shape device[] = {
    {"DeviceName", "deviceName", TEXT, NULL, NULL},
    {"VirtualName", "virtualName", TEXT, NULL, NULL},
    {"Ebs", "ebs", STRUCTURE, ebs, NULL},
    {"NoDevice", "noDevice", TEXT, NULL, NULL},
    SHAPE_END};
static const struct shape ipv6_address[] = {{"Ipv6Address", "ipv6Address", TEXT, NULL, NULL}, SHAPE_END};
static const struct shape private_address[] = {
    {"Primary", "primary", BOOL, NULL, NULL},
    {"PrivateIpAddress", "privateIpAddress", TEXT, NULL, NULL},
    SHAPE_END};
static const struct shape interface[] = {
    {"AssociatePublicIpAddress", "associatePublicIpAddress", BOOL, NULL, NULL},
    {"DeleteOnTermination", "deleteOnTermination", BOOL, NULL, NULL},
    {"Description", "description", TEXT, NULL, NULL},
    {"DeviceIndex", "deviceIndex", NUMBER, NULL, NULL},
    {"SecurityGroupId", "groupSet", LIST, NULL, "groupId"},
    {"InterfaceType", "interfaceType", TEXT, NULL, NULL},
    {"Ipv6AddressCount", "ipv6AddressCount", NUMBER, NULL, NULL},
    {"Ipv6Addresses", "ipv6AddressesSet", LIST, ipv6_address, NULL},
    {"NetworkInterfaceId", "networkInterfaceId", TEXT, NULL, NULL},
    {"PrivateIpAddress", "privateIpAddress", TEXT, NULL, NULL},
    {"PrivateIpAddresses", "privateIpAddressesSet", LIST, private_address, NULL},
    {"SecondaryPrivateIpAddressCount", "secondaryPrivateIpAddressCount", NUMBER, NULL, NULL},
    {"SubnetId", "subnetId", TEXT, NULL, NULL},
    {"NetworkCardIndex", "networkCardIndex", NUMBER, NULL, NULL},
    SHAPE_END};
static const struct shape enabled[] = {{"Enabled", "enabled", BOOL, NULL, NULL}, SHAPE_END};
static const struct shape configured[] = {{"Configured", "configured", BOOL, NULL, NULL}, SHAPE_END};
static const struct shape placement[] = {
    {"AvailabilityZone", "availabilityZone", TEXT, NULL, NULL},
    {"GroupName", "groupName", TEXT, NULL, NULL},
    {"HostId", "hostId", TEXT, NULL, NULL},
    {"Tenancy", "tenancy", TEXT, NULL, NULL},
    SHAPE_END};
static const struct shape tag[] = {
    {"Key", "key", TEXT, NULL, NULL}, {"Value", "value", TEXT, NULL, NULL}, SHAPE_END};
static const struct shape tags[] = {
    {"ResourceType", "resourceType", TEXT, NULL, NULL}, {"Tag", "tagSet", LIST, tag, NULL}, SHAPE_END};
static const struct shape market[] = {{"MarketType", "marketType", TEXT, NULL, NULL}, SHAPE_END};
static const struct shape credits[] = {{"CpuCredits", "cpuCredits", TEXT, NULL, NULL}, SHAPE_END};
static const struct shape metadata[] = {
    {"HttpTokens", "httpTokens", TEXT, NULL, NULL},
    {"HttpPutResponseHopLimit", "httpPutResponseHopLimit", NUMBER, NULL, NULL},
    {"HttpEndpoint", "httpEndpoint", TEXT, NULL, NULL},
    {"HttpProtocolIpv6", "httpProtocolIpv6", TEXT, NULL, NULL},
    {"InstanceMetadataTags", "instanceMetadataTags", TEXT, NULL, NULL},
    SHAPE_END};

static const struct shape parameters[] = {
    {"EbsOptimized", "ebsOptimized", BOOL, NULL, NULL},
    {"IamInstanceProfile", "iamInstanceProfile", STRUCTURE, profile, NULL},
    {"BlockDeviceMapping", "blockDeviceMappingSet", LIST, device, NULL},
    {"NetworkInterface", "networkInterfaceSet", LIST, interface, NULL},
    {"ImageId", "imageId", TEXT, NULL, NULL},
    {"InstanceType", "instanceType", TEXT, NULL, NULL},
    {"KeyName", "keyName", TEXT, NULL, NULL},
    {"Monitoring", "monitoring", STRUCTURE, enabled, NULL},
    {"Placement", "placement", STRUCTURE, placement, NULL},
    {"DisableApiTermination", "disableApiTermination", BOOL, NULL, NULL},
    {"InstanceInitiatedShutdownBehavior", "instanceInitiatedShutdownBehavior", TEXT, NULL, NULL},
    {"UserData", "userData", TEXT, NULL, NULL},
    {"TagSpecification", "tagSpecificationSet", LIST, tags, NULL},
    {"SecurityGroupId", "securityGroupIdSet", LIST, NULL, "item"},
    {"SecurityGroup", "securityGroupSet", LIST, NULL, "item"},
    {"InstanceMarketOptions", "instanceMarketOptions", STRUCTURE, market, NULL},
    {"CreditSpecification", "creditSpecification", STRUCTURE, credits, NULL},
    {"HibernationOptions", "hibernationOptions", STRUCTURE, configured, NULL},
    {"MetadataOptions", "metadataOptions", STRUCTURE, metadata, NULL},
    {"EnclaveOptions", "enclaveOptions", STRUCTURE, enabled, NULL},
    {"DisableApiStop", "disableApiStop", BOOL, NULL, NULL},
    SHAPE_END};
/* clang-format on */

/* --- taking -------------------------------------------------------------------------------------- */

/* The number of a list's item at the start of `rest`, which is moved behind it; false when there is none. */
static bool item_number(const char **rest)
{
    size_t digits = strspn(*rest, "0123456789");
    int64_t number;
    char text[8];
    if (!digits || digits >= sizeof text || **rest == '0')
        return false;
    snprintf(text, sizeof text, "%.*s", (int)digits, *rest);
    *rest += digits;
    return text_number(text, 1, MOST_ITEMS, "item", &number, NULL) == 0;
}

/* What "NetworkInterface.1.SubnetId" leads to; NULL: nothing. A list of texts is met at its items. */
static const struct shape *shape_of(const char *name)
{
    const struct shape *shape = parameters;
    while (shape && shape->name) {
        size_t length = strcspn(name, ".");
        if (strlen(shape->name) != length || strncmp(shape->name, name, length) != 0) {
            shape++;
            continue;
        }
        name += length;
        if (shape->of == LIST && (*name++ != '.' || !item_number(&name)))
            return NULL;
        if (!*name)
            return shape->members ? NULL : shape;
        if (*name++ != '.')
            return NULL;
        shape = shape->members;
    }
    return NULL;
}

static bool value_fits(const struct shape *shape, const char *value)
{
    int64_t number;
    return shape->of == BOOL     ? text_equal(value, "true") || text_equal(value, "false")
           : shape->of == NUMBER ? text_number(value, 0, INT32_MAX, shape->name, &number, NULL) == 0
                                 : strlen(value) <= LONGEST_TEMPLATE_VALUE;
}

static int take_one(struct call *call, const char *name, const char *value, struct template_version *version,
                    struct error *err)
{
    const struct shape *shape = strlen(name) <= LONGEST_NAME ? shape_of(name) : NULL;
    if (!shape)
        return call_fail(call, err, 400, "UnsupportedOperation",
                         "Launch templates have no LaunchTemplateData.%.100s here", name);
    if (!value_fits(shape, value))
        return call_fail(call, err, 400, "InvalidParameterValue",
                         "Value (%.100s) for parameter LaunchTemplateData.%s is invalid", value, name);
    version->pairs[version->pair_count++] =
        (struct template_pair){arena_strdup(call->arena, name), arena_strdup(call->arena, value)};
    return 0;
}

int template_data_take(struct call *call, struct template_version *version, struct error *err)
{
    static const char prefix[] = "LaunchTemplateData.";
    size_t count;
    const char *const *all = parameters_all(call->parameters, &count);
    version->pairs = arena_alloc(call->arena, MOST_TEMPLATE_PAIRS * sizeof *version->pairs);
    for (size_t i = 0; i < count; i++) {
        if (!text_starts(all[2 * i], prefix))
            continue;
        if (room_check(call, "parameters of a launch template", version->pair_count + 1, MOST_TEMPLATE_PAIRS,
                       err) < 0 ||
            take_one(call, all[2 * i] + strlen(prefix), all[2 * i + 1], version, err) < 0)
            return -1;
    }
    if (!version->pair_count)
        return call_fail(call, err, 400, "MissingParameter",
                         "The request must contain the parameter LaunchTemplateData");
    return 0;
}

/* Does any of them say something about the parameter that `name` is of? An empty text says nothing. */
static bool speaks_of(const struct template_pair *pairs, size_t count, const char *name)
{
    size_t length = strcspn(name, ".");
    for (size_t i = 0; i < count; i++)
        if (strcspn(pairs[i].name, ".") == length && strncmp(pairs[i].name, name, length) == 0 &&
            *pairs[i].value)
            return true;
    return false;
}

struct template_pair *template_data_merge(struct arena *arena, const struct template_pair *over,
                                          size_t over_count, const struct template_pair *under,
                                          size_t under_count, size_t *count)
{
    struct template_pair *merged = arena_alloc(arena, (over_count + under_count + 1) * sizeof *merged);
    *count = 0;
    for (size_t i = 0; i < over_count; i++)
        if (speaks_of(over, over_count, over[i].name) || !speaks_of(under, under_count, over[i].name))
            merged[(*count)++] = over[i];
    for (size_t i = 0; i < under_count; i++)
        if (!speaks_of(over, over_count, under[i].name))
            merged[(*count)++] = under[i];
    return merged;
}

/* --- showing ------------------------------------------------------------------------------------- */

const char *template_data_value(const struct template_version *version, const char *name)
{
    for (size_t i = 0; i < version->pair_count; i++)
        if (text_equal(version->pairs[i].name, name))
            return version->pairs[i].value;
    return NULL;
}

/* Is there anything of this name, or under it? */
static bool is_there(const struct template_version *version, const char *name)
{
    size_t length = strlen(name);
    for (size_t i = 0; i < version->pair_count; i++) {
        const char *other = version->pairs[i].name;
        if (strncmp(other, name, length) == 0 && (!other[length] || other[length] == '.'))
            return true;
    }
    return false;
}

struct writer {
    struct buffer *out;
    const struct template_version *version;
    struct arena *arena;
};
static void write_members(const struct writer *writer, const char *prefix, const struct shape *shapes);

static void write_list(const struct writer *writer, const char *name, const struct shape *shape)
{
    const char *item;
    put_open(writer->out, shape->element);
    for (size_t i = 1; item = arena_format(writer->arena, "%s.%zu", name, i), is_there(writer->version, item);
         i++) {
        if (!shape->members) {
            put_text(writer->out, shape->item, template_data_value(writer->version, item));
            continue;
        }
        put_open(writer->out, "item");
        write_members(writer, arena_format(writer->arena, "%s.", item), shape->members);
        put_close(writer->out, "item");
    }
    put_close(writer->out, shape->element);
}

static void write_members(const struct writer *writer, const char *prefix, const struct shape *shapes)
{
    for (const struct shape *shape = shapes; shape->name; shape++) {
        const char *name = arena_format(writer->arena, "%s%s", prefix, shape->name);
        if (!is_there(writer->version, name))
            continue;
        if (shape->of == LIST) {
            write_list(writer, name, shape);
        } else if (shape->of == STRUCTURE) {
            put_open(writer->out, shape->element);
            write_members(writer, arena_format(writer->arena, "%s.", name), shape->members);
            put_close(writer->out, shape->element);
        } else {
            put_text(writer->out, shape->element, template_data_value(writer->version, name));
        }
    }
}

void template_data_write(struct buffer *out, const struct template_version *version)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    put_open(out, "launchTemplateData");
    write_members(&(struct writer){out, version, arena}, "", parameters);
    put_close(out, "launchTemplateData");
}
