#include "aws/ec2.h"
#include "aws/ec2_read.h"

#include "base/text.h"

#include <string.h>

/* Fixed for every instance we run: nothing of a host is reachable by IPv4, its disk is always encrypted, and
 * IMDS answers neither without a token nor over a second hop (a container's). */
static const struct {
    const char *name, *value;
} always[] = {
    {"NetworkInterface.1.DeviceIndex", "0"},
    {"NetworkInterface.1.AssociatePublicIpAddress", "false"},
    {"NetworkInterface.1.DeleteOnTermination", "true"},
    {"BlockDeviceMapping.1.DeviceName", "/dev/xvda"},
    {"BlockDeviceMapping.1.Ebs.VolumeType", "gp3"},
    {"BlockDeviceMapping.1.Ebs.Encrypted", "true"},
    {"BlockDeviceMapping.1.Ebs.DeleteOnTermination", "true"},
    {"MetadataOptions.HttpEndpoint", "enabled"},
    {"MetadataOptions.HttpTokens", "required"},
    {"MetadataOptions.HttpPutResponseHopLimit", "1"},
    {"MetadataOptions.HttpProtocolIpv6", "enabled"},
};

static void add_tags(struct arena *arena, const struct ec2_run *run, struct aws_parameters *parameters)
{
    static const char *const resources[] = {"instance", "volume", "network-interface"};
    for (size_t i = 0; run->tag_count && i < COUNT_OF(resources); i++) {
        aws_parameter(arena, parameters, resources[i], "TagSpecification.%zu.ResourceType", i + 1);
        for (size_t j = 0; j < run->tag_count; j++) {
            aws_parameter(arena, parameters, run->tags[j].key, "TagSpecification.%zu.Tag.%zu.Key", i + 1,
                          j + 1);
            aws_parameter(arena, parameters, run->tags[j].value, "TagSpecification.%zu.Tag.%zu.Value", i + 1,
                          j + 1);
        }
    }
}

int ec2_run_instances(struct aws_client *client, struct arena *arena, const struct ec2_run *run,
                      struct ec2_instance **instances, size_t *count, struct error *err)
{
    struct aws_parameters parameters = {0};
    const char *wanted = arena_format(arena, "%d", run->count);
    aws_parameter(arena, &parameters, wanted, "MinCount");
    aws_parameter(arena, &parameters, wanted, "MaxCount");
    aws_parameter(arena, &parameters, run->client_token, "ClientToken");
    aws_parameter(arena, &parameters, run->image_id, "ImageId");
    aws_parameter(arena, &parameters, run->type, "InstanceType");
    aws_parameter(arena, &parameters, run->profile_arn, "IamInstanceProfile.Arn");
    aws_parameter(arena, &parameters, run->subnet_id, "NetworkInterface.1.SubnetId");
    aws_parameter(arena, &parameters, run->security_group_id, "NetworkInterface.1.SecurityGroupId.1");
    aws_parameter(arena, &parameters, arena_format(arena, "%d", run->ipv6_count),
                  "NetworkInterface.1.Ipv6AddressCount");
    aws_parameter(arena, &parameters, arena_format(arena, "%d", run->disk_gb),
                  "BlockDeviceMapping.1.Ebs.VolumeSize");
    aws_parameter(arena, &parameters, run->kms_key_id, "BlockDeviceMapping.1.Ebs.KmsKeyId");
    if (run->user_data)
        aws_parameter(arena, &parameters, base64_encode(arena, run->user_data, strlen(run->user_data)),
                      "UserData");
    for (size_t i = 0; i < COUNT_OF(always); i++)
        aws_parameter(arena, &parameters, always[i].value, "%s", always[i].name);
    add_tags(arena, run, &parameters);

    xmlNode *answer;
    if (aws_query_call(client, "ec2", "RunInstances", &parameters, arena, &answer, err) < 0)
        return -1;
    xmlNode *set = xml_first(answer, "instancesSet");
    *instances = arena_alloc(arena, ec2_count_items(set) * sizeof **instances);
    *count = 0;
    for (xmlNode *item = xml_first(set, "item"); item; item = xml_next(item, "item"))
        ec2_read_instance(arena, item, &(*instances)[(*count)++]);
    return *count ? 0 : error_set(err, ERROR_UNAVAILABLE, "ec2 RunInstances: the answer has no instance");
}

int ec2_terminate_instances(struct aws_client *client, const char *const *instance_ids, size_t count,
                            struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct aws_parameters parameters = {0};
    xmlNode *answer;
    for (size_t i = 0; i < count; i++)
        aws_parameter(arena, &parameters, instance_ids[i], "InstanceId.%zu", i + 1);
    return aws_query_call(client, "ec2", "TerminateInstances", &parameters, arena, &answer, err);
}

int ec2_create_tags(struct aws_client *client, const char *resource_id, const struct aws_tag *tags,
                    size_t tag_count, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct aws_parameters parameters = {0};
    xmlNode *answer;
    aws_parameter(arena, &parameters, resource_id, "ResourceId.1");
    for (size_t i = 0; i < tag_count; i++) {
        aws_parameter(arena, &parameters, tags[i].key, "Tag.%zu.Key", i + 1);
        aws_parameter(arena, &parameters, tags[i].value, "Tag.%zu.Value", i + 1);
    }
    return aws_query_call(client, "ec2", "CreateTags", &parameters, arena, &answer, err);
}

int ec2_delete_volume(struct aws_client *client, const char *volume_id, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct aws_parameters parameters = {0};
    xmlNode *answer;
    aws_parameter(arena, &parameters, volume_id, "VolumeId");
    return aws_query_call(client, "ec2", "DeleteVolume", &parameters, arena, &answer, err);
}
