/* Targets of a target group: registering, taking out, and how they are. */
#include "localaws/ec2/cidr.h"
#include "localaws/elb/elb.h"

#include "base/clock.h"
#include "base/text.h"

#include <arpa/inet.h>

static size_t target_at(const struct target_group *group, const struct target *target)
{
    size_t at = 0;
    while (at < group->target_count &&
           (!text_equal(group->targets[at].id, target->id) || group->targets[at].port != target->port))
        at++;
    return at;
}

static int check_address(struct call *call, const struct target_group *group, struct target *target,
                         struct error *err)
{
    struct cidr address, block;
    const struct vpc *vpc = resource_find(call->region, call->account, &vpc_kind, group->vpc_id);
    bool ipv6 = text_equal(group->ip_address_type, "ipv6");
    const char *inside = vpc ? ipv6 ? vpc->ipv6_cidr : vpc->cidr : NULL;
    if (!cidr_parse_address(target->id, &address) || address.family != (ipv6 ? AF_INET6 : AF_INET))
        return call_fail(call, err, 400, "ValidationError", "The IP address '%s' is not a valid %s address",
                         target->id, ipv6 ? "IPv6" : "IPv4");
    if (!inside || !cidr_parse(inside, &block) || !cidr_contains(&block, &address))
        return call_fail(call, err, 400, "ValidationError", "The IP address '%s' is not within the VPC",
                         target->id);
    target->id = cidr_address_text(call->arena, &address);
    return 0;
}

static int take_target(struct call *call, const struct target_group *group, size_t number,
                       struct target *target, struct error *err)
{
    target->id = arena_strdup(call->arena, call_parameter(call, "Targets.member.%zu.Id", number));
    if (call_number(call, arena_format(call->arena, "Targets.member.%zu.Port", number), 1, 65535, group->port,
                    &target->port, err) < 0)
        return -1;
    if (text_equal(group->target_type, "ip"))
        return check_address(call, group, target, err);
    const struct instance *instance = resource_find(call->region, call->account, &instance_kind, target->id);
    if (!instance || instance->state == INSTANCE_TERMINATED)
        return call_fail(call, err, 400, "InvalidTarget",
                         "The following targets are not valid instances: '%s'", target->id);
    return 0;
}

/* Those that have drained are gone. */
static void forget_drained(struct target_group *group)
{
    int64_t now = clock_now_ms();
    for (size_t i = group->target_count; i-- > 0;)
        if (group->targets[i].draining_until_ms && group->targets[i].draining_until_ms <= now)
            list_remove(&target_record, &group->targets, &group->target_count, i);
}

static int each_target(struct call *call,
                       void (*change)(struct target_group *group, const struct target *target),
                       struct error *err)
{
    struct target_group *group;
    struct target target = {0};
    if (elb_target(call, &target_group_kind, "TargetGroupArn", &group, err) < 0)
        return -1;
    size_t count = 0;
    while (call_parameter(call, "Targets.member.%zu.Id", count + 1))
        count++;
    forget_drained(group);
    if (group->target_count + count > MOST_TARGETS)
        return call_fail(call, err, 400, "TooManyTargets", "A target group has at most %d targets",
                         MOST_TARGETS);
    bool joining = text_equal(call->action, "RegisterTargets");
    for (size_t i = 1; joining && i <= count; i++)
        if (take_target(call, group, i, &target, err) < 0)
            return -1;
    for (size_t i = 1; i <= count; i++)
        if (take_target(call, group, i, &target, joining ? err : NULL) == 0)
            change(group, &target);
    account_changed(call->region, call->account);
    target_group_changed(call->region, group);
    return 0;
}

static void join(struct target_group *group, const struct target *target)
{
    size_t at = target_at(group, target);
    if (at < group->target_count) {
        group->targets[at].draining_until_ms = 0;
        return;
    }
    struct target *added = list_add(&group->targets, &group->target_count, sizeof *added);
    *added = (struct target){memory_strdup(target->id), target->port, 0};
}

/* What is in use drains as long as the group says. */
static void leave(struct target_group *group, const struct target *target)
{
    int64_t delay_s = 0;
    size_t at = target_at(group, target);
    if (at == group->target_count)
        return;
    text_number(group_attribute(group, "deregistration_delay.timeout_seconds"), 0, 3600, "delay", &delay_s,
                NULL);
    if (!delay_s || !target_group_used(group->resource.account, group->resource.id))
        list_remove(&target_record, &group->targets, &group->target_count, at);
    else if (!group->targets[at].draining_until_ms)
        group->targets[at].draining_until_ms = clock_now_ms() + delay_s * 1000;
}

int target_register(struct call *call, struct error *err)
{
    return each_target(call, join, err);
}

int target_deregister(struct call *call, struct error *err)
{
    return each_target(call, leave, err);
}

/* Why a target is not healthy, in ELB's words. */
static const struct target_reason reasons[] = {
    {"initial", "Elb.InitialHealthChecking", "Initial health checks in progress"},
    {"unhealthy", "Target.FailedHealthChecks", "Health checks failed"},
    {"draining", "Target.DeregistrationInProgress", "Target deregistration is in progress"},
    {"unused", "Target.NotInUse", "Target group is not configured to receive traffic from the load balancer"},
};
static const struct target_reason
    elsewhere = {"unused", "Target.NotInUse",
                 "Target is in an Availability Zone that is not enabled for the load balancer"},
    stopped = {"unused", "Target.InvalidState", "Target is in the stopped state"},
    terminated = {"unused", "Target.InvalidState", "Target is in the terminated state"},
    registering = {"initial", "Elb.RegistrationInProgress", "Target registration is in progress"};

