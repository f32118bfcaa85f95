"""SSM into machines: commands that run in them and sessions that ssh goes through. Needs root."""
import json
import os
import pathlib
import subprocess
import time
import zlib

import botocore.exceptions
import pytest

from local_region import PROGRAM, ROOT, TENANT, VENDOR, Region, code_of
from test_ec2_instances import Network, by, refused
from test_machines import wait_for

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="machines need root")
HERE = pathlib.Path(__file__).resolve().parent
LABEL = f"ssm{zlib.crc32(str(ROOT).encode()) % 10000}"
CORE = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
EC2_TRUST = json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}]})


class MachineRegion(Region):
    def start(self, *options):
        images = self.directory / "images.json"
        images.write_text(json.dumps([{"name": "sshd", "argv": ["/bin/sh", "/opt/machine/machine_sshd.sh"],
                                       "binds": [f"{HERE}:/opt/machine"]}]))
        with open(self.directory / "log", "a") as log:
            self.process = subprocess.Popen(
                [PROGRAM, "--state", self.directory, "--listen", "127.0.0.1:0", "--proxy", "127.0.0.1:0", "--label", LABEL,
                 "--account", f"{VENDOR}=vendor", "--account", f"{TENANT}=acme", "--images", images],
                stdout=subprocess.PIPE, stderr=log, text=True)
        line = self.process.stdout.readline()
        assert line.startswith("ready "), (self.directory / "log").read_text()
        self.url = line.split()[1]
        return self


class World(Network):
    """One machine that an agent would be on, and one whose role keeps it out."""

    def __init__(self, region):
        super().__init__(region)
        self.ssm = region.client("ssm")
        self.image = self.ec2.describe_images(Filters=by("name", "sshd"))["Images"][0]["ImageId"]
        for name in "managed", "bare":
            self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=EC2_TRUST)
            self.iam.create_instance_profile(InstanceProfileName=name)
            self.iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)
        self.iam.attach_role_policy(RoleName="managed", PolicyArn=CORE)
        self.instance, self.bare = (self.run(
            IamInstanceProfile={"Name": name}, tags={"Name": name, "managedby": "vespa-cloud"})[0]["InstanceId"]
            for name in ("managed", "bare"))
        for instance in self.instance, self.bare:
            wait_for(lambda: self.shown(instance)["State"]["Name"] == "running")

    def user(self, name, *statements):
        """A user's keys, with one policy."""
        self.iam.create_user(UserName=name)
        self.iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": statements}))
        return self.iam.create_access_key(UserName=name)["AccessKey"]

    def send(self, *commands, ssm=None, **more):
        order = dict(DocumentName="AWS-RunShellScript", Parameters={"commands": list(commands)})
        if "Targets" not in more:
            order["InstanceIds"] = [self.instance]
        return (ssm or self.ssm).send_command(**{**order, **more})["Command"]["CommandId"]

    def result(self, command, instance=None):
        get = lambda: self.ssm.get_command_invocation(CommandId=command, InstanceId=instance or self.instance)
        return wait_for(lambda: (lambda r: r["Status"] not in ("Pending", "InProgress", "Cancelling") and r)(get()))


