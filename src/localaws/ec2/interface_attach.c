/* Interfaces that come to a running or stopped instance beside its first, and leave it again. The plane gives
 * the machine the interface as its next eth<n>; configuring more than its first addresses is the machine's
 * own affair, as on EC2. */
#include "localaws/ec2/ec2.h"
#include "localaws/ec2/instance.h"
#include "localaws/ec2/public_address.h"
#include "localaws/ec2/to_plane.h"

#include "base/text.h"

enum { MOST_INTERFACES = 15 };

static int check_attachable(struct call *call, const struct interface *interface,
                            const struct instance *instance, int64_t index, struct error *err)
{
    if (interface->owner || interface->requester)
        return call_fail(call, err, 400, "InvalidNetworkInterface.InUse", "Interface: [%s] in use.",
                         interface->resource.id);
    if (instance->state != INSTANCE_RUNNING && instance->state != INSTANCE_STOPPED)
        return call_fail(call, err, 400, "IncorrectState", "Instance '%s' is not 'running' or 'stopped'.",
                         instance->resource.id);
    if (!text_equal(interface->zone, instance->zone) || !text_equal(interface->vpc_id, instance->vpc_id))
        return call_fail(call, err, 400, "InvalidParameterCombination",
                         "You may not attach a network interface to an instance if they are not in the same "
                         "availability zone");
    if (instance_interface(instance, index))
        return call_fail(call, err, 400, "InvalidParameterValue",
                         "Instance '%s' already has an interface attached at device index '%d'.",
                         instance->resource.id, (int)index);
    return 0;
}

int interface_attach_action(struct call *call, struct error *err)
{
    struct interface *interface;
    struct instance *instance;
    const char *given;
    int64_t index;
    if (resource_target(call, &interface_kind, "NetworkInterfaceId", &interface, err) < 0 ||
        resource_target(call, &instance_kind, "InstanceId", &instance, err) < 0 ||
        call_required(call, "DeviceIndex", &given, err) < 0 ||
        call_number(call, "DeviceIndex", 0, MOST_INTERFACES, 0, &index, err) < 0 ||
        check_attachable(call, interface, instance, index, err) < 0)
        return -1;
    list_add_text(&instance->interface_ids, &instance->interface_count, interface->resource.id);
    interface_attach(call->region, interface, instance->resource.id, index, false);
    resource_changed(&interface->resource);
    resource_changed(&instance->resource);
    vpc_changed(call->region, call->account, interface->vpc_id);
    put_text(&call->answer, "attachmentId", interface->attachment_id);
    put_number(&call->answer, "networkCardIndex", 0);
    return 0;
}

static void detach(struct call *call, struct interface *interface)
{
    struct instance *instance =
        resource_find(call->region, call->account, &instance_kind, interface->instance_id);
    for (size_t i = instance ? instance->interface_count : 0; i-- > 0;)
        if (text_equal(instance->interface_ids[i], interface->resource.id))
            list_remove(&text_record, &instance->interface_ids, &instance->interface_count, i);
    text_replace(&interface->owner, NULL);
    text_replace(&interface->instance_id, NULL);
    text_replace(&interface->attachment_id, NULL);
    interface_public_refresh(interface);
    resource_changed(&interface->resource);
    if (instance)
        resource_changed(&instance->resource);
    vpc_changed(call->region, call->account, interface->vpc_id);
}

int interface_detach_action(struct call *call, struct error *err)
{
    const char *id;
    if (call_required(call, "AttachmentId", &id, err) < 0)
        return -1;
    for_each_resource(struct interface, interface, call->account, &interface_kind) {
        if (!text_equal(interface->attachment_id, id))
            continue;
        if (resource_authorize(call, &interface->resource, NULL, 0, err) < 0)
            return -1;
        if (interface->requester || interface->device_index == 0)
            return call_fail(call, err, 400, "OperationNotPermitted",
                             "The network interface at device index 0 cannot be detached.");
        detach(call, interface);
        put_true(call);
        return 0;
    }
    return call_fail(call, err, 400, "InvalidAttachmentID.NotFound",
                     "The interface attachment '%s' does not exist", id);
}

static void put_value(struct buffer *out, const char *element, const char *value)
{
    put_open(out, element);
    put_text(out, "value", value);
    put_close(out, element);
}

int interface_describe_attribute(struct call *call, struct error *err)
{
    struct interface *interface;
    const char *attribute;
    struct buffer *out = &call->answer;
    if (resource_named(call, &interface_kind, "NetworkInterfaceId", &interface, err) < 0 ||
        call_required(call, "Attribute", &attribute, err) < 0)
        return -1;
    put_text(out, "networkInterfaceId", interface->resource.id);
    if (text_equal(attribute, "description"))
        put_value(out, attribute, interface->description ? interface->description : "");
    else if (text_equal(attribute, "sourceDestCheck"))
        put_value(out, attribute, interface->source_check ? "true" : "false");
    else if (text_equal(attribute, "groupSet"))
        put_groups(out, &interface->resource, interface->groups, interface->group_count);
    else if (text_equal(attribute, "attachment"))
        interface_put_attachment(out, interface);
    else
        return call_fail(call, err, 400, "InvalidParameterValue",
                         "Value (%s) for parameter attribute is invalid.", attribute);
    return 0;
}
