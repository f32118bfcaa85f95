#include "localaws/elb/elb.h"

#include "base/text.h"

#include <string.h>

static const struct field listener_fields[] = {
    RESOURCE_FIELDS(struct listener),
    FIELD_TEXT(struct listener, balancer_arn, "balancer", REQUIRED, 512, NULL, "its load balancer"),
    FIELD_TEXT(struct listener, protocol, "protocol", REQUIRED, 16, NULL, "TCP, TLS, UDP or TCP_UDP"),
    FIELD_TEXT(struct listener, ssl_policy, "sslPolicy", OPTIONAL, 64, NULL, "of TLS"),
    FIELD_TEXT(struct listener, alpn_policy, "alpnPolicy", OPTIONAL, 32, NULL, "of TLS"),
    FIELD_LIST(struct listener, certificates, certificate_count, "certificates", OPTIONAL, 32, &text_record,
               "of TLS, the default first"),
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
    put_listener_tls(out, listener);
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
    int64_t idle_s = 350; /* which TLS keeps */
    bool tls = text_equal(listener->protocol, "TLS");
    text_number(attribute_value(listener_attributes, listener->attributes, listener->attribute_count,
                                "tcp.idle_timeout.seconds"),
                1, 6000, "idle timeout", &idle_s, NULL);
    *wanted = (struct plane_listener){
        .port = (int)listener->port,
        .protocol = plane_protocol_of(listener->protocol),
        .idle_ms = (int)(tls ? 350 : idle_s) * 1000,
        .group_arn = listener->group_arn,
    };
    if (tls)
        listener_tls_to_plane(arena, listener, wanted);
}

static struct balancer *balancer_of(struct region *region, const struct listener *listener)
{
    return resource_find(region, listener->resource.account, &balancer_kind, listener->balancer_arn);
}

/* Which protocols of targets a listener's can be brought to. */
static bool compatible(const char *listener, const char *group)
{
    return text_equal(listener, group) || (text_equal(listener, "TLS") && text_equal(group, "TCP")) ||
           ((text_equal(listener, "TCP") || text_equal(listener, "UDP")) && text_equal(group, "TCP_UDP"));
}

static int check_group(struct call *call, const struct balancer *balancer, const struct target_group *group,
                       const char *protocol, struct error *err)
{
    if (!text_equal(group->vpc_id, balancer->vpc_id))
        return call_fail(call, err, 400, "InvalidConfigurationRequest",
                         "The load balancer and the target group are not of one VPC");
    if (!compatible(protocol, group->protocol))
        return call_fail(call, err, 400, "IncompatibleProtocols",
                         "Listener protocol '%s' is not supported with a target group with the protocol "
                         "'%s'",
                         protocol, group->protocol);
    if (text_equal(group->ip_address_type, "ipv6") && !text_equal(balancer->ip_address_type, "dualstack"))
        return call_fail(call, err, 400, "InvalidConfigurationRequest",
                         "IPv6 target groups can only be used with dualstack load balancers");
    for_each_resource(struct listener, other, call->account, &listener_kind)
        if (text_equal(other->group_arn, group->resource.id) &&
            !text_equal(other->balancer_arn, balancer->resource.id))
            return call_fail(call, err, 400, "TargetGroupAssociationLimit",
                             "The following target groups cannot be associated with more than one load "
                             "balancer: %s",
                             group->resource.id);
    return 0;
}

