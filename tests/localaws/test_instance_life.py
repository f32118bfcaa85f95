"""Instances live as on EC2: what stays over a reboot, a stop and a kill, what their volumes hold, and that they end whole.
Needs root."""
import concurrent.futures
import datetime
import fcntl
import json
import os
import re
import signal
import subprocess
import time

import pytest

from local_region import PROGRAM
from machine_region import MachineRegion, Machines, processes_of, running, wait_for
from test_ec2_instances import by, refused

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="networks and machines need root")


class LifeRegion(MachineRegion):
    IMAGES = {
        "sleeper": ["/bin/sleep", "infinity"],
        # Counts its boots, shows it, and then does what the file in its volume says.
        "counter": ["/bin/sh", "-c", "echo boot >> /var/lib/boots; echo boots: $(wc -l < /var/lib/boots); sync; "
                                     "[ ! -e /var/lib/next ] || { next=$(cat /var/lib/next); rm /var/lib/next; eval $next; }; "
                                     "exec sleep infinity"],
    }


@pytest.fixture(scope="module")
def machines(tmp_path_factory):
    with running(LifeRegion(tmp_path_factory.mktemp("region"), "life")) as region:
        yield Machines(region)


@pytest.fixture
def storm_region(tmp_path):
    with running(LifeRegion(tmp_path, "storm")) as region:
        yield region


def disk(device, **more):
    return {"DeviceName": device, "Ebs": {"VolumeSize": 1, "Encrypted": True, **more}}


def volumes_of(machines, id):
    return {mapping["DeviceName"]: mapping["Ebs"]["VolumeId"] for mapping in machines.shown(id)["BlockDeviceMappings"]}


def file_of(machines, volume):
    return machines.region.directory / "volumes" / f"{volume}.img"


def pieces_of(path):
    """What was written into a file with holes, once the kernel has let go of it (it is locked until then)."""
    with open(path, "rb") as image:
        fcntl.flock(image, fcntl.LOCK_EX)
        at, end = 0, os.fstat(image.fileno()).st_size
        while at < end:
            try:
                at = os.lseek(image.fileno(), at, os.SEEK_DATA)
            except OSError:  # nothing more
                return
            yield os.pread(image.fileno(), (1 << 20) + 64, at)
            at += 1 << 20


def addresses(instance):
    return [(interface["NetworkInterfaceId"], interface["PrivateIpAddress"], interface["Ipv6Addresses"])
            for interface in instance["NetworkInterfaces"]]


def test_a_reboot_starts_the_processes_again_over_the_same_volumes_and_addresses(machines):
    id = machines.launch(ImageId=machines.image_named("counter"))
    before = machines.shown(id)
    machines.sh(id, "touch /tmp/gone /var/lib/there")
    machines.kms.disable_key(KeyId=machines.key["KeyId"])  # of no interest: the volume is open
    machines.ec2.reboot_instances(InstanceIds=[id])
    wait_for(lambda: "boots: 2" in machines.ec2.get_console_output(InstanceId=id, Latest=True)["Output"])
    machines.kms.enable_key(KeyId=machines.key["KeyId"])
    after = machines.shown(id)
    assert after["State"]["Name"] == "running" and addresses(after) == addresses(before)
    assert after["LaunchTime"] == before["LaunchTime"] and after["BlockDeviceMappings"] == before["BlockDeviceMappings"]
    assert machines.sh(id, "ls /tmp /var/lib/there").split() == ["/var/lib/there", "/tmp:"]
    machines.ec2.terminate_instances(InstanceIds=[id])


def test_stop_and_start_keep_volumes_and_private_addresses(machines):
    id = machines.launch(ImageId=machines.image_named("counter"))
    before = machines.shown(id)
    machines.ec2.stop_instances(InstanceIds=[id])
    wait_for(lambda: machines.state(id) == "stopped")
    stopped = machines.shown(id)
    assert stopped["StateReason"]["Code"] == "Client.UserInitiatedShutdown"
    assert re.fullmatch(r"User initiated \(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d GMT\)", stopped["StateTransitionReason"])
    assert refused(machines.ec2.reboot_instances, InstanceIds=[id]) == "IncorrectInstanceState"
    machines.kms.disable_key(KeyId=machines.key["KeyId"])
    assert refused(machines.ec2.start_instances, InstanceIds=[id]) == "IncorrectState"
    machines.kms.enable_key(KeyId=machines.key["KeyId"])
    machines.ec2.start_instances(InstanceIds=[id])
    wait_for(lambda: machines.state(id) == "running")
    wait_for(lambda: "boots: 2" in machines.ec2.get_console_output(InstanceId=id)["Output"])
    after = machines.shown(id)
    assert addresses(after) == addresses(before) and after["BlockDeviceMappings"] == before["BlockDeviceMappings"]
    assert "StateReason" not in after and after["StateTransitionReason"] == ""
    machines.ec2.terminate_instances(InstanceIds=[id])


