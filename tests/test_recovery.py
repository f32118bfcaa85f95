"""kill -9 at bad moments: nothing is lost, nothing needs help."""
import os
import shutil
import signal
import subprocess

import pytest
from conftest import TENANT, wait_for
from faults import Faults


def kill(zone, namespace, program):
    pids = zone.processes(namespace, program)
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    return pids


@pytest.fixture(scope="module")
def faults(zone):
    faults = Faults(zone.directory.parent / "local/bin/localaws", zone.directory / "localaws")
    yield faults
    faults.clear()


@pytest.fixture(scope="module")
def lost(faults):
    """The answers to the next two launches in the tenant's account never arrive, and EC2 is short of patience."""
    faults.add("throttle", account=TENANT, service="ec2", probability=0.1, seed=3)
    return faults.add("lost-response", account=TENANT, action="RunInstances", count=2)


@pytest.fixture(scope="module")
def second(zone, lost):
    """A second application of the tenant, deployed without waiting."""
    application = zone.directory / "second"
    shutil.copytree(zone.directory / "application", application, dirs_exist_ok=True)
    zone.enclave("deploy", application, "--application", "second", "--wait", "0")
    return "second"


def test_config_server_and_host_agents_killed_while_a_deployment_runs(zone, second):
    configserver = zone.namespace(zone.instance("cfg1"))

    def launched():
        return [i for i in zone.instances()
                if {"Key": "application", "Value": "second"} in i["Tags"]]

    assert kill(zone, configserver, "enclave-configserver")
    wait_for("the second application's instances", lambda: len(launched()) == 2, 90)
    wait_for("the config server to be back", lambda: kill(zone, configserver, "enclave-configserver"), 30)
    for instance in launched():
        wait_for("an agent", lambda i=instance: kill(zone, zone.namespace(i), "enclave-host"), 30)
    zone.enclave("run", "--wait", "180", "--application", second)  # fails unless the run ends with success
    assert len(launched()) == 2, "a launch was repeated"
    assert zone.json("query", "dreams", ENCLAVE_APPLICATION=second)["root"]["fields"]["totalCount"] == 0


def test_launches_whose_answers_were_lost_are_not_repeated(zone, second, faults, lost):
    assert faults.fired(lost) == 2
    again = [r for r in zone.json("audit", "--event", "RunInstances", "--limit", "1000") if "errorCode" not in r]
    launched = {i["instanceId"] for r in again for i in r["responseElements"]["instancesSet"]["items"]}
    assert len(again) > len(launched), "nobody asked again"
    faults.clear()


def test_a_new_client_is_served_once_its_deployment_is_done(zone, second):
    """At once, not when the container has looked at its files: what it follows is waited for."""
    application, key, certificate = zone.directory / "second", zone.directory / "new.key", zone.directory / "new.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-days", "30", "-subj", "/CN=a new client", "-keyout", key, "-out", certificate],
                   check=True, capture_output=True)
    with open(application / "security/clients.pem", "a") as clients:
        clients.write(certificate.read_text())
    as_new = {"ENCLAVE_APPLICATION": second, "ENCLAVE_DATA_PLANE_CERTIFICATE": str(certificate),
              "ENCLAVE_DATA_PLANE_KEY": str(key)}
    assert zone.enclave("query", "dreams", check=False, **as_new).returncode != 0
    zone.enclave("deploy", application, "--application", second, "--wait", "120")
    assert zone.json("query", "dreams", **as_new)["root"]["fields"]["totalCount"] == 0


def test_an_agent_killed_while_serving_does_not_stop_its_node(zone):
    for host in zone.instances():
        assert kill(zone, zone.namespace(host), "enclave-host")
    assert zone.json("query", "dreams")["root"]["fields"]["totalCount"] >= 1
    for host in zone.instances():
        wait_for("the agent is back", lambda h=host: zone.processes(zone.namespace(h), "enclave-host"), 30)


def test_the_controller_killed_answers_again(zone):
    assert kill(zone, zone.namespace(zone.instance("controller")), "enclave-controller")
    wait_for("the controller", lambda: zone.enclave("status", check=False).returncode == 0, 30)


def test_the_tunnel_keeps_hosts_reachable_after_the_config_server_is_killed(zone):
    configserver = zone.namespace(zone.instance("cfg1"))
    assert kill(zone, configserver, "enclave-configserver")
    for host in zone.instances():
        assert zone.can_connect(configserver, zone.tunnel_address(host), 8080)
    wait_for("the config server", lambda: zone.processes(configserver, "enclave-configserver"), 30)
    wait_for("the deployment is seen again", lambda: zone.enclave("hosts", check=False).returncode == 0, 60)


def test_the_second_application_is_destroyed_and_leaves_no_instance(zone, second):
    zone.enclave("destroy", "--application", second, "--yes", "--wait", "120")
    wait_for("its hosts are gone", lambda: not [
        i for i in zone.instances() if {"Key": "application", "Value": second} in i["Tags"]], 60)
    assert len(zone.aws("elbv2").describe_load_balancers()["LoadBalancers"]) == 1


def test_a_zone_taken_down_and_raised_again_serves_without_terraform(zone):
    assert zone.down().returncode == 0
    raised = zone.up()
    assert raised.returncode == 0, raised.stdout + raised.stderr
    assert raised.stdout.count("already applied") == 2
    assert zone.json("query", "dreams")["root"]["fields"]["totalCount"] >= 1
