"""Who reaches whom, shown by packets: a table of rows, each from one place to another, in two accounts' VPCs at once; then
what changes while connections are open. Needs root."""
import concurrent.futures
import json
import os
import pathlib
import subprocess

import botocore.auth
import botocore.awsrequest
import pytest

from local_region import TENANT, ipv6_subnet
from machine_region import MachineRegion, wait_for
from places import AAAA, PTR, Place, echoes, post, trusts
from test_ec2_instances import by

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="networks and machines need root")
HERE = pathlib.Path(__file__).resolve().parent
SOMEBODY = "192.0.2.200"  # who speaks IPv4 in the region's internet when nobody in particular does
S3, API = "198.19.255.1", "198.19.0.1"
ANYONE = [{"CidrIp": "0.0.0.0/0"}], [{"CidrIpv6": "::/0"}]


class GreetingRegion(MachineRegion):
    IMAGES = {"greeter": ["/usr/bin/python3", "/opt/greeter/greeter.py"]}

    def start(self, *options):
        images = self.directory / "greeters.json"
        images.write_text(json.dumps([{"name": "greeter", "argv": self.IMAGES["greeter"], "environment": ["LANG=C"],
                                       "binds": [f"{HERE}:/opt/greeter"]}]))
        return super().start("--images", str(images), *options)


class Machine(Place):
    def __init__(self, world, id):
        super().__init__(world.region.label, id)
        self.id, self.ec2 = id, world.ec2
        self.look()

    def look(self):
        shown = self.ec2.describe_instances(InstanceIds=[self.id])["Reservations"][0]["Instances"][0]
        interface, = shown["NetworkInterfaces"]
        self.interface, self.four = interface["NetworkInterfaceId"], shown["PrivateIpAddress"]
        self.six = interface["Ipv6Addresses"][0]["Ipv6Address"] if interface["Ipv6Addresses"] else None
        self.outside, self.state = shown.get("PublicIpAddress"), shown["State"]["Name"]
        self.name, self.public_name = shown["PrivateDnsName"], shown["PublicDnsName"]


class Vpc:
    """A VPC with an internet gateway and machines in its subnets."""

    def __init__(self, region, profile, block):
        self.region, self.ec2 = region, region.client("ec2", profile)
        vpc = self.ec2.create_vpc(CidrBlock=block, AmazonProvidedIpv6CidrBlock=True)["Vpc"]
        self.id, self.made = vpc["VpcId"], vpc
        self.ec2.modify_vpc_attribute(VpcId=self.id, EnableDnsHostnames={"Value": True})
        self.gateway = self.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        self.ec2.attach_internet_gateway(InternetGatewayId=self.gateway, VpcId=self.id)
        self.image = self.ec2.describe_images(Filters=by("name", "greeter"))["Images"][0]["ImageId"]

    def subnet(self, number, block, **routes):
        """With a route table of its own: destination=target."""
        subnet = self.ec2.create_subnet(VpcId=self.id, CidrBlock=block,
                                        Ipv6CidrBlock=ipv6_subnet(self.made, number))["Subnet"]["SubnetId"]
        table = self.ec2.create_route_table(VpcId=self.id)["RouteTable"]["RouteTableId"]
        self.ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
        for destination, target in routes.items():
            self.ec2.create_route(RouteTableId=table, **{
                "four": {"DestinationCidrBlock": "0.0.0.0/0"}, "six": {"DestinationIpv6CidrBlock": "::/0"}}[destination], **target)
        return subnet, table

    def group(self, name, *rules):
        group = self.ec2.create_security_group(VpcId=self.id, GroupName=name, Description="x")["GroupId"]
        if rules:
            self.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=list(rules))
        return group

    def launch(self, subnet, group, public=False):
        made, = self.ec2.run_instances(ImageId=self.image, InstanceType="m7g.large", MinCount=1, MaxCount=1, NetworkInterfaces=[{
            "DeviceIndex": 0, "SubnetId": subnet, "Groups": [group], "Ipv6AddressCount": 1,
            "AssociatePublicIpAddress": public}])["Instances"]
        return Machine(self, made["InstanceId"])