@pytest.mark.parametrize("asked, behaviour, state", [
    ("kill -s RTMIN+4 1", "stop", "stopped"), ("kill -s RTMIN+4 1", "terminate", "terminated"),
    ("kill -s RTMIN+5 1", "terminate", "running")])
def test_a_machine_may_power_itself_off_or_reboot(machines, asked, behaviour, state):
    id = machines.launch(ImageId=machines.image_named("counter"), InstanceInitiatedShutdownBehavior=behaviour)
    machines.sh(id, asked, check=False)  # it may be ended with the machine
    if state == "running":
        wait_for(lambda: "boots: 2" in machines.ec2.get_console_output(InstanceId=id)["Output"])
    else:
        wait_for(lambda: machines.state(id) == state)
        assert machines.shown(id)["StateReason"]["Code"] == "Client.InstanceInitiatedShutdown"
    machines.ec2.terminate_instances(InstanceIds=[id])


def test_ending_an_instance_ends_every_process_it_started(machines):
    id, mark = machines.launch(), f"{machines.region.label}-mark"
    run = f"sh -c 'exec -a {mark} sleep 1000'".replace("sh", "bash")
    machines.sh(id, f"""(setsid {run} </dev/null >/dev/null 2>&1 &) &
        setsid nohup unshare --pid --fork --mount-proc --net --uts --ipc {run} </dev/null >/dev/null 2>&1 &
        setsid nohup unshare --user --map-root-user --pid --fork --mount {run} </dev/null >/dev/null 2>&1 &""")
    wait_for(lambda: len([1 for _, line in processes_of(mark) if line.startswith(mark.encode())]) == 3)
    machines.ec2.terminate_instances(InstanceIds=[id])
    wait_for(lambda: machines.state(id) == "terminated")
    assert not processes_of(mark)


def test_data_volumes_are_devices_and_at_rest_ciphertext(machines):
    id = machines.launch(BlockDeviceMappings=[
        disk("/dev/xvda", VolumeSize=8), disk("/dev/sdf", DeleteOnTermination=False), disk("/dev/sdg"),
        {"DeviceName": "/dev/sdh", "VirtualName": "ephemeral0"}, {"DeviceName": "/dev/sdi", "NoDevice": ""}])
    volumes = volumes_of(machines, id)
    assert sorted(volumes) == ["/dev/sdf", "/dev/sdg", "/dev/xvda"]
    machines.sh(id, """mkfs.ext4 -q /dev/sdf && mount /dev/sdf /mnt && mkdir /mnt/telltale-name
        echo telltale-contents > /mnt/telltale-name/f; echo telltale-contents > /dev/sdg
        echo telltale-contents > /var/lib/telltale-name; sync""")
    machines.ec2.stop_instances(InstanceIds=[id])
    wait_for(lambda: machines.state(id) == "stopped")
    for volume in volumes.values():
        assert not any(b"telltale" in piece for piece in pieces_of(file_of(machines, volume))), volume
    machines.ec2.start_instances(InstanceIds=[id])
    wait_for(lambda: machines.state(id) == "running")
    kept = machines.sh(id, "mount /dev/sdf /mnt && cat /mnt/telltale-name/f /var/lib/telltale-name; head -c 17 /dev/sdg")
    assert kept.count("telltale-contents") == 3
    machines.ec2.terminate_instances(InstanceIds=[id])
    wait_for(lambda: machines.state(id) == "terminated")
    assert file_of(machines, volumes["/dev/sdf"]).exists() and not file_of(machines, volumes["/dev/sdg"]).exists()
    assert machines.ec2.describe_volumes(VolumeIds=[volumes["/dev/sdf"]])["Volumes"][0]["State"] == "available"
    machines.ec2.delete_volume(VolumeId=volumes["/dev/sdf"])
    assert not file_of(machines, volumes["/dev/sdf"]).exists()


