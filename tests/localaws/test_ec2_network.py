"""VPCs and what is in them, as boto3 sees them."""
import ipaddress

import botocore.exceptions
import pytest

from local_region import code_of, ipv6_subnet, region  # noqa: F401  (a fixture)
from test_callers import signed_request


@pytest.fixture
def ec2(region):
    return region.client("ec2")


@pytest.fixture
def vpc(ec2):
    return ec2.create_vpc(CidrBlock="10.128.0.0/16", AmazonProvidedIpv6CidrBlock=True)["Vpc"]


def subnet_of(ec2, vpc, third=0, **more):
    return ec2.create_subnet(VpcId=vpc["VpcId"], CidrBlock=f"10.128.{third}.0/24", Ipv6CidrBlock=ipv6_subnet(vpc, third),
                             **more)["Subnet"]


def by(name, value):
    return [{"Name": name, "Values": [value]}]


def test_a_vpc_comes_with_a_main_route_table_a_default_acl_and_a_default_group(ec2, vpc):
    id = vpc["VpcId"]
    block = ipaddress.ip_network(vpc["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"])
    assert block.prefixlen == 56 and block.subnet_of(ipaddress.ip_network("2001:db8::/32"))
    assert not block.subnet_of(ipaddress.ip_network("2001:db8:ffff::/48"))
    table, = ec2.describe_route_tables(Filters=by("vpc-id", id) + by("association.main", "true"))["RouteTables"]
    assert [route["GatewayId"] for route in table["Routes"]] == ["local", "local"]
    acl, = ec2.describe_network_acls(Filters=by("vpc-id", id) + by("default", "true"))["NetworkAcls"]
    assert {entry["RuleNumber"] for entry in acl["Entries"]} == {100, 101, 32767, 32768}
    group, = ec2.describe_security_groups(Filters=by("vpc-id", id))["SecurityGroups"]
    assert group["GroupName"] == "default"
    assert group["IpPermissions"][0]["UserIdGroupPairs"][0]["GroupId"] == group["GroupId"]
    assert len(group["IpPermissionsEgress"]) == 1


def test_what_one_account_makes_the_other_does_not_see(region, ec2, vpc):
    other = region.client("ec2", "vendor")
    with pytest.raises(botocore.exceptions.ClientError) as error:
        other.describe_vpcs(VpcIds=[vpc["VpcId"]])
    assert code_of(error) == "InvalidVpcID.NotFound"


def test_subnets_lie_in_the_vpc_and_apart(ec2, vpc):
    first = subnet_of(ec2, vpc, 1)
    assert first["AvailableIpAddressCount"] == 251
    assert first["AvailabilityZone"] == "us-east-1a" and first["AvailabilityZoneId"] == "use1-az6"
    for cidr, code in {"10.128.1.128/25": "InvalidSubnet.Conflict", "10.1.0.0/24": "InvalidSubnet.Range",
                       "10.128.3.0/33": "InvalidSubnet.Range"}.items():
        with pytest.raises(botocore.exceptions.ClientError) as error:
            ec2.create_subnet(VpcId=vpc["VpcId"], CidrBlock=cidr)
        assert code_of(error) == code
    with pytest.raises(botocore.exceptions.ClientError) as error:
        ec2.create_subnet(VpcId=vpc["VpcId"], CidrBlock="10.128.4.0/24", Ipv6CidrBlock="2001:db8:ffff:1::/64")
    assert code_of(error) == "InvalidSubnet.Range"
    with pytest.raises(botocore.exceptions.ClientError) as error:
        ec2.delete_vpc(VpcId=vpc["VpcId"])
    assert code_of(error) == "DependencyViolation"


def test_tags_are_found_by_filters_with_wildcards(ec2, vpc):
    subnet = subnet_of(ec2, vpc, 2, TagSpecifications=[
        {"ResourceType": "subnet", "Tags": [{"Key": "service", "Value": "tenant"}, {"Key": "zone", "Value": "dev.x"}]}])
    mine = by("vpc-id", vpc["VpcId"])
    found = lambda filters: [s["SubnetId"] for s in ec2.describe_subnets(Filters=mine + filters)["Subnets"]]
    assert found(by("tag:service", "ten*t")) == [subnet["SubnetId"]]
    assert found(by("tag:service", "tenant?")) == []
    assert found(by("tag-key", "zone")) == [subnet["SubnetId"]]
    ec2.create_tags(Resources=[subnet["SubnetId"], vpc["VpcId"]], Tags=[{"Key": "zone", "Value": "dev.y"}])
    assert found(by("tag:zone", "dev.y")) == [subnet["SubnetId"]]
    tags = ec2.describe_tags(Filters=by("resource-id", vpc["VpcId"]))["Tags"]
    assert [(tag["ResourceType"], tag["Key"], tag["Value"]) for tag in tags] == [("vpc", "zone", "dev.y")]
    ec2.delete_tags(Resources=[vpc["VpcId"]], Tags=[{"Key": "zone"}])
    assert not ec2.describe_tags(Filters=by("resource-id", vpc["VpcId"]))["Tags"]
    with pytest.raises(botocore.exceptions.ClientError) as error:
        ec2.describe_subnets(Filters=by("no-such-filter", "x"))
    assert code_of(error) == "InvalidParameterValue"