def rule(protocol, port=-1, four=(), six=(), group=None, prefix_list=None):
    return {"IpProtocol": protocol, "FromPort": port, "ToPort": port if protocol in ("tcp", "udp") else -1,
            "IpRanges": list(four), "Ipv6Ranges": list(six),
            "UserIdGroupPairs": [{"GroupId": group}] if group else [],
            "PrefixListIds": [{"PrefixListId": prefix_list}] if prefix_list else []}


def acl(ec2, vpc, subnet, *entries):
    """Gives the subnet a network ACL with these: (egress, number, action, block, first port, last port)."""
    made = ec2.create_network_acl(VpcId=vpc)["NetworkAcl"]["NetworkAclId"]
    for egress, number, action, block, first, last in entries:
        ec2.create_network_acl_entry(NetworkAclId=made, Egress=egress, RuleNumber=number, RuleAction=action, Protocol="6",
                                     CidrBlock=block, PortRange={"From": first, "To": last})
    old, = ec2.describe_network_acls(Filters=by("association.subnet-id", subnet))["NetworkAcls"]
    association, = [a["NetworkAclAssociationId"] for a in old["Associations"] if a["SubnetId"] == subnet]
    ec2.replace_network_acl_association(AssociationId=association, NetworkAclId=made)
    return made


class World:
    def __init__(self, region):
        self.region = region
        self.home, self.away = Vpc(region, "acme", "10.1.0.0/16"), Vpc(region, "vendor", "10.1.0.0/16")
        self.make_home(self.home)
        self.make_away(self.away)
        self.internet = Place(region.label, "internet")
        self.authority = (region.directory / "ca.pem").read_text()
        self.machines = {name: thing for name, thing in vars(self).items() if isinstance(thing, Machine)}
        for machine in self.machines.values():
            wait_for(lambda: machine.look() or machine.state == "running", 30)
            wait_for(lambda: machine.says("tcp", "127.0.0.1", 80), 30)

    def make_home(self, home):
        ec2, open_to_all = home.ec2, {"four": {"GatewayId": home.gateway}, "six": {"GatewayId": home.gateway}}
        self.public, self.public_table = home.subnet(1, "10.1.1.0/24", **open_to_all)
        self.elastic = ec2.allocate_address(Domain="vpc")
        self.nat = ec2.create_nat_gateway(SubnetId=self.public, AllocationId=self.elastic["AllocationId"])["NatGateway"]["NatGatewayId"]
        egress_only = ec2.create_egress_only_internet_gateway(VpcId=home.id)["EgressOnlyInternetGateway"]
        self.private, self.private_table = home.subnet(
            2, "10.1.2.0/24", four={"NatGatewayId": self.nat},
            six={"EgressOnlyInternetGatewayId": egress_only["EgressOnlyInternetGatewayId"]})
        self.closed, self.closed_table = home.subnet(3, "10.1.3.0/24")
        self.listed, _ = home.subnet(4, "10.1.4.0/24", **open_to_all)
        self.offices = ec2.create_managed_prefix_list(PrefixListName="offices", AddressFamily="IPv4", MaxEntries=5, Entries=[
            {"Cidr": "192.0.2.0/24"}])["PrefixList"]["PrefixListId"]
        self.web_group = home.group("web", rule("tcp", 80, *ANYONE), rule("icmp", 8, ANYONE[0]), rule("icmpv6", -1, (), ANYONE[1]),
                                    rule("tcp", 22, prefix_list=self.offices), rule("udp", 5000, [{"CidrIp": "10.1.0.0/16"}]))
        ec2.authorize_security_group_ingress(GroupId=self.web_group, IpPermissions=[rule("tcp", 4443, group=self.web_group)])
        self.inner_group = home.group("inner", rule("tcp", 4443, group=self.web_group))
        self.quiet_group = home.group("quiet", rule("tcp", 80, [{"CidrIp": "10.1.0.0/16"}]))
        everything = ec2.describe_security_groups(GroupIds=[self.quiet_group])["SecurityGroups"][0]["IpPermissionsEgress"]
        ec2.revoke_security_group_egress(GroupId=self.quiet_group, IpPermissions=everything)
        self.s3_list, = [p["PrefixListId"] for p in ec2.describe_prefix_lists()["PrefixLists"] if p["PrefixListName"].endswith(".s3")]
        ec2.authorize_security_group_egress(GroupId=self.quiet_group, IpPermissions=[
            rule("tcp", 443, prefix_list=self.s3_list), rule("tcp", 443, [{"CidrIp": "10.1.3.0/24"}])])
        self.list_id = acl(
            ec2, home.id, self.listed, (False, 90, "deny", "10.1.1.0/24", 80, 80), (False, 100, "allow", "0.0.0.0/0", 80, 80),
            (False, 110, "allow", "10.1.2.0/24", 4443, 4443), (True, 100, "allow", "0.0.0.0/0", 1024, 65535))
        everyone = home.group("everyone", rule("-1", -1, *ANYONE))
        self.web, self.bare = home.launch(self.public, self.web_group, True), home.launch(self.public, self.web_group)
        self.inner, self.shut = home.launch(self.private, self.inner_group), home.launch(self.closed, self.quiet_group)
        self.kept = home.launch(self.listed, everyone, True)

    def make_away(self, away):
        subnet, _ = away.subnet(1, "10.1.1.0/24", four={"GatewayId": away.gateway}, six={"GatewayId": away.gateway})
        self.far = away.launch(subnet, away.group("web", rule("tcp", 80, *ANYONE)), True)

    def place(self, name):
        return getattr(self, name)

    def address(self, name):
        """"web.four", "inner.six", "web.outside", "nat.outside" or a literal."""
        if name == "nat.outside":
            return self.elastic["PublicIp"]
        owner, _, what = name.partition(".")
        return getattr(self.machines[owner], what) if owner in self.machines else name


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    region = GreetingRegion(tmp_path_factory.mktemp("region"), "lareach").start()
    yield World(region)
    region.stop()
    assert not region.leftovers()