/* The one target group that DefaultActions.member.1 forwards to. */
static int take_action(struct call *call, const struct balancer *balancer, struct listener *draft,
                       struct error *err)
{
    const char *type = call_parameter(call, "DefaultActions.member.1.Type");
    const char *arn = call_parameter(call, "DefaultActions.member.1.TargetGroupArn");
    if (!arn)
        arn = call_parameter(call,
                             "DefaultActions.member.1.ForwardConfig.TargetGroups.member.1.TargetGroupArn");
    if (!text_equal(type, "forward") || !arn ||
        call_parameter(call, "DefaultActions.member.1.ForwardConfig.TargetGroups.member.2.TargetGroupArn"))
        return call_fail(call, err, 400, "InvalidLoadBalancerAction",
                         "A Network Load Balancer forwards to one target group");
    struct target_group *group = resource_find(call->region, call->account, &target_group_kind, arn);
    if (!group)
        return elb_missing(call, &target_group_kind, arn, err);
    draft->group_arn = group->resource.id;
    return check_group(call, balancer, group, draft->protocol, err);
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

static int take_protocol(struct call *call, struct listener *draft, struct error *err)
{
    static const char *const protocols[] = {"TCP", "TLS", "UDP", "TCP_UDP"};
    const char *protocol = call_parameter(call, "Protocol");
    if (protocol)
        draft->protocol = arena_strdup(call->arena, protocol);
    for (size_t i = 0; i < COUNT_OF(protocols); i++)
        if (text_equal(draft->protocol, protocols[i]))
            return listener_take_tls(call, draft, err);
    return call_fail(call, err, 400, draft->protocol ? "UnsupportedProtocol" : "ValidationError",
                     "Protocol '%.32s' is not one of TCP, TLS, UDP and TCP_UDP",
                     draft->protocol ? draft->protocol : "");
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
    struct listener draft = {0};
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
        take_protocol(call, &draft, err) < 0 || take_action(call, balancer, &draft, err) < 0)
        return -1;
    for_each_resource(struct listener, present, call->account, &listener_kind)
        if (text_equal(present->balancer_arn, arn) && text_equal(present->group_arn, draft.group_arn) &&
            text_equal(present->protocol, draft.protocol) &&
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

static void replace_certificates(struct listener *listener, const struct listener *draft)
{
    if (draft->certificates == listener->certificates && draft->certificate_count)
        return;
    char *first = draft->certificate_count ? memory_strdup(draft->certificates[0]) : NULL;
    if (listener->certificate_count)
        list_remove(&text_record, &listener->certificates, &listener->certificate_count, 0);
    if (!first)
        list_clear(&text_record, &listener->certificates, &listener->certificate_count);
    /* The new default first, the others after it. */
    char **others = take(&listener->certificates);
    size_t count = listener->certificate_count;
    listener->certificate_count = 0;
    if (first)
        list_add_text(&listener->certificates, &listener->certificate_count, first);
    for (size_t i = 0; i < count; i++)
        if (!text_equal(others[i], first))
            list_add_text(&listener->certificates, &listener->certificate_count, others[i]);
    list_clear(&text_record, &others, &count);
    free(first);
}

int listener_modify(struct call *call, struct error *err)
{
    struct listener *listener;
    if (elb_target(call, &listener_kind, "ListenerArn", &listener, err) < 0)
        return -1;
    struct balancer *balancer = balancer_of(call->region, listener);
    struct listener draft = *listener;
    if (take_port(call, balancer, listener, &draft.port, err) < 0 || take_protocol(call, &draft, err) < 0)
        return -1;
    bool given = call_parameter(call, "DefaultActions.member.1.Type") != NULL;
    const struct target_group *group =
        resource_find(call->region, call->account, &target_group_kind, listener->group_arn);
    if (given ? take_action(call, balancer, &draft, err) < 0
              : group && check_group(call, balancer, group, draft.protocol, err) < 0)
        return -1;
    listener->port = draft.port;
    char **const owned[] = {&listener->group_arn, &listener->protocol, &listener->ssl_policy,
                            &listener->alpn_policy};
    char *const wanted[] = {draft.group_arn, draft.protocol, draft.ssl_policy, draft.alpn_policy};
    for (size_t i = 0; i < COUNT_OF(owned); i++)
        if (*owned[i] != wanted[i])
            text_replace(owned[i], wanted[i]);
    replace_certificates(listener, &draft);
    resource_changed(&listener->resource);
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
