"""A region of a user who is not root: real networks, machines and encryption in a user namespace. The test itself is root only to
become that user and to give it what Debian gives every user: /dev/fuse and /dev/net/tun."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

import pytest

from local_region import PROGRAM, TENANT, VENDOR
from machine_region import MachineRegion, Machines, processes_of, wait_for

USER = 64000 + os.getpid() % 1000
AS_USER = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"]
DEVICES = """
mount -t tmpfs tmpfs /mnt && mkdir /mnt/net && mount -t tmpfs tmpfs /mnt/net
mknod -m {fuse} /mnt/fuse c 10 229 && mount --bind /mnt/fuse /dev/fuse
mknod -m 666 /mnt/net/tun c 10 200 && mount --bind /mnt/net/tun /dev/net/tun
exec "$@"
"""
SECRET = "nobody-else-shall-read-this"


def missing():
    if os.geteuid() != 0:
        return "becoming another user needs root"
    if not shutil.which("gocryptfs"):
        return "gocryptfs is not installed"
    tried = subprocess.run([*AS_USER, "unshare", "-Urnmp", "--fork", "mount", "-t", "proc", "proc", "/proc"],
                           capture_output=True, text=True)
    return "the kernel gives users no namespaces: " + tried.stderr if tried.returncode else None


MISSING = missing()
pytestmark = pytest.mark.skipif(MISSING is not None, reason=MISSING or "")


class RootlessRegion(MachineRegion):
    """Its directory and its programs are the user's: nothing of root's needs to be readable."""

    IMAGES = {"server": ["/usr/bin/python3", "-u", "-m", "http.server", "4443", "--bind", "::"]}
    fuse = 666  # the mode of /dev/fuse

    def __init__(self):
        top = pathlib.Path(tempfile.mkdtemp(prefix="localaws-rootless-"))
        super().__init__(top / "state", "rootless")
        self.top = top
        self.directory.mkdir()
        for name in ("localaws", "localaws-init"):
            shutil.copy(pathlib.Path(PROGRAM).with_name(name), top / name)
        (top / "images.json").write_text(json.dumps([{"name": name, "argv": argv} for name, argv in self.IMAGES.items()]))
        for path in (top, self.directory):
            os.chown(path, USER, USER)

    def start(self, *options):
        devices = DEVICES.format(fuse=self.fuse)
        with open(self.top / "log", "a") as log:
            self.process = subprocess.Popen(
                ["unshare", "--mount", "sh", "-c", devices, "sh", *AS_USER, self.top / "localaws", "--rootless",
                 "--state", self.directory, "--listen", "127.0.0.1:0", "--proxy", "127.0.0.1:0", "--label", self.label,
                 "--account", f"{VENDOR}=vendor", "--account", f"{TENANT}=acme", "--images", self.top / "images.json",
                 *options], stdout=subprocess.PIPE, stderr=log, text=True, env={"PATH": os.environ["PATH"], "LANG": "C"})
        line = self.process.stdout.readline()
        assert line.startswith("ready "), (self.top / "log").read_text()
        self.url = line.split()[1]
        return self

    @property
    def inner(self):
        """The region's process 1, as the computer counts."""
        return pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()[0]

    def of_user(self):
        """Every process of the user's that is left."""
        return subprocess.run(["pgrep", "--uid", str(USER)], capture_output=True, text=True).stdout.split()


