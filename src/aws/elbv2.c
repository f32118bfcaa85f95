#include "aws/elbv2.h"

#include "base/text.h"

#define SERVICE "elasticloadbalancing"

enum { CHECK_INTERVAL_S = 10 };

/* <XxxResponse><XxxResult><list><member>: the first member's node. */
static xmlNode *list_of(xmlNode *answer, const char *list)
{
    return xml_first(xml_first(answer, NULL), list);
}

static size_t count_members(xmlNode *list)
{
    size_t count = 0;
    for (xmlNode *member = xml_first(list, "member"); member; member = xml_next(member, "member"))
        count++;
    return count;
}

static int call(struct aws_client *client, const char *action, const struct aws_parameters *parameters,
                struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    xmlNode *answer;
    return aws_query_call(client, SERVICE, action, parameters, arena, &answer, err);
}

static void add_tags(struct arena *arena, struct aws_parameters *parameters, const struct aws_tag *tags,
                     size_t count)
{
    for (size_t i = 0; i < count; i++) {
        aws_parameter(arena, parameters, tags[i].key, "Tags.member.%zu.Key", i + 1);
        aws_parameter(arena, parameters, tags[i].value, "Tags.member.%zu.Value", i + 1);
    }
}

static int missing(struct error *err, const char *action)
{
    return error_set(err, ERROR_UNAVAILABLE, SERVICE " %s: the answer lacks what was asked for", action);
}

/* Load balancers */

static int read_balancer(struct arena *arena, xmlNode *answer, const char *action,
                         struct elb_load_balancer *balancer, struct error *err)
{
    xmlNode *member = xml_first(list_of(answer, "LoadBalancers"), "member");
    xmlNode *zones = xml_first(member, "AvailabilityZones");
    *balancer = (struct elb_load_balancer){
        .arn = xml_child_content(arena, member, "LoadBalancerArn"),
        .name = xml_child_content(arena, member, "LoadBalancerName"),
        .dns_name = xml_child_content(arena, member, "DNSName"),
        .state = xml_child_content(arena, xml_first(member, "State"), "Code"),
        .vpc_id = xml_child_content(arena, member, "VpcId"),
        .hosted_zone = xml_child_content(arena, member, "CanonicalHostedZoneId"),
        .subnet_ids = arena_alloc(arena, count_members(zones) * sizeof *balancer->subnet_ids),
    };
    for (xmlNode *zone = xml_first(zones, "member"); zone; zone = xml_next(zone, "member"))
        balancer->subnet_ids[balancer->subnet_count++] = xml_child_content(arena, zone, "SubnetId");
    return text_empty(balancer->arn) ? missing(err, action) : 0;
}

int elb_create_load_balancer(struct aws_client *client, struct arena *arena,
                             const struct elb_load_balancer_spec *spec, struct elb_load_balancer *balancer,
                             struct error *err)
{
    struct aws_parameters parameters = {0};
    xmlNode *answer;
    aws_parameter(arena, &parameters, spec->name, "Name");
    aws_parameter(arena, &parameters, "network", "Type");
    aws_parameter(arena, &parameters, spec->internet_facing ? "internet-facing" : "internal", "Scheme");
    aws_parameter(arena, &parameters, "dualstack", "IpAddressType");
    for (size_t i = 0; i < spec->subnet_count; i++)
        aws_parameter(arena, &parameters, spec->subnet_ids[i], "SubnetMappings.member.%zu.SubnetId", i + 1);
    add_tags(arena, &parameters, spec->tags, spec->tag_count);
    if (aws_query_call(client, SERVICE, "CreateLoadBalancer", &parameters, arena, &answer, err) < 0)
        return -1;
    return read_balancer(arena, answer, "CreateLoadBalancer", balancer, err);
}

int elb_describe_load_balancer(struct aws_client *client, struct arena *arena, const char *name,
                               struct elb_load_balancer *balancer, struct error *err)
{
    struct aws_parameters parameters = {0};
    xmlNode *answer;
    aws_parameter(arena, &parameters, name, "Names.member.1");
    if (aws_query_call(client, SERVICE, "DescribeLoadBalancers", &parameters, arena, &answer, err) < 0)
        return -1;
    return read_balancer(arena, answer, "DescribeLoadBalancers", balancer, err);
}

int elb_delete_load_balancer(struct aws_client *client, const char *arn, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct aws_parameters parameters = {0};
    aws_parameter(arena, &parameters, arn, "LoadBalancerArn");
    return call(client, "DeleteLoadBalancer", &parameters, err);
}

/* Target groups */

static int read_group(struct arena *arena, xmlNode *answer, const char *action,
                      struct elb_target_group *group, struct error *err)
{
    xmlNode *member = xml_first(list_of(answer, "TargetGroups"), "member");
    group->arn = xml_child_content(arena, member, "TargetGroupArn");
    group->name = xml_child_content(arena, member, "TargetGroupName");
    return text_empty(group->arn) ? missing(err, action) : 0;
}

