"""Public addresses, prefix lists, endpoints and routes as records: what is shown and what is refused."""
import botocore.exceptions
import pytest

from local_region import code_of, region  # noqa: F401
from test_ec2_network import by

BLOCK = "10.20.0.0/16"


@pytest.fixture(scope="module")
def ec2(region):
    return region.client("ec2")


@pytest.fixture(scope="module")
def vpc(ec2):
    made = ec2.create_vpc(CidrBlock=BLOCK, AmazonProvidedIpv6CidrBlock=True)["Vpc"]
    ec2.modify_vpc_attribute(VpcId=made["VpcId"], EnableDnsHostnames={"Value": True})
    return made["VpcId"]


@pytest.fixture(scope="module")
def gateway(ec2, vpc):
    made = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=made, VpcId=vpc)
    return made


@pytest.fixture(scope="module")
def subnet(ec2, vpc):
    return ec2.create_subnet(VpcId=vpc, CidrBlock="10.20.1.0/24")["Subnet"]["SubnetId"]


def refused(function, **arguments):
    with pytest.raises(botocore.exceptions.ClientError) as error:
        function(**arguments)
    return code_of(error)


def launch(region, ec2, **options):
    image, = ec2.describe_images(Filters=by("name", "sim"))["Images"]
    made, = ec2.run_instances(ImageId=image["ImageId"], MinCount=1, MaxCount=1, InstanceType="t4g.small", **options)["Instances"]
    return ec2.describe_instances(InstanceIds=[made["InstanceId"]])["Reservations"][0]["Instances"][0]


def shown(ec2, instance):
    return ec2.describe_instances(InstanceIds=[instance["InstanceId"]])["Reservations"][0]["Instances"][0]


def test_a_subnet_gives_public_addresses_when_it_says_so_and_the_launch_has_the_last_word(region, ec2, subnet, gateway):
    assert "PublicIpAddress" not in launch(region, ec2, SubnetId=subnet)
    ec2.modify_subnet_attribute(SubnetId=subnet, MapPublicIpOnLaunch={"Value": True})
    instance = launch(region, ec2, SubnetId=subnet)
    assert instance["PublicIpAddress"].startswith("198.18.")
    assert instance["PublicDnsName"] == f"ec2-{instance['PublicIpAddress'].replace('.', '-')}.compute-1.amazonaws.com"
    association = instance["NetworkInterfaces"][0]["Association"]
    assert association["PublicIp"] == instance["PublicIpAddress"] and association["IpOwnerId"] == "amazon"
    without = launch(region, ec2, NetworkInterfaces=[
        {"DeviceIndex": 0, "SubnetId": subnet, "AssociatePublicIpAddress": False}])
    assert "PublicIpAddress" not in without
    ec2.modify_subnet_attribute(SubnetId=subnet, MapPublicIpOnLaunch={"Value": False})


def test_an_address_of_its_own_ends_with_the_run_and_an_elastic_one_stays(region, ec2, subnet, gateway):
    instance = launch(region, ec2, NetworkInterfaces=[
        {"DeviceIndex": 0, "SubnetId": subnet, "AssociatePublicIpAddress": True}])
    first = instance["PublicIpAddress"]
    ec2.stop_instances(InstanceIds=[instance["InstanceId"]])
    assert "PublicIpAddress" not in shown(ec2, instance)
    ec2.start_instances(InstanceIds=[instance["InstanceId"]])
    assert shown(ec2, instance)["PublicIpAddress"] != first
    elastic = ec2.allocate_address(Domain="vpc")
    ec2.associate_address(AllocationId=elastic["AllocationId"], InstanceId=instance["InstanceId"])
    assert shown(ec2, instance)["PublicIpAddress"] == elastic["PublicIp"]
    ec2.stop_instances(InstanceIds=[instance["InstanceId"]])
    assert shown(ec2, instance)["PublicIpAddress"] == elastic["PublicIp"]
    ec2.terminate_instances(InstanceIds=[instance["InstanceId"]])
    address, = ec2.describe_addresses(AllocationIds=[elastic["AllocationId"]])["Addresses"]
    assert "AssociationId" not in address
    ec2.release_address(AllocationId=elastic["AllocationId"])


