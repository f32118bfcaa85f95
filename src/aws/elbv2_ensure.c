/* Load balancers, target groups and listeners as they shall be, whatever is there: AWS takes the same
 * creation twice, but refuses one that differs in anything from what is there by that name. */
#include "aws/elbv2.h"

#include "base/text.h"

#include <string.h>

#define SERVICE "elasticloadbalancing"

static int call(struct aws_client *client, const char *action, const struct aws_parameters *parameters,
                struct arena *arena, xmlNode **answer, struct error *err)
{
    return aws_query_call(client, SERVICE, action, parameters, arena, answer, err);
}

static int add_tags(struct aws_client *client, struct arena *arena, const char *arn,
                    const struct aws_tag *tags, size_t count, struct error *err)
{
    struct aws_parameters parameters = {0};
    xmlNode *answer;
    if (count == 0)
        return 0;
    aws_parameter(arena, &parameters, arn, "ResourceArns.member.1");
    for (size_t i = 0; i < count; i++) {
        aws_parameter(arena, &parameters, tags[i].key, "Tags.member.%zu.Key", i + 1);
        aws_parameter(arena, &parameters, tags[i].value, "Tags.member.%zu.Value", i + 1);
    }
    return call(client, "AddTags", &parameters, arena, &answer, err);
}

int elb_set_attributes(struct aws_client *client, const char *arn, const struct aws_tag *attributes,
                       size_t count, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct aws_parameters parameters = {0};
    xmlNode *answer;
    bool group = strstr(arn, ":targetgroup/") != NULL;
    aws_parameter(arena, &parameters, arn, group ? "TargetGroupArn" : "LoadBalancerArn");
    for (size_t i = 0; i < count; i++) {
        aws_parameter(arena, &parameters, attributes[i].key, "Attributes.member.%zu.Key", i + 1);
        aws_parameter(arena, &parameters, attributes[i].value, "Attributes.member.%zu.Value", i + 1);
    }
    return call(client, group ? "ModifyTargetGroupAttributes" : "ModifyLoadBalancerAttributes", &parameters,
                arena, &answer, err);
}

static bool has_subnet(const struct elb_load_balancer *balancer, const char *subnet)
{
    for (size_t i = 0; i < balancer->subnet_count; i++)
        if (text_equal(balancer->subnet_ids[i], subnet))
            return true;
    return false;
}

static bool has_subnets(const struct elb_load_balancer *balancer, const struct elb_load_balancer_spec *spec)
{
    for (size_t i = 0; i < spec->subnet_count; i++)
        if (!has_subnet(balancer, spec->subnet_ids[i]))
            return false;
    return balancer->subnet_count == spec->subnet_count;
}

static int set_subnets(struct aws_client *client, struct arena *arena,
                       const struct elb_load_balancer *balancer, const struct elb_load_balancer_spec *spec,
                       struct error *err)
{
    struct aws_parameters parameters = {0};
    struct error refusal = {0};
    xmlNode *answer;
    aws_parameter(arena, &parameters, balancer->arn, "LoadBalancerArn");
    for (size_t i = 0; i < spec->subnet_count; i++)
        aws_parameter(arena, &parameters, spec->subnet_ids[i], "SubnetMappings.member.%zu.SubnetId", i + 1);
    if (call(client, "SetSubnets", &parameters, arena, &answer, &refusal) == 0 ||
        refusal.kind == ERROR_FORBIDDEN)
        return 0;
    if (err)
        *err = refusal;
    return -1;
}

int elb_ensure_load_balancer(struct aws_client *client, struct arena *arena,
                             const struct elb_load_balancer_spec *spec, struct elb_load_balancer *balancer,
                             struct error *err)
{
    struct error absence = {0};
    if (elb_describe_load_balancer(client, arena, spec->name, balancer, &absence) == 0) {
        if (!has_subnets(balancer, spec) && set_subnets(client, arena, balancer, spec, err) < 0)
            return -1;
        return add_tags(client, arena, balancer->arn, spec->tags, spec->tag_count, err);
    }
    if (absence.kind == ERROR_NOT_FOUND)
        return elb_create_load_balancer(client, arena, spec, balancer, err);
    if (err)
        *err = absence;
    return -1;
}

int elb_ensure_target_group(struct aws_client *client, struct arena *arena,
                            const struct elb_target_group_spec *spec, struct elb_target_group *group,
                            struct error *err)
{
    struct error absence = {0};
    if (elb_describe_target_group(client, arena, spec->name, group, &absence) == 0)
        return add_tags(client, arena, group->arn, spec->tags, spec->tag_count, err);
    if (absence.kind == ERROR_NOT_FOUND)
        return elb_create_target_group(client, arena, spec, group, err);
    if (err)
        *err = absence;
    return -1;
}

struct listener {
    const char *arn, *group_arn;
};

static int find_listener(struct aws_client *client, struct arena *arena, const char *load_balancer_arn,
                         const char *port, struct listener *listener, struct error *err)
{
    struct aws_parameters parameters = {0};
    xmlNode *answer;
    *listener = (struct listener){0};
    aws_parameter(arena, &parameters, load_balancer_arn, "LoadBalancerArn");
    if (call(client, "DescribeListeners", &parameters, arena, &answer, err) < 0)
        return -1;
    xmlNode *list = xml_first(xml_first(answer, NULL), "Listeners");
    for (xmlNode *member = xml_first(list, "member"); member; member = xml_next(member, "member"))
        if (text_equal(xml_child_content(arena, member, "Port"), port)) {
            xmlNode *action = xml_first(xml_first(member, "DefaultActions"), "member");
            *listener = (struct listener){xml_child_content(arena, member, "ListenerArn"),
                                          xml_child_content(arena, action, "TargetGroupArn")};
        }
    return 0;
}

int elb_ensure_listener(struct aws_client *client, struct arena *arena, const char *load_balancer_arn,
                        int port, const char *group_arn, const struct aws_tag *tags, size_t tag_count,
                        struct error *err)
{
    struct aws_parameters parameters = {0};
    struct listener present;
    xmlNode *answer;
    const char *port_text = arena_format(arena, "%d", port);
    if (find_listener(client, arena, load_balancer_arn, port_text, &present, err) < 0)
        return -1;
    if (present.arn && text_equal(present.group_arn, group_arn))
        return 0;
    aws_parameter(arena, &parameters, present.arn ? present.arn : load_balancer_arn,
                  present.arn ? "ListenerArn" : "LoadBalancerArn");
    aws_parameter(arena, &parameters, "TCP", "Protocol");
    aws_parameter(arena, &parameters, port_text, "Port");
    aws_parameter(arena, &parameters, "forward", "DefaultActions.member.1.Type");
    aws_parameter(arena, &parameters, group_arn, "DefaultActions.member.1.TargetGroupArn");
    for (size_t i = 0; !present.arn && i < tag_count; i++) {
        aws_parameter(arena, &parameters, tags[i].key, "Tags.member.%zu.Key", i + 1);
        aws_parameter(arena, &parameters, tags[i].value, "Tags.member.%zu.Value", i + 1);
    }
    return call(client, present.arn ? "ModifyListener" : "CreateListener", &parameters, arena, &answer, err);
}