# from, to, how, and whom the other sees (None: it does not arrive); because of what
ROWS = [
    ("web", "bare.four", "tcp 80", "web.four"),            # a rule for everyone, in one subnet
    ("web", "bare.six", "tcp 80", "web.six"),
    ("web", "bare.four", "tcp 443", None),                 # no rule for that port
    ("web", "bare.four", "tcp 4443", "web.four"),          # the group itself is its source
    ("inner", "web.four", "tcp 4443", None),               # a member of another group is not
    ("web", "inner.four", "tcp 4443", "web.four"),         # by group, across subnets
    ("web", "inner.six", "tcp 4443", "web.six"),
    ("shut", "inner.four", "tcp 4443", None),
    ("web", "inner.four", "tcp 80", None),
    ("web", "web.outside", "tcp 80", "web.outside"),       # by its own public address: out and in again
    ("bare", "web.outside", "tcp 80", None),               # without one nobody gets out
    ("internet", "web.outside", "tcp 80", SOMEBODY),
    ("internet", "web.six", "tcp 80", "2001:db8:ffff::1"),
    ("internet", "bare.six", "tcp 80", "2001:db8:ffff::1"),
    ("internet", "web.outside", "tcp 443", None),
    ("internet", "web.outside", "tcp 22", SOMEBODY),       # by prefix list
    ("web", "bare.four", "tcp 22", None),                  # which does not hold the VPC
    ("far", "web.outside", "tcp 22", None),
    ("internet", "web.four", "tcp 80", None),              # a private address is nowhere outside
    ("internet", "inner.six", "tcp 4443", None),           # egress-only
    ("internet", "shut.six", "tcp 80", None),
    ("internet", "nat.outside", "tcp 80", None),           # nothing begins at a NAT gateway
    ("far", "web.outside", "tcp 80", "far.outside"),       # another account's VPC with the same block
    ("far", "web.six", "tcp 80", "far.six"),
    ("far", "web.six", "tcp 4443", None),
    ("far", "bare.four", "tcp 80", None),                  # is not there in its own VPC
    ("web", "far.outside", "tcp 80", "web.outside"),
    ("inner", "far.outside", "tcp 80", "nat.outside"),     # by the NAT gateway
    ("inner", "far.six", "tcp 80", "inner.six"),           # by the egress-only gateway
    ("bare", "far.outside", "tcp 80", None),               # a route to the internet is not enough
    ("bare", "far.six", "tcp 80", "bare.six"),
    ("shut", "far.outside", "tcp 80", None),
    ("shut", "web.four", "tcp 80", None),                  # its group lets out only 443
    ("web", "shut.four", "tcp 80", "web.four"),            # and yet it answers
    ("web", "shut.six", "tcp 80", None),                   # that rule is for IPv4
    ("web", "kept.four", "tcp 80", None),                  # entry 90 denies before 100 allows
    ("inner", "kept.four", "tcp 80", "inner.four"),
    ("inner", "kept.four", "tcp 4443", "inner.four"),
    ("bare", "kept.four", "tcp 4443", None),
    ("inner", "kept.six", "tcp 80", None),                 # no entry for IPv6
    ("internet", "kept.outside", "tcp 80", SOMEBODY),
    ("kept", "web.four", "tcp 80", None),                  # nothing may leave but answers to high ports
    ("web", "bare.four", "icmp", "alive"),
    ("web", "bare.six", "icmp", "alive"),
    ("internet", "web.outside", "icmp", "alive"),
    ("web", "inner.four", "icmp", None),
    ("inner", "web.four", "udp 5000", "inner.four"),
    ("web", "bare.six", "udp 5000", None),
    ("inner", "bare.four", "udp 53", None),
]


