#include "localaws/elb/elb.h"

#include "base/text.h"

#include <string.h>

static const struct field listener_fields[] = {
    RESOURCE_FIELDS(struct listener),
    FIELD_TEXT(struct listener, balancer_arn, "balancer", REQUIRED, 512, NULL, "its load balancer"),
    FIELD_TEXT(struct listener, protocol, "protocol", REQUIRED, 16, NULL, "TCP"),
    FIELD_TEXT(struct listener, group_arn, "group", REQUIRED, 512, NULL, "where it forwards to"),
    FIELD_INTEGER(struct listener, port, "port", REQUIRED, 1, 65535, "where it listens"),
    FIELD_LIST(struct listener, attributes, attribute_count, "attributes", OPTIONAL, 32, &tag_record,
               "that were set"),
    FIELD_END,
};
static const struct record listener_record = {"listener", sizeof(struct listener), listener_fields};

static void listener_write(struct buffer *out, const struct resource *resource)
{
    const struct listener *listener = (const struct listener *)(const void *)resource;
    put_text(out, "ListenerArn", resource->id);
    put_text(out, "LoadBalancerArn", listener->balancer_arn);
    put_number(out, "Port", listener->port);
    put_text(out, "Protocol", listener->protocol);
    buffer_text(out, "<DefaultActions><member><Type>forward</Type>");
    put_text(out, "TargetGroupArn", listener->group_arn);
    put_number(out, "Order", 1);
    buffer_text(out, "<ForwardConfig><TargetGroups><member>");
    put_text(out, "TargetGroupArn", listener->group_arn);
    buffer_text(out, "</member></TargetGroups></ForwardConfig></member></DefaultActions>");
}

const struct kind listener_kind = {
    .number = KIND_LISTENER,
    .type = "listener",
    .prefix = "arn:listener/net",
    .parameter = "ListenerArns.member",
    .missing = "ListenerNotFound",
    .record = &listener_record,
    .write = listener_write,
};

void listener_to_plane(struct arena *arena, const struct listener *listener, struct plane_listener *wanted)
{
    int64_t idle_s = 350;
    (void)arena;
    text_number(attribute_value(listener_attributes, listener->attributes, listener->attribute_count,
                                "tcp.idle_timeout.seconds"),
                1, 6000, "idle timeout", &idle_s, NULL);
    *wanted = (struct plane_listener){
        .port = (int)listener->port,
        .protocol = plane_protocol_of(listener->protocol),
        .idle_ms = (int)idle_s * 1000,
        .group_arn = listener->group_arn,
    };
}

static struct balancer *balancer_of(struct region *region, const struct listener *listener)
{
    return resource_find(region, listener->resource.account, &balancer_kind, listener->balancer_arn);
}

/* The one target group that DefaultActions.member.1 forwards to. */
static int take_action(struct call *call, const struct balancer *balancer, char **group_arn,
                       struct error *err)
{
    const char *type = call_parameter(call, "DefaultActions.member.1.Type");
    const char *arn = call_parameter(call, "DefaultActions.member.1.TargetGroupArn");
    if (!arn)
        arn = call_parameter(call,
                             "DefaultActions.member.1.ForwardConfig.TargetGroups.member.1.TargetGroupArn");
    if (!text_equal(type, "forward") || !arn)
        return call_fail(call, err, 400, "InvalidLoadBalancerAction",
                         "A Network Load Balancer forwards to a target group");
    struct target_group *group = resource_find(call->region, call->account, &target_group_kind, arn);
    if (!group)
        return elb_missing(call, &target_group_kind, arn, err);
    if (!text_equal(group->vpc_id, balancer->vpc_id))
        return call_fail(call, err, 400, "InvalidConfigurationRequest",
                         "The load balancer and the target group are not of one VPC");
    *group_arn = group->resource.id;
    return 0;
}

static int take_port(struct call *call, const struct balancer *balancer, const struct listener *self,
                     int64_t *port, struct error *err)
{
    if (call_number(call, "Port", 1, 65535, *port, port, err) < 0)
        return -1;
    if (!*port)
        return call_fail(call, err, 400, "ValidationError", "A listener port must be specified");
    for_each_resource(struct listener, other, call->account, &listener_kind)
        if (other != self && other->port == *port && text_equal(other->balancer_arn, balancer->resource.id))
            return call_fail(call, err, 400, "DuplicateListener",
                             "A listener already exists on this "
                             "port for this load balancer '%s'",
                             balancer->resource.id);
    return 0;
}

static int check_protocol(struct call *call, struct error *err)
{
    const char *protocol = call_parameter(call, "Protocol");
    if (protocol && !text_equal(protocol, "TCP"))
        return call_fail(call, err, 400, "UnsupportedProtocol", "Listeners here have the protocol TCP");
    return 0;
}