def test_routes_name_gateways_that_are_there(ec2, vpc):
    id = vpc["VpcId"]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=id)
    make = lambda: ec2.create_egress_only_internet_gateway(VpcId=id, ClientToken="one")["EgressOnlyInternetGateway"]
    egress = make()
    assert make() == egress
    table = ec2.create_route_table(VpcId=id)["RouteTable"]["RouteTableId"]
    ec2.create_route(RouteTableId=table, DestinationIpv6CidrBlock="::/0",
                     EgressOnlyInternetGatewayId=egress["EgressOnlyInternetGatewayId"])
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    with pytest.raises(botocore.exceptions.ClientError) as error:
        ec2.create_route(RouteTableId=table, DestinationIpv6CidrBlock="::/0", GatewayId=gateway)
    assert code_of(error) == "RouteAlreadyExists"
    subnet = subnet_of(ec2, vpc, 3)["SubnetId"]
    association = ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)["AssociationId"]
    shown, = ec2.describe_route_tables(Filters=by("association.route-table-association-id", association))["RouteTables"]
    assert [route.get("EgressOnlyInternetGatewayId") or route["GatewayId"] for route in shown["Routes"]] == [
        "local", "local", egress["EgressOnlyInternetGatewayId"], gateway]
    with pytest.raises(botocore.exceptions.ClientError) as error:
        ec2.delete_route_table(RouteTableId=table)
    assert code_of(error) == "DependencyViolation"
    ec2.disassociate_route_table(AssociationId=association)
    ec2.delete_route(RouteTableId=table, DestinationIpv6CidrBlock="::/0")
    ec2.delete_route_table(RouteTableId=table)
    with pytest.raises(botocore.exceptions.ClientError) as error:
        ec2.delete_vpc(VpcId=id)
    assert code_of(error) == "DependencyViolation"


def test_security_group_rules_have_tags_of_their_own(ec2, vpc):
    group = ec2.create_security_group(VpcId=vpc["VpcId"], GroupName="tagged-rules", Description="x")["GroupId"]
    rule, = ec2.authorize_security_group_ingress(
        GroupId=group, IpPermissions=[{"IpProtocol": "tcp", "FromPort": 1, "ToPort": 2, "IpRanges": [{"CidrIp": "10.9.0.0/16"}]}],
        TagSpecifications=[{"ResourceType": "security-group-rule", "Tags": [{"Key": "from", "Value": "test"}]}])["SecurityGroupRules"]
    id = rule["SecurityGroupRuleId"]
    assert rule["Tags"] == [{"Key": "from", "Value": "test"}]
    ec2.create_tags(Resources=[id], Tags=[{"Key": "more", "Value": "1"}])
    ec2.delete_tags(Resources=[id], Tags=[{"Key": "from"}])
    change = {"SecurityGroupRuleId": id, "SecurityGroupRule": {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 3, "CidrIpv4": "10.9.0.0/16"}}
    ec2.modify_security_group_rules(GroupId=group, SecurityGroupRules=[change, change])
    shown, = ec2.describe_security_group_rules(Filters=[{"Name": "tag:more", "Values": ["1"]}])["SecurityGroupRules"]
    assert (shown["SecurityGroupRuleId"], shown["ToPort"], shown["Tags"]) == (id, 3, [{"Key": "more", "Value": "1"}])
    tag, = ec2.describe_tags(Filters=by("resource-id", id))["Tags"]
    assert (tag["ResourceType"], tag["Key"], tag["Value"]) == ("security-group-rule", "more", "1")
    ec2.delete_security_group(GroupId=group)


