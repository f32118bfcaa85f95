"""A zone with three config servers: whichever of them is lost, nothing is lost, launched twice or refused. Its own zone."""
import collections
import contextlib
import json
import os
import shutil
import signal
import statistics
import subprocess
import threading
import time

import pytest
from conftest import ROOT, measured, wait_for
from signing import signed

SMALL = """<services version="1.0">
  <container id="default" version="1.0">
    <document-api /><search />
    <clients><client id="mtls" permissions="read,write"><certificate file="security/clients.pem" /></client></clients>
    <nodes count="1"><resources vcpu="2" memory="8Gb" disk="50Gb" /></nodes>
  </container>
</services>
"""
STORM = [f"storm{number}" for number in range(1, 9)]
KILLS = 6
RUNS = "/application/v4/tenant/acme/application/{}/instance/default/job/dev-aws-us-east-1c?limit=20"


def servers(three):
    """What one of the config servers says of all, or None while none can be asked."""
    done = three.enclave("zone", "servers", "-o", "json", check=False)
    return json.loads(done.stdout) if done.returncode == 0 else None


def leader(three):
    def one():
        seen = servers(three)
        return seen and [s["index"] for s in seen["servers"] if s["state"] == "leader"]

    leaders = wait_for("a leader", one, 60)
    assert len(leaders) == 1
    return leaders[0]


def lead(three):
    """Whose it is and its epoch, as the leader itself says; None while nobody says so."""
    seen = servers(three)
    led = [(s["index"], s["epoch"]) for s in seen["servers"] if s["state"] == "leader"] if seen else []
    return max(led, key=lambda one: one[1], default=None)


def all_well(three):
    def well():
        seen = servers(three)
        states = sorted(s["state"] for s in seen["servers"]) if seen else []
        return states == ["follower", "follower", "leader"] and len({s["sequence"] for s in seen["servers"]}) == 1

    wait_for("a leader and two followers that have everything", well, 60)


def end(three, index, number, program="enclave-configserver"):
    ended = three.processes(three.namespace(three.instance(f"cfg{index}")), program)
    for pid in ended:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
    return ended


EVER = ("pending", "running", "shutting-down", "stopping", "stopped", "terminated")


def launched(three, application, states=("pending", "running")):
    return [i for i in three.instances(states=states) if {"Key": "application", "Value": application} in i["Tags"]]


def deploy(three, application, package=None):
    """At once; what becomes of it is the run's."""
    return three.enclave("deploy", package or three.package, "--application", application, "--wait", "0", check=False)


def silent(three, since):
    """Hosts of the first application that nobody heard since."""
    return [n["hostname"] for n in three.json("hosts")["nodes"] if n.get("lastHeardAt", 0) < since * 1000]


def serves(three, application):
    three.enclave("run", "--wait", "180", "--application", application)


@contextlib.contextmanager
def nobody_notices(three, application):
    """Deploys and queries without end; none of them may be refused while what is within happens."""
    trouble, stop, done = [], threading.Event(), collections.Counter()

    def again_and_again(what, call, pause):
        while not stop.wait(pause):
            answer = call()
            done[what] += 1
            if answer.returncode != 0:
                trouble.append(f"{what}: {answer.stderr}")

    threads = [threading.Thread(target=again_and_again, args=("deploy", lambda: deploy(three, application), 0)),
               threading.Thread(target=again_and_again, args=(
                   "query", lambda: three.enclave("query", "dreams", check=False), 0.5))]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert trouble == []
    assert done["deploy"] >= 3 and done["query"] >= 3, done


@pytest.fixture(scope="module")
def three(three_zone):
    zone = three_zone
    zone.package = zone.directory / "small"
    shutil.copytree(zone.directory / "application", zone.package, dirs_exist_ok=True)
    (zone.package / "services.xml").write_text(SMALL)
    shutil.rmtree(zone.package / "schemas", ignore_errors=True)
    return zone


def test_one_leads_and_two_follow_and_hosts_hold_tunnels_to_all(three):
    all_well(three)
    for host in three.instances():
        shown = three.in_machine(host, "wg", "show", "wg-enclave", "latest-handshakes").split()
        assert len(shown) == 6, "a host does not know all config servers"
        assert all(int(at) > 0 for at in shown[1::2]), "a config server has not answered a host"


