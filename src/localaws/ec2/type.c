/* Instance types: a small table, by family and size, of what clients choose by. */
#include "localaws/ec2/type.h"
#include "localaws/ec2/ec2.h"

#include "base/text.h"

#include <string.h>

static const struct family {
    const char *name, *architecture;
    int gib_per_vcpu;
    bool burstable;
} families[] = {
    {"t3", "x86_64", 4, true},    {"t4g", "arm64", 4, true},      {"m5", "x86_64", 4, false},
    {"c6i", "x86_64", 2, false},  {"m6i", "x86_64", 4, false},    {"r6i", "x86_64", 8, false},
    {"c6a", "x86_64", 2, false},  {"m6a", "x86_64", 4, false},    {"r6a", "x86_64", 8, false},
    {"c7i", "x86_64", 2, false},  {"m7i", "x86_64", 4, false},    {"r7i", "x86_64", 8, false},
    {"c7a", "x86_64", 2, false},  {"m7a", "x86_64", 4, false},    {"r7a", "x86_64", 8, false},
    {"c6g", "arm64", 2, false},   {"m6g", "arm64", 4, false},     {"r6g", "arm64", 8, false},
    {"c7g", "arm64", 2, false},   {"m7g", "arm64", 4, false},     {"r7g", "arm64", 8, false},
    {"c8g", "arm64", 2, false},   {"m8g", "arm64", 4, false},     {"r8g", "arm64", 8, false},
    {"i4i", "x86_64", 8, false},  {"i4g", "arm64", 8, false},     {"im4gn", "arm64", 4, false},
    {"x2gd", "arm64", 16, false}, {"x2idn", "x86_64", 16, false}, {"x2iedn", "x86_64", 32, false},
    {"c6gd", "arm64", 2, false},  {"m6gd", "arm64", 4, false},    {"r6gd", "arm64", 8, false},
    {"c7gd", "arm64", 2, false},  {"m7gd", "arm64", 4, false},    {"r7gd", "arm64", 8, false},
    {"c6id", "x86_64", 2, false}, {"m6id", "x86_64", 4, false},   {"r6id", "x86_64", 8, false},
};
static const struct size {
    const char *name;
    int vcpus;
    int burstable_mib; /* 0: no burstable family has it; -1: by the family's ratio */
} sizes[] = {
    {"nano", 2, 512},    {"micro", 2, 1024},  {"small", 2, 2048},   {"medium", 1, 4096},  {"large", 2, 8192},
    {"xlarge", 4, -1},   {"2xlarge", 8, -1},  {"4xlarge", 16, 0},   {"8xlarge", 32, 0},   {"12xlarge", 48, 0},
    {"16xlarge", 64, 0}, {"24xlarge", 96, 0}, {"32xlarge", 128, 0}, {"48xlarge", 192, 0},
};

static bool type_of(const struct family *family, const struct size *size, struct arena *arena,
                    struct instance_type *type)
{
    if (family->burstable ? !size->burstable_mib
                          : strchr("nms", size->name[0]) && !text_equal(size->name, "medium"))
        return false;
    type->name = arena_format(arena, "%s.%s", family->name, size->name);
    type->architecture = family->architecture;
    type->vcpus = family->burstable && size->vcpus < 2 ? 2 : size->vcpus;
    type->burstable = family->burstable;
    type->memory_mib = family->burstable && size->burstable_mib > 0
                           ? size->burstable_mib
                           : size->vcpus * family->gib_per_vcpu * 1024;
    return true;
}

bool instance_type_find(struct arena *arena, const char *name, struct instance_type *type)
{
    for (size_t i = 0; i < COUNT_OF(families); i++)
        for (size_t j = 0; j < COUNT_OF(sizes); j++)
            if (type_of(&families[i], &sizes[j], arena, type) && text_equal(type->name, name))
                return true;
    return false;
}

static const char *type_filter(struct call *call, const void *item, const char *filter)
{
    const struct instance_type *type = item;
    return text_equal(filter, "instance-type")                           ? type->name
           : text_equal(filter, "processor-info.supported-architecture") ? type->architecture
           : text_equal(filter, "current-generation")                    ? "true"
           : text_equal(filter, "bare-metal")                            ? "false"
           : text_equal(filter, "vcpu-info.default-vcpus") ? arena_format(call->arena, "%d", type->vcpus)
           : text_equal(filter, "memory-info.size-in-mib") ? arena_format(call->arena, "%d", type->memory_mib)
                                                           : NULL;
}

