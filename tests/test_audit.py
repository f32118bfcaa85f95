"""What the tenant sees of its vendor: the story above as it is in the account's own audit trail."""
import botocore.exceptions
import pytest
from conftest import TENANT, VENDOR, ZONE, wait_for


def records(zone, *words, profile="acme"):
    return zone.json("audit", *words, profile=profile)


def test_the_vendor_is_seen_to_come_in_by_the_one_role_it_was_given(zone):
    visits = records(zone, "--event", "AssumeRole", "--user", VENDOR)
    assert visits
    for visit in visits:
        assert visit["userIdentity"]["type"] == "AWSAccount" and visit["userIdentity"]["accountId"] == VENDOR
        assert visit["requestParameters"]["roleArn"].startswith(f"arn:aws:iam::{TENANT}:role/vespa-cloud-")
        assert visit["requestParameters"]["externalId"]
        assert visit["sharedEventID"] and visit["recipientAccountId"] == TENANT
    assert any(v["requestParameters"]["roleArn"].endswith("/vespa-cloud-provisioner") for v in visits)


def test_each_host_is_seen_to_be_launched_by_that_role(zone):
    launches = [r for r in records(zone, "--event", "RunInstances") if "errorCode" not in r]
    launched = {item["instanceId"]: r for r in launches for item in r["responseElements"]["instancesSet"]["items"]}
    for instance in zone.instances():
        record = launched[instance["InstanceId"]]
        issuer = record["userIdentity"]["sessionContext"]["sessionIssuer"]
        assert issuer["userName"] == "vespa-cloud-provisioner"
        assert record["requestParameters"]["userData"] == "<sensitiveDataRemoved>"
        tags = {t["key"]: t["value"] for s in record["requestParameters"]["tagSpecificationSet"]["items"]
                if s["resourceType"] == "instance" for t in s["tags"]}
        assert tags["zone"] == ZONE


def test_ec2_is_seen_to_take_the_role_of_each_host_for_it(zone):
    taken = records(zone, "--event", "AssumeRole", "--user", "ec2.amazonaws.com")
    assert {r["userIdentity"]["type"] for r in taken} == {"AWSService"}
    assert {r["requestParameters"]["roleSessionName"] for r in taken} >= {i["InstanceId"] for i in zone.instances()}


def test_the_disks_of_hosts_are_seen_to_take_keys_of_the_tenants_own(zone):
    uses = records(zone, "--event", "GenerateDataKeyWithoutPlaintext")
    assert [u for u in uses if u["userIdentity"].get("invokedBy") == "ec2.amazonaws.com"]
    assert all(u["resources"][0]["accountId"] == TENANT for u in uses)


def test_a_vendor_that_tries_the_archive_is_refused_and_seen(zone):
    bucket = {t["Key"]: t["Value"] for t in zone.aws("ec2").describe_vpcs(
        Filters=[{"Name": "tag:zone", "Values": [ZONE]}])["Vpcs"][0]["Tags"]}["archive_bucket"]
    vendor = zone.aws("s3", "vendor")
    for attempt in (lambda: vendor.list_objects_v2(Bucket=bucket), lambda: vendor.get_object(Bucket=bucket, Key="acme/x")):
        with pytest.raises(botocore.exceptions.ClientError) as refused:
            attempt()
        assert refused.value.response["Error"]["Code"] == "AccessDenied"
    seen = wait_for("the attempts in the trail", lambda: [
        r for r in records(zone, "--data", "--errors", "--resource", f"arn:aws:s3:::{bucket}") if
        r["userIdentity"]["accountId"] == VENDOR])
    assert {r["eventName"] for r in seen} >= {"ListObjects", "GetObject"}
    assert {r["errorCode"] for r in seen} == {"AccessDenied"}
    shown = zone.enclave("audit", "--data", "--errors").stdout
    assert VENDOR in shown and f"{bucket}/acme/x" in shown


def test_no_secret_of_the_zone_is_in_the_trail(zone):
    text = "".join(path.read_text() for path in (zone.directory / "localaws/trail").rglob("*.jsonl"))
    for line in (zone.directory / "localaws/credentials").read_text().splitlines():
        if "secret" in line:
            assert line.split("=")[1].strip() not in text
    assert '"secretAccessKey"' not in text
