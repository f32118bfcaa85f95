"""Instances that are machines and load balancers that carry connections: the records above, made true. Needs root."""
import http.client
import json
import os
import pathlib
import subprocess
import time

import pytest

from faults import Faults
from local_region import PROGRAM, TENANT, VENDOR, Region
from test_ec2_instances import refused
from test_elb import Balancing

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="networks and machines need root")
HERE = pathlib.Path(__file__).resolve().parent
LABEL = "lamachines"


class TrueRegion(Region):
    """With a plane, an image that runs machine.py, and the proxy into its internet."""

    def start(self, *options):
        images = self.directory / "images.json"
        images.write_text(json.dumps([{
            "name": "machine", "argv": ["/usr/bin/python3", "/opt/machine/machine.py"], "environment": ["LANG=C"],
            "binds": [f"{HERE}:/opt/machine"]}, {
            "name": "broken", "argv": ["/usr/bin/true"], "binds": ["/no/such/directory:/opt/machine"]}]))
        with open(self.directory / "log", "a") as log:
            self.process = subprocess.Popen(
                [PROGRAM, "--state", self.directory, "--listen", "127.0.0.1:0", "--proxy", "127.0.0.1:14567",
                 "--label", LABEL, "--account", f"{VENDOR}=vendor", "--account", f"{TENANT}=acme",
                 "--images", images], stdout=subprocess.PIPE, stderr=log, text=True)
        line = self.process.stdout.readline()
        assert line.startswith("ready "), (self.directory / "log").read_text()
        self.url = line.split()[1]
        return self

    def ask(self, host, port):
        """A GET from the region's internet, through the proxy; None when nothing answers."""
        connection = http.client.HTTPConnection("127.0.0.1", 14567, timeout=4)
        connection.set_tunnel(f"[{host}]" if ":" in host else host, port)
        try:
            connection.request("GET", "/")
            return json.loads(connection.getresponse().read())
        except OSError:
            return None
        finally:
            connection.close()


def wait_for(what, seconds=20):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found = what()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError("not within %d s" % seconds)


