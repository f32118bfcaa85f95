"""What the region knows outlasts it: stops, kills in the middle of a storm of calls, and being copied."""
import json
import random
import shutil
import signal
import sqlite3
import subprocess
import threading
import time

import botocore.exceptions
import botocore.parsers
import pytest

from local_region import PROGRAM, TENANT, VENDOR, Region, fresh_region  # noqa: F401  (fixture)
from test_ec2_instances import Network

SIM = "ami-sim00000000000000"
KEPT_AFTER_S = 1.0  # on disk a quarter of a second after the answer; the rest is for a busy machine


class Storm:
    """Calls from several threads until the region is gone; when each was answered."""

    def __init__(self, network):
        self.network, self.answered, self.lock = network, [], threading.Lock()
        self.threads = [threading.Thread(target=self.run, args=(number,)) for number in range(3)]
        for thread in self.threads:
            thread.start()

    def run(self, number):
        ec2 = self.network.region.client("ec2")
        try:
            while True:
                instance, = self.network.run(ec2=ec2, ImageId=SIM)
                self.note("made", instance["InstanceId"])
                ec2.create_tags(Resources=[instance["InstanceId"]], Tags=[{"Key": "seen", "Value": str(number)}])
                self.note("tagged", instance["InstanceId"])
                if random.random() < 0.3:
                    ec2.terminate_instances(InstanceIds=[instance["InstanceId"]])
                    self.note("ended", instance["InstanceId"])
        except (botocore.exceptions.BotoCoreError, botocore.parsers.ResponseParserError):
            return

    def note(self, what, id):
        with self.lock:
            self.answered.append((time.monotonic(), what, id))

    def wait_for(self, count):
        until = time.monotonic() + 30
        while len(self.answered) < count and time.monotonic() < until:
            time.sleep(0.02)

    def before(self, moment):
        for thread in self.threads:
            thread.join()
        return [(what, id) for at, what, id in self.answered if at < moment]


def test_whatever_was_answered_a_moment_before_a_kill_is_still_true(fresh_region):
    network = Network(fresh_region)
    known = []
    for _ in range(3):
        storm = Storm(network)
        storm.wait_for(20)
        time.sleep(KEPT_AFTER_S + random.uniform(0, 0.3))
        killed = time.monotonic()
        fresh_region.stop(signal.SIGKILL)
        known += storm.before(killed - KEPT_AFTER_S)
        fresh_region.start()
        network.ec2 = fresh_region.client("ec2")
        pages = network.ec2.get_paginator("describe_instances").paginate()
        there = {one["InstanceId"]: one for page in pages for made in page["Reservations"] for one in made["Instances"]}
        tagged = {id for what, id in known if what == "tagged"}
        ended = {id for what, id in known if what == "ended"}
        assert len(known) >= 20 and {id for _, id in known} <= there.keys()
        assert all("seen" in [tag["Key"] for tag in there[id]["Tags"]] for id in tagged)
        assert all(there[id]["State"]["Name"] == "terminated" for id in ended)
        for one in there.values():  # each call is there whole or not at all
            whole = 0 if one["State"]["Name"] == "terminated" else 1
            assert len(one["NetworkInterfaces"]) == len(one["BlockDeviceMappings"]) == whole
            assert one["State"]["Name"] in ("running", "terminated")


def test_a_copy_of_a_stopped_region_is_a_region_of_its_own(fresh_region, tmp_path_factory):
    network = Network(fresh_region)
    id = network.run(ImageId=SIM)[0]["InstanceId"]
    fresh_region.client("s3").create_bucket(Bucket="kept")
    fresh_region.client("s3").put_object(Bucket="kept", Key="a", Body=b"words")
    fresh_region.stop()
    copy = Region(tmp_path_factory.mktemp("copies") / "copy")
    shutil.copytree(fresh_region.directory, copy.directory, ignore=shutil.ignore_patterns("*.sock"))
    copy.start()
    fresh_region.start()
    try:
        ec2 = copy.client("ec2")
        assert ec2.describe_instances(InstanceIds=[id])["Reservations"][0]["Instances"][0]["State"]["Name"] == "running"
        assert copy.client("s3").get_object(Bucket="kept", Key="a")["Body"].read() == b"words"
        ec2.terminate_instances(InstanceIds=[id])
        network.ec2 = fresh_region.client("ec2")
        assert network.shown(id)["State"]["Name"] == "running"
    finally:
        copy.stop()


