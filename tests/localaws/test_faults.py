"""Faults on demand: each kind as a client of AWS meets it, who it is for, and that it can be told beforehand."""
import concurrent.futures
import json
import signal
import stat
import subprocess
import time

import botocore.config
import botocore.exceptions
import botocore.parsers
import pytest
from faults import Faults
from local_region import PROGRAM, TENANT, VENDOR, code_of, fresh_region, region  # noqa: F401 (fixtures)
from test_ec2_instances import Network, by


@pytest.fixture(scope="module")
def network(region):
    return Network(region)


@pytest.fixture
def faults(region):
    faults = Faults(PROGRAM, region.directory)
    yield faults
    faults.clear()


def outcome(call, *arguments, **more):
    """"ok", or the error's code."""
    try:
        call(*arguments, **more)
        return "ok"
    except botocore.exceptions.ClientError as error:
        return error.response["Error"]["Code"]


def status(call, *arguments, **more):
    with pytest.raises(botocore.exceptions.ClientError) as error:
        call(*arguments, **more)
    return error.value.response["ResponseMetadata"]["HTTPStatusCode"], code_of(error)


@pytest.mark.parametrize("service, call, refusal", [
    ("ec2", lambda c: c.describe_vpcs(), (503, "RequestLimitExceeded")),
    ("iam", lambda c: c.list_roles(), (400, "Throttling")),
    ("sts", lambda c: c.get_caller_identity(), (400, "Throttling")),
    ("elbv2", lambda c: c.describe_load_balancers(), (400, "Throttling")),
    ("kms", lambda c: c.list_keys(), (400, "ThrottlingException")),
    ("ssm", lambda c: c.list_documents(), (400, "ThrottlingException")),
    ("s3", lambda c: c.list_buckets(), (503, "SlowDown")),
    ("s3", lambda c: c.put_object(Bucket="some-bucket", Key="k", Body=b"x" * 3000000), (503, "SlowDown")),
], ids=["ec2", "iam", "sts", "elbv2", "kms", "ssm", "s3", "s3 with a body"])
def test_a_throttled_service_says_so_in_its_own_words(region, faults, service, call, refusal):
    with faults.given("throttle"):
        assert status(call, region.client(service)) == refusal
    assert outcome(call, region.client(service)) in ("ok", "NoSuchBucket")


def test_a_client_that_retries_gets_through_a_throttle(region, faults):
    client = region.session().client(
        "ec2", endpoint_url=region.url, verify=str(region.directory / "ca.pem"),
        config=botocore.config.Config(retries={"max_attempts": 4, "mode": "standard"}))
    rule = faults.add("throttle", service="ec2", action="DescribeRegions", count=2)
    answer = client.describe_regions()
    assert answer["ResponseMetadata"]["RetryAttempts"] == 2 and faults.fired(rule) == 2


def test_a_fault_is_for_those_it_names(region, faults):
    iam = region.client("iam")
    iam.create_user(UserName="hit")
    iam.put_user_policy(UserName="hit", PolicyName="all", PolicyDocument=json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}))
    key = iam.create_access_key(UserName="hit")["AccessKey"]
    ec2, user, vendor = region.client("ec2"), region.client("ec2", keys=key), region.client("ec2", "vendor")

    def hit(**match):
        with faults.given("error", code="Hit", **match):
            return [outcome(ec2.describe_vpcs) == "Hit", outcome(user.describe_vpcs) == "Hit",
                    outcome(vendor.describe_vpcs) == "Hit", outcome(ec2.describe_subnets) == "Hit"]

    assert hit() == [True, True, True, True]
    assert hit(account=VENDOR) == [False, False, True, False]
    assert hit(action="Describe?pcs") == [True, True, True, False]
    assert hit(service="kms") == [False, False, False, False]
    assert hit(principal="*:user/hit") == [False, True, False, False]
    assert hit(account=TENANT, action="DescribeSubnets") == [False, False, False, True]


