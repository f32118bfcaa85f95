"""Instances of the image `sim`: every API believes in them, and neither network nor processes are made for them. Needs root to
show that the plane is left alone."""
import os
import pathlib
import subprocess
import time

import pytest

from local_region import PROGRAM, TENANT, VENDOR, Region, fresh_region  # noqa: F401  (fixture)
from test_ec2_instances import Network, refused

SIM = "ami-sim00000000000000"


def test_the_image_sim_has_an_id_that_never_changes(fresh_region):
    image, = fresh_region.client("ec2").describe_images(ImageIds=[SIM])["Images"]
    assert image["Name"] == "sim" and image["State"] == "available"


def test_a_simulated_instance_lives_as_any_other(fresh_region):
    network = Network(fresh_region)
    made = network.run(MinCount=3, MaxCount=3, ImageId=SIM)
    id = made[0]["InstanceId"]
    assert [one["State"]["Name"] for one in made] == ["pending"] * 3
    assert network.shown(id)["State"]["Name"] == "running"
    console = network.ec2.get_console_output(InstanceId=id)["Output"]
    assert "without processes" in console
    network.ec2.stop_instances(InstanceIds=[id])
    assert network.shown(id)["State"]["Name"] == "stopped"
    network.ec2.start_instances(InstanceIds=[id])
    network.ec2.reboot_instances(InstanceIds=[id])
    assert network.shown(id)["State"]["Name"] == "running"
    fresh_region.stop()
    fresh_region.start()
    again = Network.__new__(Network)
    again.ec2 = fresh_region.client("ec2")
    assert again.shown(id)["State"]["Name"] == "running"
    again.ec2.terminate_instances(InstanceIds=[id])
    assert again.shown(id)["State"]["Name"] == "terminated"
    volume = made[0]["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]
    assert refused(again.ec2.describe_volumes, VolumeIds=[volume]) == "InvalidVolume.NotFound"


@pytest.mark.skipif(os.geteuid() != 0, reason="networks need root")
def test_a_simulated_instance_costs_the_plane_nothing(tmp_path):
    label = f"lasim{os.getpid()}"
    region = Region(tmp_path)
    region.process = subprocess.Popen(
        [PROGRAM, "--state", tmp_path, "--listen", "127.0.0.1:0", "--proxy", "127.0.0.1:0", "--label", label,
         "--account", f"{VENDOR}=vendor", "--account", f"{TENANT}=acme"], stdout=subprocess.PIPE, text=True)
    region.url = region.process.stdout.readline().split()[1]
    try:
        network = Network(region)
        namespaces = lambda: sorted(path.name for path in pathlib.Path("/run/netns").glob(f"*{label}*"))
        until = time.monotonic() + 10
        while not any("vpc" in name for name in namespaces()) and time.monotonic() < until:
            time.sleep(0.05)
        before = namespaces()
        ids = [one["InstanceId"] for one in network.run(MinCount=50, MaxCount=50, ImageId=SIM)]
        network.ec2.authorize_security_group_ingress(GroupId=network.group, IpPermissions=[
            {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 2, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}])
        time.sleep(0.5)
        assert before and namespaces() == before
        assert not list(tmp_path.glob("volumes/*")) and not list(tmp_path.glob("consoles/*"))
        network.ec2.terminate_instances(InstanceIds=ids)
        assert namespaces() == before
    finally:
        region.stop()