def refusal(directory, *options):
    done = subprocess.run([PROGRAM, "--state", directory, "--listen", "127.0.0.1:0", "--proxy", "127.0.0.1:0", "--no-plane",
                           "--account", f"{VENDOR}=vendor", *options], capture_output=True, text=True, timeout=20)
    assert done.returncode == 1
    return done.stderr


def test_a_state_of_another_version_or_region_is_refused_and_left_alone(fresh_region):
    fresh_region.stop()
    path = fresh_region.directory / "state.db"
    assert path.stat().st_mode & 0o777 == 0o600
    assert "of another version or region" in refusal(fresh_region.directory, "--region", "eu-north-1")
    database = sqlite3.connect(path)
    database.execute("PRAGMA user_version=99")
    database.close()
    assert "of another version or region" in refusal(fresh_region.directory)
    path.write_bytes(b"no database" * 1000)
    assert "not a database" in refusal(fresh_region.directory)
    assert path.read_bytes().startswith(b"no database")
    path.unlink()
    (fresh_region.directory / "state.json").write_text("{}")
    assert "earlier version" in refusal(fresh_region.directory)


def test_a_log_cut_short_costs_the_last_changes_only(fresh_region):
    """As when the machine, not the program, dies while it writes."""
    ec2 = fresh_region.client("ec2")
    ids = []
    for number in range(12):
        ids.append(ec2.create_vpc(CidrBlock=f"10.{number}.0.0/16")["Vpc"]["VpcId"])
        time.sleep(0.1)
    time.sleep(KEPT_AFTER_S)
    fresh_region.stop(signal.SIGKILL)
    log = fresh_region.directory / "state.db-wal"
    with open(log, "r+b") as file:
        file.truncate(log.stat().st_size - 3000)
    fresh_region.start()
    there = [vpc["VpcId"] for vpc in fresh_region.client("ec2").describe_vpcs()["Vpcs"]]
    assert there == ids[:len(there)] and len(there) >= 6


def test_what_changes_with_another_thing_is_kept_too(fresh_region):
    """A subnet that goes takes its associations out of route tables and ACLs."""
    network = Network(fresh_region)
    ec2 = network.ec2
    table = ec2.create_route_table(VpcId=network.vpc)["RouteTable"]["RouteTableId"]
    subnet = ec2.create_subnet(VpcId=network.vpc, CidrBlock="10.128.1.0/24")["Subnet"]["SubnetId"]
    ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
    time.sleep(KEPT_AFTER_S)
    ec2.delete_subnet(SubnetId=subnet)
    time.sleep(KEPT_AFTER_S)
    fresh_region.stop(signal.SIGKILL)
    fresh_region.start()
    ec2 = fresh_region.client("ec2")
    assert ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]["Associations"] == []
    acls = ec2.describe_network_acls(Filters=[{"Name": "association.subnet-id", "Values": [subnet]}])["NetworkAcls"]
    assert acls == []


def test_keys_are_after_a_kill_what_they_were(fresh_region):
    """Sessions go on, a key that was shut stays shut, one that is gone stays gone, and each has its date."""
    iam, sts = fresh_region.client("iam"), fresh_region.client("sts")
    iam.create_user(UserName="u")
    shut, gone = (iam.create_access_key(UserName="u")["AccessKey"] for _ in range(2))
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": f"arn:aws:iam::{TENANT}:root"}}]}))
    iam.put_user_policy(UserName="u", PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}]}))
    open_ = {"AccessKeyId": gone["AccessKeyId"], "SecretAccessKey": gone["SecretAccessKey"]}
    session = fresh_region.client("sts", keys=open_).assume_role(
        RoleArn=f"arn:aws:iam::{TENANT}:role/r", RoleSessionName="se")["Credentials"]
    iam.update_access_key(UserName="u", AccessKeyId=shut["AccessKeyId"], Status="Inactive")
    time.sleep(KEPT_AFTER_S)
    iam.delete_access_key(UserName="u", AccessKeyId=gone["AccessKeyId"])
    time.sleep(KEPT_AFTER_S)
    fresh_region.stop(signal.SIGKILL)
    fresh_region.start()
    assert fresh_region.client("sts", keys=session).get_caller_identity()["Arn"].endswith("assumed-role/r/se")
    key, = fresh_region.client("iam").list_access_keys(UserName="u")["AccessKeyMetadata"]
    assert (key["AccessKeyId"], key["Status"], key["CreateDate"]) == (shut["AccessKeyId"], "Inactive", shut["CreateDate"])
    for keys in shut, gone:
        with pytest.raises(botocore.exceptions.ClientError):
            fresh_region.client("sts", keys=keys).get_caller_identity()