def test_a_fault_is_for_the_resource_it_names(region, faults, network):
    ec2, s3, kms = region.client("ec2"), region.client("s3"), region.client("kms")
    s3.create_bucket(Bucket="hit-and-miss")
    with faults.given("error", code="Hit", resource=network.vpc):
        assert outcome(ec2.describe_vpcs, VpcIds=[network.vpc]) == "Hit"
        assert outcome(ec2.describe_vpcs, Filters=by("vpc-id", network.vpc)) == "Hit"
        assert outcome(ec2.describe_vpcs) == "ok"
    with faults.given("error", code="Hit", resource="hit-and-miss/logs/*"):
        assert outcome(s3.put_object, Bucket="hit-and-miss", Key="logs/a", Body=b"x") == "Hit"
        assert outcome(s3.put_object, Bucket="hit-and-miss", Key="other", Body=b"x") == "ok"
    with faults.given("error", code="Hit", resource=network.key["KeyId"]):
        assert outcome(kms.describe_key, KeyId=network.key["KeyId"]) == "Hit"
        assert outcome(kms.list_keys) == "ok"


def test_an_error_is_the_one_that_was_asked_for(region, faults):
    with faults.given("error", service="ec2", code="Server.Odd", status=599, message="out of the blue"):
        with pytest.raises(botocore.exceptions.ClientError) as error:
            region.client("ec2").describe_vpcs()
        assert code_of(error) == "Server.Odd" and "out of the blue" in str(error.value)
        assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 599
    with faults.given("error"):
        assert status(region.client("ec2").describe_vpcs) == (500, "InternalError")
        assert status(region.client("kms").list_keys) == (500, "InternalFailure")
        assert status(region.client("s3").list_buckets) == (500, "InternalError")


def test_the_same_seed_gives_the_same_decisions(region, faults):
    ec2 = region.client("ec2")

    def decisions(seed):
        with faults.given("error", code="Hit", action="DescribeVpcs", probability=0.5, seed=seed):
            return [outcome(ec2.describe_vpcs) for _ in range(24)]

    first = decisions(11)
    assert {"ok", "Hit"} == set(first) and decisions(11) == first and decisions(12) != first


def test_the_first_pass_and_only_so_many_are_hit(region, faults):
    ec2 = region.client("ec2")
    rule = faults.add("error", code="Hit", action="DescribeVpcs", after=2, count=3)
    assert [outcome(ec2.describe_vpcs) for _ in range(7)] == ["ok"] * 2 + ["Hit"] * 3 + ["ok"] * 2
    shown, = faults.list()
    assert shown["id"] == rule and shown["matched"] == 7 and shown["fired"] == 3


def test_a_token_bucket_empties_and_fills_again_for_each_account_and_action(region, faults):
    ec2, vendor = region.client("ec2"), region.client("ec2", "vendor")
    faults.add("token-bucket", service="ec2", bucket=5, refill=5)
    assert [outcome(ec2.describe_vpcs) for _ in range(6)] == ["ok"] * 5 + ["RequestLimitExceeded"]
    assert outcome(ec2.describe_subnets) == outcome(vendor.describe_vpcs) == "ok"
    time.sleep(0.45)
    assert [outcome(ec2.describe_vpcs) for _ in range(2)] == ["ok"] * 2


def test_a_late_answer_keeps_nobody_else_waiting(region, faults):
    slow, quick = region.client("ec2"), region.client("kms")
    faults.add("latency", service="ec2", ms=1000)
    clients = [region.client("ec2") for _ in range(12)]  # more than there are workers
    begin = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        late = [pool.submit(client.describe_vpcs) for client in clients]
        time.sleep(0.4)
        before = time.monotonic()
        quick.list_keys()
        assert time.monotonic() - before < 0.5
        assert [outcome(call.result) for call in late] == ["ok"] * 12
    assert 1 <= time.monotonic() - begin < 4
    faults.clear()
    faults.add("latency", service="ec2", ms="100-200")
    begin = time.monotonic()
    slow.describe_vpcs()
    assert 0.1 <= time.monotonic() - begin < 0.6


def test_a_late_refusal_and_a_late_object_are_late_too(region, faults):
    s3 = region.client("s3")
    s3.create_bucket(Bucket="late-1")
    s3.put_object(Bucket="late-1", Key="k", Body=b"x" * 200000)
    faults.add("latency", ms=300)
    for call in (lambda: outcome(s3.get_object, Bucket="late-1", Key="absent"),
                 lambda: len(s3.get_object(Bucket="late-1", Key="k")["Body"].read())):
        begin = time.monotonic()
        assert call() in ("NoSuchKey", 200000)
        assert time.monotonic() - begin >= 0.3