static void put_type(struct call *call, const struct instance_type *type)
{
    struct buffer *out = &call->answer;
    buffer_format(
        out,
        "<item><instanceType>%s</instanceType><currentGeneration>true</currentGeneration>"
        "<freeTierEligible>false</freeTierEligible><bareMetal>false</bareMetal><hypervisor>nitro</hypervisor>"
        "<supportedUsageClasses><item>on-demand</item></supportedUsageClasses>"
        "<supportedRootDeviceTypes><item>ebs</item></supportedRootDeviceTypes>"
        "<supportedVirtualizationTypes><item>hvm</item></supportedVirtualizationTypes>"
        "<processorInfo><supportedArchitectures><item>%s</item></supportedArchitectures></processorInfo>",
        type->name, type->architecture);
    buffer_format(
        out,
        "<vCpuInfo><defaultVCpus>%d</defaultVCpus><defaultCores>%d</defaultCores>"
        "<defaultThreadsPerCore>1</defaultThreadsPerCore></vCpuInfo>"
        "<memoryInfo><sizeInMiB>%d</sizeInMiB></memoryInfo><instanceStorageSupported>false</"
        "instanceStorageSupported>"
        "<ebsInfo><ebsOptimizedSupport>default</ebsOptimizedSupport>"
        "<encryptionSupport>supported</encryptionSupport><nvmeSupport>required</nvmeSupport></ebsInfo>",
        type->vcpus, type->vcpus, type->memory_mib);
    buffer_format(
        out,
        "<networkInfo><maximumNetworkInterfaces>4</maximumNetworkInterfaces>"
        "<maximumNetworkCards>1</maximumNetworkCards><defaultNetworkCardIndex>0</defaultNetworkCardIndex>"
        "<ipv4AddressesPerInterface>15</ipv4AddressesPerInterface>"
        "<ipv6AddressesPerInterface>15</ipv6AddressesPerInterface><ipv6Supported>true</ipv6Supported>"
        "<enaSupport>required</enaSupport></networkInfo>"
        "<hibernationSupported>false</hibernationSupported>"
        "<burstablePerformanceSupported>%s</burstablePerformanceSupported>"
        "<dedicatedHostsSupported>false</dedicatedHostsSupported></item>",
        type->burstable ? "true" : "false");
}

/* Calls `put` for every type the request asks for by id and filter. */
static int each_type(struct call *call, const char *parameter,
                     void (*put)(struct call *, const struct instance_type *), struct error *err)
{
    size_t count, found = 0;
    const char **names = call_list(call, parameter, &count);
    for (size_t i = 0; i < COUNT_OF(families); i++)
        for (size_t j = 0; j < COUNT_OF(sizes); j++) {
            struct instance_type type;
            if (!type_of(&families[i], &sizes[j], call->arena, &type))
                continue;
            bool asked = count == 0;
            for (size_t k = 0; k < count; k++)
                asked = asked || text_equal(names[k], type.name);
            found += asked && count;
            if (asked && call_filters_pass(call, type_filter, &type))
                put(call, &type);
        }
    if (found < count)
        return call_fail(call, err, 400, "InvalidInstanceType",
                         "The following supplied instance types do not exist: [%s]", names[0]);
    return 0;
}

int instance_type_describe(struct call *call, struct error *err)
{
    put_open(&call->answer, "instanceTypeSet");
    if (each_type(call, "InstanceType", put_type, err) < 0)
        return -1;
    put_close(&call->answer, "instanceTypeSet");
    return 0;
}

static void put_location(struct call *call, const struct instance_type *type, const char *by,
                         const char *location)
{
    buffer_format(
        &call->answer,
        "<item><instanceType>%s</instanceType><locationType>%s</locationType><location>%s</location></item>",
        type->name, by, location);
}

/* Every type is offered everywhere. */
static void put_offering(struct call *call, const struct instance_type *type)
{
    const char *by = call_parameter(call, "LocationType"), *zone;
    if (text_equal(by, "availability-zone"))
        for (size_t i = 0; (zone = zone_at(call->region, call->arena, i)); i++)
            put_location(call, type, "availability-zone", zone);
    else if (text_equal(by, "availability-zone-id"))
        for (size_t i = 0; (zone = zone_at(call->region, call->arena, i)); i++)
            put_location(call, type, "availability-zone-id", zone_id_of(call->region, call->arena, zone));
    else
        put_location(call, type, "region", call->region->name);
}

int instance_type_offerings(struct call *call, struct error *err)
{
    put_open(&call->answer, "instanceTypeOfferingSet");
    if (each_type(call, "InstanceType", put_offering, err) < 0)
        return -1;
    put_close(&call->answer, "instanceTypeOfferingSet");
    return 0;
}
