/* An instance as DescribeInstances and RunInstances show it. */
#include "localaws/ec2/ec2.h"
#include "localaws/ec2/instance.h"
#include "localaws/ec2/public_address.h"

#include "base/text.h"

void put_state(struct buffer *out, const char *element, int64_t state)
{
    put_open(out, element);
    put_number(out, "code", state);
    put_text(out, "name", instance_state_name(state));
    put_close(out, element);
}

/* One that is still mounted is "busy" only where volumes are described. */
static const char *attachment_status(const struct volume *volume)
{
    return text_equal(volume->attachment, "busy") ? "detaching"
           : volume->attachment                   ? volume->attachment
                                                  : "attached";
}

void put_volumes(struct buffer *out, const struct instance *instance)
{
    struct volume *volume;
    put_open(out, "blockDeviceMapping");
    for (size_t i = 0; i < instance->volume_count; i++) {
        if (!(volume = instance_volume(instance, i)))
            continue;
        put_open(out, "item");
        put_text(out, "deviceName", volume->device);
        put_open(out, "ebs");
        put_text(out, "volumeId", volume->resource.id);
        put_text(out, "status", attachment_status(volume));
        put_time(out, "attachTime", volume->attached_ms);
        put_bool(out, "deleteOnTermination", volume->delete_on_termination);
        put_close(out, "ebs");
        put_close(out, "item");
    }
    put_close(out, "blockDeviceMapping");
}

static void put_interfaces(struct buffer *out, const struct instance *instance)
{
    put_open(out, "networkInterfaceSet");
    for (size_t i = 0; i < instance->interface_count; i++) {
        const struct interface *interface =
            resource_find(instance->resource.region, instance->resource.account, &interface_kind,
                          instance->interface_ids[i]);
        if (!interface)
            continue;
        put_open(out, "item");
        interface_write_part(out, interface);
        put_open(out, "attachment");
        put_text(out, "attachmentId", interface->attachment_id);
        put_number(out, "deviceIndex", interface->device_index);
        put_number(out, "networkCardIndex", 0);
        put_text(out, "status", "attached");
        put_time(out, "attachTime", interface->attached_ms);
        put_bool(out, "deleteOnTermination", interface->delete_on_termination);
        put_close(out, "attachment");
        put_close(out, "item");
    }
    put_close(out, "networkInterfaceSet");
}

static void put_metadata_options(struct buffer *out, const struct instance *instance)
{
    put_open(out, "metadataOptions");
    put_text(out, "state", "applied");
    put_text(out, "httpTokens", instance->http_tokens);
    put_number(out, "httpPutResponseHopLimit", instance->hop_limit);
    put_text(out, "httpEndpoint", instance->http_endpoint);
    put_text(out, "httpProtocolIpv6", instance->http_ipv6);
    put_text(out, "instanceMetadataTags", instance->metadata_tags);
    put_close(out, "metadataOptions");
}

static void put_network(struct buffer *out, const struct instance *instance)
{
    const struct interface *primary = instance_interface(instance, 0);
    put_text(out, "privateDnsName", instance->private_dns ? instance->private_dns : "");
    const char *public = primary ? interface_public_address(primary) : NULL;
    if (!public)
        put_text(out, "dnsName", "");
    if (!primary)
        return;
    put_public_name(out, primary, "dnsName", public);
    put_text(out, "ipAddress", public);
    put_text(out, "subnetId", instance->subnet_id);
    put_text(out, "vpcId", instance->vpc_id);
    put_text(out, "privateIpAddress", instance->private_address);
    put_text(out, "ipv6Address", primary->ipv6_count ? primary->ipv6_addresses[0] : NULL);
    put_bool(out, "sourceDestCheck", primary->source_check);
    put_groups(out, &primary->resource, primary->groups, primary->group_count);
    buffer_text(
        out,
        "<privateDnsNameOptions><hostnameType>ip-name</hostnameType>"
        "<enableResourceNameDnsARecord>false</enableResourceNameDnsARecord>"
        "<enableResourceNameDnsAAAARecord>false</enableResourceNameDnsAAAARecord></privateDnsNameOptions>");
}

static void put_reason(struct buffer *out, const struct instance *instance)
{
    put_text(out, "reason", instance->reason ? instance->reason : "");
    if (!instance->reason_code)
        return;
    put_open(out, "stateReason");
    put_text(out, "code", instance->reason_code);
    put_text(out, "message", instance->reason_message);
    put_close(out, "stateReason");
}

static void put_profile(struct buffer *out, const struct instance *instance)
{
    if (!instance->profile_arn)
        return;
    put_open(out, "iamInstanceProfile");
    put_text(out, "arn", instance->profile_arn);
    put_text(out, "id", instance->profile_id);
    put_close(out, "iamInstanceProfile");
}

void instance_write(struct buffer *out, const struct resource *resource)
{
    const struct instance *instance = (const struct instance *)(const void *)resource;
    put_text(out, "instanceId", resource->id);
    put_text(out, "imageId", instance->image_id);
    put_state(out, "instanceState", instance->state);
    put_network(out, instance);
    put_reason(out, instance);
    put_text(out, "keyName", instance->key_name);
    put_number(out, "amiLaunchIndex", instance->launch_index);
    put_text(out, "instanceType", instance->type);
    put_time(out, "launchTime", instance->launched_ms);
    put_open(out, "placement");
    put_text(out, "availabilityZone", instance->zone);
    put_text(out, "groupName", "");
    put_text(out, "tenancy", "default");
    put_close(out, "placement");
    put_open(out, "monitoring");
    put_text(out, "state", instance->monitoring ? "enabled" : "disabled");
    put_close(out, "monitoring");
    put_text(out, "architecture", instance->architecture);
    put_text(out, "rootDeviceType", "ebs");
    put_text(out, "rootDeviceName", instance->root_device);
    put_volumes(out, instance);
    put_text(out, "virtualizationType", "hvm");
    put_text(out, "clientToken", resource->client_token ? resource->client_token : "");
    put_tags(out, resource);
    put_text(out, "hypervisor", "xen");
    put_interfaces(out, instance);
    put_profile(out, instance);
    put_bool(out, "ebsOptimized", instance->ebs_optimized);
    put_bool(out, "enaSupport", true);
    put_open(out, "cpuOptions");
    put_number(out, "coreCount", instance->vcpus);
    put_number(out, "threadsPerCore", 1);
    put_close(out, "cpuOptions");
    put_metadata_options(out, instance);
    buffer_text(out, "<hibernationOptions><configured>false</configured></hibernationOptions>"
                     "<enclaveOptions><enabled>false</enabled></enclaveOptions>"
                     "<maintenanceOptions><autoRecovery>default</autoRecovery></maintenanceOptions>"
                     "<platformDetails>Linux/UNIX</platformDetails><currentInstanceBootMode>uefi</"
                     "currentInstanceBootMode>");
}