def test_a_lost_answer_was_carried_out_and_a_client_token_makes_the_retry_harmless(region, faults, network):
    client = region.session().client(
        "ec2", endpoint_url=region.url, verify=str(region.directory / "ca.pem"),
        config=botocore.config.Config(retries={"max_attempts": 3, "mode": "standard"}))
    rule = faults.add("lost-response", action="RunInstances", count=1)
    made, = network.run(client, ClientToken="only-once", tags={"Name": "once"})
    assert faults.fired(rule) == 1
    found = client.describe_instances(Filters=by("tag:Name", "once"))["Reservations"]
    assert [i["InstanceId"] for r in found for i in r["Instances"]] == [made["InstanceId"]]
    faults.add("lost-response", action="CreateBucket", count=1)
    with pytest.raises(botocore.exceptions.HTTPClientError):
        region.client("s3").create_bucket(Bucket="made-in-silence")
    assert outcome(region.client("s3").head_bucket, Bucket="made-in-silence") == "ok"


def test_a_zone_or_type_without_capacity(region, faults, network):
    zone = network.ec2.describe_subnets(SubnetIds=[network.subnet])["Subnets"][0]["AvailabilityZone"]
    with faults.given("insufficient-capacity", zone=zone, instance_type="m7g.*"):
        assert status(network.run, tags={"Name": "no-room"}) == (500, "InsufficientInstanceCapacity")
        assert network.run(InstanceType="t4g.small")
    with faults.given("insufficient-capacity", zone="us-east-1f"):
        assert network.run()
    with faults.given("insufficient-capacity", count=1):
        assert [outcome(network.run) for _ in range(2)] == ["InsufficientInstanceCapacity", "ok"]
    assert not network.ec2.describe_instances(Filters=by("tag:Name", "no-room"))["Reservations"]


def test_an_instance_that_never_boots_runs_and_is_impaired(region, faults, network):
    with faults.given("never-boots", resource="silent-*"):
        dead, = network.run(tags={"Name": "silent-1"})
        well, = network.run(tags={"Name": "loud-1"})
    statuses = network.ec2.describe_instance_status(InstanceIds=[dead["InstanceId"], well["InstanceId"]])
    shown = {s["InstanceId"]: (s["InstanceState"]["Name"], s["InstanceStatus"]["Status"])
             for s in statuses["InstanceStatuses"]}
    assert shown == {dead["InstanceId"]: ("running", "impaired"), well["InstanceId"]: ("running", "ok")}
    impaired = network.ec2.describe_instance_status(Filters=by("instance-status.status", "impaired"))["InstanceStatuses"]
    assert [s["InstanceId"] for s in impaired] == [dead["InstanceId"]]
    assert not network.ec2.describe_instance_status(Filters=by("system-status.status", "impaired"))["InstanceStatuses"]
    network.ec2.terminate_instances(InstanceIds=[dead["InstanceId"]])
    assert network.shown(dead["InstanceId"])["State"]["Name"] == "terminated"


def test_an_instance_that_boots_slowly_is_pending_for_that_long(region, faults, network):
    faults.add("slow-boot", ms=700)
    late, gone = (network.run()[0]["InstanceId"] for _ in range(2))
    assert network.shown(late)["State"]["Name"] == "pending"
    network.ec2.terminate_instances(InstanceIds=[gone])
    time.sleep(0.9)
    assert network.shown(late)["State"]["Name"] == "running"
    assert network.shown(gone)["State"]["Name"] == "terminated"


def test_a_refused_call_is_in_the_audit_trail(region, faults):
    with faults.given("throttle", service="ec2"):
        status(region.client("ec2").describe_key_pairs)
    event, = region.client("cloudtrail").lookup_events(
        LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "DescribeKeyPairs"}])["Events"]
    assert json.loads(event["CloudTrailEvent"])["errorCode"] == "Client.RequestLimitExceeded"


