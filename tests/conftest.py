"""One zone for the whole session: raised once, with the real Terraform, taken down at the end."""
import json
import os
import pathlib
import subprocess
import time
import zlib

import boto3
import botocore.config
import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
ENCLAVE = ROOT / "build/local/bin/enclave"
ZONE = "dev.aws-us-east-1c"
VENDOR, TENANT = "100000000001", "210987654321"


class Zone:
    """A raised zone, as a person at the shell has it."""

    directory = ROOT / "build/test-zone"
    # Two checkouts may be tested on one machine at the same time.
    mark = zlib.crc32(str(ROOT).encode()) % 5000
    port, proxy_port, label = str(20000 + 2 * mark), str(20001 + 2 * mark), f"et{mark:x}"

    # Silence that is long enough for nothing but a test of it; graces that a test can wait for.
    limits = {"hostDownGrace": 15000, "nodeDownGrace": 60000, "failedKept": 5000}

    def __init__(self):
        self.output = ""

    def environment(self, profile="acme", **more):
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "ENCLAVE_"))}
        environment.update(
            AWS_ENDPOINT_URL=f"https://127.0.0.1:{self.port}",
            AWS_CA_BUNDLE=str(self.directory / "localaws/ca.pem"),
            AWS_SHARED_CREDENTIALS_FILE=str(self.directory / "localaws/credentials"),
            AWS_REGION="us-east-1",
            AWS_DEFAULT_REGION="us-east-1",
            AWS_PROFILE=profile,
            ENCLAVE_HOME=str(self.directory / "home"),
        )
        environment.update(more)
        return environment

    def up(self):
        return subprocess.run(
            [ENCLAVE, "zone", "up", "--directory", self.directory, "--port", self.port, "--proxy-port", self.proxy_port,
             "--label", self.label],
            capture_output=True, text=True, timeout=600,
            env={**os.environ, "TF_VAR_limits": json.dumps(self.limits)})

    def down(self):
        return subprocess.run([ENCLAVE, "zone", "down", "--directory", self.directory], capture_output=True, text=True,
                              timeout=120)

    def enclave(self, *words, profile="acme", check=True, **environment):
        done = subprocess.run([ENCLAVE, *map(str, words)], capture_output=True, text=True, timeout=300,
                              env=self.environment(profile, **environment))
        if check and done.returncode != 0:
            raise AssertionError(f"enclave {' '.join(map(str, words))}: {done.stderr}{done.stdout}")
        return done

    def json(self, *words, **more):
        return json.loads(self.enclave(*words, "-o", "json", **more).stdout)

    def aws(self, service, profile="acme"):
        os.environ["AWS_SHARED_CREDENTIALS_FILE"] = str(self.directory / "localaws/credentials")
        session = boto3.session.Session(profile_name=profile, region_name="us-east-1")
        return session.client(
            service, endpoint_url=f"https://127.0.0.1:{self.port}", verify=str(self.directory / "localaws/ca.pem"),
            config=botocore.config.Config(retries={"max_attempts": 1}, s3={"addressing_style": "path"}))

    def instances(self, profile="acme", states=("pending", "running")):
        found = []
        for reservation in self.aws("ec2", profile).describe_instances()["Reservations"]:
            found += [i for i in reservation["Instances"] if i["State"]["Name"] in states]
        return found

    def instance(self, name, profile="vendor"):
        """A vendor's machine by the first label of its Name tag."""
        for instance in self.instances(profile):
            tags = {t["Key"]: t["Value"] for t in instance.get("Tags", [])}
            if tags.get("Name", "").split(".")[0] == name:
                return instance
        raise AssertionError(f"no instance {name}")

    def namespace(self, instance):
        return f"{self.label}-{instance['InstanceId']}"

    def inside(self, namespace, *words, timeout=30):
        """A program in a machine's network."""
        return subprocess.run(["ip", "netns", "exec", namespace, *map(str, words)], capture_output=True, text=True,
                              timeout=timeout)

    def can_connect(self, namespace, address, port):
        """Whether a TCP connection comes to be within two seconds."""
        return self.inside(namespace, "nc", "-z", "-w", "2", address, port).returncode == 0

    def processes(self, namespace, program):
        """Pids of a program in a machine."""
        pids = subprocess.run(["ip", "netns", "pids", namespace], capture_output=True, text=True).stdout.split()
        found = []
        for pid in pids:
            try:
                command = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0].decode()
            except OSError:
                continue
            if command.rsplit("/", 1)[-1] == program:
                found.append(int(pid))
        return found

    def in_machine(self, instance, *words):
        """A program in every namespace of a machine, as its own processes see it."""
        pid = (self.directory / f"localaws/machines/{instance['InstanceId']}.pid").read_text().strip()
        return subprocess.run(["nsenter", "-t", pid, "-a", *words], capture_output=True, text=True, timeout=30).stdout

    def tunnel_address(self, host):
        shown = self.inside(self.namespace(host), "ip", "-6", "-br", "addr", "show", "wg-enclave", "scope", "global").stdout
        return shown.split()[2].split("/")[0]

    def address(self, instance, index=0):
        return instance["NetworkInterfaces"][0]["Ipv6Addresses"][index]["Ipv6Address"]


def wait_for(what, condition, seconds=60):
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {seconds} s")
        time.sleep(0.2)


@pytest.fixture(scope="session")
def zone():
    zone = Zone()
    zone.down()
    subprocess.run(["rm", "-rf", zone.directory], check=True)
    raised = zone.up()
    zone.output = raised.stdout
    if raised.returncode != 0:
        log = zone.directory / "localaws.log"
        tail = log.read_text(errors="replace")[-4000:] if log.exists() else ""
        consoles = ""
        for console in sorted((zone.directory / "localaws/consoles").glob("*.log")):
            consoles += f"\n--- {console.name}\n" + console.read_text(errors="replace")[-3000:]
        zone.down()
        pytest.fail(f"zone up failed: {raised.stdout}{raised.stderr}\n--- localaws\n{tail}{consoles}", pytrace=False)
    yield zone
    zone.down()


@pytest.fixture(scope="session")
def deployment(zone):
    return zone.json("status")


def pytest_collection_modifyitems(items):
    """The story is told in order: what takes things down comes last."""
    order = ["test_story", "test_audit", "test_refusals", "test_direct_access", "test_network", "test_storage", "test_trouble",
             "test_recovery", "test_provisioning", "test_leaving"]

    def place(item):
        name = item.module.__name__.split(".")[-1]
        return order.index(name) if name in order else -1

    items.sort(key=place)
