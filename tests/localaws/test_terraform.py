"""Terraform modules, two that are not ours, and our own of a zone in three availability zones: each applies, plans nothing
afterwards, and is destroyed without a trace."""
import pathlib
import threading

import pytest

from local_region import TENANT, Region
from terraform_runs import Module

OURS = pathlib.Path(__file__).resolve().parent.parent.parent / "terraform/modules/zone"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGtZmDLzkLtBAfwMPOCvWcUI9KPk0ZxBYMPnrVtxYiJd someone"


class Runs:
    """All at once, and begun before any test: Terraform mostly waits. What each said, by module and step."""

    def __init__(self, directory):
        self.region = Region(directory / "region").start()
        self.said = {}
        image = self.region.client("ec2").describe_images(Filters=[{"Name": "name", "Values": ["sim"]}])["Images"][0]["ImageId"]
        modules = {"classic": Module("classic", directory, self.region, "acme"),
                   "modern": Module("modern", directory, self.region, "vendor", image=image, public_key=KEY),
                   "zone": Module("zone", directory, self.region, "acme", source=OURS, zone="dev.aws-us-east-1c",
                                  availability_zone_id="use1-az6", more_availability_zone_ids='["use1-az1", "use1-az2"]',
                                  host_role_arn=f"arn:aws:iam::{TENANT}:role/host",
                                  provisioner_role_arn=f"arn:aws:iam::{TENANT}:role/provisioner")}
        self.threads = [threading.Thread(target=self.run, args=pair) for pair in modules.items()]
        for thread in self.threads:
            thread.start()

    def run(self, name, module):
        module.init()
        for step, words in {"apply": ["apply", "-auto-approve"], "plan": ["plan", "-detailed-exitcode"],
                            "destroy": ["destroy", "-auto-approve"]}.items():
            self.said[name, step] = module.run(*words)
            if (name, step) == ("zone", "apply"):
                self.said["subnets"] = self.region.client("ec2", "acme").describe_subnets(
                    Filters=[{"Name": "tag:zone", "Values": ["dev.aws-us-east-1c"]}])["Subnets"]

    def end(self):
        for thread in self.threads:
            thread.join()
        return self.region, self.said


begin = Runs  # as soon as the session begins (../conftest.py)


@pytest.fixture(scope="module")
def runs(begun):
    region, said = begun[__name__].end()
    yield region, said
    region.stop()


@pytest.mark.parametrize("name", ["classic", "modern", "zone"])
@pytest.mark.parametrize("step", ["apply", "plan", "destroy"])
def test_a_module_of_somebody_else_applies_plans_nothing_and_is_destroyed(runs, name, step):
    status, said = runs[1][name, step]
    assert status == 0, said[-8000:]


@pytest.mark.parametrize("service", ["tenant", "tenantelb"])
def test_a_zone_has_a_subnet_for_hosts_and_one_for_balancers_in_each_availability_zone(runs, service):
    subnets = [s for s in runs[1]["subnets"] if {"Key": "service", "Value": service} in s["Tags"]]
    assert len({s["AvailabilityZoneId"] for s in subnets}) == len(subnets) == 3
    assert all(s["Ipv6CidrBlockAssociationSet"] for s in subnets)


@pytest.mark.parametrize("profile", ["acme", "vendor"])
def test_nothing_is_left_in_the_account(runs, profile):
    ec2 = runs[0].client("ec2", profile)
    assert [vpc for vpc in ec2.describe_vpcs()["Vpcs"] if not vpc["IsDefault"]] == []
    assert ec2.describe_addresses()["Addresses"] == []
    assert ec2.describe_volumes()["Volumes"] == []
    assert runs[0].client("s3", profile).list_buckets()["Buckets"] == []
    assert runs[0].client("iam", profile).list_roles(PathPrefix="/enclave/")["Roles"] == []