def test_security_group_rules_are_shown_merged_and_revoked_one_by_one(ec2, vpc):
    group = ec2.create_security_group(GroupName="hosts", Description="x", VpcId=vpc["VpcId"])["GroupId"]
    everything = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    ec2.revoke_security_group_egress(GroupId=group, IpPermissions=[everything])
    with pytest.raises(botocore.exceptions.ClientError) as error:
        ec2.revoke_security_group_egress(GroupId=group, IpPermissions=[everything])
    assert code_of(error) == "InvalidPermission.NotFound"
    https = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "10.0.0.0/8"}],
             "Ipv6Ranges": [{"CidrIpv6": "2001:db8::/32", "Description": "all"}], "UserIdGroupPairs": [{"GroupId": group}]}
    rules = ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[https])["SecurityGroupRules"]
    assert len(rules) == 3
    with pytest.raises(botocore.exceptions.ClientError) as error:
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[https])
    assert code_of(error) == "InvalidPermission.Duplicate"
    permission, = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["IpPermissions"]
    assert permission["Ipv6Ranges"] == [{"CidrIpv6": "2001:db8::/32", "Description": "all"}]
    ec2.revoke_security_group_ingress(GroupId=group, SecurityGroupRuleIds=[rules[0]["SecurityGroupRuleId"]])
    left = ec2.describe_security_group_rules(Filters=by("group-id", group))["SecurityGroupRules"]
    assert len(left) == 3  # one way out, two in
    ec2.delete_security_group(GroupId=group)


def test_an_acl_has_each_number_once_each_way(ec2, vpc):
    acl = ec2.create_network_acl(VpcId=vpc["VpcId"])["NetworkAcl"]["NetworkAclId"]
    entry = dict(NetworkAclId=acl, RuleNumber=100, Protocol="17", RuleAction="allow", Ipv6CidrBlock="::/0",
                 PortRange={"From": 51820, "To": 51820})
    ec2.create_network_acl_entry(Egress=False, **entry)
    ec2.create_network_acl_entry(Egress=True, **entry)
    with pytest.raises(botocore.exceptions.ClientError) as error:
        ec2.create_network_acl_entry(Egress=True, **entry)
    assert code_of(error) == "NetworkAclEntryAlreadyExists"
    subnet = subnet_of(ec2, vpc, 4)["SubnetId"]
    default, = ec2.describe_network_acls(Filters=by("association.subnet-id", subnet))["NetworkAcls"]
    association = next(a for a in default["Associations"] if a["SubnetId"] == subnet)["NetworkAclAssociationId"]
    ec2.replace_network_acl_association(AssociationId=association, NetworkAclId=acl)
    now, = ec2.describe_network_acls(Filters=by("association.subnet-id", subnet))["NetworkAcls"]
    assert now["NetworkAclId"] == acl
    assert sorted(e["RuleNumber"] for e in now["Entries"]) == [100, 100, 32767, 32767, 32768, 32768]
    with pytest.raises(botocore.exceptions.ClientError) as error:
        ec2.delete_network_acl(NetworkAclId=acl)
    assert code_of(error) == "DependencyViolation"


def test_interfaces_take_free_addresses_and_the_first_four_are_never_theirs(ec2, vpc):
    subnet = subnet_of(ec2, vpc, 5)
    interface = ec2.create_network_interface(SubnetId=subnet["SubnetId"], Ipv6AddressCount=2)["NetworkInterface"]
    assert interface["PrivateIpAddress"] == "10.128.5.4"
    block = ipaddress.ip_network(subnet["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"])
    addresses = [ipaddress.ip_address(a["Ipv6Address"]) for a in interface["Ipv6Addresses"]]
    assert len(set(addresses)) == 2 and all(address in block for address in addresses)
    for address, code in {"10.128.5.3": "InvalidParameterValue", "10.128.5.255": "InvalidParameterValue",
                          "10.128.5.4": "InvalidIPAddress.InUse", "10.9.9.9": "InvalidParameterValue"}.items():
        with pytest.raises(botocore.exceptions.ClientError) as error:
            ec2.create_network_interface(SubnetId=subnet["SubnetId"], PrivateIpAddress=address)
        assert code_of(error) == code, address
    more = ec2.assign_ipv6_addresses(NetworkInterfaceId=interface["NetworkInterfaceId"], Ipv6Addresses=[str(block[77])])
    assert more["AssignedIpv6Addresses"] == [str(block[77])]
    with pytest.raises(botocore.exceptions.ClientError) as error:
        ec2.delete_subnet(SubnetId=subnet["SubnetId"])
    assert code_of(error) == "DependencyViolation"
    ec2.delete_network_interface(NetworkInterfaceId=interface["NetworkInterfaceId"])
    ec2.delete_subnet(SubnetId=subnet["SubnetId"])


