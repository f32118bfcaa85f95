"""What an instance learns from the metadata service, asked from inside real machines. Needs root."""
import base64
import json
import os
import subprocess
import time

import pytest

from local_region import TENANT
from machine_region import IMDS, TOKEN, MachineRegion, Machines, running, wait_for
from test_ec2_instances import refused

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="networks and machines need root")
ROLE_SECONDS = 6


@pytest.fixture(scope="module")
def region(tmp_path_factory):
    with running(MachineRegion(tmp_path_factory.mktemp("region"), "meta"), "--role-session", str(ROLE_SECONDS)) as region:
        yield region


@pytest.fixture(scope="module")
def machines(region):
    machines = Machines(region)
    trust = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}]}
    for name in ("first", "second"):
        machines.iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
        machines.iam.create_instance_profile(InstanceProfileName=name)
        machines.iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)
    machines.pair = machines.ec2.create_key_pair(KeyName="mine", KeyType="ed25519")
    machines.id = machines.launch(KeyName="mine", UserData="its data", IamInstanceProfile={"Name": "first"},
                                  MetadataOptions={"HttpTokens": "required", "HttpProtocolIpv6": "enabled",
                                                   "HttpPutResponseHopLimit": 1})
    return machines


def change(machines, **options):
    machines.ec2.modify_instance_metadata_options(InstanceId=machines.id, **options)


def test_a_container_gets_no_token_while_the_limit_is_one_hop_and_gets_one_with_two(machines):
    address = machines.shown(machines.id)["NetworkInterfaces"][0]["Ipv6Addresses"][1]["Ipv6Address"]
    machines.sh(machines.id, f"""set -e
        ip netns add box; ip link add inner type veth peer name outer; ip link set inner netns box
        ip link set outer up; ip addr add fe80::5/64 dev outer nodad; ip route add {address}/128 dev outer
        ip -n box link set lo up; ip -n box link set inner up; ip -n box addr add {address}/128 dev inner nodad
        ip -n box route add default via fe80::5 dev inner""")
    put = f"-X PUT -H '{TOKEN}' {IMDS[6]}api/token"
    within = lambda: machines.curl(machines.id, put, within="ip netns exec box")
    assert machines.curl(machines.id, put)[0] == 200
    assert within() == (0, "")
    change(machines, HttpPutResponseHopLimit=2)
    wait_for(lambda: within()[0] == 200)
    change(machines, HttpPutResponseHopLimit=1)
    assert within() == (0, "")


def test_without_a_token_nothing_is_said(machines):
    assert machines.curl(machines.id, IMDS[4] + "meta-data/instance-id")[0] == 401
    assert machines.curl(machines.id, f"-H 'X-aws-ec2-metadata-token: AQAEA' {IMDS[4]}meta-data/")[0] == 401
    assert machines.curl(machines.id, f"-X PUT -H 'X-Forwarded-For: ::1' -H '{TOKEN}' {IMDS[4]}api/token")[0] == 403
    other = machines.launch()
    token = machines.curl(other, f"-X PUT -H '{TOKEN}' {IMDS[4]}api/token")[1]
    assert machines.curl(machines.id, f"-H 'X-aws-ec2-metadata-token: {token}' {IMDS[4]}meta-data/")[0] == 401
    machines.ec2.terminate_instances(InstanceIds=[other])


def test_the_options_are_changed_while_it_runs(machines):
    change(machines, HttpProtocolIpv6="disabled")
    assert machines.metadata(machines.id, "meta-data/instance-id", 6)[0] == 403
    assert machines.metadata(machines.id, "meta-data/instance-id") == (200, machines.id)
    change(machines, HttpEndpoint="disabled")
    assert machines.metadata(machines.id, "meta-data/instance-id")[0] == 403
    change(machines, HttpEndpoint="enabled", HttpProtocolIpv6="enabled")
    assert machines.metadata(machines.id, "meta-data/instance-id", 6) == (200, machines.id)
    machines.ec2.create_tags(Resources=[machines.id], Tags=[{"Key": "colour", "Value": "blue"}])
    assert machines.metadata(machines.id, "meta-data/tags/instance/colour")[0] == 404
    change(machines, InstanceMetadataTags="enabled")
    assert machines.metadata(machines.id, "meta-data/tags/instance/colour") == (200, "blue")


def test_user_data_is_changed_while_it_is_stopped(machines):
    assert machines.metadata(machines.id, "user-data") == (200, "its data")
    id = machines.launch(UserData="before")
    new = base64.b64encode(b"after").decode()
    modify = lambda: machines.ec2.modify_instance_attribute(InstanceId=id, Attribute="userData", Value=new)
    assert refused(modify) == "IncorrectInstanceState"
    machines.ec2.stop_instances(InstanceIds=[id])
    wait_for(lambda: machines.state(id) == "stopped")
    modify()
    machines.ec2.start_instances(InstanceIds=[id])
    wait_for(lambda: machines.state(id) == "running")
    assert machines.metadata(id, "user-data") == (200, "after")
    machines.ec2.terminate_instances(InstanceIds=[id])