def test_an_elastic_address_moves_unless_it_is_told_to_stay(region, ec2, subnet, gateway):
    one, two = launch(region, ec2, SubnetId=subnet), launch(region, ec2, SubnetId=subnet)
    elastic = ec2.allocate_address(Domain="vpc")
    ec2.associate_address(AllocationId=elastic["AllocationId"], InstanceId=one["InstanceId"])
    assert refused(ec2.associate_address, AllocationId=elastic["AllocationId"], InstanceId=two["InstanceId"],
                   AllowReassociation=False) == "Resource.AlreadyAssociated"
    ec2.associate_address(AllocationId=elastic["AllocationId"], InstanceId=two["InstanceId"])
    assert "PublicIpAddress" not in shown(ec2, one)
    assert shown(ec2, two)["PublicIpAddress"] == elastic["PublicIp"]
    assert refused(ec2.release_address, AllocationId=elastic["AllocationId"]) == "InvalidIPAddress.InUse"
    ec2.terminate_instances(InstanceIds=[one["InstanceId"], two["InstanceId"]])
    ec2.release_address(AllocationId=elastic["AllocationId"])


def test_an_elastic_address_needs_a_gateway_to_stand_behind(region, ec2):
    vpc = ec2.create_vpc(CidrBlock="10.21.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.21.1.0/24")["Subnet"]["SubnetId"]
    interface = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
    elastic = ec2.allocate_address(Domain="vpc")
    assert refused(ec2.associate_address, AllocationId=elastic["AllocationId"],
                   NetworkInterfaceId=interface) == "Gateway.NotAttached"
    ec2.release_address(AllocationId=elastic["AllocationId"])


def table_of(ec2, vpc):
    return ec2.describe_route_tables(Filters=by("vpc-id", vpc))["RouteTables"][0]


def routes_of(ec2, vpc):
    return {route.get("DestinationCidrBlock") or route.get("DestinationIpv6CidrBlock") or route["DestinationPrefixListId"]: route
            for route in table_of(ec2, vpc)["Routes"]}


