/* Every action of Elastic Load Balancing v2 that the region has. */
#include "localaws/elb/elb.h"

const struct kind *const elb_kinds[] = {&balancer_kind, &target_group_kind, &listener_kind, NULL};

static const struct action actions[] = {
    {"AddListenerCertificates", listener_add_certificates, true},
    {"AddTags", elb_add_tags, true},
    {"CreateListener", listener_create, true},
    {"CreateLoadBalancer", balancer_create, true},
    {"CreateTargetGroup", target_group_create, true},
    {"DeleteListener", listener_delete, true},
    {"DeleteLoadBalancer", balancer_delete, true},
    {"DeleteTargetGroup", target_group_delete, true},
    {"DeregisterTargets", target_deregister, true},
    {"DescribeAccountLimits", elb_describe_limits, false},
    {"DescribeCapacityReservation", balancer_capacity, false},
    {"DescribeListenerAttributes", listener_describe_attributes, false},
    {"DescribeListenerCertificates", listener_describe_certificates, false},
    {"DescribeListeners", listener_describe, false},
    {"DescribeLoadBalancerAttributes", balancer_describe_attributes, false},
    {"DescribeLoadBalancers", balancer_describe, false},
    {"DescribeSSLPolicies", ssl_policy_describe, false},
    {"DescribeTags", elb_describe_tags, false},
    {"DescribeTargetGroupAttributes", target_group_describe_attributes, false},
    {"DescribeTargetGroups", target_group_describe, false},
    {"DescribeTargetHealth", target_describe_health, false},
    {"ModifyListener", listener_modify, true},
    {"ModifyListenerAttributes", listener_modify_attributes, true},
    {"ModifyLoadBalancerAttributes", balancer_modify_attributes, true},
    {"ModifyTargetGroup", target_group_modify, true},
    {"ModifyTargetGroupAttributes", target_group_modify_attributes, true},
    {"RegisterTargets", target_register, true},
    {"RemoveListenerCertificates", listener_remove_certificates, true},
    {"RemoveTags", elb_remove_tags, true},
    {"SetIpAddressType", balancer_set_family, true},
    {"SetSecurityGroups", balancer_set_groups, true},
    {"SetSubnets", balancer_set_subnets, true},
    {NULL, NULL, false},
};

const struct service elb_service = {
    .name = "elasticloadbalancing",
    .iam_prefix = "elasticloadbalancing",
    .protocol = PROTOCOL_QUERY,
    .xml_namespace = "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/",
    .actions = actions,
};

const struct module elb_module = {
    .name = "elb",
    .slot = MODULE_ELB,
    .kinds = elb_kinds,
    .restored = balancers_restore,
};
