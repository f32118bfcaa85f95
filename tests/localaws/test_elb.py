"""Network Load Balancers without a network: records, names, attributes, and what keeps what."""
import botocore.exceptions
import pytest

from local_region import TENANT, code_of, fresh_region, region  # noqa: F401  (fixtures)
from test_ec2_instances import Network, by, refused


class Balancing(Network):
    def __init__(self, region):
        super().__init__(region)
        self.elb = region.client("elbv2")

    def balancer(self, name, **more):
        tags = [{"Key": "managedby", "Value": "vespa-cloud"}]
        order = dict(Name=name, Type="network", Scheme="internal", IpAddressType="dualstack", Subnets=[self.subnet], Tags=tags)
        return self.elb.create_load_balancer(**{**order, **more})["LoadBalancers"][0]

    def target_group(self, name, **more):
        order = dict(Name=name, Protocol="TCP", Port=4443, VpcId=self.vpc, TargetType="ip", IpAddressType="ipv6",
                     HealthCheckProtocol="TCP", HealthCheckIntervalSeconds=10)
        return self.elb.create_target_group(**{**order, **more})["TargetGroups"][0]

    def listener(self, balancer, group, port=443):
        return self.elb.create_listener(
            LoadBalancerArn=balancer["LoadBalancerArn"], Port=port, Protocol="TCP",
            DefaultActions=[{"Type": "forward", "TargetGroupArn": group["TargetGroupArn"]}])["Listeners"][0]

    def attributes(self, balancer):
        arn = balancer["LoadBalancerArn"]
        shown = self.elb.describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]
        return {attribute["Key"]: attribute["Value"] for attribute in shown}


@pytest.fixture(scope="module")
def net(region):
    return Balancing(region)


def test_a_load_balancer_has_a_name_an_interface_and_becomes_active(net):
    made = net.balancer("vespa-one")
    hex = made["LoadBalancerArn"].rsplit("/", 1)[1]
    assert made["State"]["Code"] == "provisioning" and len(hex) == 16
    assert made["LoadBalancerArn"].endswith(f":{TENANT}:loadbalancer/net/vespa-one/{hex}")
    assert made["DNSName"] == f"vespa-one-{hex}.elb.us-east-1.amazonaws.com"
    shown, = net.elb.describe_load_balancers(Names=["vespa-one"])["LoadBalancers"]
    assert shown["State"]["Code"] == "active" and shown["AvailabilityZones"][0]["ZoneName"] == "us-east-1a"
    interface, = net.ec2.describe_network_interfaces(Filters=by("description", f"ELB net/vespa-one/{hex}"))["NetworkInterfaces"]
    assert interface["InterfaceType"] == "network_load_balancer" and len(interface["Ipv6Addresses"]) == 1
    assert refused(net.ec2.delete_subnet, SubnetId=net.subnet) == "DependencyViolation"
    again = net.balancer("vespa-one")
    assert again["LoadBalancerArn"] == made["LoadBalancerArn"]
    assert refused(net.balancer, "vespa-one", Scheme="internet-facing") == "DuplicateLoadBalancerName"
    net.elb.delete_load_balancer(LoadBalancerArn=made["LoadBalancerArn"])
    net.elb.delete_load_balancer(LoadBalancerArn=made["LoadBalancerArn"])
    assert refused(net.elb.describe_load_balancers, Names=["vespa-one"]) == "LoadBalancerNotFound"
    assert not net.ec2.describe_network_interfaces(Filters=by("subnet-id", net.subnet))["NetworkInterfaces"]


def test_an_internal_load_balancer_is_closed_to_the_internet_until_it_says_otherwise(net):
    inside, outside = net.balancer("inside"), net.balancer("outside", Scheme="internet-facing")
    assert net.attributes(inside)["ipv6.deny_all_igw_traffic"] == "true"
    assert net.attributes(outside)["ipv6.deny_all_igw_traffic"] == "false"
    net.elb.modify_load_balancer_attributes(
        LoadBalancerArn=inside["LoadBalancerArn"], Attributes=[{"Key": "ipv6.deny_all_igw_traffic", "Value": "false"}])
    assert net.attributes(inside)["ipv6.deny_all_igw_traffic"] == "false"
    assert refused(net.elb.modify_load_balancer_attributes, LoadBalancerArn=inside["LoadBalancerArn"],
                   Attributes=[{"Key": "made.up", "Value": "1"}]) == "ValidationError"
    for balancer in inside, outside:
        net.elb.delete_load_balancer(LoadBalancerArn=balancer["LoadBalancerArn"])