def test_the_key_pair_s_public_half_is_there(machines, tmp_path):
    path = tmp_path / "key"
    path.touch(0o600)
    path.write_text(machines.pair["KeyMaterial"])
    public = subprocess.run(["ssh-keygen", "-y", "-f", path], capture_output=True, text=True).stdout.split()
    status, shown = machines.metadata(machines.id, "meta-data/public-keys/0/openssh-key")
    assert status == 200 and shown.split() == [*public[:2], "mine"]
    assert machines.metadata(machines.id, "meta-data/public-keys/") == (200, "0=mine")


def openssl(*arguments, **more):
    return subprocess.run(["openssl", *arguments], capture_output=True, **more)


def test_the_identity_document_is_verified_by_openssl_in_each_of_its_forms(machines, tmp_path):
    part = lambda name: machines.metadata(machines.id, "dynamic/instance-identity/" + name)[1]
    certificate, document = machines.region.directory / "identity-document.pem", part("document")
    shown = machines.shown(machines.id)
    assert json.loads(document).items() >= {
        "accountId": TENANT, "instanceId": machines.id, "privateIp": shown["PrivateIpAddress"], "region": "us-east-1",
        "imageId": machines.image, "pendingTime": shown["LaunchTime"].strftime("%Y-%m-%dT%H:%M:%SZ")}.items()
    for name in ("pkcs7", "rsa2048"):
        (tmp_path / name).write_text(f"-----BEGIN PKCS7-----\n{part(name).strip()}\n-----END PKCS7-----\n")
        checked = openssl("smime", "-verify", "-in", tmp_path / name, "-inform", "PEM", "-certfile", certificate, "-noverify")
        assert checked.returncode == 0 and checked.stdout.decode() == document, checked.stderr
    (tmp_path / "key").write_bytes(openssl("x509", "-in", certificate, "-pubkey", "-noout").stdout)
    (tmp_path / "signature").write_bytes(base64.b64decode(part("signature")))
    verify = ("dgst", "-sha256", "-verify", tmp_path / "key", "-signature", tmp_path / "signature")
    assert openssl(*verify, input=document.encode()).returncode == 0
    assert openssl(*verify, input=document.replace(TENANT, "000000000000").encode()).returncode != 0
    assert b"2048 bit" in openssl("x509", "-in", certificate, "-noout", "-text").stdout


def keys_of(machines, path):
    status, text = machines.metadata(machines.id, "meta-data/" + path)
    assert status == 200, text
    keys = json.loads(text)
    return {**keys, "SessionToken": keys["Token"]}


def test_role_keys_are_renewed_before_they_end_and_do_not_work_afterwards(machines):
    path = "iam/security-credentials/first"
    first = keys_of(machines, path)
    who = lambda keys: machines.region.client("sts", keys=keys).get_caller_identity()["Arn"]
    assert who(first) == f"arn:aws:sts::{TENANT}:assumed-role/first/{machines.id}"
    second = wait_for(lambda: (lambda keys: keys["AccessKeyId"] != first["AccessKeyId"] and keys)(keys_of(machines, path)),
                      ROLE_SECONDS)
    assert who(first) == who(second)  # the old ones still work when the new ones are there
    time.sleep(ROLE_SECONDS / 3 + 0.5)
    assert refused(who, first) == "ExpiredToken" and who(keys_of(machines, path))


def test_the_instance_s_own_keys_say_who_it_is_and_little_else(machines):
    keys = keys_of(machines, "identity-credentials/ec2/security-credentials/ec2-instance")
    who = machines.region.client("sts", keys=keys).get_caller_identity()
    assert who["Arn"] == f"arn:aws:sts::{TENANT}:assumed-role/aws:ec2-instance/{machines.id}"
    assert who["UserId"] == f"{TENANT}:aws:ec2-instance:{machines.id}" and who["Account"] == TENANT
    assert refused(machines.region.client("ec2", keys=keys).describe_instances) == "UnauthorizedOperation"
    assert refused(machines.region.client("s3", keys=keys).list_buckets) == "AccessDenied"


def test_a_profile_is_associated_replaced_and_taken_away_while_it_runs(machines):
    id = machines.launch()
    roles = lambda: machines.metadata(id, "meta-data/iam/security-credentials/")
    associate = lambda: machines.ec2.associate_iam_instance_profile(InstanceId=id, IamInstanceProfile={"Name": "first"})
    associations = lambda: machines.ec2.describe_iam_instance_profile_associations(
        Filters=[{"Name": "instance-id", "Values": [id]}])["IamInstanceProfileAssociations"]
    assert roles()[0] == 404 and not associations()
    made = associate()["IamInstanceProfileAssociation"]["AssociationId"]
    assert roles() == (200, "first") and refused(associate) == "IncorrectState"
    assert associations()[0]["AssociationId"] == made
    machines.ec2.replace_iam_instance_profile_association(AssociationId=made, IamInstanceProfile={"Name": "second"})
    association, = associations()
    assert roles() == (200, "second") and association["IamInstanceProfile"]["Arn"].endswith("/second")
    assert json.loads(machines.metadata(id, "meta-data/iam/info")[1])["InstanceProfileArn"].endswith("/second")
    found, = machines.ec2.describe_instances(Filters=[
        {"Name": "iam-instance-profile.arn", "Values": [association["IamInstanceProfile"]["Arn"]]}])["Reservations"]
    assert found["Instances"][0]["InstanceId"] == id
    machines.ec2.disassociate_iam_instance_profile(AssociationId=association["AssociationId"])
    assert roles()[0] == 404 and not associations()
    machines.ec2.terminate_instances(InstanceIds=[id])
