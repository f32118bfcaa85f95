"""Direct access: none until the tenant grants it, then by `enclave ssh`, and none again as soon as the grant is gone."""
import datetime
import json
import subprocess

import pytest
from conftest import ROOT, TENANT, VENDOR, ZONE, wait_for

ROLE = f"arn:aws:iam::{VENDOR}:role/vespa-ssh-login"


@pytest.fixture(scope="module")
def operator(zone):
    """An operator's own AWS keys: they may become the vendor's login role and nothing else."""
    iam = zone.aws("iam", "vendor")
    iam.create_user(UserName="ann")
    iam.put_user_policy(UserName="ann", PolicyName="login", PolicyDocument=json.dumps({
        "Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": ROLE}]}))
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    yield {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
    iam.delete_access_key(UserName="ann", AccessKeyId=key["AccessKeyId"])
    iam.delete_user_policy(UserName="ann", PolicyName="login")
    iam.delete_user(UserName="ann")


@pytest.fixture(scope="module")
def visit(zone, operator, deployment):
    """enclave ssh to one of the tenant's hosts."""
    host = zone.instances()[0]
    name = next(tag["Value"] for tag in host["Tags"] if tag["Key"] == "Name")

    def visit(*command):
        environment = zone.environment(**operator)
        environment.pop("AWS_PROFILE")
        return subprocess.run([ROOT / "build/local/bin/enclave", "ssh", name, *command], env=environment,
                              capture_output=True, text=True, timeout=60)
    visit.host = host
    return visit


@pytest.fixture(scope="module")
def grant(zone):
    """The tenant's decision, by its own Terraform."""
    until = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)
    data = zone.directory / "terraform/ssh"
    environment = zone.environment(
        "acme", TF_DATA_DIR=str(data / "data"), TF_VAR_vendor_account=VENDOR, TF_VAR_tenant_name="acme",
        TF_VAR_external_id=(zone.directory / "external-id").read_text(), TF_VAR_until=until.strftime("%Y-%m-%dT%H:%M:%SZ"),
        TF_VAR_reason="a story about a host")
    data.mkdir(exist_ok=True)

    def terraform(*words):
        done = subprocess.run(["terraform", f"-chdir={ROOT}/build/local/share/enclave/terraform/modules/ssh", *words],
                              env=environment, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    terraform("init", "-input=false", f"-plugin-dir={zone.directory}/terraform/tenant/data/providers")
    act = lambda word: terraform(word, "-auto-approve", "-input=false", "-no-color", f"-state={data}/terraform.tfstate")
    yield act
    act("destroy")


def test_without_a_grant_nobody_comes_in(zone, visit):
    refused = visit("--", "hostname")
    assert refused.returncode == 3
    assert "terraform/modules/ssh" in refused.stderr and TENANT in refused.stderr, refused.stderr
    assert zone.aws("ssm").describe_instance_information()["InstanceInformationList"] == []


def test_with_a_grant_an_operator_works_on_the_host(zone, visit, grant):
    grant("apply")
    done = visit("--", "hostname; id -un; exit 4")
    assert done.returncode == 4, done.stderr
    assert done.stdout.split() == [visit.host["PrivateDnsName"], "root"]
    session = zone.aws("ssm").describe_sessions(State="History")["Sessions"][0]
    assert session["Owner"] == f"arn:aws:sts::{TENANT}:assumed-role/vespa-ssh-login/local"
    assert session["Target"] == visit.host["InstanceId"]


def test_the_hosts_door_is_open_on_its_loopback_only(zone, visit):
    listening = zone.in_machine(visit.host, "ss", "-Hltn")
    assert "127.0.0.1:2222" in listening
    assert not zone.can_connect(f"{zone.label}-internet", zone.address(visit.host), 2222)


def test_the_grant_allows_no_other_command_and_no_other_session(zone, operator, visit):
    import boto3
    sts = lambda **keys: boto3.client("sts", region_name="us-east-1", endpoint_url=f"https://127.0.0.1:{zone.port}",
                                      verify=str(zone.directory / "localaws/ca.pem"), **keys)
    spell = lambda keys: dict(aws_access_key_id=keys["AccessKeyId"], aws_secret_access_key=keys["SecretAccessKey"],
                              aws_session_token=keys.get("SessionToken"))
    own = {"aws_access_key_id": operator["AWS_ACCESS_KEY_ID"], "aws_secret_access_key": operator["AWS_SECRET_ACCESS_KEY"]}
    vendor = sts(**own).assume_role(RoleArn=ROLE, RoleSessionName="ann")["Credentials"]
    tenant = sts(**spell(vendor)).assume_role(
        RoleArn=f"arn:aws:iam::{TENANT}:role/vespa-ssh-login", RoleSessionName="ann",
        ExternalId=(zone.directory / "external-id").read_text())["Credentials"]
    ssm = boto3.client("ssm", region_name="us-east-1", endpoint_url=f"https://127.0.0.1:{zone.port}",
                       verify=str(zone.directory / "localaws/ca.pem"), **spell(tenant))
    host = visit.host["InstanceId"]
    for call in (lambda: ssm.send_command(DocumentName="AWS-RunShellScript", InstanceIds=[host], Parameters={"commands": ["id"]}),
                 lambda: ssm.start_session(Target=host),
                 lambda: ssm.start_session(Target=host, DocumentName="AWS-StartPortForwardingSession"),
                 lambda: ssm.describe_sessions(State="Active")):
        with pytest.raises(ssm.exceptions.ClientError) as error:
            call()
        assert error.value.response["Error"]["Code"] == "AccessDeniedException"


def test_without_the_grant_again_nobody_comes_in(zone, visit, grant):
    grant("destroy")
    refused = visit("--", "hostname")
    assert refused.returncode == 3 and "terraform/modules/ssh" in refused.stderr, refused.stderr
    assert zone.aws("ssm").describe_instance_information()["InstanceInformationList"] == []