def test_a_route_whose_target_goes_away_is_a_black_hole(ec2):
    vpc = ec2.create_vpc(CidrBlock="10.22.0.0/16")["Vpc"]["VpcId"]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    ec2.create_route(RouteTableId=table_of(ec2, vpc)["RouteTableId"], DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    assert routes_of(ec2, vpc)["0.0.0.0/0"]["State"] == "active"
    ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    assert routes_of(ec2, vpc)["0.0.0.0/0"]["State"] == "blackhole"


def test_a_vpc_has_further_blocks_for_subnets_and_routes(ec2):
    vpc = ec2.create_vpc(CidrBlock="10.23.0.0/16")["Vpc"]["VpcId"]
    assert refused(ec2.create_subnet, VpcId=vpc, CidrBlock="10.24.1.0/24") == "InvalidSubnet.Range"
    assert refused(ec2.associate_vpc_cidr_block, VpcId=vpc, CidrBlock="10.23.128.0/17") == "InvalidVpc.Conflict"
    made = ec2.associate_vpc_cidr_block(VpcId=vpc, CidrBlock="10.24.0.0/16")["CidrBlockAssociation"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.24.1.0/24")["Subnet"]["SubnetId"]
    assert set(routes_of(ec2, vpc)) == {"10.23.0.0/16", "10.24.0.0/16"}
    blocks, = ec2.describe_vpcs(Filters=by("cidr-block-association.cidr-block", "10.24.0.0/16"))["Vpcs"]
    assert [block["CidrBlock"] for block in blocks["CidrBlockAssociationSet"]] == ["10.23.0.0/16", "10.24.0.0/16"]
    assert refused(ec2.disassociate_vpc_cidr_block, AssociationId=made["AssociationId"]) == "InvalidCidrBlock.InUse"
    ec2.delete_subnet(SubnetId=subnet)
    ec2.disassociate_vpc_cidr_block(AssociationId=made["AssociationId"])
    assert set(routes_of(ec2, vpc)) == {"10.23.0.0/16"}


def test_a_prefix_list_changes_by_versions_and_stays_while_it_is_used(ec2, vpc):
    made = ec2.create_managed_prefix_list(PrefixListName="offices", MaxEntries=3, AddressFamily="IPv4", Entries=[
        {"Cidr": "203.0.113.0/24", "Description": "one"}, {"Cidr": "198.51.100.7/32"}])["PrefixList"]
    list_id = made["PrefixListId"]
    assert made["Version"] == 1 and made["State"] == "create-complete"
    changed = ec2.modify_managed_prefix_list(PrefixListId=list_id, CurrentVersion=1, AddEntries=[{"Cidr": "192.0.2.0/24"}],
                                             RemoveEntries=[{"Cidr": "198.51.100.7/32"}])["PrefixList"]
    assert changed["Version"] == 2
    assert refused(ec2.modify_managed_prefix_list, PrefixListId=list_id, CurrentVersion=1,
                   AddEntries=[{"Cidr": "192.0.3.0/24"}]) == "PrefixListVersionMismatch"
    assert refused(ec2.modify_managed_prefix_list, PrefixListId=list_id, CurrentVersion=2, AddEntries=[
        {"Cidr": "192.0.4.0/24"}, {"Cidr": "192.0.5.0/24"}]) == "PrefixListMaxEntriesExceeded"
    entries = ec2.get_managed_prefix_list_entries(PrefixListId=list_id)["Entries"]
    assert [entry["Cidr"] for entry in entries] == ["203.0.113.0/24", "192.0.2.0/24"]
    group = ec2.create_security_group(GroupName="offices", Description="x", VpcId=vpc)["GroupId"]
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[
        {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "PrefixListIds": [{"PrefixListId": list_id}]}])
    assert refused(ec2.delete_managed_prefix_list, PrefixListId=list_id) == "DependencyViolation"
    users = ec2.get_managed_prefix_list_associations(PrefixListId=list_id)["PrefixListAssociations"]
    assert [user["ResourceId"] for user in users] == [group]
    ec2.delete_security_group(GroupId=group)
    ec2.delete_managed_prefix_list(PrefixListId=list_id)


def test_aws_has_prefix_lists_of_its_own(ec2):
    names = {one["PrefixListName"]: one for one in ec2.describe_managed_prefix_lists()["PrefixLists"]}
    s3 = names["com.amazonaws.us-east-1.s3"]
    assert s3["OwnerId"] == "AWS" and s3["PrefixListArn"].startswith("arn:aws:ec2:us-east-1:aws:prefix-list/pl-")
    assert ec2.get_managed_prefix_list_entries(PrefixListId=s3["PrefixListId"])["Entries"][0]["Cidr"] == "198.19.255.0/24"
    pages = [page["PrefixLists"] for page in ec2.get_paginator("describe_managed_prefix_lists").paginate(
        PaginationConfig={"PageSize": 1})]
    assert len(pages) == len(names)
    assert refused(ec2.describe_managed_prefix_lists, PrefixListIds=["pl-0"]) == "InvalidPrefixListID.NotFound"


def test_a_gateway_endpoint_is_a_route_in_its_tables(ec2, vpc):
    table = table_of(ec2, vpc)["RouteTableId"]
    endpoint = ec2.create_vpc_endpoint(VpcId=vpc, ServiceName="com.amazonaws.us-east-1.s3",
                                       RouteTableIds=[table])["VpcEndpoint"]["VpcEndpointId"]
    assert routes_of(ec2, vpc)["pl-63a5400a"]["GatewayId"] == endpoint
    assert refused(ec2.create_vpc_endpoint, VpcId=vpc, ServiceName="com.amazonaws.us-east-1.s3",
                   RouteTableIds=[table]) == "RouteAlreadyExists"
    ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, RemoveRouteTableIds=[table])
    assert "pl-63a5400a" not in routes_of(ec2, vpc)
    ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint])


def test_an_interface_endpoint_has_an_interface_in_each_subnet_and_its_names_are_its_vpcs_alone(ec2, vpc, subnet):
    name = "com.amazonaws.us-east-1.ssm"
    other = ec2.create_subnet(VpcId=vpc, CidrBlock="10.20.9.0/24", AvailabilityZone="us-east-1b")["Subnet"]["SubnetId"]
    endpoint = ec2.create_vpc_endpoint(VpcId=vpc, VpcEndpointType="Interface", ServiceName=name,
                                       SubnetIds=[subnet])["VpcEndpoint"]
    assert endpoint["PrivateDnsEnabled"] and "ssm.us-east-1.amazonaws.com" in [e["DnsName"] for e in endpoint["DnsEntries"]]
    assert refused(ec2.create_vpc_endpoint, VpcId=vpc, VpcEndpointType="Interface", ServiceName=name,
                   SubnetIds=[subnet]) == "InvalidParameter"
    group = ec2.create_security_group(GroupName="endpoint", Description="x", VpcId=vpc)["GroupId"]
    ec2.modify_vpc_endpoint(VpcEndpointId=endpoint["VpcEndpointId"], AddSubnetIds=[other], AddSecurityGroupIds=[group])
    shown, = ec2.describe_vpc_endpoints(VpcEndpointIds=[endpoint["VpcEndpointId"]])["VpcEndpoints"]
    interfaces = ec2.describe_network_interfaces(NetworkInterfaceIds=shown["NetworkInterfaceIds"])["NetworkInterfaces"]
    assert {i["SubnetId"] for i in interfaces} == {subnet, other}
    assert all(group in [g["GroupId"] for g in i["Groups"]] for i in interfaces)
    ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint["VpcEndpointId"]])
    assert ec2.describe_network_interfaces(Filters=by("interface-type", "vpc_endpoint"))["NetworkInterfaces"] == []