def test_who_reaches_whom(world):
    def send(row):
        start, to, how, seen = row
        protocol, _, port = how.partition(" ")
        said = world.place(start).says(protocol, world.address(to), int(port or 0))
        expected = None if seen is None else ["alive"] if seen == "alive" else [world.machines[to.split(".")[0]].name, world.address(seen)]
        return None if said == expected else f"{start} -> {to} {how}: {said}, not {expected}"
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        wrong = [line for line in pool.map(send, ROWS) if line]
    assert not wrong, "\n".join(wrong)


def opened(world, start, to, port):
    connection, _ = world.place(start).connect(world.address(to), port)
    assert echoes(connection)
    return connection


def stops(connection):
    """Within the plane's next pass."""
    return wait_for(lambda: not echoes(connection, 0.3), 10)


def test_a_revoked_rule_stops_the_next_packet_of_an_open_connection(world):
    connection, ec2 = opened(world, "web", "inner.four", 4443), world.home.ec2
    permission = [rule("tcp", 4443, group=world.web_group)]
    ec2.revoke_security_group_ingress(GroupId=world.inner_group, IpPermissions=permission)
    stops(connection)
    assert world.web.says("tcp", world.inner.four, 4443) is None
    ec2.authorize_security_group_ingress(GroupId=world.inner_group, IpPermissions=permission)
    assert wait_for(lambda: world.web.says("tcp", world.inner.four, 4443))


def test_an_entry_taken_out_of_a_prefix_list_counts_at_once(world):
    connection, ec2 = opened(world, "internet", "web.outside", 22), world.home.ec2
    ec2.modify_managed_prefix_list(PrefixListId=world.offices, CurrentVersion=1, RemoveEntries=[{"Cidr": "192.0.2.0/24"}])
    stops(connection)
    ec2.modify_managed_prefix_list(PrefixListId=world.offices, CurrentVersion=2, AddEntries=[{"Cidr": "192.0.2.0/24"}])
    assert wait_for(lambda: world.internet.says("tcp", world.web.outside, 22))


def test_an_entry_of_a_network_acl_stops_an_open_connection(world):
    connection, ec2 = opened(world, "inner", "kept.four", 80), world.home.ec2
    ec2.create_network_acl_entry(NetworkAclId=world.list_id, Egress=True, RuleNumber=10, RuleAction="deny", Protocol="-1",
                                 CidrBlock="10.1.2.0/24")
    stops(connection)
    ec2.delete_network_acl_entry(NetworkAclId=world.list_id, Egress=True, RuleNumber=10)
    assert wait_for(lambda: world.inner.says("tcp", world.kept.four, 80))


def test_a_route_that_is_removed_is_missed_by_the_next_packet(world):
    connection, ec2 = opened(world, "inner", "far.outside", 80), world.home.ec2
    ec2.delete_route(RouteTableId=world.private_table, DestinationCidrBlock="0.0.0.0/0")
    stops(connection)
    ec2.create_route(RouteTableId=world.private_table, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=world.nat)
    assert wait_for(lambda: world.inner.says("tcp", world.far.outside, 80))


