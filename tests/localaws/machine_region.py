"""A region whose instances are machines that a test looks into: `sh` runs a command inside one, as its own processes
would. Nothing here has a fixed port or label, so that several may run at once."""
import contextlib
import json
import os
import pathlib
import subprocess
import time

from local_region import PROGRAM, TENANT, VENDOR, Region
from test_ec2_instances import Network, by

IMDS = {4: "http://169.254.169.254/latest/", 6: "http://[fd00:ec2::254]/latest/"}
TOKEN = "X-aws-ec2-metadata-token-ttl-seconds: 300"


def wait_for(what, seconds=20, pause=0.05):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found = what()
        if found:
            return found
        time.sleep(pause)
    raise AssertionError("not within %d s" % seconds)


class MachineRegion(Region):
    IMAGES = {"sleeper": ["/bin/sleep", "infinity"]}

    def __init__(self, directory, label):
        super().__init__(directory)
        self.label = f"{label}{os.getpid()}"

    def start(self, *options):
        images = self.directory / "images.json"
        images.write_text(json.dumps([{"name": name, "argv": argv, "environment": ["LANG=C"]}
                                      for name, argv in self.IMAGES.items()]))
        with open(self.directory / "log", "a") as log:
            self.process = subprocess.Popen(
                [PROGRAM, "--state", self.directory, "--listen", "127.0.0.1:0", "--proxy", "127.0.0.1:0", "--label",
                 self.label, "--account", f"{VENDOR}=vendor", "--account", f"{TENANT}=acme", "--images", images,
                 *options], stdout=subprocess.PIPE, stderr=log, text=True)
        line = self.process.stdout.readline()
        assert line.startswith("ready "), (self.directory / "log").read_text()
        self.url = line.split()[1]
        return self

    def leftovers(self):
        """What of this region is still on the computer."""
        names = subprocess.run(["ip", "netns"], capture_output=True, text=True).stdout.split("\n")
        loops = [path for path in pathlib.Path("/sys/block").glob("loop*/loop/backing_file")
                 if str(self.directory) in path.read_text()]
        return [name for name in names if name.startswith(self.label + "-")] + loops + processes_of(str(self.directory))


def processes_of(text):
    """Whose command line or environment has this text."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if text.encode() in (path / "cmdline").read_bytes() + (path / "environ").read_bytes() and \
                    int(path.name) != os.getpid():
                found.append((path.name, (path / "cmdline").read_bytes()))
        except OSError:
            pass
    return found


@contextlib.contextmanager
def running(region, *options):
    """A region that is stopped whatever happens to the tests in it, and then has left nothing."""
    region.start(*options)
    try:
        yield region
    finally:
        if region.process.poll() is None:
            region.stop()
    assert not region.leftovers()


class Machines(Network):
    """A network and the images of a region of machines."""

    def __init__(self, region):
        super().__init__(region)
        self.image = self.image_named("sleeper")

    def image_named(self, name):
        return self.ec2.describe_images(Filters=by("name", name))["Images"][0]["ImageId"]

    def state(self, id):
        return self.shown(id)["State"]["Name"]

    def launch(self, **more):
        """One instance, running."""
        id = self.run(**more)[0]["InstanceId"]
        wait_for(lambda: self.state(id) != "pending")
        assert self.state(id) == "running", self.shown(id)["StateReason"]
        return id

    def sh(self, id, command, check=True):
        pid = (self.region.directory / "machines" / f"{id}.pid").read_text().strip()
        done = subprocess.run(["nsenter", "--target", pid, "--all", "/bin/sh", "-c", command], capture_output=True,
                              text=True, timeout=60)
        assert not check or done.returncode == 0, (command, done.stdout, done.stderr)
        return done.stdout

    def curl(self, id, arguments, within=""):
        """The status and the body of a request that is made inside."""
        out = self.sh(id, f"{within} curl -gs -m 3 -w '\\n%{{http_code}}' {arguments}", check=False)
        body, _, status = out.rpartition("\n")
        return int(status), body

    def metadata(self, id, path, family=4):
        status, token = self.curl(id, f"-X PUT -H '{TOKEN}' {IMDS[family]}api/token")
        return self.curl(id, f"-H 'X-aws-ec2-metadata-token: {token}' {IMDS[family]}{path}") if status == 200 else (status, token)