def test_the_services_that_endpoints_lead_to_are_listed(ec2):
    every = ec2.describe_vpc_endpoint_services()
    assert {f"com.amazonaws.us-east-1.{word}" for word in ("s3", "ecr.api", "ecr.dkr", "ssm", "ssmmessages", "ec2messages",
                                                           "sts")} <= set(every["ServiceNames"])
    s3 = ec2.describe_vpc_endpoint_services(ServiceNames=["com.amazonaws.us-east-1.s3"])["ServiceDetails"]
    assert {detail["ServiceType"][0]["ServiceType"] for detail in s3} == {"Gateway", "Interface"}
    assert refused(ec2.describe_vpc_endpoint_services, ServiceNames=["com.amazonaws.us-east-1.nothing"]) == "InvalidServiceName"


def test_a_rule_keeps_its_id_while_what_it_says_changes(ec2, vpc):
    group = ec2.create_security_group(GroupName="changing", Description="x", VpcId=vpc)["GroupId"]
    made, = ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[
        {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}])["SecurityGroupRules"]
    id = made["SecurityGroupRuleId"]
    ec2.modify_security_group_rules(GroupId=group, SecurityGroupRules=[{"SecurityGroupRuleId": id, "SecurityGroupRule": {
        "IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "ReferencedGroupId": group, "Description": "us"}}])
    rule, = ec2.describe_security_group_rules(SecurityGroupRuleIds=[id])["SecurityGroupRules"]
    assert rule["FromPort"] == 443 and rule["ReferencedGroupInfo"]["GroupId"] == group and "CidrIpv4" not in rule
    assert refused(ec2.modify_security_group_rules, GroupId=group, SecurityGroupRules=[
        {"SecurityGroupRuleId": "sgr-0", "SecurityGroupRule": {"IpProtocol": "-1", "CidrIpv4": "0.0.0.0/0"}}]) \
        == "InvalidSecurityGroupRuleId.NotFound"
    twice = {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1, "IpRanges": [{"CidrIp": "10.0.0.0/8"}, {"CidrIp": "10.0.0.0/8"}]}
    assert refused(ec2.authorize_security_group_ingress, GroupId=group, IpPermissions=[twice]) == "InvalidParameterValue"
    ec2.delete_security_group(GroupId=group)


def test_an_interface_is_attached_beside_the_first_and_detached_again(region, ec2, vpc, subnet):
    instance = launch(region, ec2, SubnetId=subnet)
    interface = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
    attach = dict(NetworkInterfaceId=interface, InstanceId=instance["InstanceId"])
    assert refused(ec2.attach_network_interface, DeviceIndex=0, **attach) == "InvalidParameterValue"
    attachment = ec2.attach_network_interface(DeviceIndex=1, **attach)["AttachmentId"]
    assert [i["Attachment"]["DeviceIndex"] for i in shown(ec2, instance)["NetworkInterfaces"]] == [0, 1]
    assert ec2.describe_network_interface_attribute(NetworkInterfaceId=interface, Attribute="attachment")[
        "Attachment"]["InstanceId"] == instance["InstanceId"]
    first = shown(ec2, instance)["NetworkInterfaces"][0]["Attachment"]["AttachmentId"]
    assert refused(ec2.detach_network_interface, AttachmentId=first) == "OperationNotPermitted"
    ec2.detach_network_interface(AttachmentId=attachment)
    assert len(shown(ec2, instance)["NetworkInterfaces"]) == 1
    more = ec2.assign_private_ip_addresses(NetworkInterfaceId=interface, SecondaryPrivateIpAddressCount=1)
    address = more["AssignedPrivateIpAddresses"][0]["PrivateIpAddress"]
    ec2.unassign_private_ip_addresses(NetworkInterfaceId=interface, PrivateIpAddresses=[address])
    ec2.delete_network_interface(NetworkInterfaceId=interface)
    ec2.terminate_instances(InstanceIds=[instance["InstanceId"]])