def test_targets_are_addresses_of_the_vpc_and_the_right_family(net):
    group = net.target_group("family")
    good = net.block.replace("::/64", "::77")
    for id in "10.128.128.9", "2001:db8:ffff::1", "nonsense", "i-0123":
        assert refused(net.elb.register_targets, TargetGroupArn=group["TargetGroupArn"], Targets=[{"Id": id}]) == "ValidationError"
    net.elb.register_targets(TargetGroupArn=group["TargetGroupArn"], Targets=[{"Id": good}])
    health, = net.elb.describe_target_health(TargetGroupArn=group["TargetGroupArn"])["TargetHealthDescriptions"]
    assert health["Target"] == {"Id": good, "Port": 4443} and health["TargetHealth"]["State"] == "unused"
    other, = net.elb.describe_target_health(
        TargetGroupArn=group["TargetGroupArn"], Targets=[{"Id": "2001:db8::1"}])["TargetHealthDescriptions"]
    assert other["TargetHealth"]["Reason"] == "Target.NotRegistered"
    net.elb.deregister_targets(TargetGroupArn=group["TargetGroupArn"], Targets=[{"Id": good}])
    assert not net.elb.describe_target_health(TargetGroupArn=group["TargetGroupArn"])["TargetHealthDescriptions"]
    net.elb.delete_target_group(TargetGroupArn=group["TargetGroupArn"])


def test_a_target_group_in_use_stays_and_goes_once_its_listener_is_gone(net):
    balancer, group = net.balancer("user"), net.target_group("used")
    listener = net.listener(balancer, group)
    assert listener["ListenerArn"].startswith(balancer["LoadBalancerArn"].replace(":loadbalancer/", ":listener/") + "/")
    shown, = net.elb.describe_target_groups(LoadBalancerArn=balancer["LoadBalancerArn"])["TargetGroups"]
    assert shown["LoadBalancerArns"] == [balancer["LoadBalancerArn"]]
    assert refused(net.elb.delete_target_group, TargetGroupArn=group["TargetGroupArn"]) == "ResourceInUse"
    another = net.target_group("another")
    assert refused(net.listener, balancer, another) == "DuplicateListener"
    assert net.listener(balancer, group)["ListenerArn"] == listener["ListenerArn"]
    net.elb.modify_listener(ListenerArn=listener["ListenerArn"], Port=8443)
    assert net.elb.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"][0]["Port"] == 8443
    net.elb.delete_load_balancer(LoadBalancerArn=balancer["LoadBalancerArn"])
    net.elb.delete_target_group(TargetGroupArn=group["TargetGroupArn"])
    net.elb.delete_target_group(TargetGroupArn=another["TargetGroupArn"])


def test_tags_of_load_balancers(net):
    arn = net.balancer("tagged")["LoadBalancerArn"]
    net.elb.add_tags(ResourceArns=[arn], Tags=[{"Key": "zone", "Value": "dev.x"}])
    shown = lambda: net.elb.describe_tags(ResourceArns=[arn])["TagDescriptions"][0]["Tags"]
    assert shown() == [{"Key": "managedby", "Value": "vespa-cloud"}, {"Key": "zone", "Value": "dev.x"}]
    net.elb.remove_tags(ResourceArns=[arn], TagKeys=["managedby"])
    assert shown() == [{"Key": "zone", "Value": "dev.x"}]
    net.elb.delete_load_balancer(LoadBalancerArn=arn)
    assert refused(net.elb.describe_tags, ResourceArns=[arn]) == "LoadBalancerNotFound"


def test_load_balancers_come_back_with_the_region(fresh_region):
    net = Balancing(fresh_region)
    balancer, group = net.balancer("kept"), net.target_group("kept")
    net.listener(balancer, group)
    net.elb.register_targets(TargetGroupArn=group["TargetGroupArn"], Targets=[{"Id": net.block.replace("::/64", "::5")}])
    look = lambda elb: [elb.describe_load_balancers()["LoadBalancers"], elb.describe_target_groups()["TargetGroups"],
                        elb.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"],
                        elb.describe_target_health(TargetGroupArn=group["TargetGroupArn"])["TargetHealthDescriptions"]]
    before = look(net.elb)
    fresh_region.stop()
    fresh_region.start()
    assert look(fresh_region.client("elbv2")) == before
