/* Targets of a target group: registering, taking out, and how they are. */
#include "localaws/ec2/cidr.h"
#include "localaws/elb/elb.h"

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

static int each_target(struct call *call,
                       void (*change)(struct target_group *group, const struct target *target),
                       struct error *err)
{
    struct target_group *group;
    struct target target;
    if (elb_target(call, &target_group_kind, "TargetGroupArn", &group, err) < 0)
        return -1;
    size_t count = 0;
    while (call_parameter(call, "Targets.member.%zu.Id", count + 1))
        count++;
    if (room_check(call, "targets", group->target_count + count, MOST_TARGETS, err) < 0)
        return -1;
    bool joining = text_equal(call->action, "RegisterTargets");
    for (size_t i = 1; joining && i <= count; i++)
        if (take_target(call, group, i, &target, err) < 0)
            return -1;
    for (size_t i = 1; i <= count; i++)
        if (take_target(call, group, i, &target, joining ? err : NULL) == 0)
            change(group, &target);
    region_changed(call->region);
    target_group_changed(call->region, group);
    return 0;
}

static void join(struct target_group *group, const struct target *target)
{
    if (target_at(group, target) < group->target_count)
        return;
    struct target *added = list_add(&group->targets, &group->target_count, sizeof *added);
    *added = (struct target){memory_strdup(target->id), target->port};
}

static void leave(struct target_group *group, const struct target *target)
{
    size_t at = target_at(group, target);
    if (at < group->target_count)
        list_remove(&target_record, &group->targets, &group->target_count, at);
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
static const struct reason {
    const char *state, *code, *description;
} reasons[] = {
    {"initial", "Elb.InitialHealthChecking", "Initial health checks in progress"},
    {"unhealthy", "Target.FailedHealthChecks", "Health checks failed"},
    {"unused", "Target.NotInUse", "Target group is not configured to receive traffic from the load balancer"},
};

static const char *state_of(struct call *call, const struct target_group *group, const struct target *target)
{
    const char *address = target_address(call->region, call->account, group, target);
    if (!target_group_used(call->account, group->resource.id))
        return "unused";
    if (!call->region->plane)
        return "healthy"; /* records only: nothing is there to be ill */
    return address ? plane_target_health(call->region->plane, group->resource.id, address, (int)target->port)
                   : "unused";
}

static void put_health(struct call *call, const struct target_group *group, const struct target *target)
{
    struct buffer *out = &call->answer;
    const char *state = state_of(call, group, target);
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
    put_text(out, "State", state);
    for (size_t i = 0; i < COUNT_OF(reasons); i++)
        if (text_equal(state, reasons[i].state)) {
            put_text(out, "Reason", reasons[i].code);
            put_text(out, "Description", reasons[i].description);
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
    put_open(&call->answer, "TargetHealthDescriptions");
    for (size_t i = 1; (id = call_parameter(call, "Targets.member.%zu.Id", i)); i++)
        put_asked(call, group, i, id);
    for (size_t i = 0; !call_parameter(call, "Targets.member.1.Id") && i < group->target_count; i++)
        put_health(call, group, &group->targets[i]);
    put_close(&call->answer, "TargetHealthDescriptions");
    return 0;
}