@pytest.fixture(scope="module")
def machine_region(tmp_path_factory):
    region = MachineRegion(tmp_path_factory.mktemp("region")).start()
    yield region
    if region.process.poll() is None:
        region.stop()
    assert LABEL not in subprocess.run(["ip", "netns"], capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def world(machine_region):
    return World(machine_region)


def test_only_a_machine_whose_role_lets_an_agent_in_is_managed(world):
    listed = world.ssm.describe_instance_information()["InstanceInformationList"]
    assert [(i["InstanceId"], i["PingStatus"], i["IamRole"]) for i in listed] == [(world.instance, "Online", "managed")]
    assert world.ssm.describe_instance_information(
        Filters=[{"Key": "tag:Name", "Values": ["other"]}])["InstanceInformationList"] == []
    assert refused(world.send, "true", InstanceIds=[world.bare]) == "InvalidInstanceId"
    world.iam.detach_role_policy(RoleName="managed", PolicyArn=CORE)
    assert refused(world.send, "true") == "InvalidInstanceId"
    world.iam.attach_role_policy(RoleName="managed", PolicyArn=CORE)


def test_a_command_runs_in_the_instance_as_its_root_user(world):
    command = world.send("hostname", "id -u", "ip -br -4 addr show eth0 | awk '{print $3}'", "echo oops >&2", "exit 7")
    result = world.result(command)
    shown = world.shown(world.instance)
    lines = result["StandardOutputContent"].split("\n")
    assert lines[:2] == [shown["PrivateDnsName"], "0"] and lines[2].startswith(shown["PrivateIpAddress"] + "/")
    assert (result["Status"], result["ResponseCode"]) == ("Failed", 7) and result["StandardErrorContent"] == "oops\n"
    assert result["PluginName"] == "aws:runShellScript" and result["ExecutionElapsedTime"].startswith("PT")
    listed, = world.ssm.list_commands(CommandId=command)["Commands"]
    assert (listed["Status"], listed["TargetCount"], listed["ErrorCount"]) == ("Failed", 1, 1)


def test_what_lasts_too_long_is_ended_with_all_it_started(world):
    command = world.send("setsid sleep 4711 & sleep 4711 & echo begun; sleep 4711",
                         Parameters={"commands": ["setsid sleep 4711 & sleep 4711 & echo begun; sleep 4711"],
                                     "executionTimeout": ["1"]})
    result = world.result(command)
    assert (result["Status"], result["StatusDetails"], result["ResponseCode"]) == ("TimedOut", "ExecutionTimedOut", 137)
    assert result["StandardOutputContent"] == "begun\n"
    assert world.result(world.send("pgrep -fx 'sleep 4711'"))["StandardOutputContent"] == ""


def test_a_command_is_cancelled(world):
    command = world.send("sleep 4712")
    wait_for(lambda: world.ssm.list_commands(CommandId=command)["Commands"][0]["Status"] == "InProgress")
    world.ssm.cancel_command(CommandId=command)
    assert world.result(command)["Status"] == "Cancelled"
    assert world.result(world.send("pgrep -fx 'sleep 4712'"))["StandardOutputContent"] == ""


def test_output_is_kept_as_far_as_ssm_keeps_it(world):
    result = world.result(world.send("head -c 100000 /dev/zero | tr '\\0' x", "printf '\\377\\n' >&2"))
    assert len(result["StandardOutputContent"]) == 24000
    assert result["StandardOutputContent"].endswith("---Output truncated---") and result["StandardErrorContent"] == "?\n"
    invocation, = world.ssm.list_command_invocations(CommandId=result["CommandId"], Details=True)["CommandInvocations"]
    assert len(invocation["CommandPlugins"][0]["Output"]) == 2500


def test_a_document_of_ones_own_takes_only_what_its_parameters_allow(world):
    world.ssm.create_document(Name="greet", DocumentType="Command", Content=json.dumps({
        "schemaVersion": "2.2", "parameters": {"who": {"type": "String", "allowedPattern": "[a-z]+"}},
        "mainSteps": [{"action": "aws:runShellScript", "name": "hello", "inputs": {"runCommand": ["echo hello {{ who }}"]}},
                      {"action": "aws:runShellScript", "name": "farewell", "inputs": {"runCommand": ["echo bye {{who}}; false"]}}]}))
    greet = lambda who: world.ssm.send_command(DocumentName="greet", Targets=[{"Key": "tag:Name", "Values": ["managed"]}],
                                               Parameters={"who": [who]})["Command"]["CommandId"]
    assert refused(greet, "you; reboot") == "InvalidParameters"
    command = greet("you")
    bye = wait_for(lambda: (lambda r: r["ResponseCode"] == 1 and r)(world.ssm.get_command_invocation(
        CommandId=command, InstanceId=world.instance, PluginName="farewell")))
    assert bye["StandardOutputContent"] == "bye you\n" and bye["Status"] == "Failed"
    assert refused(world.ssm.get_command_invocation, CommandId=command, InstanceId=world.instance) == "InvalidPluginName"


def test_iam_decides_by_document_and_by_the_instances_tags(machine_region, world):
    keys = world.user("runner", {
        "Effect": "Allow", "Action": "ssm:SendCommand", "Resource": f"arn:aws:ec2:*:{TENANT}:instance/*",
        "Condition": {"StringEquals": {"ssm:resourceTag/managedby": "vespa-cloud"}}}, {
        "Effect": "Allow", "Action": "ssm:SendCommand", "Resource": "arn:aws:ssm:*:*:document/greet"})
    ssm = machine_region.client("ssm", keys=keys)
    assert refused(world.send, "true", ssm=ssm) == "AccessDeniedException"  # the document is not in the policy
    greet = dict(DocumentName="greet", InstanceIds=[world.instance], Parameters={"who": ["me"]})
    ssm.send_command(**greet)
    world.ec2.create_tags(Resources=[world.instance], Tags=[{"Key": "managedby", "Value": "somebody"}])
    assert refused(ssm.send_command, **greet) == "AccessDeniedException"
    world.ec2.create_tags(Resources=[world.instance], Tags=[{"Key": "managedby", "Value": "vespa-cloud"}])


def test_a_command_waits_for_an_instance_that_is_stopped(world):
    world.ec2.stop_instances(InstanceIds=[world.instance])
    wait_for(lambda: world.shown(world.instance)["State"]["Name"] == "stopped")
    listed, = world.ssm.describe_instance_information()["InstanceInformationList"]
    assert listed["PingStatus"] == "ConnectionLost"
    command = world.send("echo back")
    world.ec2.start_instances(InstanceIds=[world.instance])
    assert world.result(command)["StandardOutputContent"] == "back\n"


ENCLAVE = os.environ.get("ENCLAVE", ROOT / "build/src/cli/enclave")


class Door:
    """ssh to the machine's sshd through a session, with the keys of a user of IAM's."""

    def __init__(self, region, world, directory, keys):
        self.directory, self.port = directory, 22
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "ENCLAVE_"))}
        self.environment.update(
            AWS_ENDPOINT_URL=region.url, AWS_CA_BUNDLE=str(region.directory / "ca.pem"), AWS_REGION="us-east-1",
            AWS_ACCESS_KEY_ID=keys["AccessKeyId"], AWS_SECRET_ACCESS_KEY=keys["SecretAccessKey"],
            ENCLAVE_HOME=str(directory), ENCLAVE_AWS_REGION="us-east-1")
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", directory / "key"], check=True)
        key = (directory / "key.pub").read_text().strip()
        result = world.result(world.send(f"echo '{key}' >/root/.ssh/authorized_keys", "cat /var/lib/ssh/key.pub"))
        (directory / "known_hosts").write_text("machine " + result["StandardOutputContent"])
        self.instance = world.instance

    def options(self):
        return ["-F", "none", "-i", self.directory / "key", "-o", f"UserKnownHostsFile={self.directory}/known_hosts",
                "-o", "HostKeyAlias=machine", "-o", "LogLevel=ERROR", "-o",
                f"ProxyCommand={ENCLAVE} ssh --proxy {self.instance} {self.port}"]

    def run(self, program, *words, **more):
        return subprocess.run([program, *map(str, self.options()), *map(str, words)], env=self.environment,
                              capture_output=True, timeout=60, **more)

    def ssh(self, *words, **more):
        return self.run("ssh", "root@machine", *words, **more)


