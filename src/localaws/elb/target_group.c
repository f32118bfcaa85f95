#include "localaws/elb/elb.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>

static const struct field target_fields[] = {
    FIELD_TEXT(struct target, id, "id", REQUIRED, 64, NULL, "address or instance"),
    FIELD_INTEGER(struct target, port, "port", REQUIRED, 1, 65535, "its port"),
    FIELD_INTEGER(struct target, draining_until_ms, "drainingUntil", OPTIONAL, 0, 9e15,
                  "when it is gone; 0: it stays"),
    FIELD_END,
};
const struct record target_record = {"target", sizeof(struct target), target_fields};

static const struct field target_group_fields[] = {
    RESOURCE_FIELDS(struct target_group),
    FIELD_TEXT(struct target_group, name, "name", REQUIRED, 32, NULL, "unique in the account"),
    FIELD_TEXT(struct target_group, vpc_id, "vpc", REQUIRED, 64, NULL, "its VPC"),
    FIELD_TEXT(struct target_group, protocol, "protocol", REQUIRED, 16, NULL, "TCP"),
    FIELD_TEXT(struct target_group, target_type, "targetType", REQUIRED, 16, NULL, "ip or instance"),
    FIELD_TEXT(struct target_group, ip_address_type, "ipAddressType", REQUIRED, 16, NULL, "ipv4 or ipv6"),
    FIELD_TEXT(struct target_group, health_protocol, "healthProtocol", REQUIRED, 16, NULL,
               "TCP, HTTP, HTTPS"),
    FIELD_TEXT(struct target_group, health_port, "healthPort", REQUIRED, 16, NULL,
               "a number or traffic-port"),
    FIELD_TEXT(struct target_group, health_path, "healthPath", OPTIONAL, 1024, NULL, "of HTTP checks"),
    FIELD_TEXT(struct target_group, matcher, "matcher", OPTIONAL, 64, NULL, "of HTTP checks"),
    FIELD_INTEGER(struct target_group, port, "port", REQUIRED, 1, 65535, "where targets listen"),
    FIELD_INTEGER(struct target_group, interval_s, "interval", REQUIRED, 1, 300, "between checks"),
    FIELD_INTEGER(struct target_group, timeout_s, "timeout", REQUIRED, 1, 120, "of a check"),
    FIELD_INTEGER(struct target_group, healthy_threshold, "healthyThreshold", REQUIRED, 1, 10,
                  "checks in a row"),
    FIELD_INTEGER(struct target_group, unhealthy_threshold, "unhealthyThreshold", REQUIRED, 1, 10,
                  "checks in a row"),
    FIELD_LIST(struct target_group, targets, target_count, "targets", OPTIONAL, MOST_TARGETS, &target_record,
               "targets"),
    FIELD_LIST(struct target_group, attributes, attribute_count, "attributes", OPTIONAL, 32, &tag_record,
               "that were set"),
    FIELD_END,
};
static const struct record target_group_record = {"targetGroup", sizeof(struct target_group),
                                                  target_group_fields};

static const struct target_group *of(const struct resource *resource)
{
    return (const struct target_group *)(const void *)resource;
}

static bool balancer_uses(const struct account *account, const char *balancer_arn, const char *group_arn)
{
    for_each_resource(struct listener, listener, (struct account *)(uintptr_t)account, &listener_kind)
        if (text_equal(listener->balancer_arn, balancer_arn) && text_equal(listener->group_arn, group_arn))
            return true;
    return false;
}

static void put_health(struct buffer *out, const struct target_group *group)
{
    put_text(out, "HealthCheckProtocol", group->health_protocol);
    put_text(out, "HealthCheckPort", group->health_port);
    put_bool(out, "HealthCheckEnabled", true);
    put_number(out, "HealthCheckIntervalSeconds", group->interval_s);
    put_number(out, "HealthCheckTimeoutSeconds", group->timeout_s);
    put_number(out, "HealthyThresholdCount", group->healthy_threshold);
    put_number(out, "UnhealthyThresholdCount", group->unhealthy_threshold);
    put_text(out, "HealthCheckPath", group->health_path);
    if (group->matcher) {
        put_open(out, "Matcher");
        put_text(out, "HttpCode", group->matcher);
        put_close(out, "Matcher");
    }
}