static int answer_listener(struct call *call, const struct listener *listener)
{
    buffer_text(&call->answer, "<Listeners><member>");
    listener_write(&call->answer, &listener->resource);
    buffer_text(&call->answer, "</member></Listeners>");
    return 0;
}

/* CreateListener is decided on the load balancer, with the tags the listener is to have. */
int listener_create(struct call *call, struct error *err)
{
    struct balancer *balancer;
    struct listener draft = {.protocol = arena_strdup(call->arena, "TCP")};
    const char *arn;
    if (call_required(call, "LoadBalancerArn", &arn, err) < 0)
        return -1;
    balancer = resource_find(call->region, call->account, &balancer_kind, arn);
    if (!balancer)
        return elb_missing(call, &balancer_kind, arn, err);
    if (call_tag_list(call, "Tags.member", &draft.resource.tags, &draft.resource.tag_count, err) < 0 ||
        resource_authorize(call, &balancer->resource, draft.resource.tags, draft.resource.tag_count, err) <
            0 ||
        tagging_authorize(call, &listener_kind, draft.resource.tags, draft.resource.tag_count, err) < 0 ||
        check_protocol(call, err) < 0 || take_action(call, balancer, &draft.group_arn, err) < 0)
        return -1;
    for_each_resource(struct listener, present, call->account, &listener_kind)
        if (text_equal(present->balancer_arn, arn) && text_equal(present->group_arn, draft.group_arn) &&
            text_equal(call_parameter(call, "Port"), arena_format(call->arena, "%d", (int)present->port)))
            return answer_listener(call, present);
    if (take_port(call, balancer, NULL, &draft.port, err) < 0)
        return -1;
    draft.balancer_arn = balancer->resource.id;
    draft.resource.id =
        arena_format(call->arena, "arn:aws:elasticloadbalancing:%s:%s:listener/%s/%s", call->region->name,
                     call->account->id, strstr(balancer->resource.id, "net/"), elb_hex(call->arena));
    struct listener *listener = resource_add(call->region, call->account, &listener_kind, &draft);
    balancer_changed(call->region, balancer);
    return answer_listener(call, listener);
}

int listener_modify(struct call *call, struct error *err)
{
    struct listener *listener;
    if (elb_target(call, &listener_kind, "ListenerArn", &listener, err) < 0 || check_protocol(call, err) < 0)
        return -1;
    struct balancer *balancer = balancer_of(call->region, listener);
    char *group_arn = listener->group_arn;
    int64_t port = listener->port;
    if (take_port(call, balancer, listener, &port, err) < 0 ||
        (call_parameter(call, "DefaultActions.member.1.Type") &&
         take_action(call, balancer, &group_arn, err) < 0))
        return -1;
    listener->port = port;
    if (group_arn != listener->group_arn)
        text_replace(&listener->group_arn, group_arn);
    region_changed(call->region);
    balancer_changed(call->region, balancer);
    return answer_listener(call, listener);
}

int listener_delete(struct call *call, struct error *err)
{
    struct listener *listener;
    if (elb_target(call, &listener_kind, "ListenerArn", &listener, err) < 0)
        return -1;
    struct balancer *balancer = balancer_of(call->region, listener);
    resource_remove(call->region, &listener->resource);
    balancer_changed(call->region, balancer);
    return 0;
}

static bool of_balancer(struct call *call, const struct resource *resource)
{
    const char *arn = call_parameter(call, "LoadBalancerArn");
    return !arn || text_equal(((const struct listener *)(const void *)resource)->balancer_arn, arn);
}

int listener_describe(struct call *call, struct error *err)
{
    const char *arn = call_parameter(call, "LoadBalancerArn");
    if (arn && !resource_find(call->region, call->account, &balancer_kind, arn))
        return elb_missing(call, &balancer_kind, arn, err);
    return elb_describe(call, &listener_kind, "Listeners", "ListenerArns", "Names", NULL, of_balancer, err);
}

int listener_describe_attributes(struct call *call, struct error *err)
{
    const char *arn;
    if (call_required(call, "ListenerArn", &arn, err) < 0)
        return -1;
    struct listener *listener = resource_find(call->region, call->account, &listener_kind, arn);
    if (!listener)
        return elb_missing(call, &listener_kind, arn, err);
    put_attributes(&call->answer, listener_attributes, listener->attributes, listener->attribute_count);
    return 0;
}

int listener_modify_attributes(struct call *call, struct error *err)
{
    struct listener *listener;
    if (elb_target(call, &listener_kind, "ListenerArn", &listener, err) < 0 ||
        attributes_take(call, listener_attributes, &listener->attributes, &listener->attribute_count, err) <
            0)
        return -1;
    balancer_changed(call->region, balancer_of(call->region, listener));
    put_attributes(&call->answer, listener_attributes, listener->attributes, listener->attribute_count);
    return 0;
}