SESSIONS = [
    {"Effect": "Allow", "Action": "ssm:StartSession", "Resource": f"arn:aws:ec2:*:{TENANT}:instance/*",
     "Condition": {"StringEquals": {"aws:ResourceTag/managedby": "vespa-cloud"}}},
    {"Effect": "Allow", "Action": "ssm:StartSession", "Resource": "arn:aws:ssm:*::document/AWS-StartSSHSession"},
    {"Effect": "Allow", "Action": ["ssm:TerminateSession", "ssm:ResumeSession"],
     "Resource": "arn:aws:ssm:*:*:session/${aws:username}-*"}]


@pytest.fixture(scope="module")
def door(machine_region, world, tmp_path_factory):
    return Door(machine_region, world, tmp_path_factory.mktemp("door"), world.user("visitor", *SESSIONS))


def active(world):
    return world.ssm.describe_sessions(State="Active")["Sessions"]


def test_ssh_goes_through_a_session(world, door):
    done = door.ssh("hostname; echo to-stderr >&2; exit 5")
    assert done.returncode == 5 and done.stderr == b"to-stderr\n", done.stderr
    assert done.stdout.decode().strip() == world.shown(world.instance)["PrivateDnsName"]
    ended = world.ssm.describe_sessions(State="History", Filters=[{"key": "Target", "value": world.instance}])["Sessions"][0]
    assert ended["Owner"].endswith(":user/visitor") and ended["DocumentName"] == "AWS-StartSSHSession"
    assert ended["SessionId"].startswith("visitor-") and not active(world)


def test_files_are_copied_whole_both_ways(door, tmp_path):
    content = os.urandom(6 << 20)
    (tmp_path / "there").write_bytes(content)
    for words in ((tmp_path / "there", "root@machine:/root/file"), ("root@machine:/root/file", tmp_path / "back")):
        begun = time.monotonic()
        done = door.run("scp", *words)
        assert done.returncode == 0, done.stderr
        print(f"{len(content) / (1 << 20) / (time.monotonic() - begun):.0f} MiB/s")
    assert (tmp_path / "back").read_bytes() == content