static void target_group_write(struct buffer *out, const struct resource *resource)
{
    const struct target_group *group = of(resource);
    put_text(out, "TargetGroupArn", resource->id);
    put_text(out, "TargetGroupName", group->name);
    put_text(out, "Protocol", group->protocol);
    put_number(out, "Port", group->port);
    put_text(out, "VpcId", group->vpc_id);
    put_health(out, group);
    put_open(out, "LoadBalancerArns");
    for_each_resource(struct balancer, balancer, resource->account, &balancer_kind)
        if (balancer_uses(resource->account, balancer->resource.id, resource->id))
            put_text(out, "member", balancer->resource.id);
    put_close(out, "LoadBalancerArns");
    put_text(out, "TargetType", group->target_type);
    put_text(out, "IpAddressType", group->ip_address_type);
}

const struct kind target_group_kind = {
    .number = KIND_TARGET_GROUP,
    .type = "targetgroup",
    .prefix = "arn:targetgroup",
    .parameter = "TargetGroupArns.member",
    .missing = "TargetGroupNotFound",
    .record = &target_group_record,
    .write = target_group_write,
};

/* A text parameter, or what it is otherwise. */
static char *choose(struct call *call, const char *parameter, const char *otherwise)
{
    const char *value = call_parameter(call, "%s", parameter);
    return arena_strdup(call->arena, value ? value : otherwise);
}

/* "200", "200,202", "200-399": numbers of HTTP, as AWS takes them for network load balancers. */
static bool valid_matcher(const char *matcher)
{
    if (!text_only(matcher, "0-9,-") || strlen(matcher) > 64 || !*matcher)
        return false;
    while (*matcher) {
        char *end;
        long from = strtol(matcher, &end, 10), to = from;
        if (*end == '-')
            to = strtol(end + 1, &end, 10);
        if (from < 200 || to > 599 || to < from || (*end && *end != ','))
            return false;
        matcher = *end == ',' ? end + 1 : end;
    }
    return true;
}

static int check_health(struct call *call, const struct target_group *group, struct error *err)
{
    int64_t port;
    bool http = text_starts(group->health_protocol, "HTTP");
    if (!http && !text_equal(group->health_protocol, "TCP"))
        return call_fail(call, err, 400, "ValidationError",
                         "Health check protocol '%.32s' must be one of 'TCP', 'HTTP', or 'HTTPS'",
                         group->health_protocol);
    if (!text_equal(group->health_port, "traffic-port") &&
        text_number(group->health_port, 1, 65535, "port", &port, NULL) < 0)
        return call_fail(call, err, 400, "ValidationError", "Health check port '%.32s' is not valid",
                         group->health_port);
    if (!http && (group->health_path || group->matcher))
        return call_fail(call, err, 400, "ValidationError",
                         "A health check path and matcher are of HTTP and HTTPS checks");
    if (http && (group->health_path[0] != '/' || !text_only(group->health_path, "!-~")))
        return call_fail(call, err, 400, "ValidationError", "Health check path '%.128s' must begin with '/'",
                         group->health_path);
    if (http && !valid_matcher(group->matcher))
        return call_fail(call, err, 400, "ValidationError", "Health check matcher '%.64s' is not valid",
                         group->matcher);
    if (group->timeout_s > group->interval_s)
        return call_fail(call, err, 400, "ValidationError",
                         "Health check timeout '%d' must be smaller than or equal to the interval '%d'",
                         (int)group->timeout_s, (int)group->interval_s);
    return 0;
}