def test_zookeeper_answers_in_the_mesh_only(three):
    """Neither the vendor's network nor a tenant's host reaches it, whatever address they try."""
    inside = {i: three.namespace(three.instance(f"cfg{i}")) for i in (1, 2, 3)}
    shown = three.inside(inside[1], "ip", "-6", "-br", "addr", "show", "enclave1", "scope", "global").stdout
    mesh = shown.split()[2].split("/")[0]
    assert three.can_connect(inside[2], mesh, 2181)
    assert not three.can_connect(inside[2], mesh, 22)
    assert not three.can_connect(inside[2], three.address(three.instance("cfg1")), 2181)
    controller = three.namespace(three.instance("controller"))
    host = three.namespace(three.instances()[0])
    three.inside(controller, "ip", "-6", "route", "add", f"{mesh}/128", "via", three.address(three.instance("cfg1")))
    three.inside(host, "ip", "-6", "route", "add", f"{mesh}/128", "dev", "wg-enclave")
    try:
        places = [(mesh, port) for port in (2181, 2888, 3888, 4443)]
        assert three.reached(controller, places) == [] and three.reached(host, places) == []
    finally:
        three.inside(controller, "ip", "-6", "route", "del", f"{mesh}/128")
        three.inside(host, "ip", "-6", "route", "del", f"{mesh}/128")


def test_a_leader_killed_is_replaced_within_five_seconds(three):
    """From kill -9 of the leader to the next decision carried out: the launch for a deployment that came right after."""
    took = []
    for attempt in range(3):
        all_well(three)
        application, now = f"next{attempt}", leader(three)
        killed = time.time()
        end(three, now, signal.SIGKILL)
        assert deploy(three, application).returncode == 0
        wait_for("the launch", lambda a=application: launched(three, a), 30)
        took.append(time.time() - killed)
        three.enclave("destroy", "--application", application, "--yes", "--wait", "0")
    measured("configserver.failover_s", round(statistics.median(took), 2), "s", each=[round(t, 2) for t in took])
    assert statistics.median(took) <= 5


@pytest.fixture(scope="module")
def storm(three):
    """Eight applications deployed again and again, all at once, while whoever leads is killed, and killed, and killed."""
    all_well(three)
    refused, stop, kills = [], threading.Event(), 0

    def deploy_again_and_again(application):
        package, number = three.directory / application, 0
        shutil.copytree(three.package, package, dirs_exist_ok=True)
        while not stop.is_set():
            number += 1
            (package / "services.xml").write_text(SMALL + f"<!-- {number} -->\n")
            done = deploy(three, application, package)
            if done.returncode != 0:
                refused.append(f"{application} {number}: {done.stderr}")
            stop.wait(1)

    threads = [threading.Thread(target=deploy_again_and_again, args=(application,)) for application in STORM]
    for thread in threads:
        thread.start()
    try:
        while kills < KILLS:
            now, epoch = wait_for("a leader", lambda: lead(three), 60)
            time.sleep(1 + kills * 0.3)  # at another point of what it does each time
            kills += bool(end(three, now, signal.SIGKILL))
            # the next may be the same, when it is back before its session is over
            wait_for("the next leader", lambda: (next := lead(three)) and next[1] > epoch, 60)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert kills == KILLS
    return refused


def test_a_deploy_storm_is_not_refused_while_leaders_are_killed(storm):
    assert storm == []


def test_each_deployment_of_the_storm_ends_well_or_says_why_not(three, storm):
    for application in STORM:
        serves(three, application)
        status, shown = signed(three, "GET", RUNS.format(application))
        assert status == 200 and len(shown["runs"]) >= 3
        assert shown["runs"][0]["status"] == "success"
        for run in shown["runs"]:
            assert run["end"], run
            if run["status"] != "success":
                _, told = signed(three, "GET", RUNS.format(application).replace("?limit=20", f"/run/{run['id']}"))
                last = [line["message"] for step in told["log"].values() for line in step][-1]
                assert run["status"] == "aborted" and "took this one's place" in last, (run, last)


def test_the_storm_launched_nothing_twice_and_left_no_instance_without_a_record(three, storm):
    for application in STORM:
        everything = launched(three, application, EVER)
        assert len(everything) == 1, f"{application}: {[i['InstanceId'] for i in everything]}"
    all_well(three)

    def recorded():
        return {n["id"] for n in three.json("hosts", "--all")["nodes"] if n["state"] not in ("wanted", "gone")}

    wait_for("every instance has its record, and every record its instance",
             lambda: {i["InstanceId"] for i in three.instances()} == recorded(), 60)
    for application in STORM[1:]:
        three.enclave("destroy", "--application", application, "--yes", "--wait", "0")


