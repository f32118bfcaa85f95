"""localaws as a test starts it: records only, on a free port, in a directory of its own. Its fixtures are imported by name:
a conftest.py here would hide the one of the story above."""
import ipaddress
import os
import pathlib
import signal
import subprocess

import boto3
import botocore.config
import pytest

from answers import watch

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("LOCALAWS", ROOT / "build/src/localaws/localaws")
VENDOR, TENANT = "100000000001", "210987654321"


class Region:
    def __init__(self, directory):
        self.directory = directory
        self.process = self.url = None

    def start(self, *options, accounts=(f"{VENDOR}=vendor", f"{TENANT}=acme")):
        self.process = subprocess.Popen(
            [PROGRAM, "--state", self.directory, "--listen", "127.0.0.1:0", "--proxy", "127.0.0.1:0", "--no-plane",
             *(f"--account={account}" for account in accounts), *options],
            stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        assert line.startswith("ready "), line
        self.url = line.split()[1]
        return self

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        assert self.process.wait(timeout=20) in (0, -how)

    def session(self, profile="acme", keys=None):
        os.environ["AWS_SHARED_CREDENTIALS_FILE"] = str(self.directory / "credentials")
        if keys:
            return boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys.get("SessionToken"), "us-east-1")
        return boto3.Session(profile_name=profile, region_name="us-east-1")

    def client(self, service, profile="acme", keys=None, **config):
        return watch(self.session(profile, keys).client(
            service, endpoint_url=self.url, verify=str(self.directory / "ca.pem"),
            config=botocore.config.Config(retries={"max_attempts": 0}, s3={"addressing_style": "path"}, **config)))


@pytest.fixture(scope="module")
def region(tmp_path_factory):
    region = Region(tmp_path_factory.mktemp("region")).start()
    yield region
    region.stop()


@pytest.fixture
def fresh_region(tmp_path):
    """For tests that stop and start it."""
    region = Region(tmp_path).start()
    yield region
    if region.process.poll() is None:
        region.stop()


def ipv6_subnet(vpc, number):
    """The /64 of that number in a VPC's /56, whose last group is not always written."""
    whole = ipaddress.ip_network(vpc["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"])
    return str(ipaddress.ip_network((int(whole.network_address) + (number << 64), 64)))


def code_of(error):
    return error.value.response["Error"]["Code"]
