#include "aws/ec2_read.h"

#include "base/clock.h"
#include "base/text.h"

const char *aws_tag_value(const struct aws_tag *tags, size_t count, const char *key)
{
    for (size_t i = 0; i < count; i++)
        if (text_equal(tags[i].key, key))
            return tags[i].value;
    return NULL;
}

size_t ec2_count_items(xmlNode *list)
{
    size_t count = 0;
    for (xmlNode *item = xml_first(list, "item"); item; item = xml_next(item, "item"))
        count++;
    return count;
}

void ec2_read_tags(struct arena *arena, xmlNode *owner, struct aws_tag **tags, size_t *count)
{
    xmlNode *set = xml_first(owner, "tagSet");
    *tags = arena_alloc(arena, sizeof(**tags) * (ec2_count_items(set) + 1));
    *count = 0;
    for (xmlNode *item = xml_first(set, "item"); item; item = xml_next(item, "item"))
        (*tags)[(*count)++] =
            (struct aws_tag){xml_child_content(arena, item, "key"), xml_child_content(arena, item, "value")};
}

int64_t ec2_read_time(struct arena *arena, xmlNode *owner, const char *name)
{
    int64_t ms = 0;
    const char *text = xml_child_content(arena, owner, name);
    return text && clock_parse(text, &ms, NULL) == 0 ? ms : 0;
}

static void read_ipv6(struct arena *arena, xmlNode *item, struct ec2_instance *instance)
{
    size_t count = 0;
    xmlNode *interfaces = xml_first(item, "networkInterfaceSet");
    for (xmlNode *link = xml_first(interfaces, "item"); link; link = xml_next(link, "item")) {
        xmlNode *addresses = xml_first(link, "ipv6AddressesSet");
        for (xmlNode *address = xml_first(addresses, "item"); address && count < COUNT_OF(instance->ipv6);
             address = xml_next(address, "item"))
            instance->ipv6[count++] = xml_child_content(arena, address, "ipv6Address");
    }
}

void ec2_read_instance(struct arena *arena, xmlNode *item, struct ec2_instance *instance)
{
    *instance = (struct ec2_instance){
        .id = xml_child_content(arena, item, "instanceId"),
        .state = xml_child_content(arena, xml_first(item, "instanceState"), "name"),
        .type = xml_child_content(arena, item, "instanceType"),
        .image_id = xml_child_content(arena, item, "imageId"),
        .subnet_id = xml_child_content(arena, item, "subnetId"),
        .vpc_id = xml_child_content(arena, item, "vpcId"),
        .availability_zone = xml_child_content(arena, xml_first(item, "placement"), "availabilityZone"),
        .client_token = xml_child_content(arena, item, "clientToken"),
        .private_ip = xml_child_content(arena, item, "privateIpAddress"),
        .profile_arn = xml_child_content(arena, xml_first(item, "iamInstanceProfile"), "arn"),
        .launched_ms = ec2_read_time(arena, item, "launchTime"),
        .state_reason = xml_child_content(arena, xml_first(item, "stateReason"), "message"),
    };
    const char *index = xml_child_content(arena, item, "amiLaunchIndex");
    if (index && text_number(index, 0, INT32_MAX, "amiLaunchIndex", &instance->launch_index, NULL) < 0)
        instance->launch_index = 0;
    read_ipv6(arena, item, instance);
    ec2_read_tags(arena, item, &instance->tags, &instance->tag_count);
}
