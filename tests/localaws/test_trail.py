"""The audit trail: every call, allowed or refused, as CloudTrail records it, looked up by CloudTrail's own API."""
import datetime
import json
import os
import signal
import subprocess
import time

import botocore.exceptions
import pytest
from local_region import ROOT, TENANT, VENDOR, Region, code_of, fresh_region, region  # noqa: F401 (fixtures)

TRUST = json.dumps({"Version": "2012-10-17", "Statement": [{
    "Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{VENDOR}:root"}, "Action": "sts:AssumeRole",
    "Condition": {"StringEquals": {"sts:ExternalId": "between-us"}}}]})


def allow(*actions):
    return json.dumps({"Version": "2012-10-17",
                       "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}]})


def events(region, profile="acme", keys=None, data=False, **attribute):
    """Records, newest first, of all pages."""
    client = region.client("cloudtrail", profile, keys)
    wish = {"EventCategory": "data"} if data else {}
    if attribute:
        (key, value), = attribute.items()
        wish["LookupAttributes"] = [{"AttributeKey": key, "AttributeValue": value}]
    pages = client.get_paginator("lookup_events").paginate(**wish)
    return [json.loads(event["CloudTrailEvent"]) for page in pages for event in page["Events"]]


@pytest.fixture(scope="module")
def user(region):
    """A vendor's user with a key of their own."""
    iam = region.client("iam", "vendor")
    iam.create_user(UserName="operator")
    iam.put_user_policy(UserName="operator", PolicyName="all", PolicyDocument=allow("sts:*", "s3:*", "kms:*", "ec2:*"))
    return iam.create_access_key(UserName="operator")["AccessKey"]


@pytest.fixture(scope="module")
def role(region):
    iam = region.client("iam")
    iam.create_role(RoleName="visited", AssumeRolePolicyDocument=TRUST)
    iam.put_role_policy(RoleName="visited", PolicyName="p", PolicyDocument=allow("ec2:DescribeVpcs", "kms:Decrypt"))
    return f"arn:aws:iam::{TENANT}:role/visited"


@pytest.fixture(scope="module")
def visitor(region, user, role):
    """Keys of the vendor's session in the tenant's role."""
    return region.client("sts", keys=user).assume_role(RoleArn=role, RoleSessionName="visit", ExternalId="between-us",
                                                       )["Credentials"]


def test_a_call_is_in_the_trail_of_its_account_in_cloudtrails_shape(region):
    ec2 = region.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    record = events(region, EventName="CreateVpc")[0]
    assert record["eventVersion"] == "1.11" and record["eventType"] == "AwsApiCall"
    assert record["eventSource"] == "ec2.amazonaws.com" and record["awsRegion"] == "us-east-1"
    assert record["userIdentity"] == {
        "type": "Root", "principalId": TENANT, "accountId": TENANT, "arn": f"arn:aws:iam::{TENANT}:root",
        "accessKeyId": region.session().get_credentials().access_key}
    assert record["sourceIPAddress"] == "127.0.0.1" and "Boto3" in record["userAgent"]
    assert record["requestParameters"] == {"cidrBlock": "10.1.0.0/16"}
    assert record["responseElements"]["vpc"]["vpcId"] == vpc
    assert record["readOnly"] is False and record["managementEvent"] is True and record["eventCategory"] == "Management"
    assert record["recipientAccountId"] == TENANT and record["requestID"] and record["eventID"]
    assert record["tlsDetails"]["tlsVersion"] == "TLSv1.3"
    age = datetime.datetime.now(datetime.timezone.utc) - datetime.datetime.fromisoformat(record["eventTime"][:-1] + "+00:00")
    assert abs(age.total_seconds()) < 30
    assert not [e for e in events(region, "vendor", EventName="CreateVpc")]


def test_a_refused_call_says_who_was_refused_what(region, visitor):
    with pytest.raises(botocore.exceptions.ClientError):
        region.client("ec2", keys=visitor).create_vpc(CidrBlock="10.2.0.0/16")
    record = next(e for e in events(region, EventName="CreateVpc") if "errorCode" in e)
    assert record["errorCode"] == "Client.UnauthorizedOperation" and "ec2:CreateVpc" in record["errorMessage"]
    identity = record["userIdentity"]
    assert identity["type"] == "AssumedRole" and identity["arn"].endswith(":assumed-role/visited/visit")
    assert identity["accessKeyId"] == visitor["AccessKeyId"]
    assert identity["sessionContext"]["sessionIssuer"]["userName"] == "visited"
    assert identity["sessionContext"]["sessionIssuer"]["arn"].endswith(":role/visited")
    assert identity["sessionContext"]["attributes"]["creationDate"].startswith("20")
    assert record["responseElements"] is None


def test_an_assumed_role_is_seen_by_both_accounts(region, visitor, user):
    theirs = events(region, EventName="AssumeRole")[0]
    ours = events(region, "vendor", EventName="AssumeRole")[0]
    assert theirs["sharedEventID"] == ours["sharedEventID"] and theirs["eventID"] != ours["eventID"]
    assert theirs["userIdentity"]["type"] == "AWSAccount" and theirs["userIdentity"]["accountId"] == VENDOR
    assert "arn" not in theirs["userIdentity"]
    assert ours["userIdentity"]["type"] == "IAMUser" and ours["userIdentity"]["userName"] == "operator"
    for record in (theirs, ours):
        assert record["requestParameters"]["roleSessionName"] == "visit"
        assert record["requestParameters"]["externalId"] == "between-us"
        assert record["resources"] == [{"accountId": TENANT, "type": "AWS::IAM::Role",
                                        "ARN": f"arn:aws:iam::{TENANT}:role/visited"}]
        shown = record["responseElements"]
        assert shown["credentials"]["accessKeyId"] == visitor["AccessKeyId"]
        assert "secretAccessKey" not in shown["credentials"]
        assert visitor["SessionToken"] not in json.dumps(record) and visitor["SecretAccessKey"] not in json.dumps(record)


def test_a_role_that_was_not_assumed_is_not_told_to_its_account(region, user, role):
    with pytest.raises(botocore.exceptions.ClientError):
        region.client("sts", keys=user).assume_role(RoleArn=role, RoleSessionName="guess", ExternalId="wrong")
    assert any(e.get("errorCode") == "AccessDenied" for e in events(region, "vendor", EventName="AssumeRole"))
    assert not any("errorCode" in e for e in events(region, EventName="AssumeRole"))


def test_a_wrong_signature_is_in_the_trail_of_the_keys_account(region, user):
    forged = dict(user, SecretAccessKey="x" * 40)
    with pytest.raises(botocore.exceptions.ClientError):
        region.client("ec2", keys=forged).describe_instances()
    with pytest.raises(botocore.exceptions.ClientError):
        region.client("s3", keys=forged).get_object(Bucket="some-bucket", Key="k")
    record = events(region, "vendor", EventName="DescribeInstances")[0]
    assert record["errorCode"] == "Client.AuthFailure" and record["requestParameters"] is None
    assert record["userIdentity"] == {"type": "Unknown", "accountId": VENDOR, "accessKeyId": user["AccessKeyId"]}
    record = events(region, "vendor", data=True, EventName="GetObject")[0]
    assert record["errorCode"] == "SignatureDoesNotMatch"


def test_objects_are_data_events_and_the_owner_sees_a_stranger_refused(region, user):
    s3 = region.client("s3")
    s3.create_bucket(Bucket="archive-1")
    s3.put_object(Bucket="archive-1", Key="logs/a", Body=b"secret-body")
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        region.client("s3", keys=user).get_object(Bucket="archive-1", Key="logs/a")
    assert code_of(refused) == "AccessDenied"
    assert events(region, EventName="CreateBucket") and not events(region, EventName="PutObject")
    put = events(region, data=True, EventName="PutObject")[0]
    assert put["requestParameters"]["bucketName"] == "archive-1" and put["requestParameters"]["key"] == "logs/a"
    assert put["eventCategory"] == "Data" and put["managementEvent"] is False
    assert "secret-body" not in json.dumps(put)
    get = events(region, data=True, EventName="GetObject")[0]
    assert get["errorCode"] == "AccessDenied" and get["userIdentity"]["accountId"] == VENDOR
    assert {r["type"] for r in get["resources"]} == {"AWS::S3::Object", "AWS::S3::Bucket"}


def test_a_service_that_uses_a_key_for_its_caller_is_seen(region):
    kms, s3 = region.client("kms"), region.client("s3")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    s3.create_bucket(Bucket="sealed-1")
    s3.put_object(Bucket="sealed-1", Key="k", Body=b"x", ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
    record = events(region, EventName="GenerateDataKey")[0]
    assert record["userIdentity"]["invokedBy"] == record["sourceIPAddress"] == "s3.amazonaws.com"
    assert record["resources"][0]["ARN"] == key
    assert record["requestParameters"]["encryptionContext"] == {"aws:s3:arn": "arn:aws:s3:::sealed-1/k"}


def test_secrets_are_left_out(region):
    kms = region.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    sealed = kms.encrypt(KeyId=key, Plaintext=b"a plain secret", EncryptionContext={"Purpose": "test"})
    kms.decrypt(CiphertextBlob=sealed["CiphertextBlob"], EncryptionContext={"Purpose": "test"})
    kms.generate_data_key(KeyId=key, KeySpec="AES_256")
    for name in ("Encrypt", "Decrypt", "GenerateDataKey"):
        record = events(region, EventName=name)[0]
        assert not {"plaintext", "ciphertextBlob"} & set(record["requestParameters"])
        assert record["responseElements"] is None
    assert events(region, EventName="Encrypt")[0]["requestParameters"]["encryptionContext"] == {"Purpose": "test"}
    with pytest.raises(botocore.exceptions.ClientError):
        region.client("ec2").run_instances(ImageId="ami-0", MinCount=1, MaxCount=1, UserData="a script with secrets")
    record = events(region, EventName="RunInstances")[0]
    assert record["requestParameters"]["userData"] == "<sensitiveDataRemoved>"
    assert record["requestParameters"]["instancesSet"]["items"][0] == {"imageId": "ami-0", "maxCount": 1, "minCount": 1}


@pytest.mark.parametrize("key, value, wanted", [
    ("EventSource", "kms.amazonaws.com", lambda e: e["eventSource"] == "kms.amazonaws.com"),
    ("Username", "visit", lambda e: e["userIdentity"].get("principalId", "").endswith(":visit")),
    ("ReadOnly", "false", lambda e: e["readOnly"] is False),
    ("ResourceName", f"arn:aws:iam::{TENANT}:role/visited", lambda e: e["eventName"] == "AssumeRole"),
    ("ResourceType", "AWS::KMS::Key", lambda e: e["eventSource"] == "kms.amazonaws.com"),
])
def test_events_are_looked_up_by(region, visitor, key, value, wanted):
    region.client("ec2", keys=visitor).describe_vpcs()
    region.client("kms").create_key()
    found = events(region, **{key: value})
    assert found and all(wanted(e) for e in found)
    assert {e["eventID"] for e in found} == {e["eventID"] for e in events(region) if wanted(e)}


def test_an_event_has_its_summary_and_resources(region):
    ec2 = region.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.3.0.0/16")["Vpc"]["VpcId"]
    event, = region.client("cloudtrail").lookup_events(
        LookupAttributes=[{"AttributeKey": "ResourceName", "AttributeValue": vpc}])["Events"]
    assert event["EventName"] == "CreateVpc" and event["Username"] == "root" and event["ReadOnly"] == "false"
    assert {"ResourceType": "AWS::EC2::VPC", "ResourceName": vpc} in event["Resources"]
    assert event["AccessKeyId"] == json.loads(event["CloudTrailEvent"])["userIdentity"]["accessKeyId"]
    same, = region.client("cloudtrail").lookup_events(
        LookupAttributes=[{"AttributeKey": "EventId", "AttributeValue": event["EventId"]}])["Events"]
    assert same == event


def test_pages_go_from_the_newest_back_without_gaps(region):
    ec2 = region.client("ec2")
    for _ in range(7):
        ec2.describe_regions()
    client = region.client("cloudtrail")
    wish = dict(LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "DescribeRegions"}], MaxResults=3)
    ids, pages = [], 0
    while True:
        page = client.lookup_events(**wish)
        ids += [e["EventId"] for e in page["Events"]]
        pages += 1
        if "NextToken" not in page:
            break
        wish["NextToken"] = page["NextToken"]
    assert len(ids) == len(set(ids)) == 7 and pages >= 3
    times = [e["eventTime"] for e in events(region)]
    assert times == sorted(times, reverse=True)


def test_a_time_range_bounds_what_is_found(region):
    client = region.client("cloudtrail")
    now = datetime.datetime.now(datetime.timezone.utc)
    hour = datetime.timedelta(hours=1)
    region.client("ec2").describe_availability_zones()
    assert client.lookup_events(StartTime=now - hour, EndTime=now + hour)["Events"]
    assert not client.lookup_events(StartTime=now + hour, EndTime=now + 2 * hour)["Events"]
    assert not client.lookup_events(EndTime=now - hour)["Events"]


@pytest.mark.parametrize("wish, code", [
    (dict(StartTime=2, EndTime=1), "InvalidTimeRangeException"),
    (dict(NextToken="AAAA"), "InvalidNextTokenException"),
    (dict(NextToken="Li4vLi4vZXRjL3Bhc3N3ZDp4"), "InvalidNextTokenException"),
    (dict(LookupAttributes=[{"AttributeKey": "Colour", "AttributeValue": "blue"}]), "InvalidLookupAttributesException"),
    (dict(EventCategory="insight"), "InvalidEventCategoryException"),
])
def test_a_lookup_that_is_refused(region, wish, code):
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        region.client("cloudtrail").lookup_events(**wish)
    assert code_of(refused) == code


def test_the_trail_is_for_those_who_may_see_it(region, user, visitor):
    for keys in (user, visitor):
        with pytest.raises(botocore.exceptions.ClientError) as refused:
            region.client("cloudtrail", keys=keys).lookup_events()
        assert code_of(refused) == "AccessDeniedException"
    assert events(region, "vendor", EventName="LookupEvents")[0]["errorCode"] == "AccessDenied"


def audit(region, *words, profile="acme"):
    """`enclave audit`, as a person runs it against whatever AWS their environment names."""
    environment = dict(os.environ, AWS_ENDPOINT_URL=region.url, AWS_CA_BUNDLE=str(region.directory / "ca.pem"),
                       AWS_SHARED_CREDENTIALS_FILE=str(region.directory / "credentials"), AWS_REGION="us-east-1",
                       ENCLAVE_HOME=str(region.directory))
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        environment.pop(name, None)
    program = os.environ.get("ENCLAVE", ROOT / "build/src/cli/enclave")
    return subprocess.run([program, "audit", "--profile", profile, *words], env=environment, text=True,
                          capture_output=True, timeout=30)


def test_a_person_sees_who_did_what_to_what_with_which_outcome(region, visitor):
    with pytest.raises(botocore.exceptions.ClientError):
        region.client("ec2", keys=visitor).delete_vpc(VpcId="vpc-12345678")
    with pytest.raises(botocore.exceptions.ClientError):
        region.client("ec2").delete_vpc(VpcId="vpc-12345678")
    shown = audit(region, "--event", "DeleteVpc", "--since", "1h")
    assert shown.returncode == 0, shown.stderr
    heading, first, second = shown.stdout.splitlines()
    assert heading.split() == ["TIME", "WHO", "WHAT", "ON", "WHAT", "OUTCOME"]
    assert first.split()[1:] == ["root", "ec2", "DeleteVpc", "vpc-12345678", "Client.InvalidVpcID.NotFound"]
    assert second.split()[1:4] == ["visited/visit", "ec2", "DeleteVpc"]
    other = audit(region, "--user", VENDOR, "--event", "AssumeRole").stdout.splitlines()
    assert other[1].split()[1] == VENDOR and "role/visited" in other[1] and other[1].endswith("ok")


def test_a_person_filters_what_is_shown_and_gets_records_as_json(region, visitor):
    region.client("ec2", keys=visitor).describe_vpcs()
    records = json.loads(audit(region, "--user", "visit", "-o", "json", "--limit", "5").stdout)
    assert 0 < len(records) <= 5
    assert all("visited/visit" in r["userIdentity"]["arn"] for r in records if "arn" in r["userIdentity"])
    assert all(r["errorCode"] for r in json.loads(audit(region, "--errors", "-o", "json").stdout))
    assert len(audit(region, "--limit", "1").stdout.splitlines()) == 2
    wrong = audit(region, "--account", VENDOR)
    assert wrong.returncode == 2 and TENANT in wrong.stderr
    assert audit(region, "--since", "yesterday").returncode == 2


def test_no_trail_is_configured_and_none_can_be_asked_about(region):
    client = region.client("cloudtrail")
    assert client.describe_trails()["trailList"] == [] and client.list_trails()["Trails"] == []
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        client.get_trail_status(Name="main")
    assert code_of(refused) == "TrailNotFoundException"


def test_the_trail_survives_a_kill_and_goes_on(fresh_region):
    fresh_region.client("ec2").create_vpc(CidrBlock="10.1.0.0/16")
    time.sleep(0.5)
    fresh_region.stop(signal.SIGKILL)
    (fresh_region.directory / "trail" / TENANT).mkdir(parents=True, exist_ok=True)
    newest = sorted((fresh_region.directory / "trail" / TENANT).glob("*.jsonl"))[-1]
    with newest.open("a") as torn:
        torn.write('{"eventVersion":"1.11","userIden')
    fresh_region.start()
    fresh_region.client("ec2").create_vpc(CidrBlock="10.2.0.0/16")
    found = events(fresh_region, EventName="CreateVpc")
    assert [e["requestParameters"]["cidrBlock"] for e in found] == ["10.2.0.0/16", "10.1.0.0/16"]
    assert all(p.stat().st_mode & 0o77 == 0 for p in (fresh_region.directory / "trail").rglob("*"))


def test_without_a_trail_nothing_is_kept(tmp_path):
    region = Region(tmp_path).start("--trail-mb", "0")
    region.client("ec2").describe_vpcs()
    assert events(region) == []
    assert not (tmp_path / "trail").exists()
    region.stop()