static bool zone_enabled(const struct balancer *balancer, const char *zone)
{
    for (size_t i = 0; i < balancer->interface_count; i++) {
        const struct interface *interface = resource_find(
            balancer->resource.region, balancer->resource.account, &interface_kind, balancer->interfaces[i]);
        if (interface && text_equal(interface->zone, zone))
            return true;
    }
    return false;
}

const struct target_reason *target_reason(const struct balancer *balancer, const struct target_group *group,
                                          const struct target *target)
{
    struct region *region = group->resource.region;
    const struct instance *instance =
        resource_find(region, group->resource.account, &instance_kind, target->id);
    if (text_equal(group->target_type, "instance")) {
        if (!instance || instance->state == INSTANCE_TERMINATED || instance->state == INSTANCE_SHUTTING_DOWN)
            return &terminated;
        if (instance->state == INSTANCE_STOPPED || instance->state == INSTANCE_STOPPING)
            return &stopped;
    }
    const char *zone = target_zone(region, group->resource.account, group, target);
    return zone && !crosses_zones(balancer, group) && !zone_enabled(balancer, zone) ? &elsewhere : NULL;
}

static const struct balancer *balancer_of_group(const struct target_group *group)
{
    for_each_resource(struct listener, listener, group->resource.account, &listener_kind)
        if (text_equal(listener->group_arn, group->resource.id))
            return resource_find(group->resource.region, group->resource.account, &balancer_kind,
                                 listener->balancer_arn);
    return NULL;
}

static const struct target_reason *reason_of(const char *state)
{
    for (size_t i = 0; i < COUNT_OF(reasons); i++)
        if (text_equal(state, reasons[i].state))
            return &reasons[i];
    return NULL;
}

/* NULL: healthy. Without a plane nothing is there to be ill. */
static const struct target_reason *state_of(struct call *call, const struct target_group *group,
                                            const struct target *target)
{
    const struct balancer *balancer = balancer_of_group(group);
    if (target->draining_until_ms)
        return reason_of("draining");
    if (!balancer)
        return reason_of("unused");
    const struct target_reason *reason = target_reason(balancer, group, target);
    const char *address = target_address(call->region, call->account, group, target);
    if (reason || !call->region->plane)
        return reason;
    const char *state =
        address ? plane_target_health(call->region->plane, group->resource.id, address, (int)target->port)
                : "unused";
    return text_equal(state, "unused") ? &registering : reason_of(state);
}

static void put_health(struct call *call, const struct target_group *group, const struct target *target)
{
    struct buffer *out = &call->answer;
    const struct target_reason *reason = state_of(call, group, target);
    put_open(out, "member");
    put_open(out, "Target");
    put_text(out, "Id", target->id);
    put_number(out, "Port", target->port);
    put_close(out, "Target");
    put_text(out, "HealthCheckPort",
             text_equal(group->health_port, "traffic-port")
                 ? arena_format(call->arena, "%d", (int)target->port)
                 : group->health_port);
    put_open(out, "TargetHealth");
    put_text(out, "State", reason ? reason->state : "healthy");
    if (reason) {
        put_text(out, "Reason", reason->code);
        put_text(out, "Description", reason->description);
    }
    put_close(out, "TargetHealth");
    put_close(out, "member");
}

static void put_unregistered(struct call *call, const char *id, const char *port)
{
    struct buffer *out = &call->answer;
    put_open(out, "member");
    put_open(out, "Target");
    put_text(out, "Id", id);
    put_text(out, "Port", port);
    put_close(out, "Target");
    buffer_text(out,
                "<TargetHealth><State>unused</State><Reason>Target.NotRegistered</Reason>"
                "<Description>Target is not registered to the target group</Description></TargetHealth>");
    put_close(out, "member");
}

static void put_asked(struct call *call, const struct target_group *group, size_t number, const char *id)
{
    const char *port = call_parameter(call, "Targets.member.%zu.Port", number);
    size_t shown = 0;
    for (size_t i = 0; i < group->target_count; i++) {
        const struct target *target = &group->targets[i];
        if (!text_equal(target->id, id) ||
            (port && !text_equal(port, arena_format(call->arena, "%d", (int)target->port))))
            continue;
        put_health(call, group, target);
        shown++;
    }
    if (!shown)
        put_unregistered(call, id, port);
}

int target_describe_health(struct call *call, struct error *err)
{
    const char *arn, *id;
    if (call_required(call, "TargetGroupArn", &arn, err) < 0)
        return -1;
    struct target_group *group = resource_find(call->region, call->account, &target_group_kind, arn);
    if (!group)
        return elb_missing(call, &target_group_kind, arn, err);
    forget_drained(group);
    put_open(&call->answer, "TargetHealthDescriptions");
    for (size_t i = 1; (id = call_parameter(call, "Targets.member.%zu.Id", i)); i++)
        put_asked(call, group, i, id);
    for (size_t i = 0; !call_parameter(call, "Targets.member.1.Id") && i < group->target_count; i++)
        put_health(call, group, &group->targets[i]);
    put_close(&call->answer, "TargetHealthDescriptions");
    return 0;
}