def test_terminating_a_session_ends_what_goes_through_it(world, door):
    running = subprocess.Popen(["ssh", *map(str, door.options()), "root@machine", "echo begun; sleep 4713"],
                               env=door.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert running.stdout.readline() == b"begun\n"
    session, = active(world)
    assert session["Status"] == "Connected"
    world.ssm.terminate_session(SessionId=session["SessionId"])
    assert running.wait(timeout=10) == 255
    running.communicate()
    wait_for(lambda: not active(world))


def test_who_may_open_a_session_is_iams_to_decide(machine_region, world, door, tmp_path):
    denied = lambda name, *statements: refused(
        machine_region.client("ssm", keys=world.user(name, *statements)).start_session,
        Target=world.instance, DocumentName="AWS-StartSSHSession")
    assert denied("nobody", {"Effect": "Allow", "Action": "ssm:DescribeSessions", "Resource": "*"}) == "AccessDeniedException"
    assert denied("without-document", SESSIONS[0]) == "AccessDeniedException"
    other = dict(SESSIONS[0], Condition={"StringEquals": {"aws:ResourceTag/managedby": "somebody"}})
    assert denied("by-tag", other, SESSIONS[1]) == "AccessDeniedException"
    visitor = machine_region.client("ssm", keys={"AccessKeyId": door.environment["AWS_ACCESS_KEY_ID"],
                                                 "SecretAccessKey": door.environment["AWS_SECRET_ACCESS_KEY"]})
    own = world.ssm.start_session(Target=world.instance)["SessionId"]
    assert refused(visitor.terminate_session, SessionId=own) == "AccessDeniedException"
    world.ssm.terminate_session(SessionId=own)


def test_an_instance_whose_role_keeps_the_agent_out_has_no_sessions(world, door):
    assert refused(world.ssm.start_session, Target=world.bare) == "TargetNotConnected"
    world.iam.detach_role_policy(RoleName="managed", PolicyArn=CORE)
    done = door.ssh("true")
    assert done.returncode == 255 and b"is not connected" in done.stderr
    world.iam.attach_role_policy(RoleName="managed", PolicyArn=CORE)


def test_a_port_nobody_listens_on_is_told(world, door):
    done = subprocess.run([ENCLAVE, "ssh", "--proxy", world.instance, "4444"], env=door.environment, capture_output=True,
                          timeout=20, stdin=subprocess.DEVNULL)
    assert done.returncode != 0 and b"Nothing listens on port 4444" in done.stderr


# The same by another client than ours (data_channel.py).

@pytest.fixture
def channel(machine_region, world):
    data_channel = pytest.importorskip("data_channel")
    opened = []

    def open_session(session=None, **wish):
        session = session or world.ssm.start_session(Target=world.instance, **wish)
        client = data_channel.Client(session, str(machine_region.directory / "ca.pem"))
        client.id = session["SessionId"]
        opened.append(client)
        return client
    yield open_session
    for client in opened:
        client.close()
        world.ssm.terminate_session(SessionId=client.id)


def test_a_shell_has_a_terminal_of_the_size_the_client_has(channel):
    shell = channel()
    shell.until(lambda: shell.request)
    action, = shell.request["RequestedClientActions"]
    assert action["ActionParameters"]["SessionType"] == "Standard_Stream"
    shell.until(lambda: b"#" in shell.output)  # its prompt
    shell.send(3, json.dumps({"cols": 91, "rows": 33}).encode())
    shell.write(b"stty size; tty; id -un\n")
    shell.until(lambda: b"33 91" in shell.output and b"/dev/pts/" in shell.output and b"root\r\n" in shell.output)
    shell.write(b"exit\n")
    assert shell.until_ended() == ""


def test_a_single_command_is_a_session_that_ends_with_it(channel):
    client = channel(DocumentName="AWS-StartInteractiveCommand", Parameters={"command": ["echo $((6 * 7))"]})
    assert client.until_ended() == "" and b"42" in client.output


def test_a_forwarded_port_is_connected_to_as_often_as_the_client_asks(channel):
    client = channel(DocumentName="AWS-StartPortForwardingSession", Parameters={"portNumber": ["22"], "localPortNumber": ["0"]})
    client.until(lambda: client.output.startswith(b"SSH-2.0-"))
    assert client.request["RequestedClientActions"][0]["ActionParameters"]["Properties"] == {
        "portNumber": "22", "type": "LocalPortForwarding", "localPortNumber": "0"}
    client.flag(1)  # the local connection is gone
    client.output = b""
    client.write(b"SSH-2.0-again\r\n")  # and another one is there
    client.until(lambda: client.output.startswith(b"SSH-2.0-"))
    client.flag(2)
    assert client.until_ended() == ""


def test_a_lost_connection_is_resumed_with_a_new_token_and_loses_nothing(world, channel):
    client = channel()
    client.until(lambda: b"#" in client.output)
    client.write(b"sleep 1; echo after the $((1 + 1))nd\n")
    client.socket.sock.close()  # no goodbye
    session = world.ssm.resume_session(SessionId=client.id)
    client.connect(session)
    client.until(lambda: b"after the 2nd" in client.output)
    old = dict(session, TokenValue="0" * 64)
    import data_channel
    with pytest.raises(Exception):  # closed without a word
        intruder = data_channel.Client(old, client.ca)
        intruder.until(lambda: intruder.request)
    client.write(b"echo still $((1 + 2))\n")
    client.until(lambda: b"still 3" in client.output)