def test_endpoints_and_nat_gateways_bring_interfaces_and_take_them_along(ec2, vpc):
    subnet = subnet_of(ec2, vpc, 6)["SubnetId"]
    ec2.modify_vpc_attribute(VpcId=vpc["VpcId"], EnableDnsHostnames={"Value": True})
    endpoint = ec2.create_vpc_endpoint(VpcId=vpc["VpcId"], VpcEndpointType="Interface", SubnetIds=[subnet],
                                       ServiceName="com.amazonaws.us-east-1.ecr.api")["VpcEndpoint"]
    assert endpoint["State"] == "available" and endpoint["DnsEntries"]
    address = ec2.allocate_address(Domain="vpc")
    gateway = ec2.create_nat_gateway(SubnetId=subnet, AllocationId=address["AllocationId"])["NatGateway"]
    found = ec2.describe_network_interfaces(Filters=by("subnet-id", subnet))["NetworkInterfaces"]
    assert {i["InterfaceType"] for i in found} == {"vpc_endpoint", "nat_gateway"}
    assert endpoint["NetworkInterfaceIds"][0] in [i["NetworkInterfaceId"] for i in found]
    with pytest.raises(botocore.exceptions.ClientError) as error:
        ec2.release_address(AllocationId=address["AllocationId"])
    assert code_of(error) == "InvalidIPAddress.InUse"
    ec2.delete_nat_gateway(NatGatewayId=gateway["NatGatewayId"])
    ec2.release_address(AllocationId=address["AllocationId"])
    ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint["VpcEndpointId"]])
    ec2.delete_subnet(SubnetId=subnet)
    ec2.delete_vpc(VpcId=vpc["VpcId"])


def test_zones_are_found_by_their_ids(ec2):
    zone, = ec2.describe_availability_zones(ZoneIds=["use1-az6"])["AvailabilityZones"]
    assert zone["ZoneName"] == "us-east-1a"
    with pytest.raises(botocore.exceptions.ClientError):
        ec2.describe_availability_zones(ZoneIds=["use1-az9"])
    lists = ec2.describe_prefix_lists(Filters=by("prefix-list-name", "com.amazonaws.us-east-1.s3"))["PrefixLists"]
    assert len(lists) == 1


def test_describing_goes_in_pages(ec2):
    made = [ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"] for _ in range(7)]
    pages = list(ec2.get_paginator("describe_vpcs").paginate(
        Filters=by("cidr", "10.0.0.0/16"), PaginationConfig={"PageSize": 5}))
    assert [len(page["Vpcs"]) for page in pages] == [5, 2]
    assert [vpc["VpcId"] for page in pages for vpc in page["Vpcs"]] == made


def test_what_could_not_be_read_back_is_not_taken(ec2, vpc):
    long = "x" * 30000
    subnet = subnet_of(ec2, vpc, 9)["SubnetId"]
    group = ec2.create_security_group(GroupName="short", Description="x", VpcId=vpc["VpcId"])["GroupId"]
    rule = {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1, "IpRanges": [{"CidrIp": "10.0.0.0/8", "Description": long}]}
    for call, arguments in (
            (ec2.create_vpc, {"CidrBlock": "10.0.0.0/16", "InstanceTenancy": long}),
            (ec2.create_network_interface, {"SubnetId": subnet, "Description": long}),
            (ec2.create_egress_only_internet_gateway, {"VpcId": vpc["VpcId"], "ClientToken": long}),
            (ec2.create_vpc_endpoint, {"VpcId": vpc["VpcId"], "ServiceName": "com.amazonaws.us-east-1.s3",
                                       "PolicyDocument": long}),
            (ec2.create_volume, {"AvailabilityZone": "us-east-1a", "Size": 1, "VolumeType": long}),
            (ec2.authorize_security_group_ingress, {"GroupId": group, "IpPermissions": [rule]}),
            (ec2.create_tags, {"Resources": [subnet], "Tags": [{"Key": "k", "Value": long}]})):
        with pytest.raises(botocore.exceptions.ClientError) as error:
            call(**arguments)
        assert code_of(error) == "InvalidParameterValue", call


def test_a_pattern_of_stars_takes_no_time(ec2, vpc):
    ec2.create_tags(Resources=[vpc["VpcId"]], Tags=[{"Key": "k", "Value": "a" * 200}])
    assert not ec2.describe_vpcs(Filters=by("tag:k", "*a" * 90 + "b"))["Vpcs"]


def test_a_parameter_that_is_not_utf8_is_refused(region):
    status, text = signed_request(region, "Action=CreateVpc&Version=2016-11-15&CidrBlock=10.0.0.0%2F16&InstanceTenancy=%FF",
                                  service="ec2")
    assert status == 400 and "MalformedQueryString" in text