static int take_health(struct call *call, struct target_group *group, struct error *err)
{
    if (text_equal(call_parameter(call, "HealthCheckEnabled"), "false"))
        return call_fail(call, err, 400, "ValidationError",
                         "Health checks must be enabled for target groups with target type '%s'",
                         group->target_type);
    const char *protocol = call_parameter(call, "HealthCheckProtocol");
    if (protocol && !text_equal(protocol, group->health_protocol)) {
        group->health_path = group->matcher = NULL;
        if (group->timeout_s == 10 && text_equal(protocol, "HTTP"))
            group->timeout_s = 6;
    }
    group->health_protocol = choose(call, "HealthCheckProtocol", group->health_protocol);
    group->health_port = choose(call, "HealthCheckPort", group->health_port);
    bool http = text_starts(group->health_protocol, "HTTP");
    group->health_path = choose(call, "HealthCheckPath",
                                group->health_path ? group->health_path
                                : http             ? "/"
                                                   : NULL);
    group->matcher = choose(call, "Matcher.HttpCode",
                            group->matcher ? group->matcher
                            : http         ? "200-399"
                                           : NULL);
    if (call_number(call, "HealthCheckIntervalSeconds", 5, 300, group->interval_s, &group->interval_s, err) <
            0 ||
        call_number(call, "HealthCheckTimeoutSeconds", 2, 120,
                    group->timeout_s < group->interval_s ? group->timeout_s : group->interval_s,
                    &group->timeout_s, err) < 0 ||
        call_number(call, "HealthyThresholdCount", 2, 10, group->healthy_threshold, &group->healthy_threshold,
                    err) < 0 ||
        call_number(call, "UnhealthyThresholdCount", 2, 10, group->unhealthy_threshold,
                    &group->unhealthy_threshold, err) < 0)
        return -1;
    return check_health(call, group, err);
}

static int check_form(struct call *call, const struct target_group *draft, struct error *err)
{
    static const char *const protocols[] = {"TCP", "TLS", "UDP", "TCP_UDP"};
    bool known = false;
    for (size_t i = 0; i < COUNT_OF(protocols); i++)
        known = known || text_equal(draft->protocol, protocols[i]);
    if (!known || !draft->port)
        return call_fail(call, err, 400, "UnsupportedOperation",
                         "Target groups here are of network load balancers: TCP, TLS, UDP or TCP_UDP, and a "
                         "port");
    if (!text_equal(draft->target_type, "ip") && !text_equal(draft->target_type, "instance"))
        return call_fail(call, err, 400, "UnsupportedOperation",
                         "Targets here are instances or addresses, not '%.32s'", draft->target_type);
    if (!text_equal(draft->ip_address_type, "ipv4") && !text_equal(draft->ip_address_type, "ipv6"))
        return call_fail(call, err, 400, "ValidationError", "The IP address type '%.32s' is not valid",
                         draft->ip_address_type);
    if (!resource_find(call->region, call->account, &vpc_kind, draft->vpc_id))
        return call_fail(call, err, 400, "ValidationError", "The VPC ID '%.64s' is not found", draft->vpc_id);
    return 0;
}

static int take_group(struct call *call, struct target_group *draft, struct error *err)
{
    const char *name;
    if (call_required(call, "Name", &name, err) < 0 || elb_check_name(call, name, err) < 0 ||
        call_number(call, "Port", 1, 65535, 0, &draft->port, err) < 0)
        return -1;
    *draft = (struct target_group){
        .name = arena_strdup(call->arena, name),
        .port = draft->port,
        .protocol = choose(call, "Protocol", ""),
        .target_type = choose(call, "TargetType", "instance"),
        .ip_address_type = choose(call, "IpAddressType", "ipv4"),
        .vpc_id = choose(call, "VpcId", ""),
        .health_protocol = arena_strdup(call->arena, "TCP"),
        .health_port = arena_strdup(call->arena, "traffic-port"),
        .interval_s = 30,
        .timeout_s = 10,
        .healthy_threshold = 5,
        .unhealthy_threshold = 2,
    };
    return check_form(call, draft, err) < 0 ? -1 : take_health(call, draft, err);
}

static int answer_group(struct call *call, const struct target_group *group)
{
    buffer_text(&call->answer, "<TargetGroups><member>");
    target_group_write(&call->answer, &group->resource);
    buffer_text(&call->answer, "</member></TargetGroups>");
    return 0;
}

