/* Every EC2 action that the region has. Those that change something authorize themselves, on the resources
 * they touch. */
#include "localaws/ec2.h"
#include "localaws/ec2_plane.h"

const struct kind *const ec2_kinds[] = {
    &vpc_kind,
    &subnet_kind,
    &route_table_kind,
    &acl_kind,
    &group_kind,
    &internet_gateway_kind,
    &egress_gateway_kind,
    &elastic_address_kind,
    &nat_gateway_kind,
    &endpoint_kind,
    &interface_kind,
    &volume_kind,
    &instance_kind,
    NULL,
};

static const struct action actions[] = {
    {"AllocateAddress", address_allocate, true},
    {"AssignIpv6Addresses", interface_assign_ipv6, true},
    {"AssignPrivateIpAddresses", interface_assign_private, true},
    {"AssociateAddress", address_associate, true},
    {"AssociateRouteTable", route_table_associate, true},
    {"AssociateSubnetCidrBlock", subnet_associate_cidr, true},
    {"AssociateVpcCidrBlock", vpc_associate_cidr, true},
    {"AttachInternetGateway", internet_gateway_attach, true},
    {"AttachVolume", volume_attach, true},
    {"AuthorizeSecurityGroupEgress", group_authorize_egress, true},
    {"AuthorizeSecurityGroupIngress", group_authorize_ingress, true},
    {"CreateEgressOnlyInternetGateway", egress_gateway_create, true},
    {"CreateInternetGateway", internet_gateway_create, true},
    {"CreateNatGateway", nat_gateway_create, true},
    {"CreateNetworkAcl", acl_create, true},
    {"CreateNetworkAclEntry", acl_entry_create, true},
    {"CreateNetworkInterface", interface_create_action, true},
    {"CreateRoute", route_create, true},
    {"CreateRouteTable", route_table_create, true},
    {"CreateSecurityGroup", group_create, true},
    {"CreateSubnet", subnet_create, true},
    {"CreateTags", tags_create, true},
    {"CreateVolume", volume_create, true},
    {"CreateVpc", vpc_create, true},
    {"CreateVpcEndpoint", endpoint_create, true},
    {"DeleteEgressOnlyInternetGateway", egress_gateway_delete, true},
    {"DeleteInternetGateway", internet_gateway_delete, true},
    {"DeleteNatGateway", nat_gateway_delete, true},
    {"DeleteNetworkAcl", acl_delete, true},
    {"DeleteNetworkAclEntry", acl_entry_delete, true},
    {"DeleteNetworkInterface", interface_delete, true},
    {"DeleteRoute", route_delete, true},
    {"DeleteRouteTable", route_table_delete, true},
    {"DeleteSecurityGroup", group_delete, true},
    {"DeleteSubnet", subnet_delete, true},
    {"DeleteTags", tags_delete, true},
    {"DeleteVolume", volume_delete, true},
    {"DeleteVpc", vpc_delete, true},
    {"DeleteVpcEndpoints", endpoint_delete, true},
    {"DescribeAccountAttributes", account_describe_attributes, false},
    {"DescribeAddresses", address_describe, false},
    {"DescribeAddressesAttribute", address_describe_attribute, false},
    {"DescribeAvailabilityZones", zone_describe, false},
    {"DescribeEgressOnlyInternetGateways", egress_gateway_describe, false},
    {"DescribeIamInstanceProfileAssociations", instance_describe_profiles, false},
    {"DescribeImages", image_describe, false},
    {"DescribeInstanceAttribute", instance_describe_attribute, false},
    {"DescribeInstanceCreditSpecifications", instance_describe_credits, false},
    {"DescribeInstanceStatus", instance_describe_status, false},
    {"DescribeInstanceTypeOfferings", instance_type_offerings, false},
    {"DescribeInstanceTypes", instance_type_describe, false},
    {"DescribeInstances", instance_describe, false},
    {"DescribeInternetGateways", internet_gateway_describe, false},
    {"DescribeManagedPrefixLists", prefix_list_describe_managed, false},
    {"DescribeNatGateways", nat_gateway_describe, false},
    {"DescribeNetworkAcls", acl_describe, false},
    {"DescribeNetworkInterfaces", interface_describe, false},
    {"DescribePrefixLists", prefix_list_describe, false},
    {"DescribeRegions", region_describe, false},
    {"DescribeRouteTables", route_table_describe, false},
    {"DescribeSecurityGroupRules", group_describe_rules, false},
    {"DescribeSecurityGroups", group_describe, false},
    {"DescribeSubnets", subnet_describe, false},
    {"DescribeTags", tags_describe, false},
    {"DescribeVolumeAttribute", volume_describe_attribute, false},
    {"DescribeVolumes", volume_describe, false},
    {"DescribeVolumesModifications", volume_describe_modifications, false},
    {"DescribeVpcAttribute", vpc_describe_attribute, false},
    {"DescribeVpcEndpoints", endpoint_describe, false},
    {"DescribeVpcs", vpc_describe, false},
    {"DetachInternetGateway", internet_gateway_detach, true},
    {"DetachVolume", volume_detach, true},
    {"DisassociateAddress", address_disassociate, true},
    {"DisassociateRouteTable", route_table_disassociate, true},
    {"DisassociateSubnetCidrBlock", subnet_disassociate_cidr, true},
    {"DisassociateVpcCidrBlock", vpc_disassociate_cidr, true},
    {"GetConsoleOutput", instance_console, false},
    {"GetInstanceUefiData", instance_uefi_data, false},
    {"ModifyInstanceAttribute", instance_modify_attribute, true},
    {"ModifyInstanceMetadataOptions", instance_modify_metadata_options, true},
    {"ModifyNetworkInterfaceAttribute", interface_modify_attribute, true},
    {"ModifySubnetAttribute", subnet_modify_attribute, true},
    {"ModifyVpcAttribute", vpc_modify_attribute, true},
    {"ModifyVpcEndpoint", endpoint_modify, true},
    {"RebootInstances", instance_reboot, true},
    {"ReleaseAddress", address_release, true},
    {"ReplaceNetworkAclAssociation", acl_replace_association, true},
    {"ReplaceNetworkAclEntry", acl_entry_replace, true},
    {"ReplaceRoute", route_replace, true},
    {"ReplaceRouteTableAssociation", route_table_replace_association, true},
    {"RevokeSecurityGroupEgress", group_revoke_egress, true},
    {"RevokeSecurityGroupIngress", group_revoke_ingress, true},
    {"RunInstances", instance_run, true},
    {"StartInstances", instance_start, true},
    {"StopInstances", instance_stop, true},
    {"TerminateInstances", instance_terminate, true},
    {"UnassignIpv6Addresses", interface_unassign_ipv6, true},
    {"UpdateSecurityGroupRuleDescriptionsEgress", group_update_descriptions, true},
    {"UpdateSecurityGroupRuleDescriptionsIngress", group_update_descriptions, true},
    {NULL, NULL, false},
};

const struct service ec2_service = {
    .name = "ec2",
    .iam_prefix = "ec2",
    .protocol = PROTOCOL_EC2,
    .xml_namespace = "http://ec2.amazonaws.com/doc/2016-11-15/",
    .actions = actions,
};

static void account_created(struct region *region, struct account *account)
{
    (void)region;
    (void)account; /* tables are made when first looked at */
}

static json_t *save(struct region *region, struct account *account)
{
    (void)region;
    return kinds_save(account, ec2_kinds);
}

static int restore(struct region *region, struct account *account, json_t *state, struct error *err)
{
    return kinds_restore(region, account, ec2_kinds, state, err);
}

const struct module ec2_module = {
    .name = "ec2",
    .slot = MODULE_EC2,
    .account_created = account_created,
    .save = save,
    .restore = restore,
    .restored = plane_restore,
};