class World(Balancing):
    """A subnet that is open to the internet by IPv6, and one instance in it."""

    def __init__(self, region):
        super().__init__(region)
        gateway = self.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        self.ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=self.vpc)
        table, = self.ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [self.vpc]}])["RouteTables"]
        self.ec2.create_route(RouteTableId=table["RouteTableId"], DestinationIpv6CidrBlock="::/0", GatewayId=gateway)
        self.image = self.ec2.describe_images(Filters=[{"Name": "name", "Values": ["machine"]}])["Images"][0]["ImageId"]
        trust = {"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}]}
        self.iam.create_role(RoleName="machine", AssumeRolePolicyDocument=json.dumps(trust))
        self.iam.create_instance_profile(InstanceProfileName="machine")
        self.iam.add_role_to_instance_profile(InstanceProfileName="machine", RoleName="machine")
        self.instance = self.run(IamInstanceProfile={"Name": "machine"}, UserData="its data")[0]["InstanceId"]
        wait_for(lambda: self.shown(self.instance)["State"]["Name"] == "running")
        self.address = self.shown(self.instance)["NetworkInterfaces"][0]["Ipv6Addresses"][0]["Ipv6Address"]

    def rule(self, action, cidr):
        getattr(self.ec2, action + "_security_group_ingress")(GroupId=self.group, IpPermissions=[
            {"IpProtocol": "tcp", "FromPort": 4443, "ToPort": 4443, "Ipv6Ranges": [{"CidrIpv6": cidr}]}])


@pytest.fixture(scope="module")
def true_region(tmp_path_factory):
    region = TrueRegion(tmp_path_factory.mktemp("region")).start()
    yield region
    if region.process.poll() is None:
        region.stop()
    left = subprocess.run(["ip", "netns"], capture_output=True, text=True).stdout
    assert LABEL not in left


@pytest.fixture(scope="module")
def world(true_region):
    return World(true_region)


def test_a_machine_answers_only_whom_its_security_group_lets_in(true_region, world):
    assert true_region.ask(world.address, 4443) is None
    world.rule("authorize", "::/0")
    assert wait_for(lambda: true_region.ask(world.address, 4443))["instance-id"] == world.instance
    world.rule("revoke", "::/0")
    wait_for(lambda: true_region.ask(world.address, 4443) is None)


def test_a_machine_knows_itself_by_its_metadata(true_region, world, tmp_path):
    world.rule("authorize", "::/0")
    data = wait_for(lambda: true_region.ask(world.address, 4443))
    world.rule("revoke", "::/0")
    assert data["user-data"] == "its data" and data["role"] == "machine" and world.address in data["ipv6s"]
    assert "iam/" in data["top"] and "instance-id" in data["top"]
    document = json.loads(data["document"])
    assert document["accountId"] == TENANT and document["instanceId"] == world.instance
    signature, certificate = tmp_path / "signature", true_region.directory / "identity-document.pem"
    signature.write_text("-----BEGIN PKCS7-----\n" + data["rsa2048"].strip() + "\n-----END PKCS7-----\n")
    checked = subprocess.run(["openssl", "smime", "-verify", "-in", signature, "-inform", "PEM", "-certfile", certificate,
                              "-noverify"], capture_output=True, text=True)
    assert checked.returncode == 0 and checked.stdout == data["document"], checked.stderr
    keys = data["keys"]
    who = true_region.client("sts", keys={"AccessKeyId": keys["AccessKeyId"], "SecretAccessKey": keys["SecretAccessKey"],
                                          "SessionToken": keys["Token"]}).get_caller_identity()
    assert who["Arn"] == f"arn:aws:sts::{TENANT}:assumed-role/machine/{world.instance}"


def test_a_load_balancer_carries_connections_to_a_healthy_target(true_region, world):
    world.rule("authorize", world.block)  # only the load balancer, which is in the same subnet
    balancer = world.balancer("front")
    group = world.target_group("front", HealthCheckIntervalSeconds=5, HealthCheckTimeoutSeconds=2, HealthyThresholdCount=2)
    world.listener(balancer, group)
    world.elb.register_targets(TargetGroupArn=group["TargetGroupArn"], Targets=[{"Id": world.address}])
    state = lambda: world.elb.describe_target_health(
        TargetGroupArn=group["TargetGroupArn"])["TargetHealthDescriptions"][0]["TargetHealth"]["State"]
    wait_for(lambda: state() == "healthy", 30)
    assert true_region.ask(balancer["DNSName"], 443) is None  # internal: closed to the internet
    world.elb.modify_load_balancer_attributes(
        LoadBalancerArn=balancer["LoadBalancerArn"], Attributes=[{"Key": "ipv6.deny_all_igw_traffic", "Value": "false"}])
    answer = wait_for(lambda: true_region.ask(balancer["DNSName"], 443))
    interface, = world.ec2.describe_network_interfaces(
        Filters=[{"Name": "interface-type", "Values": ["network_load_balancer"]}])["NetworkInterfaces"]
    assert answer["instance-id"] == world.instance
    assert answer["peer"] == interface["Ipv6Addresses"][0]["Ipv6Address"]
    assert true_region.ask(world.address, 4443) is None
    world.elb.delete_load_balancer(LoadBalancerArn=balancer["LoadBalancerArn"])
    world.elb.delete_target_group(TargetGroupArn=group["TargetGroupArn"])
    world.rule("revoke", world.block)


def test_a_machine_is_stopped_started_and_rebooted(true_region, world):
    world.rule("authorize", "::/0")
    state = lambda: world.shown(world.instance)["State"]["Name"]
    world.ec2.stop_instances(InstanceIds=[world.instance])
    wait_for(lambda: state() == "stopped")
    assert true_region.ask(world.address, 4443) is None
    world.ec2.start_instances(InstanceIds=[world.instance])
    wait_for(lambda: state() == "running")
    wait_for(lambda: true_region.ask(world.address, 4443))
    world.ec2.reboot_instances(InstanceIds=[world.instance])
    wait_for(lambda: true_region.ask(world.address, 4443))
    assert state() == "running"
    console = world.ec2.get_console_output(InstanceId=world.instance)["Output"]
    assert f"metadata of {world.instance}" in console
    world.rule("revoke", "::/0")


def test_a_machine_that_cannot_boot_is_seen_to_terminate_with_the_reason(world):
    image = world.ec2.describe_images(Filters=[{"Name": "name", "Values": ["broken"]}])["Images"][0]["ImageId"]
    made, = world.run(ImageId=image)
    instance = wait_for(lambda: (lambda i: i["State"]["Name"] == "terminated" and i)(world.shown(made["InstanceId"])))
    assert instance["StateReason"]["Code"] == "Server.InternalError"
    assert "/no/such/directory" in instance["StateReason"]["Message"]


def test_a_machine_that_is_cut_off_does_not_hear_the_internet_until_the_cut_is_healed(true_region, world):
    world.rule("authorize", "::/0")
    assert wait_for(lambda: true_region.ask(world.address, 4443))
    with Faults(PROGRAM, true_region.directory).given("network-cut", from_=world.instance, to="internet"):
        wait_for(lambda: true_region.ask(world.address, 4443) is None)
    assert wait_for(lambda: true_region.ask(world.address, 4443))
    world.rule("revoke", "::/0")


def test_an_instance_that_never_boots_has_no_machine_and_a_slow_one_gets_it_late(true_region, world):
    faults = Faults(PROGRAM, true_region.directory)
    with faults.given("never-boots", count=1), faults.given("slow-boot", ms=1500, after=1):
        dark, slow = (world.run(IamInstanceProfile={"Name": "machine"}, UserData="x")[0]["InstanceId"] for _ in range(2))
    state = lambda id: world.shown(id)["State"]["Name"]
    output = lambda id: world.ec2.get_console_output(InstanceId=id).get("Output", "")
    assert state(dark) == "running" and state(slow) == "pending"
    wait_for(lambda: f"metadata of {slow}" in output(slow))
    assert state(slow) == "running" and not output(dark)
    world.ec2.terminate_instances(InstanceIds=[dark, slow])
    wait_for(lambda: state(dark) == state(slow) == "terminated")


def test_a_machine_runs_again_after_the_region_was_restarted_and_its_volume_goes_with_it(true_region, world):
    world.rule("authorize", "::/0")
    volume = world.shown(world.instance)["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]
    image = true_region.directory / "volumes" / f"{volume}.img"
    assert image.exists()
    true_region.stop()
    true_region.start()
    world.ec2 = true_region.client("ec2")
    assert wait_for(lambda: true_region.ask(world.address, 4443))["instance-id"] == world.instance
    world.ec2.terminate_instances(InstanceIds=[world.instance])
    wait_for(lambda: world.shown(world.instance)["State"]["Name"] == "terminated")
    assert not image.exists()
    assert refused(world.ec2.describe_volumes, VolumeIds=[volume]) == "InvalidVolume.NotFound"