int elb_create_target_group(struct aws_client *client, struct arena *arena,
                            const struct elb_target_group_spec *spec, struct elb_target_group *group,
                            struct error *err)
{
    struct aws_parameters parameters = {0};
    xmlNode *answer;
    aws_parameter(arena, &parameters, spec->name, "Name");
    aws_parameter(arena, &parameters, "TCP", "Protocol");
    aws_parameter(arena, &parameters, arena_format(arena, "%d", spec->port), "Port");
    aws_parameter(arena, &parameters, spec->vpc_id, "VpcId");
    aws_parameter(arena, &parameters, "ip", "TargetType");
    aws_parameter(arena, &parameters, spec->ipv6 ? "ipv6" : "ipv4", "IpAddressType");
    aws_parameter(arena, &parameters, "TCP", "HealthCheckProtocol");
    aws_parameter(arena, &parameters,
                  arena_format(arena, "%d", spec->health_port ? spec->health_port : spec->port),
                  "HealthCheckPort");
    aws_parameter(arena, &parameters, arena_format(arena, "%d", CHECK_INTERVAL_S),
                  "HealthCheckIntervalSeconds");
    aws_parameter(arena, &parameters, "2", "HealthyThresholdCount");
    aws_parameter(arena, &parameters, "2", "UnhealthyThresholdCount");
    add_tags(arena, &parameters, spec->tags, spec->tag_count);
    if (aws_query_call(client, SERVICE, "CreateTargetGroup", &parameters, arena, &answer, err) < 0)
        return -1;
    return read_group(arena, answer, "CreateTargetGroup", group, err);
}

int elb_describe_target_group(struct aws_client *client, struct arena *arena, const char *name,
                              struct elb_target_group *group, struct error *err)
{
    struct aws_parameters parameters = {0};
    xmlNode *answer;
    aws_parameter(arena, &parameters, name, "Names.member.1");
    if (aws_query_call(client, SERVICE, "DescribeTargetGroups", &parameters, arena, &answer, err) < 0)
        return -1;
    return read_group(arena, answer, "DescribeTargetGroups", group, err);
}

int elb_delete_target_group(struct aws_client *client, const char *arn, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct aws_parameters parameters = {0};
    aws_parameter(arena, &parameters, arn, "TargetGroupArn");
    return call(client, "DeleteTargetGroup", &parameters, err);
}

static int change_targets(struct aws_client *client, const char *action, const char *group_arn,
                          const struct elb_target *targets, size_t count, struct error *err)
{
    if (!count)
        return 0; /* AWS refuses an empty list */
    cleanup(arena_free) struct arena *arena = arena_new();
    struct aws_parameters parameters = {0};
    aws_parameter(arena, &parameters, group_arn, "TargetGroupArn");
    for (size_t i = 0; i < count; i++) {
        aws_parameter(arena, &parameters, targets[i].id, "Targets.member.%zu.Id", i + 1);
        aws_parameter(arena, &parameters, arena_format(arena, "%d", targets[i].port),
                      "Targets.member.%zu.Port", i + 1);
    }
    return call(client, action, &parameters, err);
}

int elb_register_targets(struct aws_client *client, const char *group_arn, const struct elb_target *targets,
                         size_t count, struct error *err)
{
    return change_targets(client, "RegisterTargets", group_arn, targets, count, err);
}

int elb_deregister_targets(struct aws_client *client, const char *group_arn, const struct elb_target *targets,
                           size_t count, struct error *err)
{
    return change_targets(client, "DeregisterTargets", group_arn, targets, count, err);
}

static int read_health(struct arena *arena, xmlNode *member, struct elb_target *target, struct error *err)
{
    xmlNode *who = xml_first(member, "Target"), *health = xml_first(member, "TargetHealth");
    const char *port = xml_child_content(arena, who, "Port");
    int64_t number = 0;
    *target = (struct elb_target){
        .id = xml_child_content(arena, who, "Id"),
        .state = xml_child_content(arena, health, "State"),
        .reason = xml_child_content(arena, health, "Reason"),
    };
    if (!target->id || !target->state || !port ||
        text_number(port, 1, 65535, "a target's port", &number, NULL) < 0)
        return missing(err, "DescribeTargetHealth");
    target->port = (int)number;
    return 0;
}

int elb_target_health(struct aws_client *client, struct arena *arena, const char *group_arn,
                      struct elb_target **targets, size_t *count, struct error *err)
{
    struct aws_parameters parameters = {0};
    xmlNode *answer;
    aws_parameter(arena, &parameters, group_arn, "TargetGroupArn");
    if (aws_query_call(client, SERVICE, "DescribeTargetHealth", &parameters, arena, &answer, err) < 0)
        return -1;
    xmlNode *list = list_of(answer, "TargetHealthDescriptions");
    *targets = arena_alloc(arena, sizeof(**targets) * count_members(list));
    *count = 0;
    for (xmlNode *member = xml_first(list, "member"); member; member = xml_next(member, "member"))
        if (read_health(arena, member, &(*targets)[(*count)++], err) < 0)
            return -1;
    return 0;
}