class RootlessMachines(Machines):
    def image_named(self, name):
        return super().image_named("server")

    def sh(self, id, command, check=True):
        """As docs/localaws.md says that its user looks into a machine."""
        pid = (self.region.directory / "machines" / f"{id}.pid").read_text().strip()
        done = subprocess.run(
            [*AS_USER, "nsenter", "--target", self.region.inner, "--user", "--preserve-credentials", "--mount", "--pid",
             "nsenter", "--target", pid, "--mount", "--pid", "--net", "--uts", "--ipc", "/bin/sh", "-c", command],
            capture_output=True, text=True, timeout=60)
        assert not check or done.returncode == 0, (command, done.stdout, done.stderr)
        return done.stdout

    def volume(self, id):
        return self.shown(id)["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]

    def address(self, id):
        return self.shown(id)["NetworkInterfaces"][0]["Ipv6Addresses"][0]["Ipv6Address"]

    def ask(self, id, other):
        return self.curl(id, f"-o /dev/null 'http://[{self.address(other)}]:4443/'")[0]


@pytest.fixture
def rootless():
    region = RootlessRegion()
    yield region
    if region.process and region.process.poll() is None:
        region.stop()
    wait_for(lambda: not region.of_user())
    assert not processes_of(str(region.top)) and str(region.top) not in pathlib.Path("/proc/self/mounts").read_text()
    shutil.rmtree(region.top)


def holds(directory, text):
    return [path for path in directory.rglob("*") if text in path.name or
            (path.is_file() and text.encode() in path.read_bytes())]


def test_a_user_has_machines_that_only_their_groups_let_through(rootless):
    machines = RootlessMachines(rootless.start())
    server, client = machines.launch(), machines.launch()
    wait_for(lambda: "Serving HTTP" in (rootless.directory / "consoles" / f"{server}.log").read_text())
    assert machines.metadata(client, "meta-data/instance-id") == (200, client)
    assert machines.ask(client, server) == 0
    machines.sh(client, "ip tuntap add dev tunnel mode tun")  # as WireGuard's program does
    rule = [{"IpProtocol": "tcp", "FromPort": 4443, "ToPort": 4443, "UserIdGroupPairs": [{"GroupId": machines.group}]}]
    machines.ec2.authorize_security_group_ingress(GroupId=machines.group, IpPermissions=rule)
    wait_for(lambda: machines.ask(client, server) == 200)
    machines.ec2.revoke_security_group_ingress(GroupId=machines.group, IpPermissions=rule)
    wait_for(lambda: machines.ask(client, server) == 0)
    machines.ec2.terminate_instances(InstanceIds=[server, client])
    wait_for(lambda: {machines.state(server), machines.state(client)} == {"terminated"})
    wait_for(lambda: not list((rootless.directory / "volumes").iterdir()))


def test_what_a_machine_writes_is_ciphertext_on_the_computer_and_there_after_stops_and_kills(rootless):
    machines = RootlessMachines(rootless.start())
    id = machines.launch()
    volumes = rootless.directory / "volumes"
    machines.sh(id, f"echo {SECRET} > /var/lib/{SECRET} && sync")
    assert machines.sh(id, "ps ax").count("gocryptfs") == 0  # the key's keeper is out of the machine's sight
    assert list(volumes.iterdir()) and not holds(volumes, SECRET)
    machines.ec2.stop_instances(InstanceIds=[id])
    wait_for(lambda: machines.state(id) == "stopped")
    assert not holds(rootless.directory, SECRET)
    machines.ec2.start_instances(InstanceIds=[id])
    wait_for(lambda: machines.state(id) == "running")
    assert machines.sh(id, f"cat /var/lib/{SECRET}").strip() == SECRET

    time.sleep(1)  # what was answered a quarter of a second ago, and the time that writing took, is kept
    rootless.stop(signal.SIGKILL)
    wait_for(lambda: not rootless.of_user())
    machines.ec2 = rootless.start().client("ec2")
    wait_for(lambda: machines.sh(id, f"cat /var/lib/{SECRET}", check=False).strip() == SECRET)


def test_a_volume_that_need_not_be_encrypted_is_a_directory_and_other_disks_are_refused(rootless):
    machines = RootlessMachines(rootless.start())
    id = machines.launch(BlockDeviceMappings=[{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 8, "Encrypted": False}}])
    machines.sh(id, f"echo {SECRET} > /root/text")
    assert holds(rootless.directory / "volumes", SECRET)
    made = machines.run(BlockDeviceMappings=[{"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 1}}])[0]["InstanceId"]
    wait_for(lambda: machines.state(made) not in ("pending", "running"))
    assert "needs a region with root" in machines.shown(made)["StateReason"]["Message"]


def test_without_fuse_an_encrypted_volume_is_refused_and_nothing_stored(rootless):
    rootless.fuse = 600
    machines = RootlessMachines(rootless.start())
    id = machines.run()[0]["InstanceId"]
    wait_for(lambda: machines.state(id) not in ("pending", "running"))
    assert "/dev/fuse" in machines.shown(id)["StateReason"]["Message"]
    assert not list((rootless.directory / "volumes").iterdir())


def test_a_place_below_run_is_refused(rootless):
    done = subprocess.run([*AS_USER, rootless.top / "localaws", "--rootless", "--state", rootless.directory, "--pid-file",
                           "/run/x.pid", "--account", f"{VENDOR}=vendor", "--listen", "127.0.0.1:0", "--proxy",
                           "127.0.0.1:0"], capture_output=True, text=True, timeout=20)
    assert done.returncode == 1 and "/run/x.pid must be elsewhere" in done.stderr
