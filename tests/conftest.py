"""Two zones for the whole session, one with three config servers: raised once, with the real Terraform, taken down at the
end."""
import concurrent.futures
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
    limits = {"hostDownGrace": 5000, "nodeDownGrace": 60000, "failedKept": 5000, "bootLongest": 60000, "capacityRetry": 2000}

    options = ()

    def __init__(self):
        self.output = ""
        self.raising = None

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

    def begin(self):
        self.raising = subprocess.Popen(
            [ENCLAVE, "zone", "up", "--directory", self.directory, "--port", self.port, "--proxy-port", self.proxy_port,
             "--label", self.label, *self.options],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "TF_VAR_limits": json.dumps(self.limits)})

    def up(self):
        """Raises it, or waits until it is raised."""
        if not self.raising:
            self.begin()
        process, self.raising = self.raising, None
        output, trouble = process.communicate(timeout=600)
        return subprocess.CompletedProcess(process.args, process.returncode, output, trouble)

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

    def reached(self, namespace, places):
        """Which of these (address, port) take a TCP connection; all are tried at once."""
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(lambda place: self.can_connect(namespace, *place), places))
        return [place for place, answer in zip(places, answers) if answer]

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


class ThreeZone(Zone):
    """With three config servers, and limits as they are."""

    directory = ROOT / "build/test-three"
    port, proxy_port, label = str(30000 + 2 * Zone.mark), str(30001 + 2 * Zone.mark), f"ec{Zone.mark:x}"
    options = ("--configservers", "3")
    limits = {}


ZONES = {"zone": Zone(), "three_zone": ThreeZone()}


def raised(zone):
    done = zone.up()
    zone.output = done.stdout
    if done.returncode != 0:
        log = zone.directory / "localaws.log"
        tail = log.read_text(errors="replace")[-4000:] if log.exists() else ""
        consoles = ""
        for console in sorted((zone.directory / "localaws/consoles").glob("*.log")):
            consoles += f"\n--- {console.name}\n" + console.read_text(errors="replace")[-3000:]
        zone.down()
        pytest.fail(f"zone up failed: {done.stdout}{done.stderr}\n--- localaws\n{tail}{consoles}", pytrace=False)
    return zone


@pytest.fixture(scope="session")
def zone():
    yield raised(ZONES["zone"])
    ZONES["zone"].down()


@pytest.fixture(scope="session")
def three_zone():
    yield raised(ZONES["three_zone"])
    ZONES["three_zone"].down()


def measured(name, value, unit, **more):
    """A line for bench/run, which tells a story to measure it."""
    line = json.dumps({"name": name, "value": value, "unit": unit, **more})
    print(line)
    with open(ROOT / "build/measured.jsonl", "a") as file:
        file.write(line + "\n")


@pytest.fixture(scope="session")
def deployment(zone):
    return zone.json("status")


def pytest_collection_modifyitems(items):
    """The story is told in order: what needs no zone comes first, what takes things down last."""
    order = ["test_three_configservers", "test_story", "test_audit", "test_refusals", "test_direct_access", "test_network",
             "test_storage", "test_endpoints", "test_trouble", "test_recovery", "test_provisioning", "test_leaving", "test_terraform"]

    def place(item):
        name = item.module.__name__.split(".")[-1]
        return order.index(name) if name in order else -1

    items.sort(key=place)


@pytest.fixture(scope="session", autouse=True)
def begun(request, tmp_path_factory):
    """What takes minutes, mostly of waiting, begins with the session: zones that a test wants, and what a module's own
    `begin` makes, by the module's name."""
    wanted = [(name, zone) for name, zone in ZONES.items() if any(name in item.fixturenames for item in request.session.items)]
    for name, zone in wanted:
        zone.down()
        subprocess.run(["rm", "-rf", zone.directory], check=True)
        zone.begin()
    yield {module.__name__: module.begin(tmp_path_factory.mktemp("begun"))
           for module in {item.module for item in request.session.items} if hasattr(module, "begin")}
    for name, zone in wanted:
        if zone.raising:  # nobody came for it
            zone.up()
            zone.down()
