"""EC2 on its worse days: hosts come to be where there is capacity, and are replaced when they never boot, when they boot and
never call home, when somebody ends them and before AWS takes them away; and who waits is told why."""
import shutil

import pytest
from conftest import TENANT, wait_for
from faults import Faults

NAME, LATE = "third", "late"
ONE = """<services version="1.0">
  <container id="default" version="1.0"><document-api /><search />
    <clients><client id="mtls" permissions="read,write"><certificate file="security/clients.pem" /></client></clients>
    <nodes count="1"><resources vcpu="2" memory="8Gb" disk="50Gb" /></nodes></container>
</services>
"""
SERVICES = """<services version="1.0">
  <container id="default" version="1.0"><document-api /><search />
    <clients><client id="mtls" permissions="read,write"><certificate file="security/clients.pem" /></client></clients>
    <nodes count="2" required="true"><resources vcpu="2" memory="8Gb" disk="50Gb" /></nodes></container>
  <content id="albums" version="1.0"><min-redundancy>1</min-redundancy>
    <documents><document type="album" mode="index" /></documents>
    <nodes count="1"><resources vcpu="2" memory="8Gb" disk="50Gb" /></nodes></content>
</services>
"""
DEPLOYMENT = f"""<deployment version="1.0" cloud-account="aws:{TENANT}">
  <dev><resource-tags><tag key="team" value="${{clustername}} of search" /></resource-tags></dev></deployment>
"""


def tags(resource):
    return {t["Key"]: t["Value"] for t in resource.get("Tags", resource.get("TagSet", []))}


def launched(zone, cluster=None, application=NAME):
    return [i for i in zone.instances() if tags(i).get("application") == application and cluster in (None, tags(i)["cluster"])]


def story(zone):
    return zone.enclave("run", "--wait", "180", "--application", NAME).stdout


@pytest.fixture(scope="module")
def faults(zone):
    faults = Faults(zone.directory.parent / "local/bin/localaws", zone.directory / "localaws")
    yield faults
    faults.clear()


def rows(zone, command, *more):
    """What a person sees of the late application, a line for each."""
    heading, *lines = zone.enclave(command, *more, ENCLAVE_APPLICATION=LATE).stdout.splitlines()
    assert "WAITS FOR" in heading or command == "events", heading
    return lines


@pytest.fixture(scope="module")
def waiting(zone, faults):
    """One whose host no type and zone has capacity for."""
    application = zone.directory / LATE
    shutil.copytree(zone.directory / "application", application, dirs_exist_ok=True)
    shutil.rmtree(application / "schemas", ignore_errors=True)
    (application / "services.xml").write_text(ONE)
    faults.add("insufficient-capacity", account=TENANT)
    zone.enclave("deploy", application, "--application", LATE, "--wait", "0")
    return LATE


def test_what_waits_for_capacity_says_so_wherever_one_looks(zone, waiting):
    def refused():
        hosts = zone.json("hosts", ENCLAVE_APPLICATION=LATE)["nodes"]
        return [h for h in hosts if "nor of any other fitting type" in h.get("trouble", "")]

    host, = wait_for("every type and zone is refused", refused, 60)
    assert host["state"] == "wanted" and host["capacityRefusals"] >= 2 and "id" not in host
    for more in ((), ("--all",)):
        row, = [line for line in rows(zone, "hosts", *more) if host["hostname"] in line]
        assert "wanted" in row and "AWS has no capacity for 1 " in row and "trying again in" in row, row
    node, = zone.json("nodes", ENCLAVE_APPLICATION=LATE)["nodes"]
    assert node["state"] == "reserved" and node["parentHostname"] == host["hostname"]
    row, = rows(zone, "nodes")
    assert "reserved" in row and "its host is wanted: AWS has no capacity" in row, row
    wait_for("the load balancer", lambda: zone.json("loadbalancers", ENCLAVE_APPLICATION=LATE)["loadBalancers"][0][
        "state"] == "active", 30)
    balancer, = zone.json("loadbalancers", ENCLAVE_APPLICATION=LATE)["loadBalancers"]
    assert balancer["reals"] == [] and not balancer.get("announced")
    row, = rows(zone, "loadbalancers")
    assert "no node is active behind it" in row and "not announced yet" in row, row
    events = zone.json("events", ENCLAVE_APPLICATION=LATE)["events"]
    assert any("InsufficientInstanceCapacity" in e.get("reason", "") for e in events), events
    assert any("no capacity" in line for line in rows(zone, "events"))
    assert "no capacity" in zone.json("status", ENCLAVE_APPLICATION=LATE)["message"]
    failed = zone.enclave("run", "--wait", "60", "--application", LATE, check=False)
    assert failed.returncode != 0 and "nodeAllocationFailure" in failed.stderr and "no capacity" in failed.stdout, failed


@pytest.fixture(scope="module")
def silent(zone, waiting, faults):
    """There is capacity again, but the instance does not come: it will be missed in a minute."""
    none = [fault["id"] for fault in faults.list()]
    faults.add("slow-boot", account=TENANT, ms=3600000, count=1)
    for id in none:  # last: from then on it may be launched at any moment
        faults.remove(id)
    instance, = wait_for("its instance", lambda: launched(zone, application=LATE), 60)
    return instance["InstanceId"]


