"""Terraform modules that are not ours: each applies, plans nothing afterwards, and is destroyed without a trace."""
import threading

import pytest

from local_region import Region
from terraform_runs import Module

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGtZmDLzkLtBAfwMPOCvWcUI9KPk0ZxBYMPnrVtxYiJd someone"


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Both at once, each in an account of its own: Terraform mostly waits. What each said, by module and step."""
    directory = tmp_path_factory.mktemp("terraform")
    region = Region(directory / "region").start()
    image = region.client("ec2").describe_images(Filters=[{"Name": "name", "Values": ["sim"]}])["Images"][0]["ImageId"]
    modules = {"classic": Module("classic", directory, region, "acme"),
               "modern": Module("modern", directory, region, "vendor", image=image, public_key=KEY)}
    said = {}

    def run(name, module):
        module.init()
        for step, words in {"apply": ["apply", "-auto-approve"], "plan": ["plan", "-detailed-exitcode"],
                            "destroy": ["destroy", "-auto-approve"]}.items():
            said[name, step] = module.run(*words)

    threads = [threading.Thread(target=run, args=pair) for pair in modules.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    yield region, said
    region.stop()


@pytest.mark.parametrize("name", ["classic", "modern"])
@pytest.mark.parametrize("step", ["apply", "plan", "destroy"])
def test_a_module_of_somebody_else_applies_plans_nothing_and_is_destroyed(runs, name, step):
    status, said = runs[1][name, step]
    assert status == 0, said[-8000:]


@pytest.mark.parametrize("profile", ["acme", "vendor"])
def test_nothing_is_left_in_the_account(runs, profile):
    ec2 = runs[0].client("ec2", profile)
    assert [vpc for vpc in ec2.describe_vpcs()["Vpcs"] if not vpc["IsDefault"]] == []
    assert ec2.describe_addresses()["Addresses"] == []
    assert ec2.describe_volumes()["Volumes"] == []
    assert runs[0].client("s3", profile).list_buckets()["Buckets"] == []
    assert runs[0].client("iam", profile).list_roles(PathPrefix="/enclave/")["Roles"] == []
