"""A region with machines behind load balancers, and questions asked of them from its internet and from inside."""
import json
import pathlib
import subprocess

from machine_region import MachineRegion, wait_for
from test_elb import Balancing
from test_elb_api import make_certificate

SERVER = pathlib.Path(__file__).with_name("nlb_machine.py")
OUTSIDE = "2001:db8:ffff::1"  # who speaks on the region's internet


class BalancedRegion(MachineRegion):
    def __init__(self, directory, label):
        super().__init__(directory, label)
        certificate, key = make_certificate(directory, "target.internal")
        program = SERVER.read_text() + f"\nmain({(certificate + key).decode()!r})\n"
        self.IMAGES = {"server": ["/usr/bin/python3", "-c", program], "sleeper": ["/bin/sleep", "infinity"]}

    def from_internet(self, *command, timeout=15):
        return subprocess.run(["ip", "netns", "exec", f"{self.label}-internet", *command], capture_output=True, text=True,
                              timeout=timeout)

    def ask(self, address, port, *options):
        """What the machine says of this request from the internet; None when nobody answers."""
        done = self.from_internet("curl", "-gs", "-m", "3", *options, f"http://[{address}]:{port}/")
        return json.loads(done.stdout) if done.returncode == 0 else None


class World(Balancing):
    """An open subnet with machines in it, and what test_elb's load balancers need."""

    def __init__(self, region):
        super().__init__(region)
        gateway = self.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        self.ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=self.vpc)
        table, = self.ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [self.vpc]}])["RouteTables"]
        self.ec2.create_route(RouteTableId=table["RouteTableId"], DestinationIpv6CidrBlock="::/0", GatewayId=gateway)
        self.ec2.create_route(RouteTableId=table["RouteTableId"], DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
        self.image = self.ec2.describe_images(Filters=[{"Name": "name", "Values": ["server"]}])["Images"][0]["ImageId"]
        self.acm = region.client("acm")

    def machine(self, **more):
        id = self.run(**more)[0]["InstanceId"]
        wait_for(lambda: self.shown(id)["State"]["Name"] == "running")
        return id, self.shown(id)["NetworkInterfaces"][0]["Ipv6Addresses"][0]["Ipv6Address"]

    def rule(self, action, cidr=None, group=None, of=None, protocol="tcp", port=None):
        """Ingress from a block or a group: to every port of TCP unless one is named."""
        ranges = {"Ipv6Ranges": [{"CidrIpv6": cidr}]} if cidr else {"UserIdGroupPairs": [{"GroupId": group}]}
        getattr(self.ec2, action + "_security_group_ingress")(GroupId=of or self.group, IpPermissions=[
            {"IpProtocol": protocol, "FromPort": port or 1, "ToPort": port or 65535, **ranges}])

    def public_address(self, name):
        interface, = self.ec2.describe_network_interfaces(
            Filters=[{"Name": "description", "Values": [f"ELB net/{name}/*"]}])["NetworkInterfaces"]
        return interface["Association"]["PublicIp"]

    def front(self, name, **more):
        """A load balancer that is open to the internet, and its address."""
        balancer = self.balancer(name, Scheme="internet-facing", **more)
        hex = balancer["LoadBalancerArn"].rsplit("/", 1)[1]
        interface, = self.ec2.describe_network_interfaces(
            Filters=[{"Name": "description", "Values": [f"ELB net/{name}/{hex}"]}])["NetworkInterfaces"]
        return balancer, interface["Ipv6Addresses"][0]["Ipv6Address"]

    def group_of(self, name, *targets, **more):
        group = self.target_group(name, **{**dict(HealthCheckIntervalSeconds=5, HealthCheckTimeoutSeconds=2,
                                                  HealthyThresholdCount=2), **more})
        self.elb.register_targets(TargetGroupArn=group["TargetGroupArn"], Targets=[{"Id": target} for target in targets])
        return group

    def set(self, group, **values):
        self.elb.modify_target_group_attributes(TargetGroupArn=group["TargetGroupArn"], Attributes=[
            {"Key": key.replace("__", "."), "Value": value} for key, value in values.items()])

    def health(self, group):
        shown = self.elb.describe_target_health(TargetGroupArn=group["TargetGroupArn"])["TargetHealthDescriptions"]
        return [(one["TargetHealth"]["State"], one["TargetHealth"].get("Reason")) for one in shown]

    def await_health(self, group, state="healthy"):
        wait_for(lambda: all(one[0] == state for one in self.health(group)), 30)