def test_an_elastic_address_moves_with_what_comes_to_it(world):
    ec2 = world.home.ec2
    moving = ec2.allocate_address(Domain="vpc")
    ec2.associate_address(AllocationId=moving["AllocationId"], InstanceId=world.bare.id)
    seen = wait_for(lambda: world.internet.says("tcp", moving["PublicIp"], 80))
    assert seen[0] == world.bare.name
    connection, _ = world.internet.connect(moving["PublicIp"], 80)
    old = world.web.outside
    ec2.associate_address(AllocationId=moving["AllocationId"], InstanceId=world.web.id)
    stops(connection)
    wait_for(lambda: (world.internet.says("tcp", moving["PublicIp"], 80) or [None])[0] == world.web.name)
    assert world.web.says("tcp", world.far.outside, 80)[1] == moving["PublicIp"]
    assert world.internet.says("tcp", old, 80) is None  # what it had of its own went
    world.web.look()
    assert world.web.outside == moving["PublicIp"] and world.web.public_name.startswith("ec2-198-18-")
    ec2.disassociate_address(AssociationId=ec2.describe_addresses(
        AllocationIds=[moving["AllocationId"]])["Addresses"][0]["AssociationId"])
    ec2.release_address(AllocationId=moving["AllocationId"])
    wait_for(lambda: world.web.look() or world.web.outside not in (None, moving["PublicIp"]))
    assert wait_for(lambda: world.internet.says("tcp", world.web.outside, 80))


def test_nobody_speaks_with_an_address_that_is_not_its_own_unless_its_check_is_off(world):
    ec2, bare, foreign = world.home.ec2, world.bare, "192.168.77.7"
    subprocess.run(["ip", "-n", f"{world.region.label}-{bare.id}", "addr", "add", foreign + "/32", "dev", "lo"], check=True)
    ec2.create_route(RouteTableId=world.public_table, DestinationCidrBlock=foreign + "/32", NetworkInterfaceId=bare.interface)
    assert bare.says_as(bare.four, world.web.four, 80) == [world.web.name, bare.four]
    assert bare.says_as(foreign, world.web.four, 80) is None
    ec2.modify_network_interface_attribute(NetworkInterfaceId=bare.interface, SourceDestCheck={"Value": False})
    assert wait_for(lambda: bare.says_as(foreign, world.web.four, 80)) == [world.web.name, foreign]
    ec2.modify_network_interface_attribute(NetworkInterfaceId=bare.interface, SourceDestCheck={"Value": True})
    wait_for(lambda: bare.says_as(foreign, world.web.four, 80) is None)


def trusted(world, start, host, address):
    """Does who answers there have this host's certificate?"""
    return not isinstance(world.place(start).inside(trusts, address, host, world.authority), OSError)


def test_the_s3_gateway_endpoint_is_the_only_way_from_a_closed_subnet(world):
    ec2, host = world.home.ec2, "s3.us-east-1.amazonaws.com"
    assert world.shut.resolves(host) == [S3] and world.shut.resolves(host, AAAA) == []
    assert not trusted(world, "shut", host, S3)
    assert trusted(world, "web", host, S3)  # by the internet
    endpoint = ec2.create_vpc_endpoint(VpcId=world.home.id, ServiceName="com.amazonaws.us-east-1.s3",
                                       RouteTableIds=[world.closed_table])["VpcEndpoint"]["VpcEndpointId"]
    assert wait_for(lambda: trusted(world, "shut", host, S3))
    assert not trusted(world, "shut", "sts.us-east-1.amazonaws.com", API)
    ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint])
    wait_for(lambda: not trusted(world, "shut", host, S3))