int target_group_create(struct call *call, struct error *err)
{
    struct target_group draft = {0};
    if (take_group(call, &draft, err) < 0 ||
        call_tag_list(call, "Tags.member", &draft.resource.tags, &draft.resource.tag_count, err) < 0 ||
        creation_authorize(call, &target_group_kind, &draft.resource, err) < 0)
        return -1;
    for_each_resource(struct target_group, present, call->account, &target_group_kind) {
        if (!text_equal(present->name, draft.name))
            continue;
        if (present->port == draft.port && text_equal(present->vpc_id, draft.vpc_id) &&
            text_equal(present->target_type, draft.target_type) &&
            text_equal(present->protocol, draft.protocol) &&
            text_equal(present->ip_address_type, draft.ip_address_type))
            return answer_group(call, present);
        return call_fail(call, err, 400, "DuplicateTargetGroupName",
                         "A target group with the same name '%s' exists, but with different settings",
                         draft.name);
    }
    draft.resource.id = arena_format(call->arena, "arn:aws:elasticloadbalancing:%s:%s:targetgroup/%s/%s",
                                     call->region->name, call->account->id, draft.name, elb_hex(call->arena));
    return answer_group(call, resource_add(call->region, call->account, &target_group_kind, &draft));
}

int target_group_modify(struct call *call, struct error *err)
{
    struct target_group *group;
    if (elb_target(call, &target_group_kind, "TargetGroupArn", &group, err) < 0)
        return -1;
    struct target_group draft = *group;
    if (take_health(call, &draft, err) < 0)
        return -1;
    if (draft_check(call, &target_group_record, &draft, err) < 0)
        return -1;
    text_replace(&group->health_protocol, draft.health_protocol);
    text_replace(&group->health_port, draft.health_port);
    text_replace(&group->health_path, draft.health_path);
    text_replace(&group->matcher, draft.matcher);
    group->interval_s = draft.interval_s;
    group->timeout_s = draft.timeout_s;
    group->healthy_threshold = draft.healthy_threshold;
    group->unhealthy_threshold = draft.unhealthy_threshold;
    account_changed(call->region, call->account);
    target_group_changed(call->region, group);
    return answer_group(call, group);
}

bool target_group_used(struct account *account, const char *arn)
{
    for_each_resource(struct listener, listener, account, &listener_kind)
        if (text_equal(listener->group_arn, arn))
            return true;
    return false;
}

int target_group_delete(struct call *call, struct error *err)
{
    const char *arn;
    if (call_required(call, "TargetGroupArn", &arn, err) < 0)
        return -1;
    struct target_group *group = resource_find(call->region, call->account, &target_group_kind, arn);
    if (!group)
        return 0; /* as on AWS */
    if (resource_authorize(call, &group->resource, NULL, 0, err) < 0)
        return -1;
    if (target_group_used(call->account, arn))
        return call_fail(call, err, 400, "ResourceInUse",
                         "Target group '%s' is currently in use by a listener or a rule", arn);
    resource_remove(call->region, &group->resource);
    return 0;
}

static const char *name_of(const struct resource *resource)
{
    return of(resource)->name;
}

static bool of_balancer(struct call *call, const struct resource *resource)
{
    const char *arn = call_parameter(call, "LoadBalancerArn");
    return !arn || balancer_uses(call->account, arn, resource->id);
}

int target_group_describe(struct call *call, struct error *err)
{
    return elb_describe(call, &target_group_kind, "TargetGroups", "TargetGroupArns", "Names", name_of,
                        of_balancer, err);
}

static void put_group_attributes(struct call *call, const struct target_group *group)
{
    put_open(&call->answer, "Attributes");
    for (const struct attribute_default *one = target_group_attributes; one->key; one++) {
        put_open(&call->answer, "member");
        put_text(&call->answer, "Key", one->key);
        put_text(&call->answer, "Value", group_attribute(group, one->key));
        put_close(&call->answer, "member");
    }
    put_close(&call->answer, "Attributes");
}

int target_group_describe_attributes(struct call *call, struct error *err)
{
    const char *arn;
    if (call_required(call, "TargetGroupArn", &arn, err) < 0)
        return -1;
    struct target_group *group = resource_find(call->region, call->account, &target_group_kind, arn);
    if (!group)
        return elb_missing(call, &target_group_kind, arn, err);
    put_group_attributes(call, group);
    return 0;
}

int target_group_modify_attributes(struct call *call, struct error *err)
{
    struct target_group *group;
    if (elb_target(call, &target_group_kind, "TargetGroupArn", &group, err) < 0 ||
        attributes_take(call, target_group_attributes, &group->attributes, &group->attribute_count, err) < 0)
        return -1;
    target_group_changed(call->region, group);
    put_group_attributes(call, group);
    return 0;
}