@pytest.fixture(scope="module")
def dear(zone):
    """The type of the first application's hosts, which this one's would have, too."""
    return next(i["InstanceType"] for i in zone.instances() if tags(i)["cluster"] == "default")


@pytest.fixture(scope="module")
def third(zone, faults, dear, silent):
    application = zone.directory / NAME
    shutil.copytree(zone.directory / "application", application, dirs_exist_ok=True)
    (application / "services.xml").write_text(SERVICES)
    (application / "deployment.xml").write_text(DEPLOYMENT)
    faults.add("throttle", account=TENANT, action="RunInstances", count=2)
    faults.add("insufficient-capacity", account=TENANT, instance_type=dear)
    faults.add("never-boots", account=TENANT, count=1)
    zone.enclave("deploy", application, "--application", NAME, "--wait", "0")
    return NAME


def test_where_one_type_has_no_capacity_hosts_are_launched_as_another(zone, third, dear):
    wait_for("instances of all its clusters", lambda: len(launched(zone)) >= 3, 60)
    assert all(i["InstanceType"] != dear for i in launched(zone))


def test_hosts_of_a_cluster_are_launched_together_and_shut_in_like_any(zone, third):
    hosts = launched(zone, "default")
    assert len({i["ClientToken"] for i in hosts}) < len(hosts) or len(hosts) > 2  # one of them may be replaced by now
    for host in hosts:
        assert host["MetadataOptions"]["HttpTokens"] == "required"
        assert host["MetadataOptions"]["HttpPutResponseHopLimit"] == 1
        assert len(host["NetworkInterfaces"][0]["Ipv6Addresses"]) == 2 and "PublicIpAddress" not in host
        volume = host["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]
        volume = zone.aws("ec2").describe_volumes(VolumeIds=[volume])["Volumes"][0]
        assert volume["Encrypted"]
        assert tags(host)["team"] == tags(volume)["team"] == "default of search"


def test_a_host_that_never_boots_is_replaced_and_the_deployer_is_told_all_of_it(zone, third, dear):
    told = story(zone)
    assert f"AWS has no capacity for 2 {dear}" in told and "next" in told, told
    assert "the machine fails AWS's status check; launching another instance" in told, told
    assert zone.json("query", "dreams", ENCLAVE_APPLICATION=NAME)["root"]["fields"]["totalCount"] == 0


def test_hosts_launched_together_have_their_names_in_the_end(zone, third):
    wait_for("their names", lambda: all("hostname" in tags(i) for i in launched(zone) if i["State"]["Name"] == "running"
                                        and not impaired(zone, i)), 40)
    names = [tags(i).get("hostname") for i in launched(zone, "default") if not impaired(zone, i)]
    assert len(set(names)) == 2, names


def impaired(zone, instance):
    statuses = zone.aws("ec2").describe_instance_status(InstanceIds=[instance["InstanceId"]])["InstanceStatuses"]
    return any(s["InstanceStatus"]["Status"] == "impaired" for s in statuses)


def test_a_host_that_ends_and_one_that_aws_will_take_are_replaced(zone, third, faults):
    faults.clear()
    alive = [i for i in launched(zone, "default") if not impaired(zone, i)]
    ended, = launched(zone, "albums")
    leaving = alive[0]["InstanceId"]
    faults.event("schedule", leaving, code="instance-retirement", in_=3600)
    faults.event("terminate", ended["InstanceId"])
    wait_for("a host in place of the one that ended",
             lambda: [i for i in launched(zone, "albums") if i["InstanceId"] != ended["InstanceId"]], 30)
    wait_for("a host beside the one that will be taken", lambda: len({
        i["InstanceId"] for i in launched(zone, "default") if not impaired(zone, i)} | {a["InstanceId"] for a in alive}) > 2, 90)
    wait_for("the one that will be taken to leave", lambda: leaving not in {i["InstanceId"] for i in launched(zone)}, 90)
    wait_for("two and one that serve", lambda: zone.json("status", ENCLAVE_APPLICATION=NAME)["converged"], 60)


def test_a_host_that_never_calls_home_is_replaced(zone, silent):
    def others():
        return {i["InstanceId"] for i in launched(zone, application=LATE)} - {silent}

    wait_for("an instance in its place", others, 90)
    wait_for("the silent one is gone", lambda: silent not in {i["InstanceId"] for i in launched(zone, application=LATE)}, 60)
    def told():
        return zone.json("status", ENCLAVE_APPLICATION=LATE)

    wait_for("it serves", lambda: told()["converged"], 60)  # though its run ended long ago
    assert any("never came up; launching another instance" in line["message"] for line in told()["log"]), told()
    assert len(others()) == 1


@pytest.mark.parametrize("name", [LATE, NAME])
def test_destroyed_it_leaves_nothing(zone, third, name):
    zone.enclave("destroy", "--application", name, "--yes", "--wait", "120")
    wait_for("no instance of it", lambda: not launched(zone, application=name), 150)
    assert not zone.aws("ec2").describe_volumes(Filters=[{"Name": "tag:application", "Values": [name]}])["Volumes"]