def test_an_interface_endpoint_answers_in_its_subnets_by_the_services_name(world):
    ec2, host = world.home.ec2, "ec2.us-east-1.amazonaws.com"
    assert API in world.shut.resolves(host) and not trusted(world, "shut", host, API)
    guard = world.home.group("guard", rule("tcp", 443, [{"CidrIp": "10.1.3.0/24"}]))
    endpoint = ec2.create_vpc_endpoint(
        VpcId=world.home.id, VpcEndpointType="Interface", ServiceName="com.amazonaws.us-east-1.ec2", SubnetIds=[world.closed],
        SecurityGroupIds=[guard])["VpcEndpoint"]
    interface, = ec2.describe_network_interfaces(NetworkInterfaceIds=endpoint["NetworkInterfaceIds"])["NetworkInterfaces"]
    inside = interface["PrivateIpAddress"]
    assert inside.startswith("10.1.3.") and world.shut.resolves(host) == [inside]
    assert world.far.resolves(host) != [inside]  # another VPC's names are its own
    assert wait_for(lambda: trusted(world, "shut", host, inside))
    assert not trusted(world, "inner", host, inside)  # the endpoint's group does not let it in
    status, body = call_from(world, "shut", inside, "ec2", "Action=DescribeVpcs&Version=2016-11-15")
    assert status == 200 and f"<ownerId>{TENANT}</ownerId>" in body
    status, body = call_from(world, "shut", inside, "sts", "Action=GetCallerIdentity&Version=2011-06-15")
    assert status == 403 and "correct service" in body
    ec2.modify_vpc_endpoint(VpcEndpointId=endpoint["VpcEndpointId"], PolicyDocument=json.dumps(
        {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": "*", "Action": "ec2:DescribeSubnets", "Resource": "*"}}))
    status, body = call_from(world, "shut", inside, "ec2", "Action=DescribeVpcs&Version=2016-11-15")
    assert status == 403 and "VPC endpoint policy" in body
    ec2.modify_vpc_endpoint(VpcEndpointId=endpoint["VpcEndpointId"], PrivateDnsEnabled=False)
    assert API in world.shut.resolves(host)
    ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint["VpcEndpointId"]])
    wait_for(lambda: not trusted(world, "shut", host, inside))


def call_from(world, start, address, service, body):
    """Status and body of a signed call to whoever answers at this address."""
    host, keys = f"{service}.us-east-1.amazonaws.com", world.region.session("acme").get_credentials()
    request = botocore.awsrequest.AWSRequest("POST", f"https://{host}/", data=body, headers={
        "Content-Type": "application/x-www-form-urlencoded; charset=utf-8", "Host": host})
    botocore.auth.SigV4Auth(keys, service, "us-east-1").add_auth(request)
    return world.place(start).inside(post, address, world.authority, body, dict(request.headers))


def test_names_inside_a_vpc(world):
    web, inner = world.web, world.inner
    assert inner.resolves(web.name) == [web.four]
    assert inner.resolves(web.name, stream=True) == [web.four]          # by TCP
    assert inner.resolves(web.name, server="10.1.0.2") == [web.four]    # the VPC's own resolver
    assert inner.resolves(".".join(reversed(web.four.split("."))) + ".in-addr.arpa", PTR) == [web.name]
    assert inner.resolves(web.public_name) == [web.four]                # inside, the private address
    assert world.far.resolves(web.public_name) == [web.outside]
    assert world.far.resolves(inner.name) == []
    assert inner.resolves("nothing.example") == []
    home = world.home
    home.ec2.modify_subnet_attribute(SubnetId=world.public, EnableResourceNameDnsARecordOnLaunch={"Value": True})
    assert inner.resolves(f"{web.id}.ec2.internal") == [web.four]
    home.ec2.modify_vpc_attribute(VpcId=home.id, EnableDnsSupport={"Value": False})
    wait_for(lambda: inner.resolves(web.name) is None)
    home.ec2.modify_vpc_attribute(VpcId=home.id, EnableDnsSupport={"Value": True})
    assert wait_for(lambda: inner.resolves(web.name)) == [web.four]


def test_a_nat_gateway_that_is_deleted_takes_nobody_out(world):
    connection, ec2 = opened(world, "inner", "far.outside", 80), world.home.ec2
    ec2.delete_nat_gateway(NatGatewayId=world.nat)
    stops(connection)
    assert world.inner.says("tcp", world.far.outside, 80) is None
    route, = [r for r in ec2.describe_route_tables(RouteTableIds=[world.private_table])["RouteTables"][0]["Routes"]
              if r.get("DestinationCidrBlock") == "0.0.0.0/0"]
    assert route["State"] == "blackhole"