def test_a_volume_moves_between_running_instances_and_grows(machines):
    first, second = machines.launch(), machines.launch()
    key = machines.kms.create_key()["KeyMetadata"]["KeyId"]
    volume = machines.ec2.create_volume(AvailabilityZone="us-east-1a", Size=1, KmsKeyId=key, Encrypted=True)["VolumeId"]
    state = lambda: (lambda v: v["Attachments"][0]["State"] if v["Attachments"] else v["State"])(
        machines.ec2.describe_volumes(VolumeIds=[volume])["Volumes"][0])
    attach = lambda id: machines.ec2.attach_volume(VolumeId=volume, InstanceId=id, Device="/dev/sdf")
    assert attach(first)["State"] == "attaching"
    wait_for(lambda: state() == "attached")
    machines.sh(first, "mkfs.ext4 -q /dev/sdf && mount /dev/sdf /mnt && echo moved > /mnt/f")
    assert refused(attach, second) == "VolumeInUse"
    machines.ec2.detach_volume(VolumeId=volume)
    wait_for(lambda: state() == "busy")  # it is mounted
    machines.sh(first, "umount /mnt")
    wait_for(lambda: state() == "available")
    assert machines.sh(first, "ls /dev/sdf", check=False) == ""
    machines.kms.disable_key(KeyId=key)
    assert refused(attach, second) == "InvalidKMSKey.InvalidState" and state() == "available"
    machines.kms.enable_key(KeyId=key)
    modified = machines.ec2.modify_volume(VolumeId=volume, Size=2)["VolumeModification"]
    assert (modified["OriginalSize"], modified["TargetSize"]) == (1, 2)
    attach(second)
    wait_for(lambda: state() == "attached")
    assert machines.sh(second, "mount /dev/sdf /mnt && cat /mnt/f; umount /mnt; blockdev --getsize64 /dev/sdf").split() \
        == ["moved", str(2 << 30)]
    machines.ec2.terminate_instances(InstanceIds=[first, second])
    wait_for(lambda: state() == "available")
    machines.ec2.delete_volume(VolumeId=volume)


def operate(machines, what, id, *options):
    """What an operator of the region does to an instance."""
    subprocess.run([PROGRAM, "event", what, id, *options, "--directory", machines.region.directory], check=True,
                   capture_output=True)


def test_scheduled_events_are_announced_and_carried_out_on_machines(machines):
    id = machines.launch(ImageId=machines.image_named("counter"))
    announced = lambda: json.loads(machines.metadata(id, "meta-data/events/maintenance/scheduled")[1])
    assert announced() == []
    operate(machines, "schedule", id, "--code", "instance-retirement", "--in", "3600")
    operate(machines, "schedule", id, "--code", "system-reboot", "--in", "1")
    assert [event["Code"] for event in announced()] == ["instance-retirement", "system-reboot"]
    status, = machines.ec2.describe_instance_status(Filters=by("event.code", "system-reboot"))["InstanceStatuses"]
    assert status["InstanceId"] == id and len(status["Events"]) == 2
    wait_for(lambda: "boots: 2" in machines.ec2.get_console_output(InstanceId=id)["Output"])
    assert [event["Code"] for event in announced()] == ["instance-retirement"]
    assert json.loads(machines.metadata(id, "meta-data/events/maintenance/history")[1])[0]["State"] == "completed"
    retirement = status["Events"][0]["InstanceEventId"]
    machines.ec2.modify_instance_event_start_time(
        InstanceId=id, InstanceEventId=retirement,
        NotBefore=datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=1.5))
    wait_for(lambda: machines.state(id) == "stopped")
    assert machines.shown(id)["StateReason"]["Code"] == "Server.ScheduledStop"
    machines.ec2.terminate_instances(InstanceIds=[id])


def test_an_instance_whose_computer_breaks_is_gone_with_the_reason(machines):
    id = machines.launch()
    operate(machines, "terminate", id)
    wait_for(lambda: machines.state(id) == "terminated", 5)
    assert machines.shown(id)["StateReason"]["Code"] == "Server.InternalError"


