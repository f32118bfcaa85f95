"""PrivateLink: a service of one account behind its load balancer, reached from another account's VPC. Needs root."""
import json
import os
import subprocess

import pytest

from local_region import TENANT, VENDOR
from machine_region import running, wait_for
from nlb_world import BalancedRegion, World
from test_ec2_instances import Network, by, refused

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="networks and machines need root")


@pytest.fixture(scope="module")
def region(tmp_path_factory):
    with running(BalancedRegion(tmp_path_factory.mktemp("region"), "link")) as region:
        yield region


@pytest.fixture(scope="module")
def provider(region):
    """A machine behind a load balancer that only the VPC reaches, offered as a service."""
    provider = World(region)
    provider.id, provider.address = provider.machine()
    provider.own = provider.ec2.create_security_group(VpcId=provider.vpc, GroupName="own", Description="x")["GroupId"]
    provider.rule("authorize", group=provider.own)
    provider.balancer_made = provider.balancer("offered", SecurityGroups=[provider.own])
    provider.targets = provider.group_of("offered", provider.address)
    provider.listener(provider.balancer_made, provider.targets, 80)
    provider.await_health(provider.targets)
    interface, = provider.ec2.describe_network_interfaces(Filters=by("description", "ELB net/offered/*"))["NetworkInterfaces"]
    provider.at = interface["Ipv6Addresses"][0]["Ipv6Address"]
    provider.service = provider.ec2.create_vpc_endpoint_service_configuration(
        NetworkLoadBalancerArns=[provider.balancer_made["LoadBalancerArn"]], AcceptanceRequired=True,
        SupportedIpAddressTypes=["ipv4", "ipv6"])["ServiceConfiguration"]
    return provider


