"""The tenant leaves: undeploy, terraform destroy, and nothing remains. The last of the story."""
import os
import pathlib
import subprocess

from conftest import ROOT, TENANT, VENDOR, ZONE, wait_for


def terraform(zone, *words):
    environment = zone.environment(
        "acme", TF_DATA_DIR=str(zone.directory / "terraform/tenant/data"), TF_VAR_tenant_name="acme",
        TF_VAR_vendor_account=VENDOR, TF_VAR_external_id=(zone.directory / "external-id").read_text(), TF_VAR_zone=ZONE)
    state = f"-state={zone.directory}/terraform/tenant/terraform.tfstate"
    module = ROOT / "build/local/share/enclave/terraform/examples/basic"
    return subprocess.run(["terraform", f"-chdir={module}", words[0], state, "-no-color", "-input=false", *words[1:]],
                          env=environment, capture_output=True, text=True, timeout=600)


def test_terraform_plans_nothing_after_apply(zone):
    planned = terraform(zone, "plan", "-detailed-exitcode")
    assert planned.returncode == 0, planned.stdout[-3000:] + planned.stderr


def test_undeploying_drains_archives_and_terminates(zone):
    zone.enclave("destroy", "--yes", "--wait", "180")
    wait_for("hosts are gone", lambda: not zone.instances(), 60)
    assert zone.aws("elbv2").describe_load_balancers()["LoadBalancers"] == []
    assert zone.aws("elbv2").describe_target_groups()["TargetGroups"] == []


def test_terraform_destroy_leaves_nothing_in_the_account(zone):
    destroyed = terraform(zone, "destroy", "-auto-approve")
    assert destroyed.returncode == 0, destroyed.stdout[-3000:] + destroyed.stderr
    ec2, iam, s3 = zone.aws("ec2"), zone.aws("iam"), zone.aws("s3")
    assert [v for v in ec2.describe_vpcs()["Vpcs"] if not v.get("IsDefault")] == []
    assert iam.list_roles()["Roles"] == []
    assert s3.list_buckets()["Buckets"] == []


def test_zone_down_leaves_no_process_namespace_mount_or_interface(zone):
    assert zone.down().returncode == 0
    namespaces = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True).stdout
    assert zone.label not in namespaces
    assert str(zone.directory) not in pathlib.Path("/proc/mounts").read_text()
    assert str(zone.directory) not in subprocess.run(["losetup", "-a"], capture_output=True, text=True).stdout
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue
        assert str(zone.directory) not in command or process.name == str(os.getpid()), command
    links = subprocess.run(["ip", "-br", "link"], capture_output=True, text=True).stdout
    assert zone.label not in links