def test_several_interfaces_are_there_with_their_addresses(machines):
    spare = machines.ec2.create_network_interface(SubnetId=machines.subnet, Groups=[machines.group])["NetworkInterface"]
    asked = machines.block.replace("::/64", "::5")
    id = machines.launch(NetworkInterfaces=[
        {"DeviceIndex": 1, "SubnetId": machines.subnet, "Groups": [machines.group], "Ipv6Addresses": [{"Ipv6Address": asked}],
         "SecondaryPrivateIpAddressCount": 2, "Description": "second"},
        {"DeviceIndex": 0, "SubnetId": machines.subnet, "Groups": [machines.group], "Ipv6AddressCount": 1},
        {"DeviceIndex": 2, "NetworkInterfaceId": spare["NetworkInterfaceId"]}])
    shown = sorted(machines.shown(id)["NetworkInterfaces"], key=lambda i: i["Attachment"]["DeviceIndex"])
    assert [i["Attachment"]["DeviceIndex"] for i in shown] == [0, 1, 2]
    assert machines.shown(id)["PrivateIpAddress"] == shown[0]["PrivateIpAddress"]
    assert shown[1]["Ipv6Addresses"][0]["Ipv6Address"] == asked and len(shown[1]["PrivateIpAddresses"]) == 3
    assert shown[2]["NetworkInterfaceId"] == spare["NetworkInterfaceId"]
    inside = machines.sh(id, "ip -o addr")
    for interface in shown:
        assert re.search(rf"eth\d .*{interface['PrivateIpAddress']}/", inside)
    for name, value in (("network-interface.addresses.private-ip-address", shown[1]["PrivateIpAddresses"][2]["PrivateIpAddress"]),
                        ("network-interface.ipv6-addresses.ipv6-address", asked)):
        found, = machines.ec2.describe_instances(Filters=by(name, value))["Reservations"]
        assert found["Instances"][0]["InstanceId"] == id
    machines.ec2.terminate_instances(InstanceIds=[id])
    wait_for(lambda: machines.state(id) == "terminated")
    left = machines.ec2.describe_network_interfaces(Filters=by("vpc-id", machines.vpc))["NetworkInterfaces"]
    assert spare["NetworkInterfaceId"] in [interface["NetworkInterfaceId"] for interface in left]
    machines.ec2.delete_network_interface(NetworkInterfaceId=spare["NetworkInterfaceId"])


def test_a_region_killed_in_a_storm_of_launches_has_every_instance_or_says_that_it_stopped(storm_region):
    region, machines = storm_region, Machines(storm_region)
    kept = machines.launch(ImageId=machines.image_named("counter"), BlockDeviceMappings=[
        disk("/dev/xvda", VolumeSize=8), disk("/dev/sdf")])
    time.sleep(0.5)  # saved
    image, launched = machines.image_named("sleeper"), []

    def storm(ec2):
        try:
            for _ in range(15):
                launched.extend(machines.run(ec2, MinCount=2, MaxCount=2, ImageId=image))
        except Exception:  # the region is gone
            pass
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for ec2 in (region.client("ec2"), region.client("ec2")):
            pool.submit(storm, ec2)
        wait_for(lambda: len(launched) > 20)
        time.sleep(0.3)  # the first of them are saved
        region.stop(signal.SIGKILL)
    wait_for(lambda: not processes_of(str(region.directory)), 5)  # its machines died with it
    region.start()
    machines.ec2 = region.client("ec2")
    every = lambda: [i for r in machines.ec2.describe_instances()["Reservations"] for i in r["Instances"]]
    wait_for(lambda: not [i for i in every() if i["State"]["Name"] == "pending"])
    states = {i["InstanceId"]: i["State"]["Name"] for i in every()}
    assert states[kept] == "running" and set(states.values()) <= {"running", "stopped"} and len(states) > 4
    wait_for(lambda: "boots: 2" in machines.ec2.get_console_output(InstanceId=kept)["Output"])
    for id, state in states.items():
        assert machines.sh(id, "test -d /var/lib && echo up").strip() == "up" or state == "stopped"
    assert machines.sh(kept, "ls /dev/sdf").strip() == "/dev/sdf"