class Consumer(Network):
    """Another account's VPC, with the same IPv4 block, and a machine in it."""

    def __init__(self, region):
        super().__init__(region, "vendor")
        self.image = self.ec2.describe_images(Filters=by("name", "sleeper"))["Images"][0]["ImageId"]
        self.id = self.run()[0]["InstanceId"]
        wait_for(lambda: self.shown(self.id)["State"]["Name"] == "running")
        self.address = self.shown(self.id)["PrivateIpAddress"]
        self.ec2.modify_vpc_attribute(VpcId=self.vpc, EnableDnsHostnames={"Value": True})
        self.door = self.ec2.create_security_group(VpcId=self.vpc, GroupName="door", Description="x")["GroupId"]
        self.permit("authorize")

    def permit(self, action):
        getattr(self.ec2, action + "_security_group_ingress")(GroupId=self.door, IpPermissions=[
            {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": [{"CidrIp": "10.128.0.0/16"}]}])

    def endpoint(self, name, **more):
        order = dict(VpcId=self.vpc, ServiceName=name, VpcEndpointType="Interface", SubnetIds=[self.subnet],
                     SecurityGroupIds=[self.door])
        return self.ec2.create_vpc_endpoint(**{**order, **more})["VpcEndpoint"]

    def state(self, endpoint):
        return self.ec2.describe_vpc_endpoints(VpcEndpointIds=[endpoint["VpcEndpointId"]])["VpcEndpoints"][0]["State"]

    def ask(self, host, port=80):
        """What the service says to this VPC's machine; None when nobody answers."""
        pid = (self.region.directory / "machines" / f"{self.id}.pid").read_text().strip()
        done = subprocess.run(["nsenter", "--target", pid, "--all", "curl", "-gs", "-m", "2", f"http://{host}:{port}/"],
                              capture_output=True, text=True)
        return json.loads(done.stdout) if done.returncode == 0 and done.stdout else None


@pytest.fixture(scope="module")
def consumer(region, provider):
    return Consumer(region)


@pytest.fixture(scope="module")
def link(provider, consumer):
    provider.ec2.modify_vpc_endpoint_service_permissions(ServiceId=provider.service["ServiceId"],
                                                         AddAllowedPrincipals=[f"arn:aws:iam::{VENDOR}:root"])
    endpoint = consumer.endpoint(provider.service["ServiceName"])
    interface, = consumer.ec2.describe_network_interfaces(NetworkInterfaceIds=endpoint["NetworkInterfaceIds"])["NetworkInterfaces"]
    return endpoint, interface["PrivateIpAddress"]


def decide(provider, action, endpoint):
    return getattr(provider.ec2, action + "_vpc_endpoint_connections")(
        ServiceId=provider.service["ServiceId"], VpcEndpointIds=[endpoint["VpcEndpointId"]])["Unsuccessful"]


def test_a_service_is_shown_to_its_owner(provider):
    service, = provider.ec2.describe_vpc_endpoint_service_configurations(
        ServiceIds=[provider.service["ServiceId"]])["ServiceConfigurations"]
    assert service["ServiceName"] == f"com.amazonaws.vpce.us-east-1.{service['ServiceId']}"
    assert service["ServiceState"] == "Available" and service["AcceptanceRequired"]
    assert service["AvailabilityZones"] == ["us-east-1a"]
    assert refused(provider.elb.delete_load_balancer,
                   LoadBalancerArn=provider.balancer_made["LoadBalancerArn"]) == "ResourceInUse"
    assert refused(provider.ec2.create_vpc_endpoint_service_configuration, NetworkLoadBalancerArns=["arn:x"]) == "InvalidParameter"


def test_only_those_let_in_know_of_it(provider, consumer):
    name = provider.service["ServiceName"]
    assert refused(consumer.ec2.describe_vpc_endpoint_services, ServiceNames=[name]) == "InvalidServiceName"
    assert refused(consumer.endpoint, name) == "InvalidServiceName"
    added = provider.ec2.modify_vpc_endpoint_service_permissions(
        ServiceId=provider.service["ServiceId"], AddAllowedPrincipals=[f"arn:aws:iam::{VENDOR}:root"])["AddedPrincipals"]
    assert added[0]["PrincipalType"] == "Account"
    shown = provider.ec2.describe_vpc_endpoint_service_permissions(ServiceId=provider.service["ServiceId"])["AllowedPrincipals"]
    assert [one["Principal"] for one in shown] == [f"arn:aws:iam::{VENDOR}:root"]
    detail, = consumer.ec2.describe_vpc_endpoint_services(ServiceNames=[name])["ServiceDetails"]
    assert detail["Owner"] == TENANT and detail["AcceptanceRequired"]


def test_an_endpoint_waits_until_it_is_accepted(provider, consumer, link):
    endpoint, address = link
    assert consumer.state(endpoint) == "pendingAcceptance"
    connection, = provider.ec2.describe_vpc_endpoint_connections(
        Filters=by("service-id", provider.service["ServiceId"]))["VpcEndpointConnections"]
    assert connection["VpcEndpointOwner"] == VENDOR and connection["VpcEndpointState"] == "pendingAcceptance"
    assert consumer.ask(address) is None
    assert decide(provider, "accept", endpoint) == []
    assert consumer.state(endpoint) == "available"
    provider.rule("authorize", "::/0", of=provider.own)
    assert consumer.ask(address) is None  # the load balancer's own group lets no IPv4 address in
    provider.ec2.authorize_security_group_ingress(GroupId=provider.own, IpPermissions=[
        {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": [{"CidrIp": f"{consumer.address}/32"}]}])
    assert wait_for(lambda: consumer.ask(address))["peer"] == provider.at
    assert decide(provider, "accept", endpoint)[0]["Error"]["Code"] == "InvalidState"


def test_an_endpoint_has_names(consumer, link):
    endpoint, address = link
    names = [entry["DnsName"] for entry in consumer.ec2.describe_vpc_endpoints(
        VpcEndpointIds=[endpoint["VpcEndpointId"]])["VpcEndpoints"][0]["DnsEntries"]]
    assert len(names) == 2 and "us-east-1a" in names[1]
    for name in names:
        assert name.startswith(endpoint["VpcEndpointId"]) and name.endswith(".us-east-1.vpce.amazonaws.com")
        assert consumer.ask(name)


def test_an_endpoints_own_group_judges_who_comes(consumer, link):
    _, address = link
    consumer.permit("revoke")
    wait_for(lambda: consumer.ask(address) is None)
    consumer.permit("authorize")
    wait_for(lambda: consumer.ask(address))


def test_the_proxy_protocol_says_whose_endpoint_it_is(provider, consumer, link):
    endpoint, address = link
    provider.set(provider.targets, proxy_protocol_v2__enabled="true")
    answer = wait_for(lambda: (lambda a: a and a["header"] and a)(consumer.ask(address)))
    header = bytes.fromhex(answer["header"])
    assert header[12:14] == b"\x21\x11" and ".".join(map(str, header[16:20])) == consumer.address
    assert header[28] == 0xEA and header[31] == 1 and header[32:].decode() == endpoint["VpcEndpointId"]
    provider.set(provider.targets, proxy_protocol_v2__enabled="false")


def test_a_private_name_is_proved_and_leads_to_the_endpoint(region, provider, consumer, link):
    endpoint, _ = link
    id = provider.service["ServiceId"]
    name = lambda: provider.ec2.describe_vpc_endpoint_service_configurations(ServiceIds=[id])["ServiceConfigurations"][0][
        "PrivateDnsNameConfiguration"]
    use = lambda: consumer.ec2.modify_vpc_endpoint(VpcEndpointId=endpoint["VpcEndpointId"], PrivateDnsEnabled=True)
    provider.ec2.modify_vpc_endpoint_service_configuration(ServiceId=id, PrivateDnsName="search.tenant.example")
    assert name()["State"] == "pendingVerification" and refused(use) == "InvalidParameter"
    provider.ec2.start_vpc_endpoint_service_private_dns_verification(ServiceId=id)
    assert name()["State"] == "failed"
    (region.directory / "public-dns.txt").write_text(f"{name()['Name']}.search.tenant.example {name()['Value']}\n")
    provider.ec2.start_vpc_endpoint_service_private_dns_verification(ServiceId=id)
    assert name()["State"] == "verified"
    use()
    assert wait_for(lambda: consumer.ask("search.tenant.example"))


def test_a_link_comes_back_with_the_region(region, provider, consumer, link):
    _, address = link
    region.stop()
    region.start()
    for one in provider, consumer:
        one.ec2 = region.client("ec2", "acme" if one is provider else "vendor")
    provider.elb = region.client("elbv2")
    wait_for((region.directory / "machines" / f"{consumer.id}.pid").exists)
    assert wait_for(lambda: consumer.ask(address), 30)


def test_a_rejected_endpoint_gets_nothing_more_and_a_service_goes_when_nobody_uses_it(provider, consumer, link):
    endpoint, address = link
    id = provider.service["ServiceId"]
    undone, = provider.ec2.delete_vpc_endpoint_service_configurations(ServiceIds=[id])["Unsuccessful"]
    assert undone["Error"]["Code"] == "ExistingVpcEndpointConnections"
    assert decide(provider, "reject", endpoint) == []
    assert consumer.state(endpoint) == "rejected"
    wait_for(lambda: consumer.ask(address) is None)
    consumer.ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint["VpcEndpointId"]])
    assert provider.ec2.delete_vpc_endpoint_service_configurations(ServiceIds=[id])["Unsuccessful"] == []
    provider.elb.delete_load_balancer(LoadBalancerArn=provider.balancer_made["LoadBalancerArn"])