def test_what_an_operator_does_to_instances(region, faults, network):
    ids = [network.run()[0]["InstanceId"] for _ in range(4)]
    faults.event("schedule", ids[0], code="instance-retirement", in_=3600, description="old host")
    event, = network.ec2.describe_instance_status(InstanceIds=[ids[0]])["InstanceStatuses"][0]["Events"]
    assert event["Code"] == "instance-retirement" and "old host" in event["Description"]
    faults.event("cancel", ids[0])
    event, = network.ec2.describe_instance_status(InstanceIds=[ids[0]])["InstanceStatuses"][0]["Events"]
    assert event["Description"].startswith("[Canceled]")
    faults.event("schedule", ids[1], code="instance-stop")
    faults.event("terminate", ids[2])
    faults.event("stop", ids[3])

    def states():
        return [network.shown(id)["State"]["Name"] for id in ids]

    until = time.monotonic() + 10
    while states() != ["running", "stopped", "terminated", "stopped"] and time.monotonic() < until:
        time.sleep(0.05)
    assert states() == ["running", "stopped", "terminated", "stopped"]
    assert network.shown(ids[2])["StateReason"]["Code"].startswith("Server.")


@pytest.mark.parametrize("words, says", [
    (["fault", "add", "flood"], "kind"),
    (["fault", "add", "latency"], "ms"),
    (["fault", "add", "throttle", "--probability", "2"], "probability"),
    (["fault", "add", "throttle", "--probability", "often"], "--probability"),
    (["fault", "remove", "f-0"], "f-0"),
    (["event", "terminate", "i-00000000000000000"], "i-00000000000000000"),
    (["event", "schedule", "i-00000000000000000"], "code"),
    (["fault", "add"], "usage"),
    (["fault", "add", "network-cut", "--from", "internet", "--to", "i-1"], "networks"),
])
def test_what_cannot_be_done_is_said_with_the_reason(faults, words, says):
    done = faults.run(*words, check=False)
    assert done.returncode in (1, 2) and says in done.stderr, done


def test_help_names_every_kind_and_option(region):
    for words, expected in ((["fault", "--help"], ["fault add", "fault clear"]),
                            (["fault", "add", "--help"], ["token-bucket", "--probability", "--instance-type"]),
                            (["event", "--help"], ["event schedule"])):
        shown = subprocess.run([PROGRAM, *words], capture_output=True, text=True)
        assert shown.returncode == 0 and all(word in shown.stdout for word in expected), shown
    assert subprocess.run([PROGRAM, "fault"], capture_output=True).returncode == 2


def test_a_person_sees_a_table(region, faults):
    faults.add("latency", service="ec2", ms="5-9", probability=0.5)
    shown = subprocess.run([PROGRAM, "fault", "list", "--state", region.directory], capture_output=True, text=True).stdout
    heading, line = shown.splitlines()
    assert heading.split()[:4] == ["ID", "KIND", "FIRED", "MATCHED"]
    assert line.split()[1] == "latency" and "service=ec2" in line and "mostMs=9" in line and "probability=0.5" in line


def test_only_the_owner_may_come_near_the_admin_api(region, faults):
    path = region.directory / "admin.sock"
    assert stat.S_ISSOCK(path.stat().st_mode) and path.stat().st_mode & 0o777 == 0o600


def test_rules_and_their_counts_survive_a_restart_and_rules_a_kill(fresh_region):
    faults = Faults(PROGRAM, fresh_region.directory)
    rule = faults.add("error", code="Hit", action="DescribeVpcs", count=2)
    assert outcome(fresh_region.client("ec2").describe_vpcs) == "Hit"
    fresh_region.stop()
    fresh_region.start()
    assert [outcome(fresh_region.client("ec2").describe_vpcs) for _ in range(2)] == ["Hit", "ok"]
    fresh_region.stop(signal.SIGKILL)
    fresh_region.start()
    assert [fault["id"] for fault in faults.list()] == [rule]
    assert faults.add("throttle") != rule


def test_answers_held_back_are_let_go_when_the_region_ends(fresh_region):
    faults = Faults(PROGRAM, fresh_region.directory)
    faults.add("latency", ms=600000)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        waiting = pool.submit(outcome, fresh_region.client("ec2").describe_vpcs)
        until = time.monotonic() + 5
        while not faults.list()[0].get("fired") and time.monotonic() < until:
            time.sleep(0.05)
        begin = time.monotonic()
        fresh_region.stop()
        assert time.monotonic() - begin < 10
        try:
            assert waiting.result(timeout=10) != "ok"
        except (botocore.exceptions.BotoCoreError, botocore.parsers.ResponseParserError):
            pass  # hung up on, or told in no protocol of AWS's