def test_a_rolling_restart_refuses_no_deploy_and_stops_no_query(three):
    all_well(three)
    with nobody_notices(three, STORM[0]):
        for index in (1, 2, 3):
            old = end(three, index, signal.SIGTERM)
            namespace = three.namespace(three.instance(f"cfg{index}"))
            wait_for("the config server is back", lambda o=old, n=namespace: [
                p for p in three.processes(n, "enclave-configserver") if p not in o], 30)
            all_well(three)
    serves(three, STORM[0])
    assert len(launched(three, STORM[0])) == 1


def replace_machine(three, index):
    """As an upgrade does: another machine from the image, by the vendor's Terraform, with an empty disk."""
    directory = three.directory / "terraform/control-plane"
    environment = three.environment(
        "vendor", TF_DATA_DIR=str(directory / "data"), TF_VAR_zone="dev.aws-us-east-1c", TF_VAR_availability_zone_id="use1-az6",
        TF_VAR_ca_certificate=(three.directory / "ca/ca.pem").read_text(),
        TF_VAR_identity_document_certificate=(three.directory / "localaws/identity-document.pem").read_text(),
        TF_VAR_node_image="localhost/enclave/album-search:1", TF_VAR_configservers="3")
    module = ROOT / "build/local/share/enclave/terraform/control-plane"
    done = subprocess.run(
        ["terraform", f"-chdir={module}", "apply", "-auto-approve", "-input=false", "-no-color", "-refresh=false",
         f"-state={directory}/terraform.tfstate", f'-replace=module.configserver["{index}"].aws_instance.program'],
        env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr


def test_an_upgrade_machine_by_machine_refuses_no_deploy_and_stops_no_query(three):
    """The new ones have nothing but their configuration: records, mesh and tunnels come from the others."""
    all_well(three)
    before = {three.instance(f"cfg{index}")["InstanceId"] for index in (1, 2, 3)}
    with nobody_notices(three, STORM[0]):
        for index in (1, 2, 3):
            replace_machine(three, index)
            all_well(three)
    assert not before & {three.instance(f"cfg{index}")["InstanceId"] for index in (1, 2, 3)}
    serves(three, STORM[0])
    assert len(launched(three, STORM[0])) == 1
    wait_for("every host is heard by new machines only", lambda: not silent(three, time.time() - 15), 30)
    assert "fell silent" not in three.enclave("events", "--last", "1000").stdout


def test_a_machine_that_vanishes_takes_no_host_with_it(three):
    """The leader's whole machine, without a word to anyone: hosts that spoke with it speak with another."""
    all_well(three)
    led = leader(three)
    machine = three.instance(f"cfg{led}")["InstanceId"]
    ec2 = three.aws("ec2", "vendor")
    ec2.stop_instances(InstanceIds=[machine], Force=True)
    try:
        gone = time.time()
        wait_for("another leads", lambda: (seen := servers(three)) and seen["leader"] not in (None, led), 30)
        print(f"machine_failover_s {time.time() - gone:.1f}")

        wait_for("every host is heard by the new leader", lambda: not silent(three, gone + 5), 45)
        assert deploy(three, "late").returncode == 0
        serves(three, "late")
    finally:
        ec2.start_instances(InstanceIds=[machine])
    all_well(three)


def test_without_a_majority_nothing_is_decided_hosts_serve_and_then_it_goes_on(three):
    """ZooKeeper frozen on two of three: alive, but without a word."""
    all_well(three)
    frozen = [2, 3]
    try:
        for index in frozen:
            assert end(three, index, signal.SIGSTOP, "java")
        wait_for("nobody leads", lambda: (seen := servers(three)) and
                 all(s["state"] == "paused" for s in seen["servers"]), 30)
        assert deploy(three, "later").returncode == 0  # the controller has it, and asks again
        assert three.json("query", "dreams")["root"]["fields"]["totalCount"] >= 1
        assert three.json("hosts")["nodes"], "what is known is still told"
        time.sleep(3)
        assert launched(three, "later") == []
        assert three.json("query", "dreams")["root"]["fields"]["totalCount"] >= 1
    finally:
        for index in frozen:
            end(three, index, signal.SIGCONT, "java")
    serves(three, "later")
    assert len(launched(three, "later")) == 1
    all_well(three)
