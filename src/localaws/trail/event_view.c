#include "localaws/trail/event_view.h"

#include "base/buffer.h"
#include "base/record.h"
#include "base/text.h"
#include "localaws/trail/json_out.h"

#include <string.h>

static json_t *identity(json_t *event)
{
    return json_object_get(event, "userIdentity");
}

const char *event_access_key(json_t *event)
{
    return json_member_text(identity(event), "accessKeyId");
}

/* "AROA...:session" */
const char *event_user(struct arena *arena, json_t *event)
{
    const char *type = json_member_text(identity(event), "type");
    const char *id = json_member_text(identity(event), "principalId");
    const char *colon = id ? strchr(id, ':') : NULL;
    if (text_equal(type, "Root"))
        return "root";
    if (text_equal(type, "IAMUser"))
        return json_member_text(identity(event), "userName");
    return colon ? arena_strdup(arena, colon + 1) : NULL;
}

/* Members of requestParameters and responseElements that name things. */
static const struct {
    const char *member, *type;
} named[] = {
    {"instanceId", "AWS::EC2::Instance"},
    {"imageId", "AWS::EC2::Ami"},
    {"vpcId", "AWS::EC2::VPC"},
    {"subnetId", "AWS::EC2::Subnet"},
    {"groupId", "AWS::EC2::SecurityGroup"},
    {"volumeId", "AWS::EC2::Volume"},
    {"networkInterfaceId", "AWS::EC2::NetworkInterface"},
    {"networkAclId", "AWS::EC2::NetworkAcl"},
    {"routeTableId", "AWS::EC2::RouteTable"},
    {"internetGatewayId", "AWS::EC2::InternetGateway"},
    {"natGatewayId", "AWS::EC2::NatGateway"},
    {"allocationId", "AWS::EC2::EIP"},
    {"vpcEndpointId", "AWS::EC2::VPCEndpoint"},
    {"roleName", "AWS::IAM::Role"},
    {"roleArn", "AWS::IAM::Role"},
    {"userName", "AWS::IAM::User"},
    {"policyArn", "AWS::IAM::Policy"},
    {"instanceProfileName", "AWS::IAM::InstanceProfile"},
    {"bucketName", "AWS::S3::Bucket"},
    {"keyId", "AWS::KMS::Key"},
    {"loadBalancerArn", "AWS::ElasticLoadBalancingV2::LoadBalancer"},
    {"targetGroupArn", "AWS::ElasticLoadBalancingV2::TargetGroup"},
    {"documentName", "AWS::SSM::Document"},
};

enum { RESOURCES_MOST = 100, DEEPEST = 24 };

static void add(json_t *list, const char *type, const char *name)
{
    size_t index;
    json_t *known;
    if (text_empty(name) || json_array_size(list) >= RESOURCES_MOST)
        return;
    json_array_foreach(list, index, known) {
        if (text_equal(json_member_text(known, "ResourceName"), name))
            return;
    }
    json_array_append_new(list, json_pack("{s:s*, s:s}", "ResourceType", type, "ResourceName", name));
}

static void add_named(json_t *list, json_t *value, int depth)
{
    const char *member;
    size_t index;
    json_t *inside;
    if (depth > DEEPEST)
        return;
    if (json_is_array(value)) {
        json_array_foreach(value, index, inside)
            add_named(list, inside, depth + 1);
        return;
    }
    json_object_foreach(value, member, inside) {
        for (size_t i = 0; json_is_string(inside) && i < COUNT_OF(named); i++)
            if (text_equal(named[i].member, member))
                add(list, named[i].type, json_string_value(inside));
        add_named(list, inside, depth + 1);
    }
}

json_t *event_resources(json_t *event)
{
    json_t *list = json_array(), *resource;
    size_t index;
    json_array_foreach(json_object_get(event, "resources"), index, resource)
        add(list, json_member_text(resource, "type"), json_member_text(resource, "ARN"));
    add_named(list, json_object_get(event, "requestParameters"), 0);
    add_named(list, json_object_get(event, "responseElements"), 0);
    return list;
}

bool event_has_id(json_t *event, const char *value)
{
    return text_equal(json_member_text(event, "eventID"), value);
}

bool event_has_name(json_t *event, const char *value)
{
    return text_equal(json_member_text(event, "eventName"), value);
}

bool event_has_source(json_t *event, const char *value)
{
    return text_equal(json_member_text(event, "eventSource"), value);
}

bool event_has_user(json_t *event, const char *value)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    return text_equal(event_user(arena, event), value);
}

static bool any_resource(json_t *event, const char *member, const char *value)
{
    json_t *list = event_resources(event), *resource;
    size_t index;
    bool found = false;
    json_array_foreach(list, index, resource)
        found |= text_equal(json_member_text(resource, member), value);
    json_decref(list);
    return found;
}

bool event_has_resource(json_t *event, const char *value)
{
    return any_resource(event, "ResourceName", value);
}

bool event_has_resource_type(json_t *event, const char *value)
{
    return any_resource(event, "ResourceType", value);
}

bool event_has_read_only(json_t *event, const char *value)
{
    return text_equal_nocase(value, json_is_true(json_object_get(event, "readOnly")) ? "true" : "false");
}

bool event_has_access_key(json_t *event, const char *value)
{
    return text_equal(event_access_key(event), value);
}

const char *event_needle(struct arena *arena, const char *attribute, const char *value)
{
    static const char *const plain[] = {"EventId", "EventName", "EventSource", "ResourceName", "AccessKeyId"};
    cleanup(buffer_free) struct buffer text = buffer_new(16384);
    for (size_t i = 0; i < COUNT_OF(plain); i++) {
        if (!text_equal(plain[i], attribute))
            continue;
        out_text(&text, value);
        return arena_strndup(arena, buffer_string(&text), text.length);
    }
    return NULL;
}
